"""Requests that change something, and messages, that would be sent again: nobody repeats them unasked."""

from __future__ import annotations

from collections.abc import Mapping

from arazzo_runner.effects import SAFE, Effect, Message, Publish, Request, Send
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.secrets.redaction import Redactor


class ConfirmationNeeded(UsageError):
    """A request that changes something, or a message, would be sent again."""


def sent_by(effect: Effect) -> Request | Message | None:
    """The request or message that an effect sends; None of any other."""
    match effect:
        case Send(request):
            return request
        case Publish(message=message):
            return message
        case _:
            return None


def refuse_repetition(
    turn: int, sent: Request | Message, performed: Mapping[int, Request | Message], redactor: Redactor
) -> None:
    """Refuse a request that changes something, or a message, where one was sent before, or that was itself.

    Args:
        performed: the requests and messages that were really sent, by turn.

    Raises:
        ConfirmationNeeded: it may be carried out a second time.
    """
    if (isinstance(sent, Request) and sent.method in SAFE) or not (turn in performed or sent in performed.values()):
        return
    if isinstance(sent, Message):
        what = f"a message to {redactor.message(sent).address} was sent before"
    else:
        shown = redactor.request(sent)
        what = f"{shown.method} {shown.url} was sent before, and changes something"
    raise ConfirmationNeeded(
        what,
        hint="send it again: --yes, or the command followed by !; go along what is kept: forward",
    )
