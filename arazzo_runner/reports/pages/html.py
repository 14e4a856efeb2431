"""A run as a page: one file that needs nothing else, in which everything that came from outside is text.

The listener keeps what it will show as plain data in a spool; ``write`` draws the plan and the timeline from it and
streams the page. No markup is made in Python, and the template escapes all that it is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self, TextIO

from arazzo_runner.engine.events import (
    Attempt,
    Authenticated,
    Event,
    Outcome,
    Reason,
    RunFinished,
    RunStarted,
    Waiting,
    Warned,
    WorkflowEntered,
)
from arazzo_runner.errors import Place, Problem, Severity
from arazzo_runner.reports.flow_graph import Diagram
from arazzo_runner.reports.pages.html_layout import draw
from arazzo_runner.reports.pages.html_timeline import Span, timeline
from arazzo_runner.reports.pages.html_views import MAX_BODY, attempt_view, clock, reason_view, values_view
from arazzo_runner.reports.pages.templating import write_page
from arazzo_runner.reports.spool import Spool
from arazzo_runner.reports.standing import standing
from arazzo_runner.reports.summary import Attempts, RunPath
from arazzo_runner.reports.text import duration

MAX_BODIES = 10_000_000
"""Characters of all bodies together, after which ``FEW`` of each are shown: a page has to stay one that opens."""
FEW = 400
FIRST, LAST = 1000, 1000
"""Of a longer run the page shows that many attempts of its beginning and of its end; its counts are of all."""
MAX_WARNINGS = 200

SourceLine = Callable[[Place], str | None]


class HtmlReport:
    """A listener that collects a run; ``write`` returns the page once it has ended. Use it as a context manager.

    Args:
        document: what was run, as the user named it.
        diagram: of the plan (``summary.diagram_of``), or None for a page without.
        problems: of the plan; its warnings are shown.
        source_line: returns the text of a document's line, secrets masked, for a failure; None when it is not known.

    Attributes:
        index: relative URL of the page of all runs that this is one of, or empty.
    """

    def __init__(
        self,
        document: str,
        *,
        diagram: Diagram | None = None,
        problems: Sequence[Problem] = (),
        source_line: SourceLine = lambda _: None,
    ) -> None:
        self.index = ""
        self._document = document
        self._diagram = diagram
        self._source_line = source_line
        self._attempts = Attempts()
        self._entries = Spool()
        self._path = RunPath()
        self._number = 0
        self._shown = 0
        self._waited = 0.0
        self._last: dict[str, dict[str, Any]] = {}
        self._breaches: dict[str, int] = {}
        self._outcome: Outcome | None = None
        self._warnings: Counter[tuple[str, str]] = Counter(
            (f"{problem.place}: {problem.message} [{problem.rule}]", problem.hint)
            for problem in problems
            if problem.severity is Severity.WARNING
        )

    def __call__(self, event: Event) -> None:
        """Take an event."""
        attempt = self._attempts.of(event)
        if attempt is not None:
            self._attempt(attempt)
        match event:
            case RunStarted(workflow_id):
                self._path.entered[workflow_id] += 1
            case WorkflowEntered(workflow_id, _, cause):
                self._path.entered[workflow_id] += 1
                self._entries.append({"kind": "workflow", "workflow": workflow_id, "cause": cause})
            case Authenticated(_, step_id, _, scheme, request, response):
                beside = {"kind": "beside", "step": step_id, "scheme": scheme, "what": request.method}
                status = None if response is None else response.status
                self._entries.append({**beside, "url": request.url, "status": status})
            case Waiting(workflow_id, step_id, seconds, why, at):
                self._waited += seconds
                wait = {"kind": "wait", "workflow": workflow_id, "step": step_id, "why": why}
                self._entries.append({**wait, "start": at, "seconds": seconds, "for": duration(seconds)})
            case Warned(message, step_id, hint) if len(self._warnings) < MAX_WARNINGS:
                self._warnings[message, hint] += 1
            case RunFinished(outcome):
                self._outcome = outcome
            case _:
                pass

    def _attempt(self, attempt: Attempt) -> None:
        self._number += 1
        self._path.take(attempt, self._number)
        entry = attempt_view(attempt, self._number, MAX_BODY if self._shown < MAX_BODIES else FEW)
        for message in ("request", "response"):
            self._shown += len(entry[message]["body"]["text"]) if entry[message] else 0
        unmet = [criterion for criterion in entry["criteria"] if not criterion["passed"]]
        self._last[attempt.step_id] = {"number": self._number, "unmet": unmet}
        if attempt.breaks_contract and len(self._breaches) < MAX_WARNINGS:
            for problem in attempt.problems:
                self._breaches.setdefault(problem, self._number)
        self._entries.append(entry)

    def write(self, stream: TextIO) -> None:
        """Write the page.

        Raises:
            RuntimeError: the run has not ended.
        """
        if self._outcome is None:
            raise RuntimeError("the run has not ended")
        outcome = self._outcome
        spans = (Span.of(entry) for entry in self._visible() if entry["kind"] in ("attempt", "wait"))
        write_page(
            "report.html.jinja",
            stream,
            document=self._document,
            index=self.index,
            outcome=outcome,
            status=standing(outcome),
            started=clock(outcome.started_at),
            took=duration(outcome.duration),
            waited=duration(self._waited) if self._waited else "",
            failure=self._failure(outcome.reason),
            warnings=[{"message": m, "hint": h, "times": n} for (m, h), n in self._warnings.items()],
            inputs=values_view(outcome.inputs),
            outputs=values_view(outcome.outputs),
            failures=sum(tally.failures for tally in self._path.steps.values()),
            drawings=draw(self._diagram, self._path) if self._diagram else (),
            timeline=timeline(spans, outcome.started_at, outcome.duration),
            entries=self._visible(),
            hidden=self._hidden(),
            total=self._number,
        )

    def _hidden(self) -> range:
        """Numbers of the attempts that are not listed."""
        return range(FIRST + 1, self._number - LAST + 1)

    def _visible(self) -> Iterator[Mapping[str, Any]]:
        """Return the entries to list: all of a short run, beginning and end of a long one and a note between."""
        hidden = self._hidden()
        number = 0
        for entry in self._entries:
            number = entry.get("number", number)
            if number not in hidden:
                yield entry
            elif number == hidden.start and entry["kind"] == "attempt":
                yield {"kind": "gap", "first": hidden.start, "last": hidden.stop - 1}

    def _failure(self, reason: Reason | None) -> Mapping[str, Any] | None:
        if reason is None:
            return None
        place = reason.place
        line = self._source_line(place) if place is not None and place.line else None
        last = self._last.get(reason.step_id or "", {"number": None, "unmet": []})
        number, hidden = last["number"], self._hidden()
        return {
            **reason_view(reason),
            "line": line,
            "number": place.line if place is not None else 0,
            "caret": " " * max(place.column - 1, 0) + "^" if place is not None else "",
            "attempt": None if number in hidden else number,
            "unmet": last["unmet"],
            "breaches": [(text, None if at in hidden else at) for text, at in self._breaches.items()],
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._entries.close()
