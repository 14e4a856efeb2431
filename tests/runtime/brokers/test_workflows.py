"""Workflows over HTTP and messages, over each broker: an event that comes before its step, two runs at once, misses."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from arazzo_runner import Runner, RunOptions
from arazzo_runner.effects import Message
from arazzo_runner.runtime.http.portal import Portal
from tests.servers.brokers import BrokerServer
from tests.support.http_server import serving
from tests.support.messages import Party, a_topic, has_headers, party

pytestmark = pytest.mark.slow


def asyncapi(server: BrokerServer, address: str) -> dict[str, Any]:
    """A description of the channel on which the shop tells what it has shipped."""
    exchange = {"exchange": {"name": "orders", "type": "topic"}}
    place = "$message.header#/order" if has_headers(server) else "$message.payload#/order"
    message = {
        "name": "shipped",
        "correlationId": {"location": place},
        "payload": {
            "type": "object",
            "required": ["parcel"],
            "properties": {"parcel": {"type": "string"}, "order": {"type": "string"}},
        },
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "events", "version": "1"},
        "defaultContentType": "application/json",
        "servers": {
            "own": {
                "host": f"127.0.0.1:{server.port}",
                "protocol": server.protocol,
                **({"protocolVersion": server.version} if server.version else {}),
            }
        },
        "channels": {
            "shipped": {
                "address": address,
                "messages": {"shipped": message},
                "bindings": {"amqp": {"is": "routingKey", **exchange}} if server.protocol == "amqp" else {},
            }
        },
        "operations": {"tellShipment": {"action": "send", "channel": {"$ref": "#/channels/shipped"}}},
    }


def openapi(url: str) -> dict[str, Any]:
    """A description of the shop."""
    order = {"type": "object", "properties": {"order": {"type": "string"}}}
    body = {"required": True, "content": {"application/json": {"schema": order}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "shop", "version": "1"},
        "servers": [{"url": url}],
        "paths": {
            "/orders": {
                "post": {"operationId": "placeOrder", "requestBody": body, "responses": {"202": {"description": ""}}}
            }
        },
    }


ORDER: dict[str, Any] = {
    "stepId": "order",
    "operationId": "$sourceDescriptions.shop.placeOrder",
    "requestBody": {"contentType": "application/json", "payload": {"order": "$inputs.order"}},
    "successCriteria": [{"condition": "$statusCode == 202"}],
}
AWAIT = {
    "stepId": "await",
    "operationId": "$sourceDescriptions.events.tellShipment",
    "action": "receive",
    "correlationId": "$inputs.order",
    "timeout": 60000,
    "outputs": {"parcel": "$message.payload#/parcel", "order": "$message.payload#/order"},
}


def workflow(*steps: dict[str, Any]) -> dict[str, Any]:
    """An Arazzo document of these steps."""
    return {
        "arazzo": "1.1.0",
        "info": {"title": "orders", "version": "1"},
        "sourceDescriptions": [
            {"name": "shop", "url": "shop.json", "type": "openapi"},
            {"name": "events", "url": "events.json", "type": "asyncapi"},
        ],
        "workflows": [
            {"workflowId": "order", "steps": list(steps), "outputs": {"parcel": "$steps.await.outputs.parcel"}}
        ],
    }


class Shop:
    """An application that takes orders over HTTP, and tells of each shipment before it has answered.

    Attributes:
        parcel: what it says that was shipped, by the order.
    """

    def __init__(self, server: BrokerServer, address: str) -> None:
        self.server, self.address = server, address
        self.parcel: dict[str, Any] = {}
        self.told = threading.Event()

    def event(self, order: str) -> Message:
        payload = {"parcel": self.parcel.get(order, f"parcel of {order}"), "order": order}
        headers = (("order", order),) if has_headers(self.server) else ()
        return Message(json.dumps(payload).encode(), headers, self.address, "application/json")

    @contextmanager
    def open(self, directory: Path, *steps: dict[str, Any]) -> Iterator[Path]:
        """Serve, and yield the workflow's document."""
        shop = self

        async def begin() -> tuple[Any, Party]:
            context = party(self.server)
            return context, await context.__aenter__()

        with Portal() as portal:
            context, side = portal.call(begin())

            class Orders(BaseHTTPRequestHandler):
                def do_POST(self) -> None:
                    sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                    for order in ("another", sent["order"]):
                        portal.call(side.publish(shop.event(order)))
                    self.send_response(202)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            try:
                with serving(Orders) as url:
                    (directory / "shop.json").write_text(json.dumps(openapi(url)), "utf-8")
                    events = json.dumps(asyncapi(self.server, self.address))
                    (directory / "events.json").write_text(events, "utf-8")
                    path = directory / "orders.arazzo.json"
                    path.write_text(json.dumps(workflow(*(steps or (ORDER, AWAIT)))), "utf-8")
                    yield path
            finally:
                portal.call(context.__aexit__(None, None, None))


