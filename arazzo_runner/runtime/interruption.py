"""Ctrl-C of durable runs: a run stops between two effects, so that no answer is lost that is on its way already.

The first one waits for what is under way and may change something, and for nothing else; the second waits for nothing,
and leaves such a request ambiguous.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interruption:
    """Whether this process was asked to stop.

    Attributes:
        asked: whether it was.
        tell: says that something is waited for.
    """

    def __init__(self) -> None:
        self.asked = False
        self.tell: Callable[[str], None] = lambda _: None
        self._at_once = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals that ask a process to stop; in the main thread only."""
        before = {number: signal.signal(number, self.take) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def take(self, number: int, frame: FrameType | None) -> None:
        """Take a signal.

        Raises:
            KeyboardInterrupt: it is the second one, or nothing can be lost.
        """
        if self.asked or self._at_once:
            self.asked = True
            signal.default_int_handler(number, frame)
        self.asked = True
        self.tell("stopping when the requests under way are answered; once more to stop at once")

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """While nothing can be lost: the one run of this process waits, or its request can be sent again."""
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False
