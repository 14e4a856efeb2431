"""The objects of an AsyncAPI description as a plan uses them: resolved, of whichever version they were (M1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

from arazzo_runner.openapi.schemas import Schema

Action: TypeAlias = Literal["send", "receive"]
"""What the application does that the description is of; the runner is its counterpart (M3)."""

Bindings: TypeAlias = Mapping[str, Any]
"""Bindings Object: by protocol."""


class BrokerSpec(Struct, frozen=True):
    """Server Object.

    Attributes:
        name: its key in the description.
        url: absolute, its variables in braces; the scheme is the protocol.
        variables: by name: default (None when it has none) and allowed values.
        security: alternatives: names of schemes; empty when nothing is asked for.
        schemes: Security Scheme Objects by name.
    """

    name: str
    url: str
    protocol: str
    version: str = ""
    variables: Mapping[str, tuple[str | None, tuple[str, ...]]] = field(default_factory=dict)
    security: tuple[str, ...] = ()
    schemes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    bindings: Bindings = field(default_factory=dict)
    pointer: str = ""


class MessageSpec(Struct, frozen=True):
    """Message Object, its traits merged.

    Attributes:
        name: its key, else its ``name``.
        content_type: its own, else the description's default; empty for neither.
        schema_format: of the payload; empty for AsyncAPI's own, which is JSON Schema.
        correlation: the ``location`` of its Correlation ID Object, or None.
        place: document and pointer, which tell it from every other.
    """

    name: str
    content_type: str
    payload: Schema | None
    headers: Schema | None
    schema_format: str
    correlation: str | None
    bindings: Bindings
    place: tuple[str, str]


class ChannelParameter(Struct, frozen=True):
    """Parameter Object of a channel.

    Attributes:
        location: where a message has its value, as a runtime expression; or None.
        default: or None.
        allowed: values; empty for any.
    """

    name: str
    location: str | None = None
    default: str | None = None
    allowed: tuple[str, ...] = ()


class ChannelSpec(Struct, frozen=True):
    """Channel Object.

    Attributes:
        name: its key.
        address: with parameters in braces; None when it is only known at run time.
        servers: the names of those that it is available on; empty for all.
    """

    name: str
    address: str | None
    parameters: tuple[ChannelParameter, ...]
    messages: tuple[MessageSpec, ...]
    servers: tuple[str, ...]
    bindings: Bindings
    pointer: str

    def parameter(self, name: str) -> ChannelParameter:
        """The parameter of that name; one without a definition when none is declared."""
        return next((one for one in self.parameters if one.name == name), ChannelParameter(name))


class ReplySpec(Struct, frozen=True):
    """Operation Reply Object.

    Attributes:
        location: where a request says that its reply goes, as a runtime expression; or None.
        channel: None when only the address is described.
        messages: the replies meant; empty for all of the channel.
    """

    location: str | None
    channel: ChannelSpec | None
    messages: tuple[MessageSpec, ...]


class MessageOperation(Struct, frozen=True):
    """Operation Object of AsyncAPI, its traits merged.

    Attributes:
        operation_id: None for one of AsyncAPI 2 that has none.
        messages: those meant; all of the channel when the description names none.
        named: whether the description names the messages that are meant.
    """

    operation_id: str | None
    action: Action
    channel: ChannelSpec
    messages: tuple[MessageSpec, ...]
    named: bool
    reply: ReplySpec | None
    bindings: Bindings
    pointer: str

    @property
    def label(self) -> str:
        """The operation's name in messages."""
        return self.operation_id or f"{self.action} {self.channel.address or self.channel.name}"
