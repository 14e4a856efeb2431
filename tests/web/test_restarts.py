"""Pages that stay open while their server ends and is started again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.support.notes import Notes, write_notes
from tests.support.web_servers import WebProcess, visiting, web_process

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.network, pytest.mark.slow]

FIRST, ANOTHER = "first-token-of-the-tests", "another-token-of-the-tests"


def words(directory: Path, document: Path, port: str, secret: str = FIRST) -> tuple[str, ...]:
    (directory / "token.txt").write_text(f"{secret}\n", "utf-8")
    (directory / "token.txt").chmod(0o600)
    return str(document), "--allow-run", "--token", str(directory / "token.txt"), "--port", port


def port_of(server: WebProcess) -> str:
    return server.url.rpartition(":")[2]


def hold(page: Page, server: WebProcess) -> None:
    """Start a run that is held before its first request."""
    page.goto(f"{server.url}/workflows/read-note")
    page.get_by_role("button", name="Run step by step").click()
    page.get_by_role("button", name="Step", exact=True).wait_for()


def test_a_cookie_is_good_for_a_server_with_the_same_token(tmp_path: Path) -> None:
    document = write_notes(tmp_path, "http://127.0.0.1:9")
    with web_process(tmp_path, *words(tmp_path, document, "0")) as first:
        cookie = httpx2.get(first.address).headers["set-cookie"].partition(";")[0]
        port = port_of(first)
    with web_process(tmp_path, *words(tmp_path, document, port)) as second:
        assert httpx2.get(f"{second.url}/runs", headers={"Cookie": cookie}).status_code == 200
    with web_process(tmp_path, *words(tmp_path, document, port, secret=ANOTHER)) as third:
        assert httpx2.get(f"{third.url}/runs", headers={"Cookie": cookie}).status_code == 401


def test_a_page_says_that_its_server_is_away_and_goes_on_when_it_is_back(browser: Browser, tmp_path: Path) -> None:
    notes = Notes()
    with notes.serving() as url:
        document = write_notes(tmp_path, url)
        with web_process(tmp_path, *words(tmp_path, document, "0")) as first, visiting(browser, first) as visitor:
            page = visitor.page
            port = port_of(first)
            hold(page, first)
            first.process.kill()
            first.process.wait()
            page.locator("#trouble", has_text="does not answer").wait_for()
            page.get_by_role("button", name="Step", exact=True).click()
            page.locator("#trouble", has_text="does not answer").wait_for()
            with web_process(tmp_path, *words(tmp_path, document, port)):
                page.locator("#trouble").wait_for(state="hidden")
            with web_process(tmp_path, *words(tmp_path, document, port, secret=ANOTHER)):
                page.locator("#trouble", has_text=re.compile("open the address")).wait_for()
            visitor.complaints.clear()
    assert notes.requests == []


def test_a_journal_that_is_deleted_under_a_page_is_told(browser: Browser, tmp_path: Path) -> None:
    notes = Notes()
    with notes.serving() as url:
        document = write_notes(tmp_path, url)
        with web_process(tmp_path, str(document), "--allow-run") as first, visiting(browser, first) as visitor:
            hold(visitor.page, first)
            run = visitor.page.url.removeprefix(first.url)
            visitor.page.goto("about:blank")
            first.process.kill()
            first.process.wait()
        with web_process(tmp_path, str(document), "--allow-run") as second, visiting(browser, second) as visitor:
            visitor.go(run).locator("h1 .badge.stopped").wait_for()
            for file in tmp_path.glob("journal.db*"):
                file.unlink()
            visitor.page.locator("#trouble", has_text="journal").wait_for()
            visitor.complaints.clear()
        assert "Traceback" not in second.log.read_text("utf-8")
