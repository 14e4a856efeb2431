"""AsyncAPI descriptions: an index of operations and channels, each resolved when it is used (M1, M2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from arazzo_runner.asyncapi.broker_specs import broker_specs
from arazzo_runner.asyncapi.entries import ChannelEntry, OperationEntry, channels_of, operations_of
from arazzo_runner.asyncapi.message_specs import MessageReader
from arazzo_runner.asyncapi.specs import (
    BrokerSpec,
    ChannelParameter,
    ChannelSpec,
    MessageOperation,
    MessageSpec,
    ReplySpec,
)
from arazzo_runner.asyncapi.traits import TraitedNode
from arazzo_runner.asyncapi.versions import asyncapi_version
from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.near_names import near_names
from arazzo_runner.documents.reader import Document
from arazzo_runner.openapi.references import DescriptionNode, References


class AsyncDescription:
    """An AsyncAPI description.

    Args:
        name: the source description's name.
        document: the description.
        open_reference: opens the document of an absolute URI, for ``$ref``s that leave this one; raises ``OSError``
            when there is none.

    Raises:
        DocumentError: it is not an AsyncAPI 2.0 to 2.6, 3.0 or 3.1.
    """

    def __init__(self, name: str, document: Document, open_reference: Callable[[str], Document]) -> None:
        self.name = name
        self.document = document
        self.version = asyncapi_version(name, document)
        self.references = References(name, document, open_reference)
        self._root = DescriptionNode(document.data, document)
        default = self._root.member("defaultContentType").value
        self._messages = MessageReader(self.references, self.version, default if isinstance(default, str) else "")

    # The index

    @cached_property
    def channel_entries(self) -> Mapping[str, ChannelEntry]:
        """The channels by their keys."""
        return {entry.name: entry for entry in channels_of(self._root)}

    @cached_property
    def operation_entries(self) -> tuple[OperationEntry, ...]:
        """The operations in document order."""
        return tuple(operations_of(self._root, self.references, self.version))

    @cached_property
    def by_id(self) -> Mapping[str, OperationEntry]:
        """Operations by id; of a doubled id the first."""
        return {one.operation_id: one for one in reversed(self.operation_entries) if one.operation_id is not None}

    @cached_property
    def servers(self) -> Mapping[str, BrokerSpec]:
        """The servers by name, in document order."""
        return {spec.name: spec for spec in broker_specs(self._root, self.references, self.version)}

    # Looking up

    def operation(self, operation_id: str) -> MessageOperation | None:
        """The operation of that id, or None.

        Raises:
            DocumentError: a ``$ref`` on the way cannot be followed.
        """
        entry = self.by_id.get(operation_id)
        return None if entry is None else self._operation(entry)

    def operation_at(self, pointer: str) -> MessageOperation | None:
        """The operation that a JSON Pointer into the description reaches, or None."""
        entry = next((one for one in self.operation_entries if one.node.pointer == pointer), None)
        return None if entry is None else self._operation(entry)

    def channel(self, name: str) -> ChannelSpec | None:
        """The channel of that key, else the one of that address, or None."""
        entry = self.channel_entries.get(name)
        if entry is not None:
            return self._channel(entry.node)
        channels = (self._channel(one.node) for one in self.channel_entries.values())
        return next((channel for channel in channels if channel.address == name), None)

    def channel_at(self, pointer: str) -> ChannelSpec | None:
        """The channel that a JSON Pointer into the description reaches, or None."""
        tokens = json_pointer.split(pointer)
        if len(tokens) != 2 or tokens[0] != "channels" or tokens[1] not in self.channel_entries:
            return None
        return self.channel(tokens[1])

    def nearest(self, name: str, count: int = 3) -> list[str]:
        """The ids of operations most like a name, letter case aside."""
        return near_names(name, self.by_id, most=count)

    # Reading

    def _operation(self, entry: OperationEntry) -> MessageOperation:
        follow = self.references.follow
        node = TraitedNode.of(entry.node, follow, self.version)
        channel = self._channel(entry.channel)
        written = node.member("messages") if self.version >= (3, 0) else node.member("message")
        own = tuple(self._messages.listed(written))
        if self.version < (3, 0):
            # A channel of AsyncAPI 2 has the messages of its operations.
            channel = ChannelSpec(
                channel.name,
                channel.address,
                channel.parameters,
                _each_once((*own, *channel.messages)),
                channel.servers,
                channel.bindings,
                channel.pointer,
            )
        return MessageOperation(
            operation_id=entry.operation_id,
            action=entry.action,
            channel=channel,
            messages=own or channel.messages,
            named=bool(own),
            reply=self._reply(node.member("reply")),
            bindings=node.merged("bindings", follow),
            pointer=entry.node.pointer,
        )

    def _reply(self, written: DescriptionNode) -> ReplySpec | None:
        node = self.references.follow(written)
        if not isinstance(node.value, dict):
            return None
        location = self.references.follow(node.member("address")).member("location").value
        channel = node.member("channel")
        return ReplySpec(
            location if isinstance(location, str) else None,
            None if channel.value is None else self._channel(channel),
            tuple(self._messages.listed(node.member("messages"))),
        )

    def _channel(self, written: DescriptionNode) -> ChannelSpec:
        layers = self.references.layers(written)
        # A channel that stands in another document is known here by its key in this one.
        home, node = next((one for one in layers if self._is_entry(one)), layers[-1]), layers[-1]
        name = json_pointer.split(home.pointer)[-1] if home.pointer else ""
        bindings = self.references.follow(node.member("bindings")).value
        address = node.member("address").value if self.version >= (3, 0) else name
        return ChannelSpec(
            name=name,
            address=address if isinstance(address, str) else None,
            parameters=tuple(self._parameter(key, one) for key, one in node.member("parameters").items()),
            messages=self._messages_of(node),
            servers=tuple(_names(node.member("servers"))),
            bindings=bindings if isinstance(bindings, dict) else {},
            pointer=home.pointer,
        )

    def _is_entry(self, node: DescriptionNode) -> bool:
        tokens = json_pointer.split(node.pointer) if node.pointer else []
        return node.document is self.document and len(tokens) == 2 and tokens[0] == "channels"

    def _messages_of(self, channel: DescriptionNode) -> tuple[MessageSpec, ...]:
        if self.version >= (3, 0):
            return tuple(self._messages.message(key, one) for key, one in channel.member("messages").items())
        operations = (self.references.follow(channel.member(key)) for key in ("publish", "subscribe"))
        found = [one for operation in operations for one in self._messages.listed(operation.member("message"))]
        return _each_once(found)

    def _parameter(self, name: str, written: DescriptionNode) -> ChannelParameter:
        node = self.references.follow(written)
        holder = node if self.version >= (3, 0) else self.references.follow(node.member("schema"))
        location, default = node.member("location").value, holder.member("default").value
        return ChannelParameter(
            name,
            location if isinstance(location, str) else None,
            None if default is None else str(default),
            tuple(str(one.value) for one in holder.member("enum").elements()),
        )


def _names(servers: DescriptionNode) -> list[str]:
    """The servers of a channel: names (AsyncAPI 2), or references to them."""
    found: list[str] = []
    for one in servers.elements():
        match one.value:
            case str(name):
                found.append(name)
            case {"$ref": str(reference)}:
                found.append(json_pointer.unescape(reference.rpartition("/")[2]))
    return found


def _each_once(messages: Any) -> tuple[MessageSpec, ...]:
    return tuple({message.place: message for message in messages}.values())
