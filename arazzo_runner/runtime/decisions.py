"""The user's decision about a request whose answer is unknown, or about messages that may have been missed."""

from __future__ import annotations

from msgspec import Struct

from arazzo_runner.effects import Response


class Decision(Struct, frozen=True):
    """The user's decision about a request whose answer is unknown, or about messages that may have been missed.

    Attributes:
        resend: send it again.
        answer: take this for its answer; None to do as ``resend`` says.
        with_body: whether the user has said what the answer's body is, be it empty.
        accept_missed: continue although messages may have come while nobody listened (M20).
    """

    resend: bool = False
    answer: Response | None = None
    with_body: bool = True
    accept_missed: bool = False
