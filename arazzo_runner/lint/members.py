"""Names in bodies and headers, checked against the description: what nothing declares is often misspelt (D2)."""

from __future__ import annotations

from arazzo_runner.analysis.findings import Finding, Findings, suggestion
from arazzo_runner.analysis.scope import StepScope, WorkflowScope
from arazzo_runner.documents.near_names import near_names
from arazzo_runner.expressions.nodes import MessagePart
from arazzo_runner.lint.schema_members import UnknownMember, path_of, unknown_member, unknown_members
from arazzo_runner.openapi.media_types import FORM, essence, is_json
from arazzo_runner.openapi.operations import Operation
from arazzo_runner.openapi.responses import responses_of

_HEADERS = (
    *("Content-Type", "Content-Length", "Content-Location", "Content-Disposition", "Content-Language", "Date", "ETag"),
    *("Last-Modified", "Location", "Link", "Retry-After", "Set-Cookie", "Cache-Control", "Expires", "Vary", "Server"),
    *("WWW-Authenticate", "Allow", "Age", "X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining"),
)
"""What servers send whether or not a description mentions it."""


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
        self._unknown: dict[tuple[str | int, ...], UnknownMember | None] = {}

    def unknown(self, steps: tuple[str | int, ...]) -> UnknownMember | None:
        """The first name of a path that no answer declares, and the names that they do; None when one allows it."""
        if steps not in self._unknown:
            found = [None if schema is None else unknown_member(schema, steps) for schema in self._schemas]
            missing = [one for one in found if one is not None]
            names = tuple(dict.fromkeys(name for one in missing for name in one.known))
            is_unknown = bool(missing) and len(missing) == len(found)
            self._unknown[steps] = UnknownMember(missing[0].name, names) if is_unknown else None
        return self._unknown[steps]


def _member(answers: _Documented, node: MessagePart, pointer: str) -> Findings:
    steps = path_of(node)
    unknown = answers.unknown(steps) if steps else None
    if unknown is not None:
        message = f"{node}: no answer of the operation {answers.operation.label} has a member {unknown.name!r} there"
        yield Finding("unknown-response-member", message, pointer, suggestion(unknown.name, unknown.known, "members"))


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
    for pointer, unknown in unknown_members(schema, body.payload, f"{body.pointer}/payload"):
        message = f"the operation {operation.label} declares no member {unknown.name!r} of its body there"
        hint = suggestion(unknown.name, unknown.known, "members")
        yield Finding("unknown-payload-member", message, pointer, hint, key=True)
