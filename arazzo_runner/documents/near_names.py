"""Names near one that is not known: the hint of every message about a name."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable
from functools import lru_cache

MAX_COMPARED = 1000
"""How many names one is compared with; of more, those next to it in the alphabet."""
MAX_NEIGHBOURS = 50
LISTED = 8
"""How many names a hint lists when none is near."""


def near_names(name: str, known: Iterable[str], *, most: int = 3, cutoff: float = 0.6) -> list[str]:
    """Return the known names most like one, letter case aside, the nearest first.

    Args:
        cutoff: how alike they are at least, from 0 to 1 (``difflib``).
    """
    from difflib import get_close_matches

    by_lower, ordered = _lower(tuple(known))
    name = name.lower()
    if len(ordered) > MAX_COMPARED:
        here = bisect(ordered, name)
        ordered = ordered[max(0, here - MAX_NEIGHBOURS) : here + MAX_NEIGHBOURS]
    return [by_lower[found] for found in get_close_matches(name, ordered, n=most, cutoff=cutoff)]


@lru_cache(maxsize=4)
def _lower(known: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
    """Names by their lower-case spelling, and those in order; of doubled ones the first counts."""
    by_lower = {other.lower(): other for other in reversed(known)}
    return by_lower, sorted(by_lower) if len(by_lower) > MAX_COMPARED else list(by_lower)


def did_you_mean(name: str, known: Iterable[str], what: str) -> str:
    """Return a hint for a name that is not known: the names most like it, otherwise the first few of all.

    Args:
        what: what the names are names of, in the plural: ``steps``.
    """
    names = list(known)
    if near := near_names(name, names):
        return f"did you mean {' or '.join(near)}?"
    if not names:
        return f"there are no {what}"
    return f"the {what} are {', '.join(names[:LISTED])}{', …' if len(names) > LISTED else ''}"
