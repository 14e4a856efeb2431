"""Runs over messages on a Temporal cluster: real brokers, and workers of which one is killed while it waits (M20)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from arazzo_runner.runtime.runners.cluster_engine import TemporalEngine, ask
from arazzo_runner.runtime.temporal.client import PREFIX, Cluster
from tests.conftest import Arazzo, Result
from tests.servers.brokers import BrokerServer, Mosquitto5, Nats, Tansu, needs, running_when_asked
from tests.servers.silent_broker import SilentBroker
from tests.servers.temporal import TemporalServer, Workers, needs_temporal, temporal_server
from tests.support.asking import Asked, write_telling
from tests.support.repository import ROOT

pytestmark = [needs_temporal, pytest.mark.slow, pytest.mark.network]

BOUND = 90.0
WHOLE = {"part1": "1", "part2": "2"}
OVER = [pytest.param(kind, id=kind.__name__, marks=needs(kind)) for kind in (Nats, Tansu, Mosquitto5)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    with temporal_server(tmp_path_factory.mktemp("temporal")) as started:
        yield started


@pytest.fixture
def environment(cluster: TemporalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The cluster, with a queue and a key of the test's own."""
    given = {
        "ARAZZO_ENGINE": f"{cluster.engine}?queue={tmp_path.name}",
        "ARAZZO_ENGINE_KEY": str(tmp_path / "engine.key"),
        "ARAZZO_NO_CACHE": "1",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return given


@pytest.fixture
def workers(environment: dict[str, str]) -> Iterator[Workers]:
    with Workers(environment) as started:
        yield started


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[type[BrokerServer]], BrokerServer]]:
    """Brokers, each started when it is first asked for."""
    with running_when_asked(tmp_path_factory) as of:
        yield of


@pytest.fixture
def asked(request: pytest.FixtureRequest, servers: Callable[[type[BrokerServer]], BrokerServer]) -> Iterator[Asked]:
    """An application on a broker of each kind, which listens."""
    application = Asked(servers(request.param))
    with application.listening():
        yield application


def in_background(path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "arazzo_runner", "run", str(path), "-i", "order=o-1"]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> Result:
    out, err = process.communicate(timeout=BOUND)
    assert "Traceback" not in err
    return Result(process.returncode, out, err)


def announced_by(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    found = re.search(r"^run (\w+) on temporal://", process.stderr.readline())
    assert found is not None
    return found[1]


def until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + BOUND
    while not what():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.1)


def steps_of(arazzo: Arazzo, run_id: str) -> list[str]:
    return [step["stepId"] for step in json.loads(arazzo("runs", "show", run_id, "--json").out)["steps"]]


