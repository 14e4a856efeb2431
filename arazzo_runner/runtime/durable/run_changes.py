"""The changes of a run in the journal's tables, each inside a transaction of its caller."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from arazzo_runner.errors import JournalLost
from arazzo_runner.runtime.durable.completeness import chained
from arazzo_runner.runtime.durable.leases import LEASE, Holder
from arazzo_runner.runtime.durable.rows import CANCELLED, OPEN, Entry, RunRow
from arazzo_runner.runtime.durable.witness import Seen


def hold(database: sqlite3.Connection, run_id: str, holder: Holder) -> None:
    """Give a run's lease to a holder."""
    database.execute(
        "UPDATE runs SET holder = ?, machine = ?, pid = ?, born = ?, lease = ?, unsent = NULL WHERE id = ?",
        (holder.token, holder.machine, holder.pid, holder.born, time.time() + LEASE, run_id),
    )


def cancel(database: sqlite3.Connection, row: RunRow) -> None:
    """Ask the holder of a run to end it; end one that no process drives."""
    if row.held:
        database.execute("UPDATE runs SET cancel = 1 WHERE id = ?", (row.id,))
    else:
        end_cancelled(database, row.id)


def end_cancelled(database: sqlite3.Connection, run_id: str) -> None:
    """End a run as cancelled."""
    database.execute(
        "UPDATE runs SET status = ?, reason = 'cancelled', updated = ?, holder = NULL WHERE id = ?",
        (CANCELLED, time.time(), run_id),
    )
    forget_state(database, database.execute("SELECT key FROM runs WHERE id = ?", (run_id,)).fetchone()[0])


def forget_state(database: sqlite3.Connection, key: int) -> None:
    """Delete the state of a run that has ended."""
    database.execute("DELETE FROM states WHERE run = ?", (key,))
    database.execute("DELETE FROM parts WHERE run = ?", (key,))


def record(database: sqlite3.Connection, holder: Holder, entry: Entry, path: Path) -> tuple[int, Seen] | None:
    """Write a turn; return what the witness records of it, or None when the holder has lost the run.

    Raises:
        JournalLost: the turn before it is gone.
    """
    now = time.time()
    changed = database.execute(
        "UPDATE runs SET status = ?, reason = ?, step = ?, attempts = ?, requests = ?, due = ?, updated = ?,"
        " lease = ?, holder = CASE WHEN ? THEN NULL ELSE holder END"
        " WHERE id = ? AND holder = ? AND status = 'open' RETURNING key",
        (
            entry.status, entry.reason, entry.step, entry.attempts, entry.requests, entry.due, now,
            now + LEASE, entry.status != OPEN, entry.run, holder.token,
        ),
    ).fetchone()  # fmt: skip
    if changed is None:
        return None
    (key,) = changed
    before = (bytes(16),)
    if entry.turn:
        query = "SELECT chain FROM turns WHERE run = ? AND turn = ?"
        before = database.execute(query, (key, entry.turn - 1)).fetchone()
    if before is None:
        raise JournalLost(f"the journal {path} has lost turn {entry.turn - 1} of the run {entry.run}")
    chain = chained(before[0], entry.turn, entry.told)
    database.execute("INSERT INTO turns VALUES (?, ?, ?, ?)", (key, entry.turn, entry.told, chain))
    if entry.state is None:
        forget_state(database, key)
    else:
        database.execute("INSERT OR REPLACE INTO states VALUES (?, ?, ?)", (key, entry.turn, entry.state))
        database.executemany("DELETE FROM parts WHERE run = ? AND part = ?", ((key, part) for part in entry.gone))
        database.executemany("INSERT INTO parts VALUES (?, ?, ?, ?)", ((key, *piece) for piece in entry.parts))
    if entry.sources:
        database.executemany("INSERT OR IGNORE INTO documents VALUES (?, ?)", entry.documents)
        database.executemany("INSERT INTO sources VALUES (?, ?, ?)", ((key, *source) for source in entry.sources))
    return key, Seen(entry.run, entry.turn, chain, is_open=entry.status == OPEN)
