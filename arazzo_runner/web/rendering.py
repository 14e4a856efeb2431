"""Pages and parts of pages, from templates; what may be loaded; and the answers that carry them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from starlette.responses import HTMLResponse, Response

from arazzo_runner import __version__
from arazzo_runner.reports.pages.templating import asset, environment, shown
from arazzo_runner.reports.text import duration
from arazzo_runner.runtime.secrets.redaction import Redactor

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing is loaded from anywhere else, and no page of anybody else may frame ours."""
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not ``no-referrer``: a form would then be sent with an Origin of ``null``.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_STATIC = {
    "web.css": ("text/css; charset=utf-8", ("report.css", "bodies.css", "web.css")),
    "web.js": ("text/javascript; charset=utf-8", ("bodies.js", "web.js")),
}


@cache
def _own(name: str) -> str | None:
    found = files(__package__).joinpath("templates", name)
    return found.read_text("utf-8") if found.is_file() else None


@cache
def _static(name: str) -> tuple[str, str] | None:
    if name not in _STATIC:
        return None
    kind, parts = _STATIC[name]
    return kind, "\n".join(_own(part) or asset(part) for part in parts)


def static_file(name: str) -> Response | None:
    """Return the sheet or the script of the pages; None for any other name."""
    found = _static(name)
    if found is None:
        return None
    return Response(found[1], media_type=found[0], headers=dict(HEADERS))


class Rendering:
    """Renders the templates of a site.

    Args:
        redactor: masks, in all that is written, what the person who runs the server has given (S1).
        common: what every template is given.
    """

    def __init__(self, redactor: Redactor, **common: Any) -> None:
        def finalize(value: Any) -> Any:
            made = shown(value)
            return redactor.text(made) if type(made) is str else made

        self._environment = environment(_own)
        self._environment.finalize = finalize
        self._environment.globals.update(common, version=__version__, duration=duration)
        self._environment.filters["compact"] = lambda value: json.dumps(value, ensure_ascii=False, default=str)

    def text(self, template: str, **content: Any) -> str:
        """Return a template, rendered."""
        return self._environment.get_template(template).render(**content)

    def page(self, template: str, *, status: int = 200, **content: Any) -> Response:
        """Return the answer that is a page."""
        return HTMLResponse(self.text(template, **content), status_code=status, headers=dict(HEADERS))


def as_json(data: Any) -> str:
    """Return data as one line of JSON, which any encoding writes."""
    return json.dumps(data)
