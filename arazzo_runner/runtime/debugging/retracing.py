"""Durable runs gone through again, from what their journal tells of them: nothing is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.effects import MASK, Send
from arazzo_runner.engine.events import AttemptFinished, Event
from arazzo_runner.engine.flow import Turn, advance, start
from arazzo_runner.engine.plan import Plan
from arazzo_runner.engine.state import Phase
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.debugging.debugger import Debugger
from arazzo_runner.runtime.debugging.sources import ToldSource
from arazzo_runner.runtime.durable.resuming import SecretsAgain
from arazzo_runner.runtime.durable.run import DurableRun
from arazzo_runner.runtime.durable.runs import DurableRuns, Planned, Row
from arazzo_runner.runtime.durable.setup import RunSetup
from arazzo_runner.runtime.run.session import Session
from arazzo_runner.runtime.run.workbook import Workbook


class ToldRun(Struct, frozen=True):
    """A durable run as its journal tells it.

    Attributes:
        inputs: all of them, the secret ones as they are given again.
        told: its events, masked.
    """

    id: str
    setup: RunSetup
    workbook: Workbook
    plan: Plan
    inputs: dict[str, Any]
    told: list[Event]

    def __repr__(self) -> str:
        # The inputs are as the user gives them (S1).
        return f"<told run {self.id}>"


def told_run(runs: DurableRuns, run_id: str, again: SecretsAgain) -> ToldRun:
    """Read a run.

    Raises:
        UsageError: a secret is missing.
        JournalError: the run does not exist, or its records cannot be read.
    """
    setup = runs.setup(run_id)
    workbook = runs.workbook(run_id, setup)
    plan = workbook.plan(setup.workflow_id, replace(setup.options, credentials=again.credentials(run_id, setup)))
    inputs = {**setup.inputs, **again.inputs(run_id, setup, plan)}
    return ToldRun(run_id, setup, workbook, plan, inputs, list(runs.told(run_id)))


def retraced(run: ToldRun) -> Debugger:
    """Return a debugger where the run stopped or ended.

    Raises:
        UsageError: the records do not lead where the run has been.
        InvalidInputs: the secrets that are given now break the workflow's schema.
    """
    session = Session(run.plan, run.inputs, identity=run.id)
    source = ToldSource(run.id, run.told)
    debugger = Debugger(run.plan, session.inputs, session.redactor, source, identity=run.id)
    try:
        while not debugger.has_ended and (debugger.request is None or source.has_more):
            debugger.step_once()
        events = [event for index in range(debugger.length) for event in debugger.kept_at(index).turn.events]
        if _way(events) != _way(run.told):
            raise _led_elsewhere(run.id)
    except BaseException:
        debugger.close()
        raise
    return debugger


def _led_elsewhere(run_id: str) -> UsageError:
    message = f"the records of the run {run_id} do not lead where it has been: an answer that is masked in them decided"
    return UsageError(message, hint=f"arazzo runs show {run_id} tells its events")


def _way(events: Iterable[Event]) -> list[tuple[str, str, int, str]]:
    """The attempts, as far as masked records tell them."""
    finished = (event.attempt for event in events if isinstance(event, AttemptFinished))
    return [(one.workflow_id, one.step_id, one.attempt, one.status) for one in finished]


def branched(runs: DurableRuns, run: ToldRun, number: int, *, now: float) -> DurableRun:
    """Start a new run from the state before an attempt of another one, whose answers so far it keeps.

    Times are moved, so that what was answered before ends now: the time that a run may take counts as it did.

    Args:
        number: of the attempt, from 1; it has a request.

    Raises:
        UsageError: there is no such attempt, or what led there is masked in the journal.
        InvalidInputs, JournalError: the run cannot be started.
    """
    plan = run.plan
    setup = replace(run.setup, branch_of=run.id, branch_at=number)
    retrace = _Retrace(run, number)
    offset = now - retrace.reached(plan, run.id, 0.0)[-1].state.now

    def turns(made: DurableRun) -> list[Turn]:
        return retrace.reached(plan, made.id, offset)

    return runs.branch(Planned(plan, run.workbook, setup), Row(run.inputs, dict(run.setup.asked)), turns)


class _Retrace:
    """The turns of a run up to an attempt."""

    def __init__(self, run: ToldRun, number: int) -> None:
        self._run = run
        self._number = number

    def reached(self, plan: Plan, identity: str, offset: float) -> list[Turn]:
        """The turns, with another identity, at other times."""
        turns = list(self._turns(plan, identity, offset))
        last = turns[-1]
        if not self._is_there(last, sum(len(_way(turn.events)) for turn in turns)):
            raise UsageError(
                f"the run {self._run.id} has no request in an attempt {self._number}",
                hint="choose an attempt that has sent a request",
            )
        if MASK in last.state.to_json():
            message = f"the run {self._run.id} holds answers that are secret, and its journal has them masked only"
            raise UsageError(message, hint="start a new run instead, or choose an earlier attempt")
        return turns

    def _turns(self, plan: Plan, identity: str, offset: float) -> Iterator[Turn]:
        source = ToldSource(self._run.id, self._run.told)
        session = Session(plan, self._run.inputs, identity=identity)
        began = source.now() + offset
        secret = session.redactor.secret_names
        turn = start(plan, self._run.inputs, at=began, secret=secret, identity=identity)
        finished: list[tuple[str, str, int, str]] = []
        told = _way(self._run.told)
        while True:
            yield turn
            finished += _way(turn.events)
            if finished != told[: len(finished)]:
                raise _led_elsewhere(self._run.id)
            if turn.effect is None or self._is_there(turn, len(finished)):
                return
            if isinstance(turn.effect, Send) and not source.has_more:
                return
            answer = source.perform(turn.effect)
            turn = advance(plan, turn.state, replace(answer, at=answer.at + offset))

    def _is_there(self, turn: Turn, finished: int) -> bool:
        asks = isinstance(turn.effect, Send) and turn.state.frames[-1].phase is not Phase.AUTHENTICATING
        return asks and finished == self._number - 1
