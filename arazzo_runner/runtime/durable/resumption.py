"""Resumption of a run from its journal: what happens to the effect that was under way.

A wait lasts until it is due. A request whose answer was not recorded may have been carried out or not: it is sent
again only where that is harmless, or where the user says so.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Struct

from arazzo_runner.effects import (
    SAFE,
    Answer,
    Answered,
    Effect,
    Failed,
    Publish,
    Published,
    Receive,
    Request,
    Send,
    Sleep,
    Subscribe,
    Woke,
)
from arazzo_runner.engine.flow import Turn, rebuilt
from arazzo_runner.engine.plan import Plan
from arazzo_runner.engine.state import Phase, RunState
from arazzo_runner.errors import InvalidState, UsageError
from arazzo_runner.expressions.nodes import MessagePart
from arazzo_runner.expressions.templates import expressions_of, leaves
from arazzo_runner.openapi.request.idempotency import idempotency_header
from arazzo_runner.runtime.decisions import Decision
from arazzo_runner.runtime.drivers import Abandoned, Loop

AMBIGUOUS = "ambiguous-request"
MISSED = "messages-missed"


class Pending(Struct, frozen=True):
    """The effect that a stored state waits for, as far as the state does not hold it.

    Attributes:
        seconds: that are waited; None for a request.
        due: when the wait is over, seconds since the epoch.
        timeout: of the request, in seconds, or None.
    """

    seconds: float | None = None
    due: float | None = None
    timeout: float | None = None

    @classmethod
    def of(cls, turn: Turn) -> Pending:
        """Return the pending effect of a turn."""
        match turn.effect:
            case Sleep(seconds):
                return cls(seconds, turn.state.now + seconds)
            case Send(_, timeout):
                return cls(timeout=timeout)
            case Subscribe() | Publish() | Receive():
                return cls()
            case None:
                raise ValueError("the run has ended")

    def to_json(self) -> str:
        """As one line of JSON text."""
        return json.dumps([self.seconds, self.due, self.timeout])

    @classmethod
    def from_json(cls, text: str) -> Pending:
        """Read what ``to_json`` wrote.

        Raises:
            InvalidState: the text is not one of those.
        """
        try:
            return cls(*json.loads(text))
        except (ValueError, TypeError) as error:
            raise InvalidState(f"not a pending effect: {error}") from None


Next: TypeAlias = Effect | Answer | Abandoned | Turn
"""What to do: an effect, an answer to take, an end for now, or a turn whose attempt begins anew."""


def next_of(
    plan: Plan,
    state: RunState,
    pending: Pending,
    decision: Decision,
    *,
    at: float,
    sent: bool = True,
    lost: Sequence[str] = (),
) -> Next:
    """Decide what a resumed run does first.

    Args:
        at: the time now.
        sent: whether the request or message at hand may have been sent.
        lost: the keys of subscriptions that ended with the process that had made them.

    Raises:
        UsageError: the answer that the user gives has no body, and the step needs one.
    """
    underway = state.frames[-1].underway
    missed = bool(lost) and not decision.accept_missed
    if underway is not None and underway.message is not None and sent:
        if not decision.resend and decision.answer is None:
            more = " --accept-missed" if missed else ""
            message = f"whether the broker has the message to {underway.message.address} is not recorded"
            hint = f"look whether it has, then: arazzo resume {state.identity}{more} --skip 200 if so, --resend if not"
            return Abandoned(AMBIGUOUS, message, hint=hint)
        if decision.answer is not None and not missed:
            return Published(at)
    if missed:
        message = f"its process has ended, and what came at {addresses(state, lost)} since then is not known"
        hint = f"continue all the same: arazzo resume {state.identity}{_decided(decision)} --accept-missed"
        return Abandoned(MISSED, message, hint=hint)
    if underway is not None:
        return rebuilt(plan, state)
    if pending.seconds is not None and pending.due is not None:
        # A clock that was set back makes no wait longer.
        left = min(pending.seconds, pending.due - at)
        return Sleep(left) if left > 0 else Woke(at)
    request = request_of(state)
    if sent and is_ambiguous(plan, state):
        if decision.answer is not None:
            if not decision.with_body and (names := outputs_of_body(plan, state)):
                raise _body_is_needed(plan, state, names, decision.answer.status)
            return Answered(decision.answer, at)
        if not decision.resend:
            return Abandoned(
                AMBIGUOUS,
                f"the answer to {request.method} {request.url} was not recorded: it may have been carried out or not",
                hint=f"look whether it was, then: arazzo resume {state.identity} --skip STATUS if so, --resend if not",
            )
    limit = plan.options.timeout
    if limit is None:
        return Send(request, pending.timeout)
    left = state.started_at + limit - at
    if left <= 0:
        return Failed("timeout", f"the run took longer than {limit:g} s", at)
    return Send(request, min(left, pending.timeout or left))


def forgotten_fact(run_id: str, source: str) -> str:
    """The name of the fact that the brokers of a source no longer keep a run's places."""
    return f"forgot {run_id} {source}"


