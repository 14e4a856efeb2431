"""The page on which expressions are tried against a step that has finished."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from arazzo_runner.errors import ArazzoError
from arazzo_runner.reports.evaluation import SELECTORS, Evaluation
from arazzo_runner.reports.pages.html_views import clock
from arazzo_runner.web.reasons import Reasons
from arazzo_runner.web.rendering import Rendering
from arazzo_runner.web.run_watch import RunWatch, wait_for
from arazzo_runner.web.site import WebSite, not_found

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

RECENT = 50
"""Runs that can be chosen."""
CHOICES = 200
"""Attempts that can be chosen from; the number of any other may be typed."""
BODY = "$response.body"
"""The expression that a selector is applied to when none is named."""
LONGEST = 10_000
"""Characters of an expression."""


class ExplainPages:
    """Answers requests about expressions."""

    def __init__(self, site: WebSite, rendering: Rendering, reasons: Reasons) -> None:
        self._site = site
        self._rendering = rendering
        self._reasons = reasons

    def choose(self, _: Request) -> Response:
        """The page on which a run is chosen."""
        runs = [
            {"id": run.id, "workflow": run.workflow_id, "status": run.status, "started": clock(run.started_at)}
            for run in self._site.engine.runs()[:RECENT]
        ]
        return self._rendering.page("explain.html.jinja", runs=runs, run=None)

    def explain(self, watch: RunWatch, given: Mapping[str, str]) -> Response:
        """The page of a run's expressions.

        Args:
            given: ``attempt``, a number, ``expression``, and of a selector its ``kind`` and ``context``.
        """
        wait_for(watch, 5.0)
        story = watch.story
        total = len(story.attempts)
        text = given.get("attempt", "")
        number = int(text) if text.isdecimal() and len(text) < 9 else total
        if total and not 1 <= number <= total:
            raise not_found(f"the run has no attempt {number}")
        expression = given.get("expression", "").strip()[:LONGEST]
        kind, context = given.get("kind", ""), given.get("context", "").strip()[:LONGEST] or BODY
        found, error = self._evaluated(watch, number, (expression, kind, context))
        listed = story.listed(0, len(story.entries))
        attempts = [entry for entry in listed if entry["kind"] == "attempt"]
        return self._rendering.page(
            "explain.html.jinja",
            status=200 if error is None else 422,
            run=watch.summary,
            attempts=attempts[-CHOICES:],
            total=total,
            number=number,
            expression=expression,
            kind=kind,
            context=context,
            kinds=SELECTORS,
            found=found,
            error=error,
            examples=_examples(attempts[number - 1] if attempts else None),
        )

    def _evaluated(
        self, watch: RunWatch, number: int, asked: tuple[str, str, str]
    ) -> tuple[Evaluation | None, ArazzoError | None]:
        if not asked[0]:
            return None, None
        try:
            return self._reasons.evaluate(watch.handle.id, number, *asked), None
        except ArazzoError as error:
            return None, error


def _examples(entry: Mapping[str, object] | None) -> list[str]:
    """Return expressions that say something of an attempt."""
    if entry is None:
        return []
    asked = ["$statusCode", "$response.body", "$url"] if entry["request"] else []
    return [*asked, "$inputs", f"$steps.{entry['step']}.outputs", "$statusCode >= 200 && $statusCode < 300"][:6]
