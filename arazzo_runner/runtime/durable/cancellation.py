"""Worlds of durable runs, which can be ended from outside: before each request, and in the middle of a wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

from arazzo_runner.effects import SAFE, Answered, Failed, MessageAnswer, MessageEffect, Publish, Receive, Send
from arazzo_runner.runtime.drivers import Abandoned, AsyncWorld, BegunMessaging, World, aexchange, exchange
from arazzo_runner.runtime.durable.leases import Heartbeat
from arazzo_runner.runtime.durable.pausing import SLICE, Brake
from arazzo_runner.runtime.interruption import Interruption

if TYPE_CHECKING:
    from concurrent.futures import Future


class Watch:
    """Looks whether a run is to end: it was cancelled, or its process was asked to stop.

    Attributes:
        sent: whether the request at hand may have been sent.
        brake: holds the run before its next effect.
        held: called when the run is held at its next effect, and again before that is performed.
    """

    def __init__(self, run_id: str, heartbeat: Heartbeat, interruption: Interruption) -> None:
        self._run_id = run_id
        self._heartbeat = heartbeat
        self.interruption = interruption
        self.sent = True
        self.brake = Brake()
        self.held: Callable[[bool], None] = lambda _: None

    def let_through(self) -> None:
        """Return when the next effect may be performed.

        Raises:
            Abandoned: the run is to end.
        """
        self.brake.pass_by(self.look, self.held)
        self.look()

    def look(self) -> None:
        """End the run if it is to end.

        Raises:
            Abandoned: it is.
        """
        if self._heartbeat.is_cancelled(self._run_id):
            raise Abandoned("cancelled", "the run was cancelled")
        if self.interruption.asked:
            raise self._interrupted()

    @contextmanager
    def interruptions(self) -> Iterator[None]:
        """Turn Ctrl-C into the end of the run for now.

        Raises:
            Abandoned: instead of ``KeyboardInterrupt``.
        """
        try:
            yield
        except KeyboardInterrupt:
            raise self._interrupted() from None

    def _interrupted(self) -> Abandoned:
        hint = f"continue it with: arazzo resume {self._run_id}"
        return Abandoned("interrupted", "the run was interrupted", hint=hint)

    def parts(self, seconds: float) -> Iterator[float]:
        """A wait in parts, with a look before each and after the last."""
        while seconds > 0:
            self.look()
            yield min(seconds, SLICE)
            seconds -= SLICE
        self.look()


class WatchedWorld:
    """A synchronous world that is watched."""

    def __init__(self, world: World, watch: Watch) -> None:
        self._world = world
        self._watch = watch
        self.now = world.now

    def send(self, effect: Send) -> Answered | Failed:
        """Send, unless the run is to end."""
        self._watch.let_through()
        self._watch.sent = True
        safe = effect.request.method in SAFE
        with self._watch.interruptions(), self._watch.interruption.at_once() if safe else nullcontext():
            return self._world.send(effect)

    def exchange(self, effect: MessageEffect) -> MessageAnswer:
        """Exchange a message, unless the run is to end; look now and then while one is waited for."""
        self._watch.let_through()
        self._watch.sent = True
        safe = not isinstance(effect, Publish)
        with self._watch.interruptions(), self._watch.interruption.at_once() if safe else nullcontext():
            if isinstance(effect, Receive) and isinstance(self._world, BegunMessaging):
                return self._received(self._world.begin(effect))
            return exchange(effect, self._world)

    def _received(self, coming: Future[MessageAnswer]) -> MessageAnswer:
        try:
            while True:
                with suppress(TimeoutError):
                    return coming.result(SLICE)
                self._watch.look()
        except BaseException:
            coming.cancel()  # what comes stays with the broker, or in the mailbox
            raise

    def sleep(self, seconds: float) -> None:
        """Wait, and look now and then."""
        self._watch.let_through()
        with self._watch.interruptions(), self._watch.interruption.at_once():
            for part in self._watch.parts(seconds):
                self._world.sleep(part)


class WatchedAsyncWorld:
    """An asynchronous world that is watched."""

    def __init__(self, world: AsyncWorld, watch: Watch) -> None:
        self._world = world
        self._watch = watch
        self.now = world.now

    async def send(self, effect: Send) -> Answered | Failed:
        """Send, unless the run is to end."""
        self._watch.look()
        self._watch.sent = True
        return await self._world.send(effect)

    async def exchange(self, effect: MessageEffect) -> MessageAnswer:
        """Exchange a message, unless the run is to end; look now and then while one is waited for."""
        self._watch.look()
        self._watch.sent = True
        if not isinstance(effect, Receive):
            return await aexchange(effect, self._world)
        import asyncio

        coming = asyncio.ensure_future(aexchange(effect, self._world))
        try:
            while not (await asyncio.wait((coming,), timeout=SLICE))[0]:
                self._watch.look()
            return coming.result()
        finally:
            coming.cancel()

    async def sleep(self, seconds: float) -> None:
        """Wait, and look now and then."""
        for part in self._watch.parts(seconds):
            await self._world.sleep(part)
