"""The messages of one run: what it subscribes, sends and takes, over the brokers that it talks to (M4 to M11)."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.effects import (
    Access,
    Broker,
    Failed,
    MessageAnswer,
    MessageEffect,
    Publish,
    Published,
    Receive,
    Received,
    Subscribe,
    Subscribed,
)
from arazzo_runner.runtime.brokers.connection import Connecting, never
from arazzo_runner.runtime.brokers.line import ConnectionLost, Line
from arazzo_runner.runtime.brokers.mailbox import BufferFull, Mailbox
from arazzo_runner.runtime.brokers.protocols import connector, speech_of
from arazzo_runner.runtime.http.errors import Refused
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.http.requests import Hosts


class KeptPlaces(Struct, frozen=True, eq=False):
    """The places of a run that continues in later processes: brokers are asked to keep them (M20).

    Attributes:
        identity: of the run; a text that no other has.
        forgets: is called, in a thread, with the name of a source before the place of its subscriptions is lost.
        over: returns whether the run has come to its end: nothing has to be kept any longer.
    """

    identity: str
    forgets: Callable[[str], None] = lambda _: None
    over: Callable[[], bool] = never


class Mailroom:
    """The messages of one run. Make it with ``open_mailroom``.

    Args:
        identity: a text that no other run has.
        kept: of a run that continues in later processes; None for any other.
    """

    def __init__(self, options: TransportOptions, *, identity: str, kept: KeptPlaces | None = None) -> None:
        self._options = options
        self._hosts = Hosts(options.allowed_hosts, options.named_hosts)
        self._identity = identity
        self._kept = kept
        self._lines: dict[tuple[str, str, Access], Line] = {}
        self._mailboxes: dict[str, tuple[Line, Mailbox]] = {}

    async def perform(self, effect: MessageEffect) -> MessageAnswer:
        """Do what a run asks for; whatever happens is an answer.

        Raises:
            UsageError: the protocol is not supported, or its library is not installed.
        """
        began = time.monotonic()
        try:
            match effect:
                case Subscribe():
                    answer: MessageAnswer = await self._subscribe(effect)
                case Publish():
                    answer = await self._publish(effect)
                case Receive():
                    answer = await self._receive(effect)
        except Refused as error:
            answer = Failed("transport", str(error), time.time())
        except ConnectionLost:
            answer = Failed("transport", _lost(effect), time.time())
        return _with_duration(answer, time.monotonic() - began)

    async def close(self) -> None:
        """End all subscriptions and connections. What was not taken stays with its broker."""
        await self._settle()
        await asyncio.gather(*(line.close() for line in self._lines.values()))
        self._lines.clear()
        self._mailboxes.clear()

    async def _subscribe(self, effect: Subscribe) -> MessageAnswer:
        line, mailbox = self._line(effect.broker), Mailbox()
        seconds = effect.timeout if effect.timeout is not None else self._options.read_timeout
        try:
            async with asyncio.timeout(seconds):
                listening = await line.subscribe(effect, mailbox)
        except TimeoutError:
            return Failed("timeout", f"the broker did not confirm the subscription within {seconds:g} s", time.time())
        self._mailboxes[effect.key] = line, mailbox
        return Subscribed(time.time(), listening.address, listening.place(()))

    async def _publish(self, effect: Publish) -> MessageAnswer:
        await self._settle()
        line = self._line(effect.broker)
        seconds = effect.timeout if effect.timeout is not None else self._options.read_timeout
        try:
            async with asyncio.timeout(seconds):
                await line.publish(effect)
        except TimeoutError:
            return Failed("timeout", f"the broker did not confirm the message within {seconds:g} s", time.time())
        return Published(time.time())

    async def _receive(self, effect: Receive) -> MessageAnswer:
        await self._settle()
        if effect.key not in self._mailboxes:
            missed = "the process that had subscribed has ended, and what came since is not known"
            return Failed("messages-missed", missed, time.time())
        line, mailbox = self._mailboxes[effect.key]
        try:
            letter, seen = await mailbox.take(effect.match, effect.seconds, effect.beyond)
        except TimeoutError as error:
            return Failed("receive-timeout", str(error), time.time())
        except BufferFull as error:
            return Failed("buffer-full", str(error), time.time())
        listening = line.listening(effect.key)
        listening.take(letter.delivery)
        place = listening.place(mailbox.waiting)
        return Received(letter.delivery.message, time.time(), letter.number, place, seen)

    async def _settle(self) -> None:
        """Acknowledge what earlier answers brought: whoever asks on has stored them."""
        for key, (line, _) in self._mailboxes.items():
            await line.listening(key).settle()

    def _line(self, broker: Broker) -> Line:
        name = broker.source, broker.url, broker.access
        line = self._lines.get(name)
        if line is None:
            connect, speech = connector(broker.protocol), speech_of(broker.protocol)

            def connecting(lost: Callable[[], None]) -> Connecting:
                kept = self._kept
                if kept is None:
                    return Connecting(broker, speech, self._options, self._identity, lost)
                forgets = partial(asyncio.to_thread, kept.forgets, broker.source)
                return Connecting(broker, speech, self._options, self._identity, lost, True, forgets, kept.over)

            self._hosts.check(connecting(lambda: None).host)
            line = self._lines[name] = Line(connect, connecting)
        return line


def _lost(effect: MessageEffect) -> str:
    asked = "the broker confirmed the message, which it may have" if isinstance(effect, Publish) else "it confirmed"
    return f"the connection to the broker was lost before {asked}"


def _with_duration(answer: MessageAnswer, seconds: float) -> MessageAnswer:
    return replace(answer, duration=seconds)


@asynccontextmanager
async def open_mailroom(options: TransportOptions, *, kept: KeptPlaces | None = None) -> AsyncIterator[Mailroom]:
    """The messages of one run, until it ends; see ``Mailroom``. A run that ends with its process gets an identity."""
    identity = secrets.token_hex(8) if kept is None else kept.identity
    mailroom = Mailroom(options, identity=identity, kept=kept)
    try:
        yield mailroom
    finally:
        await mailroom.close()
