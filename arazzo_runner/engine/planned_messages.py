"""Steps over messages as a plan has them: broker, address and messages, resolved before the run (M2 to M19)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field

from arazzo_runner.asyncapi.locations import MessageLocation
from arazzo_runner.effects import Broker, ChannelSettings

if TYPE_CHECKING:
    from arazzo_runner.asyncapi.access import BrokerAccess
    from arazzo_runner.asyncapi.protocols import MessageProtocol
    from arazzo_runner.asyncapi.specs import BrokerSpec
    from arazzo_runner.engine.plan import PlannedParameter, Spot
    from arazzo_runner.expressions.templates import CompiledValue


class AddressParameter(Struct, frozen=True):
    """A parameter of a channel's address (M12).

    Attributes:
        given: the step's value, or None.
        location: where the message has its value, or None.
        default: of the description, or None.
        allowed: values; empty for any.
    """

    name: str
    given: PlannedParameter | None
    location: MessageLocation | None
    default: str | None
    allowed: tuple[str, ...]


class PlannedMessage(Struct, frozen=True):
    """A message that a step means.

    Attributes:
        content_type: of the description; empty when it says none (M13).
        schemas: self-contained JSON Schemas: ``payload``, ``headers``.
        correlation: where its correlation id is, or None (M7).
        bindings: of the broker's protocol.
    """

    name: str
    content_type: str
    schemas: Mapping[str, Any]
    correlation: MessageLocation | None
    bindings: Mapping[str, Any] = field(default_factory=dict)


class PlannedCorrelation(Struct, frozen=True):
    """The ``correlationId`` of a step; ``text`` as written."""

    value: CompiledValue
    text: str
    spot: Spot


class PlannedReply(Struct, frozen=True):
    """The reply that a request asks for (M14).

    Attributes:
        location: where the request says where its reply goes, or None.
        address: of the described channel; None when each request names one.
    """

    location: MessageLocation | None
    address: str | None


class PlannedExchange(Struct, frozen=True):
    """A step that sends or receives a message.

    Attributes:
        source: the name by which options know the description's source.
        operation: identifies the operation in the plan; of a channel the channel.
        label: of the operation or channel, for messages.
        address: with parameters in braces; None when a request names it (``awaits_reply``).
        parameters: those of the address.
        headers: of the message to send.
        handshake: query, header and cookie parameters of a connection that starts with an HTTP request.
        messages: those meant; empty for any.
        others: schemas of the channel's other messages (M8).
        reply: of a request that has one, else None.
        is_reply: whether a receive step waits for replies of ``operation``.
        reached: whether the run can come to the step: what it cannot come to is not subscribed (M4).
    """

    action: Literal["send", "receive"]
    source: str
    operation: str
    label: str
    broker: Broker
    server: BrokerSpec
    access: BrokerAccess
    protocol: MessageProtocol
    address: str | None
    parameters: tuple[AddressParameter, ...]
    headers: tuple[PlannedParameter, ...]
    handshake: tuple[PlannedParameter, ...]
    settings: ChannelSettings
    messages: tuple[PlannedMessage, ...]
    others: tuple[Mapping[str, Any], ...]
    correlation: PlannedCorrelation | None
    reply: PlannedReply | None
    is_reply: bool
    reached: bool

    @property
    def title(self) -> str:
        """The step's title for people: ``send orders/{id}``."""
        return f"{self.action} {self.label if self.address is None else self.address}"
