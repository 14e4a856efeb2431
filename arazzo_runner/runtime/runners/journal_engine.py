"""Durable runs of this machine: each is driven by a thread of the process that started or resumed it."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from arazzo_runner.errors import JournalError, JournalLost, UsageError
from arazzo_runner.runtime.durable.rows import CANCELLED
from arazzo_runner.runtime.runners.summaries import RunFilter, RunSummary, summary_of
from arazzo_runner.runtime.user_directories import key_directory, state_directory

if TYPE_CHECKING:
    from arazzo_runner.engine.events import Event
    from arazzo_runner.runtime.decisions import Decision
    from arazzo_runner.runtime.drivers import Listener
    from arazzo_runner.runtime.durable.journal import Journal
    from arazzo_runner.runtime.durable.pausing import Brake
    from arazzo_runner.runtime.durable.resuming import SecretsAgain
    from arazzo_runner.runtime.durable.run import DurableRun
    from arazzo_runner.runtime.durable.runs import DurableRuns
    from arazzo_runner.runtime.run.carriers import Carrier
    from arazzo_runner.runtime.run.session import RunResult
    from arazzo_runner.runtime.runners.handles import RunHandle, RunOrder
    from arazzo_runner.runtime.runners.journal_driver import JournalDriver

JOURNAL, KEY = "journal.db", "journal.key"


class JournalEngine:
    """Keeps durable runs in a journal of this machine.

    Args:
        path: of the journal; in the user's state directory when None.
        key: the file of the key that seals it; in the user's data directory when None. Made with the first run.
        trusted: use the journal although it has lost something.

    A run is driven by a thread of this process. When the process ends the run stops, and ``resume`` continues it.
    """

    def __init__(self, path: str | Path | None = None, *, key: str | Path | None = None, trusted: bool = False) -> None:
        self._path = path
        self._key = key
        self.trusted = trusted

    @property
    def path(self) -> Path:
        """The journal's file.

        Raises:
            JournalError: none is named, and the user has no home.
        """
        return Path(self._path) if self._path else _at_home(state_directory(os.environ), "--journal PATH") / JOURNAL

    @property
    def key_path(self) -> Path:
        """The key's file.

        Raises:
            JournalError: none is named, and the user has no home.
        """
        return Path(self._key) if self._key else _at_home(key_directory(os.environ), "--journal-key FILE") / KEY

    def start(self, order: RunOrder) -> RunHandle:
        """Start a run; see ``RunEngine.start``."""
        if order.run_id is not None and self._has(order.run_id):
            return self.handle(order.run_id)
        try:
            return self._started(order)
        except JournalLost:
            # Another process may have started the run of that id in between.
            if order.run_id is None or not self._has(order.run_id):
                raise
            return self.handle(order.run_id)

    def _has(self, run_id: str) -> bool:
        if not self.path.exists():
            return False
        with opened_journal(self) as journal:
            return journal.has(run_id)

    def _started(self, order: RunOrder) -> RunHandle:
        from arazzo_runner.runtime.durable.runs import Row, planned_of

        planned = planned_of(
            order.workbook,
            order.plan,
            transport=order.carrier.options,
            check=order.check,
            carried=order.carrier.kind,
        )

        def begin(runs: DurableRuns) -> tuple[DurableRun, Carrier]:
            return runs.start(planned, Row(order.inputs, {}), run_id=order.run_id), order.carrier

        return self._drive(begin, order.listeners, None, paused=order.paused)

    def handle(self, run_id: str) -> RunHandle:
        """The handle of a run; see ``RunEngine.handle``."""
        with opened_journal(self) as journal:
            return JournalHandle(self, journal.run(run_id).id, None)

    def resume(
        self,
        run_id: str,
        again: SecretsAgain,
        *,
        carrier: Carrier | None = None,
        decision: Decision | None = None,
        listeners: Sequence[Listener] = (),
    ) -> RunHandle:
        """Resume a run; see ``RunEngine.resume``."""

        def begin(runs: DurableRuns) -> tuple[DurableRun, Carrier]:
            from arazzo_runner.runtime.durable.resuming import Resumer
            from arazzo_runner.runtime.run.carriers import Carrier

            run, setup = Resumer(runs, again, carried=carrier.kind if carrier else "").take(run_id)
            refuse_needless(run, decision, runs)
            return run, carrier if carrier is not None and carrier.kind else Carrier(setup.transport)

        return self._drive(begin, listeners, decision)

    def branch(self, run_id: str, number: int, again: SecretsAgain, *, paused: bool = False) -> RunHandle:
        """Start a new run from the state before an attempt of another one, whose answers so far it keeps.

        Args:
            number: of the attempt, from 1; it has a request.
            again: returns the secrets of the other run.
            paused: hold it before that attempt.

        Raises:
            UsageError: a secret is missing, there is no such attempt, or what led there is masked in the journal.
            JournalError: there is no run of that id.
        """

        def begin(runs: DurableRuns) -> tuple[DurableRun, Carrier]:
            from arazzo_runner.runtime.debugging.retracing import branched, told_run
            from arazzo_runner.runtime.durable.resuming import check_carried
            from arazzo_runner.runtime.run.carriers import Carrier

            run = told_run(runs, run_id, again)
            check_carried(run_id, run.setup, "")
            return branched(runs, run, number, now=time.time()), Carrier(run.setup.transport)

        return self._drive(begin, (), None, paused=paused)

    def _drive(
        self,
        begin: Callable[[DurableRuns], tuple[DurableRun, Carrier]],
        listeners: Sequence[Listener],
        decision: Decision | None,
        *,
        paused: bool = False,
    ) -> RunHandle:
        from arazzo_runner.runtime.runners.journal_driver import JournalDriver

        driver = JournalDriver(lambda: driving_runs(self, create=True), begin, listeners, decision, paused=paused)
        driver.start()
        return JournalHandle(self, driver.begun(), driver)

    def runs(self, only: RunFilter | None = None) -> list[RunSummary]:
        """The runs; see ``RunEngine.runs``."""
        only = only or RunFilter()
        if not self.path.exists():
            return []
        with opened_journal(self) as journal:
            return [found for row in journal.runs(batch=only.batch) if only.takes(found := summary_of(row))]

    def cancel(self, run_id: str) -> RunSummary:
        """End a run; see ``RunEngine.cancel``."""
        with opened_journal(self) as journal:
            return summary_of(journal.cancel(run_id))


@contextmanager
def opened_journal(engine: JournalEngine, *, create: bool = False) -> Iterator[Journal]:
    """An engine's journal, to be looked at without its key."""
    from arazzo_runner.runtime.durable.journal import Journal

    with Journal(engine.path, create=create, trusted=engine.trusted) as journal:
        yield journal


