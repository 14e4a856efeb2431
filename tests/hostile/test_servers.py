"""Servers that mean harm: what their answers may ask for is bounded, and what they leave behind is kept by nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from arazzo_runner.effects import Answered, Response, Send
from arazzo_runner.engine.plan import RunOptions
from arazzo_runner.runtime.run.session import Session
from arazzo_runner.runtime.run.workbook import load
from tests.support.confined import confined
from tests.support.http_server import answering, serving
from tests.support.small_documents import API, STEP, document, write

pytestmark = [pytest.mark.slow, pytest.mark.network]

AGAIN = {"name": "again", "type": "retry", "retryLimit": 2, "retryAfter": 0}
ASKED = [
    b"nan",
    b"inf",
    b"-1",
    b"1e400",
    b"9" * 400,
    b"Fri, 31 Dec 99999 23:59:59 GMT",
    b"Fri, 31 Dec 9999 23:59:59 GMT",
    b"Mon, 01 Jan 0001 00:00:00 GMT",
    b"Fri, 31 Dec 2999 23:59:59 +9999",
    b"\xff\xfe\x80",
    "٣".encode(),
    b"",
]
"""What a ``Retry-After`` may hold."""


def retrying(directory: Path) -> str:
    return write(directory, document({"workflowId": "w", "steps": [{**STEP, "onFailure": [AGAIN]}]}))


class Waiting:
    """A world that is always busy, and keeps what waits it was asked for."""

    def __init__(self, value: str) -> None:
        self.value = value
        self.waits: list[float] = []

    def now(self) -> float:
        return 1_800_000_000.0

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def send(self, _: Send) -> Answered:
        return Answered(Response(503, (("Retry-After", self.value),), b""), self.now())


@pytest.mark.parametrize("asked", ASKED)
def test_no_retry_after_makes_a_run_wait_longer_than_it_may(tmp_path: Path, asked: bytes) -> None:
    world = Waiting(asked.decode("latin-1"))
    plan = load(retrying(tmp_path)).plan("w", RunOptions(max_retry_after=7.0))
    result = Session(plan, {}).run(world)
    assert (result.status, result.outcome.requests) == ("failed", 3)
    assert all(0 <= seconds <= 7.0 for seconds in world.waits)


@pytest.mark.parametrize("asked", ASKED)
def test_no_retry_after_ends_a_run_otherwise_than_its_limit(tmp_path: Path, asked: bytes) -> None:
    class Busy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(b"HTTP/1.0 503 Busy\r\nContent-Length: 0\r\nRetry-After: " + asked + b"\r\n\r\n")

    with serving(Busy) as url:
        result = confined("run", retrying(tmp_path), "--server", url, "--max-retry-after", "0.01", "--json")
    assert result.status == 1
    report = json.loads(result.out)
    assert len(report["steps"]) == 3
    assert report["reason"]["code"] == "step-failed"


# Bodies


def nested(depth: int) -> bytes:
    return b'{"token":' * depth + b'"abcdef"' + b"}" * depth


@pytest.mark.parametrize(
    ("content_type", "body", "given"),
    [
        ("application/json", b'{"a": "\\ud800"}', {"a": "\ud800"}),
        ("application/json", b'{"token": "abcd\\ud800"}', {"token": "abcd\ud800"}),
        ("application/json", nested(200), json.loads(nested(200))),
        ("application/json", nested(500), nested(500).decode()),
        ("application/xml", b'<?xml version="1.0" encoding="nope"?><a/>', '<?xml version="1.0" encoding="nope"?><a/>'),
        ("application/xml", b'<?xml version="1.0" encoding="hex"?><a/>', '<?xml version="1.0" encoding="hex"?><a/>'),
        ("text/plain; charset=undefined", b"x", "x"),
        ("text/plain; charset=idna", b"x", "x"),
        ("text/plain; charset=utf-7", b"+2AA-", "+2AA-"),
        ("text/plain; charset=punycode", b"a" * 500_000 + b"-" + b"a" * 500_000, "a" * 500_000 + "-" + "a" * 500_000),
        ("text/plain; charset=latin1", b"\xe9", "é"),
    ],
    ids=[
        "half",
        "half secret",
        "nested",
        "nested too deep",
        "nope",
        "hex",
        "undefined",
        "idna",
        "utf-7",
        "punycode",
        "",
    ],
)
def test_an_answer_that_is_hard_to_read_is_given_and_written(
    tmp_path: Path, content_type: str, body: bytes, given: Any
) -> None:
    step = {**STEP, "outputs": {"b": "$response.body"}}
    media = {"content": {"text/plain": {"schema": {"type": "string"}}}}
    paths = {"/a": {"get": {"operationId": "o", "responses": {"200": {"description": "ok", **media}}}}}
    workflow = {"workflowId": "w", "steps": [step], "outputs": {"b": "$steps.s.outputs.b"}}
    path = write(tmp_path, document(workflow), {**API, "paths": paths})
    reports = [w for f in ("json", "junit", "html", "har") for w in ("--report", f"{f}={tmp_path / f}")]
    with answering(body, content_type) as url:
        result = confined(
            "run", path, "--server", url, "--check", "warn", "--record", str(tmp_path / "c.yaml"), *reports
        )
    assert result.status == 0
    assert json.loads(result.out) == {"b": given}
    assert confined("run", path, "--replay", str(tmp_path / "c.yaml")).status == 0


def test_outputs_that_hold_one_another_deeper_each_time_end_in_a_clear_error(tmp_path: Path) -> None:
    again = {"name": "again", "type": "goto", "stepId": "s"}
    step = {**STEP, "outputs": {"b": "$steps.s.outputs"}, "onSuccess": [again]}
    path = write(tmp_path, document({"workflowId": "w", "steps": [step], "outputs": {"b": "$steps.s.outputs"}}))
    with answering(nested(1), "application/json") as url:
        result = confined("run", path, "--server", url, "--poll-interval", "0", "--max-steps", "2000", "-q")
    assert result.status == 1
    assert "nested too deeply" in result.err


# Cookies


@contextmanager
def leaving_cookies(seen: list[Any], target: str = "") -> Iterator[str]:
    """A server that sets a cookie with every answer, and redirects when it is given a target."""

    class Baker(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Cookie"))
            self.send_response(302 if target else 200)
            self.send_header("Set-Cookie", "session=crumbs; Path=/")
            if target:
                self.send_header("Location", f"{target}/a")
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Baker) as url:
        yield url


def test_a_cookie_is_sent_to_nobody_neither_back_nor_to_another(tmp_path: Path) -> None:
    paths = {"/a": {"get": {"operationId": "o", "responses": {"200": {"description": "ok"}}}}}
    api = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths}
    (tmp_path / "other.json").write_text(json.dumps(api), "utf-8")
    sources = [{"name": name, "url": f"{name}.json", "type": "openapi"} for name in ("api", "other")]
    steps = [
        {"stepId": f"s{number}", "operationId": f"$sourceDescriptions.{name}.o"}
        for number, name in enumerate(("api", "other", "api"))
    ]
    path = write(tmp_path, document({"workflowId": "w", "steps": steps}, sourceDescriptions=sources))
    one: list[Any] = []
    other: list[Any] = []
    with leaving_cookies(other) as second, leaving_cookies(one, second) as first:
        servers = ["--server", f"api={first}", "--server", f"other={second}", "--follow-redirects"]
        result = confined("run", path, *servers)
    assert result.status == 0, result.err
    assert one == [None] * 2
    assert other == [None] * 3
    assert "crumbs" not in result.err + result.out


@pytest.mark.parametrize(
    ("repeated", "times"),
    [(b"a", 40_000_000), *((piece, 1_000_000) for piece in (b"<a ", b'"a":', b"a=", b"%25", b"\\"))],
    ids=range(6),
)
def test_an_answer_in_which_secrets_are_looked_for_for_ever(tmp_path: Path, repeated: bytes, times: int) -> None:
    body = b"token <" + repeated * times

    with answering(body, "text/plain") as url:
        result = confined("run", write(tmp_path, document()), "--server", url, "-q")
    assert result.status == 0
