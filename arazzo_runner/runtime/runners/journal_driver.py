"""Threads that drive the durable runs of a journal."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arazzo_runner.engine.events import Event
    from arazzo_runner.runtime.decisions import Decision
    from arazzo_runner.runtime.drivers import Listener
    from arazzo_runner.runtime.durable.pausing import Brake
    from arazzo_runner.runtime.durable.run import DurableRun
    from arazzo_runner.runtime.durable.runs import DurableRuns
    from arazzo_runner.runtime.interruption import Interruption
    from arazzo_runner.runtime.run.carriers import Carrier
    from arazzo_runner.runtime.run.session import RunResult


class JournalDriver(threading.Thread):
    """A thread that drives one run to its end.

    Args:
        drive: opens the journal, to drive runs.
        begin: starts or resumes the run.
        decision: what to do about a request whose answer is unknown.
        paused: hold the run before its first effect.

    Attributes:
        brake: of the run; None before it has begun.
        told: set with every event.
    """

    def __init__(
        self,
        drive: Callable[[], AbstractContextManager[DurableRuns]],
        begin: Callable[[DurableRuns], tuple[DurableRun, Carrier]],
        listeners: Sequence[Listener],
        decision: Decision | None,
        *,
        paused: bool = False,
    ) -> None:
        super().__init__(name="arazzo run", daemon=True)
        self._drive = drive
        self._begin = begin
        self._listeners = listeners
        self._decision = decision
        self._paused = paused
        self._run_id = ""
        self._interruption: Interruption | None = None
        self.brake: Brake | None = None
        self._begun = threading.Event()
        self.told = threading.Event()
        self.result: RunResult | None = None
        self.error: BaseException | None = None

    def begun(self) -> str:
        """Wait until the run is stored, and return its id; an error before that is raised here."""
        self._begun.wait()
        if not self._run_id:
            self.join()
            raise self.error or RuntimeError("the run has not begun")
        return self._run_id

    def run(self) -> None:
        _DRIVERS.add(self)
        try:
            with self._drive() as runs:
                self._interruption = runs.interruption
                run, carrier = self._begin(runs)
                self.brake = run.brake
                if self._paused:
                    run.brake.pause()
                run.session.keep_history()
                run.session.listen(*self._listeners, self._tell)
                self._run_id = run.id
                self._begun.set()
                with carrier.open_for(run.session) as world:
                    self.result = run.run(world, self._decision)
        except BaseException as error:  # noqa: BLE001 - whoever waits for the run gets it
            self.error = error
        finally:
            self._begun.set()
            self.told.set()

    def _tell(self, _: Event) -> None:
        self.told.set()

    def interrupt(self) -> None:
        """Let the run stop where nothing is lost."""
        if self._interruption is not None:
            self._interruption.asked = True


_DRIVERS: weakref.WeakSet[JournalDriver] = weakref.WeakSet()


def interrupt_runs() -> None:
    """Let the runs that this process drives stop where nothing is lost; they do so in their threads."""
    for driver in list(_DRIVERS):
        driver.interrupt()


@atexit.register
def _stop_all() -> None:
    """Stop the runs of a process that ends between two effects: none of their answers is lost."""
    interrupt_runs()
    for driver in list(_DRIVERS):
        driver.join()
