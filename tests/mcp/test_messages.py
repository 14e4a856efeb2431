"""Workflows over messages as tools: what they are said to do, and their runs (M20)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from arazzo_runner.runtime.runners.journal_driver import interrupt_runs
from arazzo_runner.runtime.runners.journal_engine import JournalEngine, opened_journal
from arazzo_runner.serving.offers import Terms
from tests.servers.brokers import Nats, needs, running
from tests.support.asking import Asked
from tests.support.mcp_servers import catalogue_of, run, served
from tests.support.web_servers import until

pytestmark = [pytest.mark.network, needs(Nats)]

WHOLE = {"part1": "1", "part2": "2"}


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with running(Nats, tmp_path_factory.mktemp("nats")) as server:
        yield Asked(server)


@pytest.fixture
def asked(application: Asked) -> Iterator[Asked]:
    application.renew()
    with application.listening():
        yield application


def test_a_tool_says_which_brokers_it_calls_and_that_a_send_is_a_write(asked: Asked, tmp_path: Path) -> None:
    document = asked.write(tmp_path, correlated=True)
    server = served(catalogue_of([document]), tmp_path).server
    (tool,) = [tool for tool in server.tools if tool.name == "asking"]
    assert f"send {asked.addresses['ask']} (nats://127.0.0.1:{asked.server.port}" in (tool.description or "")
    assert tool.annotations is not None
    assert (tool.annotations.read_only_hint, tool.annotations.destructive_hint) == (False, False)
    assert not catalogue_of([document], Terms(read_only=True)).offers


def test_a_call_exchanges_messages_and_answers_with_the_outputs(asked: Asked, tmp_path: Path) -> None:
    server = served(catalogue_of([asked.write(tmp_path, correlated=True)]), tmp_path).server

    async def call() -> Any:
        async with Client(server.server()) as client:
            return await client.call_tool("asking", {"order": "o-1"})

    result = run(call)
    assert not result.is_error, result
    assert result.structured_content == WHOLE
    asked.catch_up()
    assert (asked.asked, asked.told) == ([{"order": "o-1"}], [WHOLE])


def test_a_run_that_missed_messages_waits_for_a_word(asked: Asked, tmp_path: Path) -> None:
    asked.answers = False
    document = asked.write(tmp_path, correlated=True)
    first = served(catalogue_of([document], Terms(wait=0.5)), tmp_path)

    async def begun() -> str:
        async with Client(first.server.server()) as client:
            found = await client.call_tool("asking", {"order": "o-1"})
            assert found.structured_content["status"] == "running", found
            return str(found.structured_content["runId"])

    run_id = run(begun)
    interrupt_runs()  # as a process does that ends, in the middle of a wait
    until(lambda: first.calls.summary(run_id).status == "stopped")
    asked.answers = True
    second = served(catalogue_of([document]), tmp_path)

    async def waited(**more: Any) -> Any:
        async with Client(second.server.server()) as client:
            return await client.call_tool("await_run", {"runId": run_id, **more})

    stopped = run(waited)
    assert (stopped.is_error, stopped.structured_content["code"]) == (True, "messages-missed")
    assert "acceptMissed" in stopped.structured_content["hint"]
    with opened_journal(JournalEngine(tmp_path / "mcp.db", key=tmp_path / "mcp.key")) as journal:
        assert journal.run(run_id).reason == "messages-missed"
    with asked.answering_again_and_again():
        result = run(lambda: waited(acceptMissed=True))
    assert result.structured_content == WHOLE
    asked.catch_up()
    assert asked.asked == [{"order": "o-1"}]
