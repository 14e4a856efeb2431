"""Worlds with a mailroom: opened and closed by one task, once a run, and broken off with what they wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from arazzo_runner.effects import Answered, Match, MessageAnswer, MessageEffect, Receive, Response
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.drivers import Messaging
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.run.messaging import AsyncMessagingWorld, with_messages, with_messages_async
from arazzo_runner.runtime.run.session import Session
from tests.support.broker import AsyncBrokerWorld, BrokerWorld
from tests.support.own_cases import plan_of
from tests.support.worlds import AsyncListWorld, ListWorld

READ: dict[str, Any] = {
    "id": "read",
    "messages": [{"address": "news", "json": {"n": 1}, "after": 1}],
    "workflow": {"steps": [{"stepId": "read", "operationId": "tellNews", "action": "receive"}]},
}
LIST: dict[str, Any] = {"id": "list", "workflow": {"steps": [{"stepId": "list", "operationId": "listItems"}]}}
BOUND = 20


def answer(_: int, __: object, now: float) -> Answered:
    return Answered(Response(200), at=now)


class Room:
    """A mailroom that notes in which task it was opened and closed."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[Any] | None] = []
        self.broker = BrokerWorld(answer, READ["messages"])
        self.waiting = threading.Event()
        self.broken_off = threading.Event()
        self.hangs = False

    async def perform(self, effect: MessageEffect) -> MessageAnswer:
        if self.hangs and isinstance(effect, Receive):
            self.waiting.set()
            try:
                await asyncio.sleep(BOUND)
            except asyncio.CancelledError:
                self.broken_off.set()
                raise
        return self.broker.exchange(effect)

    async def close(self) -> None:
        self.tasks.append(asyncio.current_task())

    @asynccontextmanager
    async def opened(self, _: TransportOptions) -> AsyncIterator[Room]:
        self.tasks.append(asyncio.current_task())
        yield self
        await self.close()


def test_a_run_has_a_mailroom_that_one_task_opens_and_closes() -> None:
    room, plan = Room(), plan_of(READ)
    with with_messages(plan, ListWorld(answer), TransportOptions(), open_mailroom=room.opened) as world:
        assert isinstance(world, Messaging)
        assert Session(plan, {}).run(world).succeeded
    assert len(room.tasks) == 2
    assert room.tasks[0] is room.tasks[1]


def test_an_asynchronous_run_has_one_too() -> None:
    room, plan = Room(), plan_of(READ)

    async def go() -> bool:
        bare = AsyncListWorld(answer)
        async with with_messages_async(plan, bare, TransportOptions(), open_mailroom=room.opened) as world:
            assert isinstance(world, AsyncMessagingWorld)
            return (await Session(plan, {}).arun(world)).succeeded

    assert asyncio.run(go())
    assert len(room.tasks) == 2


def test_a_plan_without_messages_opens_none() -> None:
    world, room = ListWorld(answer), Room()
    with with_messages(plan_of(LIST), world, TransportOptions(), open_mailroom=room.opened) as used:
        assert used is world
    assert room.tasks == []


def test_a_world_that_exchanges_messages_is_used_as_it_is() -> None:
    room, plan = Room(), plan_of(READ)
    world = BrokerWorld(answer, READ["messages"])
    with with_messages(plan, world, TransportOptions(), open_mailroom=room.opened) as used:
        assert used is world

    async def go() -> None:
        own = AsyncBrokerWorld(answer)
        async with with_messages_async(plan, own, TransportOptions(), open_mailroom=room.opened) as whole:
            assert whole is own

    asyncio.run(go())
    assert room.tasks == []


def test_a_mailroom_that_cannot_be_opened_is_the_caller_s_error() -> None:
    @asynccontextmanager
    async def refused(_: TransportOptions) -> AsyncIterator[Room]:
        raise UsageError("there is none")
        yield Room()

    plan = plan_of(READ)
    with (
        pytest.raises(UsageError, match="there is none"),
        with_messages(plan, ListWorld(answer), TransportOptions(), open_mailroom=refused),
    ):
        pytest.fail("it was opened")


def test_an_interruption_breaks_off_what_is_waited_for() -> None:
    room = Room()
    room.hangs = True
    plan = plan_of(READ)
    with with_messages(plan, ListWorld(answer), TransportOptions(), open_mailroom=room.opened) as world:
        assert isinstance(world, Messaging)
        waiting = asyncio.run_coroutine_threadsafe

        def interrupted(*words: Any) -> Any:
            """A future whose wait ends as Ctrl-C ends it, once the mailroom waits."""
            future = waiting(*words)
            assert room.waiting.wait(BOUND)
            future.result = lambda *_: _raise()  # type: ignore[method-assign]
            return future

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio, "run_coroutine_threadsafe", interrupted)
            with pytest.raises(KeyboardInterrupt):
                world.exchange(Receive("key", Match(), BOUND))
        assert room.broken_off.wait(BOUND)
    assert len(room.tasks) == 2


def _raise() -> Any:
    raise KeyboardInterrupt


def test_a_world_without_messages_says_that_it_has_none() -> None:
    result = Session(plan_of(READ), {}).run(ListWorld(answer))

    assert result.reason is not None
    assert (result.reason.code, "no messages can be exchanged here" in result.reason.message) == ("transport", True)
    assert not isinstance(ListWorld(answer), Messaging)
