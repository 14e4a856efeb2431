"""Reports of a result, as functions, and the result in a notebook: secrets masked, memory bounded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from arazzo_runner import Response, Runner, RunResult, UsageError, report
from arazzo_runner.engine.events import AttemptFinished
from arazzo_runner.runtime.run import history
from tests.servers.record_cassettes import CASSETTES, SIZED, WORKFLOWS
from tests.support.shop import GET_ORDER, write_shop

DEPLOY = WORKFLOWS / "hugging-face-deploy-inference-endpoint-workflow.yml"
SECRET = "hf_ThisIsTheSecretOfTheTests"


def deployed(case: str = "becomes-running") -> RunResult:
    inputs = {**SIZED, "hfToken": SECRET}
    return Runner(DEPLOY).run(inputs=inputs, replay=CASSETTES / "deploy-inference-endpoint" / f"{case}.yaml")


def test_each_report_is_a_function_of_the_result() -> None:
    result = deployed()
    page = report.html(result)
    assert page.startswith("<!doctype html>") or "<html" in page
    assert "pollStatus" in page
    steps = [step["stepId"] for step in report.json(result)["steps"]]
    assert steps == ["createEndpoint", *["pollStatus"] * 3]
    assert len(report.har(result)["log"]["entries"]) == 4
    assert report.junit(result).count("<testcase") == 2
    assert "succeeded in" in report.text(result)


def test_a_failure_shows_the_documents_line(tmp_path: Path) -> None:
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(404)))
    document = write_shop(tmp_path, GET_ORDER, servers=("http://api.example",))
    result = Runner(document, client=client).run(inputs={"name": "x"})
    text = report.text(result)
    assert f"{document}:1:" in text
    assert "$statusCode == 200" in text


@pytest.mark.parametrize("form", ["html", "junit", "json", "har", "text", "notebook", "repr"])
def test_no_report_shows_a_secret(form: str) -> None:
    for case in ("becomes-running", "already-exists"):
        result = deployed(case)
        shown: Any
        match form:
            case "notebook":
                shown = result._repr_html_()
            case "repr":
                shown = repr(result)
            case _:
                shown = getattr(report, form)(result)
        assert SECRET not in (shown if isinstance(shown, str) else json.dumps(shown))
        assert "deploy-inference-endpoint" in (shown if isinstance(shown, str) else json.dumps(shown))


def test_a_notebook_shows_outputs_the_way_and_the_attempts() -> None:
    shown = deployed()._repr_html_()
    assert "✓ deploy-inference-endpoint" in shown
    assert "createEndpoint → pollStatus ×3" in shown
    assert "inferenceUrl" in shown
    failed = deployed("already-exists")._repr_html_()
    assert "✗ deploy-inference-endpoint" in failed
    assert "step createEndpoint: " in failed
    assert "hugging-face-deploy-inference-endpoint-workflow.yml:" in failed


def test_what_an_answer_says_is_no_markup_of_the_notebook(tmp_path: Path) -> None:
    client = httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, json="<script>alert(1)</script>"))
    )
    document = write_shop(tmp_path, GET_ORDER, servers=("http://api.example",))
    shown = Runner(document, client=client).run(inputs={"name": "<b>x</b>"})._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "<b>x" not in shown


def test_attempts_are_those_of_the_run_masked() -> None:
    attempts = deployed().attempts
    assert [attempt.step_id for attempt in attempts] == ["createEndpoint", *["pollStatus"] * 3]
    assert SECRET not in repr(attempts)


def test_a_long_run_keeps_its_beginning_and_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "FIRST", 3)
    monkeypatch.setattr(history, "LAST", 2)
    result = deployed()
    kept = result.history
    assert kept is not None
    told = list(kept.events())
    assert len(told) == 5
    assert kept.left_out > 0
    assert "more" in result._repr_html_()


def test_large_bodies_push_out_older_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_BYTES", 2_000)
    kept = deployed().history
    assert kept is not None
    bodies = [
        len(event.attempt.response.body)
        for event in kept.events()
        if isinstance(event, AttemptFinished) and isinstance(event.attempt.response, Response)
    ]
    assert sum(bodies) <= 2_000


def test_a_result_without_history_says_what_to_do(tmp_path: Path) -> None:
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json={})))
    document = write_shop(tmp_path, GET_ORDER, servers=("http://api.example",))
    [one] = Runner(document, client=client).run_each([{"name": "x"}])
    assert one.result is not None
    assert one.result.attempts == ()
    with pytest.raises(UsageError, match="has kept no events to report on") as without:
        report.html(one.result)
    assert "listeners" in without.value.hint
