"""Changed states: an input or an output that the user sets, and what differs between two states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.documents.near_names import did_you_mean
from arazzo_runner.engine.plan import Plan
from arazzo_runner.engine.state import RunState
from arazzo_runner.errors import UsageError
from arazzo_runner.expressions.undefined import UNDEFINED


class ValueChange(Struct, frozen=True):
    """A value that differs between two states.

    Attributes:
        name: an expression, or words.
        before, after: UNDEFINED where there was none.
    """

    name: str
    before: Any
    after: Any


def with_input(state: RunState, name: str, value: Any) -> RunState:
    """A state with another value of an input of the workflow at hand."""
    frame = replace(state.frames[-1], inputs={**state.frames[-1].inputs, name: value})
    inputs = state.inputs if len(state.frames) > 1 else {**state.inputs, name: value}
    return replace(state, inputs=inputs, frames=(*state.frames[:-1], frame))


def with_output(state: RunState, step: str, name: str, value: Any) -> RunState:
    """A state with another value of an output of a step.

    Raises:
        UsageError: the step has no outputs in the workflow at hand.
    """
    frame = state.frames[-1]
    if step not in frame.steps:
        hint = did_you_mean(step, sorted(frame.steps), "steps that have succeeded")
        raise UsageError(f"the step {step!r} has no outputs here", hint=hint)
    frame = replace(frame, steps=frame.steps.having(step, {**frame.steps[step], name: value}))
    return replace(state, frames=(*state.frames[:-1], frame))


def differences(plan: Plan, before: RunState, after: RunState) -> Iterator[ValueChange]:
    """Yield what a turn has changed: the place, inputs, outputs of steps, finished workflows, and counts."""
    names = (_values(plan, before), _values(plan, after))
    for name in dict.fromkeys([*names[0], *names[1]]):
        one, other = names[0].get(name, UNDEFINED), names[1].get(name, UNDEFINED)
        if one is not other and (one is UNDEFINED or other is UNDEFINED or one != other):
            yield ValueChange(name, one, other)


def _values(plan: Plan, state: RunState) -> dict[str, Any]:
    values: dict[str, Any] = {"attempts": state.attempts, "requests": state.requests, "tokens": len(state.tokens)}
    for depth, frame in enumerate(state.frames):
        workflow = plan.workflows[frame.workflow]
        owner = "" if depth == 0 else f"{workflow.workflow_id}: "
        steps = workflow.steps
        values[f"{owner}step"] = steps[frame.position].step_id if frame.position < len(steps) else "(end)"
        values[f"{owner}attempt"] = frame.attempt
        values[f"{owner}phase"] = frame.phase.value
        values |= {f"{owner}$inputs.{name}": value for name, value in frame.inputs.items()}
        values |= {
            f"{owner}$steps.{step}.outputs.{name}": value
            for step, outputs in frame.steps.items()
            for name, value in outputs.items()
        }
        values |= {
            f"{owner}$workflows.{name}.outputs.{output}": value
            for name, done in frame.workflows.items()
            for output, value in _items(done.outputs)
        }
    return values


def _items(outputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from outputs.items()
