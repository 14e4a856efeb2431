"""Runs on a cluster, on the command line: ``--engine`` of ``run``, ``resume``, ``runs`` and ``cancel``."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from msgspec import Struct

from arazzo_runner.cli.driving.cluster_notices import Notices
from arazzo_runner.documents.files import exists
from arazzo_runner.errors import ArazzoError, UsageError
from arazzo_runner.runtime.secrets.sealing import SIZE, Key, create_key, read_key

if TYPE_CHECKING:
    from arazzo_runner.cli.driving.listing import FilterWords
    from arazzo_runner.cli.driving.reporting import ReportFile
    from arazzo_runner.cli.given.options import DecisionWords, EngineWords, LiveWords
    from arazzo_runner.cli.given.output_words import OutputWords
    from arazzo_runner.engine.plan import Level, Plan
    from arazzo_runner.runtime.batch import Ended, Worlds
    from arazzo_runner.runtime.batch import Job as BatchJob
    from arazzo_runner.runtime.decisions import Decision
    from arazzo_runner.runtime.interruption import Interruption
    from arazzo_runner.runtime.run.session import RunResult, Session
    from arazzo_runner.runtime.run.workbook import Workbook
    from arazzo_runner.runtime.temporal.address import Engine
    from arazzo_runner.runtime.temporal.client import Cluster, ClusterRun
    from arazzo_runner.runtime.temporal.job import Job
    from arazzo_runner.runtime.temporal.payloads import SealingCodec

Found = TypeVar("Found")
KEY_VARIABLE = "ARAZZO_ENGINE_KEY"


def engine_of(words: EngineWords) -> Engine:
    """The cluster that is meant.

    Raises:
        UsageError: it is malformed.
    """
    from arazzo_runner.runtime.temporal.address import parse_engine

    return parse_engine(words.engine or "")


def codec_of(words: EngineWords, *, create: bool = False) -> SealingCodec:
    """Return the codec that seals all that goes to the cluster.

    Args:
        create: whether a key is made when there is none.

    Raises:
        UsageError: there is no key.
        JournalError: it cannot be used.
    """
    from arazzo_runner.runtime.temporal.payloads import SealingCodec, Store

    store = Store(Path(words.engine_store)) if words.engine_store else None
    return SealingCodec(_key(words.engine_key, create=create), store)


def _key(word: str | None, *, create: bool) -> Key:
    if word and not exists(word) and word == os.environ.get(KEY_VARIABLE):
        # The variable may hold the key itself; whatever it holds is not shown.
        with suppress(ValueError):
            secret = base64.b64decode(word, validate=True)
            if len(secret) == SIZE:
                return Key(secret)
        if "/" not in word and "\\" not in word:
            raise UsageError(f"{KEY_VARIABLE} is neither a key nor a file", hint="expected 32 bytes in base64")
    path = Path(word) if word else _usual_key()
    try:
        return read_key(path)
    except FileNotFoundError:
        if create:
            click.echo(f"a new key is in {path}: every worker and client of these runs needs it", err=True)
            return create_key(path)
        hint = "arazzo worker makes one, once; elsewhere give a copy of it: --engine-key FILE"
        raise UsageError(f"there is no key {path} to seal the run with", hint=hint) from None


def _usual_key() -> Path:
    from arazzo_runner.runtime.user_directories import key_directory

    directory = key_directory(os.environ)
    if directory is None:
        raise UsageError("there is no home directory for the cluster's key", hint="name one: --engine-key FILE")
    return directory / "engine.key"


async def cluster_of(words: EngineWords) -> Cluster:
    """The cluster, connected to."""
    from arazzo_runner.runtime.temporal.client import Cluster, connect

    engine, codec = engine_of(words), codec_of(words)
    return Cluster(await connect(engine, codec), engine, codec)


def asked(words: EngineWords, ask: Callable[[Cluster], Awaitable[Found]]) -> Found:
    """Ask a cluster one question."""

    async def connected() -> Found:
        return await ask(await cluster_of(words))

    return asyncio.run(connected())


# Running and following


def job_of(workbook: Workbook, plan: Plan, inputs: dict[str, Any], words: LiveWords, check: Level) -> Job:
    """A run, as it is handed to a cluster."""
    from arazzo_runner.cli.given.preparation import kept_sources, kept_transport
    from arazzo_runner.runtime.durable.runs import check_row, new_id
    from arazzo_runner.runtime.temporal.job import Job
    from arazzo_runner.runtime.temporal.pruning import reached_documents

    check_row(plan, inputs)
    return Job(
        id=new_id(),
        document=workbook.description.document.path,
        entry=workbook.description.document.uri,
        workflow_id=plan.workflow.workflow_id,
        sources=kept_sources(words.sources),
        options=plan.options,
        inputs=inputs,
        documents=reached_documents(workbook, plan),
        transport=kept_transport(plan, words),
        check=check,
    )


def run_on_cluster(job: Job, plan: Plan, words: EngineWords, output: OutputWords, reports: list[ReportFile]) -> int:
    """Hand a run to a cluster and follow it to its end; return the exit status."""
    from arazzo_runner.cli.driving.execution import announce, carry_out
    from arazzo_runner.runtime.interruption import Interruption

    async def start(cluster: Cluster) -> str:
        first = await cluster.start(job)
        announce(f"run {job.id} on {cluster.engine} · it continues without this process", output)
        return first

    session = _session(job, plan)
    drive = partial(_follow, words, job, session, start)
    return carry_out(session, drive, job.document, output, reports, interruption=Interruption())


def resume_on_cluster(run_id: str, words: EngineWords, decided: DecisionWords, output: OutputWords) -> int:
    """Follow a run of a cluster, after deciding about a request that waits for it; return the exit status."""
    from arazzo_runner.cli.driving.execution import carry_out
    from arazzo_runner.cli.driving.journals import decision_of
    from arazzo_runner.cli.driving.reporting import report_files
    from arazzo_runner.runtime.interruption import Interruption

    reports = report_files(output.reports)
    decision = decision_of(decided) if decided.resend or decided.skip else None
    job, first, decisions = asked(words, partial(_find, run_id=run_id, decision=decision))

    async def found(_: Cluster) -> str:
        return first

    session = _session(job, job.plan())
    drive = partial(_follow, words, job, session, found, decisions=decisions)
    return carry_out(session, drive, job.document, output, reports, interruption=Interruption())


async def _find(cluster: Cluster, run_id: str, decision: Decision | None) -> tuple[Job, str, int]:
    """A run, its first execution, and how many decisions it has been given, this one included."""
    job, first = await cluster.find(run_id)
    decisions, is_ambiguous = await cluster.decided(run_id, first)
    if decision is not None:
        if not is_ambiguous:
            message = f"the run {run_id} does not wait for an answer that could be resent or skipped"
            raise UsageError(message, hint=f"arazzo resume {run_id} --engine {cluster.engine}")
        await cluster.decide(run_id, decision)
        decisions += 1
    return job, first, decisions


def _session(job: Job, plan: Plan) -> Session:
    from arazzo_runner.runtime.run.session import Session, contract_checks

    return Session(plan, job.inputs, checks=contract_checks(plan, job.check), identity=job.id)


def _follow(
    words: EngineWords,
    job: Job,
    session: Session,
    start: Callable[[Cluster], Awaitable[str]],
    _: Interruption,
    *,
    decisions: int = 0,
) -> RunResult:
    """Follow a run until it ends or stops, or until Ctrl-C, which leaves it to the cluster."""

    async def followed() -> RunResult:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        cluster = await cluster_of(words)
        first = await start(cluster)
        notices = Notices(cluster.engine)
        return await follow(cluster, job.id, session, first, notices=notices, stop=stop, decisions=decisions)

    return asyncio.run(followed())


async def follow(
    cluster: Cluster,
    run_id: str,
    session: Session,
    first: str,
    *,
    notices: Notices,
    stop: asyncio.Event | None = None,
    decisions: int = 0,
) -> RunResult:
    """Take a run's turns as its history has them.

    Args:
        first: its first execution.
        notices: what speaks of workers that do not go on with it.
        stop: is set when the run is to be followed no longer.
        decisions: how many it has been given.
    """
    from arazzo_runner.runtime.temporal.history import HistoryWorld

    def failing(why: str) -> None:
        notices.failing(session.redactor.text(why))

    histories = cluster.histories(run_id, first, wait=True)
    again = f"arazzo resume {run_id} --engine {cluster.engine}"
    world = HistoryWorld(histories, stop=stop, hint=again, decisions=decisions, failing=failing)
    with notices.until_taken_up():
        await world.begin()
    return await session.arun(world)


# Many


class ClusterJobs(Struct, dict=True):
    """The runs of ``--each`` on a cluster: started and followed, so many at a time."""

    words: EngineWords
    _connected: asyncio.Future[Cluster] | None = None

    @cached_property
    def _notices(self) -> Notices:
        return Notices(engine_of(self.words))

    def jobs(self, jobs: Iterable[tuple[int, Job]], plan: Plan) -> Iterator[BatchJob]:
        """One for each row, by its line."""
        return (partial(self._run, line, job, plan) for line, job in jobs)

    async def _run(self, line: int, job: Job, plan: Plan, _: Worlds) -> Ended:
        from arazzo_runner.runtime.batch import Ended

        try:
            if self._connected is None:  # the first of many: the others wait for the same connection
                self._connected = asyncio.ensure_future(cluster_of(self.words))
            cluster = await self._connected
            session, first = _session(job, plan), await cluster.start(job)
            result = await follow(cluster, job.id, session, first, notices=self._notices)
            return Ended(line, job.id, result, session.redactor)
        except ArazzoError as error:
            return Ended(line, job.id, error=error)


# Looking


def list_on_cluster(words: EngineWords, only: FilterWords, *, as_json: bool) -> None:
    """Show the runs of ``arazzo runs --engine``."""
    from arazzo_runner.reports.text import label

    async def listed(cluster: Cluster) -> list[ClusterRun]:
        return [run async for run in cluster.runs()]

    found = [run for run in asked(words, listed) if only.takes(run.status, run.workflow)]
    if as_json:
        click.echo(json.dumps([_entry(run) for run in found], indent=2))
        return
    if not found:
        click.echo("no such runs", err=True)
    for run in found:
        entry = _entry(run)
        began = entry["startedAt"][:16].replace("T", " ")
        click.echo(f"{run.id}  {began}  {run.status:<18} {label(run.workflow)}".rstrip())


def _entry(run: ClusterRun) -> dict[str, Any]:
    from arazzo_runner.reports.jsonreport import timestamp

    return {
        "runId": run.id,
        "workflowId": run.workflow or None,
        "status": run.status,
        "startedAt": timestamp(run.started),
        "endedAt": None if run.ended is None else timestamp(run.ended),
    }


def show_on_cluster(words: EngineWords, run_id: str, *, as_json: bool, verbose: int) -> None:
    """``arazzo runs show ID --engine``: what a run has done so far, from its history."""
    from arazzo_runner.reports.console import Console, ConsoleOptions
    from arazzo_runner.reports.jsonreport import JsonReport, UnfinishedRun
    from arazzo_runner.runtime.temporal.history import Exhausted, HistoryWorld

    async def shown(cluster: Cluster) -> None:
        job, first = await cluster.find(run_id)
        session = _session(job, job.plan())
        with JsonReport(job.document, run_id) as report:
            session.listen(report if as_json else Console(sys.stdout, ConsoleOptions(verbose=verbose)))
            world = HistoryWorld(cluster.histories(run_id, first, wait=False))
            standing = None
            try:
                await world.begin()
                await session.arun(world)
            except Exhausted:
                message = f"arazzo resume {run_id} --engine {cluster.engine} follows it"
                standing = UnfinishedRun(job.workflow_id, "running", None, message, None, world.now())
                if not as_json:
                    click.echo("running")
            if as_json:
                report.write(sys.stdout, standing=standing)

    asked(words, shown)


def cancel_on_cluster(words: EngineWords, run_ids: Iterable[str]) -> None:
    """``arazzo cancel ID… --engine``."""

    async def cancelled(cluster: Cluster) -> None:
        for run_id in run_ids:
            await cluster.cancel(run_id)
            click.echo(f"{run_id} is being ended", err=True)

    asked(words, cancelled)
