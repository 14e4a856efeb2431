"""The requests of a run as HAR 1.2, which the developer tools of browsers open."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Self, TextIO
from urllib.parse import unquote_plus, urlsplit

from arazzo_runner import __version__
from arazzo_runner.effects import Headers, Request, Response
from arazzo_runner.engine.events import Attempt, Authenticated, Event, Outcome, RunFinished
from arazzo_runner.reports.jsonreport import timestamp
from arazzo_runner.reports.spool import Spool
from arazzo_runner.reports.summary import Attempts, body_text

UNKNOWN = -1
"""What HAR writes for a size or a time that nobody measured."""
NOT_MEASURED = {"blocked": UNKNOWN, "dns": UNKNOWN, "connect": UNKNOWN}
UNKNOWN_VERSION = "unknown"
"""Events do not tell which version of HTTP the transport spoke; browsers write this when they do not know."""
PAGE = "run"


class HarReport:
    """A listener that collects the requests of a run; ``write`` returns them once it has ended. A context manager."""

    def __init__(self) -> None:
        self._attempts = Attempts()
        self._entries = Spool()
        self._outcome: Outcome | None = None

    def __call__(self, event: Event) -> None:
        """Take an event."""
        attempt = self._attempts.of(event)
        if attempt is not None and attempt.request is not None:
            self._entries.append(har_entry(attempt, attempt.request))
        match event:
            case Authenticated():
                self._entries.append(_beside(event))
            case RunFinished(outcome):
                self._outcome = outcome
            case _:
                pass

    def write(self, stream: TextIO) -> None:
        """Write the archive, an entry at a time.

        Raises:
            RuntimeError: the run has not ended.
        """
        if self._outcome is None:
            raise RuntimeError("the run has not ended")
        log = {
            "version": "1.2",
            "creator": {"name": "arazzo-workflow-runner", "version": __version__},
            "pages": [_page(self._outcome)],
        }
        head = json.dumps({"log": log}, indent=1)
        stream.write(head.removesuffix("\n }\n}") + ',\n  "entries": [')
        separator = "\n"
        for line in self._entries.lines():
            stream.write(separator + line)
            separator = ",\n"
        stream.write("\n  ]\n }\n}\n")

    def parts(self, page: str, title: str) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
        """Return the run as a page of an archive of several, and its entries.

        Args:
            page: the id of the page.
            title: what the page is called.

        Raises:
            RuntimeError: the run has not ended.
        """
        if self._outcome is None:
            raise RuntimeError("the run has not ended")
        entries = ({**entry, "pageref": page} for entry in self._entries)
        return {**_page(self._outcome), "id": page, "title": title}, entries

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._entries.close()


def _page(outcome: Outcome) -> dict[str, Any]:
    """The run as HAR's page, which groups its requests."""
    return {
        "startedDateTime": timestamp(outcome.started_at),
        "id": PAGE,
        "title": outcome.workflow_id,
        "pageTimings": {"onLoad": _milliseconds(outcome.duration)},
        "comment": outcome.status if outcome.reason is None else f"{outcome.status}: {outcome.reason.message}",
    }


def har_entry(attempt: Attempt, request: Request) -> dict[str, Any]:
    """An attempt as an entry. Only its whole time is known, which HAR calls waiting."""
    why = attempt.reason.message if attempt.reason else "no response"
    return {
        "pageref": PAGE,
        "startedDateTime": timestamp(attempt.started_at),
        "time": _milliseconds(attempt.duration),
        "request": _request(request),
        "response": _no_response(why) if attempt.response is None else _response(attempt.response),
        "cache": {},
        "timings": {**NOT_MEASURED, "send": 0, "wait": _milliseconds(attempt.duration), "receive": 0},
        "comment": f"{attempt.workflow_id} › {attempt.step_id}, attempt {attempt.attempt}: {attempt.verdict}",
    }


def _beside(event: Authenticated) -> dict[str, Any]:
    """An exchange beside the steps (H5). Its event tells when it was over, and not how long it took."""
    return {
        "pageref": PAGE,
        "startedDateTime": timestamp(event.at),
        "time": 0,
        "request": _request(event.request),
        "response": _no_response("no response") if event.response is None else _response(event.response),
        "cache": {},
        "timings": {**NOT_MEASURED, "send": 0, "wait": 0, "receive": 0},
        "comment": f"{event.workflow_id} › {event.step_id}, for the security scheme {event.scheme}",
    }


def _request(request: Request) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "method": request.method,
        "url": request.url,
        "httpVersion": UNKNOWN_VERSION,
        "cookies": _pairs((request.header("Cookie") or "").split(";")),
        "headers": _headers(request.headers),
        "queryString": [
            {"name": unquote_plus(name), "value": unquote_plus(value)}
            for name, _, value in (pair.partition("=") for pair in urlsplit(request.url).query.split("&") if pair)
        ],
        "headersSize": UNKNOWN,
        "bodySize": len(request.body or b""),
    }
    if request.body is not None:
        entry["postData"] = _post_data(request.body, request.header("Content-Type"))
    return entry


def _post_data(body: bytes, content_type: str | None) -> dict[str, Any]:
    """HAR has no encoding for what was sent, so that bytes say theirs in a field and a comment of their own."""
    text = body_text(body, content_type)
    if text is not None:
        return {"mimeType": content_type or "", "text": text}
    encoded = base64.b64encode(body).decode("ascii")
    return {"mimeType": content_type or "", "text": encoded, "_encoding": "base64", "comment": "text is base64"}


def _response(response: Response) -> dict[str, Any]:
    content_type = response.header("Content-Type")
    text = body_text(response.body, content_type)
    content: dict[str, Any] = {"size": len(response.body), "mimeType": content_type or "application/octet-stream"}
    if text is None:
        content |= {"text": base64.b64encode(response.body).decode("ascii"), "encoding": "base64"}
    else:
        content["text"] = text
    return {
        "status": response.status,
        "statusText": _phrase(response.status),
        "httpVersion": UNKNOWN_VERSION,
        "cookies": _pairs(
            [value.partition(";")[0] for name, value in response.headers if name.lower() == "set-cookie"]
        ),
        "headers": _headers(response.headers),
        "content": content,
        "redirectURL": response.header("Location") or "",
        "headersSize": UNKNOWN,
        # What is kept is decoded: how much of a coded body came over the wire is not known.
        "bodySize": UNKNOWN if response.header("Content-Encoding") else len(response.body),
    }


def _no_response(why: str) -> dict[str, Any]:
    """Status 0 and ``_error`` are what browsers write, and read, for a request that got no answer."""
    return {
        "status": 0,
        "statusText": "",
        "httpVersion": "",
        "cookies": [],
        "headers": [],
        "content": {"size": 0, "mimeType": "x-unknown"},
        "redirectURL": "",
        "headersSize": UNKNOWN,
        "bodySize": UNKNOWN,
        "_error": why,
        "comment": why,
    }


def _headers(headers: Headers) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _pairs(cookies: list[str]) -> list[dict[str, str]]:
    parted = (cookie.strip().partition("=") for cookie in cookies if cookie.strip())
    return [{"name": name, "value": value} for name, _, value in parted]


def _sets_cookie(name: str) -> bool:
    return name.lower() == "set-cookie"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _milliseconds(seconds: float) -> float:
    return round(max(seconds, 0) * 1000, 3)
