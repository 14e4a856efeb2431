"""The journal's file: where it is, its tables, how it is opened, and what SQLite's errors mean for a person.

WAL with full sync: what was committed survives the death of the process and of the machine.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from arazzo_runner.documents.files import exists, is_file
from arazzo_runner.errors import ArazzoError, JournalError, JournalLost

APPLICATION = 0x41525A4A  # "ARZJ"
VERSION = 3
BUSY = 30.0
"""Seconds to wait for another process's transaction."""

_TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (digest TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE runs (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    batch TEXT,
    line INTEGER,
    workflow TEXT NOT NULL,
    document TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    step TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    requests INTEGER NOT NULL DEFAULT 0,
    started REAL NOT NULL,
    updated REAL NOT NULL,
    due REAL,
    cancel INTEGER NOT NULL DEFAULT 0,
    unsent BLOB,
    holder TEXT,
    machine TEXT,
    pid INTEGER,
    born TEXT,
    lease REAL
);
CREATE INDEX runs_of_batch ON runs (batch) WHERE batch IS NOT NULL;
CREATE INDEX runs_of_holder ON runs (holder) WHERE holder IS NOT NULL;
CREATE INDEX runs_open ON runs (status) WHERE status = 'open';
CREATE TABLE setups (run INTEGER PRIMARY KEY REFERENCES runs (key) ON DELETE CASCADE, body BLOB NOT NULL);
CREATE TABLE states (run INTEGER PRIMARY KEY REFERENCES runs (key) ON DELETE CASCADE, turn INTEGER NOT NULL,
    body BLOB NOT NULL);
CREATE TABLE parts (run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE, part INTEGER NOT NULL,
    place INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (run, part, place)) WITHOUT ROWID;
CREATE TABLE turns (run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE, turn INTEGER NOT NULL,
    body BLOB NOT NULL, chain BLOB NOT NULL, PRIMARY KEY (run, turn)) WITHOUT ROWID;
CREATE TABLE sources (run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
    digest TEXT NOT NULL REFERENCES documents (digest), body BLOB NOT NULL);
CREATE INDEX sources_of_run ON sources (run);
CREATE INDEX sources_of_document ON sources (digest);
"""


def open_database(path: Path, *, create: bool) -> sqlite3.Connection:
    """A connection to a journal.

    Args:
        create: whether to make it when it is not there.

    Raises:
        JournalError: it is not there, is not a file, is not a journal, is damaged, or is of a newer release.
    """
    if not create and not exists(path):
        raise JournalError(f"there is no journal {path}", hint="start a run with --durable, or name it: --journal PATH")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made here, so that it is for this user alone from the start; SQLite gives its companions the same mode. One
        # that is there must not be opened but by SQLite: closing it would drop the locks of this process's connections.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if exists(path) and not is_file(path):
            hint = "name one, or a file that is not there yet: --journal PATH"
            raise JournalError(f"the journal {path} is not a regular file", hint=hint) from None
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be opened: {error.strerror or error}") from None
    with explained(path, JournalError):
        database = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
        try:
            _patiently(lambda: _set_up(database, path))
        except BaseException:
            database.close()
            raise
    return database


@contextmanager
def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that changes nothing of a journal, not even by recovering or truncating its write-ahead log.

    Raises:
        JournalError: it cannot be read.
    """
    with explained(path, JournalError):
        database = sqlite3.connect(f"{path.as_uri()}?mode=ro", timeout=BUSY, isolation_level=None, uri=True)
        try:
            yield database
        finally:
            database.close()


def _patiently(action: Callable[[], None]) -> None:
    """Do something that SQLite does not wait for by itself while another process has the file for itself."""
    end = time.monotonic() + BUSY
    while True:
        try:
            action()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


def _set_up(database: sqlite3.Connection, path: Path) -> None:
    _check(database, path)
    database.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heeded by a new file only, and before all else
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA foreign_keys = ON")
    database.execute("PRAGMA secure_delete = ON")
    _prepare(database)


def _check(database: sqlite3.Connection, path: Path) -> None:
    # The tables first: another process may be making them, and the ids with them.
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION and (tables or application):
        raise JournalError(f"{path} is not a journal of durable runs, but another program's database")
    if application == APPLICATION and version != VERSION:
        newer = "a newer" if version > VERSION else "an older"
        raise JournalError(
            f"the journal {path} is of {newer} release (format {version}, this one reads {VERSION})",
            hint="use that release to finish its runs, or another journal: --journal PATH",
        )


def _prepare(database: sqlite3.Connection) -> None:
    """Make the tables, unless they are there; several processes may try at once."""
    (application,) = database.execute("PRAGMA application_id").fetchone()
    if application == APPLICATION:
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        (application,) = database.execute("PRAGMA application_id").fetchone()
        if application != APPLICATION:
            for statement in _TABLES.split(";"):
                database.execute(statement)
            database.execute("INSERT INTO facts VALUES ('identity', ?)", (secrets.token_hex(16),))
            database.execute(f"PRAGMA application_id = {APPLICATION}")
            database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise


@contextmanager
def transaction(database: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
    """A transaction that is written whole or not at all.

    Raises:
        JournalLost: it cannot be written.
    """
    with explained(path, JournalLost):
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
            database.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            raise


@contextmanager
def explained(path: Path, kind: type[ArazzoError]) -> Iterator[None]:
    """Tell SQLite's errors in our words."""
    try:
        yield
    except sqlite3.Error as error:
        # The extended code's lower byte is the error; the rest says where it happened.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        said, hint = _ERRORS.get(code, (f"cannot be used: {error}", ""))
        raise kind(f"the journal {path} {said}", hint=hint) from None
    except UnicodeDecodeError:
        # SQLite quotes the schema that it cannot read, and what was text need not be any more.
        said, hint = _DAMAGED
        raise kind(f"the journal {path} {said}", hint=hint) from None


_DAMAGED = (
    "is damaged",
    ("nothing was written to it; restore a backup, or save what can be read: sqlite3 JOURNAL .recover | sqlite3 NEW"),
)
_ERRORS = {
    sqlite3.SQLITE_FULL: (
        "cannot be written: the disk is full",
        "make room, then resume: what was recorded before is safe",
    ),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written: the disk fails or is full",
        "check the disk, then resume: what was recorded before is safe",
    ),
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_BUSY: (f"has been locked for {BUSY:g} s by another process", "end that process, or wait for it"),
    sqlite3.SQLITE_READONLY: ("cannot be written: it is read-only", "check its permissions and its directory's"),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "check its permissions and its directory's"),
    sqlite3.SQLITE_PERM: ("cannot be opened", "check its permissions and its directory's"),
}
