"""Secrets that a recording does not hold: whatever stands in their place says nothing of the request.

A live request is masked before it is compared. Where it holds the mask, the recording may hold the mask too, the word
of another tool's filter (``XXX``), or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeAlias
from urllib.parse import quote, unquote

from arazzo_runner.effects import MASK

Pairs: TypeAlias = Sequence[tuple[str, str]]
_MAX_TEXT = 100_000
"""Characters of a text that is compared around its masks; the pieces of a longer one are looked for one by one."""


def with_masks(live: Any, recorded: Any) -> Any:
    """The recorded data with the live mask where the live data has one."""
    match live, recorded:
        case str(), _ if MASK in live:
            return live if not isinstance(recorded, str) or fits(live, recorded) else recorded
        case dict(), dict():
            made = {key: with_masks(live[key], value) if key in live else value for key, value in recorded.items()}
            hidden = {key: value for key, value in live.items() if key not in recorded and _is_hidden(value)}
            return {**made, **hidden}
        case list(), list() if len(live) == len(recorded):
            return [with_masks(one, other) for one, other in zip(live, recorded, strict=True)]
        case _:
            return recorded


def pairs_with_masks(live: Pairs, recorded: Pairs) -> list[tuple[str, str]]:
    """The recorded pairs of a query or form with the live ones whose values are masked in place of their own."""
    hidden = {name for name, value in live if MASK in value}
    return [pair for pair in recorded if pair[0] not in hidden] + [pair for pair in live if pair[0] in hidden]


def path_with_masks(live: str, recorded: str) -> str:
    """The recorded path with the live segments that are masked."""
    one, other = live.split("/"), recorded.split("/")
    if len(one) != len(other):
        return recorded
    shown = quote(MASK, safe="")
    pairs = zip(one, other, strict=True)
    return "/".join(a if (MASK in a or shown in a) and fits(unquote(a), unquote(b)) else b for a, b in pairs)


def fits(live: str, recorded: str) -> bool:
    """Tell if a recorded text is the live one, whatever stands where that is masked."""
    pieces = live.split(MASK)
    if len(live) + len(recorded) <= _MAX_TEXT and len(pieces) <= 10:
        return re.fullmatch(".*?".join(map(re.escape, pieces)), recorded, re.DOTALL) is not None
    at = 0
    for piece in pieces:
        at = recorded.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return recorded.startswith(pieces[0]) and recorded.endswith(pieces[-1])


def _is_hidden(value: Any) -> bool:
    return isinstance(value, str) and MASK in value
