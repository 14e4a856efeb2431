"""Ctrl-C: a run stops at an effect, never between two. A durable one loses no answer that is on its way already.

The first one waits for what is under way and may change something, and for nothing else; the second waits for nothing,
and leaves such a request ambiguous.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self

from arazzo_runner.effects import Answered, Failed, MessageAnswer, MessageEffect, Send
from arazzo_runner.runtime.drivers import World, exchange

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def silent(_: str) -> None:
    """Say nothing: nobody asked for it."""


class Interruption:
    """Return whether this process was asked to stop.

    Attributes:
        asked: whether it was.
        tell: says that something is waited for.
    """

    def __init__(self) -> None:
        self.asked = False
        self.tell: Callable[[str], None] = silent
        self._at_once = False

    @contextmanager
    def listening(self) -> Iterator[Self]:
        """Take the signals that ask a process to stop; in the main thread only."""
        with _handled(SIGNALS, self.take):
            yield self

    def take(self, number: int, frame: FrameType | None) -> None:
        """Take a signal.

        Raises:
            KeyboardInterrupt: it is the second one, or nothing can be lost.
        """
        if self.asked or self._at_once:
            self.asked = True
            signal.default_int_handler(number, frame)
        self.asked = True
        self.tell("stopping when the requests under way are answered; press Ctrl-C again to stop now")

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """While nothing can be lost: the one run of this process waits, or its request can be sent again."""
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False


@contextmanager
def termination_as_interruption() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a process as Ctrl-C does; in the main thread only."""
    with _handled(SIGNALS[1:], signal.default_int_handler):
        yield


@contextmanager
def _handled(signals: Iterable[int], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in signals}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


class InterruptibleWorld:
    """A world whose effects an interruption breaks off. One that comes between two of them waits for the next.

    So a run always ends where its listeners know all that happened.
    """

    def __init__(self, world: World, interruption: Interruption) -> None:
        self._world = world
        self._interruption = interruption

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._world.now()

    def send(self, effect: Send) -> Answered | Failed:
        """Send.

        Raises:
            KeyboardInterrupt: an interruption was asked for.
        """
        with self._breakable():
            return self._world.send(effect)

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            KeyboardInterrupt: an interruption was asked for.
        """
        with self._breakable():
            self._world.sleep(seconds)

    def exchange(self, effect: MessageEffect) -> MessageAnswer:
        """Exchange a message.

        Raises:
            KeyboardInterrupt: an interruption was asked for.
        """
        with self._breakable():
            return exchange(effect, self._world)

    @contextmanager
    def _breakable(self) -> Iterator[None]:
        with self._interruption.at_once():
            if self._interruption.asked:
                raise KeyboardInterrupt
            yield
