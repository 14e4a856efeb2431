"""Parts of a state: what is taken apart, piece by piece over a run, is the same state when it is put together."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from arazzo_runner.engine.flow import advance, start
from arazzo_runner.engine.serialization import DATA
from arazzo_runner.engine.state import RunState
from arazzo_runner.errors import InvalidState
from arazzo_runner.runtime.drivers import effect_of, perform
from arazzo_runner.runtime.durable.parts import SplitState, StateParts, in_order
from tests.support.broker import BrokerWorld
from tests.support.own_cases import answer_to, own_cases, plan_of

Rows = dict[tuple[int, int], bytes]
RUN = [case for case in own_cases(messages=True) if not case.values[0]["expect"].keys() & {"refused", "invalid"}]


def written(rows: Rows, split: SplitState) -> Any:
    """Write what a journal writes; return the state's own data as it comes back from there."""
    for part, place in [key for key in rows if key[0] in split.gone]:
        del rows[part, place]
    for piece in split.added:
        assert (piece.part, piece.place) not in rows
        rows[piece.part, piece.place] = DATA.encode(piece.data).encode()
    return DATA.decode(DATA.encode(split.data))


def joined(parts: StateParts, data: Any, rows: Rows) -> RunState:
    pieces = in_order(((*key, rows[key]) for key in sorted(rows)), lambda _, __, body: DATA.decode(body))
    return parts.join(data, pieces)


@pytest.mark.parametrize("case", RUN)
@pytest.mark.parametrize("resumed_every", [0, 1, 3])
def test_a_state_is_the_same_after_every_turn(case: dict[str, Any], resumed_every: int) -> None:
    """Whether one process writes all turns, or another one takes over every few turns."""
    plan = plan_of(case)
    turn = start(plan, case.get("inputs", {}), at=1000.0)
    world = BrokerWorld(lambda number, _, now: cast(Any, answer_to(case, number, now)), case.get("messages", ()))
    parts, rows, number = StateParts(), Rows(), 0
    while turn.outcome is None and number < 60:
        data = written(rows, parts.split(turn.state))
        other = StateParts()
        state = joined(other, data, rows)
        assert json.loads(state.to_json()) == json.loads(turn.state.to_json())
        if resumed_every and number % resumed_every == 0:
            parts = other
        else:
            state = turn.state
        turn = advance(plan, state, perform(effect_of(turn), world))
        number += 1


@pytest.fixture
def left() -> tuple[Any, Rows]:
    """A state of a run with an input and two steps behind it, as it is written."""
    step = {"operationId": "getItem", "parameters": [{"name": "id", "in": "path", "value": "x"}]}
    outputs = {"outputs": {"id": "$response.body#/id"}}
    steps = [{**step, **outputs, "stepId": name} for name in ("one", "two", "three")]
    plan = plan_of({"id": "left", "workflow": {"steps": steps}})
    parts, rows = StateParts(), Rows()
    turn = start(plan, {"name": "ann"}, at=0.0)
    data = written(rows, parts.split(turn.state))
    for _ in range(2):
        turn = advance(plan, turn.state, answer_to({"answers": [{"status": 200, "json": {"id": "a"}}]}, 0, 1.0))
        data = written(rows, parts.split(turn.state))
    return data, rows


def test_a_missing_piece_is_an_error(left: tuple[Any, Rows]) -> None:
    data, rows = left
    assert joined(StateParts(), data, rows).frames[0].steps["two"] == {"id": "a"}
    for key in list(rows):
        others = {other: body for other, body in rows.items() if other != key}
        with pytest.raises(InvalidState, match="piece"):
            joined(StateParts(), data, others)


def test_a_part_that_the_state_has_no_more_goes() -> None:
    step = {"stepId": "call", "workflowId": "child"}
    child = {
        "inputs": {"type": "object", "properties": {"text": {"type": "string"}}},
        "steps": [{"stepId": "in", "operationId": "listItems"}],
    }
    given = {**step, "parameters": [{"name": "text", "value": "$inputs.text"}]}
    after = {"stepId": "after", "operationId": "listItems"}
    plan = plan_of({"id": "goes", "workflow": {"steps": [given, after]}, "more": {"child": child}})
    parts, rows = StateParts(), Rows()
    turn = start(plan, {"text": "long"}, at=0.0)
    written(rows, parts.split(turn.state))
    inside = {part for part, _ in rows}
    turn = advance(plan, turn.state, answer_to({}, 0, 1.0))
    split = parts.split(turn.state)
    assert split.gone
    assert set(split.gone) < inside
