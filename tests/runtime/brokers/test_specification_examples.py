"""The specification's own examples of steps over messages, against a service: pet purchase; place and confirm order.

They are read from the specification; of the first, whose source is written ``petStoreDescription`` and
``petstoreDescription``, one spelling is taken.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import yaml

from arazzo_runner import Runner, load
from arazzo_runner.effects import Failed, Match, Message, Receive, Received
from tests.servers.brokers import BrokerServer, Mosquitto5, Nats, RabbitMQ, Tansu, needs
from tests.support.http_server import serving
from tests.support.messages import party
from tests.support.repository import SHARED

SPECIFICATION = SHARED / "spec" / "arazzo-1.1.0.md"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SPECIFICATION.exists(), reason="the specification is not here"),
]
KINDS = [pytest.param(kind, id=kind.__name__, marks=needs(kind)) for kind in (Nats, RabbitMQ, Mosquitto5, Tansu)]
PLACED, CONFIRMED = "orders.place", "orders.confirm"


def blocks(heading: str) -> list[str]:
    """The YAML blocks of the specification behind a text."""
    text = SPECIFICATION.read_text("utf-8")
    return re.findall(r"```yaml\n(.*?)```", text[text.index(heading) :], re.DOTALL)


def asyncapi(server: BrokerServer, header: str) -> dict[str, Any]:
    """A description of the service, whose correlation id is in a header."""
    exchange = {"exchange": {"name": "orders", "type": "topic"}}
    bindings = {"amqp": {"is": "routingKey", **exchange}} if server.protocol == "amqp" else {}
    message = {
        "correlationId": {"location": f"$message.header#/{header}"},
        "headers": {"type": "object", "required": [header], "properties": {header: {"type": "string"}}},
        "payload": {"type": "object"},
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "orders", "version": "1"},
        "servers": {
            "own": {
                "host": f"127.0.0.1:{server.port}",
                "protocol": server.protocol,
                **({"protocolVersion": server.version} if server.version else {}),
            }
        },
        "channels": {
            name: {"address": address, "messages": {"order": message}, "bindings": bindings}
            for name, address in (("place-order", PLACED), ("confirm-order", CONFIRMED))
        },
        "operations": {
            "placeOrder": {"action": "receive", "channel": {"$ref": "#/channels/place-order"}},
            "confirmOrder": {"action": "send", "channel": {"$ref": "#/channels/confirm-order"}},
        },
    }


@contextmanager
def confirming(server: BrokerServer, header: str) -> Iterator[None]:
    """A service that confirms each order that is placed, another one's before."""
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with party(server) as service:
            await service.subscribe(PLACED)
            ready.set()
            while not over.is_set():
                answer = await service.mailroom.perform(Receive(PLACED, Match(), 0.1))
                if isinstance(answer, Failed):
                    continue
                assert isinstance(answer, Received)
                order = json.loads(answer.message.payload)
                for of in ("another", answer.message.header(header) or ""):
                    confirmed = json.dumps({"orderId": f"{of}: {json.dumps(order, sort_keys=True)}"}).encode()
                    await service.publish(Message(confirmed, ((header, of),), CONFIRMED, "application/json"))

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(60)
        yield
    finally:
        over.set()
        thread.join()


class PetStore(BaseHTTPRequestHandler):
    """Users log in and find pets."""

    def do_GET(self) -> None:
        body: Any = "session-17" if self.path.startswith("/user/login") else [{"id": 7, "name": "Rex"}]
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def petstore(url: str) -> dict[str, Any]:
    """The two operations of the pet store that the example uses."""

    def parameters(*names: str) -> list[dict[str, Any]]:
        return [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]

    answers = {"200": {"description": "there"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "pets", "version": "1"},
        "servers": [{"url": url}],
        "paths": {
            "/user/login": {
                "get": {
                    "operationId": "loginUser",
                    "parameters": parameters("username", "password"),
                    "responses": answers,
                }
            },
            "/pet/findByStatus": {
                "get": {"operationId": "findPets", "parameters": parameters("status"), "responses": answers}
            },
        },
    }


@pytest.mark.parametrize("server", KINDS, indirect=True)
def test_a_pet_is_purchased(server: BrokerServer, tmp_path: Path) -> None:
    (example, *_) = blocks("##### Arazzo Specification Object Example")
    document = tmp_path / "pets.arazzo.yaml"
    document.write_text(example.replace("$sourceDescriptions.petstore", "$sourceDescriptions.petStore"), "utf-8")
    with serving(PetStore) as url, confirming(server, "orderCorrelationId"):
        (tmp_path / "petstore.json").write_text(json.dumps(petstore(url)), "utf-8")
        (tmp_path / "orders.json").write_text(json.dumps(asyncapi(server, "orderCorrelationId")), "utf-8")
        sources = {
            "petStoreDescription": str(tmp_path / "petstore.json"),
            "asyncOrderApiDescription": str(tmp_path / "orders.json"),
        }
        inputs = {"username": "ada", "password": "b7-correct", "orderCorrelationId": "mine"}
        result = Runner(load(document, sources=sources), check="error").run("loginUserAndRetrievePet", inputs)
    assert result.reason is None
    assert result.outputs == {"orderId": 'mine: {"petId": 7}'}


@pytest.mark.parametrize("server", KINDS, indirect=True)
def test_an_order_is_placed_and_confirmed(server: BrokerServer, tmp_path: Path) -> None:
    (steps, *_) = blocks("An async step example:")
    document = {
        "arazzo": "1.1.0",
        "info": {"title": "orders", "version": "1"},
        "sourceDescriptions": [{"name": "asyncOrderApi", "url": "orders.json", "type": "asyncapi"}],
        "workflows": [
            {
                "workflowId": "order",
                "steps": yaml.safe_load(steps),
                "outputs": {"orderId": "$steps.confirmOrder.outputs.orderId"},
            }
        ],
    }
    (tmp_path / "order.arazzo.json").write_text(json.dumps(document), "utf-8")
    with confirming(server, "requestId"):
        (tmp_path / "orders.json").write_text(json.dumps(asyncapi(server, "requestId")), "utf-8")
        inputs = {"correlationId": "mine", "productDetails": {"productId": "p-1", "quantity": 2}}
        result = Runner(tmp_path / "order.arazzo.json", check="error").run("order", inputs)
    assert result.reason is None
    assert result.outputs == {"orderId": 'mine: {"productId": "p-1", "quantity": 2}'}
