"""The deployment workflow in a browser: from its card to a run that is watched, held, gone back in and run from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.servers.inference_endpoints import Behaviour, InferenceEndpointsEmulator
from tests.servers.slow import SlowServer
from tests.support.browser import axe_of, axe_script
from tests.support.repository import ROOT
from tests.support.small_documents import document, write
from tests.support.web_servers import Visitor, WebProcess, until, visiting, web_process

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.network, pytest.mark.slow]

TOKEN = "hf_ThisIsTheSecretOfTheTests"
DEPLOY = "deploy-inference-endpoint"
INPUTS = {
    "namespace": "acme",
    "name": "my-gpt2",
    "repository": "gpt2",
    "instanceType": "intel-icl",
    "instanceSize": "x1",
}
NARROW = {"width": 360, "height": 740}


@contextmanager
def deploying(directory: Path, *words: str, polls: int = 1) -> Iterator[tuple[WebProcess, InferenceEndpointsEmulator]]:
    """A server of pages whose requests go to the emulator."""
    behaviour = Behaviour(polls_pending=polls)
    with (
        InferenceEndpointsEmulator(token=TOKEN, public_url="https://endpoint.example", behaviour=behaviour) as api,
        web_process(
            directory, str(ROOT / "workflows"), "--allow-run", "--server", api.url, "--poll-interval", "0.3", *words
        ) as server,
    ):
        yield server, api


def fill(page: Page, **more: str) -> None:
    """Fill in the form of the deployment."""
    for name, value in {**INPUTS, "hfToken": TOKEN, **more}.items():
        page.locator(f"[name='input.{name}']").fill(value)


def begin(visitor: Visitor, button: str, **more: str) -> str:
    """Run the deployment from its card; return the path of the run's page."""
    page = visitor.page
    page.get_by_role("link", name=re.compile("Create a dedicated")).click()
    fill(page, **more)
    page.get_by_role("button", name=button, exact=True).click()
    page.wait_for_url(re.compile("/runs/web-"))
    return page.url.removeprefix(visitor.server.url).partition("#")[0]


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def ended(page: Page, status: str = "succeeded") -> None:
    page.locator(f"h1 .badge.{status}").wait_for()


def attempts(page: Page) -> int:
    return page.locator("#list .attempt").count()


def test_a_run_is_watched_held_stepped_and_gone_back_in(browser: Browser, tmp_path: Path) -> None:
    with deploying(tmp_path, polls=4) as (server, api), visiting(browser, server) as visitor:
        page = visitor.page
        path = begin(visitor, "Run step by step")
        page.locator("h1 .badge.held").wait_for()
        assert not api.requests
        assert "Held before the request of createEndpoint" in page.locator("p.now").inner_text()
        press(page, "Step")
        page.locator("#attempt-1").wait_for()
        page.locator("h1 .badge.held").wait_for()
        assert [one.method for one in api.requests] == ["POST"]
        assert "pollStatus" in (page.locator(".box.now").get_attribute("aria-label") or "")
        press(page, "Step")
        page.locator("#attempt-2").wait_for()
        # Back looks at what was, and sends nothing.
        sent = len(api.requests)
        page.get_by_role("button", name="Back", exact=True).click()
        page.locator("#attempt-2 .reasons").wait_for()
        why = page.locator("#attempt-2 .reasons").inner_text()
        assert "stillStarting" in why
        assert "taken" in why
        assert "not tried" in why
        assert "'stillStarting' came first and was taken" in why
        assert page.locator("#flow .box.looked-at").get_attribute("data-step") == "pollStatus"
        page.get_by_role("button", name="Back", exact=True).click()
        page.locator("#attempt-1 .reasons").wait_for()
        assert "$statusCode was 201" in page.locator("#attempt-1 .reasons").inner_text().replace("\n", " ")
        assert len(api.requests) == sent
        press(page, "Continue")
        ended(page)
        assert "https://endpoint.example" in page.locator("#ends").inner_text()
        # A page that is loaded again says the same.
        visitor.go(path)
        ended(page)
        assert attempts(page) == len(api.requests)


def test_pause_holds_a_run_that_goes_by_itself(browser: Browser, tmp_path: Path) -> None:
    with deploying(tmp_path, polls=1000) as (server, api), visiting(browser, server) as visitor:
        page = visitor.page
        begin(visitor, "Run")
        page.locator("#attempt-3").wait_for()
        press(page, "Pause")
        page.locator("h1 .badge.held").wait_for()
        sent = len(api.requests)
        assert page.locator("#standing .countdown").count() == 0
        page.wait_for_timeout(700)  # longer than its poll interval
        assert len(api.requests) == sent
        press(page, "Cancel")
        ended(page, "cancelled")
        assert len(api.requests) == sent


