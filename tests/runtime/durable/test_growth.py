"""Growth, counted: what a step writes and does depends on the step, not on how much the run has behind it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from types import FrameType
from typing import Any

import pytest

from arazzo_runner.effects import Send
from arazzo_runner.engine.flow import advance, start
from arazzo_runner.runtime.durable.rows import Entry
from tests.support.durable_runs import Case, Place, answers
from tests.support.durable_runs import start as kept
from tests.support.own_cases import plan_of
from tests.support.worlds import ListWorld

LARGE = "x" * 2_000
"""An output that would show in every turn if it were written again."""


@pytest.fixture
def place(tmp_path: Any) -> Place:
    return Place(tmp_path)


def many_steps(count: int) -> Case:
    """A workflow of so many steps, each with an output."""
    steps = [
        {
            "stepId": f"step{number:04}",
            "operationId": "getItem",
            "parameters": [{"name": "id", "in": "path", "value": "x"}],
            "outputs": {"text": "$response.body#/text"},
        }
        for number in range(count)
    ]
    return {
        "id": "many",
        "inputs": {"text": LARGE},
        "workflow": {"steps": steps},
        "answers": [{"status": 200, "json": {"text": LARGE}}],
    }


def polls(by: str) -> Case:
    """A workflow that polls by ``goto`` or ``retry``, with an output each time."""
    again = {"name": "again", "type": by, **({"stepId": "poll"} if by == "goto" else {"retryLimit": 100_000})}
    actions = {"onSuccess": [again]} if by == "goto" else {"onFailure": [again], "successCriteria": [NEVER]}
    step = {
        "stepId": "poll",
        "operationId": "getItem",
        "parameters": [{"name": "id", "in": "path", "value": "x"}],
        "outputs": {"text": "$response.body#/text"},
        **actions,
    }
    return {
        "id": by,
        "inputs": {"text": LARGE},
        "workflow": {"steps": [step]},
        "answers": [{"status": 200, "json": {"text": LARGE}}],
        "options": {"poll_interval": 0, "max_steps": 300},
    }


NEVER = {"condition": "$statusCode == 500"}


def bytes_of_turns(place: Place, case: Case, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Run a case with the journal on; return how many bytes each turn has written."""
    written: list[int] = []
    with place.process() as runs:
        record = runs.journal.record

        def counting(holder: Any, *entries: Entry) -> list[bool]:
            for entry in entries:
                pieces = sum(len(body) for _, _, body in entry.parts)
                written.append(len(entry.told) + len(entry.state or b"") + pieces + 8 * len(entry.gone))
            return record(holder, *entries)

        monkeypatch.setattr(runs.journal, "record", counting)
        kept(runs, case).run(ListWorld(answers(case)))
    return written


@pytest.mark.parametrize("case", [many_steps(300), polls("goto"), polls("retry")], ids=["steps", "goto", "retry"])
def test_a_turn_writes_as_much_at_the_end_as_at_the_beginning(
    place: Place, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = bytes_of_turns(place, case, monkeypatch)
    assert len(written) >= 300
    early, late = sorted(written[10:60]), sorted(written[240:290])
    # Counters gain digits, and names compress a little better or worse.
    assert abs(late[25] - early[25]) <= 40
    assert late[-1] <= early[-1] + 100


def calls_of_steps(case: Case, at: Sequence[int]) -> list[Counter[str]]:
    """Return which functions were called how often in the turns with those numbers."""
    plan = plan_of(case)
    turn = start(plan, case["inputs"], at=0.0)
    assert isinstance(turn.effect, Send)
    answered = answers(case)(0, turn.effect, 0.0)
    found: list[Counter[str]] = []
    for number in range(max(at) + 1):
        calls: Counter[str] = Counter()

        def see(frame: FrameType, event: str, _: Any, calls: Counter[str] = calls) -> None:
            if event in ("call", "c_call"):
                calls[frame.f_code.co_qualname] += 1

        if number in at:
            sys.setprofile(see)
        try:
            turn = advance(plan, turn.state, answered)
        finally:
            sys.setprofile(None)
        if number in at:
            found.append(calls)
    return found


@pytest.mark.parametrize("case", [many_steps(700), polls("goto"), polls("retry")], ids=["steps", "goto", "retry"])
def test_a_turn_calls_as_many_functions_at_the_end_as_at_the_beginning(case: Case) -> None:
    case = {**case, "options": {**case.get("options", {}), "max_steps": 1_000}}
    early, late = calls_of_steps(case, [40, 640])
    assert early.total() > 100
    assert late.total() <= early.total() + 10
