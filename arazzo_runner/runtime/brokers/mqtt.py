"""MQTT 3.1.1 and 5. A run that continues in later processes has a session with the broker (M20)."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import deque
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

import aiomqtt
from msgspec.structs import replace
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

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
from arazzo_runner.runtime.http.errors import Refused
from arazzo_runner.runtime.http.tls import context_of

UNACKNOWLEDGED = 15
"""Messages of a session that may wait for their acknowledgement; usual brokers deliver no more than 20 without it."""
SESSION_SECONDS = 7 * 24 * 3600
"""How long a broker keeps the session of a run that has stopped, from MQTT 5 on, where its description does not say."""
_IDENTIFIERS = 268_435_454
_AT_LEAST_ONCE = 1
_LONGEST_ID = 64
_CREDENTIALS = frozenset({4, 5, 134, 135, 138})
"""Reason codes of both versions: bad user name or password, not authorized, banned."""
_VERSIONS = frozenset({1, 132})
"""Reason codes of both versions: unsupported protocol version."""


class _Client(aiomqtt.Client):
    """A client whose messages can be acknowledged later than they come, and that knows which came before."""

    def __init__(self, *args: Any, protocol: aiomqtt.ProtocolVersion, **options: Any) -> None:
        super().__init__(*args, protocol=protocol, **options)
        self.version = protocol
        self.repeated: set[int] = set()
        self.identifies = protocol == aiomqtt.ProtocolVersion.V5

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason_code: Any, properties: Any = None) -> None:
        if getattr(properties, "SubscriptionIdentifierAvailable", 1) == 0:
            self.identifies = False
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        if message.dup:
            self.repeated.add(message.mid)
        super()._on_message(client, userdata, message)

    def _on_socket_register_write(self, client: Any, userdata: Any, sock: Any) -> None:  # noqa: ARG002 - the library's
        """As the library's, for a socket that is closed before the loop comes to it, too."""

        def watch() -> None:
            with suppress(OSError, ValueError):
                self._loop.add_writer(sock.fileno(), client.loop_write)

        self._loop.call_soon_threadsafe(watch)

    def abandon(self) -> None:
        """Close the socket of a connection that was refused; the library keeps it open."""
        opened = self._client.socket()
        if opened is not None:
            self._on_socket_close(self._client, None, opened)
            opened.close()

    def acknowledge_by_hand(self) -> None:
        self._client.manual_ack_set(on=True)

    def acknowledge(self, message: aiomqtt.Message) -> None:
        self._client.ack(message.mid, message.qos)


class MqttListening(Listening):
    """A subscription of a session: what was not acknowledged comes again (M20)."""

    redelivers = True

    def __init__(self, address: str, session: MqttSession) -> None:
        super().__init__(address)
        self._session = session

    def place(self, waiting: Collection[Delivery]) -> str | None:  # noqa: ARG002 - the broker has what waits
        if self._session.forgot:
            return None
        return json.dumps({"taken": [_digest(delivery.message) for delivery in self._session.taken]})

    def take(self, delivery: Delivery) -> None:
        self._session.taken.append(delivery)

    async def settle(self) -> None:
        self._session.settle()


class MqttSession:
    """The messages of a session that the broker waits to have acknowledged.

    Args:
        connecting: its ``forgets`` is waited for before a message that no step has taken is acknowledged.
    """

    def __init__(self, client: _Client, connecting: Connecting) -> None:
        self._client = client
        self._connecting = connecting
        self._waiting: deque[Delivery] = deque()
        self.taken: list[Delivery] = []
        self.forgot = False

    async def came(self, delivery: Delivery) -> None:
        """Note a message; acknowledge the oldest when the broker would send no more without it.

        What is sent at most once, no session keeps.
        """
        self._waiting.append(delivery)
        full = len(self._waiting) > UNACKNOWLEDGED
        if (full or delivery.handle.qos == 0) and not self.forgot:
            await self._connecting.forgets()
            self.forgot = True
        if full:
            self._acknowledge(self._waiting.popleft())

    def settle(self) -> None:
        """Acknowledge what was taken."""
        for delivery in self.taken:
            with suppress(ValueError):  # it was among the oldest
                self._waiting.remove(delivery)
                self._acknowledge(delivery)
        self.taken.clear()

    def _acknowledge(self, delivery: Delivery) -> None:
        self._client.acknowledge(delivery.handle)


