"""The headers of a request that its workflow decides, and how they differ from those that were recorded.

What a runner or another client adds of its own may change with every release, and is not compared: a recording of an
older one, or of vcrpy, is of the same workflow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from arazzo_runner.effects import MASK, Request
from arazzo_runner.engine.plan import PlannedStep
from arazzo_runner.openapi.media_types import essence
from arazzo_runner.openapi.request.idempotency import idempotency_header
from arazzo_runner.runtime.cassettes.differences import ABSENT, Difference, shown

_CLIENTS_OWN = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "baggage",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "date",
        "expect",
        "host",
        "keep-alive",
        "pragma",
        "te",
        "traceparent",
        "tracestate",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
"""What clients send unasked; in a recording it says nothing about the workflow."""

_BOUNDARY = re.compile(r';\s*boundary=("[^"]*"|[^;\s]*)', re.IGNORECASE)


def compare_headers(live: Request, recorded: Request, step: PlannedStep) -> Iterator[Difference]:
    """Compare the headers that a step decides with those recorded; a masked secret may be any other.

    A header that is recorded and not sent any more was decided by the workflow, unless clients send it unasked.

    Args:
        live: the step's request, masked.
    """
    now, then = _by_name(live), _by_name(recorded)
    decided = _decided(step)
    unasked = _CLIENTS_OWN | {_key_header(step)}
    for name in dict.fromkeys([*now, *then]):
        if name in now and name not in decided:
            continue
        if name not in now and name in unasked:
            continue
        sent, expected = now.get(name), then.get(name)
        if sent is None or expected is None or not _same(name, sent[1], expected[1]):
            label = (sent or expected or (name,))[0]
            yield Difference(f"header {label}", _shown(sent), _shown(expected))


def _decided(step: PlannedStep) -> frozenset[str]:
    """The names, in lower case, of the headers that a step sets."""
    names = {parameter.name.lower() for parameter in step.parameters if parameter.location == "header"}
    if any(parameter.location == "cookie" for parameter in step.parameters):
        names.add("cookie")
    if step.body is not None and step.body.content_type is not None:
        names.add("content-type")
    return frozenset(names)


def _key_header(step: PlannedStep) -> str:
    """The header of a durable run's idempotency key, in lower case; empty when the operation takes none."""
    name = None if step.operation is None else idempotency_header(step.operation)
    return (name or "").lower()


def _by_name(request: Request) -> dict[str, tuple[str, str]]:
    """The headers by name in lower case: each as it is written, and its values as one."""
    found: dict[str, tuple[str, str]] = {}
    for name, value in request.headers:
        label, before = found.get(name.lower(), (name, ""))
        found[name.lower()] = label, f"{before},{value.strip()}" if before else value.strip()
    return found


def _same(name: str, one: str, other: str) -> bool:
    if name == "content-type":
        one, other = _media_type(one), _media_type(other)
    if name == "cookie" and MASK not in (one, other):  # older recordings have a mask for all cookies
        ours, theirs = one.split(";"), other.split(";")
        return len(ours) == len(theirs) and all(map(partial(_same, ""), ours, theirs))
    return one == other or _covers(one, other) or _covers(other, one)


def _media_type(value: str) -> str:
    """A content type without the boundary of a multipart one, which is made of its content and changes with a mask."""
    parameters = _BOUNDARY.sub("", value).partition(";")[2]
    return "; ".join([essence(value), *(part.strip() for part in parameters.split(";") if part.strip())])


def _covers(masked: str, text: str) -> bool:
    """Return whether a value with masks in it may be another one: what stands around the masks is the same."""
    head, *between = masked.split(MASK)
    if not between or not text.startswith(head):
        return False
    tail = between.pop()
    at = len(head)
    for part in between:
        at = text.find(part, at) + len(part)
        if at < len(part):
            return False
    return len(text) - at >= len(tail) and text.endswith(tail)


def _shown(header: tuple[str, str] | None) -> str:
    return ABSENT if header is None else shown(header[1])
