"""The pages of recorded cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from arazzo_runner.errors import ArazzoError
from arazzo_runner.web.case_bench import CaseBench
from arazzo_runner.web.rendering import HEADERS, Rendering
from arazzo_runner.web.site import WebSite, looked_at, not_found

if TYPE_CHECKING:
    from starlette.requests import Request


class CasePages:
    """Answers requests about cases."""

    def __init__(self, site: WebSite, rendering: Rendering, bench: CaseBench) -> None:
        self._site = site
        self._rendering = rendering
        self._bench = bench

    def cases(self, _: Request) -> Response:
        """The page of cases."""
        return self._rendering.page(
            "cases_page.html.jinja", cases=self._bench.listed(), directory=str(self._site.cases)
        )

    def check_all(self, form: Mapping[str, str]) -> Response:
        """Check every case, or those of a workflow, and show the list."""
        workflow = form.get("workflow", "")
        self._bench.check([row["name"] for row in self._bench.listed(workflow)])
        return RedirectResponse("/cases", 303, headers=dict(HEADERS))

    def case(self, name: str, *, error: ArazzoError | None = None) -> Response:
        """The page of a case."""
        return self._rendering.page(
            "case_page.html.jinja",
            status=200 if error is None else 409,
            **self._bench.shown(name),
            problem=error,
            errors=getattr(error, "errors", ()),
        )

    def act(self, name: str, form: Mapping[str, str]) -> Response:
        """Check a case, record it again, or accept the new recording.

        Raises:
            PageRefused: it may not be changed, or there is nothing to be done.
        """
        action = form.get("action")
        if action == "check":
            self._bench.check([self._named(name)])
            return self._back(name)
        looked_at(self._site)
        try:
            match action:
                case "record":
                    self._bench.record(name, form)
                case "accept":
                    self._bench.accept(name)
                case "discard":
                    self._bench.discard(name)
                case _:
                    raise not_found("nothing of that name can be done with a case")
        except ArazzoError as error:
            if getattr(error, "status", 0):
                raise
            return self.case(name, error=error)
        return self._back(name)

    def _named(self, name: str) -> str:
        self._bench.path(name)
        return name

    def _back(self, name: str) -> Response:
        from urllib.parse import quote

        return RedirectResponse(f"/cases/{quote(name)}", 303, headers=dict(HEADERS))
