"""Messages against the schemas of a description (M8, M13)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from arazzo_runner.documents.input_schemas import work
from arazzo_runner.documents.text.json_reader import json_value
from arazzo_runner.effects import MASK, Message
from arazzo_runner.engine.exchange import decode_body
from arazzo_runner.engine.judged_values import MAX_ASKED, depth_of, plain_value
from arazzo_runner.expressions.limits import BudgetExceeded
from arazzo_runner.expressions.undefined import UNDEFINED


def message_parts(message: Message, content_type: str | None = None) -> Mapping[str, Any]:
    """The payload and the headers of a message as plain data.

    Args:
        content_type: of the payload, where the message itself says none.
    """
    payload, _ = decode_body(message.payload, message.content_type or content_type)
    return {"payload": None if payload is UNDEFINED else payload, "headers": dict(message.headers)}


def fits(schemas: Mapping[str, Any], parts: Mapping[str, Any]) -> bool:
    """Return whether every part of a message conforms to its schema; a part without one does.

    Args:
        schemas: self-contained, by part: ``payload``, ``headers``.
        parts: plain data by part.
    """
    return not any(True for _ in breaches(schemas, parts))


def breaches(schemas: Mapping[str, Any], parts: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the faults of a message: the part, the pointer into it and a sentence without values (S1)."""
    for part, schema in schemas.items():
        encoded = _encoded(schema)
        validator = _validator(encoded)
        if validator is None or part not in parts or isinstance(parts[part], bytes):
            continue  # no JSON Schema judges bytes
        instance = plain_value(_typed(schema, parts[part]) if part == "headers" else parts[part])
        if _effort(encoded, depth_of(instance)) > MAX_ASKED:
            yield from ((part, *fault) for fault in _first_fault(schema, instance))
            continue
        try:
            errors = list(validator.iter_errors(instance))
        except ValueError as limit:  # of the library
            yield part, "", f"it cannot be judged: {limit}"
            continue
        for fault in errors:
            pointer = "".join(f"/{key}" for key in fault.instance_path)
            yield part, pointer, str(fault.message)


def _first_fault(schema: Any, instance: Any) -> Iterator[tuple[str, str]]:
    """The first fault by a schema that repeats itself too often to list them all: the pointer and a sentence."""
    from arazzo_runner.engine.tangled_inputs import first_misfit

    try:
        found = first_misfit(schema, instance, own_dialect=True)
    except BudgetExceeded as error:
        yield "", f"it cannot be judged by its schema, which repeats itself too often: {error.message}"
        return
    if found is not None:
        pointer = "".join(f"/{key}" for key in found.path)
        yield pointer, f"this does not fit {found.keyword!r} of its schema, and there may be more that does not"


def _typed(schema: Any, headers: Mapping[str, Any]) -> dict[str, Any]:
    """Header fields as their schema has them: its own spelling of names, and numbers and booleans out of text."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    own_names = properties.items() if isinstance(properties, dict) else ()
    declared = {name.lower(): (name, one) for name, one in own_names}
    typed = {}
    for name, value in headers.items():
        known, own = declared.get(name.lower(), (name, {}))
        kind = own.get("type") if isinstance(own, dict) else None
        typed[known] = _read(value) if kind in ("integer", "number", "boolean") else value
    return typed


def _read(text: str) -> Any:
    try:
        return json_value(text)
    except ValueError:
        return text


def _encoded(schema: Any) -> bytes:
    try:
        return msgspec.json.encode(schema)
    except UnicodeEncodeError:
        return msgspec.json.encode(plain_value(schema))


@lru_cache(maxsize=1024)
def _effort(schema: bytes, depth: int) -> int:
    return work(msgspec.json.decode(schema), depth)


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> Any:
    """The validator of a schema; None for one that is not a schema, which is the description's own matter (D1)."""
    import jsonschema_rs

    data = msgspec.json.decode(schema)
    try:
        return jsonschema_rs.validator_for(data, mask=MASK)
    except (jsonschema_rs.ValidationError, ValueError):
        return None
