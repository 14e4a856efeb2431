"""Schemas as data that stands alone: every ``$ref`` leads inside, so that effects can carry them (M7, M8, M13)."""

from __future__ import annotations

from typing import Any

from arazzo_runner.errors import DocumentError
from arazzo_runner.openapi.references import DescriptionNode, References
from arazzo_runner.openapi.schemas import Schema

_VALUES = frozenset({"default", "enum", "const", "examples", "example"})
_NAMING = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
"""AsyncAPI's own schemas are a superset of JSON Schema draft 7."""


def bundled(schema: Schema) -> dict[str, Any] | bool:
    """A schema with all that it refers to; a broken ``$ref``, and what is not a schema, allow anything (D1)."""
    if not isinstance(schema.node.value, dict):
        return schema.node.value is not False
    return _Bundle(schema.references).made(schema.node)


class _Bundle:
    def __init__(self, references: References) -> None:
        self._references = references
        self._names: dict[tuple[str, str], str] = {}
        self._definitions: dict[str, Any] = {}
        self._waiting: list[tuple[str, DescriptionNode]] = []

    def made(self, node: DescriptionNode) -> dict[str, Any]:
        root = self._copy(node)
        while self._waiting:
            name, target = self._waiting.pop()
            self._definitions[name] = self._copy(target)
        whole = {"allOf": [root]} if "$ref" in root else root
        dialect = {} if "$schema" in whole else {"$schema": DRAFT_7}
        return {**dialect, **whole, **({"$defs": self._definitions} if self._definitions else {})}

    def _copy(self, node: DescriptionNode, *, names: bool = False) -> Any:
        if isinstance(node.value, list):
            return [self._copy(element) for element in node.elements()]
        if not isinstance(node.value, dict):
            return node.value
        if not names and isinstance(node.value.get("$ref"), str):
            return self._referenced(node)
        copied = {}
        for key, member in node.items():
            if names:
                copied[key] = self._copy(member)
            elif key in _VALUES:
                copied[key] = member.value
            elif not key.startswith("x-") and key not in ("$id", "$defs"):
                copied[key] = self._copy(member, names=key in _NAMING)
        return copied

    def _referenced(self, node: DescriptionNode) -> dict[str, Any]:
        try:
            target = self._references.target(node)
        except DocumentError:
            return {}
        if target.place not in self._names:
            name = self._names[target.place] = str(len(self._names) + 1)
            self._waiting.append((name, target))
        return {"$ref": f"#/$defs/{self._names[target.place]}"}