@contextmanager
def reading_runs(engine: JournalEngine) -> Iterator[DurableRuns]:
    """An engine's journal and key, to read the events of runs."""
    from arazzo_runner.runtime.durable.runs import DurableRuns

    with opened_journal(engine) as journal:
        yield DurableRuns(journal, engine.key_path)


@contextmanager
def driving_runs(engine: JournalEngine, *, create: bool = False) -> Iterator[DurableRuns]:
    """An engine's journal and key, to drive runs: their leases are held as long as the context lasts."""
    from arazzo_runner.runtime.durable.runs import DurableRuns

    with opened_journal(engine, create=create) as journal, DurableRuns(journal, engine.key_path) as runs:
        yield runs


def refuse_needless(run: DurableRun, decision: Decision | None, runs: DurableRuns) -> None:
    """Refuse a decision about a run that waits for none.

    Raises:
        UsageError: it does; the run is free again.
    """
    if decision is None or not (decision.resend or decision.answer is not None) or run.is_ambiguous():
        return
    runs.journal.release(run.id, runs.holder)
    message = f"the run {run.id} does not wait for an answer that could be resent or skipped"
    raise UsageError(message, hint=f"arazzo resume {run.id}")


class JournalHandle:
    """A run of a journal (``RunHandle``)."""

    def __init__(self, engine: JournalEngine, run_id: str, driver: JournalDriver | None) -> None:
        self.id = run_id
        self._engine = engine
        self._driver = driver

    def __repr__(self) -> str:
        return f"<run {self.id}>"

    @property
    def status(self) -> str:
        """The status now."""
        return self.summary.status

    @property
    def summary(self) -> RunSummary:
        """All that is known of it now."""
        with opened_journal(self._engine) as journal:
            return summary_of(journal.run(self.id))

    def events(self, *, follow: bool = True) -> Iterator[Event]:
        """Yield the events."""
        with reading_runs(self._engine) as runs:
            yield from runs.follow(self.id, wait=self._look_again) if follow else runs.told(self.id)

    def _look_again(self, seconds: float) -> None:
        if self._driver is None:
            time.sleep(seconds)
        else:
            self._driver.told.wait(seconds)
            self._driver.told.clear()

    async def aevents(self, *, follow: bool = True) -> AsyncIterator[Event]:
        """Yield the events, asynchronously."""
        import asyncio

        from arazzo_runner.runtime.durable.runs import LOOK

        seen, held = -1, True
        with reading_runs(self._engine) as runs:
            while held:
                held = follow and runs.journal.run(self.id).held
                for turn, events in runs.told_after(self.id, seen):
                    seen = turn
                    for event in events:
                        yield event
                if held:
                    await asyncio.to_thread(self._look_again, LOOK)

    def wait(self, timeout: float | None = None) -> RunResult:
        """Wait for the result."""
        if self._driver is not None:
            self._driver.join(timeout)
            if self._driver.is_alive():
                raise self._goes_on()
            if self._driver.error is not None:
                raise self._driver.error
            if self._driver.result is not None:
                return self._driver.result
        return self._as_kept(None if timeout is None else time.monotonic() + timeout)

    def _as_kept(self, end: float | None) -> RunResult:
        """The result as the journal has it, once no process drives the run any more."""
        from arazzo_runner.engine.events import Outcome, Reason, RunFinished
        from arazzo_runner.runtime.run.session import RunResult

        def wait(seconds: float) -> None:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise self._goes_on()
            time.sleep(seconds if left is None else min(seconds, left))

        with reading_runs(self._engine) as runs:
            for event in runs.follow(self.id, wait=wait):
                if isinstance(event, RunFinished):
                    return RunResult(event.outcome)
            row = runs.journal.run(self.id)
        if row.status == CANCELLED:
            reason = Reason(CANCELLED, "the run was cancelled", row.step)
            took = row.updated - row.started
            return RunResult(
                Outcome(row.workflow, "failed", reason, {}, {}, row.attempts, row.requests, row.started, took)
            )
        why = f" ({row.reason})" if row.reason else ""
        raise JournalError(f"no process drives the run {self.id}: it has stopped{why}", hint=f"resume({self.id!r})")

    def _goes_on(self) -> TimeoutError:
        return TimeoutError(f"the run {self.id} is still running")

    async def await_result(self) -> RunResult:
        """Wait for the result, asynchronously."""
        import asyncio

        from arazzo_runner.runtime.durable.runs import LOOK

        while self._driver.is_alive() if self._driver is not None else self.status == "running":
            await asyncio.to_thread(self._look_again, LOOK)
        return await asyncio.to_thread(self.wait)

    def cancel(self) -> None:
        """End the run."""
        self._engine.cancel(self.id)

    @property
    def brake(self) -> Brake | None:
        """The brake of a run that this process drives; None of any other."""
        return self._driver.brake if self._driver is not None and self._driver.is_alive() else None


def _at_home(directory: Path | None, option: str) -> Path:
    if directory is None:
        raise JournalError("there is no home directory for the journal", hint=f"name one: {option}")
    return directory
