"""The pages of runs: the list, one run, its attempts, and what can be done with it."""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from starlette.responses import RedirectResponse, Response

from arazzo_runner.engine.events import Attempt, RunFinished
from arazzo_runner.errors import ArazzoError, InvalidInputs, UsageError
from arazzo_runner.reports.har import HarReport
from arazzo_runner.reports.jsonreport import JsonReport, standing_of
from arazzo_runner.reports.pages.html_views import attempt_view, clock
from arazzo_runner.reports.text import duration
from arazzo_runner.runtime.decisions import Decision
from arazzo_runner.runtime.runners.summaries import RunFilter, RunSummary
from arazzo_runner.web.reasons import Reasons
from arazzo_runner.web.rendering import HEADERS, Rendering
from arazzo_runner.web.run_regions import RunRegions
from arazzo_runner.web.run_story import PAGE
from arazzo_runner.web.run_watch import RunWatch, RunWatches, wait_for
from arazzo_runner.web.site import WebSite, looked_at, not_found
from arazzo_runner.web.steering import Steering, accepts_missed, decision_of, secret_fields, setup_of

if TYPE_CHECKING:
    from starlette.requests import Request

STATUSES = ("running", "stopped", "succeeded", "failed", "cancelled")
TIMES: Mapping[str, tuple[str, float]] = {
    "hour": ("in the last hour", 3600.0),
    "day": ("in the last 24 hours", 86_400.0),
    "week": ("in the last 7 days", 604_800.0),
}
LISTED = 500
"""Runs on one page of the list."""
PATIENCE = 0.6
"""Seconds that a page waits for what there is of a run; the rest comes live."""


class RunQuery(Struct, frozen=True):
    """The runs that a list is asked for."""

    status: str = ""
    workflow: str = ""
    batch: str = ""
    since: str = ""
    page: int = 0

    @classmethod
    def of(cls, request: Request) -> RunQuery:
        """Read a query; what is not known asks for everything."""
        given = request.query_params
        page = given.get("page", "")
        return cls(
            status=given.get("status", "") if given.get("status") in STATUSES else "",
            workflow=given.get("workflow", ""),
            batch=given.get("batch", ""),
            since=given.get("since", "") if given.get("since") in TIMES else "",
            page=int(page) if page.isdecimal() and len(page) < 7 else 0,
        )


