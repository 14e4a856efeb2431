"""Worlds that answer from a list, with a clock of their own: for tests of flow that need no server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.effects import Answered, Failed, Response, Send

AnswerFor = Callable[[int, Send, float], Answered | Failed]


class ListWorld:
    """Answers the n-th request with ``answer(n, effect, now)``; waits move the clock."""

    def __init__(self, answer: AnswerFor) -> None:
        self._answer = answer
        self._now = 1000.0
        self.sent = 0

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds

    def send(self, effect: Send) -> Answered | Failed:
        self.sent += 1
        return self._answer(self.sent - 1, effect, self._now)


class AsyncListWorld:
    """The same, asynchronously."""

    def __init__(self, answer: AnswerFor) -> None:
        self._world = ListWorld(answer)
        self.now = self._world.now

    async def sleep(self, seconds: float) -> None:
        self._world.sleep(seconds)

    async def send(self, effect: Send) -> Answered | Failed:
        return self._world.send(effect)


def as_recorded(value: Any) -> Any:
    """An event as far as a cassette can give it back: without times, header fields in order of their names."""
    if isinstance(value, Response):
        return replace(value, headers=tuple(sorted(value.headers)))
    if isinstance(value, Struct):
        changes = {
            name: 0.0 if name in ("at", "started_at", "duration") else as_recorded(getattr(value, name))
            for name in value.__struct_fields__
        }
        return replace(value, **changes)
    return tuple(as_recorded(item) for item in value) if isinstance(value, tuple) else value
