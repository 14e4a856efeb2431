"""A broker in memory, whose other users follow a script: for tests of messages that need no server."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from arazzo_runner.effects import (
    Failed,
    Message,
    MessageAnswer,
    MessageEffect,
    Publish,
    Published,
    Receive,
    Received,
    Subscribe,
    Subscribed,
)
from arazzo_runner.engine.matching import Miss, miss
from tests.support.worlds import AnswerFor, AsyncListWorld, ListWorld

Entry = Mapping[str, Any]


class Mailbox(Struct):
    """The messages that a subscription has, numbered from 1."""

    effect: Subscribe
    came: dict[int, Message] = field(default_factory=dict)
    count: int = 0


class ScriptedBroker:
    """Delivers the entries of a script to whoever is subscribed when they are due; what nobody waits for is lost.

    Args:
        script: entries with ``address``, ``json``, ``text`` or ``bytes``, ``headers``, ``correlation_id``; due when
            ``sends`` messages have been sent and ``requests`` answered, and ``after`` seconds more have passed.
            ``{"refuse": CODE, "of": KIND}`` fails the next effect of that kind.
    """

    def __init__(self, script: Sequence[Entry] = ()) -> None:
        self.sent: list[Publish] = []
        self.subscribed: list[Subscribe] = []
        self.received: list[Receive] = []
        self.requests = 0
        self.lost: list[Message] = []
        self._script = [entry for entry in script if "refuse" not in entry]
        self._refusals = [entry for entry in script if "refuse" in entry]
        self._due: dict[int, float] = {}
        self._done: set[int] = set()
        self._boxes: dict[str, Mailbox] = {}

    def perform(self, effect: MessageEffect, now: float, wait: Callable[[float], None]) -> MessageAnswer:
        """Perform an effect; waiting moves a clock."""
        kind = type(effect).__name__.lower()
        for entry in self._refusals:
            if entry["of"] == kind:
                self._refusals.remove(entry)
                return Failed(entry["refuse"], entry.get("message", "refused by the script"), at=now)
        self._deliver(now)
        match effect:
            case Subscribe():
                self.subscribed.append(effect)
                self._boxes[effect.key] = Mailbox(effect)
                address = f"inbox/{effect.address}" if effect.inbox else effect.address
                self._boxes[effect.key].effect = replace(effect, address=address)
                self._deliver(now)
                return Subscribed(now, address)
            case Publish():
                self.sent.append(effect)
                self._deliver(now)
                return Published(now)
            case Receive():
                self.received.append(effect)
                return self._receive(effect, now, wait)

    def _receive(self, effect: Receive, now: float, wait: Callable[[float], None]) -> MessageAnswer:
        box, deadline = self._boxes[effect.key], now + effect.seconds
        while True:
            reasons: list[Miss] = []
            for number, message in list(box.came.items()):
                if number <= effect.beyond:
                    continue
                why = miss(effect.match, message)
                if why is None:
                    del box.came[number]
                    return Received(message, now, number, seen=len(reasons) + 1)
                reasons.append(why)
            due = [at for index, at in self._due.items() if index not in self._done and at <= deadline]
            following = min(due, default=deadline)
            wait(max(0.0, following - now))
            now = max(now, following)
            if not due:
                nearest = max(reasons, key=lambda reason: reason.closeness, default=None)
                nearly = f"; the nearest: {nearest.why}" if nearest is not None else ""
                told = f"no message came within {effect.seconds:g} s; {len(reasons)} did not match{nearly}"
                return Failed("receive-timeout", told, at=now)
            self._deliver(now)

    def _deliver(self, now: float) -> None:
        for index, entry in enumerate(self._script):
            ready = len(self.sent) >= entry.get("sends", 0) and self.requests >= entry.get("requests", 0)
            if index in self._done or not ready:
                continue
            due = self._due.setdefault(index, now + entry.get("after", 0.0))
            if due <= now:
                self._done.add(index)
                self._put(self._message(entry))

    def _message(self, entry: Entry) -> Message:
        payload = json.dumps(entry["json"]).encode() if "json" in entry else str(entry.get("text", "")).encode()
        address = str(entry["address"])
        if address == "(the reply's)":
            asked = [effect.message for effect in self.sent if effect.message.reply_to is not None]
            address = asked[-1].reply_to or "" if asked else "nowhere"
        headers = tuple((name, str(value)) for name, value in entry.get("headers", {}).items())
        return Message(payload, headers, address, entry.get("content_type"), correlation_id=entry.get("correlation_id"))

    def _put(self, message: Message) -> None:
        boxes = [box for box in self._boxes.values() if _listens(box.effect.address, message.address)]
        if not boxes:
            self.lost.append(message)
        for box in boxes:
            box.count += 1
            box.came[box.count] = message


def _listens(pattern: str, address: str) -> bool:
    parts = re.split(r"\{[^{}]+\}", pattern)
    return re.fullmatch("[^/]+".join(map(re.escape, parts)), address) is not None


class BrokerWorld(ListWorld):
    """A world that answers requests from a list, and messages from a scripted broker."""

    def __init__(self, answer: AnswerFor, script: Sequence[Entry] = ()) -> None:
        self.broker = ScriptedBroker(script)

        def counted(number: int, effect: Any, now: float) -> Any:
            answered = answer(number, effect, now)
            self.broker.requests += 1
            self.broker._deliver(now)
            return answered

        super().__init__(counted)

    def exchange(self, effect: MessageEffect) -> MessageAnswer:
        answer = self.broker.perform(effect, self.now(), self.sleep)
        return replace(answer, at=self.now())


class AsyncBrokerWorld(AsyncListWorld):
    """The same, asynchronously."""

    def __init__(self, answer: AnswerFor, script: Sequence[Entry] = ()) -> None:
        super().__init__(answer)
        self._broker_world = BrokerWorld(answer, script)
        self._world = self._broker_world
        self.now = self._broker_world.now
        self.broker = self._broker_world.broker

    async def exchange(self, effect: MessageEffect) -> MessageAnswer:
        return self._broker_world.exchange(effect)
