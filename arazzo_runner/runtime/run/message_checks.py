"""Messages of a run checked against their descriptions (``--check``; M8, M13)."""

from __future__ import annotations

from arazzo_runner.engine.events import ExchangedMessage
from arazzo_runner.engine.messages.schemas import breaches, message_parts
from arazzo_runner.engine.planned_messages import PlannedExchange
from arazzo_runner.openapi.contract.breaches import Breach


def message_breaches(exchange: PlannedExchange, exchanged: ExchangedMessage) -> list[Breach]:
    """The breaches of a message that was sent or taken: those against the described message that it is most like."""
    message = exchanged.message
    if message is None or not exchange.messages:
        return []
    found: list[list[Breach]] = []
    for described in exchange.messages:
        parts = message_parts(message, described.content_type or None)
        own = [
            Breach("message", f"{part} {pointer}".strip(), f"{told} (the message {described.name!r})")
            for part, pointer, told in breaches(described.schemas, parts)
        ]
        if not own:
            return []
        found.append(own)
    return min(found, key=len)
