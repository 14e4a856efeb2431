"""Runs on a Temporal cluster, from Python: a real server and a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from arazzo_runner import (
    Event,
    JournalError,
    RunFinished,
    Runner,
    RunOptions,
    RunStarted,
    ServerOptions,
    TemporalEngine,
    UsageError,
)
from tests.servers.inference_endpoints import Behaviour, InferenceEndpointsEmulator
from tests.servers.record_cassettes import SIZED, WORKFLOWS
from tests.servers.temporal import TemporalServer, Workers, needs_temporal, temporal_server

pytestmark = [needs_temporal, pytest.mark.slow, pytest.mark.network]

DEPLOY = WORKFLOWS / "hugging-face-deploy-inference-endpoint-workflow.yml"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    with temporal_server(tmp_path_factory.mktemp("temporal")) as started:
        yield started


@pytest.fixture
def engine(server: TemporalServer, tmp_path: Path) -> Iterator[TemporalEngine]:
    address, key = f"{server.engine}?queue={tmp_path.name}", str(tmp_path / "engine.key")
    with Workers({"ARAZZO_ENGINE": address, "ARAZZO_ENGINE_KEY": key, "ARAZZO_NO_CACHE": "1"}) as workers:
        workers.start()
        yield TemporalEngine(address, key=key)


def options(emulator: InferenceEndpointsEmulator) -> RunOptions:
    return RunOptions(servers=ServerOptions({"": emulator.url}), poll_interval=0)


def test_a_run_is_started_followed_and_listed(engine: TemporalEngine) -> None:
    with InferenceEndpointsEmulator(token=SIZED["hfToken"]) as emulator:
        runner = Runner(DEPLOY, options=options(emulator), engine=engine)
        handle = runner.start(inputs=SIZED, run_id="from-python")
        assert runner.start(inputs=SIZED, run_id="from-python").id == handle.id

        async def test() -> tuple[list[Event], str]:
            told = [event async for event in handle.aevents()]
            return told, (await handle.await_result()).status

        told, status = asyncio.run(test())
        result = handle.wait(60)
    assert status == "succeeded"
    assert isinstance(told[0], RunStarted)
    assert isinstance(told[-1], RunFinished)
    assert list(handle.events()) == told
    assert SIZED["hfToken"] not in repr(told)
    assert result.raise_for_failure().outputs["state"] == "running"
    assert handle.status == "succeeded"
    assert handle.summary.is_over
    with pytest.raises(JournalError, match="there is no run no-such-run"):
        runner.handle("no-such-run")


def test_a_run_is_cancelled_and_one_that_is_not_awaited_goes_on(engine: TemporalEngine) -> None:
    with InferenceEndpointsEmulator(token=SIZED["hfToken"], behaviour=Behaviour(polls_pending=100_000)) as emulator:
        handle = Runner(DEPLOY, options=options(emulator), engine=engine).start(inputs=SIZED)
        with pytest.raises(TimeoutError, match="still running"):
            handle.wait(0.2)
        coming = handle.events()
        assert isinstance(next(coming), RunStarted)
        handle.cancel()
        assert isinstance(list(coming)[-1], RunFinished)
        result = handle.wait(60)
    assert result.reason is not None
    assert result.reason.code == "cancelled"


def test_a_batch_is_one_run_a_row(engine: TemporalEngine) -> None:
    with InferenceEndpointsEmulator(token=SIZED["hfToken"]) as emulator:
        runner = Runner(DEPLOY, options=options(emulator), engine=engine)
        rows = [{**SIZED, "name": f"m{number}"} for number in range(3)]
        results = list(runner.run_each(rows, concurrency=2, durable=True))
    assert sorted(result.row or 0 for result in results) == [1, 2, 3]
    assert all(result.succeeded for result in results)


def test_a_client_or_an_application_of_this_process_is_refused(engine: TemporalEngine) -> None:
    with pytest.raises(UsageError, match="client= is of this process"):
        Runner(DEPLOY, client=httpx.Client(), engine=engine).start(inputs=SIZED)


def test_a_malformed_address_and_a_missing_key_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected temporal://HOST:PORT/NAMESPACE"):
        Runner(DEPLOY, engine="temporal:nowhere")
    with pytest.raises(UsageError, match="there is no key"):
        TemporalEngine("temporal://127.0.0.1:9/default", key=tmp_path / "none.key").runs()
