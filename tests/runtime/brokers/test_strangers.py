"""Servers that are not what their URL says: they close at once, say nothing, or answer in another protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

import pytest

from arazzo_runner.effects import Broker, ChannelSettings, Failed, Match, Message, Publish, Receive, Subscribe
from arazzo_runner.runtime.brokers.mailroom import open_mailroom
from arazzo_runner.runtime.http.options import TransportOptions
from tests.runtime.brokers.conftest import leaves_sockets
from tests.support.messages import PATIENCE

pytestmark = [pytest.mark.network, pytest.mark.anyio, leaves_sockets]

Stranger: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
PROTOCOLS = ("mqtt", "nats", "amqp", "kafka", "redis", "ws")
OPTIONS = TransportOptions(connect_timeout=1.0)


def saying(answer: bytes) -> Stranger:
    """A server that says the same to everybody, and closes."""

    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return speak


async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Read until the client leaves."""
    while await reader.read(1000):
        pass


STRANGERS = {
    "closes": saying(b""),
    "speaks HTTP": saying(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
    "speaks SSH": saying(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "sends zeros": saying(bytes(100_000)),
    "sends ones": saying(b"\xff" * 100_000),
    "speaks no UTF-8": saying(b"INFO \xc3\x28\r\n"),
    "speaks broken JSON": saying(b"INFO {\r\n"),
    "says nothing": say_nothing,
}


@asynccontextmanager
async def standing_at(stranger: Stranger, protocol: str) -> AsyncIterator[Broker]:
    """A server, as the broker that it is taken for."""

    writers = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(OSError):
            await stranger(reader, writer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield Broker("events", f"{protocol}://127.0.0.1:{port}", protocol)
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)  # both sides notice it in a turn of the loop


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
async def test_a_server_of_another_kind_is_told_in_words(stranger: Stranger, protocol: str) -> None:
    async with standing_at(stranger, protocol) as broker, open_mailroom(OPTIONS) as mailroom:
        listening = await mailroom.perform(Subscribe("key", broker, "orders", ChannelSettings(), timeout=5.0))
        sending = await mailroom.perform(Publish(broker, Message(b"x", (), "orders"), ChannelSettings(), 5.0))
    for answer in (listening, sending):
        assert isinstance(answer, Failed)
        assert answer.code == "transport"
        assert "127.0.0.1" in answer.message


@pytest.mark.parametrize("protocol", ["mqtt", "nats", "amqp", "redis", "ws"])
async def test_silence_is_a_time_out(protocol: str) -> None:
    async with standing_at(say_nothing, protocol) as broker, open_mailroom(OPTIONS) as mailroom:
        answer = await mailroom.perform(Subscribe("key", broker, "orders", ChannelSettings(), timeout=5.0))
    assert isinstance(answer, Failed)
    assert "within 1 s (--connect-timeout)" in answer.message


async def test_a_broker_that_breaks_its_protocol_later_is_a_lost_connection() -> None:
    subscriptions, again = 0, asyncio.Event()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal subscriptions
        while asked := await reader.read(1000):
            if b"SUBSCRIBE" in asked:
                subscriptions += 1
                if subscriptions > 1:
                    again.set()
                writer.write(b"*3\r\n$9\r\nsubscribe\r\n$6\r\norders\r\n:1\r\n" + b"x" * 100_000)
            elif b"PING" in asked:
                writer.write(b"+PONG\r\n")
            else:
                writer.write(b"+OK\r\n" * asked.count(b"SETINFO"))

    async with standing_at(speak, "redis") as broker, asyncio.timeout(PATIENCE), open_mailroom(OPTIONS) as mailroom:
        await mailroom.perform(Subscribe("key", broker, "orders", ChannelSettings(), timeout=5.0))
        await again.wait()
        answer = await mailroom.perform(Receive("key", Match(), 0.1))
    assert isinstance(answer, Failed)
    assert "lost" in answer.message
