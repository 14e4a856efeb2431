"""A run as its page tells it: the list of what happened, the way through the plan, and what is under way."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from arazzo_runner.engine.events import (
    Attempt,
    AttemptStarted,
    Authenticated,
    Event,
    MessageAwaited,
    Outcome,
    RunFinished,
    RunStarted,
    Waiting,
    Warned,
    WorkflowEntered,
)
from arazzo_runner.reports.flow_graph import Diagram
from arazzo_runner.reports.pages.html_layout import Drawing, draw
from arazzo_runner.reports.pages.html_timeline import Span, Timeline, timeline
from arazzo_runner.reports.pages.html_views import line_view
from arazzo_runner.reports.summary import Attempts, RunPath
from arazzo_runner.reports.text import duration
from arazzo_runner.web.attempt_store import AttemptStore

_WAITS = {
    "request": "waiting for the answer to",
    "send": "waiting for the broker to take the message to",
    "receive": "waiting for a message at",
}
PAGE = 100
"""Entries of the list that are sent at once."""
SPANS = 300
"""Of a longer run the timeline shows that many of the latest attempts and waits."""


class UnderWay(Struct, frozen=True):
    """The thing that a run does now.

    Attributes:
        kind: ``request`` or ``wait``; of messages ``send`` or ``receive``.
        workflow, step: where it does so.
        what: method and URL of the request, why it waits, or the address of the message.
        until: when the wait is over, seconds since the epoch; None for a request or a message that is sent.
        number: of the attempt, from 1.
    """

    kind: str
    workflow: str
    step: str
    what: str
    since: float
    until: float | None = None
    number: int = 1


class RunStory:
    """The events of one run, gathered for its page. Events are taken in one thread and looked at in others.

    Args:
        diagram: of the plan, or None where it is not known.
    """

    def __init__(self, diagram: Diagram | None) -> None:
        self.lock = threading.Lock()
        self.version = 0
        self.events = 0
        self.started: RunStarted | None = None
        self.outcome: Outcome | None = None
        self.under_way: UnderWay | None = None
        self.entries: list[dict[str, Any]] = []
        self.failures = 0
        self.waited = 0.0
        self.attempts = AttemptStore()
        self._diagram = diagram
        self._seen = Attempts()
        self._path = RunPath()
        self._spans: deque[Span] = deque(maxlen=SPANS)
        self._all_spans = 0
        self._latest = 0.0

    def take(self, event: Event) -> None:
        """Take an event."""
        with self.lock:
            self.version += 1
            self.events += 1
            attempt = self._seen.of(event)
            if attempt is not None:
                self._attempt(attempt)
            self._latest = max(self._latest, getattr(event, "at", 0.0))
            self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case RunStarted(workflow_id):
                self.started = event
                self._path.entered[workflow_id] += 1
            case WorkflowEntered(workflow_id, _, cause):
                self._path.entered[workflow_id] += 1
                self.entries.append({"kind": "workflow", "workflow": workflow_id, "cause": cause})
            case AttemptStarted(workflow_id, step_id, _, _, _, at):
                self.under_way = UnderWay("request", workflow_id, step_id, event.title, at)
            case MessageAwaited(workflow_id, step_id, number, _, exchanged, seconds, at):
                until = None if seconds is None else at + seconds
                where = (workflow_id, step_id, exchanged.address)
                self.under_way = UnderWay(exchanged.action, *where, at, until, number)
            case Authenticated(_, step_id, _, scheme, request, response):
                beside = {"kind": "beside", "step": step_id, "scheme": scheme, "what": request.method}
                status = None if response is None else response.status
                self.entries.append({**beside, "url": request.url, "status": status})
            case Waiting(workflow_id, step_id, seconds, why, at):
                self.waited += seconds
                self.under_way = UnderWay("wait", workflow_id, step_id, why, at, at + seconds)
                wait = {"kind": "wait", "workflow": workflow_id, "step": step_id, "why": why}
                self._listed({**wait, "start": at, "seconds": seconds, "for": duration(seconds)})
            case Warned(message, step_id, hint):
                self.entries.append({"kind": "warning", "message": message, "step": step_id or "", "hint": hint})
            case RunFinished(outcome):
                self.outcome, self.under_way = outcome, None
            case _:
                pass

    def _attempt(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)
        number = len(self.attempts)
        self.failures += attempt.verdict == "failed"
        self.under_way = None
        self._path.take(attempt, number)
        self._listed(line_view(attempt, number))

    def _listed(self, entry: dict[str, Any]) -> None:
        self.entries.append(entry)
        self._spans.append(Span.of(entry))
        self._all_spans += 1

    # Looking

    def attempt(self, number: int) -> Attempt | None:
        """Return an attempt, whole; None when there is none of that number."""
        with self.lock:
            return self.attempts[number] if 1 <= number <= len(self.attempts) else None

    def listed(self, start: int, stop: int) -> Sequence[Mapping[str, Any]]:
        """Return entries of the list."""
        with self.lock:
            return self.entries[max(start, 0) : stop]

    def place_of(self, number: int) -> int:
        """Return the place of an attempt in the list; -1 when it is not there."""
        with self.lock:
            places = (place for place, entry in enumerate(self.entries) if entry.get("number") == number)
            return next(places, -1)

    def drawings(self) -> Sequence[Drawing]:
        """Return the flow of each workflow, with the way that the run took."""
        with self.lock:
            return draw(self._diagram, self._path) if self._diagram is not None else ()

    def timeline(self, now: float) -> tuple[Timeline, int]:
        """Return the timeline of the latest attempts and waits, and how many earlier ones it leaves out.

        Args:
            now: of a run that is under way; its present request reaches there.
        """
        with self.lock:
            spans = list(self._spans)
            hidden = self._all_spans - len(spans)
            began = self.started.at if self.started is not None else 0.0
            if hidden and spans:
                began = min(span.start for span in spans)
            way = self.under_way
            if way is not None and way.kind != "wait" and self.outcome is None:
                title = f"{_WAITS[way.kind]} {way.what}"
                spans.append(Span(way.workflow, way.step, way.since, max(now - way.since, 0.0), "wait", title))
            seconds = self._latest - began
            if self.outcome is not None and not hidden:
                seconds = self.outcome.duration
        return timeline(spans, began, seconds) if spans else timeline((), began, 0.0), hidden

    def close(self) -> None:
        """Let go of everything."""
        self.attempts.close()
