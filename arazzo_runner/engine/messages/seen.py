"""A message as expressions see it (M15), and the exchange that it was sent or taken in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from msgspec import Struct, field

from arazzo_runner.effects import Message
from arazzo_runner.engine.events import ExchangedMessage
from arazzo_runner.engine.exchange import decode_body
from arazzo_runner.expressions.undefined import UNDEFINED, Undefined
from arazzo_runner.expressions.xpath import xml_as_object
from arazzo_runner.openapi.media_types import is_xml


class SeenMessage(Struct, frozen=True, dict=True):
    """A message (``expressions.evaluate.MessageView``).

    Attributes:
        content_type: what it says, else what the description says of it; or None.
        parameters: those of its address.
    """

    message: Message
    content_type: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)

    def header(self, name: str) -> str | Undefined:
        value = self.message.header(name)
        return UNDEFINED if value is None else value

    def parameter(self, location: str, name: str) -> Any:
        return self.parameters.get(name, UNDEFINED) if location == "path" else UNDEFINED

    @cached_property
    def _decoded(self) -> tuple[Any, str | None]:
        return decode_body(self.message.payload, self.content_type)

    @property
    def body(self) -> Any:
        return self._decoded[0]

    @property
    def problem(self) -> str | None:
        """The problem of the payload, or None (V7)."""
        return self._decoded[1]

    @cached_property
    def structured_body(self) -> Any:
        body = self.body
        if isinstance(body, str) and self.content_type is not None and is_xml(self.content_type):
            return xml_as_object(body)
        return body


class MessageExchange(Struct, frozen=True):
    """A message that a step has sent or taken, or could not.

    Attributes:
        url: of the broker, without its address.
        address: of the message; of a receive step that took none, where it listened.
        seen: None when there was no message.
        correlation_id: that was waited for, or sent; or None.
        looked_at: how many messages a receive step has seen (M10).
        problems: what is worth knowing and failed nothing.
    """

    action: Literal["send", "receive"]
    source: str
    url: str
    address: str
    seen: SeenMessage | None = None
    correlation_id: str | None = None
    looked_at: int = 0
    problems: tuple[str, ...] = ()

    @property
    def location(self) -> str:
        """The broker's address and the channel's: ``$url`` (M15)."""
        return f"{self.url.rstrip('/')}/{self.address}"

    @property
    def record(self) -> ExchangedMessage:
        """The exchange as events have it."""
        return ExchangedMessage(
            self.action,
            self.source,
            self.url,
            self.address,
            None if self.seen is None else self.seen.message,
            self.correlation_id,
            self.looked_at,
        )
