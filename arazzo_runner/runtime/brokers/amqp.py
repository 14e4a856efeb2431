"""AMQP 0-9-1. Watching is by a queue of our own, bound to the exchange (M17); a queue by name needs ``consume``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aio_pika
from aio_pika import exceptions
from aiormq.exceptions import ChannelAccessRefused, ChannelLockedResource
from yarl import URL

from arazzo_runner.effects import ChannelSettings, Message, Publish, Subscribe
from arazzo_runner.runtime.brokers.connection import (
    Connecting,
    Connection,
    Deliver,
    Delivery,
    Listening,
    text_of,
    with_wildcards,
)
from arazzo_runner.runtime.http.errors import Refused
from arazzo_runner.runtime.http.tls import context_of

if TYPE_CHECKING:
    from aio_pika.abc import (
        AbstractChannel,
        AbstractConnection,
        AbstractExchange,
        AbstractIncomingMessage,
        AbstractQueue,
    )

_ERRORS = (exceptions.AMQPError, exceptions.ChannelInvalidStateError, RuntimeError)
"""What the library raises; RuntimeError when the connection is gone."""
_PERSISTENT = 2


class QueueListening(Listening):
    """A queue that is consumed: what was not acknowledged goes back to it, and comes again (M20)."""

    redelivers = True

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._taken: list[Delivery] = []

    def place(self, waiting: Collection[Delivery]) -> str:  # noqa: ARG002 - the broker has what waits
        return json.dumps({"taken": [_digest(delivery.message) for delivery in self._taken]})

    def take(self, delivery: Delivery) -> None:
        self._taken.append(delivery)

    async def settle(self) -> None:
        for delivery in self._taken:
            with suppress(*_ERRORS):
                await delivery.handle.ack()
        self._taken.clear()


class AmqpConnection(Connection):
    """A connection to an AMQP broker: a channel for publishing, and one for each subscription."""

    def __init__(self, connection: AbstractConnection, connecting: Connecting) -> None:
        self._connection = connection
        self._connecting = connecting
        self._publishing: AbstractChannel | None = None
        self._exchanges: dict[str, AbstractExchange] = {}

    async def subscribe(self, effect: Subscribe, deliver: Deliver) -> Listening:
        """Bind a queue of our own to the exchange of the channel, or make one for replies (M14).

        Raises:
            Refused: the channel is a queue, which only ``--consume`` may read.
        """
        settings = effect.settings
        exchange, queue = _exchange(settings), _queue(settings, effect.address)
        with self._connecting.judged(*_ERRORS, say=lambda error: _say(error, effect.address)):
            channel = await self._connection.channel()
            if effect.inbox:
                name = self._connecting.address_of(effect)
                own = await channel.declare_queue(name, exclusive=True, auto_delete=True)
                return await self._watch(own, name, deliver)
            if exchange:
                found = await self._find_exchange(exchange, settings)
                own = await channel.declare_queue(exclusive=True, auto_delete=True)
                await own.bind(found, routing_key=with_wildcards(effect.address, "*"))
                return await self._watch(own, effect.address, deliver)
            if not settings.consume:
                raise Refused(
                    f"the queue {queue} can only be read by taking its messages away from others: "
                    f"--consume {effect.broker.source} does"
                )
            return await self._consume(channel, queue, effect, deliver)

    async def _watch(self, queue: AbstractQueue, address: str, deliver: Deliver) -> Listening:
        async def came(message: AbstractIncomingMessage) -> None:
            deliver(Delivery(_received(message)))

        await queue.consume(came, no_ack=True)
        return Listening(address)

    async def _consume(self, channel: AbstractChannel, name: str, effect: Subscribe, deliver: Deliver) -> Listening:
        taken = set() if effect.place is None else set(json.loads(effect.place)["taken"])

        async def came(message: AbstractIncomingMessage) -> None:
            received = _received(message)
            if message.redelivered and (digest := _digest(received)) in taken:
                taken.discard(digest)  # an earlier process has taken it, and could not say so
                await message.ack()
                return
            deliver(Delivery(received, again=bool(message.redelivered), handle=message))

        queue = await channel.get_queue(name)
        await queue.consume(came)
        return QueueListening(effect.address)

    async def _find_exchange(self, name: str, settings: ChannelSettings) -> AbstractExchange:
        """The exchange, which is declared as described when the broker does not have it yet."""
        try:
            channel = await self._connection.channel()
            return await channel.get_exchange(name)
        except exceptions.ChannelNotFoundEntity:
            channel = await self._connection.channel()
            described = settings.channel.get("exchange") or {}
            kind = described.get("type")
            return await channel.declare_exchange(
                name,
                kind if isinstance(kind, str) and kind != "default" else "topic",
                durable=described.get("durable") is not False,
                auto_delete=described.get("autoDelete") is True,
            )

    async def publish(self, effect: Publish) -> None:
        """Publish; return when the broker has confirmed it and a queue has it."""
        message, settings = effect.message, effect.settings
        name = _exchange(settings)
        key = message.address if name else _queue(settings, message.address)
        with self._connecting.judged(*_ERRORS, say=lambda error: _say(error, key)):
            if self._publishing is None:
                self._publishing = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
            if name not in self._exchanges:
                if name:
                    await self._find_exchange(name, settings)
                    self._exchanges[name] = await self._publishing.get_exchange(name, ensure=False)
                else:
                    self._exchanges[name] = self._publishing.default_exchange
            mandatory = settings.operation.get("mandatory")
            await self._exchanges[name].publish(
                _sent(message, settings.operation, settings.message),
                routing_key=key,
                # A queue has to be there; whether anybody listens to an exchange is the affair of others.
                mandatory=mandatory if isinstance(mandatory, bool) else not name,
            )

    async def close(self) -> None:
        """Close; messages that were not acknowledged go back to their queue."""
        with suppress(*_ERRORS):
            await self._connection.close()


async def connect(connecting: Connecting) -> AmqpConnection:
    """Connect to an AMQP broker. The path of the URL is the virtual host.

    Raises:
        Refused: there is no connection; the text says why.
    """
    user, password = connecting.user
    host = f"[{connecting.host}]" if ":" in connecting.host else connecting.host
    url = URL.build(
        scheme="amqps" if connecting.secure else "amqp",
        host=host.strip("[]"),
        port=connecting.port,
        user=user if user is not None else "guest",
        password=(password or "") if user is not None else "guest",
        path="/" + _virtual_host(connecting),
        encoded=False,
    )
    with connecting.judged(*_ERRORS, say=lambda error: _unconnected(error, connecting)):
        connection = await aio_pika.connect(
            url,
            ssl_context=context_of(connecting.options) if connecting.secure else None,
            timeout=connecting.options.connect_timeout,
        )

    def closed(*_: object) -> None:
        connecting.lost()

    connection.close_callbacks.add(closed)
    return AmqpConnection(connection, connecting)


def _virtual_host(connecting: Connecting) -> str:
    """The virtual host, as a path has it: the URL's path without its first slash, ``/`` by default."""
    return connecting.path or "/"


