"""``arazzo debug`` of runs over messages: with a broker, of a cassette, and of a durable run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Arazzo
from tests.servers.brokers import Nats, needs, running
from tests.support.asking import Asked

pytestmark = [pytest.mark.usefixtures("journal"), pytest.mark.network, needs(Nats)]

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


def script(directory: Path, *commands: str) -> list[str]:
    file = directory / "commands.txt"
    file.write_text("\n".join(commands), "utf-8")
    return ["--commands", str(file)]


def test_a_run_is_stepped_through_and_gone_back_over(asked: Asked, arazzo: Arazzo, tmp_path: Path) -> None:
    words = [str(asked.write(tmp_path, correlated=False)), "-i", "order=o-1"]
    result = arazzo("debug", *words, *script(tmp_path, "next", "next", "where", "continue", "back 3", "continue!"))
    assert "ask, before subscribing to " in result.out
    assert f"ask, before sending to {asked.addresses['ask']}" in result.out
    assert f"take1, waiting for a message at {asked.addresses['answer']}" in result.out
    assert result.out.count('"part2": "2"') == 2
    assert result.status == 0, result.out
    asked.catch_up()
    # Going back sent nothing; what was performed again was sent again, as was said.
    assert (asked.asked, asked.told) == ([{"order": "o-1"}], [WHOLE, WHOLE])


def test_a_message_is_answered_by_hand(asked: Asked, arazzo: Arazzo, tmp_path: Path) -> None:
    message = tmp_path / "message.json"
    message.write_text(json.dumps({"part": "by hand"}), "utf-8")
    words = [str(asked.write(tmp_path, correlated=False)), "-i", "order=o-1", "--break", "take1"]
    result = arazzo("debug", *words, *script(tmp_path, f"answer @{message}", "continue"))
    assert '"part1": "by hand"' in result.out
    assert '"part2": "1"' in result.out


def test_a_cassette_of_messages_is_gone_through(asked: Asked, arazzo: Arazzo, tmp_path: Path) -> None:
    words = [str(asked.write(tmp_path, correlated=False)), "-i", "order=o-1"]
    assert arazzo("run", *words, "--record", str(tmp_path / "cassette.yaml")).status == 0
    asked.catch_up()
    commands = script(tmp_path, "continue", "back 2", "print $steps.take1.outputs.part", "continue")
    result = arazzo("debug", *words, "--replay", str(tmp_path / "cassette.yaml"), *commands)
    assert result.status == 0, result.out
    assert result.out.count('"part2": "2"') == 2
    asked.catch_up()
    assert (asked.asked, asked.told) == ([{"order": "o-1"}], [WHOLE])


def test_a_durable_run_is_looked_at(asked: Asked, arazzo: Arazzo, tmp_path: Path) -> None:
    words = [str(asked.write(tmp_path, correlated=False)), "-i", "order=o-1"]
    assert arazzo("run", *words, "--durable").status == 0
    (run,) = json.loads(arazzo("runs", "--json").out)
    commands = script(tmp_path, "back 2", "where", "forward", "step", "print $message.payload#/part")
    result = arazzo("debug", "--run", run["runId"], *commands)
    assert result.status == 0, result.out
    assert "the run has ended: succeeded" in result.out
    assert "take2, waiting for a message at" in result.out
    assert '"2"' in result.out
    asked.catch_up()
    assert (asked.asked, asked.told) == ([{"order": "o-1"}], [WHOLE])
