"""Kafka, without a consumer group (M17): partitions are read from where the run began, or had come to (M5, M20)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from arazzo_runner.effects import Message, Publish, Subscribe, first_header
from arazzo_runner.runtime.brokers.connection import (
    MALFORMED,
    Connecting,
    Connection,
    Deliver,
    Delivery,
    Listening,
    headers_of,
    text_of,
)
from arazzo_runner.runtime.http.errors import Refused
from arazzo_runner.runtime.http.tls import context_of

if TYPE_CHECKING:
    from aiokafka.structs import ConsumerRecord

_MECHANISMS = {
    "plain": "PLAIN",
    "scramSha256": "SCRAM-SHA-256",
    "scramSha512": "SCRAM-SHA-512",
    "oauth2": "OAUTHBEARER",
}


class _Token(AbstractTokenProvider):
    """The access token that the user gave."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self) -> str:
        return self._token


class KafkaListening(Listening):
    """A subscription whose place is the offsets of its partitions (M20).

    Args:
        offsets: of each partition, that of the next message.
        taken: messages beyond them that the run has taken, by partition and offset.
    """

    redelivers = True

    def __init__(self, topic: str, offsets: dict[int, int], taken: set[tuple[int, int]]) -> None:
        super().__init__(topic)
        self._next = offsets
        self._taken = taken

    def wants(self, record: ConsumerRecord) -> bool:
        """Return whether the run has not taken a message yet."""
        self._next[record.partition] = record.offset + 1
        return (record.partition, record.offset) not in self._taken

    def take(self, delivery: Delivery) -> None:
        if delivery.position is not None:
            self._taken.add(delivery.position)

    def place(self, waiting: Collection[Delivery]) -> str:
        first = dict(self._next)
        for delivery in waiting:
            if delivery.position is not None:
                partition, offset = delivery.position
                first[partition] = min(first[partition], offset)
        self._taken = {(partition, offset) for partition, offset in self._taken if offset >= first[partition]}
        offsets = {str(partition): offset for partition, offset in sorted(first.items())}
        return json.dumps({"offsets": offsets, "taken": sorted(self._taken)})


