"""``arazzo run --each FILE``, and ``resume`` of many: a line of JSON for each run as it ends, and a summary."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click
from msgspec import Struct

from arazzo_runner.cli.driving.many_reports import ManyReports
from arazzo_runner.cli.driving.reporting import bytes_as_text, progress
from arazzo_runner.cli.given.rows import SHOWN, InputRow, read_rows
from arazzo_runner.errors import ArazzoError, InvalidInputs, RunHeld, UsageError
from arazzo_runner.reports.text import duration, whole_duration

if TYPE_CHECKING:
    from arazzo_runner.cli.driving.journals import Resumer
    from arazzo_runner.cli.driving.reporting import ReportFile
    from arazzo_runner.cli.given.inputs import InputOrigin
    from arazzo_runner.cli.given.options import DecisionWords
    from arazzo_runner.cli.given.run_words import RunWords
    from arazzo_runner.engine.plan import Plan
    from arazzo_runner.runtime.batch import Ended, Job, Worlds
    from arazzo_runner.runtime.durable.runs import DurableRuns, Planned, Row
    from arazzo_runner.runtime.http.options import TransportOptions
    from arazzo_runner.runtime.run.session import Session
    from arazzo_runner.runtime.run.workbook import Workbook


def run_each(workbook: Workbook, plan: Plan, file: str, words: RunWords, asked: list[ReportFile]) -> int:
    """Run a workflow once for each row of a file; return the exit status.

    Raises:
        UsageError: the file, or the inputs of a row, are wrong; nothing is sent then.
    """
    with ExitStack() as stack:
        # Whether the reports can be written is known before anything is sent.
        reports = ManyReports(asked, stack)
        status = _run_each(workbook, plan, file, words, reports)
        reports.write()
    return status


def _run_each(workbook: Workbook, plan: Plan, file: str, words: RunWords, reports: ManyReports) -> int:
    from arazzo_runner.cli.driving import journals
    from arazzo_runner.cli.given import preparation
    from arazzo_runner.runtime.run.session import Session, contract_checks

    live, pace = words.live, Pace(words.concurrency, quiet=words.output.verbosity.quiet)
    shared, origins = preparation.traced_inputs(plan, live.given.inputs)
    rows = read_rows(file, plan.workflow.input_schema)
    _check(plan, shared, rows, file)
    transport = preparation.reaching(plan, preparation.live_transport(live))
    if words.engine.engine:
        from arazzo_runner.cli.driving.clusters import ClusterJobs, job_of

        handed = ((r.line, job_of(workbook, plan, {**shared, **r.inputs}, live, words.check)) for r in rows)
        return drive(ClusterJobs(words.engine).jobs(handed, plan), len(rows), pace)
    if not words.durable:
        checks = (contract_checks(plan, words.check) for _ in rows)
        sessions = (Session(plan, {**shared, **r.inputs}, checks=c) for r, c in zip(rows, checks, strict=True))
        hear = partial(reports.listening, document=workbook.description.document.path)
        plain = (_plain_job(s, row.line, transport, hear) for s, row in zip(sessions, rows, strict=True))
        return drive(plain, len(rows), pace)
    with journals.durable_runs(words.journal, create=True) as runs:
        planned = journals.planned_of(workbook, plan, live, words.check)
        kept = {row.line: _kept_row(row, shared, origins, file) for row in rows}
        batch = runs.start_batch(planned, kept.values())
        click.echo(f"batch {batch} · if it dies: arazzo resume {batch}", err=True)
        hear = partial(reports.listening, document=workbook.description.document.path)
        jobs = (_fresh_job(runs, planned, f"{batch}-{line}", row, transport, hear) for line, row in kept.items())
        return drive(jobs, len(kept), pace, runs)


def _kept_row(row: InputRow, shared: dict[str, Any], origins: dict[str, InputOrigin], path: str) -> Row:
    """The inputs of a run that is kept, and where each came from."""
    from arazzo_runner.cli.driving.journals import origins_of
    from arazzo_runner.runtime.durable.runs import Row
    from arazzo_runner.runtime.durable.setup import Origin

    origin = Origin(f"{path}:{row.line}", str(Path(path).absolute()), line=row.line)
    return Row({**shared, **row.inputs}, origins_of(origins) | dict.fromkeys(row.inputs, origin), row.line)


def _check(plan: Plan, shared: dict[str, Any], rows: list[InputRow], path: str) -> None:
    """Hold the inputs of every row against the schema, before the first request of any (V8).

    Raises:
        InvalidInputs: a sentence for each error, the line named.
        UsageError: there are no rows.
    """
    from arazzo_runner.runtime.durable.runs import check_row

    if not rows:
        raise UsageError(f"--each {path}: there are no rows in it")
    errors: list[str] = []
    wrong = 0
    for row in rows:
        try:
            check_row(plan, {**shared, **row.inputs})
        except InvalidInputs as invalid:
            wrong += 1
            errors += [f"{path}:{row.line}: {sentence}" for sentence in invalid.errors if wrong <= SHOWN]
    if wrong:
        errors += [f"… and {wrong - SHOWN} more rows"] if wrong > SHOWN else []
        raise InvalidInputs(f"{wrong} of {len(rows)} rows are wrong; nothing was sent", errors)


Hear: TypeAlias = Callable[..., AbstractContextManager[None]]
"""Listens to a session while a context lasts, for the reports."""


def _plain_job(session: Session, line: int, transport: TransportOptions, hear: Hear) -> Job:
    async def job(worlds: Worlds) -> Ended:
        from arazzo_runner.runtime.batch import Ended

        world = await worlds.of(transport)
        with hear(session, name=f"row {line}"):
            return Ended(line, "", await session.arun(world), session.redactor)

    return job


def _fresh_job(
    runs: DurableRuns, planned: Planned, run_id: str, row: Row, transport: TransportOptions, hear: Hear
) -> Job:
    async def job(worlds: Worlds) -> Ended:
        from arazzo_runner.runtime.batch import Ended

        try:
            run, world = runs.begin(run_id, planned, row), await worlds.of(transport)
            with hear(run.session, name=f"row {row.line}"):
                return Ended(row.line, run_id, await run.arun(world, group=worlds.group), run.session.redactor)
        except ArazzoError as error:
            return Ended(row.line, run_id, error=error)

    return job


def resume_each(resumer: Resumer, runs: Sequence[tuple[str, int | None]], decided: DecisionWords, pace: Pace) -> int:
    """Resume many durable runs, each by its id and line; return the exit status."""
    jobs = (_resumed_job(resumer, *run, decided) for run in runs)
    return drive(jobs, len(runs), pace, resumer.runs)


def _resumed_job(resumer: Resumer, run_id: str, line: int | None, decided: DecisionWords) -> Job:
    async def job(worlds: Worlds) -> Ended:
        from arazzo_runner.cli.driving.journals import decision_of
        from arazzo_runner.runtime.batch import Ended

        try:
            run, setup = resumer.take(run_id)
            result = await run.arun(await worlds.of(setup.transport), decision_of(decided), group=worlds.group)
            return Ended(line, run_id, result, run.session.redactor)
        except ArazzoError as error:
            return Ended(line, run_id, error=error)

    return job


class Pace(Struct, frozen=True):
    """The number of runs at once, and whether only their results are shown."""

    concurrency: int
    quiet: bool


def drive(jobs: Iterable[Job], count: int, pace: Pace, runs: DurableRuns | None = None) -> int:
    """Drive many runs to their ends and show each; return the exit status.

    Args:
        runs: the durable runs of this process, which are stopped between two effects; others are broken off.
    """
    from arazzo_runner.runtime.batch import run_many
    from arazzo_runner.runtime.interruption import termination_as_interruption

    results = Results(count, quiet=pace.quiet)
    results.start()
    interruption = None if runs is None else runs.interruption
    signals = termination_as_interruption() if interruption is None else interruption.listening()

    def stop() -> bool:
        return interruption is not None and interruption.asked

    if interruption is not None:
        interruption.tell = results.say
    try:
        with signals:
            asyncio.run(run_many(jobs, concurrency=pace.concurrency, tell=results.tell, stop=stop, runs=runs))
    except KeyboardInterrupt:
        return 130
    finally:
        results.close()
    if stop():
        return 130
    return 0 if results.all_succeeded else 1


class Results:
    """The display of many runs: a line of JSON each on stdout, progress on a terminal, a summary.

    Args:
        count: how many there are.
    """

    def __init__(self, count: int, *, quiet: bool) -> None:
        self._count = count
        self._quiet = quiet
        self._progress = progress(self._standing)
        self._statuses: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._began = time.monotonic()

    @property
    def all_succeeded(self) -> bool:
        """Return whether every run has succeeded."""
        return self._statuses["succeeded"] == self._count

    def start(self) -> None:
        """Show the progress from now on."""
        if not self._quiet:
            self._progress.start()

    def tell(self, ended: Ended) -> None:
        """Show a run that has ended."""
        if ended.result is not None and ended.result.reason and ended.result.reason.code == "interrupted":
            return
        entry = entry_of(ended)
        self._statuses[entry["status"]] += 1
        if entry["reason"] is not None:
            self._reasons[entry["reason"]["code"]] += 1
        with self._progress.aside():
            sys.stdout.write(json.dumps(entry, default=bytes_as_text) + "\n")
            sys.stdout.flush()

    def say(self, text: str) -> None:
        """Say something beside the results."""
        with self._progress.aside():
            click.echo(text, err=True)

    def close(self) -> None:
        """Show the summary."""
        self._progress.close()
        if self._quiet:
            return
        took = duration(time.monotonic() - self._began)
        left = f" · {self._count - self._done} not finished" if self._done < self._count else ""
        click.echo(f"{self._done} of {self._count} runs in {took}: {self._counts()}{left}", err=True)
        for code, count in self._reasons.most_common():
            click.echo(f"  {count} × {code}", err=True)

    def _standing(self, seconds: float) -> str:
        return f"{self._done} of {self._count} runs · {self._counts()} · {whole_duration(seconds)}"

    @property
    def _done(self) -> int:
        return self._statuses.total()

    def _counts(self) -> str:
        return ", ".join(f"{count} {status}" for status, count in self._statuses.most_common()) or "none"


def entry_of(ended: Ended) -> dict[str, Any]:
    """A run of many, as a line of stdout says it: outputs are what the user asked for, his own secrets masked (S1)."""
    head: dict[str, Any] = {"row": ended.line, "runId": ended.run_id or None}
    if ended.result is None or ended.redactor is None:
        error = ended.error
        held = isinstance(error, RunHeld)
        message = "" if error is None else str(error)
        reason = {"code": "error" if error is None else error.code, "message": message, "stepId": None}
        return head | {"status": "held" if held else "failed", "outputs": {}, "reason": reason, "durationMs": 0}
    result, reason_told = ended.result, ended.result.reason
    return head | {
        "status": result.status,
        "outputs": ended.redactor.outputs(dict(result.outputs)),
        "reason": reason_told
        and {
            "code": reason_told.code,
            "message": ended.redactor.text(reason_told.message),
            "stepId": reason_told.step_id,
        },
        "durationMs": round(result.outcome.duration * 1000),
    }
