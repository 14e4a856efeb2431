"""Leases with a heartbeat: no run is driven by two processes, and a dead process's runs are soon free.

On one machine the process itself is looked at: a run is free as soon as its holder is gone, and stays held while it
lives, however long it was suspended. Elsewhere (another container, say) the lease counts, which its holder prolongs.
"""

from __future__ import annotations

import os
import secrets
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Self

from msgspec import Struct

LEASE = 30.0
"""Seconds for which a run stays held without a sign of life."""
HEARTBEAT = 10.0
WATCH = 0.5
"""Seconds between two looks at what was cancelled."""


class Holder(Struct, frozen=True):
    """A process that drives runs.

    Attributes:
        token: drawn at its start; what the journal's writes are checked against.
        machine: host, boot and process namespace.
        born: when the process started, as the system tells it; empty when it does not.
    """

    token: str
    machine: str
    pid: int
    born: str

    @classmethod
    def this_process(cls) -> Holder:
        """A holder for this process."""
        pid = os.getpid()
        return cls(secrets.token_hex(8), _machine(), pid, _born(pid))

    def __str__(self) -> str:
        return f"process {self.pid} on {self.machine.partition('/')[0]}"


def is_free(holder: Holder | None, lease: float | None, now: float) -> bool:
    """Return whether a run may be taken from its holder."""
    if holder is None:
        return True
    if holder.machine == _machine():
        alive = _lives(holder)
        if alive is not None:
            return not alive
    return lease is None or lease < now


def _lives(holder: Holder) -> bool | None:
    """Return whether a holder of this machine lives; None when that cannot be known."""
    if os.name != "posix":
        return None
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's process
    # Another process may have got the number since.
    now_there = _born(holder.pid)
    return None if not now_there or not holder.born else now_there == holder.born


@cache
def _machine() -> str:
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip())
    with suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return "/".join(parts)


def _born(pid: int) -> str:
    try:
        # Behind the name, which may hold anything, the twentieth field is the start time, in ticks since the boot.
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "-" if fields[0] == "Z" else fields[19]  # a zombie is as good as gone


class Heartbeat:
    """A thread that prolongs the leases of a holder and looks for cancelled runs. Use it as a context manager.

    Args:
        connect: opens a connection of its own to the journal.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], holder: Holder) -> None:
        self._connect = connect
        self._holder = holder
        self._over = threading.Event()
        self._cancelled: frozenset[str] = frozenset()
        self._thread = threading.Thread(target=self._beat, name="journal heartbeat", daemon=True)

    def is_cancelled(self, run_id: str) -> bool:
        """Return whether somebody has cancelled the run."""
        return run_id in self._cancelled

    def __enter__(self) -> Self:
        self._database = self._connect()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._database.close()

    def _beat(self) -> None:
        beaten = time.monotonic()
        token = self._holder.token
        while not self._over.wait(WATCH):
            # What fails here fails the next write of a run as well, which says so.
            with suppress(sqlite3.Error):
                found = self._database.execute("SELECT id FROM runs WHERE holder = ? AND cancel = 1", (token,))
                self._cancelled = frozenset(run_id for (run_id,) in found)
                if time.monotonic() - beaten >= HEARTBEAT:
                    until = time.time() + LEASE
                    self._database.execute("UPDATE runs SET lease = ? WHERE holder = ?", (until, token))
                    beaten = time.monotonic()
