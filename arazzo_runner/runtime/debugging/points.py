"""The points of a turn at which a run can be held: an answer, its criteria, the action, and the effect that follows."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from arazzo_runner.effects import Send
from arazzo_runner.engine.events import Attempt, AttemptFinished, RunFinished, WorkflowEntered
from arazzo_runner.engine.flow import Turn
from arazzo_runner.engine.plan import Plan
from arazzo_runner.engine.state import Phase

Where: TypeAlias = Literal["answer", "criteria", "action", "call", "request", "token", "wait", "end"]

EFFECTS = frozenset({"request", "token", "wait", "end"})
"""The points at which the run waits for the world, or is over; each turn ends with one of them."""


class Point(Struct, frozen=True):
    """A point of a turn.

    Attributes:
        where: ``answer`` (came, not judged yet), ``criteria`` (judged), ``action`` (chosen), ``call`` (a workflow has
            been entered), ``request`` (about to be sent), ``token`` (about to be asked for), ``wait`` or ``end``.
        step_id: at a call the step that called, in the workflow around; empty where there is none, and at the end.
        depth: how many workflows it is nested in.
        attempt: that was judged, or None.
    """

    where: Where
    workflow_id: str
    step_id: str
    depth: int
    number: int = 1
    attempt: Attempt | None = None


def points_of(plan: Plan, turn: Turn) -> tuple[Point, ...]:
    """The points of a turn, in order; the last one is its effect or the run's end."""
    points: list[Point] = []
    for event in turn.events:
        match event:
            case AttemptFinished(attempt):
                places: tuple[Where, ...] = ("criteria", "action") if attempt.response is None else _JUDGED
                points += [
                    Point(where, attempt.workflow_id, attempt.step_id, attempt.depth, attempt.attempt, attempt)
                    for where in places
                ]
            case WorkflowEntered(workflow_id, depth, cause):
                points.append(Point("call", workflow_id, _caller(plan, turn, depth) if cause == "step" else "", depth))
            case RunFinished(outcome):
                points.append(Point("end", outcome.workflow_id, "", 0))
    if turn.outcome is None:
        frame = turn.state.frames[-1]
        workflow = plan.workflows[frame.workflow]
        where: Where = "wait"
        if isinstance(turn.effect, Send):
            where = "token" if frame.phase is Phase.AUTHENTICATING else "request"
        step = workflow.steps[frame.position].step_id
        points.append(Point(where, workflow.workflow_id, step, len(turn.state.frames) - 1, frame.attempt))
    return tuple(points)


def _caller(plan: Plan, turn: Turn, depth: int) -> str:
    """Id of the step that called the workflow at a depth; empty when the turn has left it again."""
    if not 0 < depth < len(turn.state.frames):
        return ""
    frame = turn.state.frames[depth - 1]
    return plan.workflows[frame.workflow].steps[frame.position].step_id


_JUDGED: tuple[Where, ...] = ("answer", "criteria", "action")