class KafkaConnection(Connection):
    """A connection to a Kafka cluster: a producer, and a consumer for each topic that is listened to."""

    def __init__(self, producer: AIOKafkaProducer, connecting: Connecting, settings: Mapping[str, Any]) -> None:
        self._producer = producer
        self._connecting = connecting
        self._settings = settings
        self._consumers: list[AIOKafkaConsumer] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def subscribe(self, effect: Subscribe, deliver: Deliver) -> Listening:
        """Read a topic from its end, or from the place that the run had come to."""
        topic = _topic(effect.settings.channel, effect.address)
        consumer = AIOKafkaConsumer(
            **self._settings, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        self._consumers.append(consumer)
        with self._connecting.judged(KafkaError, say=lambda error: _say(error, topic)):
            partitions = sorted(await self._producer.partitions_for(topic))
            places = [TopicPartition(topic, partition) for partition in partitions]
            consumer.assign(places)
            await consumer.start()
            offsets, taken = await self._offsets(consumer, places, effect)
            for place in places:
                consumer.seek(place, offsets[place.partition])
        listening = KafkaListening(topic, offsets, taken)
        task = self._read(consumer, listening, effect.address, deliver)
        self._tasks.append(asyncio.get_running_loop().create_task(task))
        return listening

    async def _offsets(
        self, consumer: AIOKafkaConsumer, places: list[TopicPartition], effect: Subscribe
    ) -> tuple[dict[int, int], set[tuple[int, int]]]:
        """The offsets to begin at: the run's own place, the earliest message, or the end (M5)."""
        first = await consumer.beginning_offsets(places)
        if effect.place is None:
            begin = first if effect.settings.from_earliest else await consumer.end_offsets(places)
            return {place.partition: begin[place] for place in places}, set()
        kept = json.loads(effect.place)
        offsets = {place.partition: kept["offsets"].get(str(place.partition), first[place]) for place in places}
        if any(offsets[place.partition] < first[place] for place in places):
            raise Refused(f"the topic {places[0].topic} no longer has all messages since this run subscribed")
        return offsets, {(partition, offset) for partition, offset in kept["taken"]}

    async def _read(
        self, consumer: AIOKafkaConsumer, listening: KafkaListening, address: str, deliver: Deliver
    ) -> None:
        try:
            async for record in consumer:
                if listening.wants(record):
                    deliver(Delivery(_received(record, address), (record.partition, record.offset)))
        except (KafkaError, *MALFORMED):
            self._connecting.lost()

    async def publish(self, effect: Publish) -> None:
        """Send; all replicas that are in sync have it then (acks=all)."""
        message = effect.message
        topic = _topic(effect.settings.channel, message.address)
        with self._connecting.judged(KafkaError, say=lambda error: _say(error, topic)):
            await self._producer.send_and_wait(
                topic,
                message.payload,
                key=None if message.key is None else message.key.encode(),
                headers=[(name, value.encode()) for name, value in headers_of(message)],
            )

    async def close(self) -> None:
        """Close the producer and the consumers."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for one in (*self._consumers, self._producer):
            with suppress(KafkaError):
                await one.stop()


async def connect(connecting: Connecting) -> KafkaConnection:
    """Connect to a Kafka cluster.

    Raises:
        Refused: there is no connection; the text says why.
    """
    settings = _settings(connecting)
    # A broker that refuses a password of SCRAM says so where the library looks for a proof: KeyError.
    with connecting.judged(KafkaError, ValueError, KeyError, say=lambda error: _unconnected(error, connecting)):
        producer = AIOKafkaProducer(**settings, acks="all", enable_idempotence=False)
        try:
            async with asyncio.timeout(connecting.options.connect_timeout):
                await producer.start()
        except KafkaConnectionError as error:
            await producer.stop()
            await _knock(connecting)
            raise error from None
        except BaseException:
            await producer.stop()
            raise
    return KafkaConnection(producer, connecting, settings)


async def _knock(connecting: Connecting) -> None:
    """Connect without Kafka's protocol: the library does not tell why it could not.

    Raises:
        OSError: as the system or TLS says.
        Refused: a connection can be had, so that it was the broker that ended it.
    """
    context = context_of(connecting.options) if connecting.secure else None
    async with asyncio.timeout(connecting.options.connect_timeout):
        _, writer = await asyncio.open_connection(connecting.host, connecting.port, ssl=context)
    writer.close()
    if connecting.user[0] is not None or connecting.broker.access.token is not None:
        raise connecting.refused_credentials()
    raise Refused(f"the broker {connecting.host} closed the connection: it may want credentials, or TLS")


def _settings(connecting: Connecting) -> dict[str, Any]:
    access, (user, password) = connecting.broker.access, connecting.user
    mechanism = _MECHANISMS.get(access.mechanism, "OAUTHBEARER" if access.token and user is None else "PLAIN")
    authenticated = user is not None or access.token is not None
    protocol = ("SASL_" if authenticated else "") + ("SSL" if connecting.secure else "PLAINTEXT")
    client = connecting.broker.bindings.get("clientId")
    settings: dict[str, Any] = {
        "bootstrap_servers": f"{connecting.host}:{connecting.port}",
        "client_id": client if isinstance(client, str) and client else "arazzo",
        "security_protocol": protocol,
        "ssl_context": context_of(connecting.options) if connecting.secure else None,
        "request_timeout_ms": round(connecting.options.read_timeout * 1000),
    }
    if authenticated:
        settings |= {"sasl_mechanism": mechanism}
        if mechanism == "OAUTHBEARER":
            settings["sasl_oauth_token_provider"] = _Token(access.token or "")
        else:
            settings |= {"sasl_plain_username": user or "", "sasl_plain_password": password or access.token or ""}
    return settings


def _topic(bindings: Mapping[str, Any], address: str) -> str:
    topic = bindings.get("topic")
    return topic if isinstance(topic, str) and topic else address


def _received(record: ConsumerRecord, address: str) -> Message:
    headers = tuple((name, text_of(value or b"")) for name, value in record.headers)
    key = None if record.key is None else text_of(record.key)
    return Message(record.value or b"", headers, address, first_header(headers, "content-type"), key=key)


def _unconnected(error: Exception, connecting: Connecting) -> str | None:
    refused = isinstance(error, SaslAuthenticationFailed | ClusterAuthorizationFailedError)
    if refused or isinstance(error, KeyError) or "auth" in str(error).lower():
        raise connecting.refused_credentials()
    return None


def _say(error: Exception, topic: str) -> str | None:
    match error:
        case UnknownTopicOrPartitionError():
            return f"the Kafka cluster has no topic {topic}"
        case MessageSizeTooLargeError():
            return "the message is larger than the Kafka cluster takes"
        case TopicAuthorizationFailedError():
            return f"the Kafka cluster does not permit the topic {topic} to these credentials"
        case KafkaError():
            return f"the Kafka cluster did not answer for the topic {topic}"
    return None
