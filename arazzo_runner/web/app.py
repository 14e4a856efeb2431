"""The application: which request is answered by which page, and what an error looks like."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from arazzo_runner.errors import ArazzoError, JournalError, UsageError
from arazzo_runner.reports.flow_graph import Diagram, diagram_of
from arazzo_runner.runtime.runners.journal_driver import interrupt_runs
from arazzo_runner.runtime.runners.journal_engine import JournalEngine, reading_runs
from arazzo_runner.runtime.runners.summaries import RunSummary
from arazzo_runner.serving.gate import Asgi, Gate
from arazzo_runner.web.admission import CookieAdmission
from arazzo_runner.web.case_bench import CaseBench
from arazzo_runner.web.case_pages import CasePages
from arazzo_runner.web.explain_pages import ExplainPages
from arazzo_runner.web.live import Streams
from arazzo_runner.web.posted import form_of
from arazzo_runner.web.reasons import Reasons
from arazzo_runner.web.rendering import Rendering, static_file
from arazzo_runner.web.run_pages import RunPages, RunQuery
from arazzo_runner.web.run_watch import RunWatches
from arazzo_runner.web.site import PageRefused, WebSite, not_found
from arazzo_runner.web.steering import Steering
from arazzo_runner.web.workflow_pages import WorkflowPages

_log = logging.getLogger(__name__)
Answering = Callable[[Request], Response]
Doing = Callable[[Request, dict[str, str]], Response]


class WebServer:
    """The pages of a site."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._rendering = Rendering(site.redactor, site=site)
        watches = RunWatches(site.engine, self._diagram)
        steering, reasons, bench = Steering(site, watches), Reasons(site), CaseBench(site)
        self._workflows = WorkflowPages(site, self._rendering, steering, bench)
        self._runs = RunPages(site, self._rendering, watches, steering, reasons)
        self._cases = CasePages(site, self._rendering, bench)
        self._explain = ExplainPages(site, self._rendering, reasons)
        # A cluster is asked over the network, and lists a run a moment late anyway.
        self._streams = Streams(self._runs, every=1.0 if isinstance(site.engine, JournalEngine) else 3.0)

    def stop(self) -> None:
        """End what would keep the server from stopping, and let its runs stop where nothing is lost."""
        interrupt_runs()
        self._streams.stop()

    def gated(self, hosts: frozenset[str], token: str, port: int) -> Asgi:
        """Return the application behind its gate.

        Args:
            hosts: the values of ``Host`` that are this server.
            token: lets a browser in.
        """
        return Gate(self.application(), hosts, CookieAdmission(token, port))

    def application(self) -> Starlette:
        """Return the application alone."""
        runs, workflows, cases, explain = self._runs, self._workflows, self._cases, self._explain
        return Starlette(
            routes=[
                Route("/", workflows.workflows),
                Route("/static/{name}", _static),
                Route("/workflows/{name}", workflows.workflow, methods=["GET"]),
                Route("/workflows/{name}/run", _posting(self._start), methods=["POST"]),
                Route("/workflows/{name}/{tab}", workflows.workflow, methods=["GET"]),
                Route("/runs", runs.runs),
                Route("/runs/live", self._live_runs),
                Route("/runs/{run}", runs.run, methods=["GET"]),
                Route("/runs/{run}/live", self._live_run),
                Route("/runs/{run}/report.json", runs.report),
                Route("/runs/{run}/archive.har", runs.archive),
                Route("/runs/{run}/attempts/{number:int}", runs.attempt),
                Route("/runs/{run}/attempts/{number:int}/reasons", runs.reasons),
                Route("/runs/{run}/before/{before:int}", runs.entries),
                Route("/runs/{run}/around/{number:int}", runs.around),
                Route("/runs/{run}/explain", self._explain_run, methods=["GET"]),
                Route("/runs/{run}/explain", _posting(self._evaluate), methods=["POST"]),
                Route("/runs/{run}/{action}", _posting(self._act), methods=["POST"]),
                Route("/cases", cases.cases, methods=["GET"]),
                Route("/cases", _posting(lambda _, form: cases.check_all(form)), methods=["POST"]),
                Route("/cases/{case:path}", self._case, methods=["GET"]),
                Route("/cases/{case:path}", _posting(self._case_act), methods=["POST"]),
                Route("/explain", explain.choose),
            ],
            exception_handlers={ArazzoError: self._failed, HTTPException: self._unknown, Exception: self._broken},
        )

    # Answers that need more than one of the parts

    def _start(self, request: Request, form: dict[str, str]) -> Response:
        return self._workflows.submit(self._workflows.offer(request), form)

    def _act(self, request: Request, form: dict[str, str]) -> Response:
        return self._runs.act(self._runs.watch(request), request.path_params["action"], form)

    def _explain_run(self, request: Request) -> Response:
        given = {"attempt": request.query_params.get("attempt", "")}
        return self._explain.explain(self._runs.watch(request), given)

    def _evaluate(self, request: Request, form: dict[str, str]) -> Response:
        return self._explain.explain(self._runs.watch(request), form)

    def _case(self, request: Request) -> Response:
        return self._cases.case(request.path_params["case"])

    def _case_act(self, request: Request, form: dict[str, str]) -> Response:
        return self._cases.act(request.path_params["case"], form)

    async def _live_run(self, request: Request) -> Response:
        known = request.query_params.get("known", "0")
        watch = await run_in_threadpool(self._runs.watch, request)
        return self._streams.run(watch, int(known) if known.isdecimal() and len(known) < 10 else 0)

    async def _live_runs(self, request: Request) -> Response:
        return self._streams.runs(RunQuery.of(request))

    # Errors

    async def _failed(self, _: Request, error: Exception) -> Response:
        status = 400
        match error:
            case PageRefused():
                status = error.status
            case JournalError():
                status = 404
            case UsageError():
                status = 422
            case _:
                pass
        return self._rendering.page("error.html.jinja", status=status, error=error, errors=getattr(error, "errors", ()))

    async def _unknown(self, _: Request, error: Exception) -> Response:
        status = getattr(error, "status_code", 404)
        shown = PageRefused(status, "there is no such page" if status == 404 else "this page cannot be asked for so")
        return self._rendering.page("error.html.jinja", status=status, error=shown, errors=())

    async def _broken(self, request: Request, error: Exception) -> Response:
        # What it says may hold a secret, and is not shown (S1).
        _log.error("%s: %s", request.url.path, self._site.redactor.text(repr(error)))
        shown = PageRefused(500, "this page could not be made: an error in arazzo web")
        return self._rendering.page("error.html.jinja", status=500, error=shown, errors=())

    # Diagrams

    def _diagram(self, run: RunSummary) -> Diagram | None:
        """Return the flow of a run's plan: of the documents as they were when it began, where those are known."""
        engine = self._site.engine
        if isinstance(engine, JournalEngine):
            with suppress(ArazzoError), reading_runs(engine) as runs:
                setup = runs.setup(run.id)
                return diagram_of(runs.workbook(run.id, setup).plan(setup.workflow_id, setup.options))
        offer = self._site.offer_of_run(run.workflow_id, run.document)
        with suppress(ArazzoError):
            return None if offer is None else diagram_of(offer.plan)
        return None


def _static(request: Request) -> Response:
    found = static_file(request.path_params["name"])
    if found is None:
        raise not_found("there is no such file")
    return found


def _posting(work: Doing) -> Callable[[Request], Awaitable[Any]]:
    """Read the form that a request brings, and let a thread do what it asks for."""

    async def answer(request: Request) -> Response:
        form = await form_of(request)
        return await run_in_threadpool(work, request, form)

    return answer
