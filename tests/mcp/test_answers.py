"""Answers: outputs in their size, marked as data; failures with code, step, reason and hint."""

from __future__ import annotations

import json
from typing import Any

import pytest

from arazzo_runner.engine.events import Outcome, Reason
from arazzo_runner.errors import InvalidInputs
from arazzo_runner.mcp.answers import (
    MARK,
    answer_failed,
    answer_refused,
    answer_running,
    answer_stopped,
    answer_with_outputs,
    bounded,
    plain_json,
)
from arazzo_runner.mcp.resources import fitting
from arazzo_runner.runtime.runners.summaries import RunSummary


def outcome(outputs: dict[str, Any], reason: Reason | None = None) -> Outcome:
    return Outcome("w", "failed" if reason else "succeeded", reason, {}, outputs, 1, 1, 0.0, 1.0)


def test_outputs_are_structured_and_marked_as_data() -> None:
    answer = answer_with_outputs("r", outcome({"a": 1}), {"a": {"type": "integer"}}, 1000)
    assert answer.structured == {"a": 1}
    assert MARK in answer.texts[0]
    assert json.loads(answer.texts[1]) == {"a": 1}
    assert not answer.failed


def test_an_output_of_another_type_is_in_the_text_only() -> None:
    answer = answer_with_outputs("r", outcome({"a": "x", "b": 2}), {"a": {"type": "integer"}}, 1000)
    assert answer.structured == {"b": 2}
    assert json.loads(answer.texts[1]) == {"a": "x", "b": 2}
    assert "The output a is not of the type" in answer.texts[0]


@pytest.mark.parametrize("limit", [0, 1, 50, 200, 20_000])
def test_no_answer_is_longer_than_its_limit(limit: int) -> None:
    outputs = {"long": "x" * 50_000, "list": list(range(10_000)), "short": "s", "other": "y" * 500}
    shown, notes = bounded(outputs, limit, "arazzo://runs/r")
    assert sum(len(name) + len(str(value)) for name, value in shown.items()) <= limit + 1
    assert all("arazzo://runs/r" in note for note in notes)
    assert notes


def test_a_long_text_is_cut_and_says_how_long_it_was() -> None:
    shown, notes = bounded({"long": "x" * 500}, 100, "arazzo://runs/r")
    assert shown["long"] == "x" * 96 + "…"
    assert notes == ["The output long was cut: it has 500 characters. See arazzo://runs/r."]


def test_what_fits_is_whole() -> None:
    assert bounded({"a": "x" * 50, "b": [1]}, 100, "") == ({"a": "x" * 50, "b": [1]}, [])


def test_a_failure_has_code_step_reason_and_hint() -> None:
    reason = Reason("step-failed", "the criterion does not hold", "pay", "look at the account")
    answer = answer_failed("r", "w", outcome({}, reason))
    assert answer.failed
    assert answer.structured == {
        "runId": "r",
        "workflowId": "w",
        "status": "failed",
        "code": "step-failed",
        "stepId": "pay",
        "reason": "the criterion does not hold",
        "hint": "look at the account",
    }
    assert "failed (step-failed) at the step pay: the criterion does not hold" in answer.texts[0]
    assert "hint: look at the account" in answer.texts[0]


def test_invalid_inputs_name_each_error() -> None:
    answer = answer_refused(InvalidInputs("the inputs are wrong", ["input a: too long", "input b: missing"]))
    assert answer.structured["code"] == "invalid-inputs"
    assert "input b: missing" in answer.structured["reason"]


@pytest.mark.parametrize(
    ("status", "reason", "code", "hint"),
    [
        ("cancelled", "cancelled", "cancelled", "call the workflow again"),
        ("stopped", "ambiguous-request", "ambiguous-request", "arazzo resume r --resend"),
        ("stopped", "interrupted", "stopped", "await_run continues it"),
    ],
)
def test_a_run_that_stopped_says_what_to_do(status: str, reason: str, code: str, hint: str) -> None:
    answer = answer_stopped(RunSummary("r", status, "w", 0.0, reason=reason))
    assert answer.failed
    assert answer.structured["code"] == code
    assert hint in answer.structured["hint"]


def test_a_run_that_goes_on_is_a_handle() -> None:
    answer = answer_running(RunSummary("r", "running", "w", 0.0, step_id="poll"))
    assert answer.structured == {"runId": "r", "status": "running"}
    assert "await_run" in answer.texts[0]


def test_data_that_no_writer_of_json_takes_is_written_out() -> None:
    plain = plain_json({"a": float("inf"), "b": "\ud800", "c": [float("nan")], "d": b"x"})
    json.dumps(plain, allow_nan=False).encode()
    assert json.dumps(plain, ensure_ascii=False).encode()


@pytest.mark.parametrize("limit", [2_000, 20_000, 200_000])
def test_a_report_fits_and_keeps_its_first_and_last_steps(limit: int) -> None:
    steps = [
        {
            "stepId": f"s{number}",
            "request": {"url": "http://x", "headers": {}, "body": "q" * 3_000},
            "response": {"status": 200, "headers": {"A": "b"}, "body": {"x": "y" * 3_000}},
            "outputs": {},
            "criteria": [],
        }
        for number in range(500)
    ]
    made = fitting({"report": "arazzo-run/1", "outputs": {"o": "z" * 100_000}, "steps": steps}, limit)
    assert len(json.dumps(made)) <= limit * 1.2
    assert made["note"] == MARK
    assert made["stepsLeftOut"] + len(made["steps"]) == 500
    assert not made["steps"] or made["steps"][-1]["stepId"] == "s499"


def test_a_small_report_stays_whole() -> None:
    steps: list[dict[str, Any]] = [
        {"stepId": "s", "request": None, "response": {"body": "b"}, "outputs": {"a": 1}, "criteria": []}
    ]
    made = fitting({"outputs": {"a": 1}, "steps": steps}, 20_000)
    assert made["steps"] == steps
    assert made["outputs"] == {"a": 1}
