"""Runs that continue in another process: where their broker kept the place, nothing is missed or taken twice (M20)."""

from __future__ import annotations

import json

import pytest

from arazzo_runner.effects import ChannelSettings, Failed, Match, Message, Subscribe
from arazzo_runner.runtime.brokers.mailroom import KeptPlaces
from tests.servers.brokers import BrokerServer, Mosquitto, Mosquitto5, RabbitMQ, Tansu, needs, running
from tests.support.messages import a_topic, party

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

KEEPS = [pytest.param(kind, id=kind.__name__, marks=needs(kind)) for kind in (Mosquitto, Mosquitto5, Tansu, RabbitMQ)]
NUMBERS = [str(number).encode() for number in range(8)]


def only(number: int) -> Match:
    """A match for one message."""
    return Match(str(number), in_payload=True)


def numbered(topic: str, number: int) -> Message:
    """A message with a number that a match finds."""
    return Message(json.dumps({"id": str(number)}).encode(), (), topic, key="one")


async def make_queue(server: BrokerServer, name: str) -> None:
    """Declare a durable queue, as its application does."""
    import aio_pika

    connection = await aio_pika.connect(server.url)
    async with connection:
        channel = await connection.channel()
        await channel.declare_queue(name, durable=True)


@pytest.mark.parametrize("kind", KEEPS)
async def test_what_was_not_taken_comes_to_the_next_process(
    kind: type[BrokerServer], tmp_path_factory: pytest.TempPathFactory
) -> None:
    topic = a_topic()
    settings = ChannelSettings(consume=True)
    with running(kind, tmp_path_factory.mktemp("broker")) as server:
        if server.protocol == "amqp":
            await make_queue(server, topic)
        async with party(server, settings=settings) as other:
            async with party(server, settings=settings, kept=KeptPlaces(f"run-{topic}")) as first:
                subscribed = await first.subscribe(topic)
                assert subscribed.place is not None
                for number in range(4):
                    await other.publish(numbered(topic, number))
                taken = await first.receive(topic, only(2))
            # The process ends: what it had taken is stored, nothing of it was acknowledged.
            await other.publish(numbered(topic, 4))
            async with party(server, settings=settings, kept=KeptPlaces(f"run-{topic}")) as second:
                await second.subscribe(topic, place=taken.place)
                left = [json.loads((await second.receive(topic)).message.payload)["id"] for _ in range(4)]
                assert sorted(left) == ["0", "1", "3", "4"]
                assert (await second.none(topic)).code == "receive-timeout"


@pytest.mark.parametrize("kind", KEEPS[:2])
async def test_a_session_that_acknowledged_more_than_was_taken_has_no_place(
    kind: type[BrokerServer], tmp_path_factory: pytest.TempPathFactory
) -> None:
    topic, forgot = a_topic(), list[str]()

    with running(kind, tmp_path_factory.mktemp("broker")) as server:
        async with party(server) as other, party(server, kept=KeptPlaces(f"run-{topic}", forgot.append)) as run:
            await run.subscribe(topic)
            for number in range(40):
                await other.publish(numbered(topic, number))
            taken = await run.receive(topic, only(39))
    assert taken.place is None
    assert forgot == ["events"]


@pytest.mark.parametrize("kind", [pytest.param(Tansu, marks=needs(Tansu))])
async def test_a_log_is_read_from_its_beginning_when_asked(
    kind: type[BrokerServer], tmp_path_factory: pytest.TempPathFactory
) -> None:
    topic = a_topic()
    with running(kind, tmp_path_factory.mktemp("broker")) as server:
        async with party(server) as other:
            await other.publish(numbered(topic, 0))
        async with party(server, settings=ChannelSettings(from_earliest=True)) as run:
            await run.subscribe(topic)
            assert json.loads((await run.receive(topic)).message.payload) == {"id": "0"}


@pytest.mark.parametrize("kind", [pytest.param(RabbitMQ, marks=needs(RabbitMQ))])
async def test_a_queue_is_not_read_unless_asked(
    kind: type[BrokerServer], tmp_path_factory: pytest.TempPathFactory
) -> None:
    queue = a_topic()
    with running(kind, tmp_path_factory.mktemp("broker")) as server:
        await make_queue(server, queue)
        async with party(server, settings=ChannelSettings()) as run:
            answer = await run.mailroom.perform(Subscribe(queue, run.broker, queue, run.settings))
            assert isinstance(answer, Failed)
            assert f"the queue {queue} can only be read by taking its messages away" in answer.message
            assert "--consume events" in answer.message
            await run.publish(numbered(queue, 1))
            missing = await run.mailroom.perform(
                Subscribe("other", run.broker, "no-such-queue", ChannelSettings(consume=True))
            )
            assert isinstance(missing, Failed)
            assert "the broker has no queue or exchange for no-such-queue" in missing.message


@pytest.mark.parametrize(
    "kind", [pytest.param(Mosquitto, marks=needs(Mosquitto)), pytest.param(Mosquitto5, marks=needs(Mosquitto5))]
)
async def test_retained_messages_are_passed_over(
    kind: type[BrokerServer], tmp_path_factory: pytest.TempPathFactory
) -> None:
    topic = a_topic()
    with running(kind, tmp_path_factory.mktemp("broker")) as server:
        async with party(server, settings=ChannelSettings(operation={"retain": True, "qos": 1})) as other:
            await other.publish(Message(b"old", (), topic))
            async with party(server) as run:
                await run.subscribe(topic)
                other.settings = ChannelSettings(operation={"qos": 2})
                await other.publish(Message(b"new", (), topic))
                assert (await run.receive(topic)).message.payload == b"new"
