"""MessagesToRecord of cassettes: a list of their own, which vcrpy's reader passes over (M20)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

from msgspec import Struct

from arazzo_runner.effects import (
    Failed,
    Headers,
    Message,
    MessageAnswer,
    MessageEffect,
    Publish,
    Published,
    Receive,
    Received,
    Request,
    Subscribe,
    Subscribed,
)

Action: TypeAlias = Literal["listen", "send", "receive"]
IN_VAIN = "receive-timeout"
"""The failure of a step that got no message; no other failure is recorded, as no failed request is."""


class RecordedMessage(Struct, frozen=True):
    """A message of a cassette, or where a run listened for replies.

    Attributes:
        action: ``listen`` at an inbox of the run's own (M14), ``send`` or ``receive``.
        source: the name of the source description.
        message: of an inbox, its address alone.
        seen: how many messages were looked at for it.
        in_vain: what was said when no message came, else empty.
    """

    action: Action
    source: str
    message: Message
    seen: int = 1
    in_vain: str = ""

    @property
    def title(self) -> str:
        """Action and address, for people."""
        return f"{self.action} {self.message.address}"


def as_request(message: Message) -> Request:
    """A message as a request has its parts, to be compared part by part as those are."""
    content_type = () if message.content_type is None else (("Content-Type", message.content_type),)
    return Request(
        "MESSAGE", f"message:///{quote(message.address)}", (*message.headers, *content_type), message.payload
    )


class MessagesToRecord:
    """The messages of a run as they belong into a cassette."""

    def __init__(self) -> None:
        self._listening: dict[str, tuple[str, str]] = {}

    def recorded(self, effect: MessageEffect, answer: MessageAnswer) -> RecordedMessage | None:
        """The record of an effect and its answer; None when there is nothing to record."""
        match effect, answer:
            case Subscribe(key=key, broker=broker, inbox=inbox), Subscribed(address=address):
                self._listening[key] = broker.source, address
                return RecordedMessage("listen", broker.source, Message(b"", address=address)) if inbox else None
            case Publish(broker=broker, message=message), Published():
                return RecordedMessage("send", broker.source, message)
            case Receive(key=key), Received(message=message, seen=seen):
                return RecordedMessage("receive", self._listening.get(key, ("", ""))[0], message, seen)
            case Receive(key=key), Failed(code="receive-timeout", message=said):
                source, address = self._listening.get(key, ("", ""))
                return RecordedMessage("receive", source, Message(b"", address=address), 0, said)
        return None


def entry_of(recorded: RecordedMessage) -> dict[str, Any]:
    """A message as a cassette has it; what it does not have is left out."""
    message = recorded.message
    entry: dict[str, Any] = {"action": recorded.action, "source": recorded.source, "address": message.address}
    if recorded.action == "listen":
        return entry
    if recorded.in_vain:
        return {**entry, "inVain": recorded.in_vain}
    fields = {
        "contentType": message.content_type,
        "correlationId": message.correlation_id,
        "replyTo": message.reply_to,
        "key": message.key,
        "headers": _listed(message.headers) or None,
        "seen": recorded.seen if recorded.seen > 1 else None,
    }
    entry |= {name: value for name, value in fields.items() if value is not None}
    try:
        return {**entry, "payload": message.payload.decode()}
    except UnicodeDecodeError:
        return {**entry, "payload": message.payload}


def read_message(entry: Any) -> RecordedMessage:
    """Read a message of a cassette.

    Raises:
        ValueError: it is none; the text says what is wrong.
    """
    if not isinstance(entry, dict):
        raise ValueError("it is not an object")
    action, address = entry.get("action"), entry.get("address")
    if action not in ("listen", "send", "receive"):
        raise ValueError(f"its action is {action!r}; expected 'send', 'receive' or 'listen'")
    if not isinstance(address, str):
        raise ValueError("it has no address")
    payload = entry.get("payload", b"")
    if not isinstance(payload, str | bytes):
        raise ValueError("its payload is neither text nor bytes")
    seen = entry.get("seen", 1)
    if not isinstance(seen, int):
        raise ValueError(f"the number of messages that were seen is {seen!r}; expected a whole number")
    message = Message(
        payload.encode() if isinstance(payload, str) else payload,
        _headers(entry.get("headers") or {}),
        address,
        *(_text(entry, name) for name in ("contentType", "correlationId", "replyTo", "key")),
    )
    return RecordedMessage(action, _text(entry, "source") or "", message, seen, _text(entry, "inVain") or "")


def _listed(headers: Headers) -> dict[str, list[str]]:
    listed: dict[str, list[str]] = {}
    for name, value in headers:
        listed.setdefault(name, []).append(value)
    return listed


def _headers(entry: Any) -> Headers:
    if not isinstance(entry, Mapping):
        raise ValueError("its headers are not an object")
    return tuple(
        (str(name), str(value))
        for name, values in entry.items()
        for value in (values if isinstance(values, list) else [values])
    )


def _text(entry: Mapping[str, Any], name: str) -> str | None:
    value = entry.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"its {name} is {value!r}; expected text")
    return value
