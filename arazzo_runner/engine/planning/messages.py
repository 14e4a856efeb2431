"""Steps over messages to their planned form: action, broker, address and messages (M2, M3, M12, M13, M18, M19)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from arazzo_runner.analysis.linker import LinkedMessages
from arazzo_runner.analysis.message_steps import MessageTarget, target_of
from arazzo_runner.analysis.scope import StepScope
from arazzo_runner.asyncapi.brokers import ChosenBroker, choose_broker
from arazzo_runner.asyncapi.bundled_schemas import bundled
from arazzo_runner.asyncapi.locations import location_of
from arazzo_runner.asyncapi.protocols import MessageProtocol, bindings_for, protocol_of
from arazzo_runner.asyncapi.specs import Action, MessageSpec
from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.model import Parameter
from arazzo_runner.effects import ChannelSettings
from arazzo_runner.engine.plan import PlannedParameter
from arazzo_runner.engine.planned_messages import (
    AddressParameter,
    PlannedCorrelation,
    PlannedExchange,
    PlannedMessage,
    PlannedReply,
)
from arazzo_runner.engine.planning.drafting import Draft, Drafting
from arazzo_runner.errors import StepError, as_typed
from arazzo_runner.expressions.templates import CompiledValue

_OPEN = re.compile(r"\{([^{}]+)\}")
_BINARY = re.compile(r"avro|protobuf|\bproto\b", re.IGNORECASE)
_IN_ADDRESS = ("path", "channel")
_HANDSHAKE = ("query", "header", "cookie")


class MessagePlanner:
    """Plans what a step does with messages.

    Args:
        compiled: compiles the value at a pointer; None when it cannot be.
    """

    def __init__(self, drafting: Drafting, draft: Draft, compiled: Callable[[Any, str], CompiledValue | None]) -> None:
        self._drafting = drafting
        self._draft = draft
        self._compiled = compiled
        self._schemas: dict[tuple[str, str], Mapping[str, Any]] = {}

    def exchange(
        self, scope: StepScope, linked: LinkedMessages, parameters: tuple[PlannedParameter, ...]
    ) -> PlannedExchange | None:
        """The exchange of a step; None when it cannot be made, which has been reported."""
        action = scope.action
        if action is None:
            message = f"the step {scope.step.step_id!r} does not say whether it sends or receives"
            self._report("channel-action", message, scope.step.pointer)
            return None
        target = target_of(linked, action, has_sent=scope.has_sent)
        chosen = self._broker(scope, linked, target)
        protocol = None if chosen is None else protocol_of(chosen.broker.protocol, chosen.broker.version)
        if chosen is None or protocol is None:
            return None
        self._check_formats(scope, target)
        address = None if target.channel is None else target.channel.address
        reply = self._reply(linked, target, action)
        headers = tuple(p for p in parameters if p.location == "header" and not protocol.has_handshake)
        handshake = tuple(p for p in parameters if p.location in _HANDSHAKE and protocol.has_handshake)
        if action == "send" and not protocol.has_headers:
            self._check_headers(headers, target, reply, chosen.broker.protocol)
        operation = linked.operation
        source = f"{self._draft.prefix}{linked.source}"
        exchange = PlannedExchange(
            action=action,
            source=source,
            operation=f"{source}#{linked.channel.pointer if operation is None else operation.pointer}",
            label=linked.label,
            broker=chosen.broker,
            server=chosen.spec,
            access=chosen.access,
            protocol=protocol,
            address=address,
            parameters=self._address_parameters(address, target, parameters),
            headers=headers,
            handshake=handshake,
            settings=self._settings(linked, target, protocol, source),
            messages=tuple(self._message(message, protocol) for message in target.messages),
            others=tuple(self._schemas_of(message) for message in target.others),
            correlation=self._correlation(scope),
            reply=reply,
            is_reply=target.is_reply,
            reached=self._draft.reached,
        )
        self._check_address(scope, exchange, target)
        return exchange

    def _report(self, rule: str, message: str, pointer: str, hint: str | None = None) -> None:
        self._drafting.report(self._draft, rule, message, pointer, hint)

    # Broker

    def _broker(self, scope: StepScope, linked: LinkedMessages, target: MessageTarget) -> ChosenBroker | None:
        options = self._drafting.options
        source = f"{self._draft.prefix}{linked.source}"
        pointer = scope.reference[1] if scope.reference is not None else scope.step.pointer
        try:
            chosen = choose_broker(
                linked.api, target.channel or linked.channel, options.servers, options.credentials, source=source
            )
        except StepError as error:
            self._report(error.code, error.message, pointer, error.hint)
            return None
        if chosen.passed_over:
            self._tell_choice(linked, chosen, source)
        return chosen

    def _tell_choice(self, linked: LinkedMessages, chosen: ChosenBroker, source: str) -> None:
        """Tell which of several servers is used, once a source (M19)."""
        described = self._draft.description.source(linked.source)
        pointer = "" if described is None else f"{described.pointer}/url"
        others = " or ".join(as_typed("--server", f"{source}={name}") for name in chosen.passed_over)
        first = f"the messages of {source!r} go over the server {chosen.spec.name!r}, the first of several"
        self._report("message-server-chosen", f"{first}; {others} chooses another", pointer, "")

    def _settings(
        self, linked: LinkedMessages, target: MessageTarget, protocol: MessageProtocol, source: str
    ) -> ChannelSettings:
        options = self._drafting.options
        operation = {} if linked.operation is None or target.is_reply else linked.operation.bindings
        return ChannelSettings(
            channel=bindings_for(protocol, {} if target.channel is None else target.channel.bindings),
            operation=bindings_for(protocol, operation),
            from_earliest=options.from_earliest,
            consume=source in options.consume,
        )

    # Messages

    def _message(self, message: MessageSpec, protocol: MessageProtocol) -> PlannedMessage:
        return PlannedMessage(
            name=message.name,
            content_type=message.content_type,
            schemas=self._schemas_of(message),
            correlation=None if message.correlation is None else location_of(message.correlation),
            bindings=bindings_for(protocol, message.bindings),
        )

    def _schemas_of(self, message: MessageSpec) -> Mapping[str, Any]:
        if message.place not in self._schemas:
            parts = {"payload": message.payload, "headers": message.headers}
            if not is_json_schema(message.schema_format):
                parts.pop("payload")
            self._schemas[message.place] = {name: bundled(one) for name, one in parts.items() if one is not None}
        return self._schemas[message.place]

    def _check_formats(self, scope: StepScope, target: MessageTarget) -> None:
        """Refuse what can neither be written nor read (M13)."""
        body = scope.step.request_body
        chosen = [body.content_type] if body is not None and body.content_type else []
        written = chosen or [f"{message.content_type} {message.schema_format}" for message in target.messages]
        unusable = next((text.strip() for text in written if _BINARY.search(text)), None)
        if unusable is not None and all(_BINARY.search(text) for text in written):
            kind = "Avro" if "avro" in unusable.lower() else "Protobuf"
            message = f"the messages of the step {scope.step.step_id!r} are {kind} ({unusable}), which is not supported"
            pointer = scope.reference[1] if scope.reference is not None else scope.step.pointer
            self._report("message-format", message, pointer)

    def _correlation(self, scope: StepScope) -> PlannedCorrelation | None:
        written = scope.step.correlation_id
        if written is None:
            return None
        pointer = f"{scope.step.pointer}/correlationId"
        value = self._compiled(written, pointer)
        return None if value is None else PlannedCorrelation(value, str(written), self._draft.spot(pointer))

    def _reply(self, linked: LinkedMessages, target: MessageTarget, action: Action) -> PlannedReply | None:
        described = None if linked.operation is None else linked.operation.reply
        if action != "send" or described is None:
            return None
        location = None if target.reply_location is None else location_of(target.reply_location)
        address = None if described.channel is None else described.channel.address
        return PlannedReply(location, address)

    def _check_headers(
        self, headers: Iterable[PlannedParameter], target: MessageTarget, reply: PlannedReply | None, protocol: str
    ) -> None:
        """Refuse header fields that the protocol does not have, unless the description puts them elsewhere (M12)."""
        found = [location_of(message.correlation) for message in target.messages if message.correlation is not None]
        places = [*found, None if reply is None else reply.location]
        elsewhere = {place.name for place in places if place is not None and place.part == "payload"}
        for header in headers:
            if header.name not in elsewhere:
                message = f"{protocol} has no header fields, and the step sends the header {header.name!r}"
                self._report("message-header", message, header.spot.pointer.removesuffix("/value"))

    # Address

    def _address_parameters(
        self, address: str | None, target: MessageTarget, given: Iterable[PlannedParameter]
    ) -> tuple[AddressParameter, ...]:
        by_name = {one.name: one for one in given if one.location in _IN_ADDRESS}
        made = []
        for name in dict.fromkeys(_OPEN.findall(address or "")):
            assert target.channel is not None  # noqa: S101 - for the type checker: an address is a channel's
            spec = target.channel.parameter(name)
            location = None if spec.location is None else location_of(spec.location)
            made.append(AddressParameter(name, by_name.get(name), location, spec.default, spec.allowed))
        return tuple(made)

    def _check_address(self, scope: StepScope, exchange: PlannedExchange, target: MessageTarget) -> None:
        """Refuse addresses that no run can fill (M12)."""
        pointer = scope.reference[1] if scope.reference is not None else scope.step.pointer
        if exchange.address is None and not target.has_inbox:
            message = f"the channel {exchange.label!r} has no address"
            self._report("message-address", message, pointer, "give it an address in the description")
        reply = exchange.reply
        if reply is not None and reply.address is None and not exchange.protocol.has_topics:
            self._check_reply(scope, exchange, reply)
        open_to_any = exchange.action == "receive" and exchange.protocol.wildcard is not None
        for parameter in exchange.parameters:
            known = parameter.given is not None or parameter.default is not None
            placed = parameter.location is not None and exchange.action == "send"
            if not (known or placed or open_to_any):
                message = f"nothing gives the parameter {parameter.name!r} of the address {exchange.address}"
                hint = f"add the parameter: {{name: {parameter.name}, in: path, value: …}}"
                self._report("message-address", message, scope.step.pointer, hint)

    def _check_reply(self, scope: StepScope, exchange: PlannedExchange, reply: PlannedReply) -> None:
        """Refuse a request that names no address for its reply, over a protocol that makes none (M14)."""
        place = reply.location
        if place is not None and place.part == "header":
            is_given = place.name.lower() in {header.name.lower() for header in exchange.headers}
        else:
            body = scope.step.request_body
            is_given = place is not None and body is not None and _has(body.payload, place.pointer)
        if not is_given:
            message = f"{exchange.broker.protocol} makes no addresses for replies, and the step gives none"
            named = "" if place is None else f"{{name: {place.name}, in: header, value: …}}"
            self._report("message-address", message, scope.step.pointer, f"give it: {named or place}")


def _has(payload: Any, pointer: str) -> bool:
    try:
        json_pointer.resolve(payload, pointer)
    except json_pointer.PointerError:
        return False
    return True


def located(parameters: Iterable[Parameter], linked: LinkedMessages) -> tuple[Parameter, ...]:
    """Parameters of a message; one without ``in`` is the address's where that has its name, else a header (M12)."""
    address = linked.channel.address or ""
    names = set(_OPEN.findall(address))
    return tuple(
        one if one.location is not None else replace(one, location="path" if one.name in names else "header")
        for one in parameters
    )


def is_json_schema(schema_format: str) -> bool:
    """Return whether the format of a payload's schema is JSON Schema, or a superset of it."""
    known = ("application/vnd.aai.asyncapi", "application/schema+", "application/vnd.oai.openapi")
    return not schema_format or schema_format.lower().startswith(known)
