"""Effects and answers: what a run asks of the world, as plain frozen values.

The engine yields an effect; a driver performs it and hands the answer back. Every answer carries the driver's time
(seconds since the epoch), so that nothing below a driver reads a clock.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from arazzo_runner import secrecy

MASK = secrecy.MASK
"""What stands in a secret's place; the same for all, so that it tells nothing, not even equality (S1)."""

Headers: TypeAlias = tuple[tuple[str, str], ...]
"""Header fields in order, names as sent; a repeated field stands more than once."""


SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""RFC 9110, section 9.2.1: the methods that ask for nothing to be changed."""


class Request(Struct, frozen=True):
    """An HTTP request, complete: nothing is added to it but what the protocol itself needs.

    Attributes:
        url: absolute, percent-encoded.
        body: the bytes to send, or None for no body.
    """

    method: str
    url: str
    headers: Headers = ()
    body: bytes | None = None

    def header(self, name: str) -> str | None:
        """The first value of a header, its name compared without case, or None."""
        return first_header(self.headers, name)


class Response(Struct, frozen=True):
    """An HTTP response, decoded (content codings undone).

    Attributes:
        status: the status code.
        body: the whole body; empty when there is none.
    """

    status: int
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first value of a header, its name compared without case, or None."""
        return first_header(self.headers, name)


def first_header(headers: Headers, name: str) -> str | None:
    """The first value of the header ``name`` (V7), or None."""
    folded = name.lower()
    return next((value for key, value in headers if key.lower() == folded), None)


class Send(Struct, frozen=True):
    """Send a request and answer with ``Answered`` or ``Failed``.

    Attributes:
        timeout: seconds for the whole attempt (F9, and what is left of the run's), or None.
    """

    request: Request
    timeout: float | None = None


class Sleep(Struct, frozen=True):
    """Wait that many seconds and answer with ``Woke``."""

    seconds: float


Effect: TypeAlias = Send | Sleep


class Answered(Struct, frozen=True):
    """A response came.

    Attributes:
        at: the driver's time when it was complete.
        duration: seconds from sending to the last byte.
    """

    response: Response
    at: float
    duration: float = 0.0


class Failed(Struct, frozen=True):
    """No response came (C7).

    Attributes:
        code: ``transport``, ``timeout`` or ``replay-miss``.
        message: why, for a person.
    """

    code: Literal["transport", "timeout", "replay-miss"]
    message: str
    at: float
    duration: float = 0.0


class Woke(Struct, frozen=True):
    """The wait is over."""

    at: float


Answer: TypeAlias = Answered | Failed | Woke
