"""Messages against their descriptions (M8, M13): what of one is not as any of the messages that its step means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from arazzo_runner.effects import MASK, Message
from arazzo_runner.engine.messages.schemas import breaches, message_parts
from arazzo_runner.engine.messages.seen import SeenMessage
from arazzo_runner.engine.planned_messages import PlannedExchange, PlannedMessage
from arazzo_runner.openapi.contract.breaches import Breach


def message_breaches(exchange: PlannedExchange, message: Message) -> list[Breach]:
    """The breaches of a message: none when it is as one of the messages that are meant, else those of the nearest.

    What a recording has masked is not judged: it is not known what it was.
    """
    return min((list(_breaches(one, message)) for one in exchange.messages), key=len, default=[])


def _breaches(described: PlannedMessage, message: Message) -> Iterator[Breach]:
    which = f" (the message {described.name!r})"
    seen = SeenMessage(message, message.content_type or described.content_type or None)
    if seen.problem is not None:
        yield Breach("message", "payload", f"{seen.problem}{which}")
        return
    parts = message_parts(message, described.content_type or None)
    for part, pointer, said in breaches(described.schemas, parts):
        if not _holds_mask(parts[part], pointer):
            yield Breach("message", f"{part} {pointer}".strip(), f"{said}{which}")


def _holds_mask(value: Any, pointer: str) -> bool:
    for key in pointer.split("/")[1:]:
        match value:
            case Mapping():
                value = value.get(key)
            case list():
                value = value[int(key)]
    return isinstance(value, str) and MASK in value
