"""Requests that change something and would be performed again: nobody repeats them unasked."""

from __future__ import annotations

from collections.abc import Mapping

from arazzo_runner.effects import SAFE, Request
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.secrets.redaction import Redactor


class ConfirmationNeeded(UsageError):
    """A request that changes something would be performed again."""


def refuse_repetition(turn: int, request: Request, performed: Mapping[int, Request], redactor: Redactor) -> None:
    """Refuse a request that changes something where one was performed before, or that was itself.

    Args:
        performed: the requests that were really sent, by turn.

    Raises:
        ConfirmationNeeded: it may be carried out a second time.
    """
    if request.method in SAFE or not (turn in performed or request in performed.values()):
        return
    shown = redactor.request(request)
    raise ConfirmationNeeded(
        f"{shown.method} {shown.url} was sent before, and changes something",
        hint="send it again: --yes, or the command followed by !; go along what is kept: forward",
    )
