"""The JUnit report, as Jenkins' schema and a consumer's parser read it."""

from __future__ import annotations

import io
from typing import Any

import junitparser
import pytest
from lxml import etree

from arazzo_runner.effects import Answered, Failed, Response, Send
from arazzo_runner.engine.events import Outcome, RunFinished, Warned
from arazzo_runner.errors import InvalidInputs, PlanError
from arazzo_runner.reports.junit import MAX_LINES, JunitReport
from tests.support.own_cases import own_cases
from tests.support.runs import SECRET, Case, failing, hostile, hostile_answer, polling, run
from tests.support.schemas import JUNIT


def junit(case: Case, **how: Any) -> str:
    report = JunitReport("case.yaml")
    run(case, report, **how)
    stream = io.StringIO()
    report.write(stream)
    return stream.getvalue()


def suite_of(text: str) -> Any:
    JUNIT.assertValid(etree.fromstring(text.encode()))
    (suite,) = junitparser.JUnitXml.fromstring(text.encode())
    return suite


def test_what_a_run_warns_of_stands_in_the_suite() -> None:
    report = JunitReport("case.yaml")
    report(Warned("the output 'a' has no value", "s", "did you mean b?", 0.0))
    report(RunFinished(Outcome("w", "succeeded", None, {}, {}, 0, 0, 0.0, 0.0), 0.0))
    text = io.StringIO()
    report.write(text)
    found = etree.fromstring(text.getvalue().encode())
    JUNIT.assertValid(found)
    assert found.findtext(".//system-err") == "the output 'a' has no value; did you mean b?"


@pytest.mark.parametrize("case", own_cases())
def test_every_case_gives_a_valid_report_that_fails_when_the_run_does(case: Case) -> None:
    outcome: list[RunFinished] = []
    report = JunitReport("case.yaml")
    try:
        run(case, report, lambda event: outcome.append(event) if isinstance(event, RunFinished) else None)
    except (PlanError, InvalidInputs):
        return
    stream = io.StringIO()
    report.write(stream)
    suite = suite_of(stream.getvalue())
    assert (suite.failures > 0) == (outcome[0].outcome.status == "failed")
    assert suite.tests == len(list(suite))


def test_a_step_is_one_case_however_often_it_ran() -> None:
    suite = suite_of(junit(polling(5)))
    cases = {(case.classname, case.name): case for case in suite}
    assert list(cases) == [("main", "create"), ("main", "poll"), ("clean-up", "delete"), ("main", "cleanUp")]
    assert suite.name == "main"
    assert suite.failures == 0
    poll = cases["main", "poll"]
    assert poll.time == pytest.approx(1.25)
    assert poll.system_out.count("stillPending: goto poll") == 4
    assert "answered 503" in cases["main", "create"].system_out


def test_a_failure_has_the_reason_its_place_and_what_was_not_true() -> None:
    suite = suite_of(junit(failing()))
    assert (suite.tests, suite.failures) == (2, 1)
    failure = next(case for case in suite if case.name == "get").result[0]
    assert failure.type == "step-failed"
    assert "$statusCode == 200" in failure.message
    assert "at https://cases.example/case.yaml:1:" in failure.text
    assert "not true: $statusCode < 400" in failure.text


def test_a_failure_that_an_action_led_on_from_is_none_when_the_run_succeeded() -> None:
    case = failing()
    case["workflow"]["steps"][1]["onFailure"] = [{"name": "goOn", "type": "goto", "stepId": "last"}]
    case["answers"].append({"status": 200})
    suite = suite_of(junit(case))
    assert (suite.tests, suite.failures) == (3, 0)
    assert "failed in 0.250 s (step-failed" in next(c for c in suite if c.name == "get").system_out


def test_a_step_that_could_not_be_sent_is_a_case_that_failed() -> None:
    case = failing()
    case["workflow"]["steps"][1]["parameters"][0]["value"] = "$inputs.absent"
    suite = suite_of(junit(case))
    (failed,) = [case for case in suite if case.result]
    assert (failed.name, failed.result[0].type) == ("get", "missing-value")


def test_a_request_that_the_run_did_not_live_to_see_answered_is_told() -> None:
    def answer(number: int, effect: Send, now: float) -> Answered | Failed:
        return Failed("timeout", "no answer in time", at=now + 60, duration=60)

    case = failing()
    case["options"] = {"timeout": 30}
    (case_,) = suite_of(junit(case, answer=answer))
    assert (case_.name, case_.result[0].type) == ("list", "timeout")
    assert case_.time == pytest.approx(60)


def test_only_the_last_attempts_of_many_are_told() -> None:
    suite = suite_of(junit(polling(150)))
    poll = next(case for case in suite if case.name == "poll")
    assert len(poll.system_out.strip().splitlines()) == MAX_LINES + 1
    assert "(50 earlier attempts are not shown)" in poll.system_out


def test_hostile_text_stays_text() -> None:
    def answer(number: int, effect: Send, now: float) -> Answered | Failed:
        if number:
            return Answered(Response(200), at=now)
        return Failed("transport", "\x00\x1b[31m]]></failure><failure>\ud800\ufffe", at=now)

    text = junit(hostile(), answer=answer)
    text.encode("utf-8")
    (case,) = suite_of(text)
    assert "<script>" in case.name
    assert case.result[0].message.endswith("\\u0000\\u001b[31m]]></failure><failure>\\ud800\\ufffe")
    suite_of(junit(hostile(), answer=hostile_answer))


def test_no_secret_is_written() -> None:
    assert SECRET not in junit(polling(2))


def test_a_run_that_has_not_ended_has_no_report() -> None:
    with pytest.raises(RuntimeError, match="has not ended"):
        JunitReport("x").write(io.StringIO())
