"""Buffers of messages (M4, M6, M10), and what is missing or not supported (M18)."""

from __future__ import annotations

import asyncio
import sys
import tracemalloc

import pytest

from arazzo_runner.effects import Broker, ChannelSettings, Match, Message, Publish, Receive
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.brokers.connection import Delivery
from arazzo_runner.runtime.brokers.mailbox import BufferFull, Mailbox
from arazzo_runner.runtime.brokers.mailroom import open_mailroom
from arazzo_runner.runtime.brokers.protocols import SPEECHES
from arazzo_runner.runtime.http.options import TransportOptions

pytestmark = pytest.mark.anyio


def delivery(text: str) -> Delivery:
    return Delivery(Message(text.encode(), (("correlationId", text),)))


def match(text: str) -> Match:
    return Match(text, headers=("correlationId",))


async def test_ten_thousand_wait_and_no_more() -> None:
    mailbox = Mailbox()
    tracemalloc.start()
    try:
        for number in range(10_000):
            mailbox.put(delivery(str(number)))
        letter, seen = await mailbox.take(match("9999"), 1.0, 0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (letter.number, seen) == (10_000, 10_000)
    assert peak < 32 * 2**20
    mailbox.put(delivery("a"))
    mailbox.put(delivery("one too many"))
    with pytest.raises(BufferFull, match=r"10,000 or 64 MiB: 10,002 came, and no step has taken them"):
        await mailbox.take(Match(), 1.0, 0)


async def test_what_a_full_buffer_gets_takes_no_memory() -> None:
    mailbox = Mailbox(max_messages=10)
    for number in range(10_000):
        mailbox.put(delivery(str(number)))
    assert mailbox.waiting == []


async def test_a_buffer_has_a_limit_of_bytes_too() -> None:
    mailbox = Mailbox(max_bytes=1000)
    mailbox.put(delivery("x" * 400))
    mailbox.put(delivery("y" * 400))
    with pytest.raises(BufferFull):
        await mailbox.take(Match(), 1.0, 0)


async def test_a_waiting_step_learns_at_once_that_the_buffer_is_full() -> None:
    mailbox = Mailbox(max_messages=3)
    waiting = asyncio.create_task(mailbox.take(match("none"), 3600.0, 0))
    await asyncio.sleep(0)
    for number in range(4):
        mailbox.put(delivery(str(number)))
    with pytest.raises(BufferFull):
        await asyncio.wait_for(waiting, 60)


async def test_a_message_that_comes_while_a_step_waits_is_taken() -> None:
    mailbox = Mailbox()
    waiting = asyncio.create_task(mailbox.take(match("mine"), 60.0, 0))
    await asyncio.sleep(0)
    for text in ("other", "mine"):
        mailbox.put(delivery(text))
    letter, seen = await waiting
    assert (letter.number, seen) == (2, 2)
    assert [one.message.payload for one in mailbox.waiting] == [b"other"]


async def test_a_lost_connection_is_told_to_who_waited_in_vain() -> None:
    mailbox = Mailbox()
    mailbox.interruptions += 1
    with pytest.raises(
        TimeoutError, match=r"no message came within 0.01 s \(the connection to the broker was lost meanwhile\)"
    ):
        await mailbox.take(Match(), 0.01, 0)


async def test_a_subscription_of_another_process_is_gone() -> None:
    async with open_mailroom(TransportOptions()) as mailroom:
        answer = await mailroom.perform(Receive("key", Match(), 1.0))
    assert getattr(answer, "code", None) == "messages-missed"


async def test_a_protocol_that_nobody_speaks() -> None:
    broker = Broker("events", "sqs://127.0.0.1", "sqs")
    async with open_mailroom(TransportOptions()) as mailroom:
        with pytest.raises(UsageError, match="the protocol 'sqs' is not supported"):
            await mailroom.perform(Publish(broker, Message(b"", (), "a"), ChannelSettings()))


@pytest.mark.parametrize("protocol", sorted(SPEECHES))
async def test_an_extra_that_is_not_installed(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, SPEECHES[protocol].library, None)
    broker = Broker("events", f"{protocol}://127.0.0.1", protocol)
    async with open_mailroom(TransportOptions()) as mailroom:
        with pytest.raises(UsageError) as raised:
            await mailroom.perform(Publish(broker, Message(b"", (), "a"), ChannelSettings()))
    assert f"messages over {protocol} need an extra" in raised.value.message
    assert "arazzo-workflow-runner[messages]" in str(raised.value.hint)
