"""XML answers with lists where the response's schema has arrays, however many elements came (V7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arazzo_runner.errors import DocumentError
from arazzo_runner.openapi.schemas import Schema

_MAX_DEPTH = 100


def with_lists(tree: Any, schema: Schema) -> Any:
    """Return the object that ``xmltodict`` made of a document, with lists where its schema has arrays.

    Args:
        schema: of the body, which is the root element's content.
    """
    if not isinstance(tree, dict) or len(tree) != 1:
        return tree
    ((root, content),) = tree.items()
    try:
        return {root: _root(content, schema)}
    except DocumentError:
        return tree


def _root(content: Any, schema: Schema) -> Any:
    if schema.value("type") == "array" or schema.keyword("items") is not None:
        return _wrapped(content, _item_name(schema) or "", schema, 0)
    return _listed(content, schema, 0)


def _listed(value: Any, schema: Schema, depth: int) -> Any:
    """An element's content with lists for the arrays of its schema."""
    if depth > _MAX_DEPTH:
        return value
    if isinstance(value, list):
        return [_listed(item, schema, depth + 1) for item in value]
    names = schema.property_names()
    if value is None and any(_is_array(schema.member(name)) for name in names):
        value = {}
    if not isinstance(value, dict):
        return value
    members = dict(value)
    for name in names:
        member = schema.member(name)
        element = _element_name(name, member)
        if not _is_array(member):
            if element in members:
                members[element] = _listed(members[element], member, depth + 1)
        elif _hints(member).get("wrapped") is True:
            item = _item_name(member) or element
            if element in members:
                members[element] = _wrapped(members[element], item, member, depth + 1)
        else:
            members[element] = _list(members.get(element), member, depth + 1)
    return members


def _wrapped(value: Any, item: str, schema: Schema, depth: int) -> Any:
    """The content of an element that wraps an array: its items under their one name."""
    own = {} if value is None else value
    if not isinstance(own, dict):
        return value
    elements = [name for name in own if not name.startswith(("@", "#"))]
    name = elements[0] if len(elements) == 1 else item
    return {**own, name: _list(own.get(name), schema, depth)} if name else value


def _list(value: Any, schema: Schema, depth: int) -> list[Any]:
    items = value if isinstance(value, list) else [] if value is None else [value]
    return [_listed(item, schema.items(), depth + 1) for item in items]


def _is_array(schema: Schema) -> bool:
    kind = schema.value("type")
    return kind == "array" or (isinstance(kind, list) and "array" in kind)


def _hints(schema: Schema) -> Mapping[str, Any]:
    written = schema.value("xml")
    return written if isinstance(written, dict) else {}


def _prefixed(hints: Mapping[str, Any], name: str) -> str:
    prefix = hints.get("prefix")
    return f"{prefix}:{name}" if isinstance(prefix, str) and prefix else name


def _element_name(name: str, schema: Schema) -> str:
    """The name of the elements of a property; of an array without wrapping element its items' name counts."""
    hints = _hints(schema)
    if _is_array(schema) and hints.get("wrapped") is not True:
        return _item_name(schema) or name
    written = hints.get("name")
    return _prefixed(hints, written if isinstance(written, str) else name)


def _item_name(schema: Schema) -> str | None:
    hints = _hints(schema.items())
    written = hints.get("name")
    return _prefixed(hints, written) if isinstance(written, str) else None
