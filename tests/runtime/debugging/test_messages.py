"""Runs over messages held still: what is sent, taken, gone back over and answered by hand (M4 to M14)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arazzo_runner.cli.driving.debug_console import DebugConsole
from arazzo_runner.effects import Answered, Failed, Received, Send
from arazzo_runner.engine.events import Event
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.cassettes.format import read_cassette
from arazzo_runner.runtime.cassettes.recording import Recorder, Recording
from arazzo_runner.runtime.cassettes.replay import Replay
from arazzo_runner.runtime.debugging.confirmation import ConfirmationNeeded
from arazzo_runner.runtime.debugging.debugger import Debugger
from arazzo_runner.runtime.debugging.sources import ReplaySource, WorldSource
from arazzo_runner.runtime.drivers import Loop, drive
from arazzo_runner.runtime.run.session import Session
from tests.properties.test_drivers import answers_of, cases, synchronously
from tests.support.broker import BrokerWorld
from tests.support.own_cases import plan_of

Case = dict[str, Any]
SEND = {"action": "send", "requestBody": {"payload": {"n": 1, "id": "a", "password": "s3cret-of-a-message"}}}
ORDER = {"name": "orderId", "in": "path", "value": "a"}
RECEIVE = {"action": "receive", "timeout": 5000, "outputs": {"n": "$message.payload#/n"}}
CASE: Case = {
    "id": "debugged",
    "workflow": {
        "steps": [
            {"stepId": "tell", "operationId": "takeStatus", "parameters": [ORDER], **SEND},
            {"stepId": "one", "operationId": "tellNews", **RECEIVE},
            {"stepId": "two", "operationId": "tellNews", **RECEIVE},
        ],
        "outputs": {"one": "$steps.one.outputs.n", "two": "$steps.two.outputs.n"},
    },
    "messages": [{"address": "news", "json": {"n": n}, "sends": 1} for n in (1, 2, 3)],
}


def no_request(number: int, effect: Send, now: float) -> Answered | Failed:
    raise AssertionError("nothing is asked over HTTP")


def held(case: Case = CASE, answer: Any = no_request) -> tuple[Debugger, BrokerWorld]:
    """A debugger at the beginning of a run, and the world with its broker."""
    session, world = Session(plan_of(case), case.get("inputs", {})), BrokerWorld(answer, case["messages"])
    return Debugger(session.plan, session.inputs, session.redactor, WorldSource(world)), world


def at(debugger: Debugger, where: str, step: str = "") -> Debugger:
    """Go on to a point."""
    if (debugger.point.where, debugger.point.step_id) != (where, step or debugger.point.step_id):
        debugger.proceed(lambda point: point.where == where and step in ("", point.step_id))
    assert debugger.point.where == where
    return debugger


def test_the_run_is_held_before_each_thing_that_it_asks_a_broker_for() -> None:
    debugger, world = held()
    seen = [debugger.point.where]
    while not debugger.has_ended:
        seen.append(debugger.step_once().where)
    judged = ["criteria", "action"]
    taken = ["answer", *judged]
    assert seen == ["subscribe", "send", *judged, "receive", *taken, "receive", *taken, "end"]
    assert len(world.broker.sent) == 1


def test_nothing_is_sent_for_going_back_and_sending_again_asks() -> None:
    debugger, world = held()
    at(debugger, "end")
    assert debugger.kept.turn.outcome is not None
    before = debugger.kept.turn.outcome.outputs
    assert debugger.back(100) == 4
    assert (debugger.point.where, len(world.broker.sent), len(world.broker.received)) == ("subscribe", 1, 2)
    with pytest.raises(ConfirmationNeeded, match=r"a message to .* was sent before") as refused:
        debugger.proceed()
    assert "--yes" in refused.value.hint
    assert (len(world.broker.subscribed), len(world.broker.sent)) == (1, 1)
    debugger.yes = True
    at(debugger, "end")
    assert len(world.broker.sent) == 2
    # What had been taken can be taken again: it is the same run, at an earlier time.
    assert debugger.kept.turn.outcome is not None
    assert (debugger.kept.turn.outcome.outputs, len(world.broker.received)) == (before, 2)


def test_a_message_that_was_taken_is_taken_again_after_going_back_behind_it() -> None:
    debugger, world = held()
    at(debugger, "receive", "two")
    debugger.back()
    at(debugger, "end")
    assert debugger.kept.turn.outcome is not None
    assert debugger.kept.turn.outcome.outputs == {"one": 1, "two": 2}
    assert len(world.broker.sent) == 1


def test_answers_by_hand() -> None:
    debugger, world = held()
    debugger.answer(b"")
    assert debugger.point.where == "send"
    debugger.answer(b"")
    at(debugger, "receive", "one")
    debugger.answer(b'{"n": 70}')
    at(debugger, "receive", "two")
    answer = debugger.kept_at(debugger.index).answer
    assert isinstance(answer, Received)
    assert answer.message.address == "news"
    debugger.answer(b'{"n": 80}')
    at(debugger, "end")
    assert debugger.kept.turn.outcome is not None
    assert debugger.kept.turn.outcome.outputs == {"one": 70, "two": 80}
    assert (world.broker.sent, world.broker.subscribed, world.broker.received) == ([], [], [])


def test_what_is_no_answer_to_a_message_is_refused() -> None:
    from arazzo_runner.effects import Response

    debugger, _ = held()
    at(debugger, "receive", "one")
    with pytest.raises(UsageError, match="a message is waited for here") as refused:
        debugger.answer(Response(200))
    assert "@message.json" in refused.value.hint


class Typed:
    is_script = True

    def __init__(self, *commands: str) -> None:
        self._commands: Iterator[str] = iter(commands)

    def read(self, prompt: str) -> str | None:
        return next(self._commands, None)

    def confirms(self, question: str) -> bool:
        return False


def test_the_console_says_where_it_is_and_shows_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "message.json"
    file.write_text('{"n": 9}', "utf-8")
    debugger, world = held()
    commands = [
        "step",
        "where",
        "print $message.payload",
        "step",
        "step",
        "step",
        "where",
        "step",
        "step",
        "step",
        "step",
    ]
    commands += [f"answer @{file}", "continue", "back 100", "step", "step"]
    status = DebugConsole(debugger, Typed(*commands)).run()
    told = capsys.readouterr().out
    assert "tell, before subscribing to news" in told
    assert "tell, before sending to " in told
    assert "one, waiting for a message at news" in told
    assert "  < news, within 5.0 s" in told
    assert '  < {"n": 1}' in told
    assert '"two": 9' in told
    assert "was sent before" in told
    assert "s3cret-of-a-message" not in told
    assert (status, len(world.broker.sent)) == (2, 1)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(case=cases(messages=True), moves=st.lists(st.integers(1, 9), max_size=6))
def test_back_and_forward_lead_to_the_same_states_and_events(case: Case, moves: list[int]) -> None:
    answer = answers_of(case, lossless=False)
    debugger, world = held(case, answer)
    while not debugger.has_ended:
        debugger.step_once()
    kept = [debugger.kept_at(index) for index in range(debugger.length)]
    broker = world.broker
    asked = (len(broker.sent), len(broker.received), len(broker.subscribed), broker.requests)
    for count in moves:
        assert debugger.forward(debugger.back(count)) <= count
    assert [debugger.kept_at(index) for index in range(debugger.length)] == kept
    assert (
        len(world.broker.sent),
        len(world.broker.received),
        len(world.broker.subscribed),
        world.broker.requests,
    ) == asked
    told: list[Event] = [event for one in kept for event in one.turn.events]
    assert told == synchronously(debugger.plan, {}, answer, case["messages"])
    debugger.close()


def test_a_cassette_is_gone_through_both_ways(tmp_path: Path) -> None:
    session, world = Session(plan_of(CASE), {}), BrokerWorld(no_request, CASE["messages"])
    loop = Loop(session.plan, lambda _: None)
    with Recorder(tmp_path / "cassette.yaml", session.redactor) as recorder:
        drive(loop, loop.begin({}, world.now()), Recording(world, recorder))
    cassette = read_cassette(tmp_path / "cassette.yaml")
    source = ReplaySource(lambda: Replay(cassette, session.redactor))
    debugger = Debugger(session.plan, {}, session.redactor, source)
    at(debugger, "end")
    outcome = debugger.kept.turn.outcome
    assert outcome is not None
    assert outcome.outputs == {"one": 1, "two": 2}
    for count in (1, 2, 4):
        debugger.back(count)
        at(debugger, "end")
        again = debugger.kept.turn.outcome
        assert again is not None
        assert again.outputs == json.loads(json.dumps(outcome.outputs))
