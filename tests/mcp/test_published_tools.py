"""Clients that others wrote: npm's inspector over stdio and HTTP, and the published conformance runner for servers."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from arazzo_runner.mcp.transports import PATH, http_app
from arazzo_runner.serving.gate import names_of
from arazzo_runner.serving.offers import Terms
from tests.servers.mcp_tools import conformance_command, inspector_command, needs_conformance, needs_inspector
from tests.support.mcp_servers import TOKEN, catalogue_of, environment, http_process, served, words_of
from tests.support.notes import PATIENCE, Notes, step, write_notes

pytestmark = [pytest.mark.network, pytest.mark.slow]


def inspected(*words: str, target: list[str]) -> Any:
    """What the inspector prints."""
    command = inspector_command()
    assert command is not None, "the inspector is not installed"
    done = subprocess.run(
        [*command, *target, *words],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
        timeout=PATIENCE,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@needs_inspector
@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_the_inspector_lists_calls_and_reads(transport: str, tmp_path: Path) -> None:
    notes = Notes()
    with notes.serving() as url:
        document = str(write_notes(tmp_path, url))
        if transport == "stdio":
            catalog = tmp_path / "servers.json"
            command, *arguments = words_of(tmp_path, document)
            entry = {"type": "stdio", "command": command, "args": arguments, "env": environment()}
            catalog.write_text(json.dumps({"mcpServers": {"arazzo": entry}}), "utf-8")
            _inspect(["--config", str(catalog), "--server", "arazzo"])
        else:
            with http_process(tmp_path, document) as (where, _):
                _inspect([where, "--transport", "http", "--header", f"Authorization: Bearer {TOKEN}"])
    assert notes.requests == ["GET /note", "POST /note", "GET /refused"]


def _inspect(target: list[str]) -> None:
    tools = {tool["name"]: tool for tool in inspected("--method", "tools/list", target=target)["tools"]}
    assert tools["read-note"]["annotations"]["readOnlyHint"] is True
    assert tools["delete-note"]["annotations"]["destructiveHint"] is True
    call = ["--method", "tools/call", "--tool-name"]
    read = inspected(*call, "read-note", target=target)
    assert read["structuredContent"]["id"] == 7
    added = inspected(*call, "add-note", "--tool-arg", "text=milk", target=target)
    assert added["structuredContent"] == {"id": 7}
    failed = inspected(*call, "read-refused", target=target)
    assert failed["isError"] is True
    resources = inspected("--method", "resources/list", target=target)["resources"]
    assert {"arazzo://workflows/read-note"} < {resource["uri"] for resource in resources}
    read_back = inspected("--method", "resources/read", "--uri", "arazzo://workflows/read-note", target=target)
    assert "flowchart TD" in read_back["contents"][1]["text"]


SCENARIOS = {
    "server-initialize": 1,
    "ping": 1,
    "tools-list": 1,
    "tools-call-simple-text": 1,
    "tools-call-error": 1,
    "tools-call-with-progress": 1,
    "tools-call-elicitation": 1,
    "json-schema-2020-12": 4,
    "server-sse-multiple-streams": 2,
    "resources-list": 1,
    "dns-rebinding-protection": 2,
}
"""Those that apply to a server of workflows, and how many checks each has. The others ask for tools that answer with
pictures and sounds, for prompts, completion, sampling, logging and subscriptions, which a workflow has no use for."""

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {"address": {"type": "object", "properties": {"street": {"type": "string"}, "city": {"type": "string"}}}},
    "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
    "additionalProperties": False,
}
WORKFLOWS: dict[str, dict[str, Any]] = {
    "test_simple_text": {"summary": "Answer.", "steps": [step("s", "getNote")]},
    "test_error_handling": {"summary": "Fail.", "steps": [step("s", "getRefused")]},
    "test_tool_with_progress": {
        "summary": "Take three steps.",
        "steps": [step(name, "getNote") for name in ("one", "two", "three")],
    },
    "json_schema_2020_12_tool": {"summary": "Take an address.", "inputs": SCHEMA, "steps": [step("s", "getNote")]},
    "test_elicitation": {
        "summary": "Ask first.",
        "inputs": {"type": "object", "properties": {"message": {"type": "string"}}},
        "steps": [step("s", "addNote")],
    },
}


@contextmanager
def serving_without_token(tmp_path: Path) -> Iterator[str]:
    """The HTTP transport behind its gate, without a token: the runner can send none."""
    with Notes().serving() as api, socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        catalogue = catalogue_of([write_notes(tmp_path, api, WORKFLOWS)], Terms(confirm_writes=True))
        app = http_app(served(catalogue, tmp_path).server, names_of("127.0.0.1", port), None)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        until = time.monotonic() + PATIENCE
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < until
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{port}{PATH}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE)


@needs_conformance
def test_the_conformance_runner_passes_where_it_applies(tmp_path: Path) -> None:
    command = conformance_command()
    assert command is not None, "the conformance runner is not installed"
    with serving_without_token(tmp_path) as url:
        for scenario, checks in SCENARIOS.items():
            words = ["server", "--url", url, "--scenario", scenario, "-o", str(tmp_path / "results")]
            done = subprocess.run([*command, *words], capture_output=True, text=True, check=False, timeout=PATIENCE)
            assert done.returncode == 0, f"{scenario}: {done.stdout}{done.stderr}"
            assert f"Passed: {checks}/{checks}, 0 failed, 0 warnings" in done.stdout, f"{scenario}: {done.stdout}"
