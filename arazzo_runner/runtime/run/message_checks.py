"""Messages against their descriptions (M8, M13): what of one is not as any of the messages that its step means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from arazzo_runner.effects import MASK, Message
from arazzo_runner.engine.messages.schemas import breaches
from arazzo_runner.engine.messages.seen import SeenMessage
from arazzo_runner.engine.planned_messages import PlannedExchange, PlannedMessage
from arazzo_runner.expressions.undefined import UNDEFINED
from arazzo_runner.openapi.contract.breaches import Breach


def message_breaches(exchange: PlannedExchange, message: Message) -> list[Breach]:
    """The breaches of a message: none when it is as one of the messages that are meant, else those of the nearest.

    What a recording has masked is not judged: it is not known what it was.
    """
    described = [(one, list(_breaches(one, message))) for one in exchange.messages]
    if not described or any(not found for _, found in described):
        return []
    nearest, found = min(described, key=lambda entry: len(entry[1]))
    several = f" (of {nearest.name})" if len(described) > 1 else ""
    return [Breach(one.side, f"{one.where}{several}", one.message) for one in found]


def _breaches(described: PlannedMessage, message: Message) -> Iterator[Breach]:
    seen = SeenMessage(message, message.content_type or described.content_type or None)
    if seen.problem is not None:
        yield Breach("message", "payload", seen.problem)
        return
    payload = None if seen.body is UNDEFINED else seen.body
    parts: dict[str, Any] = {"payload": payload, "headers": dict(message.headers)}
    for part, pointer, said in breaches(described.schemas, parts):
        if not _holds_mask(parts[part], pointer):
            yield Breach("message", f"{part} {pointer}".strip(), said)


def _holds_mask(value: Any, pointer: str) -> bool:
    for key in pointer.split("/")[1:]:
        match value:
            case Mapping():
                value = value.get(key)
            case list():
                value = value[int(key)]
    return isinstance(value, str) and MASK in value
