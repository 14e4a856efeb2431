"""Runtime expressions of AsyncAPI: places in a message, such as ``$message.header#/correlationId`` (M1, M7, M12)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, cast

from msgspec import Struct

from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.pointer import PointerError
from arazzo_runner.expressions.undefined import UNDEFINED

_FORM = re.compile(r"\$message\.(header|payload)(?:#(/.*)?)?", re.DOTALL)


class MessageLocation(Struct, frozen=True):
    """A place in a message.

    Attributes:
        pointer: JSON Pointer into the headers or the payload; empty for the whole.
    """

    part: Literal["header", "payload"]
    pointer: str

    def __str__(self) -> str:
        return f"$message.{self.part}#{self.pointer}"

    @property
    def name(self) -> str:
        """The last name of the place; empty for the whole."""
        return json_pointer.split(self.pointer)[-1] if self.pointer else ""

    def value(self, headers: Mapping[str, Any], payload: Any) -> Any:
        """The value that stands there, or ``UNDEFINED``; names of headers are compared without case."""
        if payload is UNDEFINED and self.part == "payload":
            return UNDEFINED
        if self.part == "header":
            wanted = self.name.lower()
            return next((value for name, value in headers.items() if name.lower() == wanted), UNDEFINED)
        try:
            return json_pointer.resolve(payload, self.pointer)
        except PointerError:
            return UNDEFINED


def location_of(text: str) -> MessageLocation | None:
    """Read a runtime expression of AsyncAPI; None when it is not one."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        return None
    return MessageLocation(cast(Literal["header", "payload"], match[1]), match[2] or "")