class RunPages:
    """Answers requests about runs."""

    def __init__(
        self, site: WebSite, rendering: Rendering, watches: RunWatches, steering: Steering, reasons: Reasons
    ) -> None:
        self._site = site
        self._rendering = rendering
        self._watches = watches
        self._steering = steering
        self._reasons = reasons
        self.regions = RunRegions(site, rendering)

    # The list

    def runs(self, request: Request) -> Response:
        """The page of runs."""
        query = RunQuery.of(request)
        return self._rendering.page("runs_page.html.jinja", **self._listed(query))

    def table(self, query: RunQuery) -> str:
        """The table of runs alone."""
        return self._rendering.text("run_table.html.jinja", **self._listed(query))

    def trouble(self, error: ArazzoError) -> str:
        """Return the text in the place of the table when there is none."""
        return self._rendering.text("trouble.html.jinja", error=error)

    def _listed(self, query: RunQuery) -> dict[str, Any]:
        status = (query.status,) if query.status else ()
        asked = RunFilter(status=status, workflow_id=query.workflow or None, batch=query.batch or None)
        found = self._site.engine.runs(asked)
        if query.since:
            earliest = time.time() - TIMES[query.since][1]
            found = [run for run in found if run.started_at >= earliest]
        first = query.page * LISTED
        shown = found[first : first + LISTED]
        return {
            "query": query,
            "runs": [_row(run) for run in shown],
            "count": len(found),
            "more": len(found) > first + LISTED,
            "batches": _batches(found),
            "statuses": STATUSES,
            "times": {name: words for name, (words, _) in TIMES.items()},
            "workflows": sorted({offer.workflow.workflow_id for offer in self._site.offers.values()}),
            "engine": self._site.engine_name,
        }

    # One run

    def run(self, request: Request) -> Response:
        """The page of a run."""
        return self.shown(self.watch(request))

    def shown(self, watch: RunWatch, *, error: ArazzoError | None = None) -> Response:
        """The page of a run, with what went wrong when something was to be done with it."""
        wait_for(watch, PATIENCE)
        content = self.regions.content(watch)
        start = content["last_page"]
        entries = watch.story.listed(start, start + PAGE + PAGE)
        setup = setup_of(self._site, watch.handle.id)
        return self._rendering.page(
            "run_page.html.jinja",
            status=200 if error is None else 409,
            **content,
            entries=entries,
            first=start,
            upto=start + len(entries),
            error=error,
            errors=getattr(error, "errors", ()),
            branch=None if setup is None or not setup.branch_of else (setup.branch_of, setup.branch_at),
        )

    def watch(self, request: Request) -> RunWatch:
        """Return the watch of the run that a request is about.

        Raises:
            JournalError: there is no such run.
        """
        watch = self._watches.of(request.path_params["run"])
        watch.look()
        return watch

    def reasons(self, request: Request) -> Response:
        """The reasons for which an attempt went on as it did: a part of the page."""
        watch, number, attempt = self._attempt(request)
        reason, why_not = self._reasons.of(watch.handle.id, number)
        entry = attempt_view(attempt, number)
        return self._rendering.page("reasons.html.jinja", reason=reason, why_not=why_not, entry=entry)

    def _attempt(self, request: Request) -> tuple[RunWatch, int, Attempt]:
        watch = self.watch(request)
        number = int(request.path_params["number"])
        attempt = watch.story.attempt(number)
        if attempt is None:
            wait_for(watch, 10.0)
            attempt = watch.story.attempt(number)
        if attempt is None:
            raise not_found(f"the run {watch.handle.id} has no attempt {number}")
        return watch, number, attempt

    def attempt(self, request: Request) -> Response:
        """One attempt, whole: a part of the page."""
        watch, number, attempt = self._attempt(request)
        setup = setup_of(self._site, watch.handle.id)
        return self._rendering.page(
            "attempt.html.jinja",
            run=watch.summary,
            entry=attempt_view(attempt, number),
            allowed=self._site.allow_run,
            branchable=attempt.request is not None and setup is not None,
            secrets=() if setup is None else secret_fields(setup),
            given=self._site.given_again(watch.summary.workflow_id, watch.summary.document),
        )

    def entries(self, request: Request) -> Response:
        """Earlier entries of the list of attempts: a part of the page."""
        watch = self.watch(request)
        before = int(request.path_params["before"])
        start = max(before - PAGE, 0)
        text = self.regions.entries(watch, start, before)
        return self._json({"html": text, "first": start})

    def around(self, request: Request) -> Response:
        """The entries around an attempt: a part of the page."""
        watch = self.watch(request)
        place = watch.story.place_of(int(request.path_params["number"]))
        if place < 0:
            raise not_found("there is no such attempt")
        start = max(place - PAGE // 2, 0)
        stop = start + PAGE
        return self._json({"html": self.regions.entries(watch, start, stop), "first": start, "last": stop})

    def _json(self, data: Any) -> Response:
        return Response(json.dumps(data), media_type="application/json", headers=dict(HEADERS))

    # Files

    def report(self, request: Request) -> Response:
        """The JSON report of a run, finished or as far as it is."""
        watch = self.watch(request)
        run = watch.summary
        stream = io.StringIO()
        with JsonReport(run.document, run.id) as report:
            for event in watch.handle.events(follow=False):
                report(event)
            report.write(stream, standing=standing_of(run))
        return _file(self._site.redactor.text(stream.getvalue()), "application/json", f"{run.id}.json")

    def archive(self, request: Request) -> Response:
        """The exchanges of a run as HAR."""
        watch = self.watch(request)
        stream = io.StringIO()
        with HarReport() as report:
            finished = False
            for event in watch.handle.events(follow=False):
                report(event)
                finished = finished or isinstance(event, RunFinished)
            if not finished:
                raise UsageError("the run has not ended", hint="the archive is complete when it has")
            report.write(stream)
        return _file(self._site.redactor.text(stream.getvalue()), "application/json", f"{watch.handle.id}.har")

    # What can be done

    def act(self, watch: RunWatch, action: str, form: Mapping[str, str]) -> Response:
        """Do something with a run, and show it again.

        Raises:
            ArazzoError: it cannot be done.
        """
        looked_at(self._site)
        steering = self._steering
        try:
            match action:
                case "pause":
                    steering.pause(watch)
                case "step":
                    steering.step(watch)
                case "continue":
                    steering.go_on(watch)
                case "cancel":
                    steering.cancel(watch)
                case "resume":
                    accepts = accepts_missed(form)
                    steering.resume(watch, form, Decision(accept_missed=True) if accepts else None)
                case "decide":
                    steering.resume(watch, form, decision_of(form))
                case "branch":
                    number = int(form.get("attempt", "0")) if form.get("attempt", "").isdecimal() else 0
                    made = steering.branch(watch.handle.id, number, form, paused=form.get("paused") == "yes")
                    return _to(f"/runs/{made}")
                case _:
                    raise not_found(f"there is nothing called {action[:50]!r} to be done with a run")
        except (UsageError, InvalidInputs) as error:
            return self.shown(watch, error=error)
        return _to(f"/runs/{watch.handle.id}")


def _to(path: str) -> Response:
    return RedirectResponse(path, 303, headers=dict(HEADERS))


def _file(text: str, kind: str, name: str) -> Response:
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text.encode("utf-8", "backslashreplace"), media_type=kind, headers=headers)


def _row(run: RunSummary) -> dict[str, Any]:
    until = run.updated_at if run.is_over and run.updated_at is not None else time.time()
    return {
        "id": run.id,
        "status": run.status,
        "reason": run.reason or "",
        "workflow": run.workflow_id,
        "step": run.step_id or "",
        "started": clock(run.started_at),
        "took": duration(max(until - run.started_at, 0.0)) if run.is_over else "",
        "attempts": run.attempts,
        "requests": run.requests,
        "batch": run.batch or "",
        "row": run.row,
    }


def _batches(runs: list[RunSummary]) -> list[dict[str, Any]]:
    """The batches among runs, with how far each is."""
    counts: dict[str, Counter[str]] = {}
    workflows: dict[str, str] = {}
    for run in runs:
        if run.batch is not None:
            counts.setdefault(run.batch, Counter())[run.status] += 1
            workflows.setdefault(run.batch, run.workflow_id)
    return [
        {
            "id": batch,
            "workflow": workflows[batch],
            "counts": dict(found),
            "over": sum(found[status] for status in ("succeeded", "failed", "cancelled")),
            "all": found.total(),
        }
        for batch, found in counts.items()
    ]
