"""Servers of ``arazzo web``, and browsers that have come in with their token."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2

from tests.support.mcp_servers import environment
from tests.support.notes import PATIENCE
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SAID = "arazzo web is at "


@dataclass
class WebProcess:
    """A server in a process of its own.

    Attributes:
        address: that it has printed, with the token.
        log: its stderr.
    """

    address: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        """The origin."""
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def token(self) -> str:
        """The token."""
        return self.address.partition("token=")[2]

    @contextmanager
    def client(self, **options: Any) -> Iterator[httpx2.Client]:
        """A client that has come in with the token, and says which page its forms are on."""
        headers = {"Origin": self.url}
        with httpx2.Client(base_url=self.url, headers=headers, timeout=PATIENCE, **options) as made:
            assert made.get("/", params={"token": self.token}).status_code == 200
            yield made


def words_of(directory: Path, *words: str) -> list[str]:
    """The command with words, its journal in a directory."""
    journal = ["--journal", str(directory / "journal.db"), "--journal-key", str(directory / "journal.key")]
    return [sys.executable, "-m", "arazzo_runner", "web", *words, *journal]


@contextmanager
def web_process(directory: Path, *words: str, **variables: str) -> Iterator[WebProcess]:
    """Start a server, and stop it at the end if nobody has killed it."""
    log = directory / "web.log"
    begins = log.stat().st_size if log.exists() else 0
    with log.open("ab") as stream:
        process = subprocess.Popen(
            words_of(directory, *words), stderr=stream, cwd=directory, env=environment(**variables)
        )
    try:
        until = time.monotonic() + PATIENCE
        while SAID not in (said := log.read_text("utf-8")[begins:]):
            assert process.poll() is None, said
            assert time.monotonic() < until, said
            time.sleep(0.02)
        yield WebProcess(said.partition(SAID)[2].split()[0], process, log)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def until(holds: Callable[[], Any], *, seconds: float = PATIENCE) -> Any:
    """Wait until something holds, and return what it gave."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)
    return found


@dataclass
class Visitor:
    """A page in a browser that watches what it does.

    Attributes:
        complaints: of the console, but for those that a test expects.
        asked: every address that was asked for.
    """

    page: Page
    server: WebProcess
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        """Go to a page of the server."""
        self.page.goto(self.server.url + path)
        return self.page

    def refused(self) -> list[str]:
        """Requests to anything but the server."""
        return [url for url in self.asked if not url.startswith((self.server.url + "/", "data:"))]

    def is_wide(self) -> bool:
        """Return whether the page scrolls sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@contextmanager
def visiting(browser: Browser, server: WebProcess, **options: Any) -> Iterator[Visitor]:
    """Open a browser's page with the token; at its end nothing has been complained of, and nobody else been asked."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE * 1000)
    visitor = Visitor(context.new_page(), server)
    page = visitor.page
    page.on("console", lambda said: visitor.complaints.append(f"{said.text} ({said.location.get('url')})"))
    page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    page.on("request", lambda request: visitor.asked.append(request.url))
    page.goto(server.address)
    page.wait_for_url(f"{server.url}/")
    yield visitor
    context.close()
    assert not visitor.complaints, visitor.complaints
    assert not visitor.refused(), visitor.refused()


def repository(name: str) -> str:
    """The path of something in the repository."""
    return str(ROOT / name)
