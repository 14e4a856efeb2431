"""References to channels and operations of AsyncAPI descriptions, in every form that public documents have (M2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from msgspec import Struct

from arazzo_runner.analysis.link_errors import LinkError
from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.model import ArazzoDescription
from arazzo_runner.documents.near_names import did_you_mean, near_names
from arazzo_runner.documents.reader import Document
from arazzo_runner.documents.sources import Library
from arazzo_runner.errors import Problem

if TYPE_CHECKING:
    from arazzo_runner.asyncapi.descriptions import AsyncDescription
    from arazzo_runner.asyncapi.specs import ChannelSpec, MessageOperation

_PREFIX = "$sourceDescriptions."
_GROUP = re.compile(r"(channels|operations)\.(.+)", re.DOTALL)


class LinkedMessages(Struct, frozen=True):
    """A channel that a step sends to or receives from, and the operation on it when the step names one.

    Attributes:
        source: the name of its source description.
        portable: the reference as the specification writes it, when the step's own form is one of the accepted others.
        unread: what is wrong with other sources that the reference could refer to as well.
    """

    api: AsyncDescription
    channel: ChannelSpec
    operation: MessageOperation | None
    source: str
    portable: str | None = None
    unread: tuple[Problem, ...] = ()

    @property
    def label(self) -> str:
        """Its name in messages."""
        return self.channel.name if self.operation is None else self.operation.label


class _Reference(Struct, frozen=True):
    """A reference taken apart: a JSON Pointer behind ``#``, or a name behind a dot."""

    source: str
    pointer: str | None
    name: str
    is_portable: bool


class Sourced(Protocol):
    """The part of the linker that opens sources."""

    library: Library

    def kind(self, description: ArazzoDescription, name: str) -> str | None:
        """The type of a source."""


