"""Durable runs from Python: started, looked at, waited for, cancelled and resumed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from arazzo_runner import (
    AttemptFinished,
    Event,
    InvalidInputs,
    JournalEngine,
    JournalError,
    Response,
    RunFinished,
    RunHeld,
    Runner,
    RunStarted,
    UsageError,
)
from arazzo_runner.effects import MASK
from arazzo_runner.runtime.durable.resuming import GivenSecrets
from arazzo_runner.runtime.runners.journal_engine import JournalHandle
from tests.support.shop import GET_ORDER, UPLOAD, write_shop

SERVER = "http://api.shop.example"


def paths(directory: Path) -> JournalEngine:
    return JournalEngine(directory / "journal.db", key=directory / "journal.key")


class Shop:
    """An API that answers when it is let."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.let = threading.Event()
        self.let.set()
        self.count = 0

    def client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        self.asked.set()
        assert self.let.wait(30)
        status = 201 if request.method == "POST" else 200
        return httpx.Response(status, json={"id": self.count, "token": "tok-that-came-in-an-answer"})


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def runner(shop: Shop, tmp_path: Path) -> Callable[..., Runner]:
    document = write_shop(tmp_path, UPLOAD, GET_ORDER, servers=(SERVER,))

    def make(**more: Any) -> Runner:
        return Runner(document, **{"client": shop.client(), "engine": paths(tmp_path), **more})

    return make


def test_a_run_goes_on_by_itself_and_is_waited_for(runner: Callable[..., Runner]) -> None:
    heard: list[Event] = []
    handle = runner(listeners=[heard.append]).start("buy", {"name": "x"})
    result = handle.wait(30)
    assert result.raise_for_failure().outputs["get_order"] == {"id": 2, "token": "tok-that-came-in-an-answer"}
    assert handle.status == "succeeded"
    assert handle.summary.is_over
    told = list(handle.events())
    assert told == heard
    assert isinstance(told[0], RunStarted)
    assert isinstance(told[-1], RunFinished)
    assert "tok-that-came" not in repr(told)


def test_events_come_while_it_runs(runner: Callable[..., Runner], shop: Shop) -> None:
    shop.let.clear()
    handle = runner().start("buy", {"name": "x"})
    assert handle.status == "running"
    with pytest.raises(TimeoutError, match=f"the run {handle.id} is still running"):
        handle.wait(0.01)
    coming = handle.events()
    assert isinstance(next(coming), RunStarted)
    shop.let.set()
    finished = [event.attempt.step_id for event in coming if isinstance(event, AttemptFinished)]
    assert finished == ["upload", "get"]


def test_another_process_sees_the_same(runner: Callable[..., Runner], tmp_path: Path) -> None:
    handle = runner().start("buy", {"name": "x"})
    handle.wait(30)
    code = (
        "import sys; from arazzo_runner import JournalEngine\n"
        "engine = JournalEngine(sys.argv[1], key=sys.argv[2])\n"
        "handle = engine.handle(sys.argv[3])\n"
        "print(handle.status, len(list(handle.events())), handle.wait().outputs['get_order']['token'])\n"
        "print([run.id for run in engine.runs()])\n"
    )
    words = [str(tmp_path / "journal.db"), str(tmp_path / "journal.key"), handle.id]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        f"succeeded {len(list(handle.events()))} {MASK}", f"['{handle.id}']",
    ], done.stderr  # fmt: skip


def test_a_run_is_cancelled(runner: Callable[..., Runner], shop: Shop) -> None:
    shop.let.clear()
    handle = runner().start("buy", {"name": "x"})
    assert shop.asked.wait(30)
    handle.cancel()
    shop.let.set()
    result = handle.wait(30)
    # It ends before its next request: that it was cancelled is looked for twice a second.
    assert result.status == "failed" or shop.count == 2
    if result.reason is not None:
        assert result.reason.code == "cancelled"
        assert handle.status == "cancelled"
    with pytest.raises(JournalError, match="has ended"):
        handle.cancel()


def test_a_repeated_start_of_one_id_is_one_run(runner: Callable[..., Runner], shop: Shop) -> None:
    one = runner().start("buy", {"name": "x"}, run_id="order-17")
    assert one.id == "order-17"
    one.wait(30)
    other = runner().start("buy", {"name": "x"}, run_id="order-17")
    assert other.wait(30).succeeded
    assert shop.count == 2
    assert [run.id for run in runner().runs()] == ["order-17"]
    with pytest.raises(UsageError, match="is not an id for a run"):
        runner().start("buy", {"name": "x"}, run_id="a/b")


def test_wrong_inputs_keep_nothing(runner: Callable[..., Runner]) -> None:
    made = runner()
    with pytest.raises(InvalidInputs):
        made.start("buy", {"name": 7})
    assert made.runs() == []