def replayed(run_id: str) -> str:
    """What a worker says that replays the history of a run."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.servers.replay_history", run_id],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "11"},
        capture_output=True,
        text=True,
        check=False,
        timeout=BOUND,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("asked", OVER, indirect=True)
def test_a_run_over_messages_shows_and_replays_like_any_other(
    asked: Asked, arazzo: Arazzo, workers: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers.start()
    workers.start()
    path = asked.write(tmp_path, correlated=False)
    reports = [tmp_path / "cluster.json", tmp_path / "here.json"]
    result = arazzo("run", str(path), "-i", "order=o-1", "--report", f"json={reports[0]}", "--check", "error")
    assert (result.status, json.loads(result.out)) == (0, WHOLE), result.err
    found = re.search(r"^run (\w+) on temporal://", result.err, re.MULTILINE)
    assert found is not None
    assert "replayed without a difference" in replayed(found[1])
    asked.catch_up()
    assert (asked.asked, asked.told) == ([{"order": "o-1"}], [WHOLE])
    monkeypatch.delenv("ARAZZO_ENGINE")
    here = arazzo("run", str(path), "-i", "order=o-1", "--report", f"json={reports[1]}", "--check", "error")
    assert (here.status, json.loads(here.out)) == (0, WHOLE), here.err
    on_cluster, directly = (_timeless(json.loads(report.read_text("utf-8"))) for report in reports)
    assert on_cluster == directly


def _timeless(data: object) -> object:
    """A report without times, and without the id that only a durable run has."""
    match data:
        case dict():
            dropped = {"startedAt", "endedAt", "durationMs", "runId"}
            return {name: _timeless(value) for name, value in data.items() if name not in dropped}
        case list():
            return [_timeless(value) for value in data]
        case _:
            return data


@pytest.mark.parametrize("asked", OVER, indirect=True)
def test_a_worker_is_killed_while_it_waits(asked: Asked, arazzo: Arazzo, workers: Workers, tmp_path: Path) -> None:
    keeps = asked.server.protocol != "nats"
    path = asked.write(tmp_path, correlated=not keeps)
    asked.answers = False
    first = workers.start()
    run = in_background(path)
    run_id = announced_by(run)
    until(lambda: "ask" in steps_of(arazzo, run_id))
    workers.start()
    workers.kill(first)
    asked.answer()
    result = ended(run)
    if not keeps:
        assert (result.status, "messages-missed" in result.err) == (1, True), result.err
        assert "--accept-missed" in result.err
        until(lambda: "messages-missed" in arazzo("runs").out)
        assert arazzo("resume", run_id).status == 1
        with asked.answering_again_and_again():
            result = arazzo("resume", run_id, "--accept-missed")
    assert (result.status, json.loads(result.out)) == (0, WHOLE), result.err
    asked.catch_up()
    assert (asked.asked, asked.told) == ([{"order": "o-1"}], [WHOLE])
    assert "replayed without a difference" in replayed(run_id)


@pytest.mark.parametrize("asked", OVER[1:], indirect=True)
def test_a_worker_that_ends_in_order_hands_over_what_brokers_keep(
    asked: Asked, arazzo: Arazzo, workers: Workers, tmp_path: Path
) -> None:
    path = asked.write(tmp_path, correlated=False)
    asked.answers = False
    first = workers.start()
    run = in_background(path)
    run_id = announced_by(run)
    until(lambda: "ask" in steps_of(arazzo, run_id))
    workers.start()
    first.terminate()
    assert first.wait(BOUND) == 0
    asked.answer()
    result = ended(run)
    assert (result.status, json.loads(result.out)) == (0, WHOLE), result.err
    assert asked.asked == [{"order": "o-1"}]
    assert "replayed without a difference" in replayed(run_id)


@pytest.mark.parametrize("asked", [OVER[0]], indirect=True)
def test_a_run_that_waits_for_a_message_is_cancelled(
    asked: Asked, arazzo: Arazzo, workers: Workers, tmp_path: Path
) -> None:
    asked.answers = False
    workers.start()
    run = in_background(asked.write(tmp_path, correlated=True))
    run_id = announced_by(run)
    until(lambda: "ask" in steps_of(arazzo, run_id))
    assert arazzo("cancel", run_id).status == 0
    result = ended(run)
    assert (result.status, "the run was cancelled" in result.err) == (1, True)
    until(lambda: "cancelled" in arazzo("runs", "--status", "cancelled").out)
    assert "replayed without a difference" in replayed(run_id)


def test_what_was_sent_when_its_worker_was_killed_is_decided_by_a_person(
    arazzo: Arazzo, workers: Workers, tmp_path: Path
) -> None:
    with SilentBroker() as broker:
        path = write_telling(tmp_path, broker.port)
        first = workers.start()
        run = in_background(path)
        run_id = announced_by(run)
        assert broker.published.wait(BOUND)
        workers.kill(first)
        workers.start()
        result = ended(run)
        assert (result.status, "ambiguous-request" in result.err) == (1, True), result.err
        assert broker.count == 1
        skipped = arazzo("resume", run_id, "--skip", "200")
    assert skipped.status == 0, skipped.err
    assert broker.count == 1
    assert "replayed without a difference" in replayed(run_id)


@pytest.mark.parametrize("asked", [OVER[2]], indirect=True)
def test_what_a_session_had_to_acknowledge_is_not_called_kept(
    asked: Asked, arazzo: Arazzo, workers: Workers, tmp_path: Path
) -> None:
    """A broker delivers only so much without an acknowledgement: the worker says first that the place is lost."""
    asked.answers = False
    path = asked.write(tmp_path, correlated=True)
    first = workers.start()
    run = in_background(path)
    run_id = announced_by(run)
    until(lambda: "ask" in steps_of(arazzo, run_id))
    asked.say_something_else(40)
    until(lambda: "forgot" in signals_of(run_id))
    workers.start()
    workers.kill(first)
    asked.answer()
    stopped = ended(run)
    assert (stopped.status, "messages-missed" in stopped.err) == (1, True), stopped.err
    with asked.answering_again_and_again():
        result = arazzo("resume", run_id, "--accept-missed")
    assert (result.status, json.loads(result.out)) == (0, WHOLE), result.err
    assert "replayed without a difference" in replayed(run_id)


def signals_of(run_id: str) -> list[str]:
    """The signals that a run has got."""

    async def read(cluster: Cluster) -> list[str]:
        history = cluster.client.get_workflow_handle(PREFIX + run_id).fetch_history_events()
        attributes = [event.workflow_execution_signaled_event_attributes.signal_name async for event in history]
        return [name for name in attributes if name]

    return ask(TemporalEngine(os.environ["ARAZZO_ENGINE"], key=os.environ["ARAZZO_ENGINE_KEY"]), read)
