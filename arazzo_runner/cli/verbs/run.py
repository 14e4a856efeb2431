"""``arazzo run``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from arazzo_runner.cli.driving.execution import announce, carry_out, world_of
from arazzo_runner.cli.driving.reporting import report_option
from arazzo_runner.cli.given.options import (
    behaviour_options,
    check_option,
    credential_options,
    engine_options,
    input_option,
    journal_options,
    server_options,
    source_options,
    target_arguments,
    transport_options,
    verbosity_options,
)

if TYPE_CHECKING:
    from arazzo_runner.cli.driving.reporting import ReportFile
    from arazzo_runner.cli.given.preparation import Options
    from arazzo_runner.runtime.drivers import World
    from arazzo_runner.runtime.run.session import RunResult


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
@click.option(
    "--durable",
    envvar="ARAZZO_DURABLE",
    is_flag=True,
    help="Keep the run in a journal, so that it can be resumed after any kind of death.",
)
@journal_options
@engine_options
@click.option("--each", metavar="FILE", help="One run for each line of a JSON Lines or CSV file of inputs.")
@click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    metavar="N",
    help="Runs of --each at once.",
)
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
    if ctx.get_parameter_source("durable") is ParameterSource.ENVIRONMENT and (options["replay"] or options["engine"]):
        options["durable"] = False  # what the environment says of all runs is not meant for these
    ctx.exit(run(options))


def run(options: Options) -> int:
    """Run what the options ask for; gives the exit status."""
    from arazzo_runner.cli.driving.reporting import report_files, warn_of
    from arazzo_runner.cli.given import preparation
    from arazzo_runner.runtime.run.session import Session, contract_checks

    _check_combination(options)
    asked = report_files(options["reports"])
    target = preparation.named_target(options)
    workbook = preparation.load_target(target, options)
    plan = workbook.plan(target.workflow_id, preparation.run_options(options))
    _check_recording(options["record"], asked, (d.uri for d in workbook.linker.library.documents))
    unknown = preparation.unknown_names(workbook, plan)
    if options["each"]:
        from arazzo_runner.cli.driving.batches import run_each

        warn_of(plan.problems, unknown, quiet=options["quiet"])
        return run_each(workbook, plan, workbook.description.document.path, options)
    inputs, origins = preparation.traced_inputs(plan, options)
    if options["dry_run"]:
        from arazzo_runner.cli.driving.dry_run import dry_run

        return dry_run(Session(plan, inputs), inputs, as_json=options["as_json"])
    if options["engine"]:
        from arazzo_runner.cli.driving.clusters import job_of, run_on_cluster

        warn_of(plan.problems, unknown, quiet=options["quiet"])
        job = job_of(workbook, plan, inputs, workbook.description.document.path, options)
        return run_on_cluster(job, plan, options, asked)
    with ExitStack() as stack:
        session = Session(plan, inputs, checks=contract_checks(plan, options["check"]))
        go: Callable[[World], RunResult] = session.run
        if options["durable"]:
            from arazzo_runner.cli.driving import journals
            from arazzo_runner.runtime.durable.runs import Row

            runs = stack.enter_context(journals.durable_runs(options, create=True))
            planned = journals.planned_of(workbook, plan, workbook.description.document.path, options)
            kept = runs.start(planned, Row(inputs, journals.origins_of(origins)))
            session, go = kept.session, journals.interruptible(runs, kept)
            announce(f"run {kept.id} · if it dies: arazzo resume {kept.id}", options)
        warn_of(plan.problems, unknown, quiet=options["quiet"])
        return carry_out(
            session,
            go,
            lambda connections: world_of(session, options, connections),
            workbook.description.document.path,
            options,
            asked,
        )


def _check_combination(options: Options) -> None:
    """Refuse options that exclude one another.

    Raises:
        UsageError: with the two.
    """
    from arazzo_runner.errors import UsageError

    if options["record"] and options["replay"]:
        raise UsageError("--record and --replay exclude one another")
    if options["durable"] and options["replay"]:
        raise UsageError("--durable and --replay exclude one another: a replay sends nothing that could be lost")
    for name in ("record", "replay", "durable"):
        if options["engine"] and options[name]:
            raise UsageError(f"--engine and --{name} exclude one another")
    for name in ("record", "replay", "reports", "dry_run"):
        if options["each"] and options[name]:
            raise UsageError(f"--each and --{name.rstrip('s').replace('_', '-')} exclude one another")


def _check_recording(path: str | None, asked: Iterable[ReportFile], documents: Iterable[str]) -> None:
    """Refuse a cassette that would take the place of a report, or of a document that the run reads.

    Raises:
        UsageError: with the two.
    """
    import os

    from arazzo_runner.documents.uris import file_of
    from arazzo_runner.errors import UsageError

    if path is None:
        return
    if not path:
        raise UsageError("--record is given no file", hint="write --record FILE")
    real = os.path.realpath(path)
    if any(real == os.path.realpath(report.path) for report in asked):
        raise UsageError(f"--record {path}: a report is written to it already")
    if any(file is not None and real == os.path.realpath(file) for file in map(file_of, documents)):
        raise UsageError(f"--record {path}: it is a document of this workflow", hint="name another file")
