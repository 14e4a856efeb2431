"""``arazzo`` in a process that kills itself (SIGKILL) instead of the n-th write to the journal, or right after it.

Usage: ``python -m tests.support.crashing before|after N WORD…``
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arazzo_runner.runtime.durable import database as journal_file
from arazzo_runner.runtime.durable import journal


def die_at(when: str, number: int) -> None:
    """Wrap the journal's transactions."""
    count = 0

    @contextmanager
    def transaction(database: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
        nonlocal count
        count += 1
        if (when, number) == ("before", count):
            os.kill(os.getpid(), signal.SIGKILL)
        with journal_file.transaction(database, path) as inside:
            yield inside
        if (when, number) == ("after", count):
            os.kill(os.getpid(), signal.SIGKILL)

    journal.transaction = transaction  # type: ignore[attr-defined]


if __name__ == "__main__":
    from arazzo_runner.cli.main import main

    die_at(sys.argv[1], int(sys.argv[2]))
    sys.argv = ["arazzo", *sys.argv[3:]]
    main()
