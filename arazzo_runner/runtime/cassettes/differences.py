"""Differences of requests, answers and outputs from those recorded, part by part."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from arazzo_runner.effects import MASK, Request, Response
from arazzo_runner.openapi.media_types import FORM, MULTIPART, essence, media_type_parameter
from arazzo_runner.runtime.cassettes.filtered_secrets import (
    Pairs,
    fits,
    pairs_with_masks,
    path_with_masks,
    with_masks,
)
from arazzo_runner.secrecy import CUT, cut

ABSENT = "absent"
MAX_SHOWN = 80
"""Characters of a value that are shown."""
BEFORE = 20
"""Characters that are shown before the place where two texts part."""


class Difference(Struct, frozen=True):
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
    path = path_with_masks(one.path, other.path)
    if one.path != path:
        alike = one.path.count("/") == path.count("/")  # its segments are values, such as an id
        differences.append(Difference("path", one.path, path, structural=not alike))
    query, expected = (parse_qsl(part.query, keep_blank_values=True) for part in (one, other))
    if sorted(query) != sorted(pairs_with_masks(query, expected)):
        alike = {name for name, _ in query} == {name for name, _ in expected}
        shown_now, shown_then = one.query or "empty", other.query or "empty"
        differences.append(Difference("query", shown_now, shown_then, structural=not alike))
    return differences + _compare_sent(live, recorded)


def _compare_sent(live: Request, recorded: Request) -> list[Difference]:
    """Compare the bodies of two requests: JSON by member, forms by field, multipart by part; masks fit anything."""
    one, other = _body(live), _body(recorded)
    if one == other:
        return []
    kind = essence(live.header("Content-Type") or "")
    if kind == FORM:
        return compare_fields(_fields(one), _fields(other))
    if kind == MULTIPART and one and other:
        return compare_fields(_parts(one), _parts(other))
    try:
        data, expected = json.loads(one), json.loads(other)
    except ValueError:
        text, then = _plain(one), _plain(other)
        return [] if one and other and MASK in text and fits(text, then) else compare_bodies(one, other)
    return list(compare_data(data, with_masks(data, expected), "body"))


def compare_fields(live: Pairs, recorded: Pairs) -> list[Difference]:
    """Compare the fields of two forms, by name."""
    recorded = pairs_with_masks(live, recorded)
    now, then = _by_name(live), _by_name(recorded)
    return [
        difference
        for name in dict.fromkeys([*now, *then])
        if now.get(name) != then.get(name)
        for difference in _field_differences(name, now.get(name, []), then.get(name, []))
    ]


def _field_differences(name: str, now: list[str], then: list[str]) -> Iterator[Difference]:
    for one, other in zip_longest(now, then):
        if one != other:
            shown_now, shown_then = _apart(one, other)
            yield Difference(f"body field {name}", shown_now, shown_then, structural=one is None or other is None)


def _by_name(pairs: Pairs) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for name, value in pairs:
        named.setdefault(name, []).append(value)
    return named


def _fields(body: bytes) -> Pairs:
    return parse_qsl(_plain(body), keep_blank_values=True)


def _parts(body: bytes) -> Pairs:
    """The parts of a multipart body, each by the name in its head, with the rest of the head."""
    pairs = []
    for piece in _plain(body).split("--boundary")[1:-1]:
        head, _, content = piece.strip("\r\n").partition("\r\n\r\n")
        name = re.search(r'name="([^"]*)"', head)
        more = [
            line for line in head.split("\r\n") if "filename" in line or not line.lower().startswith("content-disp")
        ]
        pairs.append((name[1] if name else "", " · ".join([content, *more])))
    return pairs


def _plain(body: bytes) -> str:
    return body.decode("utf-8", "surrogateescape")


def _same(one: str, other: str) -> int:
    """The number of characters that two texts begin with alike."""
    parts = (index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(parts, min(len(one), len(other)))


def _apart(one: str | None, other: str | None) -> tuple[str, str]:
    """Two texts as they are shown: from a little before the place where they part."""
    if one is None or other is None:
        return ABSENT if one is None else shown(one), ABSENT if other is None else shown(other)
    start = max(_same(one, other) - BEFORE, 0)
    before = CUT if start else ""
    return shown(before + one[start:]), shown(before + other[start:])


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
        return [_text_difference(live, recorded)]
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


def _text_difference(live: bytes, recorded: bytes) -> Difference:
    """The difference of two texts: its line and column, and what stands there."""
    if not live or not recorded:
        now, then = (shown(body.decode("utf-8", "replace")) if body else "empty" for body in (live, recorded))
        return Difference("body", now, then)
    one, other = (body.decode("utf-8", "replace") for body in (live, recorded))
    same = one[: _same(one, other)]
    line, column = same.count("\n") + 1, len(same) - same.rfind("\n")
    where = f"body at {line}:{column}" if len(same) > BEFORE else "body"
    return Difference(where, *_apart(one, other), structural=False)
