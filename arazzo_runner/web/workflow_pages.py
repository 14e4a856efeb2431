"""The pages of workflows: the list, and one workflow with its form, steps, document and cases."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.responses import RedirectResponse, Response

from arazzo_runner.effects import Send
from arazzo_runner.engine.demands.reachable_urls import servers_of
from arazzo_runner.engine.demands.required_credentials import access_of
from arazzo_runner.engine.events import RunStarted
from arazzo_runner.engine.flow import start
from arazzo_runner.engine.plan import Plan
from arazzo_runner.errors import ArazzoError, Problem
from arazzo_runner.reports.curl import curl_command
from arazzo_runner.reports.flow_graph import diagram_of
from arazzo_runner.reports.outline import workflow_entry
from arazzo_runner.reports.pages.html_layout import draw
from arazzo_runner.reports.pages.html_views import clock, message_view, reason_view
from arazzo_runner.reports.summary import RunPath
from arazzo_runner.runtime.run.session import Session
from arazzo_runner.secrecy import without_credentials
from arazzo_runner.serving.offers import Offer
from arazzo_runner.web.case_bench import CaseBench
from arazzo_runner.web.input_forms import fields_of
from arazzo_runner.web.rendering import HEADERS, Rendering
from arazzo_runner.web.site import WebSite, looked_at, not_found
from arazzo_runner.web.steering import SERVER, Steering, prepared

if TYPE_CHECKING:
    from starlette.requests import Request

LAST = 5
"""Runs of a workflow that its card shows."""
TABS = (("", "Run"), ("steps", "Steps"), ("document", "Document"), ("cases", "Cases"))
MAX_LINES = 5000
"""Lines of a document that are shown."""


class WorkflowPages:
    """Answers requests about workflows."""

    def __init__(self, site: WebSite, rendering: Rendering, steering: Steering, bench: CaseBench) -> None:
        self._site = site
        self._rendering = rendering
        self._steering = steering
        self._bench = bench

    def workflows(self, _: Request) -> Response:
        """The page of workflows."""
        last: dict[str, list[Any]] = {}
        trouble = ""
        try:
            for run in self._site.engine.runs():
                known = last.setdefault(run.workflow_id, [])
                if len(known) < LAST:
                    known.append({"id": run.id, "status": run.status, "started": clock(run.started_at)})
        except ArazzoError as error:
            trouble = error.message
        cards = [_card(offer, last.get(offer.workflow.workflow_id, [])) for offer in self._site.offers.values()]
        return self._rendering.page(
            "workflows.html.jinja", cards=cards, passed_over=self._site.passed_over, trouble=trouble
        )

    def workflow(self, request: Request) -> Response:
        """The page of a workflow, on one of its tabs."""
        offer, tab = self.offer(request), request.path_params.get("tab", "")
        match tab:
            case "":
                return self.form(offer, again=request.query_params.get("again", ""))
            case "steps":
                entry = None
                plan, problems = _plan(offer)
                schema = plan.workflow.input_schema if plan is not None else None
                entry = workflow_entry(offer.workbook.description, offer.workflow, schema)
                return self._tab(offer, tab, entry=entry, access=_access(plan), problems=problems)
            case "document":
                return self._tab(offer, tab, **self._document(offer))
            case "cases":
                return self._tab(offer, tab, cases=self._bench.listed(offer.workflow.workflow_id))
            case _:
                raise not_found(f"a workflow has no tab {tab[:50]!r}")

    def offer(self, request: Request) -> Offer:
        """Return the workflow that a request is about.

        Raises:
            PageRefused: there is none of that name.
        """
        name = request.path_params["name"]
        found = self._site.offers.get(name)
        if found is None:
            raise not_found(
                f"there is no workflow {name[:100]!r}", hint="the list of workflows has those that there are"
            )
        return found

    def _tab(self, offer: Offer, tab: str, *, status: int = 200, **content: Any) -> Response:
        plan, problems = _plan(offer)
        return self._rendering.page(
            "workflow.html.jinja",
            status=status,
            offer=offer,
            tab=tab,
            tabs=TABS,
            drawings=draw(diagram_of(plan), RunPath()) if plan is not None else (),
            **{"problems": problems, **content},
        )

    # The form

    def form(
        self,
        offer: Offer,
        *,
        again: str = "",
        typed: Mapping[str, str] | None = None,
        error: ArazzoError | None = None,
        shown: Mapping[str, Any] | None = None,
    ) -> Response:
        """The tab with the form.

        Args:
            again: id of a run whose inputs stand in it.
            typed: what was typed into it before; its secrets are not shown again.
            error: what was wrong with that.
            shown: the first request of a dry run.
        """
        plan, problems = _plan(offer)
        if plan is None:
            status = 200 if error is None else 422
            return self._tab(
                offer, "", status=status, fields=(), servers=(), lacks=(), again="", error=None, shown=None
            )
        earlier = self._inputs_of(again) if again else None
        fields = fields_of(plan, offer.given, earlier)
        values = {field.field: field.value for field in fields}
        if typed is not None:
            secret = {field.field for field in fields if field.is_secret}
            values |= {name: text for name, text in typed.items() if name in values and name not in secret}
        return self._tab(
            offer,
            "",
            status=200 if error is None else 422,
            fields=fields,
            values=values,
            servers=_servers(plan, typed or {}),
            lacks=[text for text in offer.lacks if text.startswith("a credential")],
            again=again if earlier is not None else "",
            error=error,
            errors=getattr(error, "errors", ()),
            shown=shown,
            problems=problems,
        )

    def _inputs_of(self, run_id: str) -> Mapping[str, Any] | None:
        """Return the inputs of a run, masked; None when there are none to be had."""
        try:
            for event in self._site.engine.handle(run_id).events(follow=False):
                if isinstance(event, RunStarted):
                    return event.inputs
        except ArazzoError:
            pass
        return None

    def submit(self, offer: Offer, form: Mapping[str, str]) -> Response:
        """Start a run, or show its first request, and send nothing.

        Raises:
            PageRefused: nothing may be started.
        """
        try:
            if form.get("action") == "dry-run":
                return self.form(offer, typed=form, shown=first_request(*prepared(offer, form)))
            looked_at(self._site)
            run_id = self._steering.start(offer, form, paused=form.get("action") == "paused")
        except ArazzoError as error:
            if getattr(error, "status", 0):
                raise
            return self.form(offer, typed=form, error=error)
        return RedirectResponse(f"/runs/{run_id}", 303, headers=dict(HEADERS))

    # The document

    def _document(self, offer: Offer) -> dict[str, Any]:
        document = offer.workbook.description.document
        _, problems = _plan(offer)
        found = [*offer.workbook.problems, *problems]
        by_line: dict[int, list[Problem]] = {}
        for problem in found:
            if problem.place is not None and problem.place.path == document.path:
                by_line.setdefault(problem.place.line, []).append(problem)
        redactor = self._site.redactor
        lines = document.text.splitlines()[:MAX_LINES]
        place = document.place(offer.workflow.pointer)
        return {
            "path": document.path,
            "lines": [
                {
                    "number": number,
                    "text": redactor.text(without_credentials(text.expandtabs(2))),
                    "problems": list(dict.fromkeys(map(_problem, by_line.get(number, ())))),
                }
                for number, text in enumerate(lines, 1)
            ],
            "first": place.line,
            "problems": problems,
        }


def first_request(offer: Offer, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first request of a run, masked; nothing is sent."""
    session = Session(offer.plan, inputs)
    turn = start(offer.plan, inputs, at=time.time(), secret=session.redactor.secret_names)
    if isinstance(turn.effect, Send):
        session.redactor.learn_request(turn.effect.request)
        request = session.redactor.request(turn.effect.request)
        return {"request": message_view(request), "curl": curl_command(request), "reason": None}
    reason = turn.outcome.reason if turn.outcome is not None else None
    masked = None if reason is None else session.redactor.event(reason)
    return {"request": None, "curl": "", "reason": None if masked is None else reason_view(masked)}


