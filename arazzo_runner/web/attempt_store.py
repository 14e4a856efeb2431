"""The attempts of a run, whole: in memory while they are small, in a temporary file beyond that; all masked."""

from __future__ import annotations

import tempfile
from array import array

from arazzo_runner.engine.events import Attempt
from arazzo_runner.runtime.serialization import decode, encode

IN_MEMORY = 4_000_000
"""Bytes from which on a file is used."""


class AttemptStore:
    """Attempts by their number, from 1."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed by ``close``
        self._ends = array("Q")

    def __len__(self) -> int:
        return len(self._ends)

    def append(self, attempt: Attempt) -> None:
        """Keep the next attempt."""
        self._file.seek(0, 2)
        self._file.write(encode(attempt).encode("utf-8", "surrogatepass"))
        self._ends.append(self._file.tell())

    def __getitem__(self, number: int) -> Attempt:
        if not 1 <= number <= len(self._ends):
            raise IndexError(number)
        start = self._ends[number - 2] if number > 1 else 0
        self._file.seek(start)
        attempt: Attempt = decode(self._file.read(self._ends[number - 1] - start).decode("utf-8", "surrogatepass"))
        return attempt

    def close(self) -> None:
        """Let go of everything."""
        self._file.close()
