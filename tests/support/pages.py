"""Pages of the documentation as sessions: files are written, commands run, and what they print is compared.

A comment before each fenced block says what it is::

    <!-- serve -->          a command that goes on, such as the tea shop
    <!-- file: a.yaml -->   the content of a file
    <!-- run -->            commands for a shell; "run: exit 1" for another exit status
    <!-- output -->         what the commands before have printed, stderr first
    <!-- not run: why -->   an excerpt, or something that needs what a test has not

``python -m tests.support.pages --update`` writes the output blocks anew.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.repository import ROOT

PORT = "8765"
"""The port of the tea shop on the pages; a session takes one that is free."""
ELSEWHERE = frozenset(
    {"main job", "its output", "tests", "python", "test output", "pytest", "pytest test", "github", "install"}
)
"""Blocks that tests of their own carry out (``test_readme.py``, ``test_distribution.py``)."""
GENERATED = frozenset(f"reference/{name}.md" for name in ("command-line", "rules", "reports", "python-api"))
_BLOCK = re.compile(
    r"^(?:<!-- (?P<what>[^\n]*?) -->\n)?```(?P<kind>[\w-]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A fenced block, with what the comment before it says; ``start`` and ``end`` are of its text in the page."""

    what: str
    kind: str
    text: str
    line: int
    start: int
    end: int

    @property
    def role(self) -> str:
        return self.what.partition(":")[0]

    @property
    def detail(self) -> str:
        return self.what.partition(":")[2].strip()


def pages() -> list[Path]:
    """The pages that people write."""
    written = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in written if name_of(page).removeprefix("docs/") not in GENERATED]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    return [
        Block(
            found["what"] or "",
            found["kind"],
            found["text"],
            text[: found.start()].count("\n") + 1,
            *found.span("text"),
        )
        for found in _BLOCK.finditer(text)
    ]


def timeless(text: str) -> str:
    """Output without the times, ids and places that differ from run to run."""
    text = re.sub(r" +[\d.]+ (?:ms|s|min)\b", " 0 ms", text)
    text = re.sub(r'"durationMs": \d+', '"durationMs": 0', text)
    text = re.sub(r"\brun [2-9a-z]{10}\b|\bresume [2-9a-z]{10}\b", "run ID", text)
    return re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d[.\dZ]*)?", "DATE", text)


@dataclass
class PageSession:
    """A directory like a clone's, with the command in ``.venv/bin`` and on the search path."""

    directory: Path
    port: str
    printed: str = ""
    status: int = 0
    _open: ExitStack = field(default_factory=ExitStack)

    def environment(self) -> dict[str, str]:
        home = self.directory / "home"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ARAZZO_", "XDG_"))}
        path = f"{self.directory / '.venv' / 'bin'}:{os.environ['PATH']}"
        return {**kept, "PATH": path, "HOME": str(home), "NO_COLOR": "1", "COLUMNS": "100"}

    def here(self, text: str) -> str:
        return text.replace(PORT, self.port)

    def back(self, text: str) -> str:
        return text.replace(self.port, PORT).replace(str(self.directory), "/home/you/clone")

    def write(self, name: str, text: str) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.here(text), "utf-8")

    def run(self, text: str) -> None:
        with (self.directory / "err").open("w+") as err:
            done = subprocess.run(
                ["bash", "-ec", self.here(text)],
                cwd=self.directory,
                env=self.environment(),
                stdout=subprocess.PIPE,
                stderr=err,
                stdin=subprocess.DEVNULL,
                text=True,
                check=False,
                timeout=120,
            )
            err.seek(0)
            self.printed, self.status = self.back(err.read() + done.stdout), done.returncode

    def serve(self, text: str) -> None:
        words = ["bash", "-ec", f"exec {self.here(text).strip()} --port {self.port}"]
        served = subprocess.Popen(words, cwd=self.directory, env=self.environment(), stdout=subprocess.PIPE, text=True)
        assert served.stdout is not None
        self._open.callback(served.stdout.close)
        self._open.callback(served.wait)
        self._open.callback(served.kill)
        self.printed = self.back(served.stdout.readline())

    def close(self) -> None:
        self._open.close()


@contextmanager
def session() -> Iterator[PageSession]:
    with tempfile.TemporaryDirectory() as name, socket.socket() as free:
        directory = Path(name)
        for part in ("workflows", "openapi", "cassettes"):
            shutil.copytree(ROOT / part, directory / part)
        free.bind(("127.0.0.1", 0))
        opened = PageSession(directory, str(free.getsockname()[1]))
        free.close()
        for one in sorted((ROOT / "docs" / "examples").iterdir()):
            if one.is_file():
                opened.write(f"docs/examples/{one.name}", one.read_text("utf-8"))
        opened.write(".venv/bin/arazzo", f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m arazzo_runner "$@"\n')
        directory.joinpath(".venv/bin/arazzo").chmod(0o755)
        directory.joinpath(".venv/bin/python").symlink_to(sys.executable)
        directory.joinpath("home").mkdir()
        try:
            yield opened
        finally:
            opened.close()


def carry_out(page: Path) -> Iterator[tuple[Block, str]]:
    """Carry out a page; yield each output block with what was really printed.

    Raises:
        AssertionError: a command ended with another exit status than the page says.
    """
    with session() as opened:
        for block in blocks(page):
            match block.role:
                case "serve":
                    opened.serve(block.text)
                case "file":
                    opened.write(block.detail, block.text)
                case "run":
                    opened.run(block.text)
                    expected = int(block.detail.removeprefix("exit ") or 0)
                    assert opened.status == expected, f"{name_of(page)}:{block.line}: {opened.printed}"
                case "output":
                    yield block, opened.printed
                case _:
                    pass


def update(page: Path) -> None:
    """Write the output blocks of a page anew."""
    text, moved = page.read_text("utf-8"), 0
    for block, printed in list(carry_out(page)):
        shown = printed if printed.endswith("\n") or not printed else f"{printed}\n"
        text = text[: block.start + moved] + shown + text[block.end + moved :]
        moved += len(shown) - (block.end - block.start)
    page.write_text(text, "utf-8")


if __name__ == "__main__":
    wanted = [word for word in sys.argv[1:] if not word.startswith("-")]
    for one in pages():
        if "--update" in sys.argv and (not wanted or name_of(one) in wanted):
            update(one)
