"""``arazzo run``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource
from msgspec.structs import replace

from arazzo_runner.cli.given.option_groups import GroupedCommand, takes
from arazzo_runner.cli.given.run_words import RunWords

if TYPE_CHECKING:
    from arazzo_runner.cli.driving.reporting import ReportFile
    from arazzo_runner.cli.given.inputs import InputOrigin
    from arazzo_runner.runtime.run.session import Session
    from arazzo_runner.runtime.run.workbook import Workbook


@click.command(
    "run",
    cls=GroupedCommand,
    short_help="Run a workflow and print its outputs.",
    epilog="Example: arazzo run deploy-inference-endpoint -i namespace=acme -i name=gpt2 -i repository=gpt2 "
    "-i hfToken=@token.txt",
)
@click.pass_context
@takes(RunWords)
def command(ctx: click.Context, words: RunWords) -> None:
    """Run a workflow to its end and print its outputs as one JSON object.

    TARGET is a path or URL of an Arazzo document, or a workflowId found under --workflows. With a document, WORKFLOW
    picks one of its workflows; it may be left out when there is one.

    Several documents, directories, workflowIds and patterns ('order-*') run one after another, a line each; --all runs
    every workflow of the documents. An input goes to the workflows that declare it.

    Exit status: 0 succeeded, 1 ran and failed, 2 could not start, 130 interrupted.
    """
    from arazzo_runner.cli.given.targets import names_several

    if ctx.get_parameter_source("durable") is ParameterSource.ENVIRONMENT and (
        words.replay or words.engine.engine or names_several(words.named, everything=words.everything)
    ):
        words = replace(words, durable=False)  # the environment speaks of all runs, not of these
    ctx.exit(run(words))


def run(words: RunWords) -> int:
    """Run what the words ask for; return the exit status."""
    from arazzo_runner.cli.driving.reporting import report_files, warn_of
    from arazzo_runner.cli.given import preparation
    from arazzo_runner.cli.given.targets import names_several
    from arazzo_runner.runtime.run.session import Session, contract_checks

    _check_combination(words)
    asked = report_files(words.output.reports)
    if names_several(words.named, everything=words.everything):
        return _run_several(words, asked)
    target, workbook = preparation.load_live(words.live)
    plan = workbook.plan(target.workflow_id, preparation.run_options(words.live))
    _check_recording(words.record, asked, (d.uri for d in workbook.linker.library.documents))
    unknown = preparation.unknown_names(workbook, plan)
    quiet = words.output.verbosity.quiet
    if words.each:
        from arazzo_runner.cli.driving.batches import run_each

        warn_of(plan.problems, unknown, quiet=quiet)
        return run_each(workbook, plan, words.each, words, asked)
    inputs, origins = preparation.traced_inputs(plan, words.live.given.inputs)
    if words.dry_run:
        from arazzo_runner.cli.driving.dry_run import dry_run

        checks = contract_checks(plan, words.check)
        output = words.output
        return dry_run(Session(plan, inputs), inputs, checks, as_json=output.as_json, curl=output.verbosity.curl)
    if words.engine.engine:
        from arazzo_runner.cli.driving.clusters import run_on_cluster
        from arazzo_runner.cli.given.engines import temporal_engine
        from arazzo_runner.runtime.run.carriers import Carrier
        from arazzo_runner.runtime.runners.handles import RunOrder

        warn_of(plan.problems, unknown, quiet=quiet)
        carrier = Carrier(preparation.reaching(plan, preparation.live_transport(words.live)))
        order = RunOrder(workbook, plan, inputs, carrier, words.check)
        return run_on_cluster(order, temporal_engine(words.engine), words.output, asked)
    session = Session(plan, inputs, checks=contract_checks(plan, words.check))
    if words.durable:
        return _run_durably(workbook, session, origins, words, asked, unknown)
    warn_of(plan.problems, unknown, quiet=quiet)
    return _run(workbook, session, words, asked)


def _run_several(words: RunWords, asked: list[ReportFile]) -> int:
    """Run several workflows, one after another.

    Raises:
        UsageError: an option is for one run only.
    """
    from arazzo_runner.cli.driving.several import run_several
    from arazzo_runner.cli.given.selection import chosen_workflows
    from arazzo_runner.errors import UsageError

    given = {
        "--record": words.record,
        "--replay": words.replay,
        "--each": words.each,
        "--engine": words.engine.engine,
        "--durable": words.durable,
        "--dry-run": words.dry_run,
    }
    for option, value in given.items():
        if value:
            raise UsageError(f"{option} is for one workflow, and several are named", hint="name one workflow")
    return run_several(chosen_workflows(words.named, words.live, everything=words.everything), words, asked)


def _run(workbook: Workbook, session: Session, words: RunWords, asked: list[ReportFile]) -> int:
    """Run a session in this process only."""
    from arazzo_runner.cli.driving import execution
    from arazzo_runner.cli.given.preparation import live_transport
    from arazzo_runner.runtime.interruption import Interruption

    if words.replay:
        world = execution.replaying(words.replay, session)
    else:
        world = execution.sending(session, live_transport(words.live), record=words.record)
    return execution.carry_out(
        session,
        execution.through(world, execution.breakable(session)),
        workbook.description.document.path,
        words.output,
        asked,
        interruption=Interruption(),
    )


def _run_durably(
    workbook: Workbook,
    session: Session,
    origins: dict[str, InputOrigin],
    words: RunWords,
    asked: list[ReportFile],
    unknown: Iterable[str],
) -> int:
    """Run what a session was planned for, each turn stored in a journal."""
    from arazzo_runner.cli.driving import durable, execution
    from arazzo_runner.cli.driving.reporting import warn_of
    from arazzo_runner.cli.given.engines import journal_engine
    from arazzo_runner.cli.given.preparation import live_transport, reaching
    from arazzo_runner.cli.given.secrets_again import credential_origins, input_origins
    from arazzo_runner.runtime.durable.runs import Row, planned_of
    from arazzo_runner.runtime.runners.journal_engine import driving_runs

    plan = session.plan
    with driving_runs(journal_engine(words.journal), create=True) as runs:
        planned = planned_of(
            workbook,
            plan,
            transport=reaching(plan, live_transport(words.live)),
            check=words.check,
            credentials=credential_origins(plan, words.live.credentials),
        )
        kept = runs.start(planned, Row(session.inputs, input_origins(origins)))
        execution.announce(f"run {kept.id} · if it dies: arazzo resume {kept.id}", words.output)
        warn_of(plan.problems, unknown, quiet=words.output.verbosity.quiet)
        world = execution.sending(kept.session, live_transport(words.live), record=words.record)
        return execution.carry_out(
            kept.session,
            execution.through(world, durable.stoppable(kept)),
            workbook.description.document.path,
            words.output,
            asked,
            interruption=durable.interruption_of(runs),
        )


def _check_combination(words: RunWords) -> None:
    """Refuse options that exclude one another.

    Raises:
        UsageError: with the two.
    """
    from arazzo_runner.errors import UsageError

    if words.record and words.replay:
        raise UsageError("--record and --replay exclude one another")
    if words.durable and words.replay:
        raise UsageError("--durable and --replay exclude one another: a replay sends nothing that could be lost")
    given = {
        "--record": words.record,
        "--replay": words.replay,
        "--durable": words.durable,
        "--report": words.output.reports,
        "--dry-run": words.dry_run,
    }
    for option in ("--record", "--replay", "--durable"):
        if words.engine.engine and given[option]:
            raise UsageError(f"--engine and {option} exclude one another")
    if words.each and words.engine.engine and words.output.reports:
        hint = "arazzo runs show ID --json --engine … prints the report of one of the runs"
        raise UsageError("--each and --report exclude one another where a cluster drives the runs", hint=hint)
    for option in ("--record", "--replay", "--dry-run"):
        if words.each and given[option]:
            raise UsageError(f"--each and {option} exclude one another")


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
