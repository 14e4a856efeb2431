"""Messages over each broker, a real server: sent, received, correlated, and nobody's message taken away (M4 to M17)."""

from __future__ import annotations

import asyncio
import json

import pytest

from arazzo_runner.effects import ChannelSettings, Match, Message
from tests.servers.brokers import BrokerServer
from tests.support.messages import a_topic, correlated, has_headers, order, party

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


async def test_a_message_comes_as_it_was_sent(server: BrokerServer) -> None:
    topic = a_topic()
    async with party(server) as run, party(server) as other:
        subscribed = await run.subscribe(topic)
        assert subscribed.address == topic
        await other.publish(order(server, topic, 7, correlation_id="c-1"))
        received = await run.receive(topic)
    message = received.message
    assert json.loads(message.payload) == {"order": 7, "id": "c-1"}
    assert message.address == topic
    assert (received.number, received.seen) == (1, 1)
    if has_headers(server):
        assert message.header("Tenant") == "t-1"
        assert message.content_type == "application/json"
        assert message.correlation_id == "c-1" or message.header("correlation_id") == "c-1"


async def test_bytes_come_as_they_were_sent(server: BrokerServer) -> None:
    topic, payload = a_topic(), bytes(range(256)) * 5
    async with party(server) as run, party(server) as other:
        await run.subscribe(topic)
        await other.publish(Message(payload, (), topic, "application/octet-stream"))
        assert (await run.receive(topic)).message.payload == payload


async def test_messages_are_taken_in_order_each_once(server: BrokerServer) -> None:
    topic = a_topic()
    async with party(server) as run, party(server) as other:
        await run.subscribe(topic)
        for number in range(5):
            await other.publish(Message(str(number).encode(), (), topic, key="one"))
        taken = [(await run.receive(topic)).message.payload for _ in range(5)]
        assert taken == [b"0", b"1", b"2", b"3", b"4"]
        failed = await run.none(topic)
    assert failed.code == "receive-timeout"
    assert "no message came within 0.2 s" in failed.message


async def test_what_came_before_the_subscription_does_not_count(server: BrokerServer) -> None:
    topic = a_topic()
    async with party(server) as run, party(server) as other:
        await other.subscribe(topic)  # the topic exists, and its first message has a reader
        await other.publish(Message(b"early", (), topic)) if server.protocol != "ws" else None
        await run.subscribe(topic)
        await other.publish(Message(b"late", (), topic))
        assert (await run.receive(topic)).message.payload == b"late"


async def test_two_runs_on_a_channel_take_their_own_message(server: BrokerServer) -> None:
    topic = a_topic()
    async with party(server) as one, party(server) as two, party(server) as other:
        await one.subscribe(topic)
        await two.subscribe(topic)
        await other.publish(order(server, topic, 2, correlation_id="of-two"))
        await other.publish(order(server, topic, 1, correlation_id="of-one"))
        mine, theirs = await asyncio.gather(
            one.receive(topic, correlated(server, "of-one")), two.receive(topic, correlated(server, "of-two"))
        )
        assert json.loads(mine.message.payload)["order"] == 1
        assert json.loads(theirs.message.payload)["order"] == 2
        # What a step did not match stays for others of its run (M6).
        left = await one.receive(topic)
    assert json.loads(left.message.payload)["order"] == 2


async def test_the_nearest_miss_is_told(server: BrokerServer) -> None:
    topic = a_topic()
    async with party(server) as run, party(server) as other:
        await run.subscribe(topic)
        await other.publish(order(server, topic, 1, correlation_id="another"))
        failed = await run.none(topic, correlated(server, "mine"), seconds=1.0)
    assert failed.code == "receive-timeout"
    assert "one message came, and it did not match" in failed.message
    assert "mine" in failed.message


async def test_a_message_that_does_not_satisfy_is_put_back(server: BrokerServer) -> None:
    topic = a_topic()
    async with party(server) as run, party(server) as other:
        await run.subscribe(topic)
        for text in (b"first", b"second"):
            await other.publish(Message(text, (), topic, key="one"))
        first = await run.receive(topic)
        second = await run.receive(topic, beyond=first.number)
        assert (first.message.payload, second.message.payload) == (b"first", b"second")
        assert (await run.receive(topic)).message.payload == b"first"