def test_a_wait_counts_down(browser: Browser, tmp_path: Path) -> None:
    with deploying(tmp_path, "--poll-interval", "30", polls=9) as (server, _), visiting(browser, server) as visitor:
        page = visitor.page
        begin(visitor, "Run")
        countdown = page.locator(".countdown")
        countdown.wait_for()
        first = countdown.inner_text()
        until(lambda: countdown.inner_text() != first)
        assert int(countdown.inner_text().split()[0]) < 30
        press(page, "Cancel")
        ended(page, "cancelled")


def test_a_run_begins_again_from_the_poll(browser: Browser, tmp_path: Path) -> None:
    with deploying(tmp_path, "--check", "error") as (server, api), visiting(browser, server) as visitor:
        page = visitor.page
        first = begin(visitor, "Run")
        ended(page)
        before = len(api.requests)
        page.locator("#attempt-2 summary").first.click()
        page.locator("#attempt-2").get_by_text("Run from here").click()
        page.locator("#attempt-2 [name='input.hfToken']").fill(TOKEN)
        page.get_by_role("button", name="Run from attempt 2").click()
        until(lambda: "/runs/" in page.url and first not in page.url)
        ended(page)
        after = api.requests[before:]
        assert {one.method for one in after} == {"GET"}
        assert "are those of the run" in page.locator("main").inner_text()
        assert "my-gpt2" in page.locator("#ends").inner_text()
        page.locator("#attempt-1 summary").first.click()
        page.locator("#attempt-1 .reasons").wait_for()


def test_a_run_is_run_again_with_other_inputs(browser: Browser, tmp_path: Path) -> None:
    with deploying(tmp_path) as (server, api), visiting(browser, server) as visitor:
        page = visitor.page
        begin(visitor, "Run")
        ended(page)
        page.get_by_role("link", name="Run again").click()
        assert page.locator("[name='input.namespace']").input_value() == "acme"
        assert page.locator("[name='input.hfToken']").input_value() == ""
        page.locator("[name='input.name']").fill("other")
        page.locator("[name='input.hfToken']").fill(TOKEN)
        press(page, "Run")
        ended(page)
        assert ("acme", "other") in api.deployments


def test_a_killed_run_is_shown_as_stopped_and_resumed_by_a_click(browser: Browser, tmp_path: Path) -> None:
    with deploying(tmp_path, polls=30) as (server, api):
        with visiting(browser, server) as visitor:
            path = begin(visitor, "Run")
            visitor.page.locator("#attempt-3").wait_for()
        server.process.kill()
        server.process.wait()
        words = (str(ROOT / "workflows"), "--allow-run", "--server", api.url, "--poll-interval", "0.05")
        with web_process(tmp_path, *words) as again, visiting(browser, again) as visitor:
            page = visitor.go(path)
            ended(page, "stopped")
            page.locator("#decision [name='input.hfToken']").fill(TOKEN)
            press(page, "Resume")
            ended(page)
            assert sum(one.method == "POST" for one in api.requests) == 1
            assert page.locator(".failure").count() == 0


def test_an_ambiguous_request_is_resolved_in_its_form(browser: Browser, tmp_path: Path) -> None:
    made = document({"workflowId": "make", "steps": [{"stepId": "s", "operationId": "make"}]})
    api = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}}
    path_item = {"post": {"operationId": "make", "responses": {"201": {"description": "made"}}}}
    place = write(tmp_path, made, {**api, "paths": {"/things": path_item}})
    with SlowServer() as slow:
        words = (place, "--allow-run", "--server", slow.url)
        with web_process(tmp_path, *words) as server:
            with visiting(browser, server) as visitor:
                page = visitor.page
                page.locator(".card a").first.click()
                press(page, "Run")
                page.wait_for_url(re.compile("/runs/web-"))
                path = page.url.removeprefix(server.url)
                until(slow.asked.is_set)
            server.process.kill()
            server.process.wait()
        slow.answer.set()
        with web_process(tmp_path, *words) as again, visiting(browser, again) as visitor:
            page = visitor.go(path)
            page.get_by_role("heading", name="A decision is needed").wait_for()
            page.get_by_label("Yes: continue").check()
            page.locator("#decide-status").fill("201")
            page.locator("[name='with-body']").check()
            press(page, "Resume with this decision")
            ended(page)
        assert slow.methods.count("POST") == 1


def test_an_expression_is_explained(browser: Browser, tmp_path: Path) -> None:
    with deploying(tmp_path) as (server, _), visiting(browser, server) as visitor:
        page = visitor.page
        begin(visitor, "Run")
        ended(page)
        page.get_by_role("link", name="Explain an expression").click()

        def explained(text: str, attempt: str) -> str:
            page.locator("#attempt").select_option(attempt)
            page.locator("#expression").fill(text)
            press(page, "Explain")
            return page.locator("#value").inner_text()

        assert "my-gpt2" in explained("$steps.createEndpoint.outputs.endpointName", "1")
        assert "pending" in explained("$response.body#/status/state", "2")
        found = explained("$statusCode == 200", "2")
        assert "true" in found
        assert "200" in found
        page.locator("#kind").select_option("jsonpath")
        assert "pending" in explained("$.status.state", "2")
        assert "my-gpt2" in explained("$..name", "2")
        page.locator("#kind").select_option("")
        assert "has no value" in explained("$response.body#/nothing", "2")
        assert TOKEN not in explained("$inputs", "1")
        assert "[redacted]" in page.locator("#value").inner_text()


