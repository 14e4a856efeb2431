"""An attempt and the action after it, as events tell them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from arazzo_runner.effects import Request, Response
from arazzo_runner.engine.events import ActionTaken, Attempt, CriterionOutcome, ExchangedMessage, Reason
from arazzo_runner.engine.exchange import Exchange, ReceivedResponse
from arazzo_runner.engine.messages.seen import MessageExchange, SeenMessage
from arazzo_runner.engine.plan import Plan, PlannedAction, PlannedWorkflow
from arazzo_runner.engine.state import Frame


def attempt_record(  # noqa: PLR0913 - an attempt is made of that much
    workflow: PlannedWorkflow,
    frame: Frame,
    *,
    depth: int,
    duration: float,
    exchange: Exchange | MessageExchange | None = None,
    judged: Sequence[CriterionOutcome] = (),
    reason: Reason | None = None,
    taken: ActionTaken | None = None,
    outputs: Mapping[str, Any] | None = None,
) -> Attempt:
    """The attempt at hand in a frame, whole.

    Args:
        reason: why it failed; None when it succeeded.
        duration: seconds.
    """
    step = workflow.steps[frame.position]
    request: Request | None = None
    response: Response | None = None
    exchanged: ExchangedMessage | None = None
    problems: list[str] = []
    match exchange:
        case Exchange(prepared):
            request, response = prepared.request, exchange.answer
            problems += prepared.problems
            problems += _problem_of(exchange.response)
        case MessageExchange():
            exchanged = exchange.record
            problems += exchange.problems
            problems += _problem_of(exchange.seen)
    return Attempt(
        workflow_id=workflow.workflow_id,
        step_id=step.step_id,
        attempt=frame.attempt,
        depth=depth,
        operation=step.title,
        status="succeeded" if reason is None else "failed",
        request=request,
        response=response,
        criteria=tuple(judged),
        action=taken,
        outputs=outputs or {},
        problems=tuple(problems),
        reason=reason,
        started_at=frame.started_at,
        duration=duration,
        exchanged=exchanged,
    )


def _problem_of(seen: ReceivedResponse | SeenMessage | None) -> list[str]:
    return [seen.problem] if seen is not None and seen.problem else []


def action_taken(plan: Plan, frame: Frame, action: PlannedAction | None, *, failed: bool) -> ActionTaken | None:
    """Return what follows the attempt; None when nothing does, or when the step ran for another one's retry (F4)."""
    steps = plan.workflows[frame.workflow].steps
    if frame.suspended is not None:
        return None
    if action is not None:
        step_id = None if action.step is None else steps[action.step].step_id
        target = None if action.workflow is None else plan.workflows[action.workflow].workflow_id
        return ActionTaken(action.name, action.type, step_id, target)
    if failed:
        return None
    following = steps[frame.position + 1 : frame.position + 2]
    return ActionTaken(None, "next", following[0].step_id) if following else ActionTaken(None, "end")
