"""Differences of requests, answers and outputs from those recorded, part by part."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from arazzo_runner.effects import Request, Response
from arazzo_runner.openapi.media_types import MULTIPART, essence, media_type_parameter
from arazzo_runner.secrecy import cut

ABSENT = "absent"
MAX_SHOWN = 80
"""Characters of a value that are shown."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One part that is not as it was recorded.

    Attributes:
        part: ``method``, ``path``, ``query``, ``status``, ``body``, or with a place in it, ``body /a/0``.
        now, then: as JSON, cut short; ``absent`` where there is none.
        structural: whether more than a value differs: something is gone, new, or of another type.
    """

    part: str
    now: str
    then: str
    structural: bool = True

    def __str__(self) -> str:
        return f"the {self.part} is {self.now}, recorded {self.then}"


def compare(live: Request, recorded: Request) -> list[Difference]:
    """Compare a request with a recorded one: method, path, query and body, not host or headers."""
    differences = []
    if live.method != recorded.method:
        differences.append(Difference("method", live.method, recorded.method))
    one, other = urlsplit(live.url), urlsplit(recorded.url)
    if one.path != other.path:
        differences.append(Difference("path", one.path, other.path))
    query, expected = (sorted(parse_qsl(part.query, keep_blank_values=True)) for part in (one, other))
    if query != expected:
        differences.append(Difference("query", one.query or "empty", other.query or "empty"))
    return differences + compare_bodies(_body(live), _body(recorded))


def compare_responses(live: Response, recorded: Response) -> list[Difference]:
    """Compare an answer with a recorded one: content type and body; another status is another answer."""
    if live.status != recorded.status:
        return [Difference("status", str(live.status), str(recorded.status))]
    differences = []
    kind, expected = (essence(answer.header("Content-Type") or "none") for answer in (live, recorded))
    if kind != expected:
        differences.append(Difference("content type", kind, expected))
    return differences + compare_bodies(live.body, recorded.body)


def compare_bodies(live: bytes, recorded: bytes) -> list[Difference]:
    """Compare two bodies: JSON member by member, anything else as a whole."""
    if live == recorded:
        return []
    try:
        one, other = json.loads(live), json.loads(recorded)
    except ValueError:
        return [Difference("body", _text(live), _text(recorded), structural=not (live and recorded))]
    return list(compare_data(one, other, "body"))


def compare_data(live: Any, recorded: Any, part: str, place: str = "") -> Iterator[Difference]:
    """Compare two JSON values, member by member.

    Args:
        part: what they are.
        place: JSON Pointer to them in it.
    """
    if type(live) is type(recorded) and live == recorded:
        return
    if isinstance(live, dict) and isinstance(recorded, dict):
        for key in dict.fromkeys([*live, *recorded]):
            here = f"{place}/{key}"
            if key not in recorded:
                yield Difference(f"{part} {here}", shown(live[key]), ABSENT)
            elif key not in live:
                yield Difference(f"{part} {here}", ABSENT, shown(recorded[key]))
            else:
                yield from compare_data(live[key], recorded[key], part, here)
    elif isinstance(live, list) and isinstance(recorded, list) and len(live) == len(recorded):
        for index, (one, other) in enumerate(zip(live, recorded, strict=True)):
            yield from compare_data(one, other, part, f"{place}/{index}")
    else:
        named = f"{part} {place}".rstrip()
        yield Difference(named, shown(live), shown(recorded), structural=_kind(live) != _kind(recorded))


def _kind(value: Any) -> str:
    """The JSON type of a value; all numbers are of one."""
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case _:
            return type(value).__name__


def _body(request: Request) -> bytes:
    """A request's body; the boundary of a multipart one aside, which is made of its content and changes with a mask."""
    body = request.body or b""
    content_type = request.header("Content-Type") or ""
    if essence(content_type) != MULTIPART:
        return body
    boundary = media_type_parameter(content_type, "boundary")
    return body.replace(boundary.encode(), b"boundary") if boundary else body


def shown(value: Any) -> str:
    """A value as JSON, cut short."""
    return cut(json.dumps(value, ensure_ascii=False, default=str), MAX_SHOWN)


def _text(body: bytes) -> str:
    return cut(json.dumps(body.decode("utf-8", "replace"), ensure_ascii=False), MAX_SHOWN) if body else "empty"
