"""``arazzo run``."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import click

from arazzo_runner.cli.options import (
    behaviour_options,
    check_option,
    credential_options,
    input_option,
    server_options,
    source_options,
    target_arguments,
    transport_options,
    verbosity_options,
)
from arazzo_runner.cli.reporting import report_option

if TYPE_CHECKING:
    from arazzo_runner.cli.preparation import Options
    from arazzo_runner.runtime.drivers import World
    from arazzo_runner.runtime.runner import RunResult, Session


@click.command(
    "run",
    short_help="Run a workflow and print its outputs.",
    epilog="Example: arazzo run deploy-inference-endpoint -i namespace=acme -i name=gpt2 -i repository=gpt2 "
    "-i hfToken=@token.txt",
)
@target_arguments
@input_option
@server_options
@source_options
@credential_options
@click.option("--record", metavar="FILE", help="Write the exchanges to a cassette, secrets masked.")
@click.option("--replay", metavar="FILE", help="Answer only from a cassette; no socket is opened.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole run report instead of the outputs.")
@report_option
@check_option("off")
@click.option("--dry-run", is_flag=True, help="Print the plan and the first request; send nothing.")
@behaviour_options
@transport_options
@verbosity_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Run a workflow to its end and print its outputs as one JSON object.

    TARGET is a path or URL of an Arazzo document, or a workflowId found under --workflows. With a document, WORKFLOW
    picks one of its workflows; it may be left out when there is one.

    Exit status: 0 succeeded, 1 ran and failed, 2 could not start, 130 interrupted.
    """
    ctx.exit(run(options))


def run(options: Options) -> int:
    """Run what the options ask for; gives the exit status."""
    from arazzo_runner.cli import preparation
    from arazzo_runner.cli.reporting import Reports, console, report_files, warn_of
    from arazzo_runner.errors import UsageError
    from arazzo_runner.runtime.runner import Session, contract_checks

    if options["record"] and options["replay"]:
        raise UsageError("--record and --replay exclude one another")
    asked = report_files(options["reports"])
    target = preparation.named_target(options)
    workbook = preparation.load_target(target, options)
    plan = workbook.plan(target.workflow_id, preparation.run_options(options))
    unknown = preparation.unknown_schemes(workbook, [plan], plan.options.credentials)
    inputs = preparation.given_inputs(plan, options)
    session = Session(plan, inputs, checks=contract_checks(plan, options["check"]))
    if options["dry_run"]:
        from arazzo_runner.cli.dryrun import dry_run

        return dry_run(session, inputs, as_json=options["as_json"])
    with ExitStack() as stack:
        session.listen(console(session, options))
        whole = None
        if options["as_json"]:
            from arazzo_runner.reports.jsonreport import JsonReport

            whole = stack.enter_context(JsonReport(target.document))
            session.listen(whole)
        reports = Reports(asked, session, target.document, stack)
        warn_of(plan.problems, unknown, quiet=options["quiet"])
        with ExitStack() as connections, termination_as_interruption():
            world = _world(session, options, connections)
            result = session.run(world)
        _warn_of_unused(world, succeeded=result.succeeded)
        outputs = session.redactor.outputs(dict(result.outputs))
        if whole is not None:
            whole.write(sys.stdout, outputs=outputs)
        else:
            click.echo(json.dumps(outputs, ensure_ascii=False, indent=2, default=_bytes_as_text))
        reports.write()
    return exit_status(result)


@contextmanager
def termination_as_interruption() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a run as Ctrl-C does: with its report, cassette and outputs."""
    signals = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, signal.default_int_handler) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_status(result: RunResult) -> int:
    """0 succeeded, 1 failed, 130 interrupted."""
    if result.reason is not None and result.reason.code == "interrupted":
        return 130
    return 0 if result.succeeded else 1


def _bytes_as_text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _world(session: Session, options: Options, stack: ExitStack) -> World:
    if options["replay"]:
        from arazzo_runner.runtime.cassettes import Replay, read_cassette

        return Replay(read_cassette(options["replay"]), session.redactor)
    from arazzo_runner.cli.preparation import open_world, transport_options

    recorder = None
    if options["record"]:
        comment = f"Recorded by `arazzo run {session.plan.workflow.workflow_id} --record`."
        recorder = stack.enter_context(session.recorder(options["record"], comment=comment))
    world: World = stack.enter_context(open_world(session.plan, transport_options(options)))
    if recorder is None:
        return world
    from arazzo_runner.runtime.cassettes import Recording

    return Recording(world, recorder)


def _warn_of_unused(world: Any, *, succeeded: bool) -> None:
    unused = getattr(world, "unused", ())
    if succeeded and unused:
        first = unused[0].request
        click.echo(
            f"  ! {len(unused)} recorded interaction(s) were not used, the first is {first.method} {first.url}",
            err=True,
        )
