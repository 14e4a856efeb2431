"""The HAR report, checked against the published schema of HAR 1.2."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from arazzo_runner.effects import Answered, Failed, Request, Response, Send
from arazzo_runner.engine.events import Attempt, Authenticated, RunStarted
from arazzo_runner.errors import InvalidInputs, PlanError
from arazzo_runner.reports.har import HarReport, har_entry
from tests.support.own_cases import own_cases
from tests.support.runs import SCRIPT, SECRET, Case, failing, hostile, hostile_answer, json_answer, polling, run

SCHEMA = jsonschema.Draft6Validator(
    json.loads(Path(__file__).with_name("schemas").joinpath("har-1.2.schema.json").read_text("utf-8"))
)


def har(case: Case, **how: Any) -> Any:
    with HarReport() as report:
        run(case, report, **how)
        stream = io.StringIO()
        report.write(stream)
    archive = json.loads(stream.getvalue())
    SCHEMA.validate(archive)
    return archive["log"]


def entry_of(request: Request, response: Response | None = None) -> dict[str, Any]:
    attempt = Attempt(
        "main", "one", 1, 0, "POST /x", "succeeded", request, response, (), None, {}, (), None, 1000.5, 0.25
    )
    return har_entry(attempt, request)


@pytest.mark.parametrize("case", own_cases())
def test_every_case_gives_a_valid_archive(case: Case) -> None:
    try:
        har(case)
    except (PlanError, InvalidInputs):
        assert case["expect"].keys() & {"refused", "invalid"}


def test_every_request_is_an_entry_in_the_order_sent() -> None:
    log = har(polling(3))
    assert [(e["request"]["method"], e["response"]["status"]) for e in log["entries"]] == [
        ("POST", 503),
        ("POST", 201),
        ("GET", 200),
        ("GET", 200),
        ("GET", 200),
        ("DELETE", 204),
    ]
    assert log["pages"][0]["title"] == "main"
    assert log["entries"][1]["comment"] == "main › create, attempt 2: succeeded"
    assert log["entries"][0]["startedDateTime"] == "1970-01-01T00:16:40.000Z"
    assert log["entries"][0]["time"] == log["entries"][0]["timings"]["wait"] == 250
    assert log["entries"][0]["response"]["statusText"] == "Service Unavailable"


def test_text_is_text_and_bytes_are_base64() -> None:
    binary = bytes(range(256))
    entry = entry_of(
        Request("POST", "https://a.example/x?q=a%20b&empty=&flag", (("Content-Type", "image/png"),), binary),
        Response(200, (("Content-Type", "text/plain; charset=latin-1"),), "ü".encode("latin-1")),
    )
    assert entry["request"]["postData"]["_encoding"] == "base64"
    assert base64.b64decode(entry["request"]["postData"]["text"]) == binary
    assert entry["response"]["content"] == {"size": 1, "mimeType": "text/plain; charset=latin-1", "text": "ü"}
    assert entry["request"]["queryString"] == [
        {"name": "q", "value": "a b"},
        {"name": "empty", "value": ""},
        {"name": "flag", "value": ""},
    ]


def test_a_body_is_kept_as_it_came() -> None:
    request = Request("POST", "https://a.example/", (("Content-Type", "application/json"),), b'{"a":  1.0}')
    entry = entry_of(request, Response(299, (("Content-Encoding", "gzip"),), b"\xff\xfe\xfd"))
    assert entry["request"]["postData"]["text"] == '{"a":  1.0}'
    assert entry["response"]["content"]["encoding"] == "base64"
    assert entry["response"]["statusText"] == ""
    assert entry["response"]["bodySize"] == -1


def test_a_request_without_an_answer_says_why() -> None:
    def answer(number: int, effect: Send, now: float) -> Answered | Failed:
        return Failed("transport", "connection refused", at=now)

    (entry,) = har(failing(), answer=answer)["entries"]
    assert entry["response"]["status"] == 0
    assert entry["response"]["_error"] == "connection refused"


def test_an_exchange_beside_the_steps_is_an_entry() -> None:
    request = Request("POST", "https://auth.example/token", (), b"grant_type=client_credentials")
    events: list[Any] = []
    run(failing(), events.append)
    answers = [Response(200, (), b"{}"), None]
    beside = [Authenticated("main", "list", 0, "oauth", request, answer, 1000.0) for answer in answers]
    assert isinstance(events[0], RunStarted)
    with HarReport() as report:
        for event in [events[0], *beside, *events[1:]]:
            report(event)
        stream = io.StringIO()
        report.write(stream)
    archive = json.loads(stream.getvalue())
    SCHEMA.validate(archive)
    entries = archive["log"]["entries"]
    assert [entry["response"]["status"] for entry in entries] == [200, 0, 200, 404]
    assert entries[0]["comment"] == "main › list, for the security scheme oauth"


def test_cookies_are_named_and_their_values_masked() -> None:
    case = failing()
    case["answers"][0]["headers"] = [["Set-Cookie", f"session={SECRET}; Path=/"], ["Set-Cookie", "b=cdefgh"]]
    log = har(case)
    assert log["entries"][0]["response"]["cookies"] == [
        {"name": "session", "value": "[redacted]"},
        {"name": "b", "value": "[redacted]"},
    ]


def test_hostile_text_stays_text_and_odd_json_is_kept() -> None:
    log = har(hostile(), answer=hostile_answer)
    assert SCRIPT in log["entries"][0]["response"]["content"]["text"]
    har(hostile(), answer=json_answer({"lone": "\ud800"}))


def test_no_secret_is_written() -> None:
    assert SECRET not in json.dumps(har(polling(2)))


def test_a_run_that_has_not_ended_has_no_report() -> None:
    with HarReport() as report, pytest.raises(RuntimeError, match="has not ended"):
        report.write(io.StringIO())
