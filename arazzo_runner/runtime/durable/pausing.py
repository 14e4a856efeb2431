"""Pauses of a durable run: it is held before its next effect, goes on by one at a time, or on."""

from __future__ import annotations

import threading
from collections.abc import Callable

SLICE = 0.5
"""Seconds between two looks while a run waits or is held."""


class Brake:
    """Holds one run before its next effect. Its buttons may be pressed in any thread.

    Attributes:
        is_pulled: the run is to be held.
        holds: the run is held now: nothing is sent and nothing is waited for.
    """

    def __init__(self) -> None:
        self.is_pulled = False
        self.holds = False
        self._steps = 0
        self._changed = threading.Condition()

    def pause(self) -> None:
        """Hold the run before its next effect; what is under way is waited for."""
        with self._changed:
            self.is_pulled, self._steps = True, 0
            self._changed.notify_all()

    def step(self) -> None:
        """Let one effect through: a request, or a wait."""
        with self._changed:
            if self.is_pulled:
                self._steps = 1
                self._changed.notify_all()

    def go_on(self) -> None:
        """Let the run go on."""
        with self._changed:
            self.is_pulled, self._steps = False, 0
            self._changed.notify_all()

    def pass_by(self, look: Callable[[], None], held: Callable[[bool], None]) -> None:
        """Return when the next effect may be performed. Called by the run's own thread.

        Args:
            look: called now and then; ends the run by an exception when it is to end.
            held: called when the run is held, and again before it goes on.
        """
        if not self.is_pulled:
            return
        with self._changed:
            if self.is_pulled and not self._steps:
                self.holds = True
        try:
            if self.holds:
                held(True)
            self._wait(look)
        finally:
            self._let_go(held)

    def _wait(self, look: Callable[[], None]) -> None:
        while True:
            with self._changed:
                if not self.is_pulled:
                    return
                if self._steps:
                    self._steps -= 1
                    return
                self._changed.wait(SLICE)
            look()

    def _let_go(self, held: Callable[[bool], None]) -> None:
        if self.holds:
            self.holds = False
            held(False)
