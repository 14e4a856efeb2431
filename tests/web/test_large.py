"""Lists of hundreds of runs and runs of ten thousand attempts: they open at once and stay smooth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from arazzo_runner.effects import Answered, Response, Send
from arazzo_runner.engine.plan import RunOptions
from arazzo_runner.runtime.durable.journal import Journal
from arazzo_runner.runtime.durable.runs import DurableRuns, Row, planned_of
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.run.workbook import load
from tests.support.small_documents import document, write
from tests.support.web_servers import WebProcess, until, visiting, web_process
from tests.support.worlds import ListWorld

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.network, pytest.mark.slow]

ATTEMPTS = 10_000
RUNS = 500
POLL = {
    "workflowId": "poll",
    "steps": [
        {
            "stepId": "ask",
            "operationId": "o",
            "successCriteria": [{"condition": "$statusCode == 200"}],
            "onSuccess": [
                {
                    "name": "again",
                    "type": "goto",
                    "stepId": "ask",
                    "criteria": [{"condition": "$response.body#/state != 'done'"}],
                }
            ],
            "outputs": {"state": "$response.body#/state"},
        }
    ],
    "outputs": {"state": "$steps.ask.outputs.state"},
}


def answer(number: int, _: Send, now: float) -> Answered:
    state = "done" if number == ATTEMPTS - 1 else "waiting"
    body = json.dumps({"state": state, "number": number, "text": "x" * 200}).encode()
    return Answered(Response(200, (("Content-Type", "application/json"),), body), now, 0.01)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WebProcess, str]]:
    """A server over a journal with that much in it, and the id of the long run."""
    directory: Path = tmp_path_factory.mktemp("large")
    place = write(directory, document(POLL))
    workbook = load(place)
    plan = workbook.plan("poll", RunOptions(max_steps=2 * ATTEMPTS, poll_interval=0))
    planned = planned_of(workbook, plan, transport=TransportOptions())
    with Journal(directory / "journal.db") as journal, DurableRuns(journal, directory / "journal.key") as runs:
        run = runs.start(planned, Row({}, {}))
        assert run.run(ListWorld(answer)).succeeded
        for _ in range(RUNS - 1):
            runs.journal.release(runs.start(planned, Row({}, {})).id, runs.holder)
    with web_process(directory, place) as server:
        yield server, run.id


def own_time(page: Page) -> float:
    """Seconds from the answer's last byte until the page stood."""
    spent = page.evaluate(
        "(() => { const n = performance.getEntriesByType('navigation')[0]; return n.loadEventEnd - n.responseEnd; })()"
    )
    return float(spent) / 1000


def longest_task(page: Page) -> float:
    """Seconds of the longest time for which the page did not react."""
    script = """async () => {
        let longest = 0, last = performance.now();
        for (let count = 0; count < 60; count += 1) {
            await new Promise(requestAnimationFrame);
            longest = Math.max(longest, performance.now() - last);
            last = performance.now();
            window.scrollBy(0, 300);
        }
        return longest;
    }"""
    return float(page.evaluate(script)) / 1000


def test_a_list_of_hundreds_of_runs_opens_at_once(browser: Browser, large: tuple[WebProcess, str]) -> None:
    server, _ = large
    with visiting(browser, server) as visitor:
        page = visitor.go("/runs")
        assert page.locator("table.list tbody tr").count() == RUNS
        page.wait_for_load_state("load")
        assert own_time(page) < 1.0
        assert longest_task(page) < 0.5


def test_a_run_of_ten_thousand_attempts_opens_at_once(browser: Browser, large: tuple[WebProcess, str]) -> None:
    server, run = large
    with visiting(browser, server) as visitor:
        page = visitor.go(f"/runs/{run}")
        page.locator(f"#attempt-{ATTEMPTS}").wait_for()
        page.reload()
        page.locator(f"#attempt-{ATTEMPTS}").wait_for()
        page.wait_for_load_state("load")
        assert own_time(page) < 1.0
        assert longest_task(page) < 0.5
        assert page.locator("#list .attempt").count() <= 200
        assert page.evaluate("document.querySelectorAll('*').length") < 8000


def test_any_attempt_of_a_long_run_can_be_reached_and_explained(
    browser: Browser, large: tuple[WebProcess, str]
) -> None:
    server, run = large
    with visiting(browser, server) as visitor:
        page = visitor.go(f"/runs/{run}")
        page.locator(f"#attempt-{ATTEMPTS}").wait_for()
        before = page.locator("#list .attempt").count()
        page.locator("#earlier").click()
        until(lambda: page.locator("#list .attempt").count() > before)
        page.evaluate("location.hash = '#attempt-5'")
        page.locator("#attempt-5 .reasons").wait_for()
        assert "again" in page.locator("#attempt-5 .reasons").inner_text()
        assert page.locator("#attempt-5").get_by_text('"number": 4').count() == 1
