"""Messages for tests: brokers as effects name them, and a person on the other side."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from arazzo_runner.effects import (
    Access,
    Broker,
    ChannelSettings,
    Failed,
    Match,
    Message,
    MessageAnswer,
    Publish,
    Published,
    Receive,
    Received,
    Subscribe,
    Subscribed,
)
from arazzo_runner.runtime.brokers.mailroom import KeptPlaces, Mailroom, open_mailroom
from arazzo_runner.runtime.http.options import TransportOptions
from tests.servers.brokers import BrokerServer

PATIENCE = 60.0
"""Seconds to wait for a message that must come."""
_names = itertools.count()

HEADERLESS = frozenset({"redis", "ws"})
"""Protocols without headers; MQTT has them from version 5 on."""


def broker_of(server: BrokerServer, access: Access | None = None, *, url: str = "") -> Broker:
    """A server as effects name it."""
    return Broker("events", url or server.url, server.protocol, server.version, access=access or Access())


def settings_of(server: BrokerServer, **chosen: Any) -> ChannelSettings:
    """The bindings with which a channel of the tests is described: over AMQP, a topic of an exchange."""
    exchange = {"exchange": {"name": "orders", "type": "topic", "durable": True}}
    return ChannelSettings(channel=exchange if server.protocol == "amqp" else {}, **chosen)


def a_topic() -> str:
    """An address that no other test uses."""
    return f"orders.t{next(_names)}.placed"


def has_headers(server: BrokerServer) -> bool:
    """Whether messages have headers."""
    return not (server.protocol in HEADERLESS or (server.protocol == "mqtt" and server.version.startswith("3")))


def correlated(server: BrokerServer, correlation_id: str) -> Match:
    """A match by correlation id, as a step without a declared location makes it (M7)."""
    headers = ("correlationId", "correlation_id", "correlation-id")
    return Match(correlation_id, headers=headers, in_payload=not has_headers(server))


def order(server: BrokerServer, address: str, number: int, *, correlation_id: str | None = None) -> Message:
    """A message about an order; where there are no headers, its id is in the payload alone."""
    payload = {"order": number} if correlation_id is None else {"order": number, "id": correlation_id}
    headers = (("tenant", "t-1"),) if has_headers(server) else ()
    return Message(
        json.dumps(payload).encode(),
        headers,
        address,
        "application/json",
        correlation_id if has_headers(server) else None,
    )


class Party:
    """A run's side of a broker, or an application's.

    Args:
        mailroom: of its own.
    """

    def __init__(self, mailroom: Mailroom, broker: Broker, settings: ChannelSettings) -> None:
        self.mailroom = mailroom
        self.broker = broker
        self.settings = settings

    async def subscribe(self, address: str, *, place: str | None = None, inbox: bool = False) -> Subscribed:
        """Subscribe; the address is also the key."""
        effect = Subscribe(address, self.broker, address, self.settings, inbox, place, PATIENCE)
        answer = await self.mailroom.perform(effect)
        assert isinstance(answer, Subscribed), answer
        return answer

    async def publish(self, message: Message) -> None:
        """Publish, which must succeed."""
        answer = await self.mailroom.perform(Publish(self.broker, message, self.settings, PATIENCE))
        assert isinstance(answer, Published), answer

    async def receive(self, key: str, match: Match | None = None, *, beyond: int = 0) -> Received:
        """Take a message, which must come."""
        answer = await self.mailroom.perform(Receive(key, match or Match(), PATIENCE, beyond))
        assert isinstance(answer, Received), answer
        return answer

    async def none(self, key: str, match: Match | None = None, *, seconds: float = 0.2) -> Failed:
        """Take a message in vain."""
        answer: MessageAnswer = await self.mailroom.perform(Receive(key, match or Match(), seconds))
        assert isinstance(answer, Failed), answer
        return answer


@asynccontextmanager
async def party(
    server: BrokerServer,
    *,
    access: Access | None = None,
    url: str = "",
    options: TransportOptions | None = None,
    settings: ChannelSettings | None = None,
    kept: KeptPlaces | None = None,
) -> AsyncIterator[Party]:
    """A side of a broker."""
    async with open_mailroom(options or TransportOptions(), kept=kept) as mailroom:
        yield Party(mailroom, broker_of(server, access, url=url), settings or settings_of(server))
