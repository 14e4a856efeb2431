"""The index of an AsyncAPI description: where its operations and channels stand, of either major version (M1)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from arazzo_runner.asyncapi.specs import Action
from arazzo_runner.openapi.references import DescriptionNode, References

_SECOND: dict[str, Action] = {"publish": "receive", "subscribe": "send"}
"""AsyncAPI 2 says what others may do: they publish what the application receives."""


class ChannelEntry(Struct, frozen=True):
    """A channel; ``node`` is the Channel Object, or in AsyncAPI 2 the Channel Item Object."""

    name: str
    node: DescriptionNode


class OperationEntry(Struct, frozen=True):
    """An operation; ``channel`` is a node that is its channel, or refers to it."""

    operation_id: str | None
    action: Action
    node: DescriptionNode
    channel: DescriptionNode


def channels_of(root: DescriptionNode) -> Iterator[ChannelEntry]:
    """Every channel, in document order."""
    for name, node in root.member("channels").items():
        if not name.startswith("x-"):
            yield ChannelEntry(name, node)


def operations_of(root: DescriptionNode, references: References, version: tuple[int, int]) -> Iterator[OperationEntry]:
    """Every operation, in document order.

    Raises:
        DocumentError: a ``$ref`` of an operation or channel cannot be followed.
    """
    if version >= (3, 0):
        for operation_id, node in root.member("operations").items():
            written = references.follow(node)
            action = written.member("action").value
            if not operation_id.startswith("x-") and isinstance(written.value, dict):
                yield OperationEntry(
                    operation_id, "receive" if action == "receive" else "send", node, written.member("channel")
                )
        return
    for channel in channels_of(root):
        item = references.follow(channel.node)
        for key, action in _SECOND.items():
            node = item.member(key)
            if isinstance(node.value, dict):
                name = references.follow(node).member("operationId").value
                yield OperationEntry(name if isinstance(name, str) else None, action, node, channel.node)
