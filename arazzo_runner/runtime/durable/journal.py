"""The journal of durable runs: each turn of a run in one transaction, before what it asks for is done.

What may hold a secret is sealed (``sealing``). In clear are only a run's ids, counts, times and the names that its
author gave; they are what lists show without the key.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from msgspec.structs import replace

from arazzo_runner.documents.near_names import near_names
from arazzo_runner.errors import JournalError, JournalLost, RunHeld
from arazzo_runner.runtime.durable import run_changes
from arazzo_runner.runtime.durable.completeness import chained, check_journal, check_run, renew
from arazzo_runner.runtime.durable.database import explained, open_database, transaction
from arazzo_runner.runtime.durable.leases import Holder, is_free
from arazzo_runner.runtime.durable.rows import OPEN, Entry, NewRun, RunRow
from arazzo_runner.runtime.durable.witness import Seen, Witness


class Journal:
    """The journal in a file. Use it as a context manager.

    Args:
        path: of the file.
        create: whether to make it when it is not there.
        trusted: use it although it has lost something, or its witness has.

    Raises:
        JournalError: it cannot be used, or has lost something.
    """

    def __init__(self, path: str | Path, *, create: bool = True, trusted: bool = False) -> None:
        self.path = Path(path).absolute()
        self.trusted = trusted
        self._witness = Witness(self.path)
        check_journal(self.path, self._witness, trusted=trusted)
        self._database = open_database(self.path, create=create)
        renew(self._database, self.path, self._witness)

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

    def note(self, name: str) -> None:
        """Write a fact from whatever thread; it is a run's when its second word is the run's id, and goes with it."""
        with closing(self.connect()) as connection, transaction(connection, self.path) as database:
            database.execute("INSERT OR IGNORE INTO facts VALUES (?, '')", (name,))

    def known(self, name: str) -> str | None:
        """Return the journal's fact of that name, or None."""
        found = self._one("SELECT value FROM facts WHERE name = ?", (name,))
        return None if found is None else str(found[0])

    # Writing

    def add(
        self,
        runs: Iterable[NewRun],
        documents: Iterable[tuple[str, bytes]],
        holder: Holder | None = None,
        turns: Iterable[Entry] = (),
    ) -> None:
        """Keep new runs, all of them or none.

        Args:
            documents: their content by digest.
            holder: takes their leases; None leaves them free.
            turns: that they have behind them already; needs a holder.
        """
        begun: list[tuple[int, Seen]] = []
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
                    run_changes.hold(database, run.id, holder)
                begun.append((key or 0, Seen(run.id, -1, bytes(16), is_open=True)))
            if holder is not None:
                recorded = (run_changes.record(database, holder, entry, self.path) for entry in turns)
                latest = {seen[0]: seen for seen in recorded if seen is not None}
                begun = [latest.get(key, (key, seen)) for key, seen in begun]
        self._seen(begun)

    def _seen(self, found: Sequence[tuple[int, Seen]]) -> None:
        """Tell the witness what has been committed.

        Raises:
            JournalLost: it cannot be written.
        """
        try:
            if found:
                self._witness.write(found)
        except OSError as error:
            reason = error.strerror or error
            raise JournalLost(f"the journal's witness {self._witness.path} cannot be written: {reason}") from None

    def take(self, run_id: str, holder: Holder) -> RunRow:
        """Take the lease of an open run; return the run as it is then.

        Raises:
            RunHeld: another process drives it.
            JournalError: it has ended, or there is none.
        """
        check_run(self._database, self.path, self._witness, run_id, trusted=self.trusted)
        with transaction(self._database, self.path) as database:
            row = self.run(run_id)
            if self.trusted:
                row = replace(row, unsent=False)
            if row.status == OPEN and row.held and (row.holder is None or row.holder.token != holder.token):
                raise RunHeld(f"the run {row.id} is driven by {row.holder}", hint=f"arazzo runs show {row.id}")
            if row.status == OPEN and row.cancel:
                # Its holder died before it saw that it was to end the run.
                run_changes.end_cancelled(database, row.id)
                row = self.run(run_id)
            if row.status == OPEN:
                run_changes.hold(database, row.id, holder)
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
            # What is known not to have been sent is known of this very turn: its digest says so, not a mere flag.
            database.execute(
                "UPDATE runs SET holder = NULL, lease = NULL, reason = coalesce(?, reason), unsent = CASE WHEN ? THEN"
                " (SELECT chain FROM turns WHERE run = key ORDER BY turn DESC LIMIT 1) END"
                " WHERE id = ? AND holder = ? AND status = 'open'",
                (reason, unsent, run_id, holder.token),
            )

    def mark(self, run_id: str, holder: Holder, *, unsent: bool) -> None:
        """Note whether the request at hand is known not to have been sent, while the run is driven.

        Raises:
            JournalLost: the holder has lost the run.
        """
        with transaction(self._database, self.path) as database:
            changed = database.execute(
                "UPDATE runs SET unsent = CASE WHEN ? THEN"
                " (SELECT chain FROM turns WHERE run = key ORDER BY turn DESC LIMIT 1) END"
                " WHERE id = ? AND holder = ? AND status = 'open' RETURNING key",
                (unsent, run_id, holder.token),
            ).fetchone()
        if changed is None:
            raise lost(run_id)

    def release_all(self, holder: Holder) -> None:
        """Give back every lease of a process that ends."""
        with transaction(self._database, self.path) as database:
            database.execute("UPDATE runs SET holder = NULL, lease = NULL WHERE holder = ?", (holder.token,))

    def record(self, holder: Holder, *entries: Entry) -> list[bool]:
        """Write turns, all of them or none; return which were written: not those of runs that the holder has lost.

        Raises:
            JournalLost: nothing can be written.
        """
        with transaction(self._database, self.path) as database:
            found = [run_changes.record(database, holder, entry, self.path) for entry in entries]
        self._seen([seen for seen in found if seen is not None])
        return [seen is not None for seen in found]

    def cancel(self, run_id: str) -> RunRow:
        """Cancel a run: its holder will end it; one that no process drives has ended now. Returns the run as it was.

        Raises:
            JournalError: it has ended, or there is none.
        """
        with transaction(self._database, self.path) as database:
            row = self.run(run_id)
            if row.status != OPEN:
                raise JournalError(f"the run {row.id} has ended: {row.status}", hint=f"arazzo runs show {row.id}")
            run_changes.cancel(database, row)
        self._ended([row])
        return row

    def _ended(self, rows: Iterable[RunRow]) -> None:
        """Tell the witness of runs that were cancelled while no process drove them."""
        ended = []
        for row in rows:
            found = self._one("SELECT key FROM runs WHERE id = ? AND status <> 'open'", (row.id,))
            if found is not None and (seen := self._witness.seen(found[0])) is not None:
                ended.append((found[0], replace(seen, is_open=False)))
        self._seen(ended)

    def cancel_batch(self, batch: str) -> list[RunRow]:
        """Cancel the runs of a batch that have not ended. Returns them as they were; none when there is no such batch.

        Raises:
            JournalError: all of them have ended.
        """
        with transaction(self._database, self.path) as database:
            rows = self.runs(batch=batch)
            found = [row for row in rows if row.status == OPEN]
            for row in found:
                run_changes.cancel(database, row)
        self._ended(found)
        if rows and not found:
            raise JournalError(f"every run of the batch {batch} has ended", hint=f"arazzo runs --batch {batch}")
        return found

    def prune(self, before: float, statuses: Collection[str] = ()) -> int:
        """Delete the runs that ended before that time; return how many.

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
            keys = [database.execute("SELECT key FROM runs WHERE id = ?", run).fetchone()[0] for run in found]
            self._forget(keys)
            database.executemany("DELETE FROM runs WHERE id = ?", found)
            database.executemany("DELETE FROM facts WHERE name LIKE '% ' || ? || ' %'", found)
            database.execute("DELETE FROM documents WHERE digest NOT IN (SELECT digest FROM sources)")
        with explained(self.path, JournalError):
            # A page a step, and only a script is stepped to its end.
            database.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE);")
        return len(found)

    def _forget(self, keys: Sequence[int]) -> None:
        try:
            self._witness.forget(keys)
        except OSError as error:
            reason = error.strerror or error
            raise JournalLost(f"the journal's witness {self._witness.path} cannot be written: {reason}") from None

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

    def has(self, run_id: str) -> bool:
        """Return whether there is a run of that id."""
        return self._one("SELECT 1 FROM runs WHERE id = ?", (run_id,)) is not None

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
        """The turn that a run continues from, and its state, sealed; None when it has not begun, or has ended."""
        found = self._one("SELECT turn, body FROM states JOIN runs ON key = run WHERE id = ?", (run_id,))
        return None if found is None else (int(found[0]), bytes(found[1]))

    def parts(self, run_id: str) -> list[tuple[int, int, bytes]]:
        """The pieces of the parts of a run's state, sealed: part, place and body, in order."""
        query = "SELECT part, place, body FROM parts JOIN runs ON key = run WHERE id = ? ORDER BY part, place"
        return self._all(query, (run_id,))

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

    def whole_turns(self, run_id: str) -> Iterator[tuple[int, bytes]]:
        """Yield all turns of a run, as ``turns`` does, each found to follow the one before it.

        Raises:
            JournalError: one is missing, or is another than was written.
        """
        with explained(self.path, JournalError):
            found = self._database.execute(
                "SELECT turn, body, chain FROM turns JOIN runs ON key = run WHERE id = ? ORDER BY turn", (run_id,)
            )
            chain = bytes(16)
            for expected, (turn, body, known) in enumerate(found):
                chain = chained(chain, turn, body)
                if turn != expected or chain != known:
                    message = f"turn {expected} of the run {run_id} is not as it was written"
                    hint = "nothing was sent; restore a backup"
                    raise JournalError(f"the journal {self.path} is damaged: {message}", hint=hint)
                yield turn, body

    def _one(self, query: str, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        with explained(self.path, JournalError):
            found: tuple[Any, ...] | None = self._database.execute(query, values).fetchone()
        return found

    def _all(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with explained(self.path, JournalError):
            return self._database.execute(query, values).fetchall()


_SELECT = """
SELECT id, batch, line, workflow, document, status, reason, step, attempts, requests, started, updated, due,
    cancel,
    unsent IS NOT NULL AND unsent = (SELECT chain FROM turns WHERE run = key ORDER BY turn DESC LIMIT 1),
    holder, machine, pid, born, lease FROM runs
"""
_SHOWN = RunRow.__struct_fields__[:13]


def _row(row: Sequence[Any]) -> RunRow:
    *shown, cancel, unsent, token, machine, pid, born, lease = row
    fields = dict(zip(_SHOWN, shown, strict=True))
    holder = None if token is None else Holder(str(token), str(machine), int(pid), str(born))
    held = fields["status"] == OPEN and not is_free(holder, lease, time.time())
    return RunRow(**fields, cancel=bool(cancel), unsent=bool(unsent), holder=holder, held=held)


def lost(run_id: str) -> JournalLost:
    """Return the error for a run that lost its lease."""
    return JournalLost(f"the run {run_id} is driven by another process now, or was cancelled")
