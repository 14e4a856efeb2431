"""The regions of a run's page, each rendered for itself: a live page takes those that have changed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from arazzo_runner.engine.events import Outcome
from arazzo_runner.reports.pages.html_views import clock, reason_view, values_view
from arazzo_runner.reports.standing import standing
from arazzo_runner.reports.text import duration
from arazzo_runner.runtime.durable.resuming import OpenDecision
from arazzo_runner.runtime.durable.resumption import MISSED
from arazzo_runner.runtime.runners.summaries import RunSummary
from arazzo_runner.web.rendering import Rendering
from arazzo_runner.web.run_story import PAGE
from arazzo_runner.web.run_watch import RunWatch
from arazzo_runner.web.site import WebSite
from arazzo_runner.web.steering import brake_of, decision_about, secret_fields, setup_of

AMBIGUOUS = "ambiguous-request"


class RunStanding(Struct, frozen=True):
    """The standing of a run, in the words of the page.

    Attributes:
        status: ``running``, ``stopped``, ``succeeded``, ``failed`` or ``cancelled``.
        held: it is held before its next effect.
        pausing: it will be, when what is under way is over.
        steerable: this server drives it.
    """

    status: str
    held: bool = False
    pausing: bool = False
    steerable: bool = False


def state_of(watch: RunWatch) -> RunStanding:
    """Return where a run stands now."""
    summary, outcome = watch.summary, watch.story.outcome
    status = standing(outcome) if outcome is not None and summary.is_over else summary.status
    brake = brake_of(watch)
    if brake is None or summary.status != "running":
        return RunStanding(status)
    return RunStanding(status, brake.holds, brake.is_pulled and not brake.holds, steerable=True)


class RunRegions:
    """Renders the regions of runs."""

    def __init__(self, site: WebSite, rendering: Rendering) -> None:
        self._site = site
        self._rendering = rendering

    def fingerprint(self, watch: RunWatch) -> tuple[Any, ...]:
        """Return what changes whenever a region may have changed."""
        state = state_of(watch)
        return (watch.story.version, state.status, state.held, state.pausing, watch.summary.reason)

    def all_of(self, watch: RunWatch) -> dict[str, str]:
        """Return every region but the list of attempts, by its id."""
        content = self.content(watch)
        names = ("standing", "decision", "flow", "time", "ends", "inputs")
        return {name: self._rendering.text("run_region.html.jinja", region=name, **content) for name in names}

    def entries(self, watch: RunWatch, start: int, stop: int) -> str:
        """Return entries of the list of attempts."""
        return self._rendering.text(
            "run_region.html.jinja", region="entries", run=watch.summary, entries=watch.story.listed(start, stop)
        )

    def content(self, watch: RunWatch) -> dict[str, Any]:
        """Return what the templates of a run's page are given."""
        story, summary = watch.story, watch.summary
        state, now = state_of(watch), time.time()
        outcome = story.outcome
        offer = self._site.offer_of_run(summary.workflow_id, summary.document)
        laid_out, hidden = story.timeline(now)
        return {
            "run": summary,
            "state": state,
            "story": story,
            "outcome": outcome,
            "now": now,
            "started": clock(summary.started_at),
            "took": duration(_took(summary, outcome, now)),
            "waited": duration(story.waited) if story.waited else "",
            "total": len(story.attempts),
            "offer": None if offer is None else offer.name,
            "lit": _lit(watch, state),
            "failure": self._failure(watch, outcome),
            "drawings": story.drawings(),
            "timeline": laid_out,
            "hidden_spans": hidden,
            "inputs": values_view(story.started.inputs if story.started is not None else {}),
            "outputs": values_view(outcome.outputs if outcome is not None else {}),
            "decision": self._decision(summary, state),
            "trouble": watch.trouble,
            "allowed": self._site.allow_run,
            "last_page": max(len(story.entries) - PAGE, 0),
        }

    def _failure(self, watch: RunWatch, outcome: Outcome | None) -> Mapping[str, Any] | None:
        if outcome is None or outcome.reason is None:
            return None
        reason = reason_view(outcome.reason)
        story = watch.story
        entries = story.listed(0, len(story.entries))
        numbers = [entry["number"] for entry in entries if entry.get("step") == reason["step"] and "number" in entry]
        return {**reason, "attempt": numbers[-1] if numbers else None}

    def _decision(self, summary: RunSummary, state: RunStanding) -> Mapping[str, Any] | None:
        """Return what the form of a stopped run asks for; None where there is nothing to decide."""
        if state.status not in ("stopped", AMBIGUOUS, MISSED):
            return None
        found = decision_about(self._site, summary.id)
        if found is None:
            # Of a run on a cluster no more is known than its status.
            known = (summary.reason, summary.status)
            missed = "the channels of this run" if MISSED in known else ""
            found = OpenDecision(ambiguous=AMBIGUOUS in known, missed=missed)
        setup = setup_of(self._site, summary.id)
        secrets: Sequence[tuple[str, str]] = () if setup is None else secret_fields(setup)
        given = {} if setup is None else self._site.given_again(setup.workflow_id, setup.document)
        return {
            "ambiguous": found.ambiguous,
            "outputs": found.outputs,
            "message": found.message,
            "missed": found.missed,
            "secrets": [(field, name, name in given) for field, name in secrets],
        }


def _lit(watch: RunWatch, state: RunStanding) -> tuple[str, str] | None:
    """Return workflow and step that are under way, or None."""
    way = watch.story.under_way
    return None if way is None or state.status not in ("running", "stopped") else (way.workflow, way.step)


def _took(summary: RunSummary, outcome: Outcome | None, now: float) -> float:
    if outcome is not None:
        return outcome.duration
    until = now if summary.status == "running" else summary.updated_at or summary.started_at
    return max(until - summary.started_at, 0.0)
