"""Broken keywords of inputs schemas that can be read in one way only (D1).

Authors write ``required: true`` on a property, ``type: int``, or annotations of a wrong type. ``validate`` calls each
an error; a run reads the schema in the only way that makes sense.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

_TYPES: Mapping[str, str] = {
    "str": "string",
    "text": "string",
    "int": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "decimal": "number",
    "bool": "boolean",
    "dict": "object",
    "map": "object",
    "list": "array",
    "none": "null",
}
"""What other languages call the types of JSON Schema."""

_KNOWN_TYPES = frozenset({"string", "integer", "number", "boolean", "object", "array", "null"})
_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_ANNOTATIONS: Mapping[str, type] = {
    "title": str,
    "description": str,
    "$comment": str,
    "format": str,
    "examples": list,
    "deprecated": bool,
    "readOnly": bool,
    "writeOnly": bool,
}
_LIMITS = frozenset(
    {
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
    }
)


class _Dropped:
    """A keyword that says nothing."""


_DROPPED: Final = _Dropped()
_Reader: TypeAlias = Callable[[Any], Any]


def as_meant(written: Mapping[str, Any], read: Mapping[str, Any]) -> dict[str, Any]:
    """One schema with its broken keywords read in the only way that makes sense; what cannot be read is left as it is.

    Args:
        written: the schema as it is in the document.
        read: the same with its subschemas read already.
    """
    kept = {name: meant for name, value in read.items() if (meant := _keyword(name, value)) is not _DROPPED}
    _read_required_members(written, kept)
    _read_exclusive_limits(kept)
    if isinstance(kept.get("items"), list):
        kept["prefixItems"] = kept.pop("items")
    return kept


def _keyword(name: str, value: Any) -> Any:
    if name in _MAPS:
        return _map(value)
    if name in _ANNOTATIONS:
        return value if isinstance(value, _ANNOTATIONS[name]) else _DROPPED
    if name in _LIMITS:
        return _limit(value)
    return _KEYWORDS[name](value) if name in _KEYWORDS else value


def _map(value: Any) -> Any:
    if value is None:
        return {}
    return {key: _member(part) for key, part in value.items()} if isinstance(value, dict) else value


def _member(value: Any) -> Any:
    """The schema of a property; ``id: string`` and ``id:`` are short for a type and for any value."""
    match value:
        case str() if _type(value) in _KNOWN_TYPES:
            return {"type": _type(value)}
        case None:
            return {}
    return value


def _type(value: Any) -> Any:
    match value:
        case str():
            word = value.strip().lower()
            return word if word in _KNOWN_TYPES else _TYPES.get(word, value)
        case list():
            return [_type(part) for part in value]
        case None:
            return "null"
    return value


def _required(value: Any) -> Any:
    match value:
        case str():
            return [value]
        case bool() | None:
            return _DROPPED  # on a property it is read where the property stands
    return value


def _enum(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _limit(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    return int(number) if number.is_integer() else number


_KEYWORDS: Mapping[str, _Reader] = {"type": _type, "required": _required, "enum": _enum}


def _read_required_members(schema: Mapping[str, Any], kept: dict[str, Any]) -> None:
    """``required: true`` on a property means that the property is required."""
    properties = schema.get("properties")
    members = properties.items() if isinstance(properties, dict) else ()
    asked = [name for name, part in members if isinstance(part, dict) and part.get("required") is True]
    if asked:
        listed = kept.get("required")
        kept["required"] = list(dict.fromkeys([*(listed if isinstance(listed, list) else []), *asked]))


def _read_exclusive_limits(kept: dict[str, Any]) -> None:
    """``exclusiveMinimum: true`` is how older drafts, and OpenAPI 3.0, say that ``minimum`` is exclusive."""
    for exclusive, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(kept.get(exclusive), bool):
            is_exclusive = kept.pop(exclusive)
            if is_exclusive and limit in kept:
                kept[exclusive] = kept.pop(limit)
