"""A request as a cURL command that a shell takes. What is masked in it is a variable of the shell: ``$TOKEN``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from urllib.parse import quote

from arazzo_runner.effects import MASK, Request
from arazzo_runner.reports.text import printable

_MASKED = re.compile(f"{re.escape(MASK)}|{re.escape(quote(MASK, safe=''))}", re.IGNORECASE)
_NAMED = re.compile(r"([A-Za-z_][\w.-]*)[\"']?\s*[:=]\s*[\"']?[^\"'&,;:=]*$")
"""The name before a value in a query, a form, a cookie or JSON."""
_BY_SCHEME = {"bearer": "TOKEN", "basic": "BASIC_CREDENTIALS", "token": "TOKEN"}
ADDED_BY_CURL = frozenset({"host", "content-length", "connection", "accept-encoding", "transfer-encoding"})
MAX_BODY = 20_000
"""Characters of a body that a command has; a longer one is read from a file."""


def curl_command(request: Request) -> str:
    """Return the command that sends a request, secrets masked already.

    A body that is not text, or a long one, is read from the file ``body.bin``.
    """
    return " ".join(_words(request))


def _words(request: Request) -> Iterator[str]:
    yield "curl"
    body = _text(request.body)
    if request.method != ("GET" if request.body is None else "POST"):
        yield f"-X {shlex.quote(request.method)}" if request.method != "HEAD" else "-I"
    yield _quoted(request.url, _by_place)
    for name, value in request.headers:
        if name.lower() not in ADDED_BY_CURL:
            # Without its value cURL would leave a header out; a semicolon sends it empty.
            yield f"-H {_quoted(f'{name}: {value}', _by_header(name, value)) if value else shlex.quote(f'{name};')}"
    if request.body is not None and request.header("Content-Type") is None:
        yield "-H Content-Type:"
    if request.body is not None:
        yield "--data-binary @body.bin" if body is None else f"--data-raw {_quoted(body, _by_place)}"


def _text(body: bytes | None) -> str | None:
    """The body as text, or None when no command line can have it."""
    if body is None or len(body) > MAX_BODY:
        return None
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if printable(text) == text else None


def _quoted(text: str, name: Callable[[str], str]) -> str:
    """Quote a text for a shell, with variables where it is masked.

    Args:
        name: returns the variable's name from what stands before it.
    """
    parts, end = [], 0
    for masked in _MASKED.finditer(text):
        if before := text[end : masked.start()]:
            parts.append(shlex.quote(before))
        parts.append(f'"${name(text[: masked.start()])}"')
        end = masked.end()
    if text[end:] or not parts:
        parts.append(shlex.quote(printable(text[end:])))
    return "".join(parts)


def _by_place(before: str) -> str:
    found = _NAMED.search(before)
    return _variable(found[1]) if found else "SECRET"


def _by_header(header: str, value: str) -> Callable[[str], str]:
    scheme = value.partition(" ")[0].lower()

    def name(before: str) -> str:
        if header.lower() in ("authorization", "proxy-authorization"):
            return _BY_SCHEME.get(scheme, "AUTHORIZATION")
        return _by_place(before) if header.lower() == "cookie" else _variable(header)

    return name


def _variable(name: str) -> str:
    """A name as a shell's variable: ``X-Api-Key`` and ``apiKey`` are ``X_API_KEY`` and ``API_KEY``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"\W+", "_", words).strip("_").upper() or "SECRET"
