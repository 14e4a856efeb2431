"""NATS: plain subscriptions, never of a queue group (M17), so that nobody's message is taken away."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import nats.errors
from nats.aio.client import Client

from arazzo_runner.effects import Message, Publish, Subscribe, first_header
from arazzo_runner.runtime.brokers.connection import (
    Connecting,
    Connection,
    Deliver,
    Delivery,
    Listening,
    headers_of,
    with_wildcards,
)
from arazzo_runner.runtime.http.errors import Refused
from arazzo_runner.runtime.http.tls import context_of

if TYPE_CHECKING:
    from nats.aio.msg import Msg

_UNLIMITED = 2**31
"""Of what the library buffers: a mailbox has the limit that is told."""


class _Client(Client):
    """A client that says nothing in clear text where TLS is asked for: the library leaves that to the server."""

    encrypts = False

    def _connect_command(self) -> bytes:
        if self.encrypts and not self._server_info.get("tls_required"):
            raise Refused("the NATS server does not encrypt its connections: is its URL nats:// instead of tls://?")
        command: bytes = super()._connect_command()
        return command


class NatsConnection(Connection):
    """A connection to a NATS server."""

    def __init__(self, client: Client, connecting: Connecting) -> None:
        self._client = client
        self._connecting = connecting

    async def subscribe(self, effect: Subscribe, deliver: Deliver) -> Listening:
        """Subscribe to a subject; an inbox is a subject of its own (M14)."""
        address = self._connecting.address_of(effect)
        subject = f"_INBOX.{address}" if effect.inbox else with_wildcards(address, "*")

        async def came(message: Msg) -> None:
            deliver(Delivery(_received(message)))

        with self._connecting.judged(nats.errors.Error, say=_say):
            await self._client.subscribe(
                subject, cb=came, pending_msgs_limit=_UNLIMITED, pending_bytes_limit=_UNLIMITED
            )
            await self._client.flush(timeout=float("inf"))  # type: ignore[arg-type] # the run counts the time
        return Listening(subject if effect.inbox else address)

    async def publish(self, effect: Publish) -> None:
        """Publish, and wait until the server has answered a ping that follows."""
        message = effect.message
        headers = dict(headers_of(message))
        with self._connecting.judged(nats.errors.Error, ValueError, say=_say):
            await self._client.publish(
                message.address, message.payload, reply=message.reply_to or "", headers=headers or None
            )
            await self._client.flush(timeout=float("inf"))  # type: ignore[arg-type] # the run counts the time

    async def close(self) -> None:
        """Close."""
        await self._client.close()


class _Harmless(logging.Filter):
    """Keeps out what asyncio says of each TLS connection of the library, which is of no consequence."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "eof_received() has no effect when using ssl" not in record.msg


logging.getLogger("asyncio").addFilter(_Harmless())


async def connect(connecting: Connecting) -> NatsConnection:
    """Connect to a NATS server.

    Raises:
        Refused: there is no connection; the text says why.
    """
    client, errors = _Client(), list[Exception]()
    client.encrypts = connecting.secure

    async def closed() -> None:
        connecting.lost()

    async def failed(error: Exception) -> None:
        errors.append(error)

    user, password = connecting.user
    access = connecting.broker.access
    options: dict[str, Any] = {"user": user, "password": password, "token": access.token}
    given = {name: value for name, value in options.items() if value is not None}
    scheme = "tls" if connecting.secure else "nats"
    host = f"[{connecting.host}]" if ":" in connecting.host else connecting.host
    with connecting.judged(nats.errors.Error, say=lambda error: _unconnected([error, *errors], connecting)):
        await client.connect(
            f"{scheme}://{host}:{connecting.port}",
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            closed_cb=closed,
            error_cb=failed,
            connect_timeout=max(1, round(connecting.options.connect_timeout)),
            tls=context_of(connecting.options),
            name="arazzo",
            **given,
        )
    return NatsConnection(client, connecting)


def _received(message: Msg) -> Message:
    headers = tuple((message.headers or {}).items())
    content_type = first_header(headers, "content-type")
    return Message(message.data, headers, message.subject, content_type, reply_to=message.reply or None)


def _unconnected(errors: list[Exception], connecting: Connecting) -> str | None:
    """The words for what came while the library tried to connect; it raises the last of it."""
    texts = " ".join(map(str, errors)).lower()
    if "authorization" in texts or "user authentication" in texts:
        raise connecting.refused_credentials()
    return next((connecting.explained(error) for error in errors if isinstance(error, OSError)), None)


def _say(error: Exception) -> str | None:
    match error:
        case nats.errors.MaxPayloadError():
            return "the message is larger than the NATS server takes"
        case nats.errors.BadSubjectError() | ValueError():
            return "the channel's address is no subject of NATS"
        case _ if "permissions violation" in str(error).lower():
            return "the NATS server does not permit this subject to these credentials"
    return None
