"""A line to a broker: its connection, made again when it breaks, with all that was subscribed on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.effects import Publish, Subscribe
from arazzo_runner.runtime.brokers.connection import Connecting, Connection, Listening
from arazzo_runner.runtime.brokers.mailbox import Mailbox
from arazzo_runner.runtime.brokers.protocols import Connect
from arazzo_runner.runtime.http.errors import Refused

PAUSES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before each further attempt to connect again; the last for all that follow."""
CLOSING = 5.0
"""Seconds that the end of a connection may take."""

T = TypeVar("T")


class ConnectionLost(Exception):
    """The connection broke while something was asked of it: whether the broker has it is not known."""


class LiveSubscription(Struct):
    """A subscription of the run: what was asked, where it is delivered, and what the broker says of it now."""

    effect: Subscribe
    mailbox: Mailbox
    listening: Listening


class Line:
    """A connection to one broker for one run.

    Args:
        connect: of its protocol.
        connecting: makes what that needs; its argument is called when the connection breaks.
    """

    def __init__(self, connect: Connect, connecting: Callable[[Callable[[], None]], Connecting]) -> None:
        self._connect = connect
        self._connecting = connecting
        self._connection: Connection | None = None
        self._dead: list[Connection] = []
        self._broken = asyncio.Event()
        self._lock = asyncio.Lock()
        self._subscriptions: dict[str, LiveSubscription] = {}
        self._revival: asyncio.Task[None] | None = None
        self._closed = False

    async def subscribe(self, effect: Subscribe, mailbox: Mailbox) -> Listening:
        """Subscribe now, and again after each time that the connection was lost.

        Raises:
            Refused: it cannot be; the text says why.
            ConnectionLost: the connection broke.
        """
        connection = await self._connected()
        listening = await self._unless_broken(connection.subscribe(effect, mailbox.put))
        self._subscriptions[effect.key] = LiveSubscription(effect, mailbox, listening)
        if self._connection is not connection:  # it broke after the broker had confirmed, before it was noted here
            mailbox.interruptions += 1
            self._make_again()
        return listening

    async def publish(self, effect: Publish) -> None:
        """Publish; see ``subscribe`` for the errors."""
        connection = await self._connected()
        await self._unless_broken(connection.publish(effect))

    def listening(self, key: str) -> Listening:
        """A subscription as the broker has it now."""
        return self._subscriptions[key].listening

    async def close(self) -> None:
        """Close the connection, and connect no more."""
        self._closed = True
        if self._revival is not None:
            self._revival.cancel()
            with suppress(asyncio.CancelledError):
                await self._revival
        await self._end_dead()
        await self._end(self._connection)
        self._connection = None

    async def _connected(self) -> Connection:
        async with self._lock:
            if self._connection is None:
                await self._end_dead()
                broken = asyncio.Event()
                connection = await self._connect(self._connecting(lambda: self._lost(broken)))
                try:
                    for subscription in self._subscriptions.values():
                        await self._again(connection, subscription)
                except BaseException:
                    await self._end(connection)
                    raise
                self._connection, self._broken = connection, broken
            return self._connection

    async def _again(self, connection: Connection, subscription: LiveSubscription) -> None:
        place = subscription.listening.place(subscription.mailbox.waiting)
        effect = replace(subscription.effect, place=place, address=subscription.effect.address)
        if subscription.listening.redelivers:
            subscription.mailbox.clear()
        subscription.listening = await connection.subscribe(effect, subscription.mailbox.put)

    def _lost(self, broken: asyncio.Event) -> None:
        if broken.is_set() or self._closed:
            return
        broken.set()
        if self._connection is not None:
            self._dead.append(self._connection)
        self._connection = None
        for subscription in self._subscriptions.values():
            subscription.mailbox.interruptions += 1
        if self._subscriptions:
            self._make_again()

    def _make_again(self) -> None:
        if self._revival is None or self._revival.done():
            self._revival = asyncio.get_running_loop().create_task(self._revive())

    async def _revive(self) -> None:
        attempt = 0
        while not self._closed:
            await asyncio.sleep(PAUSES[min(attempt, len(PAUSES) - 1)])
            attempt += 1
            with suppress(Refused, ConnectionLost):
                await self._connected()
                return

    async def _end_dead(self) -> None:
        """End what is left of connections that broke; one at which this is interrupted is ended the next time."""
        while self._dead:
            await self._end(self._dead[0])
            self._dead.pop(0)

    async def _end(self, connection: Connection | None) -> None:
        if connection is not None:
            with suppress(Refused, OSError, TimeoutError):
                async with asyncio.timeout(CLOSING):
                    await connection.close()

    async def _unless_broken(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for what is asked of the connection, or for its end."""
        task = asyncio.ensure_future(work)
        broken = asyncio.ensure_future(self._broken.wait())
        try:
            await asyncio.wait((task, broken), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise ConnectionLost
        finally:
            for one in (task, broken):
                one.cancel()
            await asyncio.gather(task, broken, return_exceptions=True)