class MqttConnection(Connection):
    """A connection to an MQTT broker."""

    def __init__(self, client: _Client, connecting: Connecting, *, version: aiomqtt.ProtocolVersion) -> None:
        self._client = client
        self._connecting = connecting
        self._version = version
        self._filters: list[tuple[str, Deliver, set[str]]] = []
        self._session = MqttSession(client, connecting) if connecting.kept else None
        self._early: list[tuple[aiomqtt.Message, bool]] = []
        self._reading = asyncio.get_running_loop().create_task(self._read())

    async def subscribe(self, effect: Subscribe, deliver: Deliver) -> Listening:
        """Subscribe to a topic; an inbox is a topic of the run (M14)."""
        address = self._connecting.address_of(effect)
        topic = with_wildcards(address, "+")
        known = set() if effect.place is None else set(json.loads(effect.place)["taken"])
        self._filters.append((topic, deliver, known))
        early, self._early = self._early, []
        for message, again in early:
            await self._deliver(message, again=again)
        qos = _qos(effect.settings.operation, _AT_LEAST_ONCE)
        five = self._version == aiomqtt.ProtocolVersion.V5
        options = SubscribeOptions(qos=qos, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND) if five else None
        with self._connecting.judged(aiomqtt.MqttError, ValueError, say=_say):
            codes = await self._client.subscribe(
                topic,
                qos=0 if five else qos,
                options=options,
                properties=_identified(topic) if self._client.identifies else None,
                timeout=float("inf"),
            )
        if any(getattr(code, "value", code) >= 128 for code in codes):
            raise Refused(
                f"the broker {self._connecting.host} does not allow these credentials to subscribe to {topic}"
            )
        if self._session is not None:
            return MqttListening(address, self._session)
        return Listening(address)

    async def publish(self, effect: Publish) -> None:
        """Publish; with QoS 1, the default, wait for PUBACK."""
        message, settings = effect.message, effect.settings
        five = self._version == aiomqtt.ProtocolVersion.V5
        with self._connecting.judged(aiomqtt.MqttError, ValueError, say=_say):
            await self._client.publish(
                message.address,
                message.payload,
                qos=_qos(settings.operation, _AT_LEAST_ONCE),
                retain=settings.operation.get("retain") is True,
                properties=_properties(message, settings.operation) if five else None,
                timeout=float("inf"),
            )

    async def close(self) -> None:
        """Disconnect; the session of a run that continues stays with the broker, that of one that is over ends."""
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        with suppress(aiomqtt.MqttError):
            await self._client.__aexit__(None, None, None)
        if self._session is not None and self._connecting.over():
            # Connecting without a session ends the one that there was, in both versions.
            with suppress(aiomqtt.MqttError):
                async with _client(replace(self._connecting, kept=False)):
                    pass

    async def _read(self) -> None:
        try:
            async for message in self._client.messages:
                await self._came(message)
        except (aiomqtt.MqttError, *MALFORMED):
            self._connecting.lost()

    async def _came(self, message: aiomqtt.Message) -> None:
        again = message.mid in self._client.repeated
        self._client.repeated.discard(message.mid)
        await self._deliver(message, again=again)

    async def _deliver(self, message: aiomqtt.Message, *, again: bool) -> None:
        received = _received(message)
        delivery = Delivery(received, again=again, handle=message)
        if message.retain:  # M5: it was there before
            if self._session is not None:
                self._client.acknowledge(message)
            return
        wanted = known = False
        # A broker may send a message once for each subscription that it matches, and says then for which.
        meant = getattr(message.properties, "SubscriptionIdentifier", None)
        for topic, deliver, taken in self._filters:
            if message.topic.matches(topic) and (not meant or _identifier(topic) in meant):
                known = True
                if delivery.again and (digest := _digest(received)) in taken:
                    taken.discard(digest)  # an earlier process has taken it, and could not say so
                    continue
                wanted = True
                deliver(delivery)
        if self._session is not None:
            if wanted:
                await self._session.came(delivery)
            elif not known and len(self._early) < UNACKNOWLEDGED:
                # What the session has kept comes as soon as there is a connection, and before it is asked for.
                self._early.append((message, again))
            else:
                self._client.acknowledge(message)