def _exchange(settings: ChannelSettings) -> str:
    """The name of a channel's exchange; empty for the default one, which sends to queues by their names."""
    described = settings.channel.get("exchange")
    if not isinstance(described, dict) or described.get("type") == "default":
        return ""
    name = described.get("name")
    return name if isinstance(name, str) else ""


def _queue(settings: ChannelSettings, address: str) -> str:
    described = settings.channel.get("queue")
    name = described.get("name") if isinstance(described, dict) else None
    return name if isinstance(name, str) and name else address


def _sent(message: Message, operation: Mapping[str, Any], binding: Mapping[str, Any]) -> aio_pika.Message:
    expiration, mode, priority = (operation.get(name) for name in ("expiration", "deliveryMode", "priority"))
    encoding, kind = binding.get("contentEncoding"), binding.get("messageType")
    user = operation.get("userId")
    return aio_pika.Message(
        message.payload,
        headers=dict(message.headers),
        content_type=message.content_type,
        content_encoding=encoding if isinstance(encoding, str) else None,
        delivery_mode=mode if mode in (1, _PERSISTENT) else _PERSISTENT,
        priority=priority if isinstance(priority, int) else None,
        expiration=timedelta(milliseconds=expiration) if isinstance(expiration, int) else None,
        correlation_id=message.correlation_id,
        reply_to=message.reply_to,
        type=kind if isinstance(kind, str) else None,
        user_id=user if isinstance(user, str) else None,
    )


def _received(message: AbstractIncomingMessage) -> Message:
    return Message(
        message.body,
        tuple((name, text_of(value)) for name, value in message.headers.items()),
        message.routing_key or "",
        message.content_type,
        message.correlation_id,
        message.reply_to,
    )


def _digest(message: Message) -> str:
    return hashlib.sha256(b"\0".join((message.address.encode(), message.payload))).hexdigest()[:16]


def _unconnected(error: Exception, connecting: Connecting) -> str | None:
    match error:
        case exceptions.AuthenticationError() | exceptions.ProbableAuthenticationError():
            raise connecting.refused_credentials()
        case exceptions.AMQPConnectionError() if "vhost" in str(error).lower() or "NOT_ALLOWED" in str(error):
            return f"the broker {connecting.host} does not let these credentials into its virtual host"
    return None


def _say(error: Exception, name: str) -> str | None:
    match error:
        case exceptions.ChannelNotFoundEntity():
            return f"the broker has no queue or exchange for {name}"
        case ChannelAccessRefused():
            return f"the broker does not permit {name} to these credentials"
        case ChannelLockedResource():
            return f"the queue of {name} is another connection's own"
        case exceptions.ChannelPreconditionFailed():
            return f"the broker has the queue or exchange of {name} with other properties than described"
        case exceptions.DeliveryError():
            return f"no queue took the message for {name}"
        case exceptions.AMQPError() | RuntimeError():
            return "the connection to the broker was lost"
    return None
