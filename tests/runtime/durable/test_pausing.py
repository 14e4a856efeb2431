"""A run that is held before its next effect: nothing is sent, and its journal knows that nothing was."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arazzo_runner.runtime.durable.pausing import Brake
from arazzo_runner.runtime.durable.resuming import open_decision
from arazzo_runner.runtime.durable.run import DurableRun
from tests.support.durable_runs import Case, Place, answers, start, taken_up
from tests.support.web_servers import until
from tests.support.worlds import ListWorld

CASE: Case = {
    "id": "held",
    "workflow": {
        "steps": [
            {"stepId": "make", "operationId": "createItem", "requestBody": {"payload": {"a": 1}}},
            {"stepId": "look", "operationId": "createItem", "requestBody": {"payload": {"a": 1}}},
        ]
    },
    "answers": [{"status": 200}, {"status": 200}],
}


@contextmanager
def driven(run: DurableRun, world: ListWorld) -> Iterator[threading.Thread]:
    """Drive a run in a thread, held before its first effect."""
    run.brake.pause()
    thread = threading.Thread(target=run.run, args=(world,), daemon=True)
    thread.start()
    until(lambda: run.brake.holds)
    yield thread
    run.brake.go_on()
    thread.join(60)
    assert not thread.is_alive()


def test_a_held_run_sends_nothing_until_it_is_let_go(tmp_path: Path) -> None:
    with Place(tmp_path).process() as runs:
        run, world = start(runs, CASE), ListWorld(answers(CASE))
        with driven(run, world):
            assert world.sent == 0
            assert runs.journal.run(run.id).held
        assert world.sent == 2
        assert runs.journal.run(run.id).status == "succeeded"


def test_a_step_performs_one_effect(tmp_path: Path) -> None:
    with Place(tmp_path).process() as runs:
        run, world = start(runs, CASE), ListWorld(answers(CASE))
        with driven(run, world) as thread:
            run.brake.step()
            until(lambda: world.sent == 1 and run.brake.holds)
            run.brake.step()
            thread.join(60)
            assert world.sent == 2


def test_the_journal_knows_that_a_held_request_was_not_sent(tmp_path: Path) -> None:
    with Place(tmp_path).process() as runs:
        run, world = start(runs, CASE), ListWorld(answers(CASE))
        with driven(run, world):
            until(lambda: runs.journal.run(run.id).unsent)
            run.brake.step()
            until(lambda: world.sent == 1 and run.brake.holds)
            until(lambda: runs.journal.run(run.id).unsent)
        assert not runs.journal.run(run.id).unsent


def test_a_process_killed_while_it_holds_a_run_leaves_nothing_to_decide(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with place.process() as runs:
        run = start(runs, CASE)
        run.brake.pause()
        # What the driver's thread does when it is held, and then never again.
        run._watch.sent = True
        state = run.session.first(run.session._loop, 1000.0)
        assert state.effect is not None
        run._held(True)
        assert runs.journal.run(run.id).unsent
    with place.process() as runs:
        assert open_decision(runs, run.id) is None
        again = taken_up(runs, run.id, CASE)
        world = ListWorld(answers(CASE))
        again.run(world)
        assert world.sent == 2


def test_a_request_that_may_have_been_sent_needs_a_decision(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with place.process() as runs:
        run = start(runs, CASE)
        run.session.first(run.session._loop, 1000.0)
    with place.process() as runs:
        found = open_decision(runs, run.id)
        assert found is not None
        assert found.outputs == ()


def test_a_held_run_can_be_cancelled(tmp_path: Path) -> None:
    with Place(tmp_path).process() as runs:
        run, world = start(runs, CASE), ListWorld(answers(CASE))
        with driven(run, world) as thread:
            runs.journal.cancel(run.id)
            thread.join(60)
        assert world.sent == 0
        assert runs.journal.run(run.id).status == "cancelled"


def test_a_held_run_stops_with_its_process_as_one_that_sent_nothing(tmp_path: Path) -> None:
    with Place(tmp_path).process() as runs:
        run, world = start(runs, CASE), ListWorld(answers(CASE))
        with driven(run, world) as thread:
            runs.interruption.asked = True
            thread.join(60)
        assert world.sent == 0
        row = runs.journal.run(run.id)
        assert row.reason == "interrupted"
        assert row.unsent


def test_a_brake_that_is_not_pulled_is_not_felt() -> None:
    brake = Brake()

    def never(*_: object) -> None:
        raise AssertionError

    brake.pass_by(never, never)
    brake.step()
    brake.pass_by(never, never)
    assert not brake.holds
