"""Turns without a server: give the engine answers, look at what it asks for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from arazzo_runner.effects import Answered, Failed, Response, Send, Sleep, Woke
from arazzo_runner.engine import exchange
from arazzo_runner.engine.flow import advance, start
from arazzo_runner.engine.state import RunState
from arazzo_runner.errors import InvalidState
from tests.support.own_cases import plan_of

STEP: dict[str, Any] = {
    "stepId": "list",
    "operationId": "listItems",
    "successCriteria": [
        {"condition": "$statusCode == 200"},
        {"condition": "$response.body#/state == 'ready'"},
        {"context": "$response.body", "type": "jsonpath", "condition": "$.items[0]"},
    ],
    "onFailure": [{"name": "wait", "type": "retry", "retryAfter": 5, "retryLimit": 2}],
    "outputs": {"first": "$response.body#/items/0", "all": "$response.body"},
}


def case(**changes: Any) -> dict[str, Any]:
    workflow = {"steps": [STEP], "outputs": {"first": "$steps.list.outputs.first", "again": "$response.body#/items/0"}}
    return {"id": "turns", "workflow": workflow | changes}


def answer(data: Any, *, status: int = 200, at: float = 0.0) -> Answered:
    return Answered(Response(status, (("Content-Type", "application/json"),), json.dumps(data).encode()), at=at)


def test_a_run_asks_for_a_request_and_then_for_a_wait() -> None:
    plan = plan_of(case())
    turn = start(plan, {}, at=0.0)
    assert isinstance(turn.effect, Send)
    assert turn.effect.request.method == "GET"
    turn = advance(plan, turn.state, answer({"state": "pending"}))
    assert turn.effect == Sleep(5.0)
    turn = advance(plan, turn.state, Woke(5.0))
    turn = advance(plan, turn.state, answer({"state": "ready", "items": ["a"]}, at=6.0))
    assert turn.outcome is not None
    assert (turn.outcome.status, turn.outcome.outputs) == ("succeeded", {"first": "a", "again": "a"})
    assert turn.outcome.duration == 6.0


def test_a_body_is_decoded_once_a_turn_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[bytes] = []
    decode = exchange.decode_body

    def counted(body: bytes, content_type: str | None) -> tuple[Any, str | None]:
        decoded.append(body)
        return decode(body, content_type)

    monkeypatch.setattr(exchange, "decode_body", counted)
    plan = plan_of(case())
    turn = advance(plan, start(plan, {}, at=0.0).state, answer({"state": "failed", "message": "no"}, status=500))
    turn = advance(plan, advance(plan, turn.state, Woke(9.0)).state, answer({"state": "ready", "items": [1]}, at=9.0))
    assert turn.outcome is not None
    assert len(decoded) == 2


def test_a_failure_of_the_network_is_an_answer_too() -> None:
    plan = plan_of(case())
    turn = advance(plan, start(plan, {}, at=0.0).state, Failed("transport", "refused", at=0.0))
    assert isinstance(turn.effect, Sleep)


def test_an_answer_of_another_kind_is_refused() -> None:
    plan = plan_of(case())
    with pytest.raises(InvalidState, match="cannot take Woke"):
        advance(plan, start(plan, {}, at=0.0).state, Woke(1.0))


def test_a_state_is_text_and_goes_on_from_there() -> None:
    plan = plan_of(case())
    kept = start(plan, {}, at=0.0).state.to_json()
    turn = advance(plan, RunState.from_json(kept), answer({"state": "ready", "items": ["a"]}))
    assert turn.outcome is not None
    assert turn.outcome.outputs["first"] == "a"


def test_a_state_does_not_grow_with_its_turns() -> None:
    step = STEP | {"onFailure": [{"name": "again", "type": "goto", "stepId": "list"}]}
    plan = plan_of(case(steps=[step]) | {"options": {"poll_interval": 0}})
    turn, sizes = start(plan, {}, at=0.0), []
    for _ in range(50):
        turn = advance(plan, turn.state, answer({"state": "pending"}))
        sizes.append(len(turn.state.to_json()))
    assert max(sizes) - min(sizes) <= 4  # digits of counters
