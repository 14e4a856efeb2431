"""Answers that a user gives by hand to what a run waits for: nothing is sent for them."""

from __future__ import annotations

import json

from arazzo_runner.effects import (
    Answer,
    Answered,
    Effect,
    Message,
    Publish,
    Published,
    Receive,
    Received,
    Response,
    Send,
    Subscribe,
    Subscribed,
)
from arazzo_runner.engine.state import RunState
from arazzo_runner.errors import UsageError


def answer_by_hand(effect: Effect | None, given: Response | bytes, state: RunState, at: float) -> Answer:
    """Return the answer to an effect.

    Args:
        given: the response to a request, or the payload of a message that is waited for; of no account for a message
            that is sent, which then counts as taken by its broker, and for a subscription.
        state: of the run.
        at: seconds since the epoch.

    Raises:
        UsageError: nothing that can be answered so is at hand.
    """
    match effect, given:
        case Send(), Response():
            return Answered(given, at)
        case Publish(), _:
            return Published(at)
        case Subscribe(address=address), _:
            return Subscribed(at, address)
        case Receive(key, _, _, beyond), bytes():
            known = state.subscriptions.get(key)
            message = Message(given, address="" if known is None else known.address, content_type=_type_of(given))
            return Received(message, at, number=beyond + 1)
        case Receive(), _:
            hint = "write answer {…} or answer @message.json"
            raise UsageError("a message is waited for here, not a response", hint=hint)
        case _:
            hint = "next goes to the next request, back to an earlier one"
            raise UsageError("no request waits for an answer here", hint=hint)


def _type_of(payload: bytes) -> str:
    try:
        json.loads(payload)
    except ValueError:
        return "text/plain"
    return "application/json"
