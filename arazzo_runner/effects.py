"""Effects and answers: what a run asks of the world, as plain frozen values.

A run asks for HTTP exchanges (``Send``), for time (``Sleep``) and for messages over AsyncAPI (``Subscribe``,
``Publish``, ``Receive``).

The engine yields an effect; a driver performs it and hands the answer back. Every answer carries the driver's time
(seconds since the epoch), so that nothing below a driver reads a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

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


class Message(Struct, frozen=True):
    """A message as a broker carries it.

    Attributes:
        payload: the bytes of its body.
        headers: fields in order, as text; always empty over a protocol without headers (M12).
        address: where it goes or where it came from, without open parameters.
        content_type: what the protocol says of the payload, or None.
        correlation_id: the protocol's own, or None: AMQP's ``correlation_id``, the text of MQTT 5's correlation
            data (M7).
        reply_to: where the protocol says that an answer is expected, or None (M14).
        key: Kafka's key of the message, or None.
    """

    payload: bytes
    headers: Headers = ()
    address: str = ""
    content_type: str | None = None
    correlation_id: str | None = None
    reply_to: str | None = None
    key: str | None = None

    def header(self, name: str) -> str | None:
        """The first value of a header, its name compared without case, or None."""
        return first_header(self.headers, name)


class Access(Struct, frozen=True):
    """The credentials that a broker is asked with (M18, H5). Every text of it is a secret (S1).

    Attributes:
        mechanism: ``plain``, ``scramSha256``, ``scramSha512``, ``oauth2``, or empty for the protocol's own way.
        username, password: of the user, or None.
        token: an access token or API key, or None.
        headers, queries: what a handshake over HTTP carries (WebSocket).
    """

    mechanism: str = ""
    username: str | None = None
    password: str | None = None
    token: str | None = None
    headers: Headers = ()
    queries: Headers = ()

    def __repr__(self) -> str:
        return "<access>"

    def secrets(self) -> Iterator[str]:
        """The password and the token (S1): who somebody is says less than it would hide."""
        yield from (text for text in (self.password, self.token) if text)


class Broker(Struct, frozen=True):
    """A server of messages that a run talks to (M19).

    Attributes:
        source: the name of the source description, by which people and options know it.
        url: absolute; its scheme is the protocol.
        protocol: as the description writes it, in lower case: ``mqtt``, ``kafka-secure``.
        version: of the protocol, as the description writes it; empty for any.
        bindings: the server's, of its protocol.
        access: the credentials, none by default.
    """

    source: str
    url: str
    protocol: str
    version: str = ""
    bindings: Mapping[str, Any] = field(default_factory=dict)
    access: Access = Access()


class ChannelSettings(Struct, frozen=True):
    """The settings of a channel for its protocol: the bindings as written, and what the user chose.

    Attributes:
        channel, operation, message: the bindings of each that the protocol has.
        from_earliest: read a log from its beginning (M5).
        consume: what can only be read destructively may be (M17).
    """

    channel: Mapping[str, Any] = field(default_factory=dict)
    operation: Mapping[str, Any] = field(default_factory=dict)
    message: Mapping[str, Any] = field(default_factory=dict)
    from_earliest: bool = False
    consume: bool = False


class Match(Struct, frozen=True):
    """The messages that a step is waiting for (M7, M8), as data: ``engine.matching`` decides by it.

    Attributes:
        correlation_id: the text of the id that is awaited, or None for any message.
        locations: runtime expressions for the id's place, of the messages that are meant.
        headers: names of headers that the id may be in, in order, where no location is declared.
        in_payload: whether a member of the payload may have the id where nothing else does.
        wanted: schemas (``headers``, ``payload``) of the messages that the operation names; empty for any.
        others: schemas of the channel's other messages.
    """

    correlation_id: str | None = None
    locations: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    in_payload: bool = False
    wanted: tuple[Mapping[str, Any], ...] = ()
    others: tuple[Mapping[str, Any], ...] = ()


class Subscribe(Struct, frozen=True):
    """Subscribe to a channel before anything else works (M4), and answer with ``Subscribed`` or ``Failed``.

    Attributes:
        key: of the subscription, unique in the run.
        address: of the channel; ``{name}`` stands for a parameter of any value (M12). Of an inbox: its suggested name.
        inbox: whether an address of the run's own is made for replies (M14).
        place: where an earlier process of this run had read to (M20), or None for what arrives from now on (M5).
    """

    key: str
    broker: Broker
    address: str
    settings: ChannelSettings = ChannelSettings()
    inbox: bool = False
    place: str | None = None
    timeout: float | None = None


class Publish(Struct, frozen=True):
    """Hand a message to a broker and answer with ``Published`` when it has it (M11), or with ``Failed``."""

    broker: Broker
    message: Message
    settings: ChannelSettings = ChannelSettings()
    timeout: float | None = None


class Receive(Struct, frozen=True):
    """Take the next message of a subscription that matches, and answer with ``Received`` or ``Failed`` (M6, M10).

    Attributes:
        key: of the subscription.
        seconds: how long to wait.
        beyond: the number of a message that was taken and did not satisfy (M9): it is put back, and only what
            came after it is looked at.
    """

    key: str
    match: Match
    seconds: float
    beyond: int = 0


MessageEffect: TypeAlias = Subscribe | Publish | Receive
Effect: TypeAlias = Send | Sleep | MessageEffect


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
    """No response came (C7), or no message could be sent or taken.

    Attributes:
        code: ``transport``, ``timeout`` or ``replay-miss``; of messages also ``receive-timeout`` (M10),
            ``buffer-full`` (M4) and ``messages-missed`` (M20).
        message: why, for a person.
    """

    code: Literal["transport", "timeout", "replay-miss", "receive-timeout", "buffer-full", "messages-missed"]
    message: str
    at: float
    duration: float = 0.0


class Woke(Struct, frozen=True):
    """The wait is over."""

    at: float


class Subscribed(Struct, frozen=True):
    """The broker has the subscription.

    Attributes:
        address: where it listens: of an inbox, the one that was made (M14).
        place: where the broker keeps what this run has read to, for a later process (M20), or None: it keeps none.
    """

    at: float
    address: str
    place: str | None = None
    duration: float = 0.0


class Published(Struct, frozen=True):
    """The broker has the message (M11)."""

    at: float
    duration: float = 0.0


class Received(Struct, frozen=True):
    """A message was taken.

    Attributes:
        number: of the message in its subscription, from 1.
        place: as in ``Subscribed``, with this message read.
        seen: how many messages of the subscription were looked at for it, itself among them.
    """

    message: Message
    at: float
    number: int = 1
    place: str | None = None
    seen: int = 1
    duration: float = 0.0


MessageAnswer: TypeAlias = Subscribed | Published | Received | Failed
Answer: TypeAlias = Answered | Woke | MessageAnswer