class MessageLinks:
    """Follows references into AsyncAPI descriptions; descriptions and indexes are kept."""

    def __init__(self, sources: Sourced, check_name: Callable[[ArazzoDescription, str], None]) -> None:
        self._sources = sources
        self._check_name = check_name
        self._apis: dict[tuple[str, str], AsyncDescription] = {}

    def api(self, description: ArazzoDescription, name: str) -> AsyncDescription:
        """The AsyncAPI description behind a source.

        Raises:
            DocumentError: it is not there, cannot be read, or is not an AsyncAPI description.
            LinkError: two sources have the name.
        """
        from arazzo_runner.asyncapi.descriptions import AsyncDescription

        self._check_name(description, name)
        document: Document = self._sources.library.source(description, name)
        key = (document.uri, name)
        if key not in self._apis:
            self._apis[key] = AsyncDescription(name, document, self._sources.library.open)
        return self._apis[key]

    def by_id(self, description: ArazzoDescription, source: str, operation_id: str) -> LinkedMessages:
        """The operation of an id in a source.

        Raises:
            LinkError: it is unknown.
            DocumentError: the source cannot be used.
        """
        api = self.api(description, source)
        operation = api.operation(operation_id)
        if operation is None:
            raise self._unknown_operation(api, operation_id)
        return LinkedMessages(api, operation.channel, operation, source)

    def by_path(self, description: ArazzoDescription, text: str) -> LinkedMessages | None:
        """The channel or operation of an ``operationPath`` or ``channelPath``; None when no AsyncAPI source is named.

        Raises:
            LinkError: the source has no such channel or operation.
            DocumentError: the source cannot be used.
        """
        reference = self._read(description, text)
        if reference is None:
            return None
        api = self.api(description, reference.source)
        if reference.pointer is not None:
            return self._at_pointer(api, reference)
        return self._by_name(api, reference)

    def _read(self, description: ArazzoDescription, text: str) -> _Reference | None:
        names = sorted({source.name for source in description.source_descriptions}, key=len, reverse=True)
        bare = text.removeprefix("{").removeprefix(_PREFIX)
        is_expression = _PREFIX in text
        for name in names:
            rest = bare.removeprefix(name)
            if not bare.startswith(name) or not rest or self._sources.kind(description, name) != "asyncapi":
                continue
            match = re.fullmatch(r"(\.url)?(\})?#(/.*)", rest, re.DOTALL)
            if match is not None:
                portable = text.startswith("{") and match[1] is not None and match[2] is not None
                return _Reference(name, match[3], "", portable and is_expression)
            if rest.startswith(".") and is_expression:
                return _Reference(name, None, rest[1:].removesuffix("}"), False)
        return None

    def _at_pointer(self, api: AsyncDescription, reference: _Reference) -> LinkedMessages:
        pointer = reference.pointer or ""
        for candidate in dict.fromkeys((pointer, unquote(pointer), unquote(pointer).rstrip("/"))):
            operation = api.operation_at(candidate)
            channel = api.channel_at(candidate) if operation is None else operation.channel
            if channel is not None:
                return self._linked(api, reference, channel, operation)
        group, *rest = json_pointer.split(unquote(pointer))
        name = "/".join(rest)
        # What is not escaped as a JSON Pointer asks for is understood all the same.
        if group == "channels" and (channel := api.channel(name)) is not None:
            return self._linked(api, _Reference(reference.source, None, name, False), channel, None)
        if group == "operations":
            operation = api.operation(name)
            if operation is not None:
                return self._linked(api, _Reference(reference.source, None, name, False), operation.channel, operation)
            raise self._unknown_operation(api, name)
        raise self._unknown_channel(api, name or pointer)

    def _by_name(self, api: AsyncDescription, reference: _Reference) -> LinkedMessages:
        match = _GROUP.fullmatch(reference.name)
        if match is None or reference.name in api.by_id:
            operation = api.operation(reference.name)
            if operation is not None:
                return self._linked(api, reference, operation.channel, operation)
            channel = api.channel(reference.name)
            if channel is not None:
                return self._linked(api, reference, channel, None)
            raise self._unknown_operation(api, reference.name)
        if match[1] == "operations":
            return self._by_name(api, _Reference(reference.source, None, match[2], False))
        channel = api.channel(match[2])
        if channel is None:
            raise self._unknown_channel(api, match[2])
        return self._linked(api, reference, channel, None)

    def _linked(
        self, api: AsyncDescription, reference: _Reference, channel: ChannelSpec, operation: MessageOperation | None
    ) -> LinkedMessages:
        pointer = channel.pointer if operation is None else operation.pointer
        portable = None if reference.is_portable else f"{{{_PREFIX}{reference.source}.url}}#{pointer}"
        return LinkedMessages(api, channel, operation, reference.source, portable)

    @staticmethod
    def _unknown_operation(api: AsyncDescription, name: str) -> LinkError:
        message = f"there is no operation {name!r} in {api.document.path}"
        near = near_names(name, [*api.by_id, *api.channel_entries], most=1)
        if near and near[0] not in api.by_id:
            path = f"{{{_PREFIX}{api.name}.url}}#{json_pointer.join('/channels', near[0])}"
            what = "it is a channel:" if near[0] == name else f"did you mean the channel {near[0]}? If so,"
            return LinkError("unknown-operation", message, hint=f"{what} write channelPath: '{path}' and an action")
        return LinkError("unknown-operation", message, hint=did_you_mean(name, list(api.by_id), "operations"))

    @staticmethod
    def _unknown_channel(api: AsyncDescription, name: str) -> LinkError:
        message = f"there is no channel {name!r} in {api.document.path}"
        return LinkError("unknown-channel", message, hint=did_you_mean(name, list(api.channel_entries), "channels"))


def channel_path_error(description: ArazzoDescription, text: str, kinds: Mapping[str, Any]) -> LinkError:
    """Return why a ``channelPath`` names no AsyncAPI source.

    Args:
        kinds: the type of each source, by name.
    """
    named = re.match(r"\{?\$sourceDescriptions\.([^.#}\s]+)", text)
    if named is not None and description.source(named[1]) is None:
        hint = did_you_mean(named[1], list(kinds), "source descriptions")
        return LinkError("unknown-source", f"there is no source description {named[1]!r}", hint=hint)
    first = next((name for name, kind in kinds.items() if kind == "asyncapi"), "NAME")
    message = f"the channelPath {text!r} does not name an AsyncAPI source and a JSON Pointer"
    return LinkError("channel-path-form", message, hint=f"write '{{{_PREFIX}{first}.url}}#/channels/CHANNEL'")
