"""Inputs of a workflow: defaults filled in, then held against its JSON Schema (V8)."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

from arazzo_runner.documents import pointer as json_pointer

MASK = "***"


def with_defaults(schema: Any, value: Any) -> Any:
    """A copy of ``value`` with the defaults that ``schema`` gives for absent members, nested ones too."""
    return _filled(schema, schema, value, 0)


def _filled(root: Any, schema: Any, value: Any, depth: int) -> Any:
    if depth > 50 or not isinstance(value, Mapping):
        return value
    filled = dict(value)
    for node in _applying(root, schema):
        properties = node.get("properties")
        for name, member in properties.items() if isinstance(properties, dict) else ():
            if name not in filled:
                found, default = _default(root, member)
                if found:
                    filled[name] = default
            if name in filled:
                filled[name] = _filled(root, member, filled[name], depth + 1)
    return filled


def _default(root: Any, schema: Any) -> tuple[bool, Any]:
    for node in _applying(root, schema):
        if "default" in node:
            return True, node["default"]
    return False, None


def _applying(root: Any, schema: Any, seen: tuple[int, ...] = ()) -> Iterator[dict[str, Any]]:
    """The schema and what it always applies beside itself: its ``$ref`` and ``allOf``."""
    if not isinstance(schema, dict) or id(schema) in seen:
        return
    seen = (*seen, id(schema))
    yield schema
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        # An anchor, or nothing: what the validator says of it is clearer.
        with suppress(LookupError):
            yield from _applying(root, json_pointer.resolve(root, reference[1:]), seen)
    for part in schema.get("allOf") or ():
        yield from _applying(root, part, seen)


def _alternatives(root: Any, schema: Any, seen: tuple[int, ...] = ()) -> Iterator[dict[str, Any]]:
    """Every schema that may apply to the same object: through ``$ref`` and all combinators."""
    for node in _applying(root, schema):
        if id(node) in seen:
            continue
        seen = (*seen, id(node))
        yield node
        for keyword in ("anyOf", "oneOf"):
            for part in node.get(keyword) or ():
                yield from _alternatives(root, part, seen)
        for keyword in ("if", "then", "else"):
            if keyword in node:
                yield from _alternatives(root, node[keyword], seen)
        for part in (node.get("dependentSchemas") or {}).values():
            yield from _alternatives(root, part, seen)


def declared(schema: Any) -> tuple[str, ...]:
    """The names of the inputs that any part of the schema declares, in order."""
    names: dict[str, None] = {}
    for node in _alternatives(schema, schema):
        properties = node.get("properties")
        names.update(dict.fromkeys(properties if isinstance(properties, dict) else ()))
    return tuple(names)


def input_schema(schema: Any, name: str) -> Mapping[str, Any]:
    """What the schema says of one input; empty when nothing."""
    for node in _alternatives(schema, schema):
        properties = node.get("properties")
        if isinstance(properties, dict) and isinstance(properties.get(name), dict):
            merged: dict[str, Any] = {}
            for part in reversed(list(_applying(schema, properties[name]))):
                merged.update(part)
            return merged
    return {}


def _is_open(schema: Any) -> bool:
    """Whether inputs may be given that no part of the schema declares (V8)."""
    nodes = list(_alternatives(schema, schema))
    if any(node.get("additionalProperties") not in (None, False) or "patternProperties" in node for node in nodes):
        return True
    return not any("properties" in node for node in nodes)


def check_inputs(
    schema: Any, values: Mapping[str, Any], *, secret: Collection[str] = (), undeclared: bool = False
) -> list[str]:
    """Everything that is wrong with the inputs, a sentence each; empty when nothing is (V8).

    Args:
        values: defaults filled in.
        secret: names whose values no message may show (S1).
        undeclared: whether inputs may be given that no part of the schema declares.
    """
    if schema is None:
        return []
    import jsonschema_rs

    errors = [] if undeclared else list(_misspelt(schema, values))
    try:
        validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        masked = jsonschema_rs.Draft202012Validator(schema, validate_formats=True, mask=MASK)
    except (jsonschema_rs.ValidationError, ValueError) as unusable:
        return [*errors, f"the workflow's inputs schema cannot be used: {str(unusable).splitlines()[0]}"]
    plain = _without_bytes(values)
    for error, hidden in zip(validator.iter_errors(plain), masked.iter_errors(plain), strict=True):
        path = [str(part) for part in error.instance_path]
        # An error of the whole object may show every input; one of a secret's own shows that.
        shows_secret = path[0] in secret if path else bool(secret)
        place = f"input {'.'.join(path)}" if path else "inputs"
        errors.append(f"{place}: {hidden.message if shows_secret else error.message}")
    return errors


def _without_bytes(value: Any) -> Any:
    """The inputs as the validator takes them: bytes, which JSON has not, as strings."""
    match value:
        case bytes():
            return value.decode("latin-1")
        case Mapping():
            return {key: _without_bytes(item) for key, item in value.items()}
        case list():
            return [_without_bytes(item) for item in value]
        case _:
            return value


def _misspelt(schema: Any, values: Mapping[str, Any]) -> Iterator[str]:
    names = declared(schema)
    if _is_open(schema):
        return
    for name in values:
        if name in names:
            continue
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
        meant = f"did you mean {near[0]!r}?" if near else f"it declares {', '.join(names) or 'none'}"
        yield f"input {name}: the workflow declares no such input; {meant}"
