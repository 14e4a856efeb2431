"""Completeness of a journal: it is compared with its witness before anything is written or sent."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from arazzo_runner.documents.files import exists
from arazzo_runner.errors import JournalError
from arazzo_runner.runtime.durable.database import explained, read_only
from arazzo_runner.runtime.durable.witness import Seen, Witness

NAMED = 3
"""How many runs a message names."""
_HINT = (
    "nothing was sent and nothing was written; restore a backup of both files, or use what is left with --trust-journal"
)


def chained(before: bytes, turn: int, told: bytes) -> bytes:
    """Return the digest of a turn and of all turns before it."""
    return hashlib.sha256(before + turn.to_bytes(8, "little") + told).digest()[:16]


def check_journal(path: Path, witness: Witness, *, trusted: bool = False) -> None:
    """Compare a journal with its witness, and change neither.

    Raises:
        JournalError: the journal is gone, is another one, or is shorter than it was.
    """
    if trusted or not witness.exists():
        return
    seen = witness.all_seen()
    if not exists(path):
        if seen:
            message = f"the journal {path} is gone: its witness {witness.path} knows {_runs(len(seen))}"
            raise JournalError(message, hint=f"restore a backup, or delete {witness.path} to begin a new journal")
        return
    identity = witness.identity()
    with read_only(path) as database:
        own = _identity(database)
        if own is None and seen:
            raise JournalError(f"the journal {path} is empty: its witness knows {_runs(len(seen))}", hint=_HINT)
        if own is None:
            return
        if identity is not None and own != identity.hex():
            raise JournalError(f"the journal {path} is another one than its witness {witness.path} knows", hint=_HINT)
        lost = list(_lost(database, seen))
    if lost:
        # A run may have been deleted, or have continued, while it was looked at.
        seen = witness.all_seen()
        with read_only(path) as database:
            lost = list(_lost(database, seen))
    if lost:
        named = ", ".join(lost[:NAMED]) + (", …" if len(lost) > NAMED else "")
        raise JournalError(f"the journal {path} is damaged: it is shorter than it was ({named})", hint=_HINT)


def check_run(database: sqlite3.Connection, path: Path, witness: Witness, run_id: str, *, trusted: bool) -> None:
    """Compare a run in a journal with what its witness has seen of it.

    Args:
        trusted: the journal is right; the witness is rewritten.

    Raises:
        JournalError: the journal has lost something of it, or the witness has.
    """
    with explained(path, JournalError):
        found = database.execute(
            "SELECT key, status, (SELECT max(turn) FROM turns WHERE run = key) FROM runs WHERE id = ?", (run_id,)
        ).fetchone()
        if found is None or found[1] != "open":
            return
        key, _, last = found
        seen = witness.seen(key)
        if trusted:
            chain = bytes(16) if last is None else _chain(database, key, last)
            witness.write([(key, Seen(run_id, -1 if last is None else last, chain or bytes(16), is_open=True))])
            return
        if seen is None and last is None:
            return  # killed before its first turn
        if seen is None or seen.run != run_id:
            message = f"the witness {witness.path} does not know the run {run_id}, which has {_turns(last)}"
            raise JournalError(message, hint=_HINT)
        if lost := _difference(database, key, seen):
            raise JournalError(f"the journal {path} is damaged: it is shorter than it was ({lost})", hint=_HINT)


def renew(database: sqlite3.Connection, path: Path, witness: Witness) -> None:
    """Make the witness of a journal that has none: a new one, or one whose witness was lost and that is trusted.

    Raises:
        JournalError: it cannot be written.
    """
    with explained(path, JournalError):
        identity = _identity(database)
    if identity is not None and witness.identity() is None:
        try:
            witness.create(bytes.fromhex(identity))
        except OSError as error:
            raise JournalError(f"{witness.path} cannot be written: {error.strerror or error}") from None


def _identity(database: sqlite3.Connection) -> str | None:
    if not database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'facts'").fetchone()[0]:
        return None
    found = database.execute("SELECT value FROM facts WHERE name = 'identity'").fetchone()
    return None if found is None else str(found[0])


def _lost(database: sqlite3.Connection, known: dict[int, Seen]) -> Iterator[str]:
    for key, seen in known.items():
        if seen.is_open and (lost := _difference(database, key, seen)):
            yield lost


def _difference(database: sqlite3.Connection, key: int, seen: Seen) -> str:
    """Return what the journal lacks of a run, for a message; empty when nothing."""
    found = database.execute(
        "SELECT id, (SELECT max(turn) FROM turns WHERE run = key) FROM runs WHERE key = ?", (key,)
    ).fetchone()
    if found is None or found[0] != seen.run:
        return f"the run {seen.run} is not in it"
    last = -1 if found[1] is None else found[1]
    if last < seen.turn:
        return f"the run {seen.run} had {_turns(seen.turn)}, it has {_turns(last)}"
    if seen.turn >= 0 and _chain(database, key, seen.turn) != seen.chain:
        return f"turn {seen.turn} of the run {seen.run} is another one"
    return ""


def _chain(database: sqlite3.Connection, key: int, turn: int) -> bytes | None:
    found = database.execute("SELECT chain FROM turns WHERE run = ? AND turn = ?", (key, turn)).fetchone()
    return None if found is None else bytes(found[0])


def _turns(last: int | None) -> str:
    count = 0 if last is None else last + 1
    return f"{count} turn{'' if count == 1 else 's'}"


def _runs(count: int) -> str:
    return f"{count} run{'' if count == 1 else 's'}"
