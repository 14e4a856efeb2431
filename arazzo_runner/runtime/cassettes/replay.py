"""Answers taken from a cassette instead of a network."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.effects import (
    Answered,
    Failed,
    MessageAnswer,
    MessageEffect,
    Publish,
    Published,
    Receive,
    Received,
    Request,
    Send,
    Subscribe,
    Subscribed,
)
from arazzo_runner.engine.matching import miss
from arazzo_runner.runtime.cassettes.differences import Difference, compare
from arazzo_runner.runtime.cassettes.format import Cassette, Interaction
from arazzo_runner.runtime.cassettes.messages import RecordedMessage, as_request
from arazzo_runner.runtime.secrets.redaction import Redactor


class ReplayMiss(Struct, frozen=True):
    """A request or a message that a cassette has no answer for.

    Attributes:
        asked: what was asked for, for people; masked.
        request: masked; a message as a request has its parts. None for a message that was waited for.
        index: of the interaction or message that stood next, from 0; None when there was none left.
        differences: between the request and the one recorded there.
        recorded: what is recorded there, as ``request``; or None.
    """

    asked: str
    request: Request | None
    index: int | None
    differences: tuple[Difference, ...] = ()
    recorded: Request | None = None
    is_message: bool = False


Differ: TypeAlias = Callable[[Request, Request], list[Difference]]


class Replay:
    """A world that answers from a cassette alone; it opens no socket and never waits (F5).

    Its clock starts at the real time and moves by the waits that were asked for.

    Args:
        differ: how a request, masked, differs from the one recorded in its place; nothing makes it that one.

    Attributes:
        miss: the request that the cassette had no answer for, or None.
    """

    def __init__(self, cassette: Cassette, redactor: Redactor, *, differ: Differ = compare) -> None:
        self._cassette = cassette
        self._differ = differ
        self._redactor = redactor
        self._next = 0
        self._now = time.time()
        self._next_message = 0
        self.miss: ReplayMiss | None = None

    def now(self) -> float:
        """Seconds since the epoch, the waits counted as if they had been waited."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self._now += seconds

    def send(self, effect: Send) -> Answered | Failed:
        """The next interaction's response, if it is for this request; else ``replay-miss``."""
        live = self._redactor.request(effect.request)
        if self._next >= len(self._cassette.interactions):
            message = f"{live.method} {live.url}: {self._cassette.path} has no further interaction{self._nearest(live)}"
            self.miss = ReplayMiss(f"{live.method} {live.url}", live, None)
            return Failed("replay-miss", message, self._now)
        recorded = self._cassette.interactions[self._next].request
        differences = self._differ(live, recorded)
        if differences:
            asked = f"{live.method} {live.url}"
            self.miss = ReplayMiss(asked, live, self._next, tuple(differences), recorded)
            message = f"the request is not the one recorded in {self._cassette.path} (interaction {self._next + 1}): "
            return Failed("replay-miss", message + "; ".join(map(str, differences)), self._now)
        response = self._cassette.interactions[self._next].response
        self._next += 1
        return Answered(response, self._now)

    # Messages

    def exchange(self, effect: MessageEffect) -> MessageAnswer:
        """The next message, if it is what is sent or waited for; else ``replay-miss`` (M20)."""
        match effect:
            case Subscribe(inbox=False):
                return Subscribed(self._now, effect.address)
            case Subscribe():
                return self._listen(effect)
            case Publish():
                return self._publish(effect)
            case Receive():
                return self._receive(effect)

    def _listen(self, effect: Subscribe) -> MessageAnswer:
        recorded = self._recorded("listen", f"listen for replies of {effect.broker.source}")
        return recorded if isinstance(recorded, Failed) else Subscribed(self._now, recorded.message.address)

    def _publish(self, effect: Publish) -> MessageAnswer:
        live = self._redactor.message(effect.message)
        recorded = self._recorded("send", f"send {live.address}", as_request(live))
        if isinstance(recorded, Failed):
            return recorded
        sent, then = as_request(live), as_request(recorded.message)
        differences = self._differ(sent, then)
        if differences:
            index = self._next_message - 1
            self.miss = ReplayMiss(f"send {live.address}", sent, index, tuple(differences), then, is_message=True)
            message = f"the message is not the one recorded in {self._cassette.path} (message {index + 1}): "
            return Failed("replay-miss", message + "; ".join(map(str, differences)), self._now)
        return Published(self._now)

    def _receive(self, effect: Receive) -> MessageAnswer:
        recorded = self._recorded("receive", "receive a message")
        if isinstance(recorded, Failed):
            return recorded
        if recorded.in_vain:
            self._now += effect.seconds
            return Failed("receive-timeout", recorded.in_vain, self._now)
        wanted = effect.match.correlation_id
        masked = None if wanted is None else self._redactor.text(wanted)
        why = miss(replace(effect.match, correlation_id=masked), recorded.message)
        if why is not None:
            index = self._next_message - 1
            self.miss = ReplayMiss(recorded.title, None, index, is_message=True)
            message = f"the message recorded in {self._cassette.path} (message {index + 1}) is not the one waited for"
            return Failed("replay-miss", f"{message}: {why.why}", self._now)
        return Received(recorded.message, self._now, self._next_message, seen=recorded.seen)

    def _recorded(self, action: str, asked: str, request: Request | None = None) -> RecordedMessage | Failed:
        """The next message, if the run does now what it did then."""
        messages, index = self._cassette.messages, self._next_message
        if index >= len(messages):
            self.miss = ReplayMiss(asked, request, None, is_message=True)
            return Failed("replay-miss", f"{asked}: {self._cassette.path} has no further message", self._now)
        if messages[index].action != action:
            self.miss = ReplayMiss(asked, request, index, is_message=True)
            then = f"message {index + 1} of {self._cassette.path} is to {messages[index].title}"
            return Failed("replay-miss", f"{asked}: {then}", self._now)
        self._next_message += 1
        return messages[index]

    @property
    def unused(self) -> Sequence[Interaction | RecordedMessage]:
        """The interactions and messages that the run has not asked for."""
        return (*self._cassette.interactions[self._next :], *self._cassette.messages[self._next_message :])

    def _nearest(self, live: Request) -> str:
        ranked = sorted(self._cassette.interactions, key=lambda i: len(compare(live, i.request)))
        if not ranked:
            return ""
        nearest = ranked[0].request
        differences = compare(live, nearest)
        what = "; ".join(map(str, differences)) if differences else "it was recorded, and was used already"
        return f". The nearest one recorded is {nearest.method} {nearest.url}: {what}"


class AsyncReplay:
    """``Replay`` for the asynchronous driver."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self.now = replay.now

    async def send(self, effect: Send) -> Answered | Failed:
        """See ``Replay.send``."""
        return self._replay.send(effect)

    async def sleep(self, seconds: float) -> None:
        """See ``Replay.sleep``."""
        self._replay.sleep(seconds)

    async def exchange(self, effect: MessageEffect) -> MessageAnswer:
        """See ``Replay.exchange``."""
        return self._replay.exchange(effect)
