"""The parts of a run's state that are written once: its inputs, and the entries of its maps that grow.

The state itself only names them, so that what a turn writes does not depend on how much the run has so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

from arazzo_runner.engine.persistent_map import PersistentMap
from arazzo_runner.engine.state import RunState, as_data, as_state
from arazzo_runner.errors import InvalidState

_PART = "$part"
Pieces: TypeAlias = Mapping[int, Sequence[Any]]
"""What was written of each part, in order."""


class Piece(Struct, frozen=True):
    """A piece of a part: one entry of a map, or inputs.

    Attributes:
        part: the part's number in its run.
        place: which piece of its part it is, from 0.
        data: plain data.
    """

    part: int
    place: int
    data: Any


class SplitState(Struct, frozen=True):
    """A state taken apart.

    Attributes:
        data: plain data, in which the parts are named.
        added: the pieces that have not been written.
        gone: the numbers of the parts that the state has no more.
    """

    data: Any
    added: Sequence[Piece]
    gone: Sequence[int]


class _Part(Struct):
    """A part that is being written.

    Attributes:
        whole: the inputs, or the history of the map; held, so that no other object gets its identity.
        length: of the history, as far as it is written.
        places: how many pieces are written.
    """

    number: int
    whole: object
    length: int
    places: int


class StateParts:
    """Takes the states of one run apart, in the order of its turns, and puts the last one together again."""

    def __init__(self) -> None:
        self._parts: dict[int, _Part] = {}
        self._next = 0

    def split(self, state: RunState) -> SplitState:
        """Take a state apart."""
        inputs = {id(held) for held in (state.inputs, *(frame.inputs for frame in state.frames)) if held}
        added: list[Piece] = []
        named: dict[int, _Part] = {}

        def share(value: Mapping[str, Any]) -> Any:
            if not isinstance(value, PersistentMap):
                return self._named(named, self._inputs(value, added)) if id(value) in inputs else None
            return self._named(named, self._map(value, added)) if value.length else None

        data = as_data(state, share)
        kept = {part.number for part in named.values()}
        gone = [part.number for part in self._parts.values() if part.number not in kept]
        self._parts = named
        return SplitState(data, added, gone)

    @staticmethod
    def _named(named: dict[int, _Part], part: _Part) -> Any:
        named[id(part.whole)] = part
        return {_PART: [part.number, part.places]}

    def _inputs(self, value: Mapping[str, Any], added: list[Piece]) -> _Part:
        known = self._parts.get(id(value))
        if known is None:
            known = self._parts[id(value)] = self._new(value, length=1, places=1)
            added.append(Piece(known.number, 0, {"inputs": as_data(value)}))
        return known

    def _map(self, value: PersistentMap[Any], added: list[Piece]) -> _Part:
        known = self._parts.get(id(value.history))
        if known is None or known.length > value.length:
            known = self._parts[id(value.history)] = self._new(value.history)
        for name, item in value.changes(known.length):
            added.append(Piece(known.number, known.places, as_data([name, item])))
            known.places += 1
        known.length = value.length
        return known

    def _new(self, whole: object, *, length: int = 0, places: int = 0) -> _Part:
        part = _Part(self._next, whole, length, places)
        self._next += 1
        return part

    def join(self, data: Any, pieces: Pieces) -> RunState:
        """Put a state together that was split, perhaps by another process; the next one is split from there.

        Raises:
            InvalidState: a part is missing.
        """
        state = as_state(_joined(data, pieces))
        self._next = max(pieces, default=-1) + 1
        self._parts = {}
        written = [(data, state), *zip(data["frames"], state.frames, strict=True)]
        for names, struct in written:
            for name in struct.__struct_fields__:
                if reference := _reference(names[name]):
                    self._take_up(getattr(struct, name), *reference)
        return state

    def _take_up(self, value: Any, number: int, places: int) -> None:
        whole, length = (value.history, value.length) if isinstance(value, PersistentMap) else (value, 1)
        if all(part.number != number for part in self._parts.values()):
            self._parts[id(whole)] = _Part(number, whole, length, places)


def _reference(value: Any) -> tuple[int, int] | None:
    match value:
        case {"$part": [int(number), int(places)]} if len(value) == 1:
            return number, places
    return None


def _joined(data: dict[str, Any], pieces: Pieces) -> dict[str, Any]:
    shared: dict[tuple[int, int], Any] = {}

    def whole(value: Any) -> Any:
        reference = _reference(value)
        if reference is None:
            return value
        if reference not in shared:
            shared[reference] = _part(pieces, *reference)
        return shared[reference]

    top = {name: whole(value) for name, value in data.items()}
    return {**top, "frames": [{name: whole(value) for name, value in frame.items()} for frame in data["frames"]]}


def _part(pieces: Pieces, number: int, places: int) -> Any:
    found = pieces.get(number, ())
    if len(found) < places:
        raise InvalidState(f"part {number} of the run's state has {len(found)} of {places} pieces")
    match found[0]:
        case {"inputs": inputs}:
            return inputs
    return dict(found[:places])


def in_order(rows: Iterable[tuple[int, int, bytes]], opened: Callable[[int, int, bytes], Any]) -> Pieces:
    """Return the pieces of each part as they were written, from the rows of a journal.

    Args:
        rows: the part's number, the piece's place, and what is sealed of it, in order.

    Raises:
        InvalidState: a piece is missing.
    """
    found: dict[int, list[Any]] = {}
    for number, place, sealed in rows:
        pieces = found.setdefault(number, [])
        if place != len(pieces):
            raise InvalidState(f"piece {len(pieces)} of part {number} of the run's state is missing")
        pieces.append(opened(number, place, sealed))
    return found
