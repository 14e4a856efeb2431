"""Applications of FastStream, driven over the AsyncAPI documents that they generate: nobody here wrote those."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from arazzo_runner import Runner
from tests.servers.brokers import REQUIRED, BrokerServer, Mosquitto5, Nats, RabbitMQ, Tansu, needs
from tests.support.repository import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("faststream") is None and not REQUIRED, reason="faststream is not installed"
    ),
]
APPLICATION = "tests.servers.faststream_orders:app"
KINDS = [pytest.param(kind, id=kind.__name__, marks=needs(kind)) for kind in (Nats, Tansu, RabbitMQ, Mosquitto5)]


def faststream(server: BrokerServer, *words: str) -> list[str]:
    """A command of FastStream's."""
    return [sys.executable, "-m", "faststream", *words]


def environment(server: BrokerServer) -> dict[str, str]:
    """The environment of the application."""
    return {**os.environ, "PROTOCOL": server.protocol, "BROKER_URL": server.url, "PYTHONPATH": str(ROOT)}


@contextmanager
def served(server: BrokerServer, directory: Path) -> Iterator[None]:
    """Run the application, and wait until it listens."""
    log = directory / "application.log"
    with log.open("wb") as stream:
        command = faststream(server, "run", APPLICATION)
        process = subprocess.Popen(command, stdout=stream, stderr=stream, cwd=directory, env=environment(server))
    try:
        while "started successfully" not in log.read_text("utf-8", "replace"):
            assert process.poll() is None, log.read_text("utf-8", "replace")
        yield
    finally:
        process.kill()
        process.wait()


def described(server: BrokerServer, directory: Path) -> dict[str, Any]:
    """The document that the application generates."""
    path = directory / "asyncapi.json"
    command = faststream(server, "docs", "gen", APPLICATION, "--out", str(path))
    done = subprocess.run(command, cwd=directory, env=environment(server), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document


@pytest.mark.parametrize("server", KINDS, indirect=True)
def test_an_order_is_placed_and_its_shipment_awaited(server: BrokerServer, tmp_path: Path) -> None:
    document = described(server, tmp_path)
    (placed,) = (name for name, one in document["operations"].items() if one["action"] == "receive")
    (shipped,) = (name for name, one in document["operations"].items() if one["action"] == "send")
    send = {
        "stepId": "place",
        "operationId": f"$sourceDescriptions.shop.{placed}",
        "action": "send",
        "parameters": [{"name": "correlation_id", "in": "header", "value": "$inputs.id"}],
        "requestBody": {"payload": {"id": "$inputs.id", "item": "$inputs.item"}},
    }
    receive = {
        "stepId": "await",
        "operationId": f"$sourceDescriptions.shop.{shipped}",
        "action": "receive",
        "correlationId": "$inputs.id",
        "timeout": 60000,
        "successCriteria": [{"condition": "$message.payload#/id == $inputs.id"}],
        "outputs": {"parcel": "$message.payload#/parcel"},
    }
    workflow = {
        "arazzo": "1.1.0",
        "info": {"title": "orders", "version": "1"},
        "sourceDescriptions": [{"name": "shop", "url": "asyncapi.json", "type": "asyncapi"}],
        "workflows": [
            {
                "workflowId": "order",
                "steps": [send, receive],
                "outputs": {"parcel": "$steps.await.outputs.parcel"},
            }
        ],
    }
    (tmp_path / "orders.arazzo.json").write_text(json.dumps(workflow), "utf-8")
    with served(server, tmp_path):
        runner = Runner(tmp_path / "orders.arazzo.json", check="error")
        for item in ("tea", "coffee"):
            result = runner.run("order", {"id": f"order of {item}", "item": item})
            assert result.reason is None
            assert result.outputs == {"parcel": f"parcel of {item}"}
