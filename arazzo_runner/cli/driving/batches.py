"""``arazzo run --each FILE``, and ``resume`` of many: a line of JSON for each run as it ends, and a summary."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from arazzo_runner.cli.driving.many_reports import ManyReports
from arazzo_runner.cli.driving.reporting import bytes_as_text, progress
from arazzo_runner.cli.given.rows import InputRow, read_rows
from arazzo_runner.errors import RunHeld, UsageError
from arazzo_runner.reports.text import duration, whole_duration

if TYPE_CHECKING:
    from arazzo_runner.cli.driving.reporting import ReportFile
    from arazzo_runner.cli.given.inputs import InputOrigin
    from arazzo_runner.cli.given.options import DecisionWords
    from arazzo_runner.cli.given.run_words import RunWords
    from arazzo_runner.engine.plan import Plan
    from arazzo_runner.runtime.batch import Job, RowResult
    from arazzo_runner.runtime.durable.resuming import Resumer
    from arazzo_runner.runtime.durable.runs import DurableRuns, Row
    from arazzo_runner.runtime.run.session import Session
    from arazzo_runner.runtime.run.workbook import Workbook
    from arazzo_runner.runtime.runners.summaries import RunSummary


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
    from arazzo_runner.cli.given import preparation
    from arazzo_runner.runtime.run.carriers import Carrier
    from arazzo_runner.runtime.run.session import Session, contract_checks
    from arazzo_runner.runtime.runners.handles import RunOrder
    from arazzo_runner.runtime.runners.jobs import ClusterJobs, check_rows, fresh_job, plain_job

    live, pace = words.live, Pace(words.concurrency, quiet=words.output.verbosity.quiet)
    shared, origins = preparation.traced_inputs(plan, live.given.inputs)
    rows = read_rows(file, plan.workflow.input_schema)
    if not rows:
        raise UsageError(f"--each {file}: there are no rows in it")
    check_rows(plan, ((f"{file}:{row.line}", {**shared, **row.inputs}) for row in rows))

    def hear(session: Session, row: int | None) -> AbstractContextManager[None]:
        return reports.listening(session, document=workbook.description.document.path, name=f"row {row}")

    carrier = Carrier(preparation.reaching(plan, preparation.live_transport(live)))
    if words.engine.engine:
        from arazzo_runner.cli.given.engines import temporal_engine

        orders = ((row.line, RunOrder(workbook, plan, {**shared, **row.inputs}, carrier, words.check)) for row in rows)
        return drive(ClusterJobs(temporal_engine(words.engine)).jobs(orders), len(rows), pace)
    if not words.durable:

        def session_of(row: InputRow) -> Session:
            return Session(plan, {**shared, **row.inputs}, checks=contract_checks(plan, words.check))

        return drive((plain_job(partial(session_of, r), r.line, carrier, hear) for r in rows), len(rows), pace)
    from arazzo_runner.cli.given.engines import journal_engine
    from arazzo_runner.cli.given.secrets_again import credential_origins
    from arazzo_runner.runtime.durable.runs import planned_of
    from arazzo_runner.runtime.runners.journal_engine import driving_runs

    with driving_runs(journal_engine(words.journal), create=True) as runs:
        credentials = credential_origins(plan, live.credentials)
        planned = planned_of(workbook, plan, transport=carrier.options, check=words.check, credentials=credentials)
        kept = {row.line: _kept_row(row, shared, origins, file) for row in rows}
        batch = runs.start_batch(planned, kept.values())
        click.echo(f"batch {batch} · if it dies: arazzo resume {batch}", err=True)
        jobs = (fresh_job(runs, planned, f"{batch}-{line}", row, carrier, hear) for line, row in kept.items())
        return drive(jobs, len(kept), pace, runs)


def _kept_row(row: InputRow, shared: dict[str, Any], origins: dict[str, InputOrigin], path: str) -> Row:
    """The inputs of a run that is stored, and where each came from."""
    from arazzo_runner.cli.given.secrets_again import input_origins
    from arazzo_runner.runtime.durable.runs import Row
    from arazzo_runner.runtime.durable.setup import Origin

    origin = Origin(f"{path}:{row.line}", str(Path(path).absolute()), line=row.line)
    return Row({**shared, **row.inputs}, input_origins(origins) | dict.fromkeys(row.inputs, origin), row.line)


def resume_each(resumer: Resumer, runs: Sequence[RunSummary], decided: DecisionWords, pace: Pace) -> int:
    """Resume many durable runs; return the exit status."""
    from arazzo_runner.cli.given.engines import decision_of
    from arazzo_runner.runtime.runners.jobs import resumed_job

    decision = decision_of(decided)
    jobs = (resumed_job(resumer, run.id, run.row, decision) for run in runs)
    return drive(jobs, len(runs), pace, resumer.runs)


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

    def tell(self, ended: RowResult) -> None:
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


def entry_of(ended: RowResult) -> dict[str, Any]:
    """A run of many, as a line of stdout says it: outputs are what the user asked for, his own secrets masked (S1)."""
    head: dict[str, Any] = {"row": ended.row, "runId": ended.run_id or None}
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
