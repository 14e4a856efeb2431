"""The progress of many runs: a live line on a terminal, a line in half a minute elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from arazzo_runner.reports.terminal.live_line import FRAME, HEARTBEAT, LiveLine, Ticker


class RunsProgress:
    """A line on ``stream`` that says how far something is. Close it at the end: it has a thread.

    Args:
        text: returns the line, from the seconds since the start.
        columns: returns the terminal's width; None where lines cannot be rewritten.
        heartbeat: seconds between two lines there.
    """

    def __init__(
        self,
        stream: TextIO,
        text: Callable[[float], str],
        columns: Callable[[], int] | None,
        *,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self._stream = stream
        self._text = text
        self._began = time.monotonic()
        self._heartbeat = heartbeat
        self._lock = threading.RLock()
        self._live = None if columns is None else LiveLine(self._write, columns)
        self._ticker = Ticker(self._tick)

    def start(self) -> None:
        """Show it from now on."""
        if self._live is not None:
            self._tick()
        self._ticker.start(FRAME if self._live is not None else self._heartbeat)

    def close(self) -> None:
        """Show no more."""
        self._ticker.stop()
        with self._lock:
            if self._live is not None:
                self._live.clear()
            self._live = None

    @contextmanager
    def aside(self) -> Iterator[None]:
        """While something else is written to the terminal."""
        with self._lock:
            if self._live is not None:
                self._live.clear()
            yield

    def _tick(self) -> float:
        with self._lock:
            text = self._text(time.monotonic() - self._began)
            if self._live is not None:
                self._live.draw(text)
                return FRAME
            if not self._ticker.stopped:
                self._write(f"  … {text}\n")
            return self._heartbeat

    def _write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)
            self._stream.flush()
