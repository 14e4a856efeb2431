"""Steps over messages on the command line, as far as they need no broker (M2 to M19)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Arazzo

WORKFLOW = """\
arazzo: 1.1.0
info: {title: Orders, version: 1.0.0}
sourceDescriptions:
- {name: events, url: events.yaml, type: asyncapi}
- {name: pets, url: pets.yaml, type: openapi}
workflows:
- workflowId: order
  inputs: {type: object, properties: {id: {type: string}, apiToken: {type: string}}}
  steps:
  - stepId: place
    operationId: $sourceDescriptions.events.placeOrder
    action: send
    parameters:
    - {name: requestId, in: header, value: $inputs.id}
    - {name: X-Token, in: header, value: $inputs.apiToken}
    requestBody: {payload: {sku: a}}
  - stepId: confirm
    operationId: $sourceDescriptions.events.confirmOrder
    action: receive
    correlationId: $inputs.id
    timeout: 6000
"""
EVENTS = """\
asyncapi: 3.0.0
info: {title: Orders, version: 1.0.0}
servers:
  production:
    host: broker.example:1883
    protocol: mqtt
    security: [{$ref: '#/components/securitySchemes/user'}]
  staging: {host: 'staging.example:1883', protocol: mqtt}
channels:
  place: {address: orders/placed, messages: {order: {payload: {type: object}}}}
  confirm: {address: orders/confirmed, messages: {confirmed: {payload: {type: object}}}}
operations:
  placeOrder: {action: receive, channel: {$ref: '#/channels/place'}}
  confirmOrder: {action: send, channel: {$ref: '#/channels/confirm'}}
components: {securitySchemes: {user: {type: userPassword}}}
"""
PETS = """\
openapi: 3.1.0
info: {title: Pets, version: 1.0.0}
servers: [{url: https://pets.example}]
paths: {/pets: {get: {operationId: findPets, responses: {'200': {description: pets}}}}}
"""


@pytest.fixture
def order(tmp_path: Path) -> str:
    for name, text in (("order.yaml", WORKFLOW), ("events.yaml", EVENTS), ("pets.yaml", PETS)):
        (tmp_path / name).write_text(text)
    return str(tmp_path / "order.yaml")


def test_a_document_over_messages_is_in_order(arazzo: Arazzo, order: str) -> None:
    result = arazzo("validate", order)

    assert (result.status, "1 of 1 document in order" in result.err) == (0, True)


def test_show_says_what_is_sent_and_what_is_received(arazzo: Arazzo, order: str) -> None:
    result = arazzo("show", order)

    assert "place: $sourceDescriptions.events.placeOrder   → sends to orders/placed" in result.out
    assert "← receives from orders/confirmed" in result.out
    assert "only the message of $inputs.id" in result.out
    assert "within 6 s" in result.out


def test_show_has_action_address_and_source_as_data(arazzo: Arazzo, order: str) -> None:
    steps = json.loads(arazzo("show", order, "--format", "json").out)["steps"]

    assert [(step["action"], step["address"], step["source"]) for step in steps] == [
        ("send", "orders/placed", "events"),
        ("receive", "orders/confirmed", "events"),
    ]


def test_the_diagram_has_channels_and_the_messages_between_them_and_steps(arazzo: Arazzo, order: str) -> None:
    diagram = arazzo("show", order, "--format", "mermaid").out

    assert 'c0[("orders/placed")]' in diagram
    assert "s0 == send ==> c0" in diagram
    assert "c1 == receive ==> s1" in diagram


def test_auth_names_the_broker_s_schemes_and_what_to_type(arazzo: Arazzo, order: str) -> None:
    missing = arazzo("auth", order)
    given = arazzo("auth", order, "--auth", "user=ann:hunter22")

    assert (missing.status, given.status) == (1, 0)
    assert "--auth user=USER:PASSWORD" in missing.out
    assert "user (userPassword): given by --auth" in given.out
    assert "hunter22" not in given.out + given.err


def test_a_dry_run_says_what_would_be_subscribed_and_sent(arazzo: Arazzo, order: str) -> None:
    result = arazzo("run", order, "--dry-run", "-i", "id=c1", "-i", "apiToken=s3cr3t-token")

    assert result.status == 0
    assert "subscribes to: mqtt://broker.example:1883/orders/confirmed" in result.out
    assert "first message: to mqtt://broker.example:1883/orders/placed" in result.out
    assert "requestId: c1" in result.out
    assert "s3cr3t-token" not in result.out + result.err


def test_a_dry_run_as_data(arazzo: Arazzo, order: str) -> None:
    entry = json.loads(arazzo("run", order, "--dry-run", "--json", "-i", "id=c1", "-i", "apiToken=t0ken").out)

    assert entry["subscriptions"] == ["mqtt://broker.example:1883/orders/confirmed"]
    assert entry["firstMessage"]["payload"] == {"sku": "a"}
    assert entry["firstRequest"] is None


def test_that_a_server_is_the_first_of_several_is_told(arazzo: Arazzo, order: str) -> None:
    told = arazzo("run", order, "--dry-run", "-i", "id=c1").err
    chosen = arazzo("run", order, "--dry-run", "-i", "id=c1", "--server", "events=staging")

    assert told.count("the first of several; --server events=staging chooses another") == 1
    assert "first of several" not in chosen.err
    assert "subscribes to: mqtt://staging.example:1883/orders/confirmed" in chosen.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--server", "events=stagin"], "did you mean staging?"),
        (["--server", "pets=staging"], "write --server pets=https://…"),
        (["--server", "event=staging"], "did you mean events?"),
        (["--server", "events=ftp://broker.example"], "expected"),
        (["--consume", "event"], "did you mean events?"),
        (["--receive", "last"], "until-pass"),
        (["--receive-timeout", "0"], "0"),
        (["--auth", "usr=ann:secret99"], "did you mean user?"),
    ],
)
def test_a_wrong_option_cannot_start_and_says_what_to_type(
    arazzo: Arazzo, order: str, words: list[str], told: str
) -> None:
    result = arazzo("run", order, "-i", "id=c1", *words)

    assert result.status == 2
    assert told in result.err
    assert "Traceback" not in result.err
    assert "secret99" not in result.err


def test_a_missing_input_is_found_before_anything_is_subscribed(arazzo: Arazzo, order: str) -> None:
    result = arazzo("run", order, "--dry-run")

    assert result.status == 1
    assert "$inputs.id has no value" in result.err
    assert "-i id=VALUE" in result.err
    assert "subscribes to" not in result.out


def test_the_rules_of_messages_are_explained(arazzo: Arazzo) -> None:
    assert "arrive after the subscription" in arazzo("validate", "--explain", "M5").out
    assert "whole" not in arazzo("validate", "--explain", "criteria-look-like-a-filter").err
