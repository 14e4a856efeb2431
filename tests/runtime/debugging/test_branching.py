"""New runs from the middle of earlier ones: their answers so far are kept, and the rest is really sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from arazzo_runner.engine.events import AttemptFinished, Event
from arazzo_runner.errors import ArazzoError, UsageError
from arazzo_runner.openapi.auth.credentials import Credentials
from arazzo_runner.runtime.debugging.retracing import branched, retraced, told_run
from arazzo_runner.runtime.durable.runs import DurableRuns
from arazzo_runner.runtime.durable.setup import RunSetup
from tests.support.durable_runs import Case, Place, after, answers, credentials, start, taken_up
from tests.support.own_cases import own_cases
from tests.support.worlds import ListWorld


class Again:
    """The secrets of a case's run, given again."""

    def __init__(self, case: Case) -> None:
        self._case = case

    def inputs(self, _: str, setup: RunSetup, __: Any) -> dict[str, Any]:
        return {name: self._case["inputs"][name] for name in setup.asked}

    def credentials(self, _: str, __: RunSetup) -> Credentials:
        return credentials(self._case.get("options", {}).get("credentials", {}))


def way(events: list[Event]) -> list[tuple[str, str, int, str]]:
    """The attempts of a run."""
    done = [event.attempt for event in events if isinstance(event, AttemptFinished)]
    return [(one.workflow_id, one.step_id, one.attempt, one.status) for one in done]


def requests_before(events: list[Event], number: int) -> int:
    """How many requests a run had sent when an attempt began, those for tokens included."""
    sent = finished = 0
    for event in events:
        kind = type(event).__name__
        if kind == "AttemptFinished":
            finished += 1
        if kind == "AttemptStarted" and finished == number - 1:
            return sent
        sent += kind in ("AttemptStarted", "Authenticated")
    raise AssertionError(number)


def ran(runs: DurableRuns, case: Case) -> tuple[str, list[Event]]:
    run = start(runs, case)
    run.run(ListWorld(answers(case)))
    return run.id, list(runs.told(run.id))


@pytest.mark.parametrize("case", own_cases())
def test_a_branch_from_any_attempt_ends_as_the_run_did(case: Case, tmp_path: Path) -> None:
    place = Place(tmp_path)
    with place.process() as runs:
        try:
            run_id, told = ran(runs, case)
        except ArazzoError:
            pytest.skip("it does not begin")
        done = [event.attempt for event in told if isinstance(event, AttemptFinished)]
        numbers = [number for number, attempt in enumerate(done, 1) if attempt.request is not None]
        for number in numbers[:6]:
            told_of = told_run(runs, run_id, Again(case))
            try:
                branch = branched(runs, told_of, number, now=5000.0)
            except UsageError as error:
                assert "masked" in error.message
                continue
            # What is stored is enough: another process drives it.
            assert len(way(list(runs.told(branch.id)))) == number - 1
            before = requests_before(told, number)
            world = ListWorld(after(case, before))
            world._now = 5000.0
            result = branch.run(world)
            kept = list(runs.told(branch.id))
            assert way(kept) == way(told), number
            assert world.sent == _requests(told) - before
            assert result.outcome.status == runs.journal.run(run_id).status
            assert runs.setup(branch.id).branch_of == run_id
            assert runs.setup(branch.id).branch_at == number


def _requests(told: list[Event]) -> int:
    return sum(type(event).__name__ in ("AttemptStarted", "Authenticated") for event in told)


@pytest.mark.parametrize("case", own_cases())
def test_every_run_that_has_ended_can_be_gone_through_again(case: Case, tmp_path: Path) -> None:
    with Place(tmp_path).process() as runs:
        try:
            run_id, told = ran(runs, case)
        except ArazzoError:
            pytest.skip("it does not begin")
        try:
            debugger = retraced(told_run(runs, run_id, Again(case)))
        except UsageError as error:
            assert "masked" in error.message
            return
        events = [event for index in range(debugger.length) for event in debugger.kept_at(index).turn.events]
        assert way(events) == way(told)
        debugger.close()


def test_an_attempt_that_there_is_not_is_an_error(tmp_path: Path) -> None:
    case = own_cases()[0].values[0]
    with Place(tmp_path).process() as runs:
        run_id, told = ran(runs, case)
        count = len(way(told))
        for number in (0, count + 1, count + 100):
            with pytest.raises(UsageError, match="has no request in an attempt"):
                branched(runs, told_run(runs, run_id, Again(case)), number, now=5000.0)
        assert len(runs.journal.runs()) == 1


def test_a_branch_that_was_killed_before_it_sent_anything_is_resumed_there(tmp_path: Path) -> None:
    case = next(one.values[0] for one in own_cases() if one.values[0]["id"] == "F1-next-and-end")
    place = Place(tmp_path)
    with place.process() as runs:
        run_id, told = ran(runs, case)
        assert len(way(told)) > 1
        branch = branched(runs, told_run(runs, run_id, Again(case)), 2, now=5000.0)
    with place.process() as runs:
        again = taken_up(runs, branch.id, case)
        world = ListWorld(after(case, requests_before(told, 2)))
        again.run(world)
        assert way(list(runs.told(branch.id))) == way(told)
        assert world.sent == _requests(told) - requests_before(told, 2)
