"""Durable runs gone through again, from what their journal tells of them: nothing is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.effects import MASK, Publish, Receive, Send, Sleep
from arazzo_runner.engine.events import AttemptFinished, Event
from arazzo_runner.engine.flow import Turn, advance, start
from arazzo_runner.engine.plan import Plan
from arazzo_runner.engine.state import Phase
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.debugging.debugger import Debugger
from arazzo_runner.runtime.debugging.points import ASKING, points_of
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


class Retracing:
    """Goes through a run again, as far as somebody wants to look.

    Attributes:
        debugger: with the turns so far.
        places: of each attempt so far, in the order in which they end: its turn, and the point at which its action
            has been chosen.

    Raises:
        InvalidInputs: the secrets that are given now break the workflow's schema.
    """

    def __init__(self, run: ToldRun) -> None:
        session = Session(run.plan, run.inputs, identity=run.id)
        self._source = ToldSource(run.id, run.told)
        self._run_id = run.id
        self._told = _way(run.told)
        self.places: list[tuple[int, int]] = []
        self.debugger = Debugger(run.plan, session.inputs, session.redactor, self._source, identity=run.id)
        self._take()

    def reach(self, number: int) -> bool:
        """Go on until an attempt has ended; return whether there is one of that number.

        Raises:
            UsageError: the records do not lead where the run has been.
        """
        while len(self.places) < number and self._go_on():
            pass
        return 1 <= number <= len(self.places)

    def to_the_end(self) -> Debugger:
        """Go on to where the run stopped or ended, and return the debugger there.

        Raises:
            UsageError: the records do not lead where the run has been.
        """
        while self._go_on():
            pass
        if len(self.places) != len(self._told):
            raise _led_elsewhere(self._run_id)
        return self.debugger

    def _go_on(self) -> bool:
        debugger = self.debugger
        last = debugger.length - 1
        debugger.go_to(last, len(points_of(debugger.plan, debugger.kept_at(last).turn)) - 1)
        if debugger.has_ended or (debugger.point.where in ASKING and not self._source.has_more):
            return False
        debugger.step_once()
        self._take()
        return True

    def _take(self) -> None:
        """Note the attempts of the last turn, which have to be those that the run has made."""
        index = self.debugger.length - 1
        turn = self.debugger.kept_at(index).turn
        made = _way(turn.events)
        if made != self._told[len(self.places) : len(self.places) + len(made)]:
            raise _led_elsewhere(self._run_id)
        if made:
            points = enumerate(points_of(self.debugger.plan, turn))
            self.places += [(index, place) for place, point in points if point.where == "action"]


def retraced(run: ToldRun) -> Debugger:
    """Return a debugger where the run stopped or ended.

    Raises:
        UsageError: the records do not lead where the run has been.
        InvalidInputs: the secrets that are given now break the workflow's schema.
    """
    retracing = Retracing(run)
    try:
        return retracing.to_the_end()
    except BaseException:
        retracing.debugger.close()
        raise


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
        if len(last.state.subscriptions):
            message = f"the run {self._run.id} has listened for messages before that attempt, and nobody listens now"
            raise UsageError(message, hint="start a new run instead, or choose an earlier attempt")
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
            if not isinstance(turn.effect, Sleep) and not source.has_more:
                return
            answer = source.perform(turn.effect)
            turn = advance(plan, turn.state, replace(answer, at=answer.at + offset))

    def _is_there(self, turn: Turn, finished: int) -> bool:
        is_sent = isinstance(turn.effect, Send | Publish | Receive)
        asks = is_sent and turn.state.frames[-1].phase is not Phase.AUTHENTICATING
        return asks and finished == self._number - 1
