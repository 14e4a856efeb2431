"""Redis pub/sub: channels, and patterns for parameters without a value."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from arazzo_runner.effects import Message, Publish, Subscribe
from arazzo_runner.runtime.brokers.connection import (
    MALFORMED,
    Connecting,
    Connection,
    Deliver,
    Delivery,
    Listening,
    text_of,
    with_wildcards,
)
from arazzo_runner.runtime.http.tls import context_of

if TYPE_CHECKING:
    from redis.asyncio.client import PubSub

_SPECIAL = str.maketrans({character: f"\\{character}" for character in "*?[]\\^"})
"""What a pattern of Redis would read as more than itself."""


class RedisConnection(Connection):
    """A connection to a Redis server."""

    def __init__(self, client: Redis, connecting: Connecting) -> None:
        self._client = client
        self._connecting = connecting
        self._tasks: list[asyncio.Task[None]] = []
        self._subscriptions: list[PubSub] = []

    async def subscribe(self, effect: Subscribe, deliver: Deliver) -> Listening:
        """Subscribe to a channel, or to a pattern; wait until the server has said so."""
        address = self._connecting.address_of(effect)
        subscription = self._client.pubsub()
        self._subscriptions.append(subscription)
        with self._connecting.judged(exceptions.RedisError, say=_say):
            if "{" in address:
                await subscription.psubscribe(with_wildcards(address.translate(_SPECIAL), "*"))
            else:
                await subscription.subscribe(address)
            while await subscription.get_message(timeout=None) is None:
                pass
        self._tasks.append(asyncio.get_running_loop().create_task(self._read(subscription, deliver)))
        return Listening(address)

    async def _read(self, subscription: PubSub, deliver: Deliver) -> None:
        try:
            while True:
                came = await subscription.get_message(ignore_subscribe_messages=True, timeout=None)
                if came is not None:
                    deliver(Delivery(Message(bytes(came["data"]), address=text_of(came["channel"]))))
        except (exceptions.RedisError, OSError, *MALFORMED):
            self._connecting.lost()

    async def publish(self, effect: Publish) -> None:
        """Publish; the server has it when it has answered."""
        with self._connecting.judged(exceptions.RedisError, say=_say):
            await self._client.publish(effect.message.address, effect.message.payload)

    async def close(self) -> None:
        """Close."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for subscription in self._subscriptions:
            with suppress(exceptions.RedisError):
                await subscription.aclose()
        await self._client.aclose()


async def connect(connecting: Connecting) -> RedisConnection:
    """Connect to a Redis server.

    Raises:
        Refused: there is no connection; the text says why.
    """
    user, password = connecting.user
    options: dict[str, Any] = {}
    if connecting.secure:
        transport = connecting.options
        certificate, _, key = (transport.client_cert or "").partition(":")
        options = {
            "ssl": True,
            "ssl_cert_reqs": "none" if transport.insecure else "required",
            "ssl_check_hostname": not transport.insecure,
            "ssl_ca_certs": transport.ca_bundle,
            "ssl_certfile": certificate or None,
            "ssl_keyfile": key or certificate or None,
        }
        context_of(transport)  # its files are checked as everywhere
    client = Redis(
        host=connecting.host,
        port=connecting.port,
        username=user or None,
        password=password if password is not None else connecting.broker.access.token,
        socket_connect_timeout=connecting.options.connect_timeout,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        **options,
    )
    try:
        with connecting.judged(exceptions.RedisError, say=lambda error: _unconnected(error, connecting)):
            async with asyncio.timeout(connecting.options.connect_timeout):
                await client.ping()
    except BaseException:
        await client.aclose()
        raise
    return RedisConnection(client, connecting)


def _unconnected(error: Exception, connecting: Connecting) -> str | None:
    said = str(error).lower()
    if isinstance(error, exceptions.AuthenticationError) or "noauth" in said or "wrongpass" in said:
        raise connecting.refused_credentials()
    return None


def _say(error: Exception) -> str | None:
    if "noperm" in str(error).lower() or "no permissions" in str(error).lower():
        return "the Redis server does not permit this channel to these credentials"
    return None
