"""The witness of a journal: a second file that knows how far each run has come.

SQLite drops what it cannot read at the end of its write-ahead log without a word: after one flipped bit a journal is
shorter than it was, and a run resumed from it would send again what it has sent. So the number and the digest of each
run's last turn are also written here, and synced, after the journal has them and before anything is sent. A journal may
be ahead of its witness by what a crash interrupted; one that is behind has lost something.

The file has a header and a slot for each run, at the place that the run's key in the journal gives it. A slot holds two
records, written in turn, so that one that a crash has torn leaves the other.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from msgspec import Struct

from arazzo_runner.errors import JournalError

OPEN, ENDED = 1, 2

_HEADER = struct.Struct("<8s16sI")
_MAGIC = b"ARZWIT1\n"
_RECORD = struct.Struct("<QBB46sq16sI")
"""Sequence number, status, length of the id, the id, the turn's number, the digest of its chain, a checksum."""
_SIZE = 128
_SLOT = 2 * _SIZE
_LONGEST = 46
"""Bytes of a run's id: ten characters, or those and the line of a batch's file."""


class Seen(Struct, frozen=True):
    """The last that a witness has seen of a run.

    Attributes:
        run: the run's id.
        turn: the number of its last turn; -1 for none.
        chain: the digest of all its turns.
    """

    run: str
    turn: int
    chain: bytes
    is_open: bool
    sequence: int = 0


class Witness:
    """The witness beside a journal.

    Args:
        journal: the journal's path.
    """

    def __init__(self, journal: Path) -> None:
        self.path = journal.with_name(f"{journal.name}-witness")

    def exists(self) -> bool:
        """Return whether there is one, with anything in it."""
        try:
            return self.path.stat().st_size > 0
        except OSError:
            return False

    def identity(self) -> bytes | None:
        """Return the identity of the journal that it belongs to; None when there is none, or it cannot be read."""
        try:
            with self.path.open("rb") as file:
                data = file.read(_HEADER.size)
        except FileNotFoundError:
            return None
        if len(data) < _HEADER.size:
            return None
        magic, identity, checksum = _HEADER.unpack(data)
        return identity if magic == _MAGIC and checksum == zlib.crc32(identity) else None

    def create(self, identity: bytes) -> None:
        """Make the file for a new journal, for this user alone."""
        header = _HEADER.pack(_MAGIC, identity, zlib.crc32(identity)).ljust(_SLOT, b"\0")
        os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600))
        with self._writing() as file:
            file.write(header)

    def seen(self, key: int) -> Seen | None:
        """Return what it has seen of the run with that key in the journal."""
        try:
            with self.path.open("rb") as file:
                file.seek(_place(key))
                return _latest(file.read(_SLOT))
        except FileNotFoundError:
            return None

    def all_seen(self) -> dict[int, Seen]:
        """Return what it has seen of every run, by the run's key in the journal."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        slots = ((place // _SLOT, _latest(data[place : place + _SLOT])) for place in range(_SLOT, len(data), _SLOT))
        return {key: seen for key, seen in slots if seen is not None}

    def write(self, found: Iterable[tuple[int, Seen]]) -> None:
        """Write what is seen of runs now, and sync it once.

        Raises:
            OSError: it cannot be written.
        """
        with self._writing() as file:
            for key, seen in found:
                file.seek(_place(key))
                before = _latest(file.read(_SLOT))
                sequence = 1 if before is None else before.sequence + 1
                file.seek(_place(key) + _SIZE * (sequence % 2))
                file.write(_packed(seen, sequence))

    def forget(self, keys: Iterable[int]) -> None:
        """Empty the slots of runs that are deleted: their keys may be given again."""
        with self._writing() as file:
            for key in keys:
                file.seek(_place(key))
                file.write(bytes(_SLOT))

    @contextmanager
    def _writing(self) -> Iterator[FileIO]:
        with FileIO(self.path, "r+") as file:
            yield file
            os.fsync(file.fileno())


def _place(key: int) -> int:
    return key * _SLOT


def _packed(seen: Seen, sequence: int) -> bytes:
    run = seen.run.encode()
    if len(run) > _LONGEST:
        raise JournalError(f"the run's id {seen.run!r} is too long")
    fields = (sequence, OPEN if seen.is_open else ENDED, len(run), run, seen.turn, seen.chain)
    record = _RECORD.pack(*fields, 0)[:-4]
    return (record + struct.pack("<I", zlib.crc32(record))).ljust(_SIZE, b"\0")


def _latest(slot: bytes) -> Seen | None:
    found = [seen for half in (slot[:_SIZE], slot[_SIZE:]) if (seen := _unpacked(half)) is not None]
    return max(found, key=lambda seen: seen.sequence, default=None)


def _unpacked(half: bytes) -> Seen | None:
    if len(half) < _RECORD.size:
        return None
    record = half[: _RECORD.size]
    sequence, status, length, run, turn, chain, checksum = _RECORD.unpack(record)
    if not sequence or checksum != zlib.crc32(record[:-4]):
        return None
    return Seen(run[:length].decode("utf-8", "replace"), turn, chain, status == OPEN, sequence)
