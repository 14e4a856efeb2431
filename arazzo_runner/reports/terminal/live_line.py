"""The one line of a terminal that is rewritten, and the thread that keeps it current."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from arazzo_runner.reports.terminal.cells import cells, cut

FALLBACK_COLUMNS = 80
# From the second cell on first: some terminals keep a copy of a screen that is erased from its very start.
_ERASED = "\r\x1b[C\x1b[J\r\x1b[K"
FRAME = 0.1
"""Seconds between two looks at a live line."""
HEARTBEAT = 30.0
"""Seconds without a line until one says what is waited for, where lines cannot be rewritten."""


def columns_of(stream: TextIO) -> int:
    """Return how many cells a line of a terminal has now."""
    with suppress(OSError, ValueError):
        if columns := os.get_terminal_size(stream.fileno()).columns:
            return columns
    return FALLBACK_COLUMNS


class LiveLine:
    """A line that the next one replaces.

    It is cut to the terminal's width as it is when the line is drawn, without wrapping, and the cursor goes back to its
    start. A terminal that becomes narrower may wrap the line; it keeps the cursor at its start anyway, so that
    everything from there on is erased.

    Args:
        write: writes to the terminal at once.
        columns: returns the terminal's width now.
    """

    def __init__(self, write: Callable[[str], None], columns: Callable[[], int]) -> None:
        self._write = write
        self._columns = columns
        self._drawn = ""
        self._width = 0

    def draw(self, text: str, tail: str = "", *, style: Callable[[str], str] = str) -> None:
        """Show a line instead of the last one.

        Args:
            tail: what stands at its end, whatever has to be cut before it.
            style: colours what was cut.
        """
        # The last cell stays free: a full line leaves some terminals on the next one.
        width = self._columns()
        tail = cut(tail, width - 1)
        text = cut(text, width - 1 - cells(tail)) + tail
        if (text, width) == (self._drawn, self._width):
            return
        erased = _ERASED if self._drawn else ""
        self._drawn, self._width = text, width
        # The width may be out of date by now: a line that is too long must not wrap.
        self._write(f"{erased}\x1b[?7l{style(text)}\x1b[?7h\r")

    def clear(self) -> None:
        """Erase the line; what is written next takes its place."""
        if self._drawn:
            self._drawn = ""
            self._write(_ERASED)


class Ticker:
    """A thread that calls a function again and again, until it is stopped.

    Args:
        tick: returns the seconds until its next call.

    Attributes:
        started: whether it has begun.
    """

    def __init__(self, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self.started = False

    def start(self, first: float) -> None:
        """Begin, unless it has begun.

        Args:
            first: seconds until the first call.
        """
        self.started = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(first,), name="arazzo-progress", daemon=True)
            self._thread.start()

    @property
    def stopped(self) -> bool:
        """Return whether it was stopped."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Call no more; a call that is under way is not waited for."""
        self._stopped.set()

    def _run(self, delay: float) -> None:
        while not self._stopped.wait(delay):
            delay = self._tick()
