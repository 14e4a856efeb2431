"""An event loop in a thread of its own, for what is asynchronous in a run that is not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Coroutine
from concurrent.futures import CancelledError, Future
from functools import cache
from typing import Any, Self, TypeVar

from arazzo_runner.effects import Answered, Failed, Send
from arazzo_runner.runtime.drivers import AsyncWorld, World
from arazzo_runner.runtime.http.carriage import Notes, async_noted, noted

T = TypeVar("T")


class Portal:
    """Runs coroutines in a loop of its own. Use it as a context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="arazzo event loop", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()

    def begin(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin a coroutine; cancelling the future cancels it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; an interruption of the caller cancels it."""
        future = self.begin(coroutine)
        try:
            return future.result()
        except BaseException as error:
            if not future.done() and not isinstance(error, CancelledError):
                future.cancel()
            raise


@cache
def shared_portal() -> Portal:
    """The loop of asynchronous clients that synchronous runs use: their connections outlive a run."""
    return Portal().__enter__()


class PortalWorld:
    """An asynchronous world for a synchronous driver."""

    def __init__(self, portal: Portal, world: AsyncWorld) -> None:
        self._portal = portal
        self._world = world

    def noting(self, notes: Notes) -> Self:
        """Return the same world, with the notes of one run."""
        return type(self)(self._portal, async_noted(self._world, notes))

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._world.now()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self._portal.call(_awaited(self._world.sleep(seconds)))

    def send(self, effect: Send) -> Answered | Failed:
        """Send."""
        return self._portal.call(_awaited(self._world.send(effect)))


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


class ThreadedWorld:
    """A synchronous world for an asynchronous driver: its requests are sent in threads."""

    def __init__(self, world: World) -> None:
        self._world = world

    def noting(self, notes: Notes) -> Self:
        """Return the same world, with the notes of one run."""
        return type(self)(noted(self._world, notes))

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._world.now()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def send(self, effect: Send) -> Answered | Failed:
        """Send."""
        return await asyncio.to_thread(self._world.send, effect)
