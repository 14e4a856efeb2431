"""The message of a send step: values to headers, payload and address (M11 to M14)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.asyncapi.locations import MessageLocation
from arazzo_runner.effects import Broker, ChannelSettings, Headers, Message
from arazzo_runner.engine.messages.addresses import sending_address
from arazzo_runner.engine.messages.schemas import fits
from arazzo_runner.engine.plan import PlannedBody, PlannedParameter, PlannedStep
from arazzo_runner.engine.planned_messages import PlannedExchange, PlannedMessage
from arazzo_runner.engine.step import resolved_parameter
from arazzo_runner.expressions.evaluate import Scope, to_text
from arazzo_runner.expressions.undefined import UNDEFINED
from arazzo_runner.openapi.media_types import is_json
from arazzo_runner.openapi.operations import MediaTypeSpec
from arazzo_runner.openapi.request.bodies import encode_content
from arazzo_runner.openapi.request.parameters import header_text
from arazzo_runner.openapi.request.replacements import apply_replacement

CORRELATION_HEADERS = ("correlationId", "correlation_id", "correlation-id")
"""Headers that carry a correlation id where a description does not say which does (M7)."""


class MessageDraft(Struct, frozen=True):
    """A message before it is encoded.

    Attributes:
        headers: in the order of the step's parameters.
        payload: plain data; ``UNDEFINED`` for none.
        content_type: of the payload.
    """

    headers: Mapping[str, str]
    payload: Any
    content_type: str

    def at(self, location: MessageLocation) -> Any:
        """The value at a place of the message, or ``UNDEFINED``."""
        return location.value(self.headers, self.payload)


def draft_of(step: PlannedStep, exchange: PlannedExchange, scope: Scope) -> MessageDraft:
    """The headers and the payload of a send step.

    Raises:
        StepError: a part of them cannot be made (V1, V6, H4).
    """
    content_type, payload = _payload(step.body, exchange, scope)
    draft = MessageDraft({}, payload, content_type)
    for parameter in exchange.headers:
        value = resolved_parameter(parameter, scope)
        if value is UNDEFINED or value is None:
            continue
        text = header_text(parameter.name, to_text(value))
        if exchange.protocol.has_headers:
            draft = replace(draft, headers={**draft.headers, parameter.name: text})
        else:  # the plan has found a place for it in the payload (M12)
            place = _place_of(parameter, exchange)
            draft = draft if place is None else with_value(draft, place, value)
    return draft


def _place_of(parameter: PlannedParameter, exchange: PlannedExchange) -> MessageLocation | None:
    places = [message.correlation for message in exchange.messages]
    places.append(None if exchange.reply is None else exchange.reply.location)
    found = (place for place in places if place is not None and place.part == "payload")
    return next((place for place in found if place.name == parameter.name), None)


def with_value(draft: MessageDraft, place: MessageLocation, value: Any) -> MessageDraft:
    """A draft with a value at a place.

    Raises:
        StepError: ``request-invalid``: the payload has no such place.
    """
    if place.part == "header":
        return replace(draft, headers={**draft.headers, place.name: to_text(value)})
    payload = {} if draft.payload is UNDEFINED else draft.payload
    made = apply_replacement(payload, place.pointer, value, content_type=draft.content_type, selector=None)
    return replace(draft, payload=made)


def message_of(exchange: PlannedExchange, draft: MessageDraft, scope: Scope, *, reply_to: str | None = None) -> Message:
    """The message to hand to the broker.

    Args:
        reply_to: the address at which the run listens for the reply, or None.

    Raises:
        StepError: the payload cannot be encoded, or the address cannot be filled.
    """
    address = sending_address(exchange, scope, draft.headers, draft.payload)
    meant = meant_message(exchange, draft)
    content = b""
    content_type: str | None = None
    if draft.payload is not UNDEFINED:
        encoded = encode_content(draft.content_type, draft.payload, MediaTypeSpec(draft.content_type))
        content, content_type = encoded.content, encoded.content_type
    return Message(
        payload=content,
        headers=tuple(draft.headers.items()),
        address=address,
        content_type=content_type,
        correlation_id=_correlation_id(meant, draft),
        reply_to=reply_to,
        key=_key(meant),
    )


def meant_message(exchange: PlannedExchange, draft: MessageDraft) -> PlannedMessage | None:
    """The described message that a draft is: the first whose schemas it fits, otherwise the first."""
    instance = {"payload": None if draft.payload is UNDEFINED else draft.payload, "headers": dict(draft.headers)}
    candidates = exchange.messages
    if len(candidates) > 1:
        for message in candidates:
            if fits(message.schemas, instance):
                return message
    return candidates[0] if candidates else None


def message_settings(exchange: PlannedExchange, meant: PlannedMessage | None) -> ChannelSettings:
    """The settings of a message that is sent."""
    return replace(exchange.settings, message={} if meant is None else meant.bindings)


def broker_of(exchange: PlannedExchange, scope: Scope) -> Broker:
    """The broker of a step, with what the step says at the beginning of a connection (M12)."""
    if not exchange.handshake:
        return exchange.broker
    access = exchange.broker.access
    return replace(
        exchange.broker,
        access=replace(
            access,
            headers=(*access.headers, *_handshake(exchange.handshake, scope, "header"), *_cookies(exchange, scope)),
            queries=(*access.queries, *_handshake(exchange.handshake, scope, "query")),
        ),
    )


def _handshake(parameters: Sequence[PlannedParameter], scope: Scope, location: str) -> Headers:
    values = ((one.name, resolved_parameter(one, scope)) for one in parameters if one.location == location)
    return tuple(
        (name, header_text(name, to_text(value)) if location == "header" else to_text(value))
        for name, value in values
        if value is not UNDEFINED and value is not None
    )


def _cookies(exchange: PlannedExchange, scope: Scope) -> Headers:
    pairs = _handshake(exchange.handshake, scope, "cookie")
    return (("Cookie", header_text("Cookie", "; ".join(f"{name}={value}" for name, value in pairs))),) if pairs else ()


def _payload(body: PlannedBody | None, exchange: PlannedExchange, scope: Scope) -> tuple[str, Any]:
    """The content type and the payload, replacements made (M13); ``UNDEFINED`` for none."""
    described = next((message.content_type for message in exchange.messages if message.content_type), None)
    content_type = (None if body is None else body.content_type) or described or "application/json"
    if body is None:
        return content_type, UNDEFINED
    payload = (body.json_payload if is_json(content_type) else body.payload).resolve(scope)
    for replacement in body.replacements:
        value = replacement.value.resolve(scope)
        if payload is not UNDEFINED and value is not UNDEFINED:
            payload = apply_replacement(
                payload, replacement.target, value, content_type=content_type, selector=replacement.selector
            )
    return content_type, payload


def _correlation_id(meant: PlannedMessage | None, draft: MessageDraft) -> str | None:
    """The id that the message carries, for protocols that have a field of their own for it (M7)."""
    if meant is not None and meant.correlation is not None:
        value = draft.at(meant.correlation)
        return None if value is UNDEFINED or value is None else to_text(value)
    folded = {name.lower(): value for name, value in draft.headers.items()}
    return next((folded[name.lower()] for name in CORRELATION_HEADERS if name.lower() in folded), None)


def _key(meant: PlannedMessage | None) -> str | None:
    """Kafka's key, where the bindings of the message fix it by ``const`` or a single ``enum``."""
    schema = {} if meant is None else meant.bindings.get("key")
    match schema:
        case {"const": value} | {"enum": [value]}:
            return to_text(value)
        case _:
            return None