def test_a_wrong_form_says_what_is_wrong_and_forgets_the_secret(browser: Browser, tmp_path: Path) -> None:
    with deploying(tmp_path) as (server, api), visiting(browser, server) as visitor:
        page = visitor.page
        page.get_by_role("link", name=re.compile("Create a dedicated")).click()
        fill(page, name="")
        page.locator("form.inputs").evaluate("form => form.noValidate = true")
        visitor.complaints.clear()
        press(page, "Run")
        page.locator(".failure").wait_for()
        # The browser notes the answer's status, which is the right one.
        visitor.complaints[:] = [text for text in visitor.complaints if "422" not in text]
        assert "name" in page.locator(".failure").inner_text()
        assert page.locator("[name='input.hfToken']").input_value() == ""
        assert page.locator("[name='input.namespace']").input_value() == "acme"
        assert not api.requests


def test_a_broken_case_is_seen_recorded_again_and_accepted(browser: Browser, tmp_path: Path) -> None:
    cases = tmp_path / "cassettes" / DEPLOY
    cases.mkdir(parents=True)
    text = (ROOT / "cassettes" / DEPLOY / "becomes-running.yaml").read_text("utf-8")
    text = text.replace("../../workflows", str(ROOT / "workflows"))
    broken = re.sub(r"(outputs:\n(?:.*\n)*?\s+state: )running", r"\1paused", text, count=1)
    assert broken != text
    path = cases / "becomes-running.yaml"
    path.write_text(broken, "utf-8")
    words = ("--cassettes", str(tmp_path / "cassettes"))
    with deploying(tmp_path, *words) as (server, _), visiting(browser, server) as visitor:
        page = visitor.go("/cases")
        press(page, "Check all")
        assert "failed" in page.locator("table.list").inner_text()
        page.get_by_role("link", name="becomes-running").click()
        assert "paused" in page.locator(".sides").first.inner_text()
        page.locator("[name='input.hfToken']").fill(TOKEN)
        press(page, "Record again")
        page.get_by_role("heading", name="A new recording waits").wait_for()
        assert "running" in page.locator(".warnings").inner_text()
        assert path.read_text("utf-8") == broken
        page.get_by_role("button", name=re.compile("Accept")).click()
        page.locator("h1 .badge.succeeded").wait_for()
        assert TOKEN not in path.read_text("utf-8")
        assert path.read_text("utf-8") != broken


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_clean_in_both_schemes_and_on_a_phone(browser: Browser, tmp_path: Path, scheme: str) -> None:
    script = axe_script()
    with deploying(tmp_path, "--cassettes", str(ROOT / "cassettes")) as (server, _):
        # The pages' own policy lets nothing in, not even what looks at them.
        options = {"color_scheme": scheme, "viewport": NARROW, "bypass_csp": True}
        with visiting(browser, server, **options) as visitor:
            page = visitor.page
            run = begin(visitor, "Run")
            ended(page)
            found: list[str] = []

            def look(path: str) -> None:
                visitor.go(path)
                page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
                page.wait_for_function("!document.querySelector('[aria-busy]')")
                assert not visitor.is_wide(), path
                found.extend(f"{path}: {text}" for text in axe_of(page, script))

            for tab in ("", "/steps", "/document", "/cases"):
                look(f"/workflows/{DEPLOY}{tab}")
            case = f"/cases/{DEPLOY}/becomes-running"
            for path in ("/", "/runs", run, f"{run}/explain", "/explain", "/cases", case):
                look(path)
            assert not found


def test_everything_is_reached_by_keys_and_told_to_a_screen_reader(browser: Browser, tmp_path: Path) -> None:
    with deploying(tmp_path) as (server, _), visiting(browser, server) as visitor:
        page = visitor.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "To the content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        begin(visitor, "Run")
        ended(page)
        assert "The run is succeeded." in (page.locator("#told").text_content() or "")
        page.locator("#main").focus()
        page.keyboard.press("k")
        last = page.locator("#list .attempt").last
        last.locator("details[open]").wait_for()
        page.keyboard.press("k")
        until(lambda: page.locator("#list .attempt > details[open]").count() == 2)
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.closest('.attempt').id") == last.get_attribute("id")
        page.locator(".timeline").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        page.locator("#attempt-1 .reasons").wait_for()
        # The way back from a far attempt.
        page.evaluate("location.hash = '#attempt-2'")
        page.locator("#attempt-2 .reasons").wait_for()
