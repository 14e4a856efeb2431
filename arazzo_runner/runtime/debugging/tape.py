"""The turns of a debugged run. Beyond some hundreds they lie on the disk, sealed with a key of this process (S1)."""

from __future__ import annotations

import os
import tempfile
import zlib
from typing import IO

from msgspec import Struct

from arazzo_runner.effects import Answer
from arazzo_runner.engine.flow import Turn
from arazzo_runner.engine.state import RunState
from arazzo_runner.runtime.secrets.sealing import SIZE, Key, Sealer
from arazzo_runner.runtime.serialization import decode, encode

ROOM = 256
"""How many turns are kept in memory."""


class Kept(Struct, frozen=True):
    """A turn, and the answer that led to it; None for the first one."""

    turn: Turn
    answer: Answer | None = None


class Tape:
    """The turns of a run, in order.

    Args:
        room: how many of them stay in memory; the older ones are on the disk.
    """

    def __init__(self, room: int = ROOM) -> None:
        self._room = max(1, room)
        self._memory: dict[int, Kept] = {}
        self._places: dict[int, tuple[int, int]] = {}
        self._length = 0
        self._file: IO[bytes] | None = None
        self._sealer: Sealer | None = None

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Kept:
        found = self._memory.get(index)
        return self._read(index) if found is None else found

    def append(self, kept: Kept) -> None:
        """Add the turn that follows the last one."""
        self._memory[self._length] = kept
        self._length += 1
        while len(self._memory) > self._room:
            self._spool(min(self._memory))

    def cut(self, length: int) -> None:
        """Forget the turns behind the first ``length`` ones."""
        for index in range(length, self._length):
            self._memory.pop(index, None)
            self._places.pop(index, None)
        self._length = min(length, self._length)

    def close(self) -> None:
        """Forget everything; the file is gone."""
        self.cut(0)
        if self._file is not None:
            self._file.close()
            self._file = None

    def _spool(self, index: int) -> None:
        kept = self._memory.pop(index)
        if index in self._places:
            return
        if self._file is None:
            # Without a name: nobody else can open it, and it is gone with the process, however that ends.
            self._file = tempfile.TemporaryFile(prefix="arazzo-debug-")  # noqa: SIM115 - closed by ``close``
            self._sealer = Key(os.urandom(SIZE)).sealer("debug")
        assert self._sealer is not None  # noqa: S101 - for the type checker
        turn = kept.turn
        record = encode([turn.state.to_json(), list(turn.events), turn.effect, turn.outcome, kept.answer])
        sealed = self._sealer.seal(zlib.compress(record.encode(), 1), f"turn {index}")
        offset = self._file.seek(0, os.SEEK_END)
        self._file.write(sealed)
        self._places[index] = (offset, len(sealed))

    def _read(self, index: int) -> Kept:
        if index not in self._places or self._file is None or self._sealer is None:
            raise IndexError(index)
        offset, size = self._places[index]
        self._file.seek(offset)
        record = zlib.decompress(self._sealer.open(self._file.read(size), f"turn {index}")).decode()
        state, events, effect, outcome, answer = decode(record)
        return Kept(Turn(RunState.from_json(state), tuple(events), effect, outcome), answer)
