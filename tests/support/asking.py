"""An application of the tests that is asked over messages, answers in two parts, and is told of the end.

It serves tests of runs whose process ends in the middle: it counts what it was sent, and answers when it is let.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from arazzo_runner.effects import ChannelSettings, Match, Message, Receive, Received
from arazzo_runner.runtime.http.portal import Portal
from tests.servers.brokers import BrokerServer
from tests.support.messages import PATIENCE, Party, a_topic, party

PARTS = ("1", "2")


def answers_as(address: str, part: str) -> Message:
    """A part of the answer."""
    payload = {"id": f"part-{part}", "part": part}
    return Message(json.dumps(payload).encode(), (), address, "application/json", key="one")


class Asked:
    """The application.

    Args:
        queues: over AMQP, channels are queues and not topics of an exchange.

    Attributes:
        answers: whether it answers when it is asked.
        asked, told: what it was sent so far, to ask and at the end.
    """

    def __init__(self, server: BrokerServer, *, queues: bool = False) -> None:
        self.server, self.queues = server, queues
        self.answers = True
        self.asked: list[Any] = []
        self.told: list[Any] = []
        self._portal: Portal | None = None
        self._side: Party | None = None
        self._markers: dict[str, asyncio.Event] = {}
        self.renew()

    def renew(self) -> None:
        """Use addresses that nothing was sent to, and forget what was sent."""
        topic = a_topic()
        self.addresses = {name: f"{topic}.{name}" for name in ("ask", "answer", "tell")}
        self.asked, self.told = [], []

    @property
    def settings(self) -> ChannelSettings:
        """The bindings of its channels, as it uses them."""
        if self.server.protocol != "amqp":
            return ChannelSettings()
        exchange = {"name": "orders", "type": "topic", "durable": True}
        return ChannelSettings(channel={} if self.queues else {"exchange": exchange}, consume=self.queues)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen at the addresses of now."""
        stack = AsyncExitStack()
        tasks: list[asyncio.Task[None]] = []

        async def begin() -> None:
            if self.queues:
                await self._make_queues()
            self._side = await stack.enter_async_context(party(self.server, settings=self.settings))
            for name, kept in (("ask", self.asked), ("tell", self.told)):
                await self._side.subscribe(self.addresses[name])
                tasks.append(asyncio.create_task(self._take(name, kept)))

        async def end() -> None:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await stack.aclose()

        with Portal() as portal:
            self._portal = portal
            portal.call(begin())
            try:
                yield
            finally:
                portal.call(end())
                self._portal = None

    async def _take(self, name: str, kept: list[Any]) -> None:
        assert self._side is not None
        while True:
            answer = await self._side.mailroom.perform(Receive(self.addresses[name], Match(), PATIENCE))
            if isinstance(answer, Received):
                payload = json.loads(answer.message.payload)
                if "marker" in payload:
                    self._markers[payload["marker"]].set()
                    continue
                kept.append(payload)
                if name == "ask" and self.answers:
                    await self._answer()

    async def _answer(self) -> None:
        assert self._side is not None
        for part in PARTS:
            await self._side.publish(answers_as(self.addresses["answer"], part))

    def catch_up(self) -> None:
        """Wait until it has got what brokers have for it: a message of its own, behind the others, has come."""

        async def mark() -> None:
            assert self._side is not None
            for name in ("ask", "tell"):
                self._markers[name] = asyncio.Event()
                payload = json.dumps({"marker": name}).encode()
                await self._side.publish(Message(payload, (), self.addresses[name], "application/json", key="one"))
                async with asyncio.timeout(PATIENCE):
                    await self._markers[name].wait()

        assert self._portal is not None
        self._portal.call(mark())

    def say_something_else(self, count: int) -> None:
        """Send that many messages to where the answer goes, which no step waits for."""

        async def say() -> None:
            assert self._side is not None
            for number in range(count):
                await self._side.publish(answers_as(self.addresses["answer"], f"else-{number}"))

        assert self._portal is not None
        self._portal.call(say())

    def answer(self) -> None:
        """Answer now."""
        assert self._portal is not None
        self._portal.call(self._answer())

    @contextmanager
    def answering_again_and_again(self) -> Iterator[None]:
        """Answer until it is enough: for a run that has missed the answer."""

        async def repeat() -> None:
            while True:
                await self._answer()
                await asyncio.sleep(0.1)

        assert self._portal is not None
        future = self._portal.begin(repeat())
        try:
            yield
        finally:
            future.cancel()
            with suppress(BaseException):
                future.result(timeout=PATIENCE)

    async def _make_queues(self) -> None:
        import aio_pika

        async with await aio_pika.connect(self.server.url) as connection:
            channel = await connection.channel()
            for name in self.addresses.values():
                await channel.declare_queue(name, durable=True)

    def write(self, directory: Path, *, correlated: bool, timeout: int = 60_000) -> Path:
        """Write the workflow that asks, takes both parts, and tells; return its path.

        Args:
            correlated: each step names the part that it takes; else the order does.
        """
        (directory / "events.json").write_text(json.dumps(self._description()), "utf-8")
        path = directory / "asking.json"
        path.write_text(json.dumps(_workflow(correlated=correlated, timeout=timeout)), "utf-8")
        return path

    def _description(self) -> dict[str, Any]:
        exchange = {"name": "orders", "type": "topic", "durable": True}
        amqp = {"is": "queue"} if self.queues else {"is": "routingKey", "exchange": exchange}
        message = {"correlationId": {"location": "$message.payload#/id"}, "payload": {"type": "object"}}
        server = {"host": f"127.0.0.1:{self.server.port}", "protocol": self.server.protocol}
        if self.server.version:
            server["protocolVersion"] = self.server.version
        return {
            "asyncapi": "3.0.0",
            "info": {"title": "Questions", "version": "1"},
            "defaultContentType": "application/json",
            "servers": {"own": server},
            "channels": {
                name: {
                    "address": address,
                    "messages": {"it": message},
                    "bindings": {"amqp": amqp} if self.server.protocol == "amqp" else {},
                }
                for name, address in self.addresses.items()
            },
            "operations": {
                name: {"action": action, "channel": {"$ref": f"#/channels/{name}"}}
                for name, action in (("ask", "receive"), ("answer", "send"), ("tell", "receive"))
            },
        }