def test_runs_are_listed_and_filtered(runner: Callable[..., Runner]) -> None:
    made = runner()
    ids = [made.start("buy", {"name": "x"}, run_id=f"r{number}").id for number in range(2)]
    for run_id in ids:
        made.handle(run_id).wait(30)
    assert [run.id for run in made.runs()] == ["r1", "r0"]
    assert [run.id for run in made.runs(status=["succeeded"], workflow_id="buy")] == ["r1", "r0"]
    assert made.runs(status=["failed"]) == made.runs(workflow_id="sell") == []
    with pytest.raises(JournalError, match="has no run 'r7'"):
        made.handle("r7")


CRASH = """
import os, sys, httpx
from arazzo_runner import JournalEngine, Runner
def answer(request):
    if request.method == sys.argv[4]:
        os._exit(9)
    return httpx.Response(201 if request.method == "POST" else 200, json={"id": 1})
client = httpx.Client(transport=httpx.MockTransport(answer))
engine = JournalEngine(sys.argv[1], key=sys.argv[2])
inputs = {"name": "x", "token": "tok-of-the-caller"}
Runner(sys.argv[3], client=client, engine=engine).start("buy", inputs, run_id="r").wait()
"""


def crash(tmp_path: Path, method: str) -> str:
    """Let a process die while it sends its first request of a method; return the document."""
    document = write_shop(tmp_path, UPLOAD, GET_ORDER, servers=(SERVER,))
    text = Path(document).read_text("utf-8")
    Path(document).write_text(
        text.replace('{"name": {"type"', '{"token": {"type": "string"}, "name": {"type"'), "utf-8"
    )
    words = [str(tmp_path / "journal.db"), str(tmp_path / "journal.key"), document, method]
    done = subprocess.run([sys.executable, "-c", CRASH, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 9, done.stderr
    return document


def test_a_run_of_a_process_that_died_is_resumed_where_it_was(
    runner: Callable[..., Runner], shop: Shop, tmp_path: Path
) -> None:
    crash(tmp_path, "GET")
    made = runner()
    [run] = made.runs()
    assert (run.status, run.step_id) == ("stopped", "get")
    with pytest.raises(JournalError, match="no process drives the run r"):
        made.handle("r").wait()
    with pytest.raises(UsageError, match="needs the input token again, which came from the caller") as missing:
        made.resume("r")
    assert missing.value.hint == "resume('r', inputs={'token': …})"
    with pytest.raises(UsageError, match="a started run keeps its inputs, name too"):
        made.resume("r", inputs={"name": "y"})
    with pytest.raises(UsageError, match="must not go anywhere else"):
        runner(client=None).resume("r", inputs={"token": "t-o-k-e-n"})
    with pytest.raises(UsageError, match="does not wait for an answer"):
        made.resume("r", inputs={"token": "t-o-k-e-n"}, resend=True)
    result = made.resume("r", inputs={"token": "t-o-k-e-n"}).wait(30)
    assert result.raise_for_failure().outputs["get_order"]["id"] == 1  # the first request of this process
    assert shop.count == 1
    with pytest.raises(JournalError, match="has ended: succeeded"):
        made.resume("r", inputs={"token": "t-o-k-e-n"})


def test_a_request_whose_answer_is_not_known_is_decided_about(
    runner: Callable[..., Runner], shop: Shop, tmp_path: Path
) -> None:
    crash(tmp_path, "POST")
    made, secret = runner(), {"token": "t-o-k-e-n"}
    stopped = made.resume("r", inputs=secret).wait(30)
    assert stopped.reason is not None
    assert stopped.reason.code == "ambiguous-request"
    assert [run.id for run in made.runs(status=["ambiguous-request"])] == ["r"]
    with pytest.raises(UsageError, match="exclude one another"):
        made.resume("r", inputs=secret, resend=True, skip=Response(201))
    skipped = Response(201, (("content-type", "application/json"),), json.dumps({"id": "by hand"}).encode())
    result = made.resume("r", inputs=secret, skip=skipped).wait(30)
    assert result.raise_for_failure().outputs["upload_got"] == {"id": "by hand"}
    assert shop.count == 1


def test_a_run_that_is_driven_is_not_taken(runner: Callable[..., Runner], shop: Shop) -> None:
    shop.let.clear()
    made = runner()
    handle = made.start("buy", {"name": "x"})
    with pytest.raises(RunHeld, match="is driven by"):
        made.resume(handle.id)
    shop.let.set()
    handle.wait(30)


def test_it_is_waited_for_and_followed_asynchronously(runner: Callable[..., Runner], shop: Shop) -> None:
    shop.let.clear()
    handle = runner().start("buy", {"name": "x"})

    async def test() -> tuple[Any, list[Event]]:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await handle.await_result()
        shop.let.set()
        told = [event async for event in handle.aevents()]
        return await handle.await_result(), told

    result, told = asyncio.run(test())
    assert result.succeeded
    assert told == list(handle.events())


def test_a_process_that_ends_stops_its_runs_between_two_effects(tmp_path: Path) -> None:
    document = write_shop(tmp_path, UPLOAD, GET_ORDER, servers=(SERVER,))
    code = (
        "import sys, threading, time, httpx; from arazzo_runner import JournalEngine, Runner\n"
        "asked = threading.Event()\n"
        "def answer(request):\n"
        "    asked.set(); time.sleep(0.3); return httpx.Response(201, json={})\n"
        "engine = JournalEngine(sys.argv[1], key=sys.argv[2])\n"
        "client = httpx.Client(transport=httpx.MockTransport(answer))\n"
        "Runner(sys.argv[3], client=client, engine=engine).start('buy', {'name': 'x'}, run_id='r'); asked.wait()\n"
    )
    words = [str(tmp_path / "journal.db"), str(tmp_path / "journal.key"), document]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    [run] = paths(tmp_path).runs()
    assert (run.status, run.reason, run.step_id) == ("stopped", "interrupted", "get")


def test_the_command_line_lists_what_python_started(runner: Callable[..., Runner], tmp_path: Path) -> None:
    runner().start("buy", {"name": "x"}, run_id="from-python").wait(30)
    words = ["--journal", str(tmp_path / "journal.db"), "--journal-key", str(tmp_path / "journal.key"), "--json"]
    command = [sys.executable, "-m", "arazzo_runner", "runs", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    [entry] = json.loads(done.stdout)
    assert (entry["runId"], entry["status"], entry["requests"]) == ("from-python", "succeeded", 2)


def test_an_application_answers_a_durable_run_and_a_batch(tmp_path: Path) -> None:
    lifespans: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                kind = (await receive())["type"]
                lifespans.append(kind)
                await send({"type": f"{kind}.complete"})
                if kind == "lifespan.shutdown":
                    return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"id": 5}'})

    runner = Runner(write_shop(tmp_path, GET_ORDER), app=app, engine=paths(tmp_path))
    handle = runner.start("buy", {"name": "x"})
    assert handle.wait(30).raise_for_failure().outputs["get_order"] == {"id": 5}
    assert lifespans == ["lifespan.startup", "lifespan.shutdown"]
    lifespans.clear()
    assert all(row.succeeded for row in runner.run_each([{"name": "x"}] * 5, durable=True))
    assert lifespans == ["lifespan.startup", "lifespan.shutdown"]


def test_what_stands_for_a_run_shows_no_input(runner: Callable[..., Runner]) -> None:
    made = runner()
    secret = "tok-of-the-caller-7"
    order = made._order("buy", {"name": secret})
    [row] = made.run_each([{"name": secret}])
    handle = made.start("buy", {"name": secret})
    result = handle.wait(30)
    assert secret not in repr((order, row, handle, handle.summary, result))


def test_starts_of_one_id_at_once_are_one_run(runner: Callable[..., Runner], shop: Shop) -> None:
    made = runner()
    made.start("buy", {"name": "x"}, run_id="before").wait(30)
    barrier = threading.Barrier(6)
    handles: list[Any] = []

    def start() -> None:
        barrier.wait()
        handles.append(made.start("buy", {"name": "x"}, run_id="same"))

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [handle.id for handle in handles] == ["same"] * 6
    assert all(handle.wait(30).succeeded for handle in handles)
    assert shop.count == 4
    assert [run.id for run in made.runs()] == ["same", "before"]


def test_a_run_whose_requests_a_client_carried_is_not_run_from_the_middle_without_it(
    runner: Callable[..., Runner], shop: Shop, tmp_path: Path
) -> None:
    made = runner()
    handle = made.start("buy", {"name": "x"})
    handle.wait(30)
    before = shop.count
    with pytest.raises(UsageError, match="carried by a client of its process, and must not go anywhere else"):
        paths(tmp_path).branch(handle.id, 2, GivenSecrets({}, made.options.credentials))
    assert shop.count == before
    assert len(made.runs()) == 1


def test_a_run_that_is_started_held_sends_nothing(runner: Callable[..., Runner], shop: Shop) -> None:
    made = runner()
    order = made._order("buy", {"name": "x"}, run_id="held")
    handle = made.engine.start(replace(order, paused=True))
    assert isinstance(handle, JournalHandle)
    assert handle.brake is not None
    assert handle.brake.is_pulled
    assert shop.count == 0
    handle.brake.go_on()
    assert handle.wait(30).succeeded
    assert handle.brake is None
