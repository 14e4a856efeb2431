"""JSON Pointer (RFC 6901): write one, take one apart, follow one."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

_ARRAY_INDEX = re.compile(r"0|[1-9][0-9]{0,17}")
_BAD_ESCAPE = re.compile(r"~(?![01])")


class PointerError(KeyError):
    """A JSON Pointer that is malformed, or that reaches nothing.

    Attributes:
        message: which token of the pointer failed, and why.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:  # KeyError would show the repr of the message
        return self.message


def escape(token: str) -> str:
    """A member name as it is written in a pointer."""
    if "~" in token or "/" in token:
        return token.replace("~", "~0").replace("/", "~1")
    return token


def unescape(token: str) -> str:
    """The member name that a pointer's token stands for."""
    return token.replace("~1", "/").replace("~0", "~")


def join(pointer: str, *tokens: str | int) -> str:
    """The pointer to a member (or a member's member) of what ``pointer`` points to."""
    for token in tokens:
        pointer = f"{pointer}/{escape(str(token))}"
    return pointer


def split(pointer: str) -> list[str]:
    """The unescaped tokens of a pointer.

    Raises:
        PointerError: it does not start with ``/``, or a ``~`` is followed by neither 0 nor 1.
    """
    if not pointer:
        return []
    if not pointer.startswith("/"):
        raise PointerError(f"a JSON Pointer starts with '/' or is empty, this one is {pointer!r}")
    if _BAD_ESCAPE.search(pointer):
        raise PointerError(f"'~' is written '~0' in a JSON Pointer, this one is {pointer!r}")
    return [unescape(token) for token in pointer[1:].split("/")]


def index_of(token: str, length: int) -> int | None:
    """The element of an array of that length that a token names, or None; an index has no leading zeros (RFC 6901)."""
    index = int(token) if _ARRAY_INDEX.fullmatch(token) else length
    return index if index < length else None


def resolve(data: Any, pointer: str) -> Any:
    """The value that a pointer reaches.

    ``-`` (the place after the last element) is not an element.

    Raises:
        PointerError: the pointer is malformed or reaches nothing.
    """
    value = data
    for token in split(pointer):
        match value:
            case dict() if token in value:
                value = value[token]
            case list() if (index := index_of(token, len(value))) is not None:
                value = value[index]
            case _:
                raise PointerError(f"{pointer!r} reaches nothing: there is no {token!r} in {_kind(value)}")
    return value


def _kind(value: Any) -> str:
    match value:
        case dict():
            return "that object"
        case list():
            return f"an array of {len(value)}"
        case _:
            return "a value that has no members"


Json: TypeAlias = Any
"""Plain data: dict, list, str, int, float, bool or None."""
