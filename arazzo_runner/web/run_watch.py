"""Runs that somebody looks at, each followed by one thread however many pages show it."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from itertools import islice

from arazzo_runner.errors import ArazzoError
from arazzo_runner.reports.flow_graph import Diagram
from arazzo_runner.runtime.runners.handles import RunEngine, RunHandle
from arazzo_runner.runtime.runners.summaries import RunSummary
from arazzo_runner.web.run_story import RunStory

KEPT = 24
"""Runs whose stories are kept in memory."""
_GLANCE = 0.01
_log = logging.getLogger(__name__)


class RunWatch:
    """A run and its story so far.

    Args:
        handle: of the run.
        diagram: of its plan, or None.
    """

    def __init__(self, handle: RunHandle, diagram: Diagram | None) -> None:
        self.handle = handle
        self.story = RunStory(diagram)
        self.summary: RunSummary = handle.summary
        self.caught_up = threading.Event()
        self.trouble = ""
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def lags(self) -> bool:
        """Return whether the run has ended by itself, and the story has not come to that yet."""
        over = self.summary.status in ("succeeded", "failed")
        return over and self.story.outcome is None and self._thread is not None and self._thread.is_alive()

    @property
    def is_told(self) -> bool:
        """Return whether the run has ended, and the story has all of it: nothing of it changes any more."""
        followed = self._thread is not None and self._thread.is_alive()
        return self.summary.is_over and self.caught_up.is_set() and not followed

    def follow(self, handle: RunHandle | None = None) -> None:
        """Follow the run from where the story is, unless it is followed already.

        Args:
            handle: a newer one, by which it has been resumed.
        """
        with self._lock:
            self.handle = handle or self.handle
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._read, name="arazzo web: run", daemon=True)
                self._thread.start()

    def look(self) -> RunSummary:
        """Return all that is known of the run now; follow it again when somebody has resumed it."""
        found = self.handle.summary
        if found != self.summary:
            self.summary = found
            self.story.version += 1
        if not found.is_over and found.status == "running":
            self.follow()
        return found

    def _read(self) -> None:
        try:
            # What there is, first: a page that opens need not wait for what is to come.
            self._take(follow=False)
            self.caught_up.set()
            # Of a run that has ended since, the rest is there.
            self._take(follow=self.handle.summary.status == "running")
            self.trouble = ""
        except ArazzoError as error:
            self.trouble = error.message
        except Exception as error:  # noqa: BLE001 - the page says so; what it says may hold a secret
            _log.error("a run cannot be followed: %s", type(error).__name__)
            self.trouble = "the events of this run cannot be read"
        finally:
            self.caught_up.set()
            self.story.version += 1

    def _take(self, *, follow: bool) -> None:
        for event in islice(self.handle.events(follow=follow), self.story.events, None):
            self.story.take(event)


class RunWatches:
    """The runs that somebody looks at, by id.

    Args:
        diagram: returns the diagram of a run's plan, or None.
    """

    def __init__(self, engine: RunEngine, diagram: Callable[[RunSummary], Diagram | None]) -> None:
        self._engine = engine
        self._diagram = diagram
        self._watches: OrderedDict[str, RunWatch] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, run_id: str) -> RunWatch:
        """Return the watch of a run.

        Raises:
            JournalError: there is no such run.
        """
        with self._lock:
            found = self._watches.get(run_id)
            if found is not None:
                self._watches.move_to_end(run_id)
        if found is None:
            handle = self._engine.handle(run_id)
            made = RunWatch(handle, self._diagram(handle.summary))
            with self._lock:
                found = self._watches.setdefault(run_id, made)
                self._forget()
            found.follow()
        return found

    def begun(self, handle: RunHandle) -> None:
        """Follow a run that has just been started or resumed."""
        with self._lock:
            found = self._watches.get(handle.id)
        if found is not None:
            found.follow(handle)
            return
        made = RunWatch(handle, self._diagram(handle.summary))
        with self._lock:
            self._watches[handle.id] = made
            self._forget()
        made.follow()

    def _forget(self) -> None:
        """Forget the stories that nobody has looked at for longest, but for runs that this process drives."""
        over = [run_id for run_id, watch in self._watches.items() if watch.summary.status != "running"]
        for run_id in over[: max(len(self._watches) - KEPT, 0)]:
            del self._watches[run_id]


def wait_for(watch: RunWatch, seconds: float) -> None:
    """Wait until the story has what there is of the run, its end if it has ended, or for so long."""
    end = time.monotonic() + seconds
    watch.look()
    watch.caught_up.wait(seconds)
    while watch.lags and time.monotonic() < end:
        time.sleep(_GLANCE)
