"""Worlds that exchange messages: a world of requests, and a mailroom that is open as long as one run lasts (M4).

Nothing of it is imported for a plan without steps over messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from arazzo_runner.effects import Answered, Failed, MessageAnswer, MessageEffect, Send
from arazzo_runner.engine.plan import Plan
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.drivers import AsyncMessaging, AsyncWorld, Messaging, World

if TYPE_CHECKING:
    from arazzo_runner.runtime.brokers.mailroom import KeptPlaces
    from arazzo_runner.runtime.http.options import TransportOptions
    from arazzo_runner.runtime.http.portal import Portal

_MAILROOM = "arazzo_runner.runtime.brokers.mailroom"


class Exchanging(Protocol):
    """The brokers of one run, and the messages that have come and that nobody has taken."""

    def perform(self, effect: MessageEffect) -> Coroutine[Any, Any, MessageAnswer]:
        """Subscribe, send, or wait for a message."""

    async def close(self) -> None:
        """End every subscription and connection."""


OpenMailroom: TypeAlias = Callable[["TransportOptions"], AbstractAsyncContextManager[Exchanging]]
"""Opens the mailroom of one run."""


class MessagingWorld:
    """A world of requests that exchanges messages, too."""

    def __init__(self, world: World, portal: Portal, mailroom: Exchanging) -> None:
        self._world = world
        self._portal = portal
        self._mailroom = mailroom
        self.now = world.now
        self.sleep = world.sleep

    def exchange(self, effect: MessageEffect) -> MessageAnswer:
        """Subscribe, send or take a message, and wait for what comes."""
        return self._portal.call(self._mailroom.perform(effect))

    def begin(self, effect: MessageEffect) -> Future[MessageAnswer]:
        """Begin to exchange a message; cancelling the future gives it up."""
        return self._portal.begin(self._mailroom.perform(effect))

    def send(self, effect: Send) -> Answered | Failed:
        """Send a request and wait for what comes."""
        return self._world.send(effect)


class AsyncMessagingWorld:
    """An asynchronous world of requests that exchanges messages, too."""

    def __init__(self, world: AsyncWorld, exchange: Callable[[MessageEffect], Awaitable[MessageAnswer]]) -> None:
        self._world = world
        self.now = world.now
        self.sleep = world.sleep
        self.exchange = exchange

    async def send(self, effect: Send) -> Answered | Failed:
        """Send a request and wait for what comes."""
        return await self._world.send(effect)


@contextmanager
def with_messages(
    plan: Plan,
    world: World,
    options: TransportOptions,
    *,
    kept: KeptPlaces | None = None,
    open_mailroom: OpenMailroom | None = None,
) -> Iterator[World]:
    """The world of one synchronous run; a mailroom is opened for it when its plan has steps over messages.

    Args:
        options: the hosts that may be reached, TLS and times.
        kept: of a run that continues in later processes (M20).
        open_mailroom: opens the mailroom; that of the brokers by default.
    """
    if not plan.has_messages or isinstance(world, Messaging):
        yield world
        return
    from arazzo_runner.runtime.http.portal import Portal

    with Portal() as portal:
        opened: asyncio.Future[Exchanging] | None = None
        over: asyncio.Event | None = None

        async def keep_open() -> None:
            """Open and close in one task, as libraries with task groups ask for."""
            assert opened is not None and over is not None  # noqa: S101, PT018 - for the type checker
            try:
                async with (open_mailroom or partial(brokers_mailroom, kept=kept))(options) as mailroom:
                    opened.set_result(mailroom)
                    await over.wait()
            except BaseException as error:
                if not opened.done():
                    opened.set_exception(error)
                    return
                raise

        async def begin() -> tuple[Exchanging, asyncio.Task[None]]:
            nonlocal opened, over
            opened, over = asyncio.get_running_loop().create_future(), asyncio.Event()
            task = asyncio.create_task(keep_open())
            return await opened, task

        async def end(task: asyncio.Task[None]) -> None:
            if over is not None:
                over.set()
            await task

        mailroom, task = portal.call(begin())
        try:
            yield MessagingWorld(world, portal, mailroom)
        finally:
            portal.call(end(task))


@asynccontextmanager
async def with_messages_async(
    plan: Plan,
    world: AsyncWorld,
    options: TransportOptions,
    *,
    kept: KeptPlaces | None = None,
    open_mailroom: OpenMailroom | None = None,
) -> AsyncIterator[AsyncWorld]:
    """The world of one asynchronous run; see ``with_messages``."""
    if not plan.has_messages or isinstance(world, AsyncMessaging):
        yield world
        return
    async with (open_mailroom or partial(brokers_mailroom, kept=kept))(options) as mailroom:
        yield AsyncMessagingWorld(world, mailroom.perform)


def brokers_mailroom(
    options: TransportOptions, *, kept: KeptPlaces | None = None
) -> AbstractAsyncContextManager[Exchanging]:
    """The mailroom of real brokers, each client imported when a step needs it.

    Raises:
        UsageError: this installation has none.
    """
    try:
        module: Any = import_module(_MAILROOM)
    except ModuleNotFoundError as error:
        hint = "pip install 'arazzo-workflow-runner[messages]'"
        raise UsageError(f"messages cannot be exchanged: {error}", hint=hint) from None
    return cast(AbstractAsyncContextManager[Exchanging], module.open_mailroom(options, kept=kept))
