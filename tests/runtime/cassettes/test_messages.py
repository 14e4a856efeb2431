"""Cassettes of runs over messages (M20): what they hold, what a replay takes from them, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import vcr
import yaml

from arazzo_runner import Runner, load
from arazzo_runner.effects import Answered, Response, Send
from arazzo_runner.errors import CassetteError
from arazzo_runner.runtime.cassettes.format import read_cassette
from arazzo_runner.runtime.cassettes.recording import Recording
from arazzo_runner.runtime.cassettes.replay import Replay
from tests.support.broker import BrokerWorld

EVENTS = {
    "asyncapi": "3.0.0",
    "info": {"title": "events", "version": "1"},
    "defaultContentType": "application/json",
    "servers": {"own": {"host": "127.0.0.1:4222", "protocol": "nats"}},
    "channels": {
        "placed": {"address": "orders/placed", "messages": {"order": {"payload": {"type": "object"}}}},
        "confirmed": {"address": "orders/confirmed", "messages": {"confirmation": {"payload": {"type": "object"}}}},
        "ask": {"address": "ask", "messages": {"question": {"payload": {"type": "object"}}}},
        "answers": {"messages": {"answer": {"payload": {"type": "object"}}}},
    },
    "operations": {
        "place": {"action": "receive", "channel": {"$ref": "#/channels/placed"}},
        "confirm": {"action": "send", "channel": {"$ref": "#/channels/confirmed"}},
        "answer": {
            "action": "receive",
            "channel": {"$ref": "#/channels/ask"},
            "reply": {
                "address": {"location": "$message.header#/replyTo"},
                "channel": {"$ref": "#/channels/answers"},
            },
        },
    },
}
PLACE = {
    "stepId": "place",
    "operationId": "$sourceDescriptions.events.place",
    "action": "send",
    "parameters": [
        {"name": "requestId", "in": "header", "value": "$inputs.id"},
        {"name": "apiKey", "in": "header", "value": "$inputs.token"},
    ],
    "requestBody": {"payload": {"item": "$inputs.item", "token": "$inputs.token"}},
}
CONFIRM = {
    "stepId": "confirm",
    "operationId": "$sourceDescriptions.events.confirm",
    "action": "receive",
    "correlationId": "$inputs.id",
    "timeout": 2000,
    "outputs": {"orderId": "$message.payload#/orderId"},
}
CONFIRMED = {"address": "orders/confirmed", "json": {"orderId": 7}, "headers": {"correlationId": "r-1"}, "sends": 1}
OTHER = {**CONFIRMED, "json": {"orderId": 1}, "headers": {"correlationId": "another"}}
SECRET = "t-9f8e7d6c5b4a"
INPUTS = {"id": "r-1", "item": "tea", "token": SECRET}


def document(tmp_path: Path, *steps: dict[str, Any], **outputs: str) -> Path:
    """Write an Arazzo document of these steps, and its description."""
    (tmp_path / "events.json").write_text(json.dumps(EVENTS), "utf-8")
    properties = {"id": {}, "item": {}, "token": {"type": "string", "format": "password"}}
    written = {
        "arazzo": "1.1.0",
        "info": {"title": "orders", "version": "1"},
        "sourceDescriptions": [{"name": "events", "url": "events.json", "type": "asyncapi"}],
        "workflows": [
            {
                "workflowId": "order",
                "inputs": {"type": "object", "properties": properties},
                "steps": list(steps),
                "outputs": outputs,
            }
        ],
    }
    path = tmp_path / "orders.arazzo.json"
    path.write_text(json.dumps(written), "utf-8")
    return path


def never(_: int, effect: Send, now: float) -> Answered:
    raise AssertionError(effect)


def recorded(tmp_path: Path, *steps: dict[str, Any], script: list[dict[str, Any]], **outputs: str) -> tuple[Path, Path]:
    """Run against a scripted broker, and record it."""
    path, cassette = document(tmp_path, *steps, **outputs), tmp_path / "orders.yaml"
    runner = Runner(path)
    session = runner.session("order", INPUTS)
    with session.recorder(cassette) as recorder:
        result = session.run(Recording(BrokerWorld(never, script), recorder))
    assert result.reason is None or result.reason.code == "receive-timeout"
    return path, cassette


def replayed(path: Path, cassette: Path, **changed: Any) -> Any:
    """Replay; no socket is opened."""
    return Runner(path).run("order", {**INPUTS, **changed}, replay=cassette)


def test_what_was_sent_and_taken_is_recorded_and_replayed(tmp_path: Path) -> None:
    outputs = {"orderId": "$steps.confirm.outputs.orderId"}
    path, cassette = recorded(tmp_path, PLACE, CONFIRM, script=[OTHER, CONFIRMED], **outputs)
    written = yaml.safe_load(cassette.read_text("utf-8"))
    assert [(one["action"], one["source"], one["address"]) for one in written["messages"]] == [
        ("send", "events", "orders/placed"),
        ("receive", "events", "orders/confirmed"),
    ]
    sent, taken = written["messages"]
    assert sent["headers"]["requestId"] == ["r-1"]
    assert json.loads(sent["payload"])["item"] == "tea"
    assert taken["seen"] == 2
    assert SECRET not in cassette.read_text("utf-8")
    result = replayed(path, cassette)
    assert result.reason is None
    assert result.outputs == {"orderId": 7}


def test_vcrpy_passes_the_messages_over(tmp_path: Path) -> None:
    _, cassette = recorded(tmp_path, PLACE, script=[])
    with vcr.use_cassette(str(cassette), record_mode="none") as read:
        assert len(read) == 0


def test_a_message_that_is_not_the_recorded_one(tmp_path: Path) -> None:
    path, cassette = recorded(tmp_path, PLACE, CONFIRM, script=[CONFIRMED])
    result = replayed(path, cassette, item="coffee")
    assert result.reason.code == "replay-miss"
    assert '(message 1): the body /item is "coffee", recorded "tea"' in result.reason.message


def test_another_secret_is_the_same_message(tmp_path: Path) -> None:
    path, cassette = recorded(tmp_path, PLACE, CONFIRM, script=[CONFIRMED])
    assert replayed(path, cassette, token="another-secret-1234").reason is None


def test_an_id_that_the_recorded_message_does_not_have(tmp_path: Path) -> None:
    path, cassette = recorded(tmp_path, CONFIRM, script=[{**CONFIRMED, "sends": 0, "after": 1}])
    result = replayed(path, cassette, id="r-2")
    assert result.reason.code == "replay-miss"
    assert "(message 1) is not the one waited for" in result.reason.message


def test_a_message_too_many(tmp_path: Path) -> None:
    path, cassette = recorded(tmp_path, PLACE, script=[])
    document(tmp_path, PLACE, {**PLACE, "stepId": "again"})
    result = replayed(path, cassette)
    assert result.reason.code == "replay-miss"
    assert "send orders/placed" in result.reason.message
    assert "has no further message" in result.reason.message


def test_another_order_of_steps(tmp_path: Path) -> None:
    path, cassette = recorded(tmp_path, PLACE, CONFIRM, script=[CONFIRMED])
    document(tmp_path, CONFIRM, PLACE)
    result = replayed(path, cassette)
    assert result.reason.code == "replay-miss"
    assert "receive a message: message 1 of" in result.reason.message


def test_waiting_in_vain_is_recorded(tmp_path: Path) -> None:
    path, cassette = recorded(tmp_path, CONFIRM, script=[OTHER | {"sends": 0}])
    result = replayed(path, cassette)
    assert result.reason.code == "receive-timeout"
    assert "no message came within 2 s" in result.reason.message


def test_an_inbox_is_recorded(tmp_path: Path) -> None:
    ask = {
        "stepId": "ask",
        "operationId": "$sourceDescriptions.events.answer",
        "action": "send",
        "requestBody": {"payload": {"item": "$inputs.item"}},
    }
    take = {**CONFIRM, "stepId": "take", "operationId": "$sourceDescriptions.events.answer"}
    del take["correlationId"]
    take["outputs"] = {"price": "$message.payload#/price"}
    script = [{"address": "(the reply's)", "json": {"price": 9}, "sends": 1}]
    path, cassette = recorded(tmp_path, ask, take, script=script, price="$steps.take.outputs.price")
    actions = [one["action"] for one in yaml.safe_load(cassette.read_text("utf-8"))["messages"]]
    assert actions == ["listen", "send", "receive"]
    # Another run has another inbox, and sends its name: the recorded one stands in for it.
    assert replayed(path, cassette).outputs == {"price": 9}


def test_payloads_that_are_no_text(tmp_path: Path) -> None:
    from arazzo_runner.effects import Message
    from arazzo_runner.runtime.cassettes.messages import RecordedMessage, entry_of, read_message

    for payload in (b"", b"\xff\x00", "ä".encode(), b"plain"):
        recorded = RecordedMessage("send", "events", Message(payload, (("a", "1"), ("a", "2")), "x", key="k"))
        assert read_message(yaml.safe_load(yaml.safe_dump(entry_of(recorded)))) == recorded


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ("{}", "the messages of"),
        ("[7]", "the message 1 of"),
        ("[{action: take}]", "its action is 'take'"),
        ("[{action: send}]", "it has no address"),
        ("[{action: send, address: a, payload: [1]}]", "its payload is neither text nor bytes"),
        ("[{action: send, address: a, headers: 3}]", "its headers are not an object"),
        ("[{action: receive, address: a, seen: many}]", "expected a whole number"),
        ("[{action: receive, address: a, key: 7}]", "its key is 7; expected text"),
    ],
)
def test_messages_that_cannot_be_read(tmp_path: Path, messages: str, said: str) -> None:
    cassette = tmp_path / "broken.yaml"
    cassette.write_text(f"interactions: []\nmessages: {messages}\n", "utf-8")
    with pytest.raises(CassetteError) as raised:
        read_cassette(cassette)
    assert said in raised.value.message


def test_what_is_left_over_is_told(tmp_path: Path) -> None:
    path, cassette = recorded(tmp_path, PLACE, CONFIRM, script=[CONFIRMED])
    document(tmp_path, PLACE)
    session = Runner(load(path)).session("order", INPUTS)
    replay = Replay(read_cassette(cassette), session.redactor)
    session.run(replay)
    assert [one.title for one in replay.unused] == ["receive orders/confirmed"]


def test_requests_and_messages_in_one_cassette(tmp_path: Path) -> None:
    shop = {
        "openapi": "3.1.0",
        "info": {"title": "shop", "version": "1"},
        "servers": [{"url": "https://shop.example"}],
        "paths": {"/orders": {"post": {"operationId": "order", "responses": {"202": {"description": ""}}}}},
    }
    (tmp_path / "shop.json").write_text(json.dumps(shop), "utf-8")
    call = {"stepId": "call", "operationId": "$sourceDescriptions.shop.order"}
    path = document(tmp_path, call, CONFIRM)
    data = json.loads(path.read_text("utf-8"))
    data["sourceDescriptions"].append({"name": "shop", "url": "shop.json", "type": "openapi"})
    path.write_text(json.dumps(data), "utf-8")
    session = Runner(path).session("order", INPUTS)
    script = [{**CONFIRMED, "sends": 0, "requests": 1}]
    world = BrokerWorld(lambda _, __, now: Answered(Response(202), now), script)
    with session.recorder(tmp_path / "orders.yaml") as recorder:
        session.run(Recording(world, recorder))
    read = read_cassette(tmp_path / "orders.yaml")
    assert (len(read.interactions), len(read.messages)) == (1, 1)
    assert replayed(path, tmp_path / "orders.yaml").reason is None
