"""A buffer of messages of one subscription, and the steps that take from it (M4, M6, M7, M10)."""

from __future__ import annotations

import asyncio
from collections import deque

from msgspec import Struct

from arazzo_runner.effects import Match
from arazzo_runner.engine.matching import Miss, miss
from arazzo_runner.runtime.brokers.connection import Delivery

MAX_MESSAGES = 10_000
MAX_BYTES = 64 * 1024 * 1024
"""Of the payloads and headers that wait in a mailbox (M4)."""


class BufferFull(Exception):
    """More messages wait than a mailbox holds; nothing is dropped in silence (M4)."""


class Letter(Struct, frozen=True, eq=False):
    """A message in a mailbox; ``number`` counts those of the subscription from 1."""

    number: int
    delivery: Delivery


class Mailbox:
    """The messages of a subscription in the order in which they came.

    Args:
        max_messages, max_bytes: beyond them it is full, and stays so.
    """

    def __init__(self, *, max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES) -> None:
        self._letters: deque[Letter] = deque()
        self._bytes = 0
        self._limits = max_messages, max_bytes
        self._count = 0
        self._came = asyncio.Event()
        self._overflowed = False
        self._taken: Letter | None = None
        self.interruptions = 0

    def put(self, delivery: Delivery) -> None:
        """Keep a message for the steps of the run."""
        if self._overflowed:
            return
        self._count += 1
        size = _size(delivery)
        if len(self._letters) >= self._limits[0] or self._bytes + size > self._limits[1]:
            # What waits is of no use to a run that fails: it must not fill the memory until the run notices.
            self._overflowed = True
            self._letters.clear()
        else:
            self._letters.append(Letter(self._count, delivery))
            self._bytes += size
        self._came.set()

    @property
    def waiting(self) -> list[Delivery]:
        """The messages that no step has taken."""
        return [letter.delivery for letter in self._letters]

    def clear(self) -> None:
        """Drop what waits: the broker delivers it again."""
        self._letters.clear()
        self._bytes = 0

    async def take(self, match: Match, seconds: float, beyond: int) -> tuple[Letter, int]:
        """Take the first message that matches, waiting for it.

        Args:
            beyond: the number of a message that was taken in vain; it is put back (M9).

        Returns:
            the message, and how many were looked at.

        Raises:
            TimeoutError: none came in time; its text says how many did, and why the nearest did not match.
            BufferFull: too many wait.
        """
        if self._taken is not None and self._taken.number == beyond:
            self._put_back(self._taken)
        self._taken = None
        seen, looked_at, nearest = 0, beyond, None
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                while True:
                    self._came.clear()
                    if self._overflowed:
                        raise BufferFull(self._overflow())
                    for letter in [one for one in self._letters if one.number > looked_at]:
                        seen, looked_at = seen + 1, letter.number
                        why = miss(match, letter.delivery.message)
                        if why is None:
                            self._remove(letter)
                            return letter, seen
                        nearest = _nearer(nearest, (letter.number, why))
                        if seen % 500 == 0:
                            await asyncio.sleep(0)
                    await self._came.wait()
        except TimeoutError:
            raise TimeoutError(self._in_vain(match, seconds, seen, nearest)) from None

    def _remove(self, letter: Letter) -> None:
        self._letters.remove(letter)
        self._bytes -= _size(letter.delivery)
        self._taken = letter

    def _put_back(self, letter: Letter) -> None:
        index = sum(1 for one in self._letters if one.number < letter.number)
        self._letters.insert(index, letter)
        self._bytes += _size(letter.delivery)

    def _overflow(self) -> str:
        messages, size = self._limits
        return (
            f"more messages wait than the buffer holds, {messages:,} or {size // 2**20} MiB: "
            f"{self._count:,} came, and no step has taken them"
        )

    def _in_vain(self, match: Match, seconds: float, seen: int, nearest: tuple[int, Miss] | None) -> str:
        lost = " (the connection to the broker was lost meanwhile)" if self.interruptions else ""
        which = "" if match.correlation_id is None else f" with the correlation id {match.correlation_id!r}"
        if nearest is None:
            return f"no message{which} came within {seconds:g} s{lost}"
        number, why = nearest
        came = "one message came" if seen == 1 else f"{seen:,} messages came"
        what = "it" if seen == 1 else f"the nearest, number {number},"
        missed = f"no message{which or ' that matches'} came within {seconds:g} s{lost}"
        return f"{missed}: {came}, and {what} did not match: {why.why}"


def _nearer(one: tuple[int, Miss] | None, other: tuple[int, Miss]) -> tuple[int, Miss]:
    return other if one is None or other[1].closeness > one[1].closeness else one


def _size(delivery: Delivery) -> int:
    message = delivery.message
    return len(message.payload) + sum(len(name) + len(value) for name, value in message.headers)
