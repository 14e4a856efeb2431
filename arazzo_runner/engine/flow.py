"""``start``, ``advance`` and ``abandon``: the functions that move a run. A run is a value, and they are pure.

A state never grows with the number of its turns.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.effects import Answer, Effect
from arazzo_runner.engine.events import Event, Outcome, RunStarted
from arazzo_runner.engine.inputs import check_inputs, how_to_give, with_defaults
from arazzo_runner.engine.judgement import JudgedAttempt
from arazzo_runner.engine.plan import Plan
from arazzo_runner.engine.run import Run
from arazzo_runner.engine.state import Frame, Phase, Purpose, RunState
from arazzo_runner.errors import InvalidInputs, InvalidState


class Turn(Struct, frozen=True):
    """The result of one move of a run.

    Attributes:
        state: the run as it is now.
        events: what happened, in order.
        effect: what the run needs next, or None when it has ended.
        outcome: how it ended, or None.
    """

    state: RunState
    events: tuple[Event, ...]
    effect: Effect | None
    outcome: Outcome | None


def start(
    plan: Plan, inputs: Mapping[str, Any], *, at: float, secret: Collection[str] = (), identity: str = ""
) -> Turn:
    """Begin a run.

    Args:
        inputs: as the user gave them; defaults are filled in here.
        at: the driver's time, seconds since the epoch.
        secret: names of inputs whose values no error may show (S1).
        identity: unique to the run; idempotency keys are derived from it, and none are sent when it is empty.

    Raises:
        InvalidInputs: they break the workflow's schema (V8).
    """
    workflow = plan.workflow
    values = with_defaults(workflow.input_schema, dict(inputs))
    errors = check_inputs(workflow.input_schema, values, secret=secret, names=plan.options.secret_names)
    if errors:
        hint = how_to_give(workflow.input_schema, values, secret=secret)
        raise InvalidInputs(f"the inputs of {workflow.workflow_id!r} are wrong", errors, hint=hint)
    frame = Frame(plan.entry, workflow.workflow_id, Purpose.RUN, values, started_at=at)
    run = Run(plan, RunState(plan.fingerprint, values, (frame,), at, at, identity=identity))
    run.stack.tell(RunStarted(workflow.workflow_id, values, at))
    run.missing.refuse_beforehand()
    return _turn(run)


def advance(plan: Plan, state: RunState, answer: Answer) -> Turn:
    """Take a run one turn further.

    Args:
        answer: to the effect of the turn that gave ``state``.

    Raises:
        InvalidState: the state belongs to another plan, has ended, or waits for another kind of answer.
    """
    return _turn(_taken(plan, state, answer))


def observed(plan: Plan, state: RunState, answer: Answer) -> tuple[Turn, tuple[JudgedAttempt, ...]]:
    """``advance``, with what the judgement of each attempt was made of, in order.

    Raises:
        InvalidState: see ``advance``.
    """
    run = _taken(plan, state, answer)
    turn = _turn(run)
    return turn, tuple(run.stack.judged)


def rebuilt(plan: Plan, state: RunState) -> Turn:
    """The turn of a state whose values were changed: the request at hand is built anew, and nothing is judged again.

    Raises:
        InvalidState: no request is at hand: the run has ended, or waits for a further attempt (F4).
    """
    if not state.frames or state.frames[-1].phase is Phase.RETRYING:
        raise InvalidState("no request is at hand")
    run = Run(plan, state)
    run.rebuild()
    return _turn(run)


def abandon(plan: Plan, state: RunState, code: str, message: str, *, at: float, hint: str = "") -> Turn:
    """End a run from outside, its outputs and report intact: an interruption, a cancellation.

    Args:
        code: the run's reason.
    """
    run = Run(plan, replace(state, now=max(state.now, at)))
    run.stack.stop(code, message, hint=hint)
    return _turn(run)


def _taken(plan: Plan, state: RunState, answer: Answer) -> Run:
    """The run with an answer taken, before it moves on."""
    if state.plan != plan.fingerprint:
        raise InvalidState("the run was started with other documents or options")
    if not state.frames:
        raise InvalidState("the run has ended")
    run = Run(plan, replace(state, now=max(state.now, answer.at)))
    run.take(answer)
    return run


def _turn(run: Run) -> Turn:
    run.move()
    stack = run.stack
    return Turn(stack.frozen(), tuple(stack.events), stack.effect, stack.outcome)
