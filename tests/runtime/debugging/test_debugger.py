"""The driver of all debuggers: stops, back and forth, changes, and what is never sent."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from arazzo_runner.effects import Response
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.debugging.confirmation import ConfirmationNeeded
from arazzo_runner.runtime.debugging.debugger import Debugger
from arazzo_runner.runtime.debugging.stops import read_stop
from arazzo_runner.runtime.debugging.tape import Kept
from tests.support.debugging import held
from tests.support.runs import SECRET, polling


def turns(debugger: Debugger) -> list[Kept]:
    return [debugger.kept_at(index) for index in range(debugger.length)]


def stop_at(debugger: Debugger, text: str) -> None:
    steps = {step.step_id for workflow in debugger.plan.workflows.values() for step in workflow.steps}
    debugger.stops[len(debugger.stops) + 1] = read_stop(text, steps)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.lists(st.integers(1, 9), max_size=8), st.sampled_from([1, 2, 256]))
def test_back_and_forth_gives_the_same_turns_and_sends_nothing(polls: int, moves: list[int], room: int) -> None:
    debugger, world = held(polling(polls), room=room)
    debugger.proceed()
    before, sent, now = turns(debugger), world.sent, world.now()
    scope = debugger.scope
    for count in moves:
        there = debugger.back(count)
        assert debugger.forward(there) == there
        assert debugger.has_ended
        for _ in range(there):
            debugger.back()
            _ = debugger.explanation, debugger.scope
        assert debugger.forward(there) == there
    assert turns(debugger) == before
    assert debugger.scope.outputs == scope.outputs
    assert (world.sent, world.now()) == (sent, now)
    debugger.close()


def test_a_run_that_is_held_at_every_point_has_the_events_of_one_that_is_not() -> None:
    stepped, _ = held(polling(3))
    while not stepped.has_ended:
        stepped.step_once()
    run, _ = held(polling(3))
    run.proceed()
    assert turns(stepped) == turns(run)
    outcome = run.kept.turn.outcome
    assert outcome is not None
    assert outcome.status == "succeeded"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("poll", ("request", "poll", 1)),
        ("poll:request", ("request", "poll", 1)),
        ("poll:answer", ("answer", "poll", 1)),
        ("poll:criteria", ("criteria", "poll", 1)),
        ("poll:action", ("action", "poll", 1)),
        (":failed", ("criteria", "create", 1)),
        ("if $statusCode >= 400", ("answer", "create", 1)),
        ("poll:answer if $response.body#/state == 'running'", ("answer", "poll", 1)),
        ("cleanUp", ("call", "cleanUp", 1)),
        ("poll:unmatched", ("action", "poll", 1)),
        ("delete", ("request", "delete", 1)),
    ],
)
def test_a_run_stops_where_it_is_told_to(text: str, where: tuple[str, str, int]) -> None:
    debugger, _ = held(polling(3))
    stop_at(debugger, text)
    stop = debugger.proceed()
    assert stop is not None
    assert (debugger.point.where, debugger.point.step_id, debugger.point.number) == where
    if "running" in text:
        assert debugger.scope.status_code == 200
        body = debugger.scope.response
        assert body is not None
        assert body.body["state"] == "running"


def test_a_stop_before_a_request_comes_before_it_is_sent() -> None:
    debugger, world = held(polling(1))
    stop_at(debugger, "poll")
    debugger.proceed()
    sent = world.sent
    assert debugger.request is not None
    assert debugger.request.url.endswith("/items/a%20b")
    debugger.step_once()
    assert world.sent == sent + 1


@pytest.mark.parametrize("text", ["", "pol", "poll:answr", "poll if", "poll if $statusCode =", "poll poll"])
def test_a_stop_that_cannot_be_is_refused(text: str) -> None:
    debugger, _ = held(polling(1))
    with pytest.raises(Exception, match=r".") as caught:
        stop_at(debugger, text)
    assert type(caught.value).__name__ in ("UsageError", "ExpressionSyntaxError")


def test_what_changes_something_is_asked_about_before_it_is_performed_again() -> None:
    debugger, world = held(polling(1))
    stop_at(debugger, "poll")
    debugger.proceed()
    debugger.back(9)
    sent = world.sent
    with pytest.raises(ConfirmationNeeded, match="was sent before"):
        debugger.step_once()
    assert world.sent == sent
    debugger.yes = True
    debugger.step_once()
    assert world.sent == sent + 1


def test_a_request_is_built_anew_from_an_input_that_was_set() -> None:
    debugger, world = held(polling(1))
    debugger.set_input("name", "bert")
    assert debugger.request is not None
    assert json.loads(debugger.request.body or b"") == {"name": "bert"}
    assert (debugger.kept.turn.state.attempts, debugger.kept.turn.state.requests, world.sent) == (1, 1, 0)
    debugger.proceed()
    outcome = debugger.kept.turn.outcome
    assert outcome is not None
    assert outcome.inputs["name"] == "bert"


def test_an_input_that_breaks_the_schema_is_refused() -> None:
    debugger, _ = held(polling(1))
    with pytest.raises(UsageError, match="name"):
        debugger.set_input("name", 5)


def test_an_output_that_was_set_is_what_the_next_request_uses() -> None:
    debugger, _ = held(polling(1))
    stop_at(debugger, "poll")
    debugger.proceed()
    debugger.set_output("create", "id", "other")
    assert debugger.request is not None
    assert debugger.request.url.endswith("/items/other")
    with pytest.raises(UsageError, match="no outputs"):
        debugger.set_output("poll", "state", "x")


def test_a_value_that_is_set_behind_an_answer_is_judged_with_the_same_answer() -> None:
    case = polling(1)
    case["workflow"]["steps"][1]["successCriteria"].append({"condition": "$inputs.name == 'gpt2'"})
    debugger, world = held(case)
    stop_at(debugger, "poll:criteria")
    debugger.proceed()
    sent = world.sent
    debugger.set_input("name", "bert")
    assert (debugger.point.where, debugger.point.step_id, world.sent) == ("criteria", "poll", sent)
    assert debugger.point.attempt is not None
    assert debugger.point.attempt.status == "failed"


def test_an_answer_by_hand_sends_nothing() -> None:
    debugger, world = held(polling(1))
    debugger.answer(Response(201, (("Content-Type", "application/json"),), b'{"id": "mine"}'))
    stop_at(debugger, "poll")
    debugger.proceed()
    assert world.sent == 0
    assert debugger.request is not None
    assert debugger.request.url.endswith("/items/mine")


def test_another_request_is_sent_in_its_place() -> None:
    debugger, _ = held(polling(1))
    assert debugger.request is not None
    debugger.change_request(replace(debugger.request, url="https://elsewhere.example/x"))
    debugger.step_once()
    attempt = debugger.point.attempt
    assert attempt is not None
    assert attempt.request is not None
    assert attempt.request.url == "https://elsewhere.example/x"


def test_an_explanation_tells_every_criterion_of_every_action() -> None:
    debugger, _ = held(polling(2))
    stop_at(debugger, "poll:action")
    debugger.proceed()
    first = debugger.explanation
    assert first is not None
    assert [(one.name, one.fate) for one in first.actions] == [("stillPending", "taken")]
    (seen,) = first.actions[0].criteria
    assert seen.passed
    assert [(one.text, one.value) for one in seen.operands] == [("$response.body#/state", "pending")]
    debugger.proceed()
    second = debugger.explanation
    assert second is not None
    assert second.unmatched
    assert second.actions[0].fate == "refused"
    assert second.actions[0].criteria[0].operands[0].value == "running"


def test_an_action_that_was_not_tried_says_why() -> None:
    case = polling(1)
    case["answers"] = [{"status": 503}]
    case["workflow"]["steps"][0]["onFailure"] = [
        {"name": "again", "type": "retry", "retryLimit": 1},
        {"name": "give up", "type": "end", "criteria": [{"condition": "$statusCode == 503"}]},
        {"name": "never", "type": "end"},
    ]
    debugger, _ = held(case)
    stop_at(debugger, "create:action")
    debugger.proceed()
    debugger.proceed()
    explanation = debugger.explanation
    assert explanation is not None
    assert [(one.name, one.fate, one.why) for one in explanation.actions] == [
        ("again", "not tried", "its limit of 1 is used up"),
        ("give up", "taken", ""),
        ("never", "not tried", "'give up' came first and was taken"),
    ]


def test_turns_on_the_disk_hold_no_secret() -> None:
    debugger, _ = held(polling(12), room=1)
    debugger.proceed()
    file = debugger._tape._file
    assert file is not None
    file.seek(0)
    content = file.read()
    assert len(content) > 1000
    assert SECRET.encode() not in content
    assert SECRET in debugger.kept_at(0).turn.state.to_json()
    debugger.close()
