"""``arazzo listen``: what arrives on a channel, printed and checked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from arazzo_runner.effects import Broker, Message, Publish, Published
from arazzo_runner.runtime.brokers.mailroom import open_mailroom
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.http.portal import Portal
from tests.conftest import Arazzo
from tests.servers.brokers import BrokerServer, Nats, needs, running

pytestmark = needs(Nats)
SECRET = "k-0123456789abcdef"

DESCRIPTION = """\
asyncapi: 3.0.0
info: {title: Orders, version: "1"}
defaultContentType: application/json
servers: {own: {host: "127.0.0.1:PORT", protocol: nats}}
channels:
  shipped:
    address: orders.{id}.shipped
    parameters: {id: {description: of the order}}
    messages:
      shipped:
        payload:
          type: object
          required: [parcel]
          properties: {parcel: {type: string}, token: {type: string}}
operations:
  tellShipment: {action: send, channel: {$ref: '#/channels/shipped'}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerServer]:
    with running(Nats, tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture
def description(server: BrokerServer, tmp_path: Path) -> Path:
    path = tmp_path / "orders.asyncapi.yaml"
    path.write_text(DESCRIPTION.replace("PORT", str(server.port)), "utf-8")
    return path


def heard(description: Path, *words: str, messages: list[tuple[str, object]]) -> subprocess.CompletedProcess[str]:
    """Listen in a process of its own, and publish once it does."""
    command = [sys.executable, "-m", "arazzo_runner", "listen", str(description), *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    assert process.stderr is not None
    first = process.stderr.readline()
    assert first.startswith("listening at orders."), first + process.stderr.read()
    url = next(line for line in description.read_text("utf-8").splitlines() if "127.0.0.1" in line).split('"')[1]
    broker = Broker("events", f"nats://{url}", "nats")

    async def publish() -> None:
        async with open_mailroom(TransportOptions()) as mailroom:
            for address, data in messages:
                message = Message(json.dumps(data).encode(), (("apiKey", SECRET),), address, "application/json")
                assert isinstance(await mailroom.perform(Publish(broker, message)), Published)

    with Portal() as portal:
        portal.call(publish())
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def test_messages_are_printed_and_checked(description: Path) -> None:
    messages = [("orders.1.shipped", {"parcel": "P-1", "token": SECRET}), ("orders.2.shipped", {"parcel": 2})]
    done = heard(description, "shipped", "-n", "2", messages=messages)
    assert done.returncode == 1
    assert "orders.1.shipped" in done.stdout
    assert '"parcel": "P-1"' in done.stdout
    assert "! payload /parcel:" in done.stderr
    assert 'is not of type "string"' in done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_json_and_an_operation(description: Path) -> None:
    done = heard(
        description, "tellShipment", "-n", "1", "--json", "-p", "id=7",
        messages=[("orders.6.shipped", {"parcel": "no"}), ("orders.7.shipped", {"parcel": "P-7"})],
    )  # fmt: skip
    assert done.returncode == 0
    (entry,) = map(json.loads, done.stdout.splitlines())
    assert entry["address"] == "orders.7.shipped"
    assert entry["payload"] == {"parcel": "P-7"}
    assert entry["headers"]["apiKey"] == "[redacted]"
    assert entry["problems"] == []


def test_time_is_up(arazzo: Arazzo, description: Path) -> None:
    done = arazzo("listen", str(description), "shipped", "--for", "0.1")
    assert (done.status, done.out) == (0, "")
    assert "listening at orders.{id}.shipped (nats://127.0.0.1:" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["shiped"], "has no channel or operation 'shiped'"),
        (["shipped", "-p", "di=7"], "the address orders.{id}.shipped has no parameter 'di'"),
        (["shipped", "-p", "id"], "-p id: expected NAME=VALUE"),
        (["shipped", "--server", "orders=elsewhere"], "has no server 'elsewhere'"),
        (["shipped", "--server", "sqs://127.0.0.1"], "sqs"),
    ],
)
def test_what_cannot_be_listened_to(arazzo: Arazzo, description: Path, words: list[str], said: str) -> None:
    done = arazzo("listen", str(description), *words)
    assert done.status == 2
    assert said in done.err


def test_a_broker_that_is_away(arazzo: Arazzo, description: Path) -> None:
    done = arazzo("listen", str(description), "shipped", "--server", "nats://127.0.0.1:9")
    assert done.status == 1
    assert "transport: 127.0.0.1 refused the connection on port 9" in done.err


def test_a_description_that_is_none(arazzo: Arazzo, tmp_path: Path) -> None:
    path = tmp_path / "api.yaml"
    path.write_text("openapi: 3.1.0\ninfo: {title: a, version: '1'}\npaths: {}\n", "utf-8")
    done = arazzo("listen", str(path), "shipped")
    assert done.status == 2
    assert "AsyncAPI" in done.err
    assert arazzo("listen", str(tmp_path / "none.yaml"), "shipped").status == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order(description: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "arazzo_runner", "listen", str(description), "shipped"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    assert process.stderr is not None
    assert process.stderr.readline().startswith("listening at ")
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err.strip()) == (0, "")
