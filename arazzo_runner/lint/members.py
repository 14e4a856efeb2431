"""Names in bodies and headers, checked against the description: what nothing declares is often misspelt (D2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from arazzo_runner.analysis.findings import Finding, Findings, suggestion
from arazzo_runner.analysis.scope import StepScope, WorkflowScope
from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.near_names import near_names
from arazzo_runner.expressions.nodes import MessagePart
from arazzo_runner.openapi.media_types import FORM, essence, is_json
from arazzo_runner.openapi.operations import Operation
from arazzo_runner.openapi.responses import responses_of
from arazzo_runner.openapi.schemas import Schema

_HEADERS = (
    *("Content-Type", "Content-Length", "Content-Location", "Content-Disposition", "Content-Language", "Date", "ETag"),
    *("Last-Modified", "Location", "Link", "Retry-After", "Set-Cookie", "Cache-Control", "Expires", "Vary", "Server"),
    *("WWW-Authenticate", "Allow", "Age", "X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining"),
)
"""What servers send whether or not a description mentions it."""

_Step = str | int


class _Unknown(Struct, frozen=True):
    """A name that a schema does not declare, and those that it does."""

    name: str
    known: tuple[str, ...]


def check_members(scope: WorkflowScope) -> Findings:
    """The response's members and headers that expressions name, and the members that payloads have."""
    for step in scope.steps:
        if step.operation is not None:
            yield from _payload(step, step.operation)
    yield from _responses(scope)


def _responses(scope: WorkflowScope) -> Findings:
    documented: dict[str, _Documented] = {}
    for read in scope.reads:
        step = read.site.step
        if step is None or step.step_id not in scope.step_ids or read.site.moment != "after":
            continue
        operation = scope.steps[scope.step_ids[step.step_id]].operation
        if operation is None:
            continue
        if operation.pointer not in documented:
            documented[operation.pointer] = _Documented(operation)
        answers = documented[operation.pointer]
        for node in dict.fromkeys(use.node for use in read.uses):
            match node:
                case MessagePart(holder="response", part="body"):
                    yield from _member(answers, node, read.site.pointer)
                case MessagePart(holder="response", part="header" | "headers", name=name):
                    yield from _header(answers, name, read.site.pointer)


class _Documented:
    """The answers that an operation documents, looked into once for each path, however many steps ask."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        responses = responses_of(operation)
        self.headers = tuple(dict.fromkeys([*(name for each in responses for name in each.headers), *_HEADERS]))
        self._schemas = [schema for response in responses for schema in response.schemas]
        self._unknown: dict[tuple[_Step, ...], _Unknown | None] = {}

    def unknown(self, steps: tuple[_Step, ...]) -> _Unknown | None:
        """The first name of a path that no answer declares, and the names that they do; None when one allows it."""
        if steps not in self._unknown:
            found = [None if schema is None else _unknown(schema, steps) for schema in self._schemas]
            missing = [one for one in found if one is not None]
            names = tuple(dict.fromkeys(name for one in missing for name in one.known))
            is_unknown = bool(missing) and len(missing) == len(found)
            self._unknown[steps] = _Unknown(missing[0].name, names) if is_unknown else None
        return self._unknown[steps]


def _member(answers: _Documented, node: MessagePart, pointer: str) -> Findings:
    steps = _path_of(node)
    unknown = answers.unknown(steps) if steps else None
    if unknown is not None:
        message = f"{node}: no answer of the operation {answers.operation.label} has a member {unknown.name!r} there"
        yield Finding("unknown-response-member", message, pointer, suggestion(unknown.name, unknown.known, "members"))


def _path_of(node: MessagePart) -> tuple[_Step, ...]:
    if node.pointer:
        return tuple(json_pointer.split(node.pointer if node.pointer.startswith("/") else f"/{node.pointer}"))
    if node.tail is None or node.tail.steps is None:
        return ()
    return node.tail.steps[:-1] if node.tail.length else node.tail.steps


def _unknown(schema: Schema, steps: Sequence[_Step]) -> _Unknown | None:
    """The first name of a path that a schema does not declare; None when it declares all, or allows others."""
    for step in steps:
        if schema.keyword("items") is not None and str(step).lstrip("-").isdecimal():
            schema = schema.items()
            continue
        known = schema.members()
        if known is None:
            return None
        if str(step) not in known:
            return _Unknown(str(step), known)
        schema = schema.member(str(step))
    return None


def _header(answers: _Documented, name: str, pointer: str) -> Findings:
    """A header that is not a known one, and nearly is; descriptions rarely document all that a server sends."""
    if name.lower() in {other.lower() for other in answers.headers}:
        return
    if near := near_names(name, answers.headers, most=1, cutoff=0.8):
        where = f"no answer of the operation {answers.operation.label}"
        message = f"$response.header.{name}: {where} documents the header {name!r}"
        yield Finding("unknown-response-header", message, pointer, f"Did you mean {near[0]}?")


def _payload(step: StepScope, operation: Operation) -> Findings:
    body = step.step.request_body
    if body is None or not isinstance(body.payload, dict):
        return
    from arazzo_runner.openapi.request.bodies import choose_content_type, media_type

    content_type = choose_content_type(operation, body.content_type, body.payload)
    schema = media_type(operation, content_type).schema
    if schema is None or not (is_json(content_type) or essence(content_type) == FORM):
        return
    for pointer, unknown in _unknown_members(schema, body.payload, f"{body.pointer}/payload"):
        message = f"the operation {operation.label} declares no member {unknown.name!r} of its body there"
        hint = suggestion(unknown.name, unknown.known, "members")
        yield Finding("unknown-payload-member", message, pointer, hint, key=True)


def _unknown_members(schema: Schema, payload: Any, pointer: str) -> Iterator[tuple[str, _Unknown]]:
    waiting: list[tuple[Schema, Any, str]] = [(schema, payload, pointer)]
    while waiting:
        here, value, where = waiting.pop()
        match value:
            case dict():
                known = here.members()
                for name, member in value.items() if known is not None else ():
                    there = json_pointer.join(where, name)
                    if name in (known or ()):
                        waiting.append((here.member(name), member, there))
                    else:
                        yield there, _Unknown(name, known or ())
            case list():
                items = here.items()
                waiting += [(items, item, json_pointer.join(where, index)) for index, item in enumerate(value)]
