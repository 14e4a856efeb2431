"""Reports of runs over messages: what was sent and taken stands beside the requests."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from arazzo_runner.engine.events import Attempt, ExchangedMessage, MessageAwaited, Outcome, RunFinished
from arazzo_runner.reports.jsonreport import attempt_entry, report_schema
from arazzo_runner.reports.summary import Attempts
from arazzo_runner.reports.terminal.step_line import attempt_line, request_line
from tests.conftest import Arazzo

RUN = ("run", "place-order", "-i", "item=tea", "--replay", "cassettes/place-order/shipped.yaml")


def attempt(exchanged: ExchangedMessage) -> Attempt:
    return Attempt(
        "order", "await", 1, 0, "receive orders/shipped", "failed", None, None, (), None, {}, (), None, 0.0, 1.0,
        exchanged=exchanged,
    )  # fmt: skip


IN_VAIN = ExchangedMessage("receive", "events", "mqtt://127.0.0.1:1883", "orders/shipped", None, "o-1", 3)


def test_json(arazzo: Arazzo, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    assert arazzo(*RUN, "--report", f"json={path}").status == 0
    report = json.loads(path.read_text("utf-8"))
    jsonschema.validate(report, report_schema())
    order, shipment = report["steps"]
    assert "message" not in order
    assert shipment["request"] is None
    assert shipment["message"] == {
        "action": "receive",
        "source": "events",
        "broker": "mqtt://127.0.0.1:1883",
        "address": "orders/shipped",
        "correlationId": "o-1",
        "headers": {},
        "payload": {"orderId": "o-1", "parcel": "tea-o-1"},
        "contentType": None,
        "notMatched": 0,
    }


def test_json_of_a_step_that_waited_in_vain() -> None:
    entry = attempt_entry(attempt(IN_VAIN))
    assert entry["message"]["headers"] is None
    assert entry["message"]["payload"] is None
    assert entry["message"]["notMatched"] == 3


def test_html(arazzo: Arazzo, tmp_path: Path) -> None:
    path = tmp_path / "run.html"
    assert arazzo(*RUN, "--report", f"html={path}").status == 0
    page = path.read_text("utf-8")
    assert "<b>receive</b> orders/shipped" in page
    assert "mqtt://127.0.0.1:1883" in page
    assert "Correlation id: <code>o-1</code>" in page
    assert "tea-o-1" in page
    assert "<dt>Messages</dt><dd>1</dd>" in page


def test_junit(arazzo: Arazzo, tmp_path: Path) -> None:
    path = tmp_path / "run.xml"
    assert arazzo(*RUN, "--report", f"junit={path}").status == 0
    lines = [element.text or "" for element in ET.parse(path).iter("system-out")]  # noqa: S314 - our own
    assert any("receive orders/shipped at mqtt://127.0.0.1:1883 succeeded" in line for line in lines)


def test_har_has_the_requests_alone(arazzo: Arazzo, tmp_path: Path) -> None:
    path = tmp_path / "run.har"
    assert arazzo(*RUN, "--report", f"har={path}").status == 0
    assert len(json.loads(path.read_text("utf-8"))["log"]["entries"]) == 1


def test_terminal(arazzo: Arazzo) -> None:
    plain, verbose = arazzo(*RUN), arazzo(*RUN, "-vv")
    assert "✓ await-shipment   receive orders/shipped" in plain.err
    assert "1 request · 1 message" in plain.err
    assert "< receive orders/shipped at mqtt://127.0.0.1:1883 (correlation id o-1)" in verbose.err
    assert '"parcel": "tea-o-1"' in verbose.err


def test_lines_of_steps() -> None:
    assert "✗ await            receive orders/shipped" in attempt_line(attempt(IN_VAIN), 1, None)
    assert "–" in attempt_line(attempt(IN_VAIN), 1, None)
    awaited = MessageAwaited("order", "await", 1, 0, IN_VAIN, 30.0, 0.0)
    assert "… await            receive orders/shipped" in request_line(awaited, "", 1, None)


@pytest.mark.parametrize(
    ("requests", "messages", "said"),
    [(0, 0, "0 requests"), (1, 0, "1 request"), (0, 2, "2 messages"), (3, 1, "3 requests · 1 message")],
)
def test_counts(requests: int, messages: int, said: str) -> None:
    outcome = Outcome("order", "succeeded", None, {}, {}, 1, requests, 0.0, 1.0, messages=messages)
    assert outcome.exchanged == said


@pytest.mark.parametrize(("action", "said"), [("send", "the broker had it"), ("receive", "a message came")])
def test_a_run_that_ends_with_a_message_under_way(action: str, said: str) -> None:
    exchanged = ExchangedMessage("send" if action == "send" else "receive", "events", "mqtt://a", "orders/placed")
    attempts = Attempts()
    attempts.of(MessageAwaited("order", "place", 1, 0, exchanged, None, 1.0))
    outcome = Outcome("order", "failed", None, {}, {}, 1, 0, 0.0, 1.0)
    found = attempts.of(RunFinished(outcome, 2.0))
    assert found is not None
    assert found.problems == (f"the run ended before {said}",)
    assert found.exchanged == exchanged
