"""A run over messages on a cluster is a run like any other, and whoever follows it sees what its workflow saw.

Workers are lost at any point, and a person decides; no server is needed for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arazzo_runner.effects import Answered, Failed, MessageAnswer, MessageEffect, Response, Send
from arazzo_runner.engine.events import Event
from arazzo_runner.engine.plan import Plan
from arazzo_runner.runtime.decisions import Decision
from arazzo_runner.runtime.drivers import Loop, adrive
from arazzo_runner.runtime.durable.resumption import AMBIGUOUS
from arazzo_runner.runtime.serialization import decode, encode
from arazzo_runner.runtime.temporal.history import Happened, HistoryWorld
from arazzo_runner.runtime.temporal.messages import (
    Attached,
    ClusterMessages,
    Unanswered,
    attached_again,
    plain_attached,
)
from tests.properties.test_drivers import answers_of, cases, synchronously
from tests.support.broker import BrokerWorld
from tests.support.own_cases import own_cases, plan_of

Case = dict[str, Any]


class ClusterWorld:
    """The world of a workflow, whose workers are lost when they are asked for the n-th time; it writes a history.

    Args:
        lost: by the number of what is asked, whether it was begun.
        decisions: what a person says, in turn: whether a message was sent.
        continues: the run continues as new before each thing that it asks for.
    """

    def __init__(self, world: BrokerWorld, lost: dict[int, bool], decisions: list[bool], *, continues: bool) -> None:
        self._world = world
        self._lost, self._decisions, self._continues = lost, decisions, continues
        self._messages = ClusterMessages(self)
        self._asked = 0
        self.now = world.now
        self.history = [Happened("task", at=world.now())]

    def _happened(self, kind: str, value: Any = None) -> None:
        self.history += [Happened("task", at=self.now()), Happened(kind, value)]

    async def send(self, effect: Send) -> Answered | Failed:
        answer = self._world.send(effect)
        self._happened("answer", answer)
        return answer

    async def sleep(self, seconds: float) -> None:
        self._world.sleep(seconds)
        if seconds > 0:
            self._happened("woke")

    async def exchange(self, effect: MessageEffect) -> MessageAnswer:
        if self._continues:
            kept: Attached = attached_again(decode(encode(plain_attached(self._messages.attached))))
            self._messages = ClusterMessages(self, kept)
        return await self._messages.exchange(effect)

    async def ask(self, activity: str, effect: MessageEffect, queue: str) -> Any:
        self._asked += 1
        begun = self._lost.get(self._asked)
        if begun is not None and (queue or activity != "arazzo-subscribe"):
            if begun:
                self._world.exchange(effect)
            self._happened("unanswered", begun)
            return Unanswered(begun=begun)
        found = {"answer": self._world.exchange(effect), "queue": "own"}
        self._happened("answer", found)
        return found

    async def decided(self, code: str, message: str) -> Decision:
        if code == AMBIGUOUS:
            was_sent = self._decisions.pop() if self._decisions else True
            decision = Decision(answer=Response(200)) if was_sent else Decision(resend=True)
        else:
            decision = Decision(accept_missed=True)
        self._happened("decision", decision)
        return decision


class Kept:
    """A history that was written (``Histories``)."""

    def __init__(self, history: list[Happened]) -> None:
        self._history = history

    async def happened(self) -> AsyncIterator[Happened]:
        for one in self._history:
            yield one


def told_by(plan: Plan, drive: Callable[[Loop], Any]) -> list[Event]:
    events: list[Event] = []
    asyncio.run(drive(Loop(plan, events.append)))
    return events


def on_a_cluster(
    plan: Plan, world: BrokerWorld, lost: dict[int, bool], decisions: list[bool], *, continues: bool = False
) -> tuple[list[Event], list[Event]]:
    """What the workflow tells, and what somebody tells who follows its history."""
    cluster = ClusterWorld(world, lost, decisions, continues=continues)

    async def worked(loop: Loop) -> None:
        await adrive(loop, loop.begin({}, cluster.now()), cluster)

    told = told_by(plan, worked)

    async def followed(loop: Loop) -> None:
        history = HistoryWorld(Kept(cluster.history), decisions=len(cluster.history))  # type: ignore[arg-type]
        await history.begin()
        await adrive(loop, loop.begin({}, history.now()), history)

    return told, told_by(plan, followed)


def _is_of_messages_alone(case: Case) -> bool:
    needs = case.keys() & {"inputs", "answers"} or case["expect"].keys() & {"refused", "invalid"}
    return "messages" in case and not needs


@pytest.mark.parametrize("continues", [False, True])
@pytest.mark.parametrize("case", [case for case in own_cases(messages=True) if _is_of_messages_alone(case.values[0])])
def test_a_case_on_a_cluster_tells_what_every_driver_tells(case: Case, continues: bool) -> None:
    plan = plan_of(case)

    def answer(number: int, effect: Send, now: float) -> Answered:
        raise AssertionError("the case has no answers to requests")

    script = case["messages"]
    expected = synchronously(plan, {}, answer, script)
    told, followed = on_a_cluster(plan, BrokerWorld(answer, script), {}, [], continues=continues)
    assert told == expected
    assert followed == expected


@pytest.mark.slow
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    case=cases(messages=True),
    lost=st.dictionaries(st.integers(1, 12), st.booleans(), max_size=4),
    decisions=st.lists(st.booleans(), max_size=4),
    continues=st.booleans(),
)
def test_whoever_follows_a_run_sees_what_its_workflow_saw(
    case: Case, lost: dict[int, bool], decisions: list[bool], continues: bool
) -> None:
    plan, answer = plan_of(case), answers_of(case, lossless=False)
    told, followed = on_a_cluster(
        plan, BrokerWorld(answer, case["messages"]), lost, list(decisions), continues=continues
    )
    assert followed == told
    if not lost:
        assert told == synchronously(plan, {}, answer, case["messages"])
