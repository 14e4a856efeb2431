"""Counts of how often a stop has held, for stops that let the run pass some times."""

from __future__ import annotations

from arazzo_runner.runtime.debugging.stops import Stop


class Hits:
    """The places at which stops have held. A place that is passed again after going back counts once."""

    def __init__(self) -> None:
        self._places: dict[int, tuple[Stop, set[tuple[int, int]]]] = {}

    def holds(self, stop: Stop, place: tuple[int, int]) -> bool:
        """Note that a stop holds at a place; return whether it has held often enough to hold the run.

        Args:
            place: index of the turn, and of the point in it.
        """
        if not stop.after:
            return True
        # The stop is kept beside its places: its identity is then not given to another one.
        _, places = self._places.setdefault(id(stop), (stop, set()))
        places.add(place)
        return sum(one <= place for one in places) > stop.after

    def cut(self, length: int) -> None:
        """Forget what held behind the first ``length`` turns, which have been cut off."""
        for _, places in self._places.values():
            places -= {place for place in places if place[0] >= length}
