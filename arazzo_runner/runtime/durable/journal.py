"""The journal of durable runs: each turn of a run in one transaction, before what it asks for is done.

What may hold a secret is sealed (``sealing``). In clear are only a run's ids, counts, times and the names that its
author gave; they are what lists show without the key.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from arazzo_runner.documents.near_names import near_names
from arazzo_runner.errors import JournalError, JournalLost, RunHeld
from arazzo_runner.runtime.durable.database import explained, open_database, transaction
from arazzo_runner.runtime.durable.leases import LEASE, Holder, is_free

OPEN, CANCELLED = "open", "cancelled"


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as a list shows it.

    Attributes:
        batch, line: the batch that it belongs to and its line there, or None.
        status: ``open``, ``succeeded``, ``failed`` or ``cancelled``.
        reason: the code of why it failed or stopped, or None.
        step: the step that is, or was, at hand.
        due: until when it waits, or None.
        unsent: whether the request at hand is known not to have been sent.
        held: whether a process drives it.
    """

    id: str
    batch: str | None
    line: int | None
    workflow: str
    document: str
    status: str
    reason: str | None
    step: str | None
    attempts: int
    requests: int
    started: float
    updated: float
    due: float | None
    cancel: bool
    unsent: bool
    holder: Holder | None
    held: bool

    @property
    def shown(self) -> str:
        """The status for people: an open run is ``running``, or has ``stopped`` and can be resumed."""
        if self.status != OPEN:
            return self.status
        return "running" if self.held else "stopped"


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be kept; ``setup`` and ``sources`` are sealed, the latter by the digest of their documents."""

    id: str
    workflow: str
    document: str
    setup: bytes
    sources: Sequence[tuple[str, bytes]]
    batch: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """The additions of one turn to the journal.

    Attributes:
        run: the run's id.
        turn: its number, from 0.
        told: what it told, sealed.
        state: what the run goes on from, sealed; None when it has ended.
        status: ``open``, or how it ended.
        due: until when it waits, or None.
        sources: documents that this turn has read for the first time, sealed, by digest.
        documents: their content, by digest.
    """

    run: str
    turn: int
    told: bytes
    state: bytes | None
    status: str = OPEN
    reason: str | None = None
    step: str | None = None
    attempts: int = 0
    requests: int = 0
    due: float | None = None
    sources: Sequence[tuple[str, bytes]] = ()
    documents: Sequence[tuple[str, bytes]] = ()


class Journal:
    """The journal in a file. Use it as a context manager.

    Args:
        path: of the file.
        create: whether to make it when it is not there.

    Raises:
        JournalError: it cannot be used.
    """

    def __init__(self, path: str | Path, *, create: bool = True) -> None:
        self.path = Path(path).absolute()
        self._database = open_database(self.path, create=create)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def connect(self) -> sqlite3.Connection:
        """Another connection to the same file."""
        return open_database(self.path, create=False)

    def fact(self, name: str, value: str) -> str:
        """Return the journal's fact of that name; it is ``value`` from now on when there is none."""
        with transaction(self._database, self.path) as database:
            database.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, value))
            (known,) = database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return str(known)

    def known(self, name: str) -> str | None:
        """Return the journal's fact of that name, or None."""
        found = self._one("SELECT value FROM facts WHERE name = ?", (name,))
        return None if found is None else str(found[0])

    # Writing

    def add(self, runs: Iterable[NewRun], documents: Iterable[tuple[str, bytes]], holder: Holder | None = None) -> None:
        """Keep new runs, all of them or none.

        Args:
            documents: their content by digest.
            holder: takes their leases; None leaves them free.
        """
        with transaction(self._database, self.path) as database:
            now = time.time()
            database.executemany("INSERT OR IGNORE INTO documents VALUES (?, ?)", documents)
            for run in runs:
                values = (run.id, run.batch, run.line, run.workflow, run.document, OPEN, now, now)
                key = database.execute(
                    "INSERT INTO runs (id, batch, line, workflow, document, status, started, updated)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    values,
                ).lastrowid
                database.execute("INSERT INTO setups VALUES (?, ?)", (key, run.setup))
                database.executemany(
                    "INSERT INTO sources VALUES (?, ?, ?)", ((key, digest, body) for digest, body in run.sources)
                )
                if holder is not None:
                    _hold(database, run.id, holder)

    def take(self, run_id: str, holder: Holder) -> RunRow:
        """Take the lease of an open run; return the run as it is then.

        Raises:
            RunHeld: another process drives it.
            JournalError: it has ended, or there is none.
        """
        with transaction(self._database, self.path) as database:
            row = self.run(run_id)
            if row.status == OPEN and row.held and (row.holder is None or row.holder.token != holder.token):
                raise RunHeld(f"the run {row.id} is driven by {row.holder}", hint=f"arazzo runs show {row.id}")
            if row.status == OPEN and row.cancel:
                # Its holder died before it saw that it was to end the run.
                _end_cancelled(database, row.id)
                row = self.run(run_id)
            if row.status == OPEN:
                _hold(database, row.id, holder)
        if row.status != OPEN:
            raise JournalError(f"the run {row.id} has ended: {row.status}", hint=f"arazzo runs show {row.id}")
        return row

    def release(self, run_id: str, holder: Holder, reason: str | None = None, *, unsent: bool = False) -> None:
        """Give a lease back, the run as it is.

        Args:
            reason: the code of why it goes no further, or None.
            unsent: whether the request at hand is known not to have been sent.
        """
        with transaction(self._database, self.path) as database:
            database.execute(
                "UPDATE runs SET holder = NULL, lease = NULL, unsent = ?, reason = coalesce(?, reason) "
                "WHERE id = ? AND holder = ? AND status = 'open'",
                (unsent, reason, run_id, holder.token),
            )

    def release_all(self, holder: Holder) -> None:
        """Give back every lease of a process that ends."""
        with transaction(self._database, self.path) as database:
            database.execute("UPDATE runs SET holder = NULL, lease = NULL WHERE holder = ?", (holder.token,))

    def record(self, holder: Holder, *entries: Entry) -> list[bool]:
        """Write turns, all of them or none; gives which were written: not those of runs that the holder has lost.

        Raises:
            JournalLost: nothing can be written.
        """
        with transaction(self._database, self.path) as database:
            return [_record(database, holder, entry) for entry in entries]

    def cancel(self, run_id: str) -> RunRow:
        """Cancel a run: its holder will end it; one that nobody drives has ended now. Returns the run as it was.

        Raises:
            JournalError: it has ended, or there is none.
        """
        with transaction(self._database, self.path) as database:
            row = self.run(run_id)
            if row.status != OPEN:
                raise JournalError(f"the run {row.id} has ended: {row.status}", hint=f"arazzo runs show {row.id}")
            _cancel(database, row)
        return row

    def cancel_batch(self, batch: str) -> list[RunRow]:
        """Cancel the runs of a batch that have not ended. Returns them as they were; none when there is no such batch.

        Raises:
            JournalError: all of them have ended.
        """
        with transaction(self._database, self.path) as database:
            rows = self.runs(batch=batch)
            found = [row for row in rows if row.status == OPEN]
            for row in found:
                _cancel(database, row)
        if rows and not found:
            raise JournalError(f"every run of the batch {batch} has ended", hint=f"arazzo runs --batch {batch}")
        return found

    def prune(self, before: float, statuses: Collection[str] = ()) -> int:
        """Forget the runs that ended before that time; gives how many.

        Args:
            before: seconds since the epoch.
            statuses: only those that ended so; empty for all.
        """
        with transaction(self._database, self.path) as database:
            found = [
                (row.id,)
                for row in self.runs()
                if row.status != OPEN and row.updated < before and (not statuses or row.status in statuses)
            ]
            database.executemany("DELETE FROM runs WHERE id = ?", found)
            database.execute("DELETE FROM documents WHERE digest NOT IN (SELECT digest FROM sources)")
        with explained(self.path, JournalError):
            # A page a step, and only a script is stepped to its end.
            database.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE);")
        return len(found)

    # Reading

    def runs(self, *, batch: str | None = None) -> list[RunRow]:
        """The runs, the latest first; those of one batch by line."""
        if batch is None:
            return [_row(row) for row in self._all(f"{_SELECT} ORDER BY key DESC", ())]
        return [_row(row) for row in self._all(f"{_SELECT} WHERE batch = ? ORDER BY line", (batch,))]

    def run(self, run_id: str) -> RunRow:
        """A run by its id.

        Raises:
            JournalError: there is none of that id.
        """
        found = self._one(f"{_SELECT} WHERE id = ?", (run_id,))
        if found is None:
            known = [str(each[0]) for each in self._all("SELECT id FROM runs ORDER BY key DESC LIMIT 1000", ())]
            near = near_names(run_id, known, most=1, cutoff=0.7)
            hint = f"did you mean {near[0]}?" if near else "arazzo runs lists them"
            raise JournalError(f"the journal {self.path} has no run {run_id!r}", hint=hint)
        return _row(found)

    def setup(self, run_id: str) -> bytes:
        """Return the setup of a run, sealed."""
        found = self._one("SELECT body FROM setups JOIN runs ON key = run WHERE id = ?", (run_id,))
        if found is None:
            raise JournalError(f"the journal {self.path} has lost how the run {run_id} was started")
        return bytes(found[0])

    def sources(self, run_id: str) -> list[tuple[str, bytes, bytes]]:
        """The documents of a run: digest, what is sealed of each, and the content."""
        return self._all(
            "SELECT digest, body, content FROM sources JOIN documents USING (digest) JOIN runs ON key = run"
            " WHERE id = ? ORDER BY sources.rowid",
            (run_id,),
        )

    def state(self, run_id: str) -> tuple[int, bytes] | None:
        """The turn that a run goes on from, and its state, sealed; None when it has not begun, or has ended."""
        found = self._one("SELECT turn, body FROM states JOIN runs ON key = run WHERE id = ?", (run_id,))
        return None if found is None else (int(found[0]), bytes(found[1]))

    def turns(self, run_id: str, *, after: int = -1) -> Iterator[tuple[int, bytes]]:
        """Yield the events of each turn, sealed, in order; read as they are asked for.

        Args:
            after: only those behind this one.
        """
        with explained(self.path, JournalError):
            yield from self._database.execute(
                "SELECT turn, body FROM turns JOIN runs ON key = run WHERE id = ? AND turn > ? ORDER BY turn",
                (run_id, after),
            )

    def _one(self, query: str, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        with explained(self.path, JournalError):
            found: tuple[Any, ...] | None = self._database.execute(query, values).fetchone()
        return found

    def _all(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with explained(self.path, JournalError):
            return self._database.execute(query, values).fetchall()


_SELECT = """
SELECT id, batch, line, workflow, document, status, reason, step, attempts, requests, started, updated, due,
    cancel, unsent, holder, machine, pid, born, lease FROM runs
"""
_SHOWN = tuple(field.name for field in fields(RunRow))[:13]


def _row(row: Sequence[Any]) -> RunRow:
    *shown, cancel, unsent, token, machine, pid, born, lease = row
    fields = dict(zip(_SHOWN, shown, strict=True))
    holder = None if token is None else Holder(str(token), str(machine), int(pid), str(born))
    held = fields["status"] == OPEN and not is_free(holder, lease, time.time())
    return RunRow(**fields, cancel=bool(cancel), unsent=bool(unsent), holder=holder, held=held)


def _hold(database: sqlite3.Connection, run_id: str, holder: Holder) -> None:
    database.execute(
        "UPDATE runs SET holder = ?, machine = ?, pid = ?, born = ?, lease = ?, unsent = 0 WHERE id = ?",
        (holder.token, holder.machine, holder.pid, holder.born, time.time() + LEASE, run_id),
    )


def _cancel(database: sqlite3.Connection, row: RunRow) -> None:
    if row.held:
        database.execute("UPDATE runs SET cancel = 1 WHERE id = ?", (row.id,))
    else:
        _end_cancelled(database, row.id)


def _end_cancelled(database: sqlite3.Connection, run_id: str) -> None:
    database.execute(
        "UPDATE runs SET status = ?, reason = 'cancelled', updated = ?, holder = NULL WHERE id = ?",
        (CANCELLED, time.time(), run_id),
    )
    database.execute("DELETE FROM states WHERE run = (SELECT key FROM runs WHERE id = ?)", (run_id,))


def _record(database: sqlite3.Connection, holder: Holder, entry: Entry) -> bool:
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
        return False
    (key,) = changed
    database.execute("INSERT INTO turns VALUES (?, ?, ?)", (key, entry.turn, entry.told))
    if entry.state is None:
        database.execute("DELETE FROM states WHERE run = ?", (key,))
    else:
        database.execute("INSERT OR REPLACE INTO states VALUES (?, ?, ?)", (key, entry.turn, entry.state))
    if entry.sources:
        database.executemany("INSERT OR IGNORE INTO documents VALUES (?, ?)", entry.documents)
        database.executemany("INSERT INTO sources VALUES (?, ?, ?)", ((key, *source) for source in entry.sources))
    return True


def lost(run_id: str) -> JournalLost:
    """Return the error for a run that lost its lease."""
    return JournalLost(f"the run {run_id} is driven by another process now, or was cancelled")
