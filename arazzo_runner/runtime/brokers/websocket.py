"""WebSocket: one connection for each address, on which a run both sends and receives."""

from __future__ import annotations

import asyncio
import base64
from contextlib import suppress
from urllib.parse import quote, urlencode, urlsplit

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_connection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.frames import CloseCode

from arazzo_runner.effects import ChannelSettings, Message, Publish, Subscribe
from arazzo_runner.openapi.media_types import is_json
from arazzo_runner.runtime.brokers.connection import Connecting, Connection, Deliver, Delivery, Listening
from arazzo_runner.runtime.http.errors import Refused
from arazzo_runner.runtime.http.tls import context_of

_UNAUTHORIZED = frozenset({401, 403})


class WebSocketConnection(Connection):
    """The connections to one server."""

    def __init__(self, connecting: Connecting) -> None:
        self._connecting = connecting
        self._open: dict[str, ClientConnection] = {}
        self._readers: dict[str, list[Deliver]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._opening = asyncio.Lock()

    async def subscribe(self, effect: Subscribe, deliver: Deliver) -> Listening:
        """Open the connection of an address, if it is not open, and deliver what comes."""
        self._readers.setdefault(effect.address, []).append(deliver)
        await self._connection(effect.address, effect.settings)
        return Listening(effect.address)

    async def publish(self, effect: Publish) -> None:
        """Send on the connection of an address; a pong that follows says that the server has it."""
        message = effect.message
        connection = await self._connection(message.address, effect.settings)
        with self._connecting.judged(ConnectionClosed, say=_say):
            await connection.send(message.payload, text=_is_text(message))
            await (await connection.ping())

    async def close(self) -> None:
        """Close all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self._open.values():
            with suppress(ConnectionClosed):
                await connection.close()

    async def _connection(self, address: str, settings: ChannelSettings) -> ClientConnection:
        async with self._opening:
            if address not in self._open:
                url = _url(self._connecting, address, settings)
                with self._connecting.judged(
                    InvalidHandshake, InvalidURI, say=lambda error: _unconnected(error, self._connecting, address)
                ):
                    connection = await open_connection(
                        url,
                        additional_headers=[*_credentials(self._connecting), *_pairs(settings, "headers")],
                        ssl=context_of(self._connecting.options) if self._connecting.secure else None,
                        open_timeout=self._connecting.options.connect_timeout,
                        close_timeout=self._connecting.options.connect_timeout,
                        max_size=self._connecting.options.max_response_bytes,
                        user_agent_header="arazzo",
                    )
                self._open[address] = connection
                self._tasks.append(asyncio.get_running_loop().create_task(self._read(address, connection)))
            return self._open[address]

    async def _read(self, address: str, connection: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                came = await connection.recv()
                payload = came.encode() if isinstance(came, str) else came
                for deliver in self._readers.get(address, ()):
                    deliver(Delivery(Message(payload, address=address)))
        self._connecting.lost()


async def connect(connecting: Connecting) -> WebSocketConnection:
    """Make the connections to one server; each opens when its address is first used."""
    return WebSocketConnection(connecting)


def _url(connecting: Connecting, address: str, settings: ChannelSettings) -> str:
    parts = urlsplit(connecting.broker.url)
    path, _, query = address.partition("?")
    joined = "/".join(part.strip("/") for part in (parts.path, path) if part.strip("/"))
    added = urlencode([*_pairs(settings, "query"), *connecting.broker.access.queries])
    queries = "&".join(text for text in (query, added) if text)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}/{quote(joined, safe='/%:@!$&()*+,;=~')}" + (f"?{queries}" if queries else "")


def _credentials(connecting: Connecting) -> list[tuple[str, str]]:
    """The headers that say who we are."""
    access, (user, password) = connecting.broker.access, connecting.user
    if access.headers:
        return list(access.headers)
    if user is not None:
        pair = base64.b64encode(f"{user}:{password or ''}".encode()).decode()
        return [("Authorization", f"Basic {pair}")]
    return [("Authorization", f"Bearer {access.token}")] if access.token is not None else []


def _pairs(settings: ChannelSettings, part: str) -> list[tuple[str, str]]:
    """The values of a handshake's query or headers, which the run has put in the place of the binding's schemas."""
    values = settings.channel.get(part)
    if not isinstance(values, dict):
        return []
    return [(str(name), value) for name, value in values.items() if isinstance(value, str)]


def _is_text(message: Message) -> bool:
    """Return whether a payload is sent as text: what is text for its content type, and can be."""
    kind = message.content_type or "application/json"
    if not (is_json(kind) or kind.startswith("text/")):
        return False
    with suppress(UnicodeDecodeError):
        message.payload.decode()
        return True
    return False


def _unconnected(error: Exception, connecting: Connecting, address: str) -> str | None:
    match error:
        case InvalidStatus() if error.response.status_code in _UNAUTHORIZED:
            raise connecting.refused_credentials()
        case InvalidStatus():
            status = error.response.status_code
            return f"{connecting.host} answers the handshake at {address or '/'} with status {status}"
        case InvalidURI():
            raise Refused("the server's URL and the channel's address make no URL of a WebSocket")
    return None


def _say(error: Exception) -> str | None:
    if isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.code == CloseCode.MESSAGE_TOO_BIG:
        return "the message is larger than the server takes"
    return "the server closed the connection before it had the message"
