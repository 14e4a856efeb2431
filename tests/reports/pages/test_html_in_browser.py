"""The page of a long run in a browser: it opens, searches and expands, and neither errs nor asks the network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from arazzo_runner.engine.events import Attempt
from arazzo_runner.errors import Place
from arazzo_runner.reports import case_files as casereports
from arazzo_runner.reports.case_lines import SuiteVerdict
from arazzo_runner.reports.flow_graph import diagram_of
from arazzo_runner.reports.har import HarReport
from arazzo_runner.reports.many_runs import RunLabel
from arazzo_runner.reports.pages.html import HtmlReport
from arazzo_runner.reports.pages.many_runs_html import ManyRunsHtml
from arazzo_runner.runtime.cases.coverage import KINDS, Coverage, Item
from arazzo_runner.runtime.cases.judging import CaseResult, Failure, attempts_to
from tests.support.browser import axe_violations, chromium
from tests.support.own_cases import plan_of
from tests.support.runs import Case, failing, hostile, hostile_answer, json_answer, polling, run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

NARROW = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


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
    assert '"state": "running"' in found.locator("pre.json").last.inner_text()
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
    kept: list[Attempt] = []
    run(failing(), attempts_to(kept.append))
    for number in range(30):
        texts = {"expected": f'{{\n  "a": "{SCRIPT}"\n}}', "came": '{\n  "a": 1\n}'}
        place = Place("w.yaml", 3, 1)
        failure = Failure("outputs", f"not those expected {SCRIPT}", (SCRIPT,), SCRIPT, place, **texts)
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
                attempts=tuple(kept) if number in (7, 8) else (),
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
    assert page.locator(".attempt.failed > details[open]").count() == 2
    page.locator("#only-failed").check()
    page.locator("#found", has_text="2 of 30 cases").wait_for()
    page.locator("#only-failed").uncheck()
    page.keyboard.press("/")
    page.keyboard.type("case-12 shows")
    page.locator("#found", has_text="1 of 30 cases").wait_for()
    assert page.locator(".attempt:visible").get_attribute("id") == "attempt-13"
    page.keyboard.press("Escape")
    page.locator("main > section:last-of-type summary").first.click()
    assert page.locator("main > section:last-of-type li:visible").count() == 2
    opened.done()


def test_the_failed_attempt_is_open_with_what_was_expected_and_what_came(browser: Browser, tmp_path: Path) -> None:
    opened = Opened(browser, tmp_path / "page.html", failing(), {})
    failed = opened.page.locator("#attempt-2")
    assert failed.locator("> details[open]").count() == 1
    assert failed.locator(".sides .expected").all_inner_texts() == ["$statusCode == 200", "$statusCode < 400"]
    assert failed.locator(".sides .came").all_inner_texts() == ["$statusCode is 404"] * 2
    assert opened.page.locator(".failure .sides .came").count() == 2
    assert opened.page.locator("#attempt-1 > details[open]").count() == 0
    opened.done()


def test_bodies_and_commands_are_copied_as_they_are(browser: Browser, tmp_path: Path) -> None:
    opened = Opened(browser, tmp_path / "page.html", failing(), {"permissions": ["clipboard-read", "clipboard-write"]})
    page = opened.page
    failed = page.locator("#attempt-2")
    copied = "navigator.clipboard.readText()"
    failed.get_by_label("Copy the response body").click()
    failed.get_by_text("copied").wait_for()
    assert page.evaluate(copied) == '{\n  "error": "no such item"\n}'
    failed.get_by_text("The request as a cURL command").click()
    failed.get_by_label("Copy the command").click()
    page.wait_for_function(f"{copied}.then(text => text.startsWith('curl'))")
    assert page.evaluate(copied) == "curl https://eu.api.example/v1/items/x -H 'Accept: */*'"
    opened.done()


def test_json_is_coloured_and_its_parts_fold(browser: Browser, tmp_path: Path) -> None:
    data = {"first": {"list": [{"n": number, "of": "x: 1"} for number in range(20)]}, "last": None}
    opened = Opened(browser, tmp_path / "page.html", polling(1), {}, answer=json_answer(data))
    page = opened.page
    page.locator("#attempt-1 summary").first.click()
    body = page.locator("#attempt-1 pre.json").last
    assert body.locator(".name").first.inner_text() == '"first"'
    assert body.locator(".text").first.text_content() == '"x: 1"'
    assert body.locator(".other").last.text_content() == "null"
    assert '"of"' not in body.inner_text()
    assert body.text_content() == json.dumps(data, indent=2)
    body.locator(".fold[aria-expanded=false]").first.click()
    body.locator(".fold[aria-expanded=false]").first.click()
    assert '"of"' in body.inner_text()
    body.locator(".fold").first.click()
    assert '"last"' not in body.inner_text()
    opened.done()


def test_text_stays_in_its_box(browser: Browser, tmp_path: Path) -> None:
    case = failing()
    case["workflow"]["steps"][0]["stepId"] = "W" * 60
    case["workflow"]["steps"][1]["stepId"] = "作" * 60
    opened = Opened(browser, tmp_path / "page.html", case, {})
    outside = """[...document.querySelectorAll('.box text')].filter((text) => {
      const frame = text.closest('.box').querySelector('rect').getBoundingClientRect();
      const seen = text.getBoundingClientRect();
      const beside = seen.left < frame.left || seen.right > frame.right;
      return text.textContent && (beside || seen.top < frame.top || seen.bottom > frame.bottom);
    }).map((text) => text.textContent)"""
    assert opened.page.locator(".box text").count() >= 6
    assert opened.page.evaluate(outside) == []
    opened.done()


def written_pages(directory: Path) -> dict[str, Path]:
    """Pages of every kind: of runs, of cases, and the index of several runs."""
    pages = {}
    for name, case in (("polling", polling(5)), ("failing", failing()), ("hostile", hostile())):
        plan = plan_of(case)
        with HtmlReport("a.arazzo.yaml", diagram=diagram_of(plan), problems=plan.problems) as report:
            run(case, report, plan=plan, **({"answer": hostile_answer} if name == "hostile" else {}))
            pages[name] = directory / f"{name}.html"
            with pages[name].open("w", encoding="utf-8") as stream:
                report.write(stream)
    pages["cases"] = directory / "cases.html"
    with pages["cases"].open("w", encoding="utf-8") as stream:
        casereports.write("html", thirty_cases(), stream)
    pages["index"] = directory / "index.html"
    with pages["index"].open("w", encoding="utf-8") as stream:
        index = ManyRunsHtml(stream, str(pages["index"]))
        for number, case in enumerate((polling(2), failing()), 1):
            with HtmlReport("a.arazzo.yaml") as report:
                result = run(case, report)
                index.add(report, RunLabel(number, f"row {number}", "a.arazzo.yaml"), result.outcome)
        index.finish()
    return pages


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 800}, NARROW], ids=["wide", "narrow"])
def test_axe_finds_nothing(browser: Browser, tmp_path: Path, scheme: str, viewport: dict[str, int]) -> None:
    for page in written_pages(tmp_path).values():
        for open_all in (False, True):
            how = {"color_scheme": scheme, "viewport": viewport}
            assert axe_violations(browser, page, open_all=open_all, **how) == []


def test_the_index_leads_to_the_runs_and_back(browser: Browser, tmp_path: Path) -> None:
    opened = OpenedFile(browser, written_pages(tmp_path)["index"], {})
    page = opened.page
    assert page.locator(".attempt.failed > details[open]").count() == 1
    page.locator("#attempt-2").get_by_role("link").click()
    page.locator("section.failure").wait_for()
    page.get_by_role("link", name="All runs").click()
    page.locator("#found", has_text="2 runs").wait_for()
    page.context.close()


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
