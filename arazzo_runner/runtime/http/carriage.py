"""Attempts that something else than our own transport carries: a client of the user's, or an application.

The rules stay ours: hosts, redirects, limits, content codings, header fields, and the words for what goes wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Protocol, Self, runtime_checkable

from msgspec import Struct

from arazzo_runner.effects import Answered, Failed, Request, Response, Send
from arazzo_runner.runtime.drivers import AsyncWorld, World
from arazzo_runner.runtime.http.content_codings import IncomingBody
from arazzo_runner.runtime.http.errors import AttemptOver, Progress, TooLarge, explain
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.http.requests import Destination, Hops, Hosts, text_of

RawHeaders = Iterable[tuple[bytes, bytes]]


class Notes(Struct, frozen=True):
    """The notes that a run takes of those that carry its requests.

    Attributes:
        heed: is shown each request as it went out, with what the client added, so that its secrets are known (S1).
        troubled: is called with an error that an application raised, with the request that it was to answer.
    """

    heed: Callable[[Request], None] = lambda _: None
    troubled: Callable[[str, BaseException], None] = lambda _said, _error: None


@runtime_checkable
class Noting(Protocol):
    """A world that many runs share, and that each of them looks at with notes of its own."""

    def noting(self, notes: Notes) -> Self:
        """Return the same world, with the notes of one run."""


def noted(world: World, notes: Notes) -> World:
    """The world as one run uses it."""
    return world.noting(notes) if isinstance(world, Noting) else world


def async_noted(world: AsyncWorld, notes: Notes) -> AsyncWorld:
    """The asynchronous world as one run uses it."""
    return world.noting(notes) if isinstance(world, Noting) else world


class Carriage:
    """One request, and those that its redirects ask for.

    Args:
        peer: what is talked to, for messages; the request's host when empty.

    Attributes:
        hops: the request to send now.
    """

    def __init__(self, effect: Send, options: TransportOptions, hosts: Hosts, *, peer: str = "") -> None:
        self.hops = Hops(effect.request, options, hosts)
        self._options = options
        self._limit = effect.timeout
        self._began = time.monotonic()
        self._peer = peer
        self._headers: tuple[tuple[str, str], ...] = ()
        self.progress = self._towards(None)

    def next(self) -> Destination:
        """Return where the request of ``hops`` goes.

        Raises:
            Refused: it may not be sent, or cannot.
        """
        target = self.hops.target()
        self.progress = self._towards(target)
        return target

    def left(self) -> float | None:
        """Seconds that are left for the attempt, or None.

        Raises:
            AttemptOver: none are.
        """
        if self._limit is None:
            return None
        left = self._began + self._limit - time.monotonic()
        if left <= 0:
            raise AttemptOver
        return left

    def body(self, status: int, headers: RawHeaders) -> IncomingBody:
        """Return the body to fill, now that the response's head is complete.

        Raises:
            Refused: it is announced as something that is not taken.
        """
        self._take_head(headers)
        if self.hops.request.method != "HEAD" and status not in (204, 304):
            length = next((value for name, value in self._headers if name.lower() == "content-length"), "")
            self.progress.expected = int(length) if length.isascii() and length.isdigit() else None
        return IncomingBody(self._headers, limit=self._options.max_response_bytes, progress=self.progress)

    def whole_body(self, headers: RawHeaders, body: bytes) -> bytes:
        """Take a body that was read, and decoded, before it could be counted.

        Raises:
            TooLarge: it passes the limit.
        """
        self._take_head(headers)
        if len(body) > self._options.max_response_bytes:
            raise TooLarge(self._options.max_response_bytes)
        return body

    def _take_head(self, headers: RawHeaders) -> None:
        self._headers = tuple((name.decode("latin-1"), text_of(value)) for name, value in headers)
        self.progress.answered = True

    def answer(self, status: int, body: bytes) -> Answered | None:
        """The answer, or None when a redirect is to be followed: ``next`` again.

        Raises:
            AttemptOver: it came too late.
            Refused: there are too many redirects, or this one leads where none may.
        """
        self.left()
        response = Response(status, self._headers, body)
        if self.hops.follow(response):
            return None
        return Answered(response, time.time(), time.monotonic() - self._began)

    def failed(self, error: BaseException) -> Failed:
        """Return the failure for a person (C7); ``timeout`` only when the attempt's own limit was reached (F6, F9)."""
        duration = time.monotonic() - self._began
        if isinstance(error, AttemptOver):
            return Failed("timeout", f"no complete answer within {self._limit:g} s", time.time(), duration)
        return Failed("transport", explain(error, self.progress), time.time(), duration)

    def _towards(self, target: Destination | None) -> Progress:
        times = self._options.connect_timeout, self._options.read_timeout
        host, port = (target.host, target.port) if target is not None else ("the server", 0)
        return Progress(self._peer or host, port, self._peer or host, port, *times)
