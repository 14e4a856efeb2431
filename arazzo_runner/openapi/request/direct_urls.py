"""URLs that no description has: those of ``x-operation``, which often come from an answer (H1)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urldefrag, urljoin, urlsplit

from arazzo_runner.errors import StepError
from arazzo_runner.expressions.undefined import UNDEFINED

_URI_CHARACTERS = "%:/?[]@!$&'()*+,;=~"


def direct_url(value: Any, text: str, last_url: str) -> str:
    """The URL that a request goes to, encoded where it must be.

    Args:
        value: of the expression or text.
        text: as it was written, for messages.
        last_url: of the last request, which a relative URL (``Location``, a next link) starts from.

    Raises:
        StepError: ``missing-value`` when there is none; ``request-invalid`` when it is not an http(s) URL.
    """
    if value is UNDEFINED or value is None or value == "":
        raise StepError("missing-value", f"the url of x-operation has no value: {text}")
    if not isinstance(value, str):
        raise StepError("request-invalid", f"the url of x-operation is not text: {text}")
    try:
        url = urldefrag(urljoin(last_url, value.strip())).url
        target = urlsplit(url)
    except ValueError:
        raise StepError("request-invalid", f"the url of x-operation is not a URL: {text}") from None
    if target.scheme not in ("http", "https") or not target.hostname:
        hint = "give an absolute URL, or send a request before that a relative one can start from"
        raise StepError("request-invalid", f"the url of x-operation is not an http(s) URL: {text}", hint=hint)
    return quote(url, safe=_URI_CHARACTERS)
