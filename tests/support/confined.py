"""``arazzo`` in a process that is ended when it takes too much: 20 seconds of a processor, one gibibyte."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import Result
from tests.support.repository import ROOT

SECONDS = 20
PATIENCE = 120
"""Seconds on the wall, however busy the machine is with other work."""
BYTES = 1 << 30


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


def confined(*words: str, directory: Path = ROOT, environment: Mapping[str, str] | None = None) -> Result:
    """Call ``arazzo``; a process that has to be ended fails the test."""
    done = subprocess.run(
        [sys.executable, "-m", "arazzo_runner", *words],
        cwd=directory,
        env={**os.environ, "ARAZZO_NO_CACHE": "1", **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        preexec_fn=_limit,
    )
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
    assert "MemoryError" not in done.stderr
    assert done.returncode in (0, 1, 2), done.returncode
    # What a terminal would take for a command never reaches one.
    assert "\x1b" not in done.stdout + done.stderr
    return Result(done.returncode, done.stdout, done.stderr)