def _workflow(*, correlated: bool, timeout: int) -> dict[str, Any]:
    def taking(part: str) -> dict[str, Any]:
        step = {"stepId": f"take{part}", "operationId": "answer", "action": "receive", "timeout": timeout}
        step["outputs"] = {"part": "$message.payload#/part"}
        return step | ({"correlationId": f"part-{part}"} if correlated else {})

    parts = {f"part{part}": f"$steps.take{part}.outputs.part" for part in PARTS}
    question: dict[str, Any] = {"order": "$inputs.order"}
    return {
        "arazzo": "1.1.0",
        "info": {"title": "Asking", "version": "1"},
        "sourceDescriptions": [{"name": "events", "url": "events.json", "type": "asyncapi"}],
        "workflows": [
            {
                "workflowId": "asking",
                "inputs": {"type": "object", "properties": {"order": {"type": "string"}}},
                "steps": [
                    {"stepId": "ask", "operationId": "ask", "action": "send", "requestBody": {"payload": question}},
                    *map(taking, PARTS),
                    {"stepId": "tell", "operationId": "tell", "action": "send", "requestBody": {"payload": parts}},
                ],
                "outputs": parts,
            }
        ],
    }


def write_telling(directory: Path, port: int) -> Path:
    """Write a workflow of one step, which sends a message; return its path."""
    events = {
        "asyncapi": "3.0.0",
        "info": {"title": "Telling", "version": "1"},
        "defaultContentType": "application/json",
        "servers": {"own": {"host": f"127.0.0.1:{port}", "protocol": "mqtt"}},
        "channels": {"tell": {"address": "tell", "messages": {"it": {"payload": {"type": "object"}}}}},
        "operations": {"tell": {"action": "receive", "channel": {"$ref": "#/channels/tell"}}},
    }
    payload = {"payload": {"order": "$inputs.order"}}
    telling = {
        "arazzo": "1.1.0",
        "info": {"title": "Telling", "version": "1"},
        "sourceDescriptions": [{"name": "events", "url": "telling.events.json", "type": "asyncapi"}],
        "workflows": [
            {
                "workflowId": "telling",
                "inputs": {"type": "object", "properties": {"order": {"type": "string"}}},
                "steps": [
                    {
                        "stepId": "tell",
                        "operationId": "tell",
                        "action": "send",
                        "timeout": 80000,
                        "requestBody": payload,
                    }
                ],
            }
        ],
    }
    (directory / "telling.events.json").write_text(json.dumps(events), "utf-8")
    path = directory / "telling.json"
    path.write_text(json.dumps(telling), "utf-8")
    return path
