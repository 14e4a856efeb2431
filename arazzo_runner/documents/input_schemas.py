"""Declarations of a workflow's inputs schema: names, which are required, and whether others are allowed (V8)."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.input_bundles import bundle_inputs
from arazzo_runner.documents.model import ArazzoDescription, Workflow
from arazzo_runner.errors import DocumentError

_ALWAYS = ("allOf",)
_PERHAPS = ("allOf", "anyOf", "oneOf")
_BRANCHES = ("if", "then", "else")
_MEMBERS = ("properties", "patternProperties", "dependentSchemas")
_ASIDE = ("$defs", "definitions", "const", "enum", "default", "examples")
"""Keywords that say nothing of a value by the schemas in them."""
_BELOW = (
    "properties", "patternProperties", "additionalProperties", "unevaluatedProperties", "items", "prefixItems",
    "contains", "unevaluatedItems", "propertyNames",
)  # fmt: skip
"""Keywords whose schemas look at what is in a value."""


class Inputs(Struct, frozen=True):
    """The inputs of a workflow.

    Attributes:
        names: those that any part of the schema declares, in order.
        required: those that must be given: required by every reading of the schema, and without a default.
        open: whether a name that is not declared may be given (V8): also where nothing is declared at all.
    """

    names: tuple[str, ...]
    required: tuple[str, ...]
    open: bool


UNKNOWN = Inputs((), (), True)
"""Of a workflow without ``inputs``, and of a schema that cannot be resolved, which has its own problem."""


def inputs_of(description: ArazzoDescription, workflow: Workflow) -> Inputs:
    """Return the inputs of a workflow, ``$ref``s and combinators followed."""
    if workflow.inputs is None:
        return UNKNOWN
    try:
        schema = bundle_inputs(description, workflow)
    except DocumentError:
        return UNKNOWN
    return Inputs(declared(schema), tuple(required(schema)), is_open(schema))


def declared(schema: Any) -> tuple[str, ...]:
    """The names of the inputs that any part of a self-contained schema declares, in order."""
    return tuple(dict.fromkeys(name for node in may_apply(schema) for name in _properties(node)))


def input_schema(schema: Any, name: str) -> dict[str, Any]:
    """Return what a self-contained schema says about one input; empty for nothing."""
    for node in may_apply(schema):
        member = _properties(node).get(name)
        if isinstance(member, dict):
            return {key: value for part in reversed(list(applies(schema, member))) for key, value in part.items()}
    return {}


def types(schema: Mapping[str, Any]) -> set[str]:
    """The JSON types that a schema names, those of its alternatives too; what is not a name of a type is none."""
    named = schema.get("type", [])
    found = {name for name in (named if isinstance(named, list) else [named]) if isinstance(name, str)}
    for keyword in ("anyOf", "oneOf"):
        parts = schema.get(keyword)
        for part in parts if isinstance(parts, list) else ():
            found |= types(part) if isinstance(part, dict) else set()
    return found


def is_open(schema: Any) -> bool:
    """Return whether a self-contained schema takes inputs that no part of it declares (V8)."""
    nodes = list(may_apply(schema))
    if any(node.get("additionalProperties") not in (None, False) or "patternProperties" in node for node in nodes):
        return True
    return not any("properties" in node for node in nodes)


def required(schema: Any) -> Iterator[str]:
    """The names of the inputs that must be given: required by every reading of the schema, and without a default."""
    always = list(applies(schema))
    defaults = {
        name
        for node in always
        for name, member in _properties(node).items()
        if any("default" in part for part in applies(schema, member))
    }
    asked = [name for node in always if isinstance(listed := node.get("required"), list) for name in listed]
    return iter(dict.fromkeys(name for name in asked if isinstance(name, str) and name not in defaults))


def work(schema: Any, depth: int) -> int:
    """Return an upper bound of how often parts of a self-contained schema are visited to validate a value.

    Recursive alternatives double it with each level of the value.

    Args:
        depth: how many objects and arrays of the value stand in one another.
    """
    known: dict[tuple[int, int], int] = {}

    def looked_at(node: Any, depth: int) -> int:
        if not isinstance(node, dict) or depth < 0:
            return 0
        key = (id(node), depth)
        if key not in known:
            known[key] = 0  # a reference that leads back here looks at no more of the value
            parts = [(child, depth - (name in _BELOW)) for name, child in _parts(node)]
            known[key] = 1 + sum(looked_at(*part) for part in [*parts, (_target(schema, node), depth)])
        return known[key]

    try:
        return looked_at(schema, depth)
    except RecursionError:
        return sys.maxsize


def _parts(node: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The schemas in a schema that look at a value, with the keyword that each stands under."""
    for name, value in node.items():
        if name in _ASIDE:
            continue
        if name in _MEMBERS and isinstance(value, dict):
            yield from ((name, part) for part in value.values())
        elif isinstance(value, list):
            yield from ((name, part) for part in value)
        else:
            yield name, value


def _properties(node: dict[str, Any]) -> dict[str, Any]:
    properties = node.get("properties")
    return properties if isinstance(properties, dict) else {}


def applies(root: Any, start: Any = None) -> Iterator[dict[str, Any]]:
    """A schema (``start``, or ``root`` itself) and what it always applies: through ``$ref`` and ``allOf``."""
    return _subschemas(root, _ALWAYS, branches=False, start=start)


def may_apply(root: Any) -> Iterator[dict[str, Any]]:
    """A schema and all that may apply to the same value: through ``$ref`` and every combinator."""
    return _subschemas(root, _PERHAPS, branches=True)


def _subschemas(
    root: Any, combinators: tuple[str, ...], *, branches: bool, start: Any = None
) -> Iterator[dict[str, Any]]:
    """A schema and those that look at the same value: through ``$ref`` and combinators, each once."""
    waiting: list[Any] = [root if start is None else start]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict) or id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        more = [_target(root, node)]
        for keyword in combinators:
            parts = node.get(keyword)
            more += parts if isinstance(parts, list) else []
        if branches:
            more += [node.get(keyword) for keyword in _BRANCHES]
            dependent = node.get("dependentSchemas")
            more += dependent.values() if isinstance(dependent, dict) else []
        waiting += reversed(more)


def _target(root: Any, node: dict[str, Any]) -> Any:
    """Return the target of a ``$ref``; None for an anchor, which the validator follows and a name need not."""
    reference = node.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    try:
        return json_pointer.resolve(root, reference[1:])
    except json_pointer.PointerError:
        return None
