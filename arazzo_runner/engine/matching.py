"""The match of messages with what a step waits for (M7, M8): a pure function, for brokers and replays alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from arazzo_runner.asyncapi.locations import location_of
from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.effects import Match, Message
from arazzo_runner.engine.messages.schemas import fits, message_parts
from arazzo_runner.expressions.evaluate import to_text
from arazzo_runner.expressions.undefined import UNDEFINED

ANOTHER_ID, NO_ID, NEARLY_THE_ID, ANOTHER_MESSAGE = 0, 1, 2, 3
"""How near a message that is not taken comes to the one that is waited for."""
_MOST_MEMBERS = 10_000
_MOST_IDS = 3


class Miss(Struct, frozen=True):
    """The reason for which a message is not taken.

    Attributes:
        closeness: the higher, the nearer it comes.
        why: a clause, for the sentence that says so.
    """

    closeness: int
    why: str


def miss(match: Match, message: Message) -> Miss | None:
    """Return why a message is not the one that a step waits for; None when it is taken."""
    parts = message_parts(message)
    if match.correlation_id is not None:
        wanted = match.correlation_id
        ids = list(_ids(match, message, parts))
        if wanted not in ids and _member_of(match, parts) is None:
            return _other_id(wanted, ids)
    if match.wanted and match.others:
        if any(fits(schemas, parts) for schemas in match.wanted):
            return None
        if any(fits(schemas, parts) for schemas in match.others):
            return Miss(ANOTHER_MESSAGE, "it is another message of the channel")
    return None


def taken_by_member(match: Match, message: Message) -> str | None:
    """The pointer of the payload's member that alone shows that a message is the one (M7); None when more does."""
    if match.correlation_id is None:
        return None
    parts = message_parts(message)
    return None if match.correlation_id in _ids(match, message, parts) else _member_of(match, parts)


def _ids(match: Match, message: Message, parts: Mapping[str, Any]) -> Iterator[str]:
    """The correlation ids of a message, as text, from the places that are meant."""
    if match.locations:
        for location in filter(None, map(location_of, match.locations)):
            value = location.value(parts["headers"], parts["payload"])
            if value is UNDEFINED and location.part == "header":
                # A protocol that has a field for the id carries it there, whatever header the description names.
                value = message.correlation_id
            if value is not UNDEFINED and value is not None:
                yield to_text(value)
        return
    own = (message.correlation_id, *(message.header(name) for name in match.headers))
    yield from (value for value in own if value is not None)


def _member_of(match: Match, parts: Mapping[str, Any]) -> str | None:
    """The pointer of the first member of the payload that is the id as a whole, or None."""
    if not match.in_payload or match.locations:
        return None
    waiting: list[tuple[str, Any]] = [("", parts["payload"])]
    for _ in range(_MOST_MEMBERS):
        if not waiting:
            return None
        pointer, value = waiting.pop(0)
        match value:
            case dict():
                waiting += [(json_pointer.join(pointer, str(key)), item) for key, item in value.items()]
            case list():
                waiting += [(json_pointer.join(pointer, index), item) for index, item in enumerate(value)]
            case str() | int() | float() if pointer and to_text(value) == match.correlation_id:
                return pointer
    return None


def _other_id(wanted: str, ids: list[str]) -> Miss:
    if not ids:
        return Miss(NO_ID, "it has no correlation id")
    nearly = any(one.strip().casefold() == wanted.strip().casefold() for one in ids)
    shown = " and ".join(repr(one) for one in dict.fromkeys(ids[:_MOST_IDS]))
    what = "its correlation id is" if len(ids) == 1 else "its correlation ids are"
    return Miss(NEARLY_THE_ID if nearly else ANOTHER_ID, f"{what} {shown}")
