"""Handles of runs that are driven in the background, and the engines that keep them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field

from arazzo_runner.engine.events import Event
from arazzo_runner.engine.plan import Plan
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.decisions import Decision
from arazzo_runner.runtime.drivers import Listener
from arazzo_runner.runtime.durable.resuming import SecretsAgain
from arazzo_runner.runtime.run.carriers import Carrier
from arazzo_runner.runtime.run.session import RunResult
from arazzo_runner.runtime.run.workbook import Workbook
from arazzo_runner.runtime.runners.summaries import RunFilter, RunSummary

if TYPE_CHECKING:
    from arazzo_runner.engine.plan import Level

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class RunHandle(Protocol):
    """A durable run, driven by this process, by another one or by a cluster.

    Attributes:
        id: by which any process finds it.
    """

    id: str

    @property
    def status(self) -> str:
        """The status now; see ``RunSummary.status``."""

    @property
    def summary(self) -> RunSummary:
        """All that is known of it now, but for its events."""

    def events(self, *, follow: bool = True) -> Iterator[Event]:
        """Yield the events so far, secrets masked, and then those that follow until the run ends or stops.

        Args:
            follow: False ends with what there is.
        """

    def aevents(self, *, follow: bool = True) -> AsyncIterator[Event]:
        """Yield the events, asynchronously; see ``events``."""

    def wait(self, timeout: float | None = None) -> RunResult:
        """Wait until the run ends or stops, and return its result.

        The outputs are as they are where this process drives the run, or the engine is a cluster; those that another
        process has written to a journal are masked (S1).

        Args:
            timeout: seconds, or None.

        Raises:
            TimeoutError: it is still running; nothing has happened to it.
            JournalError: no process drives it.
        """

    async def await_result(self) -> RunResult:
        """Wait asynchronously; ``asyncio.timeout`` limits it. See ``wait``."""

    def cancel(self) -> None:
        """End the run: before its next request, or in the middle of a wait.

        Raises:
            JournalError: it has ended.
        """


class RunOrder(Struct, frozen=True):
    """A run that an engine is to start.

    Attributes:
        carrier: what sends its requests.
        listeners: called with every event where this process drives it.
        run_id: by which it is known; a run of that id that there is already is the one to use.
        paused: a journal's run is held before its first effect.
    """

    workbook: Workbook
    plan: Plan
    inputs: Mapping[str, Any]
    carrier: Carrier = field(default_factory=Carrier)
    check: Level = "off"
    listeners: Sequence[Listener] = ()
    run_id: str | None = None
    paused: bool = False

    def __repr__(self) -> str:
        # Its inputs are as the user gave them (S1).
        return f"<order of {self.plan.workflow.workflow_id}>"

    def __post_init__(self) -> None:
        """Refuse an id that no list could show."""
        if self.run_id is not None and not _ID.fullmatch(self.run_id):
            raise UsageError(
                f"{self.run_id!r} is not an id for a run", hint="use letters, digits, '.', '_' and '-', at most 100"
            )


class RunEngine(Protocol):
    """Keeps durable runs: a journal of this machine, or a Temporal cluster."""

    def start(self, order: RunOrder) -> RunHandle:
        """Start a run; it is stored when this returns.

        Raises:
            InvalidInputs: they break the workflow's schema; nothing is stored.
            UsageError: it cannot be stored, or the engine cannot be reached.
        """

    def handle(self, run_id: str) -> RunHandle:
        """The handle of a run that was started before, perhaps by another process.

        Raises:
            JournalError: there is none of that id.
        """

    def resume(
        self,
        run_id: str,
        again: SecretsAgain,
        *,
        carrier: Carrier | None = None,
        decision: Decision | None = None,
        listeners: Sequence[Listener] = (),
    ) -> RunHandle:
        """Resume a run that has stopped.

        Args:
            again: returns its secrets.
            decision: what to do about a request whose answer is unknown.

        Raises:
            RunHeld: another process drives it.
            UsageError: a secret is missing, or there is nothing to decide about.
            JournalError: it has ended, or there is none of that id.
        """

    def runs(self, only: RunFilter | None = None) -> list[RunSummary]:
        """The runs, the latest first; those of one batch by row."""

    def cancel(self, run_id: str) -> RunSummary:
        """End a run; returns it as it was.

        Raises:
            JournalError: it has ended, or there is none of that id.
        """
