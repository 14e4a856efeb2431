"""Entries of a report that may be many: in memory while they are few, in a temporary file beyond that."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from typing import Any, Self

IN_MEMORY = 1_000_000
"""From how many bytes on entries are kept in a file instead of in memory."""


class Spool:
    """Plain data, one entry after another, read as often as wanted. Use it as a context manager.

    Args:
        in_memory: bytes from which on a file is used.
    """

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=in_memory, mode="w+", encoding="ascii")  # noqa: SIM115
        self._count = 0

    def append(self, entry: Any) -> None:
        """Keep an entry.

        Args:
            entry: what JSON can say. It is escaped to ASCII, so that a lone surrogate of some answer's JSON, which no
                encoding writes, is kept like any other character.
        """
        self._file.seek(0, 2)
        self._file.write(json.dumps(entry) + "\n")
        self._count += 1

    def __len__(self) -> int:
        return self._count

    @property
    def on_disk(self) -> bool:
        """Return whether the entries have become too many for memory."""
        # ``_rolled`` is all that the standard library offers to tell.
        return bool(self._file._rolled)  # type: ignore[attr-defined]  # noqa: SLF001

    def __iter__(self) -> Iterator[Any]:
        """Every entry, in order."""
        return map(json.loads, self.lines())

    def lines(self) -> Iterator[str]:
        """Every entry, in order, as one line of JSON in ASCII."""
        self._file.seek(0)
        for line in self._file:
            yield line.rstrip("\n")

    def close(self) -> None:
        """Let go of everything."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
