"""Documents from the network, for ``documents.sources``: redirects followed, stored on disk as HTTP allows (RFC 9111).

Only what a server says about its answer decides whether a copy is used: it is fresh for its ``max-age``, and asked
about by its ``ETag`` or date afterwards. A stale copy is never passed off as the document.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.effects import Failed, Headers, Request, Response, Send
from arazzo_runner.runtime.disk_cache import DiskStore
from arazzo_runner.runtime.http.errors import Refused, TooLarge
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.http.requests import MAX_REDIRECTS, redirected
from arazzo_runner.runtime.http.transport import Transport, open_transport

MAX_DOCUMENT = 32 * 1024 * 1024
TIME_LIMIT = 120.0
"""Seconds for one request, however slowly its answer comes."""
MAX_KEPT = 100 * 1024 * 1024

_ACCEPT = "application/yaml, application/json, */*;q=0.5"
_VALIDATORS = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}


class Copy(Struct, frozen=True):
    """A document as it once came.

    Attributes:
        fresh_until: seconds since the epoch; until then nobody is asked.
        validators: ``ETag`` and ``Last-Modified``, as far as there are any.
    """

    body: bytes
    fetched_at: float
    fresh_until: float
    validators: Mapping[str, str]


class FetchedDocuments:
    """Copies of documents on disk, by URL.

    Args:
        directory: of all caches.
        limit: bytes of all copies together.
    """

    def __init__(self, directory: Path, *, limit: int = MAX_KEPT) -> None:
        self._store = DiskStore(directory / "documents-1", limit=limit)

    def get(self, url: str) -> Copy | None:
        """The copy of what was at a URL, or None; one that cannot be read is removed."""
        data = self._store.get(url)
        if data is None:
            return None
        head, _, body = data.partition(b"\n")
        try:
            kept = json.loads(head)
            if kept["size"] != len(body):
                raise ValueError("cut off")
            return Copy(body, float(kept["fetchedAt"]), float(kept["freshUntil"]), dict(kept["validators"]))
        except (ValueError, TypeError, KeyError):
            self._store.remove(url)
            return None

    def put(self, url: str, copy: Copy) -> None:
        """Keep a copy."""
        head = {
            "size": len(copy.body),
            "fetchedAt": copy.fetched_at,
            "freshUntil": copy.fresh_until,
            "validators": dict(copy.validators),
        }
        self._store.put(url, json.dumps(head).encode("ascii") + b"\n" + copy.body)

    def remove(self, url: str) -> None:
        """Forget the copy of what was at a URL."""
        self._store.remove(url)


def fetch_document(
    url: str,
    options: TransportOptions,
    *,
    limit: int = MAX_DOCUMENT,
    kept: FetchedDocuments | None = None,
    now: Callable[[], float] = time.time,
) -> bytes:
    """Get a document for ``documents.sources``.

    Args:
        options: how requests are sent; redirects are followed whatever they say, but never from https to http.
        limit: bytes.
        kept: copies on disk; None always asks.
        now: seconds since the epoch.

    Raises:
        OSError: it cannot be had; the text says why, for a person.
        UsageError: an option cannot be used.
    """
    with open_transport(replace(options, max_response_bytes=limit, follow_redirects=False)) as transport:
        request = Request("GET", quote(url, safe=_URI_CHARACTERS), (("Accept", _ACCEPT),))
        for _ in range(MAX_REDIRECTS + 1):
            response = _get(request, transport, kept, now)
            following = _following(request, response)
            if following is None:
                return _document(request.url, response)
            request = following
    raise OSError(f"more than {MAX_REDIRECTS} redirects")


_URI_CHARACTERS = "%:/?#[]@!$&'()*+,;=~"
"""What a URL may hold as it is; documents name sources with spaces and letters of any script, too."""


def _get(request: Request, transport: Transport, kept: FetchedDocuments | None, now: Callable[[], float]) -> Response:
    """Return the content of a URL, or the copy of it."""
    copy = kept.get(request.url) if kept else None
    if copy is not None and now() < copy.fresh_until:
        return Response(200, (), copy.body)
    conditions = tuple((_VALIDATORS[name], value) for name, value in copy.validators.items()) if copy else ()
    answer = transport.send(Send(replace(request, headers=(*request.headers, *conditions)), TIME_LIMIT))
    if isinstance(answer, Failed):
        message = answer.message.removesuffix(TooLarge.OPTION)
        if copy is not None:
            date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(copy.fetched_at))
            message += f"; the copy of {date} may be out of date, and is not used: save it and name it by --source"
        raise OSError(message)
    response = answer.response
    if copy is not None and response.status == 304:
        response = replace(response, status=200, body=copy.body)
        validators = dict(copy.validators) | _validators(response.headers)
    else:
        validators = _validators(response.headers)
    if kept is not None and response.status == 200:
        fresh_for = _fresh_for(response)
        if fresh_for is None or (fresh_for <= 0 and not validators):
            kept.remove(request.url)
        else:
            kept.put(request.url, Copy(response.body, now(), now() + fresh_for, validators))
    return response


def _validators(headers: Headers) -> dict[str, str]:
    response = Response(200, headers)
    return {name: value for name in _VALIDATORS if (value := response.header(name))}


def _fresh_for(response: Response) -> float | None:
    """Return for how many seconds an answer is fresh; None when it may not be stored (RFC 9111, 5.2.2)."""
    directives: dict[str, str] = {}
    for name, value in response.headers:
        if name.lower() == "cache-control":
            for word in value.lower().split(","):
                directive, _, argument = word.strip().partition("=")
                directives[directive] = argument.strip('" ')
    if "no-store" in directives or response.header("Vary") == "*":
        return None
    if "no-cache" in directives:
        return 0.0
    return float(_seconds(directives.get("max-age", "")) - _seconds(response.header("Age") or ""))


def _seconds(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0


def _following(request: Request, response: Response) -> Request | None:
    try:
        following = redirected(request, response)
    except Refused as error:
        raise OSError(str(error)) from None
    if following is not None and request.url.startswith("https:") and not following.url.startswith("https:"):
        host = urlsplit(request.url).hostname
        raise OSError(f"{host} redirects from https to http, where anybody on the way could change the document")
    return following


def _document(url: str, response: Response) -> bytes:
    """The document of an answer; its content type says nothing that can be relied on."""
    if response.status != 200:
        raise OSError(f"the server answers {response.status}{_MEANING.get(response.status, '')}")
    if _is_web_page(response.body):
        raise OSError(f"this is a web page, not a document{_raw_url(url)}")
    return response.body


_MEANING = {
    401: ": it wants credentials, and documents are fetched without",
    403: ": it does not give the document to everybody, and documents are fetched without credentials",
    404: ": there is nothing at this URL",
    410: ": the document is no longer there",
    429: ": it was asked too often",
}


def _is_web_page(body: bytes) -> bool:
    start: Any = body[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return bool(start.startswith((b"<!doctype html", b"<html")))


def _raw_url(url: str) -> str:
    """Return the URL of the file itself when the given one is a forge's page about it."""
    parts = urlsplit(url)
    match parts.hostname, parts.path.strip("/").split("/"):
        case "github.com" | "www.github.com", [owner, repository, "blob", *rest] if rest:
            return f"; the file itself is at https://raw.githubusercontent.com/{owner}/{repository}/{'/'.join(rest)}"
        case str(host), path if "/-/blob/" in f"/{'/'.join(path)}":
            return f"; the file itself is at https://{host}{parts.path.replace('/-/blob/', '/-/raw/', 1)}"
    return ""
