"""Runs on a Temporal cluster: a real server, workers in processes of their own, some of which are killed."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Timer
from typing import Self

import pytest

from arazzo_runner.runtime.secrets.sealing import create_key
from tests.conftest import Arazzo, Result
from tests.servers.inference_endpoints import Behaviour, InferenceEndpointsEmulator
from tests.servers.temporal import TemporalServer, Workers, needs_temporal, temporal_server
from tests.support.http_server import serving
from tests.support.repository import ROOT

pytestmark = [needs_temporal, pytest.mark.slow, pytest.mark.network]

TOKEN = "hf_ThisIsTheSecretOfTheTests"
POLLS_A_RUN = 60
SLOW = Behaviour(polls_pending=100_000)
PATIENCE = 90.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    # A history counts as large early, so that a few polls show what thousands would.
    settings = {"limit.historyCount.suggestContinueAsNew": "150"}
    with temporal_server(tmp_path_factory.mktemp("temporal"), settings) as started:
        yield started


@pytest.fixture
def environment(server: TemporalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The cluster, with a queue and a key of the test's own."""
    given = {
        "ARAZZO_ENGINE": f"{server.engine}?queue={tmp_path.name}",
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


def deploying(emulator: InferenceEndpointsEmulator, name: str = "my-gpt2") -> list[str]:
    inputs = ["namespace=acme", f"name={name}", "repository=gpt2", "instanceType=intel-icl", "instanceSize=x1"]
    words = ["run", "deploy-inference-endpoint", "--server", emulator.url, "--poll-interval", "0"]
    return words + [word for item in (*inputs, f"hfToken={TOKEN}") for word in ("-i", item)]


def in_background(words: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "arazzo_runner", *words]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> Result:
    out, err = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in err
    return Result(process.returncode, out, err)


def until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def creations(emulator: InferenceEndpointsEmulator) -> Counter[str]:
    return Counter(str(e.body["name"]) for e in emulator.requests if e.method == "POST")


def announced(said: str) -> str:
    """The id of a run, from what was said when it began: a cluster lists a run a moment later."""
    found = re.search(r"^run (\w+) on temporal://", said, re.MULTILINE)
    assert found is not None, said
    return found[1]


def announced_by(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return announced(process.stderr.readline())


def test_a_run_shows_and_reports_like_any_other(
    arazzo: Arazzo, workers: Workers, server: TemporalServer, tmp_path: Path
) -> None:
    workers.start()
    report = tmp_path / "report.json"
    with InferenceEndpointsEmulator(token=TOKEN) as emulator:
        result = arazzo(*deploying(emulator), "--report", f"json={report}", "--check", "error")
    assert result.status == 0, result.err
    assert json.loads(result.out)["state"] == "running"
    assert "pollStatus" in result.err
    steps = json.loads(report.read_text("utf-8"))["steps"]
    assert [step["stepId"] for step in steps] == ["createEndpoint", *["pollStatus"] * 3]
    run_id = announced(result.err)
    until(lambda: run_id in arazzo("runs", "--status", "succeeded").out)
    listed = json.loads(arazzo("runs", "--status", "succeeded", "--json").out)
    assert (run_id, "deploy-inference-endpoint") in [(run["runId"], run["workflowId"]) for run in listed]
    shown = arazzo("runs", "show", run_id, "--json")
    assert [step["stepId"] for step in json.loads(shown.out)["steps"]] == [step["stepId"] for step in steps]
    assert "succeeded in" in arazzo("runs", "show", run_id).out
    assert TOKEN not in result.err + result.out + shown.out + report.read_text("utf-8")
    kept = server.raw()
    assert b"arazzo-run" in kept
    for form in (TOKEN.encode(), *(base64.b64encode(b"x" * n + TOKEN.encode())[4:-4] for n in range(3))):
        assert form not in kept
    assert b"my-gpt2" not in kept


def test_a_killed_workers_run_is_finished_by_another(arazzo: Arazzo, workers: Workers) -> None:
    first = workers.start()
    with InferenceEndpointsEmulator(token=TOKEN, behaviour=Behaviour(polls_pending=30)) as emulator:
        run = in_background(deploying(emulator))
        until(lambda: len(emulator.requests) >= 5)
        workers.start(environment={"PYTHONHASHSEED": "7"})  # no order of a set may decide anything
        workers.kill(first)
        result = ended(run)
        assert result.status == 0, result.err
        assert json.loads(result.out)["state"] == "running"
        assert creations(emulator) == {"my-gpt2": 1}


def test_a_long_run_continues_as_new_and_is_still_one(arazzo: Arazzo, workers: Workers) -> None:
    workers.start()
    with InferenceEndpointsEmulator(token=TOKEN, behaviour=Behaviour(polls_pending=POLLS_A_RUN)) as emulator:
        result = arazzo(*deploying(emulator))
        assert result.status == 0, result.err
        polls = len(emulator.requests)
    assert polls > POLLS_A_RUN
    shown = json.loads(arazzo("runs", "show", announced(result.err), "--json").out)
    assert len(shown["steps"]) == polls
    assert shown["status"] == "succeeded"


def test_many_runs_and_two_workers_of_which_one_is_killed(arazzo: Arazzo, workers: Workers, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    names = [f"e{number}" for number in range(100)]
    rows.write_text("".join(json.dumps({"name": name}) + "\n" for name in names), "utf-8")
    first = workers.start()
    workers.start()
    with InferenceEndpointsEmulator(token=TOKEN, behaviour=Behaviour(polls_pending=8)) as emulator:
        words = deploying(emulator)
        at = words.index("name=my-gpt2")
        del words[at - 1 : at + 1]
        run = in_background([*words, "--each", str(rows), "--concurrency", "50"])
        # A creation that is under way may not be sent twice, and would rightly stop: polls are left to be lost.
        until(lambda: len({e.path for e in emulator.requests if e.method == "GET"}) == len(names))
        workers.kill(first)
        result = ended(run)
        assert result.status == 0, result.err
        lines = [json.loads(line) for line in result.out.splitlines()]
        assert sorted(line["row"] for line in lines) == list(range(1, 101))
        assert {line["status"] for line in lines} == {"succeeded"}
        assert creations(emulator) == dict.fromkeys(names, 1)


def test_a_cancelled_run_ends_as_one(arazzo: Arazzo, workers: Workers) -> None:
    workers.start()
    with InferenceEndpointsEmulator(token=TOKEN, behaviour=Behaviour(polls_pending=100_000)) as emulator:
        run = in_background(deploying(emulator))
        run_id = announced_by(run)
        until(lambda: len(emulator.requests) >= 3)
        assert json.loads(arazzo("runs", "show", run_id, "--json").out)["status"] == "running"
        assert arazzo("cancel", run_id).status == 0
        result = ended(run)
    assert result.status == 1
    assert "the run was cancelled" in result.err
    until(lambda: "cancelled" in arazzo("runs", "--status", "cancelled").out)
    assert arazzo("cancel", run_id).status == 2


def test_a_run_goes_on_when_it_is_followed_no_longer(arazzo: Arazzo, workers: Workers) -> None:
    workers.start()
    with InferenceEndpointsEmulator(token=TOKEN, behaviour=Behaviour(polls_pending=25)) as emulator:
        run = in_background(deploying(emulator))
        run_id = announced_by(run)
        until(lambda: len(emulator.requests) >= 3)
        run.send_signal(signal.SIGINT)
        result = ended(run)
        assert result.status == 130
        assert "arazzo resume" in result.err
        again = arazzo("resume", run_id)
    assert again.status == 0, again.err
    assert json.loads(again.out)["state"] == "running"


def test_a_run_that_no_worker_takes_up_can_be_left(arazzo: Arazzo, workers: Workers, tmp_path: Path) -> None:
    create_key(tmp_path / "engine.key")
    with InferenceEndpointsEmulator(token=TOKEN) as emulator:
        run = in_background(deploying(emulator))
        run_id = announced_by(run)
        run.send_signal(signal.SIGINT)
        result = ended(run)
        assert result.status == 130
        assert f"arazzo resume {run_id}" in result.err
        workers.start()
        assert arazzo("resume", run_id).status == 0


def said_by(process: subprocess.Popen[str], what: str) -> str:
    """The line in which a process says something, and the one after it."""
    assert process.stderr is not None
    patience = Timer(300, process.kill)  # a process that says something else is not waited for in vain
    patience.start()
    try:
        line = next((line for line in process.stderr if what in line), "")
        assert line, f"the process did not say {what!r}"
        return line + process.stderr.readline()
    finally:
        patience.cancel()


def test_a_run_that_no_worker_takes_up_says_so_and_what_to_type(
    workers: Workers, environment: dict[str, str], tmp_path: Path
) -> None:
    create_key(tmp_path / "engine.key")
    with InferenceEndpointsEmulator(token=TOKEN) as emulator:
        run = in_background(deploying(emulator))
        said = said_by(run, "no worker has taken the run up yet")
        assert f"queue {tmp_path.name}" in said
        assert f"arazzo worker --engine '{environment['ARAZZO_ENGINE']}'" in said
        workers.start()
        assert ended(run).status == 0


def test_a_worker_with_another_key_is_told_of_and_one_with_the_key_goes_on(
    arazzo: Arazzo, workers: Workers, tmp_path: Path
) -> None:
    create_key(tmp_path / "engine.key")
    other = workers.start("--engine-key", str(tmp_path / "other.key"))
    with InferenceEndpointsEmulator(token=TOKEN) as emulator:
        run = in_background(deploying(emulator))
        run_id = announced_by(run)
        said = said_by(run, "no worker can continue the run so far")
        assert "a worker has another key" in said
        assert "arazzo worker --engine" in said
        assert "another key" in said_by(other, "Failed handling activation")
        run.send_signal(signal.SIGINT)
        assert ended(run).status == 130
        workers.kill(other)
        workers.start()
        again = arazzo("resume", run_id)
        assert again.status == 0, again.err


def test_a_server_that_is_gone_is_told_of_in_plain_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"ARAZZO_ENGINE_KEY": str(tmp_path / "engine.key"), "ARAZZO_NO_CACHE": "1"}
    create_key(tmp_path / "engine.key")
    with temporal_server(tmp_path) as own:
        given["ARAZZO_ENGINE"] = own.engine
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        with Workers(given) as started, InferenceEndpointsEmulator(token=TOKEN, behaviour=SLOW) as emulator:
            worker = started.start()
            run = in_background(deploying(emulator))
            until(lambda: len(emulator.requests) >= 3)
            own.end()
            assert "the cluster is not reached; it is tried again" in said_by(worker, "warning: ").splitlines()[0]
            result = ended(run)
    assert result.status == 130
    assert "the cluster is not reached any more" in result.err
    assert "sdk_core" not in result.err


# A request that may not be sent twice


@dataclass
class Shop:
    """An API whose one order takes its time."""

    orders: list[bytes] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                shop.orders.append(self.rfile.read(int(self.headers["Content-Length"])))
                shop.released.wait(PATIENCE)
                self._answer(201, b'{"id": 1}')

            def do_GET(self) -> None:
                self._answer(200, b'{"large": "' + os.urandom(2_000_000).hex().encode() + b'"}')

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                with suppress(ConnectionError):  # whoever asked may be gone
                    self.end_headers()
                    self.wfile.write(body)

        self.url = self._stack.enter_context(serving(Handler))
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._stack.close()


def write_shop(directory: Path, shop: Shop) -> str:
    made = {"responses": {"201": {"description": "made"}}}
    description = {
        "openapi": "3.1.0",
        "info": {"title": "Shop", "version": "1"},
        "servers": [{"url": shop.url}],
        "paths": {"/orders": {"post": {"operationId": "order", **made}, "get": {"operationId": "orders", **made}}},
    }
    order = {"stepId": "order", "operationId": "order", "requestBody": {"payload": {"what": "tea"}}}
    look = {"stepId": "look", "operationId": "orders"}
    arazzo = {
        "arazzo": "1.0.1",
        "info": {"title": "Shop", "version": "1"},
        "sourceDescriptions": [{"name": "api", "url": "api.json", "type": "openapi"}],
        "workflows": [
            {
                "workflowId": "order",
                "steps": [{**order, "outputs": {"id": "$response.body#/id"}}],
                "outputs": {"id": "$steps.order.outputs.id"},
            },
            {"workflowId": "look", "steps": [look]},
        ],
    }
    (directory / "api.json").write_text(json.dumps(description), "utf-8")
    (directory / "shop.json").write_text(json.dumps(arazzo), "utf-8")
    return str(directory / "shop.json")


@pytest.mark.parametrize("decision", ["--skip", "--resend"])
def test_a_request_that_was_lost_with_its_worker_waits_for_a_word(
    arazzo: Arazzo, workers: Workers, tmp_path: Path, decision: str
) -> None:
    first = workers.start()
    with Shop() as shop:
        run = in_background(["run", write_shop(tmp_path, shop), "order"])
        run_id = announced_by(run)
        until(lambda: shop.orders)
        workers.kill(first)
        workers.start()
        result = ended(run)
        assert result.status == 1
        assert "ambiguous-request" in result.err
        assert len(shop.orders) == 1
        until(lambda: run_id in arazzo("runs", "--status", "ambiguous-request").out)
        waiting = arazzo("resume", run_id)
        assert waiting.status == 1
        assert "--skip STATUS" in waiting.err
        body = tmp_path / "body.json"
        body.write_text('{"id": 7}', "utf-8")
        shop.released.set()
        word = ["--skip", f"201=@{body}"] if decision == "--skip" else ["--resend"]
        resumed = arazzo("resume", run_id, *word)
        assert resumed.status == 0, resumed.err
        assert json.loads(resumed.out) == {"id": 7 if decision == "--skip" else 1}
        assert len(shop.orders) == (1 if decision == "--skip" else 2)
        assert arazzo("resume", run_id, *word).status == 2


def test_an_answer_that_is_too_large_is_a_failure_that_says_what_to_do(
    arazzo: Arazzo, workers: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = str(tmp_path / "store")
    first = workers.start()
    with Shop() as shop:
        document = write_shop(tmp_path, shop)
        refused = arazzo("run", document, "look")
        assert refused.status == 1
        assert "--engine-store DIR" in refused.err
        workers.kill(first)
        workers.start("--engine-store", store)
        assert arazzo("run", document, "look", "--engine-store", store).status == 0


# What can go wrong before


def test_mistakes_are_named(arazzo: Arazzo, environment: dict[str, str], tmp_path: Path) -> None:
    words = ["run", "deploy-inference-endpoint", "-i", "namespace=a", "-i", "name=b", "-i", "repository=c"]
    words += ["-i", f"hfToken={TOKEN}"]
    no_key = arazzo(*words)
    assert no_key.status == 2
    assert "arazzo worker makes one" in no_key.err
    (tmp_path / "engine.key").write_text("short\n", "utf-8")
    (tmp_path / "engine.key").chmod(0o600)
    assert "is not a key" in arazzo(*words).err
    (tmp_path / "engine.key").write_bytes(base64.b64encode(b"k" * 32))
    nowhere = arazzo(*words, "--engine", "temporal://127.0.0.1:9/default")
    assert nowhere.status == 2
    assert "temporal server start-dev" in nowhere.err
    unknown = arazzo(*words, "--engine", environment["ARAZZO_ENGINE"].replace("/default", "/nowhere"))
    assert unknown.status == 2
    assert "no namespace 'nowhere'" in unknown.err
    for option in ("--record", "--replay"):
        assert arazzo(*words, option, "x.yaml").status == 2
    assert arazzo("runs", "show", "nosuch").status == 2
    assert arazzo("cancel", "nosuch").status == 2
    assert arazzo("worker", "--engine", "nowhere").status == 2


def test_a_key_in_the_environment_is_never_shown(
    arazzo: Arazzo, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARAZZO_ENGINE_KEY", base64.b64encode(b"k" * 32).decode())
    assert arazzo("runs").status == 0
    monkeypatch.setenv("ARAZZO_ENGINE_KEY", "theSecretKeyThatIsNone")
    refused = arazzo("runs")
    assert refused.status == 2
    assert "theSecretKey" not in refused.err


# What every worker has to decide alike


def test_a_history_gives_the_same_turns_in_another_process(
    arazzo: Arazzo, workers: Workers, environment: dict[str, str]
) -> None:
    workers.start()
    with InferenceEndpointsEmulator(token=TOKEN) as emulator:
        result = arazzo(*deploying(emulator))
    assert result.status == 0
    command = [sys.executable, "-m", "tests.servers.replay_history", announced(result.err)]
    replayed = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "11"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert "replayed without a difference" in replayed.stdout, replayed.stderr
