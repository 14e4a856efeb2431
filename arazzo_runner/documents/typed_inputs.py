"""Inputs that a person types, read by the types that the workflow declares (V8)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from arazzo_runner.documents.input_schemas import types
from arazzo_runner.documents.text.json_reader import json_value


def typed(text: str, schema: Mapping[str, Any]) -> Any:
    """Return a value that was typed, by the type that the schema gives it; text that does not fit stays text (V8)."""
    kinds = types(schema)
    listed = schema.get("enum")
    for value in listed if isinstance(listed, list) else ():
        if text == (value if isinstance(value, str) else json.dumps(value)):
            return value
    if "string" in kinds or not kinds:
        return text
    try:
        value = json_value(text)
    except ValueError:
        return text
    names = {dict: "object", list: "array", bool: "boolean", type(None): "null", int: "integer", float: "number"}
    kind = names.get(type(value), "string")
    return (
        value
        if kind in kinds or (kind == "integer" and "number" in kinds) or (kind == "number" and "integer" in kinds)
        else text
    )
