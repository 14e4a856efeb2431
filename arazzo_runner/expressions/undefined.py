"""``UNDEFINED``, the value of whatever is not there (V1). It is never ``None``: ``null`` is a value."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Undefined(Enum):
    """The type of ``UNDEFINED``; an enum of one member, so that ``is`` narrows it for type checkers."""

    UNDEFINED = "undefined"

    def __repr__(self) -> str:
        return "UNDEFINED"

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = Undefined.UNDEFINED
