"""Every driver behaves alike: synchronous, asynchronous, replaying, and stopped and resumed at any point."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arazzo_runner.effects import Answered, Failed, MessageAnswer, MessageEffect, Response, Send
from arazzo_runner.engine.events import Event
from arazzo_runner.engine.flow import advance, start
from arazzo_runner.engine.plan import Plan
from arazzo_runner.engine.state import RunState
from arazzo_runner.errors import InvalidInputs, PlanError
from arazzo_runner.runtime.cassettes.format import read_cassette
from arazzo_runner.runtime.cassettes.recording import Recorder, Recording
from arazzo_runner.runtime.cassettes.replay import Replay
from arazzo_runner.runtime.drivers import Loop, adrive, drive, effect_of, perform
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.run.messaging import with_messages
from arazzo_runner.runtime.secrets.redaction import Redactor
from tests.support.broker import AsyncBrokerWorld, BrokerWorld, Entry
from tests.support.own_cases import answer_to, own_cases, plan_of
from tests.support.worlds import AnswerFor, ListWorld, as_recorded

Case = dict[str, Any]


Script = Sequence[Entry]


def synchronously(plan: Plan, inputs: Any, answer: AnswerFor, script: Script = ()) -> list[Event]:
    events: list[Event] = []
    loop, world = Loop(plan, events.append), BrokerWorld(answer, script)
    drive(loop, loop.begin(inputs, world.now()), world)
    return events


def asynchronously(plan: Plan, inputs: Any, answer: AnswerFor, script: Script = ()) -> list[Event]:
    events: list[Event] = []
    loop, world = Loop(plan, events.append), AsyncBrokerWorld(answer, script)
    asyncio.run(_to_end(loop, inputs, world))
    return events


async def _to_end(loop: Loop, inputs: Any, world: AsyncBrokerWorld) -> None:
    await adrive(loop, loop.begin(inputs, world.now()), world)


def stopped_at_every_turn(
    make_plan: Callable[[], Plan], inputs: Any, answer: AnswerFor, script: Script = ()
) -> list[Event]:
    """Each turn by a process of its own, as it were: the plan made anew, the state read from JSON."""
    world = BrokerWorld(answer, script)
    turn = start(make_plan(), inputs, at=world.now())
    events = list(turn.events)
    while turn.outcome is None:
        state = RunState.from_json(turn.state.to_json())
        assert state.to_json() == turn.state.to_json()
        turn = advance(make_plan(), state, perform(effect_of(turn), world))
        events += turn.events
    return events


def replayed(plan: Plan, inputs: Any, answer: AnswerFor, path: Path) -> list[Event]:
    redactor = Redactor()
    loop = Loop(plan, lambda _: None)
    with Recorder(path, redactor) as recorder:
        world = ListWorld(answer)
        drive(loop, loop.begin(inputs, world.now()), Recording(world, recorder))
    events: list[Event] = []
    loop = Loop(plan, events.append)
    replay = Replay(read_cassette(path), redactor)
    drive(loop, loop.begin(inputs, replay.now()), replay)
    assert not replay.unused
    return events


def through_a_mailroom(plan: Plan, inputs: Any, answer: AnswerFor, script: Script) -> list[Event]:
    """As runs are driven that have a mailroom of their own, in the loop of another thread."""
    world, events = BrokerWorld(answer, script), list[Event]()
    rooms: list[object] = []

    class Room:
        async def perform(self, effect: MessageEffect) -> MessageAnswer:
            return world.exchange(effect)

        async def close(self) -> None:
            rooms.remove(self)

    @asynccontextmanager
    async def open_room(_: TransportOptions) -> AsyncIterator[Room]:
        room = Room()
        rooms.append(room)
        yield room
        await room.close()

    bare = ListWorld(answer)
    bare.now, bare.sleep, bare.send = world.now, world.sleep, world.send  # type: ignore[method-assign]
    with with_messages(plan, bare, TransportOptions(), open_mailroom=open_room) as whole:
        loop = Loop(plan, events.append)
        drive(loop, loop.begin(inputs, whole.now()), whole)
        assert len(rooms) == 1
    assert not rooms
    return events


def all_agree(
    make_plan: Callable[[], Plan], inputs: Any, answer: AnswerFor, cassette: Path | None, script: Script = ()
) -> None:
    plan = make_plan()
    events = synchronously(plan, inputs, answer, script)
    assert asynchronously(plan, inputs, answer, script) == events
    assert stopped_at_every_turn(make_plan, inputs, answer, script) == events
    if plan.has_messages:
        assert through_a_mailroom(plan, inputs, answer, script) == events
    if cassette is not None:
        told = replayed(plan, inputs, answer, cassette)
        assert [as_recorded(event) for event in told] == [as_recorded(event) for event in events]


@pytest.mark.parametrize("case", own_cases(messages=True))
def test_every_driver_tells_the_same_of_every_case(case: Case, tmp_path: Path) -> None:
    inputs = case.get("inputs", {})

    def answer(number: int, effect: Send, now: float) -> Answered | Failed:
        given = answer_to(case, number, now)
        assert isinstance(given, Answered | Failed)
        return given

    # A cassette cannot hold what never came, nor a secret that did; and its replay has a clock of its own.
    script = case.get("messages", ())
    unrecorded = (
        "messages" in case
        or case["rule"] == "S1"
        or "failure" in json.dumps(case.get("answers", ()))
        or "GMT" in json.dumps(case)
    )
    try:
        all_agree(lambda: plan_of(case), inputs, answer, None if unrecorded else tmp_path / "cassette.yaml", script)
    except (PlanError, InvalidInputs):
        assert case["expect"].keys() & {"refused", "invalid"}


# Random workflows with loops, retries and nested calls

STATUSES = st.sampled_from([200, 200, 200, 201, 404, 500, 503])
CRITERIA = st.sampled_from(
    [
        {"condition": "$statusCode == 200"},
        {"condition": "$statusCode >= 500"},
        {"condition": "$response.body#/n > 2"},
        {"condition": "$.n < 4 || $.items.length > 1", "context": "$response.body", "type": "jsonpath"},
        {"condition": "^2", "context": "$statusCode", "type": "regex"},
    ]
)


@st.composite
def actions(draw: st.DrawFn, steps: list[str], workflows: list[str], *, failure: bool) -> list[Case]:
    result = []
    for index in range(draw(st.integers(0, 2))):
        kind = draw(st.sampled_from(["end", "goto", "retry"] if failure else ["end", "goto"]))
        action: Case = {"name": f"a{index}", "type": kind}
        if kind == "goto" or (kind == "retry" and draw(st.booleans())):
            if draw(st.integers(0, 3)):
                action["stepId"] = draw(st.sampled_from(steps))
            else:
                action["workflowId"] = draw(st.sampled_from(workflows))
        if kind == "retry":
            action["retryLimit"] = draw(st.integers(0, 3))
            action["retryAfter"] = draw(st.sampled_from([0, 0, 1.5]))
        if draw(st.booleans()):
            action["criteria"] = [draw(CRITERIA)]
        result.append(action)
    return result


MESSAGE_CRITERIA = st.sampled_from(
    [
        {"condition": "$message.payload#/n > 2"},
        {"condition": "$message.header.kind == 'a'"},
        {"condition": "$.n < 4", "context": "$message.payload", "type": "jsonpath"},
    ]
)


@st.composite
def message_step(draw: st.DrawFn) -> Case:
    """A step that sends or receives: anything, what has an id, what a request has asked for."""
    payload = {"n": draw(st.integers(0, 5)), "id": "a"}
    timeout = draw(st.sampled_from([1000, 5000]))
    sends = {"action": "send", "requestBody": {"payload": payload}}
    receives = {"action": "receive", "timeout": timeout, "outputs": {"n": "$message.payload#/n"}}
    order = {"name": "orderId", "in": "path", "value": "$steps.s0.outputs.n"}
    steps: list[Case] = [
        {"operationId": "takeStatus", **sends},
        {"operationId": "tellNews", **receives},
        {"operationId": "tellNews", "correlationId": "a", **receives},
        {"operationId": "answer", **sends},
        {"operationId": "answer", **receives},
        {"operationId": "tellStatus", "parameters": [order], **receives},
    ]
    return draw(st.sampled_from(steps))


@st.composite
def message_entry(draw: st.DrawFn) -> Case:
    """A message that others send."""
    return {
        "address": draw(st.sampled_from(["news", "news", "orders/a/status", "orders/3/status"])),
        "json": {"n": draw(st.integers(0, 5))},
        "headers": draw(st.sampled_from([{}, {"kind": "a"}, {"correlationId": "a"}])),
        "sends": draw(st.integers(0, 2)),
        "requests": draw(st.integers(0, 1)),
        "after": draw(st.sampled_from([0, 0, 1, 3])),
    }


@st.composite
def workflow(draw: st.DrawFn, names: list[str], *, messages: bool = False) -> Case:
    steps = [f"s{index}" for index in range(draw(st.integers(1, 4)))]
    made = []
    for step_id in steps:
        step: Case = {"stepId": step_id}
        if draw(st.integers(0, 4)) == 0:
            step["workflowId"] = draw(st.sampled_from(names))
        elif messages and draw(st.booleans()):
            step |= draw(message_step())
        else:
            step |= {"operationId": "getItem", "parameters": [{"name": "id", "in": "path", "value": step_id}]}
            step["outputs"] = {"n": "$response.body#/n"}
        for field, failure in (("onSuccess", False), ("onFailure", True)):
            if found := draw(actions(steps, names, failure=failure)):
                step[field] = found
        if draw(st.booleans()):
            asked = MESSAGE_CRITERIA if "action" in step else CRITERIA
            step["successCriteria"] = [draw(asked)] if "operationId" in step else [{"condition": "true"}]
        made.append(step)
    return {"steps": made, "outputs": {"n": f"$steps.{steps[0]}.outputs.n"}}


@st.composite
def cases(draw: st.DrawFn, *, messages: bool = False) -> Case:
    names = ["main", "other", "third"][: draw(st.integers(1, 3))]
    workflows = {name: draw(workflow(names, messages=messages)) for name in names}
    answers = draw(
        st.lists(
            st.fixed_dictionaries(
                {"status": STATUSES, "n": st.integers(0, 5)},
                optional={"retry": st.sampled_from(["0", "2"]), "lost": st.just(True)},
            ),
            min_size=1,
            max_size=12,
        )
    )
    more = {name: workflows[name] for name in names[1:]}
    options: Case = {"max_steps": 25, "poll_interval": draw(st.sampled_from([0, 1]))}
    case: Case = {"id": "random", "workflow": workflows["main"], "more": more, "options": options, "answers": answers}
    if messages:
        options["receive"] = draw(st.sampled_from(["first", "until-pass"]))
        case["messages"] = draw(st.lists(message_entry(), max_size=6))
        if draw(st.booleans()):
            case["messages"].append({"address": "(the reply's)", "json": {"n": 4}, "sends": 1, "after": 1})
    return case


def answers_of(case: Case, *, lossless: bool) -> AnswerFor:
    def answer(number: int, effect: Send, now: float) -> Answered | Failed:
        chosen = case["answers"][number % len(case["answers"])]
        if chosen.get("lost") and not lossless:
            return Failed("transport", "reset", at=now)
        headers = [("Content-Type", "application/json")]
        if "retry" in chosen:
            headers.append(("Retry-After", chosen["retry"]))
        body = json.dumps({"n": chosen["n"], "items": [1] * chosen["n"]}).encode()
        return Answered(Response(chosen["status"], tuple(headers), body), at=now)

    return answer


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(case=cases())
def test_every_driver_tells_the_same_of_random_workflows(case: Case, tmp_path_factory: pytest.TempPathFactory) -> None:
    plan = plan_of(case)
    all_agree(lambda: plan, {}, answers_of(case, lossless=False), None)
    cassette = tmp_path_factory.mktemp("random") / "cassette.yaml"
    all_agree(lambda: plan, {}, answers_of(case, lossless=True), cassette)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(case=cases(messages=True))
def test_every_driver_tells_the_same_of_random_workflows_over_messages(case: Case) -> None:
    plan = plan_of(case)
    all_agree(lambda: plan, {}, answers_of(case, lossless=False), None, case["messages"])


# A million polls are a million turns of one loop

POLLING: Case = {
    "id": "polling",
    "options": {"max_steps": 200_000, "poll_interval": 0},
    "workflow": {
        "steps": [
            {
                "stepId": "poll",
                "operationId": "listItems",
                "outputs": {"state": "$response.body#/state"},
                "onSuccess": [
                    {
                        "name": "again",
                        "type": "goto",
                        "stepId": "poll",
                        "criteria": [
                            {
                                "context": "$response.body",
                                "type": "jsonpath",
                                "condition": "$.state == 'pending' || $.state == 'initializing'",
                            }
                        ],
                    }
                ],
            }
        ],
        "outputs": {"state": "$steps.poll.outputs.state"},
    },
}


@pytest.mark.slow
def test_a_hundred_thousand_polls_need_no_more_memory_or_stack_than_a_thousand() -> None:
    total, early = 100_000, 1_000
    seen: dict[int, tuple[int, int, int]] = {}
    pending = Response(200, (("Content-Type", "application/json"),), b'{"state": "pending"}')
    running = Response(200, (("Content-Type", "application/json"),), b'{"state": "running"}')

    def answer(number: int, effect: Send, now: float) -> Answered:
        if number in (early, total):
            depth, frame = 0, sys._getframe()
            while frame.f_back is not None:
                depth, frame = depth + 1, frame.f_back
            seen[number] = (sys.getallocatedblocks(), depth, len(plan_state[0].to_json()))
        return Answered(running if number == total else pending, at=now)

    plan = plan_of(POLLING)
    plan_state: list[RunState] = []
    world = ListWorld(answer)
    turn = start(plan, {}, at=world.now())
    while turn.outcome is None:
        plan_state[:] = [turn.state]
        assert isinstance(turn.effect, Send)
        turn = advance(plan, turn.state, world.send(turn.effect))
    assert turn.outcome.outputs == {"state": "running"}
    assert turn.outcome.requests == total + 1
    assert seen[total][0] - seen[early][0] < 2_000, "objects are kept"
    assert seen[total][1] == seen[early][1], "the stack grows"
    assert seen[total][2] - seen[early][2] < 20, "the state grows"
