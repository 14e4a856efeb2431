"""Circles among things that depend on one another (F8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def circle_of(needs: Mapping[str, Iterable[str]]) -> list[str] | None:
    """A circle, its first member again at its end, or None when there is none.

    Args:
        needs: for each thing, those that it depends on; others are passed over.
    """
    done: set[str] = set()
    for first in needs:
        path: list[str] = []
        stack: list[tuple[str, bool]] = [(first, False)]
        while stack:
            key, leaving = stack.pop()
            if leaving:
                path.pop()
                done.add(key)
            elif key in path:
                return [*path[path.index(key) :], key]
            elif key not in done and key in needs:
                path.append(key)
                stack.append((key, True))
                stack += [(needed, False) for needed in needs[key]]
    return None