async def test_a_parameter_without_a_value_is_any(server: BrokerServer) -> None:
    if server.protocol in ("kafka", "ws"):
        pytest.skip(f"{server.protocol} has no wildcards")
    topic = a_topic()
    start, _, end = topic.partition(".")
    if server.protocol == "mqtt":
        topic = topic.replace(".", "/")
    address = topic.replace(topic[len(start) + 1 : topic.rindex(end[-6:])].strip("./"), "{order}")
    async with party(server) as run, party(server) as other:
        await run.subscribe(address)
        await other.publish(Message(b"any", (), topic))
        received = await run.receive(address)
    assert received.message.address == topic


async def test_an_inbox_is_the_run_s_own(server: BrokerServer) -> None:
    if server.protocol in ("kafka", "ws"):
        pytest.skip(f"{server.protocol} has no inboxes: replies have an address")
    name = a_topic()
    async with party(server) as run, party(server) as other:
        inbox = await run.subscribe(name, inbox=True)
        assert inbox.address
        if server.protocol == "amqp":  # a queue is reached through the default exchange
            other.settings = ChannelSettings()
        await other.publish(Message(b"the reply", (), inbox.address))
        assert (await run.receive(name)).message.payload == b"the reply"


async def test_ten_thousand_messages_and_the_right_one(server: BrokerServer) -> None:
    topic, many = a_topic(), 9_900
    async with party(server) as run, party(server) as other:
        await run.subscribe(topic)
        wanted = asyncio.create_task(run.receive(topic, correlated(server, "the-one")))
        for begin in range(0, many, 100):
            await asyncio.gather(
                *(
                    other.publish(order(server, topic, number, correlation_id=f"c-{number}"))
                    for number in range(begin, begin + 100)
                )
            )
        await other.publish(order(server, topic, many, correlation_id="the-one"))
        received = await wanted
    assert json.loads(received.message.payload)["order"] == many
    assert received.seen <= many + 1


async def test_a_match_takes_nothing_else(server: BrokerServer) -> None:
    topic = a_topic()
    async with party(server) as run, party(server) as other:
        await run.subscribe(topic)
        await other.publish(order(server, topic, 1, correlation_id="c-12"))
        await run.none(topic, correlated(server, "c-1"))
        assert json.loads((await run.receive(topic, Match())).message.payload)["order"] == 1


async def test_inboxes_of_two_runs_differ_though_they_ask_for_the_same(server: BrokerServer) -> None:
    if server.protocol in ("kafka", "ws"):
        pytest.skip(f"{server.protocol} has no inboxes: replies have an address")
    name = a_topic()
    async with party(server) as one, party(server) as another, party(server) as application:
        inboxes = [await run.subscribe(name, inbox=True) for run in (one, another)]
        assert inboxes[0].address != inboxes[1].address
        if server.protocol == "amqp":
            application.settings = ChannelSettings()
        await application.publish(Message(b"for one", (), inboxes[0].address))
        assert (await one.receive(name)).message.payload == b"for one"
        assert (await another.none(name)).code == "receive-timeout"


async def test_a_message_for_two_subscriptions_of_a_run_reaches_each_of_them_once(server: BrokerServer) -> None:
    """A wildcard and one of its addresses: each step that listens gets the message, and gets it once (M6, M12)."""
    if server.protocol in ("kafka", "ws"):
        pytest.skip(f"{server.protocol} has no wildcards")
    concrete = a_topic() if server.protocol != "mqtt" else a_topic().replace(".", "/")
    separator = "/" if server.protocol == "mqtt" else "."
    first, _, last = concrete.split(separator)
    wildcard = separator.join((first, "{any}", last))
    async with party(server) as run, party(server) as other:
        await run.subscribe(wildcard)
        await run.subscribe(concrete)
        for payload in (b"1", b"2"):
            await other.publish(Message(payload, (), concrete))
        for key in (wildcard, concrete):
            got = [(await run.receive(key)).message.payload for _ in range(2)]
            assert got == [b"1", b"2"]
            assert (await run.none(key)).code == "receive-timeout"