def test_an_event_that_comes_before_its_step(server: BrokerServer, tmp_path: Path) -> None:
    again = {**ORDER, "stepId": "other", "requestBody": {**ORDER["requestBody"], "payload": {"order": "later"}}}
    with Shop(server, a_topic()).open(tmp_path, ORDER, again, AWAIT) as document:
        result = Runner(document, check="error").run("order", {"order": "o-1"})
    assert result.reason is None
    assert result.outputs == {"parcel": "parcel of o-1"}
    exchanged = [attempt.exchanged for attempt in result.attempts if attempt.exchanged is not None]
    # That of another order came first, as far as the broker keeps an order.
    assert [one.looked_at for one in exchanged] in ([2], [1] if server.protocol == "kafka" else [2])


def test_two_runs_never_take_one_another_s_message(server: BrokerServer, tmp_path: Path) -> None:
    taken: dict[str, Any] = {}
    with Shop(server, a_topic()).open(tmp_path) as document:
        runner = Runner(document, check="error")
        both = threading.Barrier(2, timeout=60)

        def run(order: str) -> None:
            both.wait()
            taken[order] = runner.run("order", {"order": order}).outputs

        threads = [threading.Thread(target=run, args=(order,)) for order in ("o-1", "o-2")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert taken == {order: {"parcel": f"parcel of {order}"} for order in ("o-1", "o-2")}


def test_a_time_out_says_why_the_nearest_did_not_match(server: BrokerServer, tmp_path: Path) -> None:
    wait = {**AWAIT, "correlationId": "mine", "timeout": 500}
    with Shop(server, a_topic()).open(tmp_path, ORDER, wait) as document:
        result = Runner(document).run("order", {"order": "o-1"})
    assert result.reason is not None
    assert result.reason.code == "receive-timeout"
    assert "no message with the correlation id 'mine' came within 0.5 s" in result.reason.message
    if server.protocol != "kafka":  # which may take longer to deliver them
        assert "2 messages came, and the nearest, number 1, did not match" in result.reason.message
        assert "its correlation id is 'another'" in result.reason.message


def test_a_message_that_breaks_its_schema(server: BrokerServer, tmp_path: Path) -> None:
    shop = Shop(server, a_topic())
    shop.parcel["o-1"] = 7
    with shop.open(tmp_path) as document:
        told = Runner(document, check="warn").run("order", {"order": "o-1"})
        failed = Runner(document, check="error").run("order", {"order": "o-1"})
    assert told.outputs == {"parcel": 7}
    assert failed.reason is not None
    assert failed.reason.code == "contract"
    assert "message payload /parcel" in failed.reason.message
    assert 'is not of type "string"' in failed.reason.message


def test_criteria_that_are_waited_for(server: BrokerServer, tmp_path: Path) -> None:
    """M9: until-pass waits on; the first message is judged otherwise."""
    wait = {key: value for key, value in AWAIT.items() if key != "correlationId"}
    wait["successCriteria"] = [{"condition": "$message.payload#/order == $inputs.order"}]
    with Shop(server, a_topic()).open(tmp_path, ORDER, wait) as document:
        first = Runner(document).run("order", {"order": "o-1"})
        until = Runner(document, options=RunOptions(receive="until-pass")).run("order", {"order": "o-2"})
    assert first.reason is not None
    assert first.reason.code == "step-failed"
    assert until.outputs == {"parcel": "parcel of o-2"}
