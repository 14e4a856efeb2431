"""Inputs that a workflow's schema accepts, made from the schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from arazzo_runner.documents.input_schemas import applies, declared, input_schema

FORMATS: Mapping[str, str] = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "email": "ann@example.com",
    "uri": "https://example.com/a",
    "url": "https://example.com/a",
    "uuid": "6f1c1f2e-3a0b-4a7e-9d0a-1b2c3d4e5f60",
}

NAMED: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"e-?mail$", re.IGNORECASE), "email"),
    (re.compile(r"ur[il]$", re.IGNORECASE), "uri"),
    (re.compile(r"(^|_|-|[a-z])(Id|ID|_id|-id|id)$"), "uuid"),
    (re.compile(r"^(from|until|since)|(After|Before|At|Date|Time|_at|_date)$"), "date-time"),
)
"""The format that a text's name tells, for schemas that do not say it; most do not."""


def sample_inputs(schema: Mapping[str, Any] | None, *, only: tuple[str, ...] | None = None) -> dict[str, Any]:
    """A value for each input that a self-contained schema declares.

    Args:
        only: the names to give; all when None.
    """
    if schema is None:
        return {}
    names = declared(schema) if only is None else only
    return {name: sample(schema, input_schema(schema, name), name) for name in names}


def sample(root: Mapping[str, Any], schema: Any, name: str) -> Any:
    """A value that a schema accepts, its own when it has one."""
    parts = list(applies(root, schema)) if isinstance(schema, dict) else []
    merged = {key: value for part in reversed(parts) for key, value in part.items()}
    match merged:
        case {"const": value} | {"default": value} | {"example": value}:
            return value
        case {"examples": [value, *_]} | {"enum": [value, *_]}:
            return value
        case {"anyOf": [dict(first), *_]} | {"oneOf": [dict(first), *_]} if "type" not in merged:
            return sample(root, first, name)
    return _of_type(root, merged, name)


def _of_type(root: Mapping[str, Any], schema: Mapping[str, Any], name: str) -> Any:
    written = schema.get("type", "object" if "properties" in schema else "string")
    match written[0] if isinstance(written, list) else written:
        case "integer":
            return int(schema.get("minimum", 1))
        case "number":
            return schema.get("minimum", 1.5)
        case "boolean":
            return True
        case "array":
            items = schema.get("items")
            return [sample(root, items if isinstance(items, dict) else {}, name)]
        case "object":
            return {key: sample(root, part, key) for key, part in schema.get("properties", {}).items()}
        case "null":
            return None
    told = (form for pattern, form in NAMED if pattern.search(name))
    text = FORMATS.get(schema.get("format") or next(told, ""), f"a-{name}")
    return text.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength")]
