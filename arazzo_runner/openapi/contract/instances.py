"""Text of an exchange as instances of JSON Schema: parameters, headers and parts of forms are text until they are read.

A text becomes the first reading that its schema accepts: ``7`` is a number for ``integer`` and text for ``string``. One
that no reading fits stays as it is, so that the schema says what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import unquote

from msgspec import Struct

from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.text.json_reader import json_value

ReadLeaf: TypeAlias = Callable[[Any, Any], Any]
"""Reads the content of one entry as an instance of a schema."""

_NUMBER = re.compile(r"[-+]?[0-9]+|-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_MAX_DIGITS = 300
_MAX_DEPTH = 20
"""How many ``$ref``s and combinators are followed inside each other."""
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")


class FormField(Struct, frozen=True):
    """One value of a form or query.

    Attributes:
        keys: what stands in brackets behind the name: ``("0", "price")`` for ``items[0][price]``.
        content: its text or bytes.
    """

    keys: tuple[str, ...]
    content: Any


class Instances(Struct, frozen=True):
    """Reads text by the schemas of one excerpt.

    Args:
        description: the excerpt; every ``$ref`` of a schema leads inside it.
        fits: tells if an instance conforms to a schema.
    """

    description: Mapping[str, Any]
    fits: Callable[[Any, Any], bool]

    def resolved(self, schema: Any) -> Mapping[str, Any]:
        """The schema that any number of ``$ref``s leads to, the members beside them included."""
        siblings: dict[str, Any] = {}
        for _ in range(_MAX_DEPTH):
            reference = schema.get("$ref") if isinstance(schema, dict) else None
            if not isinstance(reference, str):
                break
            siblings = {**{key: value for key, value in schema.items() if key != "$ref"}, **siblings}
            schema = self._target(reference)
        return {**schema, **siblings} if isinstance(schema, dict) else siblings

    def _target(self, reference: str) -> Any:
        try:
            return json_pointer.resolve(self.description, unquote(reference.partition("#")[2]))
        except json_pointer.PointerError:
            return {}

    def types(self, schema: Any, depth: int = 0) -> frozenset[str] | None:
        """The types that a schema allows; None when it allows any."""
        if depth > _MAX_DEPTH:
            return None
        own = self.resolved(schema)
        declared = own.get("type")
        listed = [declared] if isinstance(declared, str) else declared
        found = frozenset(one for one in listed if isinstance(one, str)) if isinstance(listed, list) else None
        for part in _parts(own, "allOf"):
            found = _both(found, self.types(part, depth + 1))
        for combinator in ("anyOf", "oneOf"):
            alternatives = [self.types(part, depth + 1) for part in _parts(own, combinator)]
            if alternatives and all(one is not None for one in alternatives):
                found = _both(found, frozenset().union(*(one for one in alternatives if one is not None)))
        if found is not None and own.get("nullable") is True:
            found |= {"null"}
        return found if found is not None else _implied(own)

    def member(self, schema: Any, name: str) -> Any:
        """The schema of an object's member: its property's, else that of additional ones."""
        properties = self.properties(schema)
        if name in properties:
            return properties[name]
        return next((part["additionalProperties"] for part in self._all(schema) if "additionalProperties" in part), {})

    def properties(self, schema: Any) -> Mapping[str, Any]:
        """The properties that a schema declares, those of combined schemas included."""
        found: dict[str, Any] = {}
        for part in self._all(schema):
            declared = part.get("properties")
            found = {**(declared if isinstance(declared, dict) else {}), **found}
        return found

    def items(self, schema: Any) -> Any:
        """The schema of an array's elements."""
        return next((part["items"] for part in self._all(schema) if "items" in part), {})

    def _all(self, schema: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
        if depth > _MAX_DEPTH:
            return
        own = self.resolved(schema)
        yield own
        for combinator in ("allOf", "anyOf", "oneOf"):
            for part in _parts(own, combinator):
                yield from self._all(part, depth + 1)

    def allows(self, schema: Any, kind: str) -> bool:
        """Tell if a schema allows a type in so many words: one that allows any does not."""
        return kind in (self.types(schema) or ())

    def scalar(self, schema: Any, text: Any) -> Any:
        """A text as the number, boolean, null or string that its schema has at its place."""
        if not isinstance(text, str):
            return text
        types = self.types(schema)
        readings = [reading for kind, reading in _readings(text) if types is None or kind in types]
        return self.first(schema, [*readings, text])

    def first(self, schema: Any, readings: Sequence[Any]) -> Any:
        """The first reading that fits the schema; when none does, the first."""
        if len(readings) == 1:
            return readings[0]
        return next((one for one in readings if self.fits(schema, one)), readings[0])

    def nested(self, schema: Any, entries: Sequence[FormField], read: ReadLeaf) -> Any:
        """The value of the entries of one name: brackets open objects and arrays, repetitions are arrays."""
        whole = [entry.content for entry in entries if not entry.keys]
        if whole:
            return self.repeated(schema, whole, read)
        groups: dict[str, list[FormField]] = {}
        for entry in entries:
            groups.setdefault(entry.keys[0], []).append(FormField(entry.keys[1:], entry.content))
        types = self.types(schema)
        if all(key == "" or key.isdigit() for key in groups) and (types is None or "array" in types):
            items = self.items(schema)
            return [self.nested(items, item, read) for key, group in groups.items() for item in _elements(key, group)]
        return {key: self.nested(self.member(schema, key), group, read) for key, group in groups.items()}

    def repeated(self, schema: Any, contents: Sequence[Any], read: ReadLeaf) -> Any:
        """The value of contents that came under one name."""
        if len(contents) > 1 or self.allows(schema, "array"):
            items = self.items(schema)
            return [read(items, content) for content in contents]
        return read(schema, contents[0])


def name_and_keys(name: str) -> tuple[str, tuple[str, ...]]:
    """A name and what it has in brackets: ``items[0][price]`` is ``items`` and ``("0", "price")``."""
    head, bracket, rest = name.partition("[")
    keys = _BRACKETS.findall(bracket + rest)
    whole = "".join(f"[{key}]" for key in keys) == bracket + rest
    return (head, tuple(keys)) if head and keys and whole else (name, ())


def _elements(key: str, group: list[FormField]) -> Iterable[list[FormField]]:
    """The entries of each element: ``p[]`` repeated is one a time, ``p[0]`` and ``p[0][a]`` belong together."""
    return [[entry] for entry in group] if key == "" and not any(entry.keys for entry in group) else [group]


def _readings(text: str) -> Iterator[tuple[str, Any]]:
    """Yield the readings of a text besides a string, each with its type."""
    if len(text) <= _MAX_DIGITS and _NUMBER.fullmatch(text):
        number = int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else json_value(text.removeprefix("+"))
        yield "integer", number
        yield "number", number
    if text in ("true", "false"):
        yield "boolean", text == "true"
    if text in ("", "null"):
        yield "null", None


def _parts(schema: Mapping[str, Any], combinator: str) -> list[Any]:
    found = schema.get(combinator)
    return found if isinstance(found, list) else []


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    wider = one | ({"integer"} if "number" in one else frozenset())
    return wider & (other | ({"integer"} if "number" in other else frozenset()))


def _implied(schema: Mapping[str, Any]) -> frozenset[str] | None:
    if "properties" in schema or isinstance(schema.get("additionalProperties"), dict):
        return frozenset({"object"})
    return frozenset({"array"}) if "items" in schema else None
