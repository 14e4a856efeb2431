"""Durable runs in the foreground: shown as they go, and stopped by Ctrl-C between two effects."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from arazzo_runner.runtime.decisions import Decision
    from arazzo_runner.runtime.drivers import World
    from arazzo_runner.runtime.durable.run import DurableRun
    from arazzo_runner.runtime.durable.runs import DurableRuns
    from arazzo_runner.runtime.interruption import Interruption
    from arazzo_runner.runtime.run.session import RunResult


def stoppable(run: DurableRun, decision: Decision | None = None) -> Callable[[World, Interruption], RunResult]:
    """Run a durable run until it ends, or an interruption stops it between two effects."""

    def go(world: World, _: Interruption) -> RunResult:
        return run.run(world, decision)

    return go


def interruption_of(runs: DurableRuns) -> Interruption:
    """Return what stops the durable runs of this process, and says on stderr what it waits for."""
    runs.interruption.tell = lambda text: click.echo(text, err=True)
    return runs.interruption
