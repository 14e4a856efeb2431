"""A durable run continued from the point at which it is debugged: by itself, and stored as every durable run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import click

from arazzo_runner.engine.events import AttemptFinished
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.debugging.confirmation import refuse_repetition
from arazzo_runner.runtime.debugging.debugger import Debugger

if TYPE_CHECKING:
    from arazzo_runner.runtime.durable.resuming import SecretsAgain
    from arazzo_runner.runtime.runners.handles import RunHandle
    from arazzo_runner.runtime.runners.journal_engine import JournalEngine

Resume = Callable[[Debugger], int]
"""Continues a run from the point at hand; returns the exit status."""


class DebugResumption:
    """Continues a durable run: the run itself where it has stopped, a new one from any earlier request.

    Args:
        again: returns its secrets.
    """

    def __init__(self, run_id: str, engine: JournalEngine, again: SecretsAgain) -> None:
        self._run_id = run_id
        self._engine = engine
        self._again = again

    def __call__(self, debugger: Debugger) -> int:
        """Continue from the point at hand, show what happens, and return the exit status.

        Raises:
            UsageError: nothing can be continued from this point.
            ConfirmationNeeded: a request that changes something would be performed again.
            JournalError: the run cannot be continued.
        """
        if debugger.point.where not in ("request", "wait"):
            raise UsageError("a run is resumed from a request", hint="back goes to an earlier one, forward to a later")
        known = sum(len(debugger.kept_at(index).turn.events) for index in range(debugger.index + 1))
        is_last = debugger.index == debugger.length - 1
        if is_last and self._engine.handle(self._run_id).status == "stopped":
            handle = self._engine.resume(self._run_id, self._again)
        else:
            handle = self._branch(debugger)
        return self._shown(handle, known)

    def _branch(self, debugger: Debugger) -> RunHandle:
        request = debugger.request
        if request is not None and not debugger.yes:
            refuse_repetition(debugger.index, request, {debugger.index: request}, debugger.redactor)
        number = 1 + sum(
            isinstance(event, AttemptFinished)
            for index in range(debugger.index + 1)
            for event in debugger.kept_at(index).turn.events
        )
        handle = self._engine.branch(self._run_id, number, self._again)
        click.echo(f"run {handle.id} has the answers of {self._run_id} up to here, and goes on by itself")
        return handle

    @staticmethod
    def _shown(handle: RunHandle, known: int) -> int:
        """Show what a run does until it ends or stops.

        Args:
            known: how many of its events are known already.
        """
        from arazzo_runner.engine.events import RunFinished
        from arazzo_runner.reports.terminal.console import Console, ConsoleOptions

        console = Console(sys.stdout, ConsoleOptions(heartbeat=None))
        with closing(console):
            for number, event in enumerate(handle.events()):
                if number >= known:
                    console(event)
                if isinstance(event, RunFinished):
                    return 1 if event.outcome.reason is not None else 0
        run = handle.summary
        why = f" ({run.reason})" if run.reason else ""
        click.echo(f"the run {run.id} has {run.status}{why}: arazzo runs show {run.id}")
        return 1