def addresses(state: RunState, keys: Sequence[str]) -> str:
    """The channels of subscriptions, for people."""
    known = (state.subscriptions[key] for key in keys)
    return ", ".join(dict.fromkeys(one.address or one.asked for one in known))


def _decided(decision: Decision) -> str:
    """The words of a decision about a request, for a command that repeats it."""
    if decision.answer is not None:
        return f" --skip {decision.answer.status}"
    return " --resend" if decision.resend else ""


def is_ambiguous(plan: Plan, state: RunState) -> bool:
    """Return whether nobody but the user can say what to do with the request at hand.

    Not so for safe methods; for a request for a token, of which a second one does no harm; nor where the operation
    takes an idempotency key and the request has one.
    """
    frame = state.frames[-1]
    if frame.underway is not None:
        return frame.underway.message is not None
    request = request_of(state)
    if request.method in SAFE or frame.phase is Phase.AUTHENTICATING:
        return False
    operation = plan.workflows[frame.workflow].steps[frame.position].operation
    name = None if operation is None else idempotency_header(operation)
    return name is None or request.header(name) is None


def outputs_of_body(plan: Plan, state: RunState) -> list[str]:
    """Return the outputs that the step at hand takes from the body of the answer."""
    frame = state.frames[-1]
    outputs = plan.workflows[frame.workflow].steps[frame.position].outputs or ()
    return [
        name
        for name, value in outputs
        for _, leaf in leaves(value)
        for node in expressions_of(leaf)
        if isinstance(node, MessagePart) and node.holder == "response" and node.part == "body"
    ]


def _body_is_needed(plan: Plan, state: RunState, names: list[str], status: int) -> UsageError:
    frame = state.frames[-1]
    workflow = plan.workflows[frame.workflow]
    step = f"workflow {workflow.workflow_id}, step {workflow.steps[frame.position].step_id}"
    taken = f"{step} takes {', '.join(dict.fromkeys(names))} from the body of the answer, and --skip {status} has none"
    hint = f"arazzo resume {state.identity} --skip {status}=@body.json (=@{os.devnull} for an answer without a body)"
    return UsageError(taken, hint=hint)


def request_of(state: RunState) -> Request:
    """The request that a state waits for the answer to.

    Raises:
        InvalidState: it waits for none.
    """
    prepared = state.frames[-1].prepared if state.frames else None
    if prepared is None:
        raise InvalidState("the run waits for no answer")
    return prepared.request


def taken_up(loop: Loop, state: RunState, following: Next, at: float) -> Turn:
    """The turn from which a driver continues."""
    match following:
        case Send() | Sleep() | Subscribe() | Publish() | Receive():
            loop.before(following)
            return Turn(state, (), following, None)
        case Abandoned():
            return loop.abandoned(state, following, at)
        case Turn(effect=effect):
            if effect is not None:
                loop.before(effect)
            return following
        case answer:
            return loop.go_on(state, answer)
