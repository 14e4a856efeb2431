"""Runs on a cluster, as the command line shows them: ``--engine`` of ``run``, ``resume``, ``runs`` and ``cancel``."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from arazzo_runner.cli.driving.listing import FilterWords
    from arazzo_runner.cli.driving.reporting import ReportFile
    from arazzo_runner.cli.given.options import DecisionWords
    from arazzo_runner.cli.given.output_words import OutputWords
    from arazzo_runner.runtime.interruption import Interruption
    from arazzo_runner.runtime.run.session import RunResult, Session
    from arazzo_runner.runtime.runners.cluster_engine import TemporalEngine
    from arazzo_runner.runtime.runners.handles import RunOrder
    from arazzo_runner.runtime.runners.summaries import RunSummary
    from arazzo_runner.runtime.temporal.client import Cluster
    from arazzo_runner.runtime.temporal.following import Following


def run_on_cluster(order: RunOrder, engine: TemporalEngine, output: OutputWords, reports: list[ReportFile]) -> int:
    """Hand a run to a cluster and follow it to its end; return the exit status."""
    from arazzo_runner.cli.driving.execution import announce, carry_out
    from arazzo_runner.runtime.interruption import Interruption
    from arazzo_runner.runtime.runners.cluster_engine import job_of
    from arazzo_runner.runtime.temporal.following import Following, session_of

    job = job_of(order)

    async def start(cluster: Cluster) -> Following:
        first = await cluster.start(job)
        announce(f"run {job.id} on {cluster.engine} · it continues without this process", output)
        return Following(job, first)

    session = session_of(job, order.plan)
    drive = partial(_follow, engine, session, start)
    return carry_out(session, drive, job.document, output, reports, interruption=Interruption())


def resume_on_cluster(run_id: str, engine: TemporalEngine, decided: DecisionWords, output: OutputWords) -> int:
    """Follow a run of a cluster, after deciding about a request that waits for it; return the exit status."""
    from arazzo_runner.cli.driving.execution import carry_out
    from arazzo_runner.cli.driving.reporting import report_files
    from arazzo_runner.cli.given.engines import decision_of
    from arazzo_runner.runtime.interruption import Interruption
    from arazzo_runner.runtime.runners.cluster_engine import ask
    from arazzo_runner.runtime.temporal.following import find, session_of

    reports = report_files(output.reports)
    decision = decision_of(decided) if decided.resend or decided.skip or decided.accept_missed else None
    following = ask(engine, partial(find, run_id=run_id, decision=decision))

    async def found(_: Cluster) -> Following:
        return following

    job = following.job
    session = session_of(job, job.plan())
    drive = partial(_follow, engine, session, found)
    return carry_out(session, drive, job.document, output, reports, interruption=Interruption())


def _follow(
    engine: TemporalEngine, session: Session, start: Callable[[Cluster], Awaitable[Following]], _: Interruption
) -> RunResult:
    """Follow a run until it ends or stops, or until Ctrl-C, which leaves it to the cluster."""
    from arazzo_runner.runtime.runners.cluster_engine import connect_to, notices_of
    from arazzo_runner.runtime.temporal.following import follow

    async def followed() -> RunResult:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        cluster = await connect_to(engine)
        return await follow(cluster, await start(cluster), session, notices=notices_of(engine), stop=stop)

    return asyncio.run(followed())


def list_on_cluster(engine: TemporalEngine, only: FilterWords, *, as_json: bool) -> None:
    """Show the runs of ``arazzo runs --engine``."""
    from arazzo_runner.reports.text import label

    found = engine.runs(only.filter())
    if as_json:
        click.echo(json.dumps([_entry(run) for run in found], indent=2))
        return
    if not found:
        click.echo("no such runs", err=True)
    for run in found:
        entry = _entry(run)
        began = entry["startedAt"][:16].replace("T", " ")
        click.echo(f"{run.id}  {began}  {run.status:<18} {label(run.workflow_id)}".rstrip())


def _entry(run: RunSummary) -> dict[str, Any]:
    from arazzo_runner.reports.jsonreport import timestamp

    return {
        "runId": run.id,
        "workflowId": run.workflow_id or None,
        "status": run.status,
        "startedAt": timestamp(run.started_at),
        "endedAt": None if run.updated_at is None else timestamp(run.updated_at),
    }


def show_on_cluster(engine: TemporalEngine, run_id: str, *, as_json: bool, verbose: int) -> None:
    """Show what a run has done so far, from its history: ``arazzo runs show ID --engine``."""
    from arazzo_runner.reports.jsonreport import JsonReport, UnfinishedRun
    from arazzo_runner.reports.terminal.console import Console, ConsoleOptions
    from arazzo_runner.runtime.runners.cluster_engine import ask
    from arazzo_runner.runtime.temporal.following import find, look, session_of

    async def shown(cluster: Cluster) -> None:
        found = await find(cluster, run_id)
        job = found.job
        session = session_of(job, job.plan())
        with JsonReport(job.document, run_id) as report:
            session.listen(report if as_json else Console(sys.stdout, ConsoleOptions(verbose=verbose)))
            at = await look(cluster, found, session)
            standing = None
            if at is not None:
                message = f"arazzo resume {run_id} --engine {cluster.engine} follows it"
                standing = UnfinishedRun(job.workflow_id, "running", None, message, None, at)
                if not as_json:
                    click.echo("running")
            if as_json:
                report.write(sys.stdout, standing=standing)

    ask(engine, shown)


def cancel_on_cluster(engine: TemporalEngine, run_ids: Iterable[str]) -> None:
    """End runs: ``arazzo cancel ID… --engine``."""
    for run_id in run_ids:
        engine.cancel(run_id)
        click.echo(f"{run_id} is being ended", err=True)
