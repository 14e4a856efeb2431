"""Schema Objects, as far as a request needs them: properties, items, and hints such as ``xml`` and ``format``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from arazzo_runner.errors import DocumentError
from arazzo_runner.openapi.references import DescriptionNode, References

_OPENING = ("patternProperties", "$dynamicRef", "if", "dependentSchemas", "discriminator")
"""Keywords through which an object may have members that no ``properties`` here declares."""

_COMBINATORS = ("allOf", "anyOf", "oneOf")


class Schema(Struct, frozen=True):
    """A schema seen through its ``$ref``s.

    Members beside a ``$ref`` are seen first, then what it refers to, then what both combine.

    Attributes:
        node: where it was written, before any ``$ref`` was followed.
        siblings: whether members beside a ``$ref`` count: from OpenAPI 3.1 on.
    """

    node: DescriptionNode
    references: References
    siblings: bool = True

    def keyword(self, name: str) -> DescriptionNode | None:
        """The value of a keyword, or None when no part of the schema has it."""
        for part in self._parts(self.node, set()):
            if name in part.value:
                return part.member(name)
        return None

    def value(self, name: str) -> Any:
        """The plain value of a keyword, or None."""
        found = self.keyword(name)
        return None if found is None else found.value

    def member(self, name: str) -> Schema:
        """The schema of a property; an empty one when no part of the schema declares it."""
        for part in self._parts(self.node, set()):
            properties = part.value.get("properties")
            if isinstance(properties, dict) and name in properties:
                return self._at(part.member("properties", name))
        return self._at(DescriptionNode({}, self.node.document))

    def property_names(self) -> tuple[str, ...]:
        """The names of the properties that any part of the schema declares."""
        names: dict[str, None] = {}
        for part in self._parts(self.node, set()):
            properties = part.value.get("properties")
            names |= dict.fromkeys(properties if isinstance(properties, dict) else ())
        return tuple(names)

    def members(self) -> tuple[str, ...] | None:
        """The names of the properties that the parts of the schema declare; None when it does not tell them all."""
        names: dict[str, None] = {}
        for part in self._parts(self.node, set()):
            value = part.value
            if any(keyword in value for keyword in _OPENING) or value.get("additionalProperties") not in (None, False):
                return None
            properties = value.get("properties")
            names.update(dict.fromkeys(map(str, properties)) if isinstance(properties, dict) else {})
        return tuple(names) or None

    def items(self) -> Schema:
        """The schema of an array's elements; an empty one when there is none."""
        return self._at(self.keyword("items") or DescriptionNode({}, self.node.document))

    @property
    def referenced_name(self) -> str | None:
        """The component name that a ``$ref`` ends with, or None."""
        reference = self.node.value.get("$ref") if isinstance(self.node.value, dict) else None
        return reference.rpartition("/")[2] if isinstance(reference, str) else None

    def _at(self, node: DescriptionNode) -> Schema:
        return Schema(node, self.references, self.siblings)

    def _parts(self, node: DescriptionNode, seen: set[tuple[str, str]]) -> Iterator[DescriptionNode]:
        try:
            layers = self.references.layers(node)
        except DocumentError:
            return  # D1: a schema whose $ref leads nowhere is absent
        own = [layer for layer in (layers if self.siblings else layers[-1:]) if isinstance(layer.value, dict)]
        place = (layers[-1].document.uri, layers[-1].pointer)
        if place in seen:
            return  # a schema may well combine itself
        seen.add(place)
        yield from own
        for layer in own:
            for combinator in _COMBINATORS:
                if combinator in layer.value:
                    for element in layer.member(combinator).elements():
                        yield from self._parts(element, seen)
