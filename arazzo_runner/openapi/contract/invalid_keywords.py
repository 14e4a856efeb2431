"""Keywords of schemas with values that JSON Schema does not know: why an exchange could not be judged, in its words.

Looked for only when a library gave up: a description is not refused for what nobody asks of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from arazzo_runner.errors import DocumentError
from arazzo_runner.openapi.operations import Operation
from arazzo_runner.openapi.references import DescriptionNode
from arazzo_runner.secrecy import cut

MOST = 3
"""The number that is reported."""
_MAX_SHOWN = 60


class _Form(NamedTuple):
    """The form that a keyword's value must have, in words and as a test."""

    words: str
    fits: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_number(value) and value >= 0 and value % 1 == 0


def _is_schema(value: Any) -> bool:
    return isinstance(value, dict | bool)


_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_TYPE = _Form(f"one of {', '.join(_TYPES)}", lambda value: value in _TYPES)
_TYPE_OR_LIST = _Form(
    f"{_TYPE.words}, or a list of them",
    lambda value: all(one in _TYPES for one in value) if isinstance(value, list) else value in _TYPES,
)
_TEXT = _Form("text", lambda value: isinstance(value, str))
_NUMBER = _Form("a number", _is_number)
_COUNT = _Form("a whole number from 0", _is_count)
_SCHEMA = _Form("a schema", _is_schema)
_SCHEMAS = _Form("a list of schemas", lambda value: isinstance(value, list) and all(map(_is_schema, value)))
_NAMED = _Form("an object of schemas", lambda value: isinstance(value, dict) and all(map(_is_schema, value.values())))
_LIST = _Form("a list", lambda value: isinstance(value, list))
_NAMES = _Form("a list of names", lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value))
_LIMIT = _Form(
    "a number", lambda value: _is_number(value) or isinstance(value, bool)
)  # 3.0's exclusiveMinimum is a flag
_STEP = _Form("a number above 0", lambda value: _is_number(value) and value > 0)

_FORMS: Mapping[str, _Form] = {
    "$ref": _TEXT, "type": _TYPE_OR_LIST, "format": _TEXT, "pattern": _TEXT, "enum": _LIST, "required": _NAMES,
    "minimum": _NUMBER, "maximum": _NUMBER, "exclusiveMinimum": _LIMIT, "exclusiveMaximum": _LIMIT,
    "multipleOf": _STEP, "minLength": _COUNT, "maxLength": _COUNT, "minItems": _COUNT, "maxItems": _COUNT,
    "minProperties": _COUNT, "maxProperties": _COUNT, "items": _SCHEMA, "not": _SCHEMA, "contains": _SCHEMA,
    "propertyNames": _SCHEMA, "if": _SCHEMA, "then": _SCHEMA, "else": _SCHEMA, "additionalProperties": _SCHEMA,
    "unevaluatedProperties": _SCHEMA, "unevaluatedItems": _SCHEMA, "allOf": _SCHEMAS, "anyOf": _SCHEMAS,
    "oneOf": _SCHEMAS, "prefixItems": _SCHEMAS, "properties": _NAMED, "patternProperties": _NAMED,
    "dependentSchemas": _NAMED, "$defs": _NAMED,
}  # fmt: skip
_REFERENCES = {"$ref": _TEXT}
_OF_3_0: Mapping[str, _Form] = {**_FORMS, "type": _TYPE}


def odd_keywords(operation: Operation, side: str) -> list[str]:
    """List the oddities in the schemas of an operation's request or response: a phrase each, with its place."""
    found = _odd(operation, side)
    return [phrase for phrase, _ in zip(found, range(MOST), strict=False)]


def _odd(operation: Operation, side: str) -> Iterator[str]:
    api = operation.api
    written, parameters = api.written(operation.pointer)
    starts = [written.member("responses")] if side == "response" else [*parameters, written.member("requestBody")]
    forms = _OF_3_0 if api.version < (3, 1) else _FORMS
    pending = [(start, False) for start in reversed(starts)]
    seen: set[tuple[str, str]] = set()
    while pending:
        node, is_schema = pending.pop()
        try:
            layers = api.references.layers(node)
        except DocumentError:  # of what is not judged, such as links: all else has been followed before
            continue
        for layer in layers:
            if (key := (layer.document.uri, layer.pointer)) in seen:
                break
            seen.add(key)
            yield from _odd_members(layer, forms if is_schema else _REFERENCES)
            pending += reversed(list(_schemas_in(layer) if is_schema else _members(layer)))


def _odd_members(node: DescriptionNode, forms: Mapping[str, _Form]) -> Iterator[str]:
    for keyword, member in node.items():
        form = forms.get(keyword)
        if form is not None and not form.fits(member.value):
            shown = cut(json.dumps(member.value, ensure_ascii=False, default=str), _MAX_SHOWN)
            yield f"{member.document.place(member.pointer)}: {keyword} is {shown}, expected {form.words}"


def _members(node: DescriptionNode) -> Iterator[tuple[DescriptionNode, bool]]:
    """Yield the members of an OpenAPI object, and whether each is a schema."""
    yield from ((member, name == "schema") for name, member in node.items() if name not in ("example", "examples"))
    yield from ((element, False) for element in node.elements())


def _schemas_in(node: DescriptionNode) -> Iterator[tuple[DescriptionNode, bool]]:
    for keyword, member in node.items():
        form = _FORMS.get(keyword)
        if form is _SCHEMA:
            yield member, True
        elif form is _SCHEMAS:
            yield from ((element, True) for element in member.elements())
        elif form is _NAMED:
            yield from ((named, True) for _, named in member.items())
