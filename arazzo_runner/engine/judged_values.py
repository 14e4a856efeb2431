"""Values as validators of JSON Schema take them, and how much work they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MAX_ASKED = 20_000_000
"""How often parts of a schema may be looked at to find out whether a value fits, which takes less than a second."""
_HALF = re.compile("[\ud800-\udfff]")


def plain_value(value: Any) -> Any:
    """A value as the validator takes it: bytes as strings, and another character for half of a surrogate pair."""
    match value:
        case bytes():
            return value.decode("latin-1")
        case str():
            return _HALF.sub("\ufffd", value)
        case Mapping():
            return {_HALF.sub("\ufffd", key): plain_value(item) for key, item in value.items()}
        case list():
            return [plain_value(item) for item in value]
        case _:
            return value


def depth_of(value: Any) -> int:
    """Return how deep objects and arrays nest."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, (Mapping, list))]:
        depth += 1
        level = [part for item in level for part in (item.values() if isinstance(item, Mapping) else item)]
    return depth


def size_of(value: Any) -> int:
    """Return how many values there are in a value, itself included."""
    count, pending = 0, [value]
    while pending:
        item = pending.pop()
        count += 1
        if isinstance(item, (Mapping, list)):
            pending += item.values() if isinstance(item, Mapping) else item
    return count
