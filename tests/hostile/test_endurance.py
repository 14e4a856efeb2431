"""Hours in one process: no growth in memory, files or connections."""

from __future__ import annotations

import gc
import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from arazzo_runner import RunOptions, ServerOptions
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.http.transport import open_transport
from arazzo_runner.runtime.run.session import Session
from arazzo_runner.runtime.run.workbook import load
from tests.support.contract_cases import INPUTS, Answers, project, usual
from tests.support.http_server import serving

pytestmark = pytest.mark.slow

RUNS = 10_000
POLLS = 3600


def open_files() -> int:
    directory = Path("/proc/self/fd")
    return len(list(directory.iterdir())) if directory.exists() else 0


def test_ten_thousand_runs_in_one_process(tmp_path: Path) -> None:
    plan = load(project(tmp_path)).plan()
    world = Answers(usual)

    def run(count: int) -> None:
        for _ in range(count):
            assert Session(plan, INPUTS, [lambda _: None]).run(world).succeeded

    run(1000)
    gc.collect()
    files, objects = open_files(), len(gc.get_objects())
    run(RUNS - 1000)
    gc.collect()
    assert len(gc.get_objects()) - objects < 100
    assert open_files() == files


def test_an_hours_polls_over_one_connection(tmp_path: Path) -> None:
    connections: set[int] = set()
    polls = 0

    class Polled(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer in one piece, for which no acknowledgement is waited

        def do_GET(self) -> None:
            nonlocal polls
            polls += 1
            connections.add(self.client_address[1])
            body = json.dumps({"state": "done" if polls > POLLS else "pending"}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    description = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {"/poll": {"get": {"operationId": "poll", "responses": {"200": {"description": "ok"}}}}},
    }
    pending = [{"condition": "$response.body#/state == 'pending'"}]
    again = {"name": "again", "type": "goto", "stepId": "poll", "criteria": pending}
    document = {
        "arazzo": "1.0.1",
        "info": {"title": "t", "version": "1"},
        "sourceDescriptions": [{"name": "api", "url": "api.json", "type": "openapi"}],
        "workflows": [{"workflowId": "w", "steps": [{"stepId": "poll", "operationId": "poll", "onSuccess": [again]}]}],
    }
    (tmp_path / "api.json").write_text(json.dumps(description), "utf-8")
    (tmp_path / "w.json").write_text(json.dumps(document), "utf-8")
    files = open_files()
    with serving(Polled) as url, open_transport(TransportOptions()) as transport:
        options = RunOptions(servers=ServerOptions({"": url}), poll_interval=1)
        plan = load(tmp_path / "w.json").plan(options=options)
        world = _Compressed(transport)
        result = Session(plan, {}).run(world)
    assert result.succeeded
    assert result.outcome.requests == POLLS + 1
    assert world.waited == POLLS
    assert len(connections) == 1
    assert open_files() <= files


class _Compressed:
    """A world that sends for real and does not wait."""

    def __init__(self, transport: object) -> None:
        self.waited = 0.0
        self.now = transport.now  # type: ignore[attr-defined]  # a transport
        self.send = transport.send  # type: ignore[attr-defined]

    def sleep(self, seconds: float) -> None:
        """Note the wait."""
        self.waited += seconds
