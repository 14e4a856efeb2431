"""Notices about workers that do not continue a run on a cluster while it is followed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from msgspec import Struct, field

if TYPE_CHECKING:
    from arazzo_runner.runtime.temporal.address import Engine

PATIENCE = 10.0
"""Seconds until a run that no worker has taken up is spoken of; a moment is usual."""


class Notices(Struct, frozen=True):
    """Notices on stderr, each once, however many runs of a batch they hold for.

    Args:
        engine: that the runs were handed to.
    """

    engine: Engine
    _said: set[str] = field(default_factory=set)

    @contextmanager
    def until_taken_up(self) -> Iterator[None]:
        """Speak of it when no worker takes a run up for a while."""
        import asyncio

        late = asyncio.get_running_loop().call_later(PATIENCE, self.untaken)
        try:
            yield
        finally:
            late.cancel()

    def untaken(self) -> None:
        """No worker has taken a run up; that one fails to is said elsewhere."""
        if not self._said:
            self._say(f"no worker has taken the run up yet; it waits in the queue {self.engine.queue}")

    def failing(self, why: str) -> None:
        """A worker has tried to go on with a run, and cannot."""
        self._say(f"no worker can go on with the run so far, and it is tried again: {why}")

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            click.echo(f"! {text}", err=True)
            worker = f"arazzo worker --engine {shlex.quote(self.engine.address)}"
            click.echo(f"  hint: start a worker of this release with the key of the run: {worker}", err=True)
