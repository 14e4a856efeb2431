"""Worlds whose run can be cancelled from another process: before each request, and in the middle of a wait.

An interruption says how the run goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from arazzo_runner.effects import Answered, Failed, Send
from arazzo_runner.runtime.drivers import Abandoned, AsyncWorld, World
from arazzo_runner.runtime.leases import Heartbeat

SLICE = 0.5
"""Seconds of a wait between two looks."""


class Watch:
    """Looks whether a run was cancelled."""

    def __init__(self, heartbeat: Heartbeat, run_id: str) -> None:
        self._heartbeat = heartbeat
        self._run_id = run_id

    def look(self) -> None:
        """End the run if it was cancelled.

        Raises:
            Abandoned: it was.
        """
        if self._heartbeat.is_cancelled(self._run_id):
            raise Abandoned("cancelled", "the run was cancelled")

    @contextmanager
    def interruptions(self) -> Iterator[None]:
        """Turn Ctrl-C into the end of the run for now.

        Raises:
            Abandoned: instead of ``KeyboardInterrupt``.
        """
        try:
            yield
        except KeyboardInterrupt:
            hint = f"it goes on with: arazzo resume {self._run_id}"
            raise Abandoned("interrupted", "the run was interrupted", hint=hint) from None

    def parts(self, seconds: float) -> Iterator[float]:
        """A wait in parts, with a look before each and after the last."""
        while seconds > 0:
            self.look()
            yield min(seconds, SLICE)
            seconds -= SLICE
        self.look()


class WatchedWorld:
    """A world whose run can be cancelled from another process."""

    def __init__(self, world: World, heartbeat: Heartbeat, run_id: str) -> None:
        self._world = world
        self._watch = Watch(heartbeat, run_id)
        self.now = world.now

    def send(self, effect: Send) -> Answered | Failed:
        """Send, unless the run was cancelled."""
        self._watch.look()
        with self._watch.interruptions():
            return self._world.send(effect)

    def sleep(self, seconds: float) -> None:
        """Wait, and look now and then."""
        with self._watch.interruptions():
            for part in self._watch.parts(seconds):
                self._world.sleep(part)


class WatchedAsyncWorld:
    """The same for the asynchronous driver."""

    def __init__(self, world: AsyncWorld, heartbeat: Heartbeat, run_id: str) -> None:
        self._world = world
        self._watch = Watch(heartbeat, run_id)
        self.now = world.now

    async def send(self, effect: Send) -> Answered | Failed:
        """Send, unless the run was cancelled."""
        self._watch.look()
        return await self._world.send(effect)

    async def sleep(self, seconds: float) -> None:
        """Wait, and look now and then."""
        for part in self._watch.parts(seconds):
            await self._world.sleep(part)