def _problem(problem: Problem) -> tuple[str, str, str, str]:
    return problem.severity.value, problem.message, problem.rule, problem.hint


def _plan(offer: Offer) -> tuple[Plan | None, list[Problem]]:
    """Return the plan of a workflow and its problems; None when it cannot be run."""
    try:
        return offer.plan, list(offer.plan.problems)
    except ArazzoError as error:
        problems = list(getattr(error, "problems", ()))
        if problems:
            return None, problems
        from arazzo_runner.errors import Place, Severity

        place = error.place or Place(offer.workbook.description.document.path)
        return None, [Problem(Severity.ERROR, error.code, error.message, place, error.hint)]


def _servers_and_brokers(plan: Plan) -> list[str]:
    """Return the URLs that requests and messages go to, each once."""
    brokers = (exchange.broker.url for _, _, exchange in plan.exchanges())
    urls = (*(url for _, url in servers_of(plan)), *brokers)
    return list(dict.fromkeys(map(without_credentials, urls)))


def _servers(plan: Plan, typed: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the sources that requests go to, each with the servers that its description names."""
    found: dict[str, list[str]] = {}
    for source, url in servers_of(plan):
        known = found.setdefault(source, [])
        if url not in known:
            known.append(url)
    return [
        {
            "source": source,
            "field": SERVER + source,
            "value": typed.get(SERVER + source, plan.options.servers.url(source) or ""),
            "urls": [without_credentials(url) for url in urls],
        }
        for source, urls in found.items()
    ]


def _access(plan: Plan | None) -> list[dict[str, Any]]:
    if plan is None:
        return []
    return [
        {
            "step": step.step_id,
            "is_met": step.is_met,
            "schemes": [
                {"name": scheme.name, "kind": scheme.kind, "origin": scheme.origin, "options": scheme.options}
                for alternative in step.alternatives
                for scheme in alternative
            ],
        }
        for step in access_of(plan)
        if step.alternatives
    ]


def _card(offer: Offer, runs: list[Any]) -> dict[str, Any]:
    plan, problems = _plan(offer)
    inputs = workflow_entry(
        offer.workbook.description, offer.workflow, plan.workflow.input_schema if plan is not None else None
    )["inputs"]
    servers = [] if plan is None else _servers_and_brokers(plan)
    return {
        "name": offer.name,
        "id": offer.workflow.workflow_id,
        "title": offer.workflow.summary or offer.workflow.workflow_id,
        "document": offer.workbook.description.document.path,
        "calls": offer.reach.calls if plan is not None else (),
        "effect": _effect(offer) if plan is not None else "",
        "servers": servers,
        "inputs": inputs,
        "lacks": offer.lacks if plan is not None else (),
        "errors": [problem for problem in problems if problem.severity.value == "error"],
        "warnings": [problem for problem in problems if problem.severity.value != "error"],
        "runs": runs,
        "can_run": plan is not None,
    }


def _effect(offer: Offer) -> str:
    reach = offer.reach
    return "only reads" if reach.reads_only else "can delete data" if reach.destroys else "changes data"
