"""An operation as a description of its own: it alone, and all that its ``$ref``s reach.

What checks exchanges against a description then loads one operation, not five megabytes of them. The operation stands
at ``POST /`` whatever its method and path are: which one applies has been decided (H1), and what is left to ask is
whether an exchange conforms to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.openapi.media_types import essence
from arazzo_runner.openapi.operations import ApiDescription, Operation
from arazzo_runner.openapi.references import DescriptionNode

METHOD, PATH = "post", "/"

_VALUES = frozenset({"default", "enum", "const"})
"""Keywords whose values are data, in which ``$ref`` means nothing."""
_UNUSED = frozenset({"example", "examples", "externalDocs", "links", "callbacks", "security", "servers", "tags"})


def excerpt(operation: Operation) -> dict[str, Any]:
    """A description with that operation alone.

    Raises:
        DocumentError: a ``$ref`` reaches nothing.
    """
    return _Excerpt(operation.api).made(operation)


class _Excerpt:
    """One description in the making.

    Component names of the description itself are kept, since a discriminator may mean them without a ``$ref``; what
    stands elsewhere gets a name of its own.
    """

    def __init__(self, api: ApiDescription) -> None:
        self._api = api
        self._names: dict[tuple[str, str], str] = {}
        self._components: dict[str, dict[str, Any]] = {}
        self._waiting: list[tuple[str, str, DescriptionNode]] = []

    def made(self, operation: Operation) -> dict[str, Any]:
        node, parameters = self._api.written(operation.pointer)
        own: dict[str, Any] = {
            "requestBody": self._copy(node.member("requestBody")),
            "responses": self._copy(node.member("responses"), names=True),
        }
        named = _by_name(self._api, parameters)
        own["parameters"] = [self._parameter(entry) for entry in named.values()]
        own = {key: value for key, value in own.items() if value is not None}
        if not isinstance(own.get("responses"), dict):
            own["responses"] = {"default": {"description": "any: none is documented, as 3.1 allows"}}
        while self._waiting:
            group, name, target = self._waiting.pop()
            self._components[group][name] = self._copy(target)
        return {
            "openapi": str(self._api.document.data["openapi"]),
            "info": {"title": operation.label, "version": "1"},
            "servers": [{"url": "/"}],
            "paths": {PATH: {METHOD: own}},
            "components": self._components,
        }

    def _parameter(self, entry: DescriptionNode) -> dict[str, Any]:
        copied: dict[str, Any] = self._copy(self._api.references.follow(entry))
        # What is there to be checked was sent: that it may be empty, or should no longer be used, is not a breach.
        return {key: value for key, value in copied.items() if key not in ("allowEmptyValue", "deprecated")}

    def _copy(self, node: DescriptionNode, *, names: bool = False) -> Any:
        """A value with its ``$ref``s made to lead inside the excerpt.

        Args:
            names: the value's keys are names that the author chose, such as those of properties.
        """
        if isinstance(node.value, list):
            return [self._copy(element) for element in node.elements()]
        if not isinstance(node.value, dict):
            return node.value
        if not names and isinstance(node.value.get("$ref"), str):
            reference = {"$ref": self._referenced(node)}
            # 3.0 ignores what stands beside a $ref.
            siblings = [] if self._api.version < (3, 1) else [item for item in node.items() if item[0] != "$ref"]
            return {**{key: self._copy(member) for key, member in siblings}, **reference}
        copied: dict[str, Any] = {}
        for key, member in node.items():
            if not names and (key in _UNUSED or key.startswith("x-")):
                continue
            if not names and key in _VALUES:
                copied[key] = member.value
            elif not names and key == "schema" and isinstance(member.value, bool):
                copied[key] = {} if member.value else {"not": {}}  # the same, in a form that openapi-core reads
            elif not names and key == "content":
                copied[key] = self._content(member)
            elif not names and key == "mapping" and "propertyName" in node.value:
                copied[key] = {name: self._mapped(target) for name, target in member.items()}
            else:
                copied[key] = self._copy(member, names=not names and key in _NAMING)
        return copied

    def _content(self, node: DescriptionNode) -> dict[str, Any]:
        """Media Type Objects, their names as they are compared."""
        copied: dict[str, Any] = {}
        for content_type, entry in node.items():
            media = self._copy(entry)
            name = essence(content_type)
            copied.setdefault(name, media)
        return copied

    def _mapped(self, node: DescriptionNode) -> Any:
        """Resolve a discriminator's value: a ``$ref``, or the bare name of a schema."""
        text = node.value
        if not isinstance(text, str):
            return text
        reference = text if "/" in text or "#" in text or "." in text else f"#/components/schemas/{text}"
        return self._referenced(DescriptionNode({"$ref": reference}, node.document, node.pointer))

    def _referenced(self, node: DescriptionNode) -> str:
        """Return the target of a ``$ref`` inside the excerpt; what it leads to is copied when its turn comes."""
        target = self._api.references.target(node)
        place = target.place
        if place not in self._names:
            group, name = self._name(target)
            self._names[place] = "#" + quote(json_pointer.join("/components", group, name), safe="/~")
            self._components.setdefault(group, {})[name] = {}
            self._waiting.append((group, name, target))
        return self._names[place]

    def _name(self, target: DescriptionNode) -> tuple[str, str]:
        parts = json_pointer.split(target.pointer)
        if target.document is self._api.document and len(parts) == 3 and parts[0] == "components":
            return parts[1], parts[2]
        return "schemas", f"(referenced {len(self._names) + 1})"


_NAMING = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "headers", "responses"}
)
"""Keywords whose members are named by the author."""


def _by_name(api: ApiDescription, entries: tuple[DescriptionNode, ...]) -> Mapping[tuple[str, str], DescriptionNode]:
    """Parameters by name and location; the operation's own replaces the path item's."""
    named = {}
    for entry in entries:
        node = api.references.follow(entry)
        name, location = node.member("name").value, node.member("in").value
        if isinstance(name, str) and location in ("path", "query", "header", "cookie"):
            named[name, location] = entry
    return named
