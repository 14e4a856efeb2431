"""Forms that browsers send."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from arazzo_runner.web.site import PageRefused

if TYPE_CHECKING:
    from starlette.requests import Request

MAX_FORM = 8 * 1024 * 1024
"""Bytes of a form."""


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of the form that a request brings.

    Raises:
        PageRefused: it brings something else, or more than a form has.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise PageRefused(415, "only forms are taken here")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_FORM:
            raise PageRefused(413, f"a form has at most {MAX_FORM >> 20} MiB")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        raise PageRefused(400, "this is not a form") from None
    return dict(pairs)
