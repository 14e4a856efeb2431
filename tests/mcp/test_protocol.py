"""The SDK's own client, in both eras, in this process, over stdio and over HTTP: it lists, calls, waits and reads."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError

from arazzo_runner.mcp.answers import MARK
from arazzo_runner.serving.offers import Terms
from tests.support.mcp_servers import (
    ERAS,
    Progress,
    by_stdio,
    catalogue_of,
    client_of,
    http_client,
    http_process,
    run,
    run_id_of,
    served,
    texts_of,
)
from tests.support.notes import Notes, step, write_notes

pytestmark = pytest.mark.network

Connect = Callable[..., AbstractAsyncContextManager[Client]]
TERMS = Terms(wait=5.0)


@asynccontextmanager
async def _in_process(document: Path, directory: Path, era: str) -> AsyncIterator[Client]:
    async with client_of(served(catalogue_of([document], TERMS), directory).server, era) as client:
        yield client


@asynccontextmanager
async def _by_stdio(document: Path, directory: Path, era: str) -> AsyncIterator[Client]:
    async with Client(by_stdio(directory, str(document), "--wait", "5"), mode=era) as client:
        yield client


@asynccontextmanager
async def _by_http(document: Path, directory: Path, era: str) -> AsyncIterator[Client]:
    with http_process(directory, str(document), "--wait", "5") as (url, _):
        async with http_client(url, era) as client:
            yield client


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("connect", [_in_process, _by_stdio, _by_http])
def test_a_client_lists_calls_and_reads(connect: Connect, era: str, tmp_path: Path) -> None:
    async def used() -> None:
        notes = Notes()
        with notes.serving() as url:
            document = write_notes(tmp_path, url)
            async with connect(document, tmp_path, era) as client:
                tools = {tool.name: tool for tool in (await client.list_tools()).tools}
                assert {"read-note", "add-note", "await_run"} <= tools.keys()
                assert client.session.protocol_version == ("2025-11-25" if era == "legacy" else era)
                progress = Progress()
                read = await client.call_tool("read-note", {}, progress_callback=progress)
                assert read.structured_content == {"id": 7, "note": notes.answer, "status": 200, "text": "hello"}
                assert MARK in texts_of(read)
                assert progress.heard == [(1.0, "read: GET /note 200 succeeded")]
                failed = await client.call_tool("read-refused", {})
                assert failed.is_error
                assert failed.structured_content["code"] == "step-failed"
                assert failed.structured_content["stepId"] == "ask"
                assert failed.structured_content["hint"]
                listed = (await client.call_tool("list_runs", {})).structured_content["runs"]
                assert [entry["status"] for entry in listed] == ["failed", "succeeded"]
                await _read_resources(client, listed[1]["runId"])

    run(used)


async def _read_resources(client: Client, run_id: str) -> None:
    resources = {resource.uri for resource in (await client.list_resources()).resources}
    assert "arazzo://workflows/read-note" in resources
    templates = {template.uri_template for template in (await client.list_resource_templates()).resource_templates}
    assert templates == {"arazzo://workflows/{id}", "arazzo://runs/{id}"}
    document, diagram = (await client.read_resource("arazzo://workflows/read-note")).contents
    assert json.loads(document.text)["arazzo"] == "1.0.1"  # type: ignore[union-attr]
    assert diagram.text.startswith("flowchart TD")  # type: ignore[union-attr]
    report = json.loads((await client.read_resource(f"arazzo://runs/{run_id}")).contents[0].text)  # type: ignore[union-attr]
    assert report["status"] == "succeeded"
    assert report["steps"][0]["response"]["status"] == 200
    assert report["note"] == MARK
    with pytest.raises(MCPError):
        await client.read_resource("arazzo://runs/none")
    with pytest.raises(MCPError):
        await client.call_tool("no_such_tool", {})


@pytest.mark.parametrize("era", ERAS)
def test_a_call_that_takes_longer_answers_with_a_handle_and_await_run_gives_the_outputs(
    era: str, tmp_path: Path
) -> None:
    async def used() -> None:
        notes = Notes()
        with notes.serving() as url:
            notes.gate.clear()
            catalogue = catalogue_of([write_notes(tmp_path, url)], Terms(wait=0.2))
            async with client_of(served(catalogue, tmp_path).server, era) as client:
                await client.list_tools()
                answer = await client.call_tool("read-note", {})
                assert answer.structured_content["status"] == "running"
                assert not answer.is_error
                run_id = answer.structured_content["runId"]
                status = await client.call_tool("run_status", {"runId": run_id})
                assert status.structured_content["status"] == "running"
                again = await client.call_tool("await_run", {"runId": run_id, "seconds": 0})
                assert again.structured_content == {"runId": run_id, "status": "running"}
                notes.gate.set()
                await _ended(client, run_id)
                done = await client.call_tool("await_run", {"runId": run_id})
                assert done.structured_content["id"] == 7

    run(used)


async def _ended(client: Client, run_id: str) -> dict[str, Any]:
    while True:
        found = await client.call_tool("run_status", {"runId": run_id})
        if found.structured_content["status"] != "running":
            return dict(found.structured_content)
        await anyio.sleep(0.01)


def test_a_cancelled_run_says_so(tmp_path: Path) -> None:
    async def used() -> None:
        notes = Notes()
        again = {"name": "again", "type": "retry", "retryAfter": 250, "retryLimit": 9}
        with notes.serving() as url:
            document = write_notes(
                tmp_path, url, {"patient": {"steps": [step("ask", "getRefused", onFailure=[again])]}}
            )
            async with client_of(served(catalogue_of([document], Terms(wait=0.1)), tmp_path).server) as client:
                run_id = (await client.call_tool("patient", {})).structured_content["runId"]
                await client.call_tool("cancel_run", {"runId": run_id})
                assert (await _ended(client, run_id))["status"] == "cancelled"
                awaited = await client.call_tool("await_run", {"runId": run_id})
                assert awaited.structured_content["code"] == "cancelled"
                assert awaited.is_error
                twice = await client.call_tool("cancel_run", {"runId": run_id})
                assert twice.structured_content["code"] == "run-over"

    run(used)


def test_a_repeated_call_is_the_same_run_and_another_ones_key_is_refused(tmp_path: Path) -> None:
    async def used() -> None:
        notes = Notes()
        with notes.serving() as url:
            document = write_notes(tmp_path, url)
            async with client_of(served(catalogue_of([document], TERMS), tmp_path).server) as client:
                keyed = {"text": "t", "idempotencyKey": "order 17"}
                results = []

                async def called() -> None:
                    results.append(await client.call_tool("add-note", keyed))

                async with anyio.create_task_group() as group:
                    for _ in range(4):
                        group.start_soon(called)
                assert [result.structured_content for result in results] == [{"id": 7}] * 4
                assert len({run_id_of(result) for result in results}) == 1
                assert notes.requests == ["POST /note"]
                # A default that is written out is the same call.
                same = await client.call_tool("add-note", {**keyed, "copies": 1})
                assert same.structured_content == {"id": 7}
                other = await client.call_tool("add-note", {**keyed, "text": "another"})
                assert other.structured_content["code"] == "key-reused"
                await client.call_tool("add-note", {"text": "t", "idempotencyKey": "order 18"})
                await client.call_tool("add-note", {"text": "t"})
                assert notes.requests == ["POST /note"] * 3

    run(used)


def test_calls_with_wrong_inputs_send_nothing(tmp_path: Path) -> None:
    async def used() -> None:
        notes = Notes()
        with notes.serving() as url:
            document = write_notes(tmp_path, url)
            async with client_of(served(catalogue_of([document], TERMS), tmp_path).server) as client:
                for arguments in ({}, {"text": 5}, {"text": "t", "no": 1}, {"text": "t", "idempotencyKey": 3}):
                    wrong = await client.call_tool("add-note", arguments)
                    assert wrong.structured_content["code"] == "invalid-inputs", arguments
                assert notes.requests == []

    run(used)


@pytest.mark.parametrize("era", ERAS)
def test_a_call_that_a_client_gives_up_goes_on(era: str, tmp_path: Path) -> None:
    async def used() -> None:
        notes = Notes()
        with notes.serving() as url:
            notes.gate.clear()
            document = write_notes(tmp_path, url)
            async with client_of(served(catalogue_of([document], Terms(wait=60.0)), tmp_path).server, era) as client:
                async with anyio.create_task_group() as group:
                    group.start_soon(client.call_tool, "add-note", {"text": "t"})
                    await anyio.to_thread.run_sync(notes.reached.wait)
                    group.cancel_scope.cancel()
                notes.gate.set()
                [run_id] = [
                    entry["runId"] for entry in (await client.call_tool("list_runs", {})).structured_content["runs"]
                ]
                assert (await _ended(client, run_id))["status"] == "succeeded"
                assert notes.requests == ["POST /note"]

    run(used)


def test_an_error_of_ours_is_no_traceback_and_shows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("it broke over s3cr3t-word")

    monkeypatch.setattr("arazzo_runner.mcp.tool_calls.ToolCalls.admit", broken)

    async def used() -> None:
        catalogue = catalogue_of([write_notes(tmp_path, "http://127.0.0.1:9")])
        async with client_of(served(catalogue, tmp_path, "s3cr3t-word").server) as client:
            with pytest.raises(MCPError, match="Internal error"):
                await client.call_tool("read-note", {})

    run(used)
    assert "it broke over [redacted]" in caplog.text
    assert "s3cr3t-word" not in caplog.text
    assert "Traceback" not in caplog.text


def test_an_agent_that_calls_in_a_circle_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arazzo_runner.mcp.tool_calls.AT_ONCE", 3)

    async def used() -> None:
        notes = Notes()
        with notes.serving() as url:
            document = write_notes(tmp_path, url)
            async with client_of(served(catalogue_of([document], Terms(wait=0.0)), tmp_path).server) as client:
                notes.gate.clear()
                runs = [(await client.call_tool("read-note", {})).structured_content["runId"] for _ in range(3)]
                busy = await client.call_tool("read-note", {})
                assert busy.structured_content["code"] == "busy"
                notes.gate.set()
                for run_id in runs:
                    assert (await _ended(client, run_id))["status"] == "succeeded"
                assert not (await client.call_tool("read-note", {})).is_error

    run(used)


def test_runs_of_others_are_not_seen(tmp_path: Path) -> None:
    """Neither those of the command line, nor those of workflows that another server offers."""

    async def used() -> None:
        notes = Notes()
        with notes.serving() as url:
            document = write_notes(tmp_path, url)
            both = served(catalogue_of([document], TERMS), tmp_path)
            only = served(catalogue_of([document], Terms(only=("read-*",))), tmp_path)
            async with client_of(both.server) as first, client_of(only.server) as second:
                added = await first.call_tool("add-note", {"text": "t"})
                run_id = run_id_of(added)
                for tool in ("run_status", "await_run", "cancel_run"):
                    refused = await second.call_tool(tool, {"runId": run_id})
                    assert refused.structured_content["code"] == "unknown-run"
                assert (await second.call_tool("list_runs", {})).structured_content["runs"] == []
                with pytest.raises(MCPError):
                    await second.read_resource(f"arazzo://runs/{run_id}")

    run(used)


def test_answers_of_apis_are_cut_at_the_limit(tmp_path: Path) -> None:
    async def used() -> None:
        notes = Notes()
        notes.answer = {"id": 7, "text": "x" * 300_000, "state": "kept", "tags": []}
        with notes.serving() as url:
            catalogue = catalogue_of([write_notes(tmp_path, url)], Terms(max_output=2_000, wait=5.0))
            async with client_of(served(catalogue, tmp_path).server) as client:
                await client.list_tools()
                read = await client.call_tool("read-note", {})
                assert len(json.dumps(read.structured_content)) < 2_500
                assert len(texts_of(read)) < 4_000
                assert read.structured_content["id"] == 7
                assert "was left out: it has 300" in texts_of(read)
                report = await client.read_resource(f"arazzo://runs/{run_id_of(read)}")
                assert len(report.contents[0].text) < 2_500  # type: ignore[union-attr]

    run(used)


def test_the_list_of_resources_has_pages(tmp_path: Path) -> None:
    async def used() -> None:
        steps = [{"stepId": "s", "operationId": "getNote"}]
        document = write_notes(
            tmp_path, "http://127.0.0.1:9", {f"w{number}": {"steps": steps} for number in range(250)}
        )
        async with client_of(served(catalogue_of([document]), tmp_path).server) as client:
            names, cursor = [], None
            while True:
                page = await client.list_resources(cursor=cursor)
                names += [resource.name for resource in page.resources]
                cursor = page.next_cursor
                if cursor is None:
                    break
            assert names == [f"w{number}" for number in range(250)]
            with pytest.raises(MCPError):
                await client.list_resources(cursor="-1")

    run(used)
