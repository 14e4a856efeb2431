"""Answers taken from a cassette instead of a network."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from msgspec import Struct

from arazzo_runner.effects import Answered, Failed, Request, Send
from arazzo_runner.runtime.cassettes.differences import Difference, compare
from arazzo_runner.runtime.cassettes.format import Cassette, Interaction
from arazzo_runner.runtime.secrets.redaction import Redactor


class ReplayMiss(Struct, frozen=True):
    """A request that a cassette has no answer for.

    Attributes:
        request: masked.
        index: of the interaction that stood next, from 0; None when there was none left.
        differences: between the request and the one recorded there.
    """

    request: Request
    index: int | None
    differences: tuple[Difference, ...] = ()


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
            self.miss = ReplayMiss(live, None)
            return Failed("replay-miss", message, self._now)
        recorded = self._cassette.interactions[self._next].request
        differences = self._differ(live, recorded)
        if differences:
            self.miss = ReplayMiss(live, self._next, tuple(differences))
            message = f"the request is not the one recorded in {self._cassette.path} (interaction {self._next + 1}): "
            return Failed("replay-miss", message + "; ".join(map(str, differences)), self._now)
        response = self._cassette.interactions[self._next].response
        self._next += 1
        return Answered(response, self._now)

    @property
    def unused(self) -> Sequence[Interaction]:
        """The interactions that no request has asked for."""
        return self._cassette.interactions[self._next :]

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
