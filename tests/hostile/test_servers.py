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
from arazzo_runner.runtime.runner import Session, load

from .confined import confined
from .servers import serving
from .test_documents import STEP, document, write

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
