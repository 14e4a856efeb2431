"""A durable run over messages whose process is killed: nothing is sent or taken twice, and none is missed in silence.

(M20)
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import Arazzo, Result
from tests.servers.brokers import (
    BrokerServer,
    Mosquitto,
    Mosquitto5,
    Nats,
    RabbitMQ,
    RedisServer,
    Tansu,
    needs,
    running,
)
from tests.support.asking import Asked
from tests.support.repository import ROOT

pytestmark = [pytest.mark.usefixtures("journal"), pytest.mark.slow, pytest.mark.network]

BOUND = 60.0
"""Seconds to wait for anything."""
WHOLE = {"part1": "1", "part2": "2"}


OVER = (Mosquitto, Mosquitto5, Nats, Tansu, RabbitMQ, RedisServer)
KINDS = [
    *(pytest.param((kind, False), id=kind.__name__, marks=needs(kind)) for kind in OVER),
    pytest.param((RabbitMQ, True), id="a queue of RabbitMQ", marks=needs(RabbitMQ)),
]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[type[BrokerServer]], BrokerServer]]:
    """Brokers, each started when it is first asked for."""
    started: dict[type[BrokerServer], BrokerServer] = {}
    with ExitStack() as stack:

        def of(kind: type[BrokerServer]) -> BrokerServer:
            if kind not in started:
                started[kind] = stack.enter_context(running(kind, tmp_path_factory.mktemp(kind.__name__)))
            return started[kind]

        yield of


@pytest.fixture
def asked(request: pytest.FixtureRequest, servers: Callable[[type[BrokerServer]], BrokerServer]) -> Asked:
    """An application on a broker of each kind."""
    kind, queues = request.param
    return Asked(servers(kind), queues=queues)


def keeps(asked: Asked) -> bool:
    """Whether the broker keeps a run's place."""
    return asked.server.protocol in ("mqtt", "kafka") or asked.queues


def words_of(asked: Asked, directory: Path) -> list[str]:
    """The words of ``arazzo run``; where a broker keeps the place, the order of messages says what is taken."""
    path = asked.write(directory, correlated=not keeps(asked))
    return [str(path), "-i", "order=o-1", *(["--consume", "events"] if asked.queues else [])]


def forget_runs() -> None:
    """Begin with an empty journal."""
    for file in Path(os.environ["ARAZZO_JOURNAL"]).parent.glob("journal.db*"):
        file.unlink()


def the_run(arazzo: Arazzo) -> dict[str, object] | None:
    listed = arazzo("runs", "--json")
    runs = json.loads(listed.out) if listed.status == 0 else []
    return runs[0] if runs else None


def wait_for(what: Callable[[], object], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + BOUND
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)


def settled(asked: Asked, count: tuple[int, int]) -> None:
    """Wait until the application has got as many messages."""
    end = time.monotonic() + BOUND
    while (len(asked.asked), len(asked.told)) < count and time.monotonic() < end:
        time.sleep(0.02)


def continued(arazzo: Arazzo, asked: Asked, run_id: str) -> tuple[Result, list[str]]:
    """Resume a run, and decide what it asks for, as a person does who looks at the application."""
    decided: list[str] = []
    result = arazzo("resume", run_id)
    for _ in range(3):
        if result.status == 0 or "resume" not in result.err:
            return result, decided
        if "ambiguous-request" in result.err:
            # What was sent arrives, if it was sent: a message of our own comes after it on the same way.
            time.sleep(0.3)
            asking = "take" not in str(step_of(arazzo)) and str(step_of(arazzo)) == "ask"
            arrived = asked.asked if asking else asked.told
            decided += ["--skip", "200"] if arrived else ["--resend"]
        elif "messages-missed" in result.err:
            decided.append("--accept-missed")
        else:
            return result, decided
        if "--accept-missed" in decided:
            with asked.answering_again_and_again():
                result = arazzo("resume", run_id, *decided)
        else:
            result = arazzo("resume", run_id, *decided)
    return result, decided


def step_of(arazzo: Arazzo) -> object:
    run = the_run(arazzo)
    return None if run is None else run.get("stepId", run.get("step"))


@pytest.mark.parametrize("asked", KINDS, indirect=True)
def test_a_run_killed_while_it_waits(asked: Asked, arazzo: Arazzo, tmp_path: Path) -> None:
    words = words_of(asked, tmp_path)
    asked.answers = False
    with asked.listening():
        command = [sys.executable, "-m", "arazzo_runner", "run", *words, "--durable"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            wait_for(lambda: asked.asked and step_of(arazzo) == "take1", process)
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=BOUND)
        asked.answer()
        run = the_run(arazzo)
        assert run is not None
        first = arazzo("resume", str(run["runId"]))
        if keeps(asked):
            assert (first.status, json.loads(first.out)) == (0, WHOLE), first.err
        else:
            assert first.status == 1
            assert "messages-missed" in first.err
            assert f"arazzo resume {run['runId']} --accept-missed" in first.err
            assert "messages-missed" in arazzo("resume", str(run["runId"])).err
            with asked.answering_again_and_again():
                second = arazzo("resume", str(run["runId"]), "--accept-missed")
            assert (second.status, json.loads(second.out)) == (0, WHOLE), second.err
        settled(asked, (1, 1))
        assert asked.asked == [{"order": "o-1"}]
        assert asked.told == [WHOLE]


@pytest.mark.parametrize("asked", KINDS, indirect=True)
def test_a_run_killed_at_any_write_of_its_journal(asked: Asked, arazzo: Arazzo, tmp_path: Path) -> None:
    decisions: set[Sequence[str]] = set()
    for number in range(1, 60):
        for when in ("before", "after"):
            asked.renew()
            words = words_of(asked, tmp_path)
            forget_runs()
            with asked.listening():
                if crashed(when, number, words) == 0:
                    told = {word for decided in decisions for word in decided}
                    assert {"--skip", "--resend"} <= told
                    assert ("--accept-missed" in told) is not keeps(asked)
                    return
                where = f"killed {when} write {number}"
                run = the_run(arazzo)
                if run is None:
                    assert not asked.asked, where
                    continue
                if run["status"] == "stopped":
                    result, decided = continued(arazzo, asked, str(run["runId"]))
                    decisions.add(tuple(decided))
                    assert (result.status, json.loads(result.out)) == (0, WHOLE), (where, decided, result.err)
                settled(asked, (1, 1))
                assert asked.asked == [{"order": "o-1"}], where
                assert asked.told == [WHOLE], where
    pytest.fail("the run never came to its end")


def crashed(when: str, number: int, words: Sequence[str]) -> int:
    """Run in another process that kills itself there; its exit status."""
    command = [sys.executable, "-m", "tests.support.crashing", when, str(number), "run", *words, "--durable"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=BOUND)
    assert done.returncode in (0, -9), done.stderr
    return done.returncode
