"""Why an attempt failed, in words: the criterion, what it saw, and what the server said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from msgspec.structs import replace

from arazzo_runner.engine.events import CriterionOutcome, Reason
from arazzo_runner.engine.exchange import Exchange, ReceivedResponse
from arazzo_runner.engine.messages.seen import MessageExchange
from arazzo_runner.engine.plan import PlannedAction, PlannedStep, Spot
from arazzo_runner.engine.state import Finished
from arazzo_runner.secrecy import cut

MAX_WORDS = 300
"""How much of a server's own words a message shows, in characters."""


def failed_attempt(
    step: PlannedStep,
    judged: Sequence[CriterionOutcome],
    exchange: Exchange | MessageExchange | None,
    child: Finished | None,
    cause: Reason | None = None,
) -> Reason | None:
    """Why the attempt failed, or None when it succeeded (C7, F7).

    Args:
        child: the workflow that the step called.
        cause: why that failed.
    """
    if child is not None and not child.succeeded:
        return _child_failed(step, cause)
    response = exchange.response if isinstance(exchange, Exchange) else None
    failed = [index for index, outcome in enumerate(judged) if not outcome.passed]
    if failed:
        seen = "; ".join(f"{judged[index].condition} ({judged[index].detail})" for index in failed)
        what = "the criterion does" if len(failed) == 1 else "the criteria do"
        spot = Spot(step.spot.document, f"{step.criteria[failed[0]].source.pointer}/condition")
        return _reason(step, f"{what} not hold: {seen}", response, spot)
    if not step.criteria and response is not None and (status := response.response.status) >= 400:
        message = f"the status is {status_text(status)}, and the step has no criteria"
        return _reason(step, message, response, step.spot)
    return None


def _child_failed(step: PlannedStep, cause: Reason | None) -> Reason:
    """The reason of a step whose workflow failed, which carries that workflow's own (F7)."""
    if cause is None:
        return Reason("step-failed", f"{step.title} failed", step.step_id, place=step.spot.place)
    where = f"step {cause.step_id}: " if cause.step_id else ""
    message = f"{step.title} failed: {where}{cause.message}"
    return Reason("step-failed", message, step.step_id, cause.hint, cause.place or step.spot.place)


def after_retries(reason: Reason, used_up: Sequence[PlannedAction]) -> Reason:
    """The reason of a failure that retry actions would have met, had they not used up their limits (F4)."""
    if not used_up:
        return reason
    limits = " and ".join(f"{action.name!r} has used up its limit of {action.retry_limit}" for action in used_up)
    what = "retry action" if len(used_up) == 1 else "retry actions"
    return replace(reason, message=f"{reason.message}; the {what} {limits}")


def _reason(step: PlannedStep, message: str, response: ReceivedResponse | None, spot: Spot) -> Reason:
    words = server_words(response)
    said = f"; the server says: {words}" if words else ""
    return Reason("step-failed", message + said, step.step_id, place=spot.place)


def status_text(status: int) -> str:
    """A status code with its name: ``409 Conflict``."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def server_words(received: ReceivedResponse | None) -> str:
    """Return the message of an error answer's body for people, otherwise its text, cut short."""
    if received is None or received.response.status < 400:
        return ""
    text = _message_in(received.body) or received.response.body.decode("utf-8", "replace")
    text = " ".join(text.split())
    return cut(text, MAX_WORDS)


def _message_in(body: Any) -> str:
    """The message of the usual shapes of error bodies."""
    if not isinstance(body, Mapping):
        return body if isinstance(body, str) else ""
    for name in ("message", "detail", "error_description", "error", "title", "errors"):
        found = body.get(name)
        if isinstance(found, str) and found:
            return found
        if isinstance(found, Mapping) and (inner := _message_in(found)):
            return inner
        if isinstance(found, list) and found:
            inner = found[0] if isinstance(found[0], str) else _message_in(found[0])
            if inner:
                return inner
    return ""
