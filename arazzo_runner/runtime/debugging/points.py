"""The points of a turn at which a run can be held: an answer, its criteria, the action, and the effect that follows."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from arazzo_runner.effects import Publish, Receive, Send, Subscribe
from arazzo_runner.engine.events import (
    Attempt,
    AttemptFinished,
    AttemptStarted,
    MessageAwaited,
    RunFinished,
    Waiting,
    WorkflowEntered,
)
from arazzo_runner.engine.flow import Turn
from arazzo_runner.engine.plan import Plan
from arazzo_runner.engine.state import Frame, Phase

Where: TypeAlias = Literal[
    "answer", "criteria", "action", "call", "request", "token", "subscribe", "send", "receive", "wait", "end"
]

OUTGOING = frozenset({"request", "send", "receive"})
"""The points at which a step begins with what it is for: its request is sent, or its message sent or waited for."""
ASKING = OUTGOING | {"token", "subscribe"}
"""The points at which somebody else has to answer."""
EFFECTS = ASKING | {"wait", "end"}
"""The points at which the run waits for the world, or is over; each turn ends with one of them."""

BEGINNINGS = (AttemptStarted, MessageAwaited, Waiting)
"""The events with which an attempt begins: told anew when it is built anew."""


class Point(Struct, frozen=True):
    """A point of a turn.

    Attributes:
        where: ``answer`` (came, not judged yet), ``criteria`` (judged), ``action`` (chosen), ``call`` (a workflow has
            been entered), ``request`` (about to be sent), ``token`` (about to be asked for), ``subscribe``,
            ``send`` and ``receive`` (a channel, a message that is about to be sent, and one that is waited for),
            ``wait`` or ``end``.
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
                places: tuple[Where, ...] = _JUDGED if _has_answer(attempt) else ("criteria", "action")
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
        where = _where(turn, frame)
        step = workflow.steps[frame.position].step_id
        points.append(Point(where, workflow.workflow_id, step, len(turn.state.frames) - 1, frame.attempt))
    return tuple(points)


def _where(turn: Turn, frame: Frame) -> Where:
    match turn.effect:
        case Send():
            return "token" if frame.phase is Phase.AUTHENTICATING else "request"
        case Subscribe():
            return "subscribe"
        case Publish():
            return "send"
        case Receive():
            return "receive"
        case _:
            return "wait"


def _has_answer(attempt: Attempt) -> bool:
    taken = attempt.exchanged
    return attempt.response is not None or (
        taken is not None and taken.action == "receive" and taken.message is not None
    )


def _caller(plan: Plan, turn: Turn, depth: int) -> str:
    """Id of the step that called the workflow at a depth; empty when the turn has left it again."""
    if not 0 < depth < len(turn.state.frames):
        return ""
    frame = turn.state.frames[depth - 1]
    return plan.workflows[frame.workflow].steps[frame.position].step_id


_JUDGED: tuple[Where, ...] = ("answer", "criteria", "action")
