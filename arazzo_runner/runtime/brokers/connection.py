"""The interface of protocols: a connection to one broker, its subscriptions, and what they deliver."""

from __future__ import annotations

import json
import re
import struct
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from arazzo_runner.effects import Broker, Headers, Message, Publish, Subscribe
from arazzo_runner.runtime.http.errors import Progress, Refused, system_words
from arazzo_runner.runtime.http.options import TransportOptions

_ENCRYPTED = ("secure-mqtt", "natss")
"""Further names of protocols whose connections are encrypted."""
_PARAMETER = re.compile(r"\{[^{}]*\}")
MALFORMED = (ValueError, LookupError, EOFError, struct.error)
"""Errors that a client library lets out when what it reads is not its protocol, or breaks its rules."""


class Delivery(Struct, frozen=True, eq=False):
    """A message as its broker delivered it.

    Attributes:
        position: where the broker has it (partition and offset), or None.
        again: the broker had delivered it before, to an earlier process of this run perhaps.
        handle: what the protocol acknowledges it by.
    """

    message: Message
    position: tuple[int, int] | None = None
    again: bool = False
    handle: Any = None


Deliver: TypeAlias = Callable[[Delivery], None]


async def nothing_to_do() -> None:
    """Do nothing: the default of what is waited for."""


class Listening:
    """A subscription that a broker has. What its broker does not keep, none of these methods changes.

    Args:
        address: where it listens: of an inbox, the one that was made (M14).

    Attributes:
        redelivers: what was not acknowledged comes again over a new connection.
    """

    redelivers = False

    def __init__(self, address: str) -> None:
        self.address = address

    def place(self, waiting: Collection[Delivery]) -> str | None:  # noqa: ARG002 - most brokers keep nothing
        """The place that the broker keeps, with these messages not taken yet (M20); None: it keeps none."""
        return None

    def take(self, delivery: Delivery) -> None:
        """Note that a message is about to be taken, before anything is stored of it."""

    async def settle(self) -> None:
        """Acknowledge what was taken and is stored by now."""


class Connection(ABC):
    """A connection to a broker. It does not connect again by itself: the mailroom makes a new one."""

    @abstractmethod
    async def subscribe(self, effect: Subscribe, deliver: Deliver) -> Listening:
        """Subscribe; every message from now on is delivered, until the connection is closed.

        Raises:
            Refused: the broker does not allow it, or the channel cannot be listened to; the text says why.
        """

    @abstractmethod
    async def publish(self, effect: Publish) -> None:
        """Hand over a message; return when the broker has it (M11).

        Raises:
            Refused: the broker did not take it.
        """

    @abstractmethod
    async def close(self) -> None:
        """End all subscriptions and the connection. What was not taken stays with the broker."""


def never() -> bool:
    """Return False: the run continues."""
    return False


class Speech(Struct, frozen=True):
    """A protocol as a module of this package speaks it.

    Attributes:
        module: of this package; it has ``connect``.
        library: the package of the extra ``messages`` that it needs.
        port: the usual one.
        schemes: of URLs with and without TLS.
        loggers: further ones that the library writes to.
    """

    module: str
    library: str
    port: int
    schemes: tuple[str, str]
    loggers: tuple[str, ...] = ()


class Connecting(Struct, frozen=True, eq=False):
    """The needs of a protocol that connects.

    Attributes:
        options: time-outs, TLS and allowed hosts (H6).
        identity: a text that no other run has, for the names that must be this run's own.
        lost: is called once when the connection breaks.
        kept: the run continues in later processes: the broker is asked to keep its place (M20).
        forgets: is waited for before a message that no step has taken is acknowledged: the place is lost with it.
        over: returns whether the run has come to its end, so that a broker need not keep its place any longer.
    """

    broker: Broker
    speech: Speech
    options: TransportOptions
    identity: str
    lost: Callable[[], None]
    kept: bool = False
    forgets: Callable[[], Awaitable[None]] = nothing_to_do
    over: Callable[[], bool] = never

    def address_of(self, effect: Subscribe) -> str:
        """The address to listen at: of an inbox the run's own name, the same over each of its connections (M14)."""
        return f"{effect.address}-{self.identity}" if effect.inbox else effect.address

    @property
    def host(self) -> str:
        """The host of the broker."""
        return urlsplit(self.broker.url).hostname or ""

    @property
    def port(self) -> int:
        """The port of the broker, or the protocol's usual one."""
        return urlsplit(self.broker.url).port or self.speech.port

    @property
    def secure(self) -> bool:
        """Return whether the connection is encrypted."""
        return urlsplit(self.broker.url).scheme in (self.speech.schemes[0], *_ENCRYPTED)

    @property
    def path(self) -> str:
        """The decoded path of the URL, without its first slash."""
        return unquote(urlsplit(self.broker.url).path.removeprefix("/"))

    @property
    def user(self) -> tuple[str | None, str | None]:
        """User name and password: the credentials', else those in the URL."""
        access, parts = self.broker.access, urlsplit(self.broker.url)
        if access.username is not None:
            return access.username, access.password
        return (
            None if parts.username is None else unquote(parts.username),
            None if parts.password is None else unquote(parts.password),
        )

    def refused_credentials(self) -> Refused:
        """The refusal of a broker that does not accept the credentials, or wants some."""
        source, given = self.broker.source, self.user[0] is not None or self.broker.access.token is not None
        said = "refused the credentials" if given else "wants credentials"
        return Refused(f"the broker {self.host} {said} (arazzo auth says what {source} takes, --auth gives it)")

    def explained(self, error: BaseException) -> str:
        """Explain why there is no connection, without what a library quotes (S1)."""
        seconds, schemes = self.options.connect_timeout, self.speech.schemes
        progress = Progress(self.host, self.port, self.host, self.port, seconds, seconds, schemes=schemes)
        # A library's own error may have the number of the one behind it, and mean something else by it.
        for cause in (error.__cause__, error):
            if cause is not None and (words := system_words(cause, progress)):
                return words
        if any(isinstance(one, TimeoutError) for one in (error, error.__cause__, error.__context__)):
            return f"no connection to the broker {self.host} within {seconds:g} s (--connect-timeout)"
        return f"no connection to the broker {self.host}, port {self.port}: it does not answer as {schemes[1]} does"

    @contextmanager
    def judged(self, *errors: type[Exception], say: Callable[[Exception], str | None]) -> Iterator[None]:
        """Turn errors of a library into refusals, in words of ours.

        Args:
            say: the words for an error, or None where it says no more than that there is no connection.

        Raises:
            Refused: an error came.
        """
        expected: tuple[type[Exception], ...] = (OSError, *MALFORMED, *errors)
        try:
            yield
        except Refused:
            raise
        except expected as error:
            raise Refused(say(error) or self.explained(error)) from error


def with_wildcards(address: str, wildcard: str) -> str:
    """An address with a protocol's wildcard where a parameter has no value (M12)."""
    return _PARAMETER.sub(wildcard, address)


_CORRELATION = frozenset({"correlationid", "correlation_id", "correlation-id"})


def headers_of(message: Message) -> Headers:
    """The headers of a message over a protocol that has headers and no fields for content type and correlation (M7)."""
    names = {name.lower() for name, _ in message.headers}
    added = []
    if message.content_type is not None and "content-type" not in names:
        added.append(("content-type", message.content_type))
    if message.correlation_id is not None and not names & _CORRELATION:
        added.append(("correlation_id", message.correlation_id))
    return (*message.headers, *added)


def text_of(value: object) -> str:
    """The value of a header, or of a field of the protocol, as text."""
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
