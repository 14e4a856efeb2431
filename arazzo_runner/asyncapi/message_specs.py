"""Message Objects of either major version, their traits merged (M1)."""

from __future__ import annotations

from collections.abc import Iterator

from arazzo_runner.asyncapi.specs import MessageSpec
from arazzo_runner.asyncapi.traits import TraitedNode
from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.openapi.references import DescriptionNode, References
from arazzo_runner.openapi.schemas import Schema


class MessageReader:
    """Reads the messages of one description.

    Args:
        default_type: the description's ``defaultContentType``, or empty.
    """

    def __init__(self, references: References, version: tuple[int, int], default_type: str) -> None:
        self._references = references
        self._version = version
        self._default_type = default_type

    def listed(self, written: DescriptionNode) -> Iterator[MessageSpec]:
        """The messages of an operation: a list of references (AsyncAPI 3), one, or one of several.

        Raises:
            DocumentError: a ``$ref`` cannot be followed.
        """
        if isinstance(written.value, list):
            for element in written.elements():
                yield self.message("", element)
            return
        node = self._references.follow(written)
        if isinstance(node.value, dict):
            alternatives = list(node.member("oneOf").elements())
            for one in alternatives or [written]:
                yield self.message("", one)

    def message(self, key: str, written: DescriptionNode) -> MessageSpec:
        """A message.

        Args:
            key: its key in the channel; else the last part of what it refers to.

        Raises:
            DocumentError: a ``$ref`` cannot be followed.
        """
        follow = self._references.follow
        node = TraitedNode.of(written, follow, self._version)
        own = follow(written)
        payload, schema_format = self._payload(node)
        headers = node.member("headers")
        correlation = follow(node.member("correlationId")).member("location").value
        ending = json_pointer.split(own.pointer)[-1] if own.pointer else ""
        return MessageSpec(
            name=key or node.text("name") or ending,
            content_type=node.text("contentType") or self._default_type,
            payload=self._schema(payload),
            headers=self._schema(self._unwrapped(headers)[0]),
            schema_format=schema_format,
            correlation=correlation if isinstance(correlation, str) else None,
            bindings=node.merged("bindings", follow),
            place=own.place,
        )

    def _payload(self, node: TraitedNode) -> tuple[DescriptionNode, str]:
        if self._version < (3, 0):
            return node.member("payload"), node.text("schemaFormat") or ""
        return self._unwrapped(node.member("payload"))

    def _unwrapped(self, written: DescriptionNode) -> tuple[DescriptionNode, str]:
        """A schema and its format, out of a Multi Format Schema Object when it is one."""
        node = self._references.follow(written)
        schema_format = node.member("schemaFormat").value
        if isinstance(schema_format, str) and isinstance(node.value, dict) and "schema" in node.value:
            return node.member("schema"), schema_format
        return written, ""

    def _schema(self, node: DescriptionNode) -> Schema | None:
        return None if node.value is None else Schema(node, self._references)