async def connect(connecting: Connecting) -> MqttConnection:
    """Connect to an MQTT broker, in version 5 unless the description says 3: only 5 has header fields.

    Raises:
        Refused: there is no connection; the text says why.
    """
    client = _client(connecting)
    if connecting.kept:
        client.acknowledge_by_hand()
    with connecting.judged(aiomqtt.MqttError, ValueError, say=lambda error: _unconnected(error, connecting)):
        try:
            await client.__aenter__()
        except BaseException:
            client.abandon()
            raise
    return MqttConnection(client, connecting, version=client.version)


def _client(connecting: Connecting) -> _Client:
    broker, bindings = connecting.broker, connecting.broker.bindings
    five = not broker.version.startswith("3")
    version = aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311
    user, password = connecting.user
    if user is None and broker.access.token is not None:
        user, password = "", broker.access.token
    clean = bindings.get("cleanSession") is not False and not connecting.kept
    named = bindings.get("clientId")
    keep_alive = bindings.get("keepAlive")
    return _Client(
        connecting.host,
        connecting.port,
        username=user,
        password=password,
        identifier=named if isinstance(named, str) and named else _client_id(connecting),
        protocol=version,
        clean_session=None if five else clean,
        clean_start=clean if five else MQTT_CLEAN_START_FIRST_ONLY,
        keepalive=keep_alive if isinstance(keep_alive, int) and keep_alive > 0 else 60,
        properties=_session_properties(bindings) if five and not clean else None,
        tls_context=context_of(connecting.options) if connecting.secure else None,
        timeout=connecting.options.connect_timeout,
    )


def _client_id(connecting: Connecting) -> str:
    """An id that no other connection has, the same in each process of a run, whose session it names."""
    return f"arazzo-{connecting.identity}-{connecting.broker.source}"[:_LONGEST_ID]


def _session_properties(bindings: Mapping[str, Any]) -> Properties:
    properties = Properties(PacketTypes.CONNECT)
    seconds = bindings.get("sessionExpiryInterval")
    properties.SessionExpiryInterval = seconds if isinstance(seconds, int) else SESSION_SECONDS
    return properties


def _identifier(topic: str) -> int:
    """The number of a subscription, the same in every process of a run."""
    return int.from_bytes(hashlib.sha256(topic.encode()).digest()[:4], "big") % _IDENTIFIERS + 1


def _identified(topic: str) -> Properties:
    properties = Properties(PacketTypes.SUBSCRIBE)
    properties.SubscriptionIdentifier = _identifier(topic)
    return properties


def _properties(message: Message, bindings: Mapping[str, Any]) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)
    if message.content_type is not None:
        properties.ContentType = message.content_type
    if message.correlation_id is not None:
        properties.CorrelationData = message.correlation_id.encode()
    if message.reply_to is not None:
        properties.ResponseTopic = message.reply_to
    if message.headers:
        properties.UserProperty = list(message.headers)
    expiry = bindings.get("messageExpiryInterval")
    if isinstance(expiry, int):
        properties.MessageExpiryInterval = expiry
    return properties


def _received(message: aiomqtt.Message) -> Message:
    properties: Any = message.properties
    correlation = getattr(properties, "CorrelationData", None)
    return Message(
        bytes(message.payload),
        tuple((str(name), str(value)) for name, value in getattr(properties, "UserProperty", None) or ()),
        str(message.topic),
        getattr(properties, "ContentType", None),
        None if correlation is None else text_of(correlation),
        getattr(properties, "ResponseTopic", None),
    )


def _digest(message: Message) -> str:
    return hashlib.sha256(b"\0".join((message.address.encode(), message.payload))).hexdigest()[:16]


def _qos(bindings: Mapping[str, Any], default: int) -> int:
    qos = bindings.get("qos")
    return qos if isinstance(qos, int) and 0 <= qos <= 2 else default


def _unconnected(error: Exception, connecting: Connecting) -> str | None:
    code = getattr(error.rc, "value", error.rc) if isinstance(error, aiomqtt.MqttCodeError) else None
    if code in _CREDENTIALS:
        raise connecting.refused_credentials()
    if code in _VERSIONS:
        return f"the broker {connecting.host} does not speak this version of MQTT (protocolVersion in its description)"
    return None


def _say(error: Exception) -> str | None:
    match error:
        case ValueError():
            return "the channel's address is no topic of MQTT"
        case aiomqtt.MqttCodeError():
            return "the MQTT broker did not take it"
    return None
