"""A mapping that grows without being copied: what a run has so far, in a state that stays as it is.

The versions of a map share one history; a version is how much of it has been written. To add an entry takes the same
time however many there are, and so does finding out what was added since an earlier version, which a journal writes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import Any, TypeVar

V = TypeVar("V")
_SPARE = 32
"""Changes that a history keeps beside twice its names, before a new one begins without what was replaced."""


class History:
    """The entries of a map in the order in which they were made, replaced ones too."""

    __slots__ = ("changes", "lock", "places")

    def __init__(self, entries: Mapping[str, Any]) -> None:
        self.changes: list[tuple[str, Any]] = list(entries.items())
        self.places = {name: [place] for place, name in enumerate(entries)}
        self.lock = Lock()

    def write(self, length: int, name: str, value: Any) -> bool:
        """Write a change behind the first ``length``; False when another version already has, or it is time to tidy."""
        with self.lock:
            if len(self.changes) != length or length > 2 * len(self.places) + _SPARE:
                return False
            self.places.setdefault(name, []).append(length)
            self.changes.append((name, value))
        return True


class PersistentMap(Mapping[str, V]):
    """An immutable mapping from names to values.

    Attributes:
        history: shared with the versions that it was made from, and with those made from it.
        length: how many of its changes are this version's.
    """

    __slots__ = ("history", "length")

    def __init__(self, entries: Mapping[str, V] | None = None) -> None:
        self.history = History(entries or {})
        self.length = len(self.history.changes)

    def having(self, name: str, value: V) -> PersistentMap[V]:
        """Return the map with an entry added or replaced."""
        made: PersistentMap[V] = PersistentMap.__new__(PersistentMap)
        if self.history.write(self.length, name, value):
            made.history, made.length = self.history, self.length + 1
        else:
            PersistentMap.__init__(made, {**self, name: value})
        return made

    def changes(self, since: int = 0) -> Sequence[tuple[str, V]]:
        """Return the entries made since the version of that length, replaced ones too."""
        return self.history.changes[since : self.length]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a name, or the default."""
        places = self.history.places.get(name)
        if places is None:
            return default
        if places[-1] < self.length:
            return self.history.changes[places[-1]][1]
        before = bisect_left(places, self.length)
        return self.history.changes[places[before - 1]][1] if before else default

    def __getitem__(self, name: str) -> V:
        if (value := self.get(name, _ABSENT)) is _ABSENT:
            raise KeyError(name)
        found: V = value
        return found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name, _ABSENT) is not _ABSENT

    def __iter__(self) -> Iterator[str]:
        # A copy, since another thread may write behind this version meanwhile.
        return (name for name, places in list(self.history.places.items()) if places[0] < self.length)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"PersistentMap({dict(self)!r})"


_ABSENT = object()
