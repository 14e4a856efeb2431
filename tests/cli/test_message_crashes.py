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
from contextlib import nullcontext
from pathlib import Path

import pytest

from arazzo_runner import JournalEngine, Runner
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
    running_when_asked,
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


EVERY_WRITE = ("Mosquitto", "Nats", "a queue of RabbitMQ")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[type[BrokerServer]], BrokerServer]]:
    """Brokers, each started when it is first asked for."""
    with running_when_asked(tmp_path_factory) as of:
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


def continued(arazzo: Arazzo, asked: Asked, run_id: str) -> tuple[Result, set[str]]:
    """Resume a run, and decide what it asks for, as a person does who looks at the application."""
    decided: list[str] = []
    result = arazzo("resume", run_id)
    while result.status and "--accept-missed" not in decided:
        if "ambiguous-request" in result.err:
            assert not decided
            asked.catch_up()
            arrived = {"ask": asked.asked, "tell": asked.told}[str(step_of(arazzo))]
            decided += ["--skip", "200"] if arrived else ["--resend"]
        elif "messages-missed" in result.err:
            decided.append("--accept-missed")
            assert " ".join(("arazzo resume", run_id, *decided)) in result.err
        else:
            break
        with asked.answering_again_and_again() if "--accept-missed" in decided else nullcontext():
            result = arazzo("resume", run_id, *decided)
    return result, set(decided) - {"200"}


def step_of(arazzo: Arazzo) -> object:
    run = the_run(arazzo)
    return None if run is None else run["stepId"]


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
            shown = arazzo("runs", "show", str(run["runId"]))
            assert f"arazzo resume {run['runId']} --accept-missed" in shown.out
            with asked.answering_again_and_again():
                second = arazzo("resume", str(run["runId"]), "--accept-missed")
            assert (second.status, json.loads(second.out)) == (0, WHOLE), second.err
        asked.catch_up()
        assert (asked.asked, asked.told) == ([{"order": "o-1"}], [WHOLE])


SENT, TAKEN = 5, 6
"""The writes of the journal that record that the broker has the question, and that the first part was taken."""


@pytest.mark.parametrize("asked", KINDS, indirect=True)
def test_a_run_killed_when_it_has_sent_or_taken_and_could_not_record_it(
    asked: Asked, arazzo: Arazzo, tmp_path: Path
) -> None:
    missed = set() if keeps(asked) else {"--accept-missed"}
    for number, step, expected in ((SENT, "ask", {"--skip"} | missed), (TAKEN, "take1", missed)):
        asked.renew()
        forget_runs()
        with asked.listening():
            assert crashed("before", number, words_of(asked, tmp_path)) == -signal.SIGKILL
            asked.catch_up()
            assert (step_of(arazzo), asked.asked) == (step, [{"order": "o-1"}])
            assert ends_well(arazzo, asked) == expected


@pytest.mark.parametrize("asked", [kind for kind in KINDS if kind.id in EVERY_WRITE], indirect=True)
def test_a_run_killed_at_any_write_of_its_journal(asked: Asked, arazzo: Arazzo, tmp_path: Path) -> None:
    decisions: set[str] = set()
    for number in range(1, 60):
        for when in ("before", "after"):
            asked.renew()
            forget_runs()
            with asked.listening():
                if crashed(when, number, words_of(asked, tmp_path)) == 0:
                    assert number > TAKEN
                    assert decisions == {"--skip", "--resend"} | (set() if keeps(asked) else {"--accept-missed"})
                    return
                if the_run(arazzo) is not None:
                    decisions |= ends_well(arazzo, asked)
                asked.catch_up()
                assert len(asked.asked) == (the_run(arazzo) is not None)
    pytest.fail("the run never came to its end")


def ends_well(arazzo: Arazzo, asked: Asked) -> set[str]:
    """Continue the run, unless it has ended: all was sent and taken once. Return the words that it took."""
    run = the_run(arazzo)
    assert run is not None
    decided: set[str] = set()
    if run["status"] == "stopped":
        result, decided = continued(arazzo, asked, str(run["runId"]))
        assert (result.status, json.loads(result.out)) == (0, WHOLE), (run, decided, result.err)
    asked.catch_up()
    assert (asked.asked, asked.told) == ([{"order": "o-1"}], [WHOLE])
    return decided


def crashed(when: str, number: int, words: Sequence[str]) -> int:
    """Run in another process that kills itself there; its exit status."""
    command = [sys.executable, "-m", "tests.support.crashing", when, str(number), "run", *words, "--durable"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=BOUND)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


@pytest.mark.parametrize("asked", [kind for kind in KINDS if kind.id == "Nats"], indirect=True)
def test_a_run_that_missed_messages_is_resumed_from_python(asked: Asked, arazzo: Arazzo, tmp_path: Path) -> None:
    words = words_of(asked, tmp_path)
    with asked.listening():
        assert crashed("before", TAKEN, words) == -signal.SIGKILL
        run = the_run(arazzo)
        assert run is not None
        journal = JournalEngine(os.environ["ARAZZO_JOURNAL"], key=os.environ["ARAZZO_JOURNAL_KEY"])
        runner = Runner(words[0], engine=journal)
        stopped = runner.resume(str(run["runId"])).wait(BOUND)
        assert stopped.reason is not None
        assert stopped.reason.code == "messages-missed"
        with asked.answering_again_and_again():
            result = runner.resume(str(run["runId"]), accept_missed=True).wait(BOUND)
        assert (result.reason, result.outputs) == (None, WHOLE)
        asked.catch_up()
        assert (asked.asked, asked.told) == ([{"order": "o-1"}], [WHOLE])


@pytest.mark.parametrize("asked", [kind for kind in KINDS if kind.id == "Nats"], indirect=True)
@pytest.mark.parametrize("how", ["cancel", "interrupt"])
def test_a_run_is_ended_in_the_middle_of_its_wait(how: str, asked: Asked, arazzo: Arazzo, tmp_path: Path) -> None:
    asked.answers = False
    path = asked.write(tmp_path, correlated=True, timeout=3_600_000)
    command = [sys.executable, "-m", "arazzo_runner", "run", str(path), "-i", "order=o-1", "--durable"]
    with asked.listening():
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: asked.asked and step_of(arazzo) == "take1", process)
        run = the_run(arazzo)
        assert run is not None
        if how == "cancel":
            assert arazzo("cancel", str(run["runId"])).status == 0
        else:
            process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=BOUND)
    assert (process.returncode, "Traceback" in err) == (1 if how == "cancel" else 130, False)
    assert "the run was cancelled" in err if how == "cancel" else f"arazzo resume {run['runId']}" in err
