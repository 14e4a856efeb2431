"""A real terminal: tmux with a server of its own, whose screen tests read."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

REQUIRED = os.environ.get("ARAZZO_TEST_REQUIRE") == "all"
PATIENCE = 60.0
"""Seconds until a condition that does not come true is a failure."""


class Terminal:
    """A terminal in which one command runs; what it shows stays when the command has ended.

    Args:
        socket: of the tmux server.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def tmux(self, *words: str) -> str:
        """Give a command to the terminal's server."""
        command = ["tmux", "-S", str(self._socket), "-f", os.devnull, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def screen(self, *, escapes: bool = False) -> list[str]:
        """Return the lines on it, also those that have moved out at the top; empty ones at the end are left out."""
        more = ["-e"] if escapes else []
        return self.tmux("capture-pane", "-p", "-S", "-", *more).rstrip().splitlines()

    def resize(self, columns: int) -> None:
        """Make it narrower or wider, and wait until it is."""
        self.tmux("resize-window", "-x", str(columns))
        self.until(lambda _: self.tmux("display-message", "-p", "#{pane_width}").strip() == str(columns))

    def type(self, text: str) -> None:
        """Type a text."""
        self.tmux("send-keys", "-l", text)

    def press(self, key: str) -> None:
        """Press a key, as tmux names it."""
        self.tmux("send-keys", key)

    def until(self, condition: Callable[[list[str]], bool]) -> list[str]:
        """Wait until the screen fulfils a condition, and return the screen."""
        end = time.monotonic() + PATIENCE
        while not condition(shown := self.screen()):
            assert time.monotonic() < end, "\n".join(shown)
            time.sleep(0.02)
        return shown


@contextmanager
def terminal(
    directory: Path, words: list[str], *, columns: int, rows: int = 50, environment: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """Run a command in a terminal; when it has ended, ``status`` and its exit status stand below its output."""
    if not REQUIRED and shutil.which("tmux") is None:
        pytest.skip("tmux is not installed: apt-get install tmux")
    opened = Terminal(directory / "tmux")
    setting = " ".join(f"{name}={shlex.quote(value)}" for name, value in (environment or {}).items())
    # A prompt of a shell would be one more thing on the screen.
    # Ctrl-C is for the command; the shell outlives it.
    command = f"trap : INT; env {setting} {shlex.join(words)}; echo status $?; exec cat > /dev/null"
    size = ["-x", str(columns), "-y", str(rows)]
    opened.tmux("new-session", "-d", "-c", str(directory), *size, "sh", "-c", command)
    try:
        yield opened
    finally:
        opened.tmux("kill-server")
