"""Views of a run for a page: attempts, values, bodies and comparisons, as plain data. No markup is made here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from arazzo_runner.effects import Request, Response
from arazzo_runner.engine.events import Attempt, ExchangedMessage, Reason
from arazzo_runner.engine.exchange import decode_body
from arazzo_runner.reports.curl import curl_command
from arazzo_runner.reports.jsonreport import timestamp
from arazzo_runner.reports.summary import body_text
from arazzo_runner.reports.text import duration

MAX_BODY = 20_000
"""Characters of a body that are shown."""
MAX_FORMATTED = 1_000_000
"""Bytes of JSON from which on a body is shown as it came, not laid out."""
MAX_COMPARED = 400
"""Lines of a text that are compared with another's."""


def attempt_view(attempt: Attempt, number: int, max_body: int = MAX_BODY) -> dict[str, Any]:
    """An attempt as the page shows it.

    Args:
        number: of the attempt in the run, from 1.
        max_body: characters of a body that are kept.
    """
    request, response = attempt.request, attempt.response
    return {
        **line_view(attempt, number),
        "request": None if request is None else message_view(request, max_body),
        "curl": "" if request is None else curl_command(request)[: MAX_BODY + max_body],
        "response": None if response is None else _response(response, max_body),
        "message": None if attempt.exchanged is None else exchanged_view(attempt.exchanged, max_body),
        "criteria": [
            {"condition": c.condition, "type": c.type, "passed": c.passed, "detail": c.detail or ""}
            for c in attempt.criteria
        ],
        "outputs": values_view(attempt.outputs),
    }


def line_view(attempt: Attempt, number: int) -> dict[str, Any]:
    """An attempt in a line: neither header fields nor bodies, criteria or outputs."""
    request, response, action = attempt.request, attempt.response, attempt.action
    target = urlsplit(request.url) if request else None
    exchanged = attempt.exchanged
    return {
        "kind": "attempt",
        "number": number,
        "workflow": attempt.workflow_id,
        "step": attempt.step_id,
        "attempt": attempt.attempt,
        "depth": attempt.depth,
        "status": attempt.verdict,
        "what": attempt.operation if request is None else request.method,
        "calls": request is None and exchanged is None,
        "path": "" if target is None else (target.path or "/") + (f"?{target.query}" if target.query else ""),
        **({} if exchanged is None else {"what": exchanged.action, "path": exchanged.address}),
        "request": None if request is None else {"method": request.method, "url": request.url},
        "response": None if response is None else {"status": response.status},
        "action": None
        if action is None
        else {"name": action.name or "", "type": action.type, "target": action.step_id or action.workflow_id or ""},
        "problems": list(attempt.problems),
        "reason": None if attempt.reason is None else reason_view(attempt.reason),
        "start": attempt.started_at,
        "seconds": attempt.duration,
        "at": clock(attempt.started_at),
        "for": duration(attempt.duration),
    }


def clock(at: float) -> str:
    """A time for people, in UTC."""
    return timestamp(at).replace("T", " ").replace("Z", " UTC")


def reason_view(reason: Reason) -> dict[str, Any]:
    """Show why something failed."""
    return {
        "code": reason.code,
        "message": reason.message,
        "workflow": "" if reason.place is None else reason.place.workflow,
        "step": reason.step_id or "",
        "hint": reason.hint,
        "place": "" if reason.place is None else str(reason.place),
    }


def message_view(request: Request, max_body: int = MAX_BODY) -> dict[str, Any]:
    """A request: its first line, header fields and body."""
    body = body_view(request.body or b"", request.header("Content-Type"), max_body)
    return {"method": request.method, "url": request.url, "headers": list(request.headers), "body": body}


def exchanged_view(exchanged: ExchangedMessage, max_body: int = MAX_BODY) -> dict[str, Any]:
    """The message of an attempt: where it was sent or awaited, its headers and payload, and what else was seen."""
    message = exchanged.message
    return {
        "action": exchanged.action,
        "address": exchanged.address,
        "broker": exchanged.url,
        "correlation": exchanged.correlation_id or "",
        "headers": [] if message is None else list(message.headers),
        "body": None if message is None else body_view(message.payload, message.content_type, max_body),
        "others": exchanged.others,
    }


def _response(response: Response, max_body: int) -> dict[str, Any]:
    body = body_view(response.body, response.header("Content-Type"), max_body)
    return {"status": response.status, "headers": list(response.headers), "body": body}


def body_view(body: bytes, content_type: str | None, limit: int = MAX_BODY) -> dict[str, Any]:
    """A body as text, JSON laid out, its size, and a note of what is not shown."""
    laid_out = _laid_out(body, content_type) if len(body) <= MAX_FORMATTED else None
    text = body_text(body, content_type) if laid_out is None else laid_out
    view = {"json": laid_out is not None, "size": size(len(body)) if body else ""}
    if text is None:
        return {**view, "text": "", "note": f"{len(body):,} bytes that are not text ({content_type or 'of no type'})"}
    if len(text) > limit:
        return {**view, "text": text[:limit], "note": f"cut: {limit:,} of {len(text):,} characters are shown"}
    return {**view, "text": text, "note": ""}


def size(count: int) -> str:
    """A number of bytes as a person reads it: ``84 B``, ``1.2 kB``, ``3.4 MB``."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.1f} kB" if count < 999_950 else f"{count / 1_000_000:.1f} MB"


def _laid_out(body: bytes, content_type: str | None) -> str | None:
    """JSON with line breaks, or None when it is not JSON, or is nested too deeply to lay out."""
    data, _ = decode_body(body, content_type)
    if not isinstance(data, (dict, list)):
        return None
    try:
        return json.dumps(data, ensure_ascii=False, indent=2)
    except RecursionError:
        return None


def values_view(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Show named values: inputs or outputs."""
    return [{"name": name, **_value(value)} for name, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bytes):
        return body_view(value, None)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2, default=str)
    note = "" if len(text) <= MAX_BODY else f"cut: it has {len(text):,} characters"
    return {"text": text[:MAX_BODY], "note": note, "json": isinstance(value, (dict, list))}


def comparison(expected: str, came: str) -> Iterator[tuple[str, str, str]]:
    """Yield two texts side by side: ``same``, ``changed``, ``gone``, ``new`` or ``gap``, and a line of each."""
    from difflib import SequenceMatcher

    one, other = expected.splitlines()[:MAX_COMPARED], came.splitlines()[:MAX_COMPARED]
    for tag, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from _same(one[a:b])
            continue
        for index in range(max(b - a, d - c)):
            left, right = a + index < b, c + index < d
            kind = "changed" if left and right else "gone" if left else "new"
            yield kind, one[a + index] if left else "", other[c + index] if right else ""


def _same(lines: list[str]) -> Iterator[tuple[str, str, str]]:
    """Lines that are alike; of many the first and the last."""
    if len(lines) <= 8:
        yield from (("same", line, line) for line in lines)
        return
    yield from (("same", line, line) for line in lines[:3])
    yield "gap", f"{len(lines) - 6} lines alike", ""
    yield from (("same", line, line) for line in lines[-3:])
