"""Nodes and a ``Scope`` to values, or ``UNDEFINED`` (V1). Evaluation never raises and never reads a clock."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol, TypeAlias

from msgspec import Struct, field

from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.expressions import selectors
from arazzo_runner.expressions.limits import BudgetExceeded, SelectorError
from arazzo_runner.expressions.nodes import ComponentReference, Expression, MessagePart, Named, SourceReference, Special
from arazzo_runner.expressions.path_tails import Tail
from arazzo_runner.expressions.undefined import UNDEFINED, Undefined
from arazzo_runner.expressions.xpath import xml_as_object

Value: TypeAlias = Any
"""Plain JSON data, ``bytes`` for a body that is not text, or ``UNDEFINED``."""


class MessageView(Protocol):
    """A request, a response or a message, as expressions see it."""

    def header(self, name: str) -> str | Undefined:
        """The first value of a header, its name compared without case (V7)."""

    def parameter(self, location: str, name: str) -> Value:
        """A ``query`` or ``path`` parameter."""

    @property
    def body(self) -> Value:
        """The body as V7 gives it."""

    @property
    def structured_body(self) -> Value:
        """The body as a JSON Pointer or path sees it: for XML the object that ``xmltodict`` makes of it."""


class PlainMessage(Struct, frozen=True, dict=True):
    """A message made of plain values.

    Attributes:
        headers: name and value, in order.
        parameters: by location (``query``, ``path``), then by name.
    """

    headers: Sequence[tuple[str, str]] = ()
    parameters: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    body: Value = UNDEFINED
    is_xml: bool = False

    def header(self, name: str) -> str | Undefined:
        folded = name.lower()
        return next((value for key, value in self.headers if key.lower() == folded), UNDEFINED)

    def parameter(self, location: str, name: str) -> Value:
        return self.parameters.get(location, {}).get(name, UNDEFINED)

    @cached_property
    def structured_body(self) -> Value:
        return xml_as_object(self.body) if self.is_xml and isinstance(self.body, str) else self.body


class WorkflowView(Struct, frozen=True):
    """The view of a finished workflow for others: ``$workflows.<id>``."""

    inputs: Mapping[str, Value]
    outputs: Mapping[str, Value]


class Scope(Struct, frozen=True):
    """All that an expression can name at one moment of a run.

    Attributes:
        outputs: what ``$outputs`` means here: the workflow's own, or inside a workflow step the child's (F7).
        steps: the outputs of the steps that have any, by step id.
        sources: the fields of each source description, by name.
        components: by component type, then name.
    """

    inputs: Mapping[str, Value] = field(default_factory=dict)
    outputs: Mapping[str, Value] = field(default_factory=dict)
    steps: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    workflows: Mapping[str, WorkflowView] = field(default_factory=dict)
    url: str | Undefined = UNDEFINED
    method: str | Undefined = UNDEFINED
    status_code: int | Undefined = UNDEFINED
    request: MessageView | None = None
    response: MessageView | None = None
    message: MessageView | None = None
    sources: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    components: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    self_uri: str | Undefined = UNDEFINED


def evaluate(node: Expression, scope: Scope) -> Value:
    """The value that ``node`` names in ``scope``, its type kept (V2), or ``UNDEFINED`` (V1)."""
    match node:
        case MessagePart():
            return _message_part(node, scope)
        case Named():
            return _named(node, scope)
        case Special(name, tail):
            value: Value
            match name:
                case "url":
                    value = scope.url
                case "method":
                    value = scope.method
                case "statusCode":
                    value = scope.status_code
                case _:
                    value = scope.self_uri
            return value if tail is None else follow(value, tail)
        case SourceReference(name, reference):
            return scope.sources.get(name, {}).get(reference, UNDEFINED)
        case ComponentReference(kind, name):
            return scope.components.get(kind, {}).get(name, UNDEFINED)


def _message_part(node: MessagePart, scope: Scope) -> Value:
    holder = {"request": scope.request, "response": scope.response}.get(node.holder, scope.message)
    if holder is None:
        return UNDEFINED
    match node.part:
        case "header" | "headers":
            return holder.header(node.name)
        case "query" | "path":
            return holder.parameter(node.part, node.name)
        case _ if node.pointer:
            # V5: `#name` without the slash is taken for `#/name`.
            pointer = node.pointer if node.pointer.startswith("/") else f"/{node.pointer}"
            return _with_or_without_root(holder, lambda body: resolve_pointer(body, pointer))
        case _ if node.tail is not None:
            tail = node.tail
            return _with_or_without_root(holder, lambda body: follow(body, tail))
        case _:
            return holder.body


def _with_or_without_root(holder: MessageView, look: Callable[[Value], Value]) -> Value:
    """Look into a body; of an XML one also below the root element, whose name documents leave out (V7)."""
    body = holder.structured_body
    found = look(body)
    if found is UNDEFINED and body is not holder.body and isinstance(body, Mapping) and len(body) == 1:
        return look(next(iter(body.values())))
    return found


def _named(node: Named, scope: Scope) -> Value:
    holder = _holder(node, scope)
    if holder is None:
        return UNDEFINED
    if not node.rest:
        return dict(holder)
    for reading in node.readings:
        value = holder.get(reading.name, UNDEFINED)
        if value is UNDEFINED:
            continue
        if reading.tail is not None:
            value = follow(value, reading.tail)
        return resolve_pointer(value, reading.pointer) if reading.pointer else value
    return UNDEFINED


def _holder(node: Named, scope: Scope) -> Mapping[str, Value] | None:
    match node.root, node.field:
        case "inputs", _:
            return scope.inputs
        case "outputs", _:
            return scope.outputs
        case "steps", _:
            return scope.steps.get(node.owner)
        case _:
            view = scope.workflows.get(node.owner)
            if view is None:
                return None
            return view.inputs if node.field == "inputs" else view.outputs


def resolve_pointer(value: Value, pointer: str) -> Value:
    """Return the value that a JSON Pointer (RFC 6901) reaches in ``value``, or ``UNDEFINED``."""
    if value is UNDEFINED:
        return UNDEFINED
    try:
        return json_pointer.resolve(value, pointer)
    except LookupError:
        return UNDEFINED


def follow(value: Value, tail: Tail) -> Value:
    """Follow a path behind an expression (V5): a value for names and indexes only, otherwise a list."""
    if tail.steps is None:
        try:
            nodes = selectors.jsonpath(tail.query).values(value)
        except (BudgetExceeded, SelectorError):
            return UNDEFINED
        return len(nodes) if tail.length else nodes
    for position, step in enumerate(tail.steps):
        found = _member(value, step)
        if found is UNDEFINED and step == "length" and position == len(tail.steps) - 1:
            return length_of(value)
        value = found
    return value


def _member(value: Value, step: str | int) -> Value:
    if isinstance(value, Mapping):
        return value.get(str(step), UNDEFINED)
    if isinstance(value, list):
        # `.0` is how some documents write `[0]` (V5 takes both).
        index = step if isinstance(step, int) else json_pointer.index_of(step, len(value))
        if index is not None and -len(value) <= index < len(value):
            return value[index]
    return UNDEFINED


def length_of(value: Value) -> int | Undefined:
    """Return ``.length`` (V5) of an array, a string or an object; of anything else ``UNDEFINED``."""
    return len(value) if isinstance(value, (list, str, Mapping)) else UNDEFINED


def to_text(value: Value) -> str:
    """A value as text (V3, C4): strings as they are, all else as JSON writes it; bytes as UTF-8 where they are."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
