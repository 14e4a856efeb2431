"""What a user's type checker sees of the package: checked by mypy and pyright, in their strict modes; never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, assert_type

import httpx
import httpx2
from starlette.applications import Starlette

import arazzo_runner
from arazzo_runner import (
    Attempt,
    Credentials,
    Event,
    JournalEngine,
    Outcome,
    Plan,
    Problem,
    Reason,
    Response,
    RowResult,
    RunFailed,
    RunHandle,
    Runner,
    RunOptions,
    RunResult,
    RunSummary,
    ServerOptions,
    TemporalEngine,
    TransportOptions,
    Turn,
    Workbook,
    load,
    parse_credential,
    report,
)


def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("204 No Content", [])
    return []


def runners() -> Iterator[Runner]:
    workbook = load("w.yaml")
    assert_type(workbook, Workbook)
    assert_type(workbook.workflow_ids, list[str])
    assert_type(workbook.problems, Sequence[Problem])
    assert_type(workbook.plan(), Plan)
    credentials = Credentials({"key": parse_credential("k")})
    options = RunOptions(servers=ServerOptions({"": "http://api.example"}), credentials=credentials, timeout=5)
    yield Runner(workbook, options=options, transport=TransportOptions(follow_redirects=True), check="error")
    yield Runner("w.yaml", client=httpx.Client())
    yield Runner("w.yaml", client=httpx.AsyncClient())
    yield Runner("w.yaml", client=httpx2.Client())
    yield Runner("w.yaml", client=httpx2.AsyncClient())
    yield Runner("w.yaml", app=Starlette())
    yield Runner("w.yaml", app=wsgi)
    yield Runner("w.yaml", app={"orders": Starlette(), "users": wsgi})
    yield Runner("w.yaml", engine=JournalEngine("runs.db", key="runs.key"))
    yield Runner("w.yaml", engine=TemporalEngine("temporal://127.0.0.1:7233/default"))
    yield Runner("w.yaml", listeners=[heard])


def heard(event: Event) -> None:
    match event:
        case arazzo_runner.AttemptFinished(attempt):
            assert_type(attempt, Attempt)
        case arazzo_runner.RunFinished(outcome):
            assert_type(outcome, Outcome)
        case _:
            pass


def results(runner: Runner) -> None:
    result = runner.run("w", {"name": "x"}, record="c.yaml")
    assert_type(result, RunResult)
    assert_type(result.outputs, Mapping[str, Any])
    assert_type(result.reason, Reason | None)
    assert_type(result.attempts, Sequence[Attempt])
    assert_type(result.succeeded, bool)
    assert_type(result.raise_for_failure(), RunResult)
    try:
        result.raise_for_failure()
    except RunFailed as failed:
        assert_type(failed.result, RunResult)
    assert_type(report.html(result), str)
    assert_type(report.junit(result), str)
    assert_type(report.json(result), dict[str, Any])
    assert_type(report.har(result), dict[str, Any])
    assert_type(report.text(result), str)


def durable(runner: Runner) -> None:
    handle = runner.start("w", {"name": "x"}, run_id="r")
    assert_type(handle, RunHandle)
    assert_type(handle.id, str)
    assert_type(handle.status, str)
    assert_type(handle.summary, RunSummary)
    assert_type(handle.events(), Iterator[Event])
    assert_type(handle.wait(5), RunResult)
    handle.cancel()
    assert_type(runner.resume("r", inputs={"token": "t"}, skip=Response(201)), RunHandle)
    assert_type(runner.runs(status=["stopped"]), list[RunSummary])
    assert_type(runner.run_each([{"name": "x"}], concurrency=2), Iterator[RowResult])


async def asynchronous(runner: Runner) -> None:
    assert_type(await runner.arun("w"), RunResult)
    handle = runner.start("w")
    assert_type(handle.aevents(), AsyncIterator[Event])
    assert_type(await handle.await_result(), RunResult)
    async for row in runner.arun_each([{"name": "x"}]):
        assert_type(row, RowResult)
        assert_type(row.result, RunResult | None)


def turns(plan: Plan) -> None:
    turn = arazzo_runner.start(plan, {}, at=0.0)
    assert_type(turn, Turn)
    assert_type(turn.outcome, Outcome | None)
