"""Scopes of points at which nothing was judged: before an effect, and at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from arazzo_runner.engine.events import Outcome
from arazzo_runner.engine.exchange import Exchange
from arazzo_runner.engine.plan import Plan
from arazzo_runner.engine.scopes import scope_of
from arazzo_runner.engine.state import RunState
from arazzo_runner.expressions.evaluate import Scope
from arazzo_runner.runtime.debugging.points import Point

if TYPE_CHECKING:
    from arazzo_runner.engine.messages.seen import MessageExchange


def scope_at_effect(plan: Plan, state: RunState, point: Point) -> Scope:
    """The names that expressions can use before the effect of a turn, its request included."""
    if not state.frames:
        return Scope(inputs=state.inputs)
    frame = state.frames[min(point.depth, len(state.frames) - 1)]
    workflow = plan.workflows[frame.workflow]
    step = workflow.steps[frame.position]
    exchange: Exchange | MessageExchange | None = None
    if frame.prepared is not None and point.where == "request":
        exchange = Exchange.of(frame.prepared, None, step.operation)
    sent = None if frame.underway is None else frame.underway.message
    if point.where == "send" and step.exchange is not None and sent is not None:
        from arazzo_runner.engine.messages.messaging import sent_exchange

        exchange = sent_exchange(step.exchange, sent)
    return scope_of(workflow, frame, exchange)


def scope_at_end(outcome: Outcome, last: Scope | None) -> Scope:
    """The names at the end of a run: those of the last attempt, and the workflow's outputs."""
    return replace(last or Scope(), inputs=outcome.inputs, outputs=outcome.outputs)
