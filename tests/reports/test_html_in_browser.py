"""The page of a long run in a browser: it opens, searches and expands, and neither errs nor asks the network."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from arazzo_runner.errors import Place
from arazzo_runner.reports import case_files as casereports
from arazzo_runner.reports.case_lines import SuiteVerdict
from arazzo_runner.reports.flow_graph import diagram_of
from arazzo_runner.reports.har import HarReport
from arazzo_runner.reports.html import HtmlReport
from arazzo_runner.runtime.cases.coverage import KINDS, Coverage, Item
from arazzo_runner.runtime.cases.judging import CaseResult, Failure
from tests.support.own_cases import plan_of
from tests.support.runs import Case, failing, hostile, hostile_answer, polling, run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

CHROMIUM = "/usr/bin/chromium"
REQUIRED = os.environ.get("ARAZZO_TEST_REQUIRE") == "all"
NARROW = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not REQUIRED:
        if importlib.util.find_spec("playwright") is None:
            pytest.skip("playwright is not installed: pip install -e '.[test]'")
        if not Path(CHROMIUM).exists():
            pytest.skip(f"there is no {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


class OpenedFile:
    """A page in a browser, with what it complained of and asked for."""

    def __init__(self, browser: Browser, file: Path, options: dict[str, Any]) -> None:
        self.page: Page = browser.new_context(**options).new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())
        self.address = file.as_uri()

    def done(self) -> None:
        """Hold the page to what holds for every page."""
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0
        self.page.context.close()
        assert not self.complaints
        others = [url for url in self.requests if not url.startswith("data:")]
        assert others == [self.address]


class Opened(OpenedFile):
    """A page of a run in a browser."""

    def __init__(self, browser: Browser, file: Path, case: Case, options: dict[str, Any], **how: Any) -> None:
        plan = plan_of(case)
        with HtmlReport("polling.arazzo.yaml", diagram=diagram_of(plan)) as report:
            run(case, report, plan=plan, **how)
            with file.open("w", encoding="utf-8") as stream:
                report.write(stream)
        super().__init__(browser, file, options)


def test_a_long_run_is_searched_and_expanded(browser: Browser, tmp_path: Path) -> None:
    opened = Opened(browser, tmp_path / "page.html", polling(496), {})
    page = opened.page
    attempts = page.locator(".attempt")
    assert attempts.count() == 500
    assert page.locator(".flow svg .way.taken").count() >= 5
    assert page.locator(".flow svg .box.step").count() == 4
    assert page.locator(".timeline .bar:not(.wait)").count() == 500
    assert page.locator(".timeline .bar.wait").count() == 496
    assert page.locator("#found").inner_text() == "500 attempts"

    page.keyboard.press("/")
    page.keyboard.type("poll Running")
    page.locator("#found", has_text="1 of 500 attempts").wait_for()
    found = page.locator(".attempt:visible")
    assert found.get_attribute("id") == "attempt-498"
    assert not found.locator(".body").first.is_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert '"state": "running"' in found.locator(".body").last.inner_text()
    assert found.locator(".criteria li").count() == 2
    assert page.evaluate("CSS.highlights.get('found').size") >= 1
    page.keyboard.press("Escape")
    assert page.locator("#found").inner_text() == "500 attempts"

    page.locator("#only-failed").check()
    assert page.locator("#found").inner_text() == "1 of 500 attempts"
    page.locator("#only-failed").uncheck()
    page.locator("#search").fill("no such text")
    page.locator("#nothing").wait_for(state="visible")
    page.locator("#search").fill("delete")
    page.locator("#nothing").wait_for(state="hidden")
    page.locator("#expand").click()
    assert page.locator(".attempt:visible > details:not([open])").count() == 0
    page.locator("#collapse").click()
    assert page.locator(".attempt > details[open]").count() == 0
    opened.done()


def test_diagram_and_timeline_lead_to_attempts(browser: Browser, tmp_path: Path) -> None:
    opened = Opened(browser, tmp_path / "page.html", polling(20), {})
    page = opened.page
    page.locator(".flow a[href='#attempt-2']").click()
    assert page.locator("#attempt-2 > details").get_attribute("open") is not None
    page.locator(".timeline").focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.locator("#attempt-4 > details[open]").wait_for()
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('.attempt').id") == "attempt-5"
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.closest('.attempt').id") == "attempt-4"
    opened.done()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [NARROW, {"width": 1280, "height": 900}], ids=["narrow", "wide"])
def test_a_page_fits_every_screen_and_scheme(
    browser: Browser, tmp_path: Path, scheme: str, viewport: dict[str, int]
) -> None:
    opened = Opened(browser, tmp_path / "page.html", failing(), {"viewport": viewport, "color_scheme": scheme})
    page = opened.page
    page.locator("#expand").click()
    (ground,) = page.evaluate("[getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)]")
    assert (max(ground) < 128) is (scheme == "dark")
    assert page.locator("section.failure").is_visible()
    opened.done()


def test_nothing_hostile_runs(browser: Browser, tmp_path: Path) -> None:
    opened = Opened(browser, tmp_path / "page.html", hostile(), {"viewport": NARROW}, answer=hostile_answer)
    page = opened.page
    page.locator("#expand").click()
    assert page.title() != "owned"
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 1
    page.goto(opened.address + "#%")
    opened.done()


SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def thirty_cases() -> SuiteVerdict:
    """Thirty cases, two of which failed."""
    known = {Item(kind, "api.yaml", f"{kind} {number}"): None for kind in KINDS for number in range(5)}
    verdict = SuiteVerdict(duration=0.8)
    for number in range(30):
        failure = Failure("outputs", f"not those expected {SCRIPT}", (SCRIPT,), SCRIPT, Place("w.yaml", 3, 1))
        verdict.take(
            CaseResult(
                id=f"deploy::case-{number}",
                path=f"cassettes/deploy/case-{number}.yaml",
                description=f"{SCRIPT} what case {number} shows",
                failures=(failure, failure) if number in (7, 19) else (),
                remarks=(SCRIPT,) if number == 3 else (),
                requests=number,
                duration=0.02,
                coverage=Coverage(dict(known), set(list(known)[:3])),
            )
        )
    return verdict


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 800}, NARROW], ids=["wide", "narrow"])
def test_the_page_of_contract_tests(browser: Browser, tmp_path: Path, scheme: str, viewport: dict[str, int]) -> None:
    file = tmp_path / "cases.html"
    with file.open("w", encoding="utf-8") as stream:
        casereports.write("html", thirty_cases(), stream)
    opened = OpenedFile(browser, file, {"color_scheme": scheme, "viewport": viewport})
    page = opened.page
    assert page.locator(".attempt").count() == 30
    assert page.locator(".attempt.failed details[open]").count() == 2
    page.locator("#only-failed").check()
    page.locator("#found", has_text="2 of 30 cases").wait_for()
    page.locator("#only-failed").uncheck()
    page.keyboard.press("/")
    page.keyboard.type("case-12 shows")
    page.locator("#found", has_text="1 of 30 cases").wait_for()
    assert page.locator(".attempt:visible").get_attribute("id") == "attempt-13"
    page.keyboard.press("Escape")
    page.locator("section:last-of-type summary").first.click()
    assert page.locator("section:last-of-type li:visible").count() == 2
    opened.done()


def test_a_browser_answers_from_the_har_report(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "run.har"
    with HarReport() as report:
        run(failing(), report)
        with file.open("w", encoding="utf-8") as stream:
            report.write(stream)
    page = browser.new_page()
    page.route_from_har(file, not_found="abort")
    answer = page.goto("https://eu.api.example/v1/items/x")
    assert answer is not None
    assert (answer.status, answer.json()) == (404, {"error": "no such item"})
    page.close()
