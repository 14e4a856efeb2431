"""Steps over messages in the turns of a run: the published examples, secrets, times, inboxes, contracts (M1 to M15)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

import pytest

from arazzo_runner.analysis.linker import Linker
from arazzo_runner.documents.sources import Library
from arazzo_runner.effects import Answer, Message, Publish, Receive, Received, Subscribe, Subscribed
from arazzo_runner.engine.demands.reachable_urls import destinations
from arazzo_runner.engine.demands.required_credentials import access_of
from arazzo_runner.engine.events import AttemptFinished, ChannelSubscribed, Event, MessageAwaited
from arazzo_runner.engine.flow import advance, start
from arazzo_runner.engine.plan import Plan, RunOptions
from arazzo_runner.engine.planning.planner import make_plan
from arazzo_runner.errors import PlanError
from arazzo_runner.openapi.auth.credentials import Credentials, parse_credential
from arazzo_runner.openapi.request.servers import ServerOptions
from arazzo_runner.runtime.run.contract_checks import ContractChecks
from arazzo_runner.runtime.run.session import RunResult, Session
from tests.support.broker import BrokerWorld, Entry
from tests.support.own_cases import answer_to, plan_of

Case = dict[str, Any]

PET_PURCHASE = """\
arazzo: 1.1.0
info: {title: A pet purchasing workflow, version: 1.0.1}
sourceDescriptions:
- {name: petStoreDescription, url: pets.yaml, type: openapi}
- {name: asyncOrderApiDescription, url: orders.yaml, type: asyncapi}
workflows:
- workflowId: purchase
  inputs: {type: object, properties: {orderCorrelationId: {type: string}}}
  steps:
  - stepId: getPetStep
    operationPath: '{$sourceDescriptions.petStoreDescription.url}#/paths/~1pet~1findByStatus/get'
    parameters: [{name: status, in: query, value: available}]
    outputs: {petId: $response.body#/0/id}
  - stepId: purchasePetStep
    operationPath: $sourceDescriptions.asyncOrderApiDescription.placeOrder
    action: send
    parameters: [{name: orderCorrelationId, in: header, value: $inputs.orderCorrelationId}]
    requestBody: {contentType: application/json, payload: {petId: $steps.getPetStep.outputs.petId}}
  - stepId: confirmPetPurchaseStep
    operationPath: $sourceDescriptions.asyncOrderApiDescription.confirmOrder
    correlationId: $inputs.orderCorrelationId
    timeout: 6000
    action: receive
    outputs: {orderId: $message.payload.orderId}
  outputs: {orderId: $steps.confirmPetPurchaseStep.outputs.orderId}
"""
PETS = """\
openapi: 3.1.0
info: {title: Pets, version: 1.0.0}
servers: [{url: https://pets.example}]
paths:
  /pet/findByStatus:
    get:
      parameters: [{name: status, in: query, schema: {type: string}}]
      responses: {'200': {description: pets}}
"""
ORDERS = """\
asyncapi: 3.1.0
info: {title: Orders, version: 1.0.0}
servers:
  broker: {host: 'broker.example:4222', protocol: nats, security: [{$ref: '#/components/securitySchemes/user'}]}
channels:
  place: {address: place-order, messages: {order: {payload: {type: object}}}}
  confirm:
    address: confirm-order
    messages: {confirmed: {payload: {type: object, properties: {orderId: {type: string}}}}}
operations:
  placeOrder: {action: receive, channel: {$ref: '#/channels/place'}}
  confirmOrder: {action: send, channel: {$ref: '#/channels/confirm'}}
components: {securitySchemes: {user: {type: userPassword}}}
"""


def purchase(options: RunOptions | None = None) -> Plan:
    texts = {"purchase.yaml": PET_PURCHASE, "pets.yaml": PETS, "orders.yaml": ORDERS}
    library = Library(fetch=lambda url: texts[url.rpartition("/")[2]].encode())
    return make_plan(Linker(library), library.entry("https://flows.example/purchase.yaml"), "purchase", options)


def world(answers: Sequence[Case], script: Sequence[Entry]) -> BrokerWorld:
    return BrokerWorld(lambda number, _, now: cast(Any, answer_to({"answers": answers}, number, now)), script)


def ran(case: Case, events: list[Event], checks: ContractChecks | None = None) -> tuple[RunResult, BrokerWorld]:
    used = world(case.get("answers", [{"status": 200}]), case["messages"])
    return Session(plan_of(case), case.get("inputs", {}), [events.append], checks=checks).run(used), used


def test_the_specification_s_own_example_runs() -> None:
    confirmed = {"address": "confirm-order", "json": {"orderId": "o9"}, "headers": {"orderCorrelationId": "c1"}}
    used = world([{"status": 200, "json": [{"id": 7}]}], [{**confirmed, "sends": 1}])
    result = Session(purchase(), {"orderCorrelationId": "c1"}).run(used)

    assert result.outputs == {"orderId": "o9"}
    [sent] = used.broker.sent
    assert (sent.message.address, json.loads(sent.message.payload)) == ("place-order", {"petId": 7})
    assert sent.message.header("orderCorrelationId") == "c1"
    assert (result.outcome.requests, result.outcome.messages) == (1, 2)


def test_brokers_are_among_what_a_run_reaches_and_asks_credentials_for() -> None:
    plan = purchase()

    assert "nats://broker.example:4222" in list(destinations(plan))
    needed = {step.step_id: step for step in access_of(plan)}
    assert not needed["purchasePetStep"].is_met
    assert needed["purchasePetStep"].alternatives[0][0].options == ("--auth user=USER:PASSWORD",)
    given = RunOptions(credentials=Credentials({"user": parse_credential("ann:secret")}))
    assert all(step.is_met for step in access_of(purchase(given)))


def test_a_server_that_the_user_names_is_used() -> None:
    options = RunOptions(servers=ServerOptions({"asyncOrderApiDescription": "mqtt://127.0.0.1:1883"}))

    turn = start(purchase(options), {"orderCorrelationId": "c1"}, at=1.0)
    assert isinstance(turn.effect, Subscribe)
    assert (turn.effect.broker.url, turn.effect.broker.protocol) == ("mqtt://127.0.0.1:1883", "mqtt")


def test_a_server_that_there_is_not_refuses_with_the_names_of_those_that_there_are() -> None:
    options = RunOptions(servers=ServerOptions({"asyncOrderApiDescription": "brocker"}))

    with pytest.raises(PlanError) as raised:
        purchase(options)
    assert {problem.hint for problem in raised.value.problems} == {"did you mean broker?"}


def test_a_missing_credential_is_a_problem_of_the_attempt_and_no_secret() -> None:
    events: list[Event] = []
    confirmed = {"address": "confirm-order", "json": {}, "correlation_id": "c1", "sends": 1}
    used = world([{"status": 200, "json": [{"id": 7}]}], [confirmed])
    Session(purchase(), {"orderCorrelationId": "c1"}, [events.append]).run(used)

    attempts = [event.attempt for event in events if isinstance(event, AttemptFinished)]
    assert "--auth user=" in attempts[1].problems[0]


SECRET = "s3cr3t-of-the-user"


def test_no_secret_of_a_message_reaches_a_listener() -> None:
    told: list[str] = []
    case: Case = {
        "id": "secrets",
        "inputs": {"apiToken": SECRET},
        "messages": [{"address": "news", "json": {"access_token": "came-with-it", "seen": SECRET}, "sends": 1}],
        "workflow": {
            "inputs": {"type": "object", "properties": {"apiToken": {"type": "string"}}},
            "steps": [
                {
                    "stepId": "place",
                    "operationId": "$sourceDescriptions.events.placeOrder",
                    "action": "send",
                    "parameters": [{"name": "X-Trace", "in": "header", "value": "$inputs.apiToken"}],
                    "requestBody": {"payload": {"sku": "$inputs.apiToken", "password": "of-the-payload"}},
                },
                {"stepId": "read", "operationId": "tellNews", "action": "receive"},
            ],
        },
    }
    used = world([], case["messages"])
    Session(plan_of(case), case["inputs"], [lambda event: told.append(repr(event))]).run(used)

    text = "\n".join(told)
    assert "news" in text
    assert not [secret for secret in (SECRET, "came-with-it", "of-the-payload") if secret in text]


def test_a_broker_s_password_is_in_no_state_and_no_event() -> None:
    options = RunOptions(credentials=Credentials({"user": parse_credential("ann:hunter22")}))
    told: list[str] = []
    turn = start(purchase(options), {"orderCorrelationId": "c1"}, at=1.0)

    assert isinstance(turn.effect, Subscribe)
    assert turn.effect.broker.access.password == "hunter22"
    assert "hunter22" not in turn.state.to_json() + repr(turn.effect) + repr(turn.events)
    used = world(
        [{"status": 200, "json": [{"id": 7}]}], [{"refuse": "transport", "of": "publish", "message": "hunter22?"}]
    )
    session = Session(purchase(options), {"orderCorrelationId": "c1"}, [lambda event: told.append(repr(event))])
    assert "hunter22" not in str(session.run(used).reason)
    assert "hunter22" not in "\n".join(told)


HANDSHAKE: Case = {
    "id": "handshake",
    "inputs": {"room": "lobby", "apiToken": SECRET},
    "events": {"servers": {"broker": {"host": "chat.example", "protocol": "ws", "protocolVersion": None}}},
    "messages": [{"address": "news", "json": {"room": "lobby"}, "after": 1}],
    "workflow": {
        "inputs": {"type": "object", "properties": {"room": {"type": "string"}, "apiToken": {"type": "string"}}},
        "steps": [
            {
                "stepId": "read",
                "operationId": "tellNews",
                "action": "receive",
                "parameters": [
                    {"name": "room", "in": "query", "value": "$inputs.room"},
                    {"name": "Authorization", "in": "header", "value": "Bearer {$inputs.apiToken}"},
                    {"name": "session", "in": "cookie", "value": "abc"},
                ],
            }
        ],
    },
}


def test_a_handshake_has_its_queries_headers_and_cookies_and_only_secrets_are_masked() -> None:
    told: list[str] = []
    used = world([], HANDSHAKE["messages"])
    Session(plan_of(HANDSHAKE), HANDSHAKE["inputs"], [lambda event: told.append(repr(event))]).run(used)

    access = used.broker.subscribed[0].broker.access
    assert access.queries == (("room", "lobby"),)
    assert access.headers == (("Authorization", f"Bearer {SECRET}"), ("Cookie", "session=abc"))
    assert SECRET not in "\n".join(told)
    assert "lobby" in "\n".join(told)


ASKING: Case = {
    "id": "asking",
    "messages": [
        {"address": "(the reply's)", "json": {"n": 1}, "sends": 1},
        {"address": "(the reply's)", "json": {"n": 2}, "sends": 2},
    ],
    "workflow": {
        "steps": [
            {"stepId": "ask", "operationId": "answer", "action": "send", "requestBody": {"payload": {"q": 1}}},
            {
                "stepId": "hear",
                "operationId": "answer",
                "action": "receive",
                "outputs": {"n": "$message.payload#/n"},
                "onSuccess": [
                    {
                        "name": "again",
                        "type": "goto",
                        "stepId": "ask",
                        "criteria": [{"condition": "$message.payload#/n == 1"}],
                    }
                ],
            },
        ],
        "outputs": {"n": "$steps.hear.outputs.n"},
    },
}


def test_an_inbox_is_made_once_a_run_and_has_the_same_name_whoever_asks() -> None:
    result, used = ran(ASKING, [])
    again, other = ran(ASKING, [])

    assert result.outputs == again.outputs == {"n": 2}
    assert len(used.broker.subscribed) == 1
    assert used.broker.subscribed[0].address == other.broker.subscribed[0].address
    made = [effect.message.header("replyTo") for effect in used.broker.sent]
    assert made == [f"inbox/{used.broker.subscribed[0].address}"] * 2
    assert [effect.message.reply_to for effect in used.broker.sent] == made


def test_inboxes_of_two_runs_differ() -> None:
    plan = plan_of(ASKING)
    names = set()
    for identity in ("a", "b"):
        effect = start(plan, {}, at=1.0, identity=identity).effect
        assert isinstance(effect, Subscribe)
        names.add(effect.address)
    assert len(names) == 2


def test_a_subscription_that_is_refused_is_that_of_the_step_that_would_receive() -> None:
    used = world([], [{"refuse": "transport", "of": "subscribe", "message": "nothing listens there"}])
    result = Session(purchase(), {"orderCorrelationId": "c1"}).run(used)

    assert result.reason is not None
    assert result.reason.step_id == "confirmPetPurchaseStep"
    assert "cannot listen at confirm-order: nothing listens there" in result.reason.message
    assert result.outcome.requests == 0


def test_a_reply_without_a_request_is_a_missing_value() -> None:
    case = {**ASKING, "workflow": {"steps": [ASKING["workflow"]["steps"][1] | {"onSuccess": []}]}}
    result, _ = ran(case, [])

    assert result.reason is not None
    assert (result.reason.code, "no request has been sent" in result.reason.message) == ("missing-value", True)


def test_the_time_that_a_late_subscription_takes_counts() -> None:
    case: Case = {
        "id": "late",
        "answers": [{"status": 200, "json": {"id": "o1"}}],
        "messages": [],
        "workflow": {
            "steps": [
                {
                    "stepId": "watch",
                    "operationId": "tellStatus",
                    "action": "receive",
                    "timeout": 5000,
                    "parameters": [{"name": "orderId", "in": "path", "value": "$steps.watch.outputs.none"}],
                },
            ]
        },
    }
    result, used = ran(case, [])

    assert [effect.seconds for effect in used.broker.received] == [5.0]
    assert result.reason is not None
    assert result.reason.code == "receive-timeout"


def test_an_address_without_the_output_that_it_names_hears_any_and_says_so() -> None:
    case: Case = {
        "id": "any",
        "answers": [{"status": 200, "json": {}}],
        "messages": [{"address": "orders/o8/status", "json": {}, "requests": 1, "after": 1}],
        "workflow": {
            "steps": [
                {"stepId": "create", "operationId": "listItems", "outputs": {"id": "$response.body#/id"}},
                {
                    "stepId": "watch",
                    "operationId": "tellStatus",
                    "action": "receive",
                    "parameters": [{"name": "orderId", "in": "path", "value": "$steps.create.outputs.id"}],
                },
            ]
        },
    }
    result, used = ran(case, [])

    assert [effect.address for effect in used.broker.subscribed] == ["orders/{orderId}/status"]
    assert any("the parameter 'orderId' of the step 'watch' is left out" in str(told) for told in result.problems)
    strict = {**case, "options": {"missing_output": "error"}}
    assert (ran(strict, [])[0].reason or pytest.fail("it succeeded")).code == "missing-value"


READ: Case = {"stepId": "read", "operationId": "tellNews", "action": "receive"}


def test_the_place_that_a_broker_keeps_is_in_the_state_until_it_keeps_none() -> None:
    plan = plan_of({"id": "place", "messages": [], "workflow": {"steps": [READ, {**READ, "stepId": "again"}]}})
    turn = start(plan, {}, at=1.0)
    places = []
    answers: list[Answer] = [
        Subscribed(1.0, "news", "p1"),
        Received(Message(b"1"), 2.0, place="p2"),
        Received(Message(b"2"), 3.0),
    ]
    for answer in answers[:2]:
        turn = advance(plan, turn.state, answer)
        [kept] = turn.state.subscriptions.values()
        places.append(kept.place)
    assert places == ["p1", "p2"]
    assert advance(plan, turn.state, answers[2]).outcome is not None


def test_a_place_that_is_lost_is_not_kept() -> None:
    plan = plan_of({"id": "place", "messages": [], "workflow": {"steps": [READ, {**READ, "stepId": "again"}]}})
    turn = advance(plan, start(plan, {}, at=1.0).state, Subscribed(1.0, "news", "p1"))
    turn = advance(plan, turn.state, Received(Message(b"1"), 2.0))

    assert [one.place for one in turn.state.subscriptions.values()] == [None]


def test_the_events_tell_subscriptions_sends_and_waits() -> None:
    events: list[Event] = []
    result, _ = ran(ASKING, events)

    assert result.succeeded
    kinds = [type(event) for event in events if isinstance(event, ChannelSubscribed | MessageAwaited)]
    assert kinds == [ChannelSubscribed, *[MessageAwaited] * 4]
    attempts = [event.attempt for event in events if isinstance(event, AttemptFinished)]
    taken = attempts[1].exchanged
    assert taken is not None
    assert taken.message is not None
    assert (taken.action, taken.looked_at, attempts[1].operation) == ("receive", 1, "receive answer")


def checked(payload: Any, taken: Any) -> tuple[RunResult, ContractChecks]:
    case: Case = {
        "id": "checked",
        "messages": [{"address": "orders/outcomes", "json": taken, "sends": 1}],
        "workflow": {
            "steps": [
                {
                    "stepId": "place",
                    "operationId": "$sourceDescriptions.events.placeOrder",
                    "action": "send",
                    "requestBody": {"payload": payload},
                },
                {"stepId": "wait", "operationId": "accept", "action": "receive"},
            ]
        },
    }
    checks = ContractChecks(plan_of(case), "error")
    return ran(case, [], checks)[0], checks


@pytest.mark.parametrize(
    ("payload", "taken", "where"),
    [
        ({"sku": "a"}, {"accepted": True}, []),
        ({"sku": 1}, {"accepted": True}, ["payload /sku"]),
        ({"sku": "a"}, {"accepted": "yes"}, ["payload /accepted"]),
        ({"sku": "a"}, {}, ["payload"]),
    ],
)
def test_check_judges_what_is_sent_and_what_is_taken(payload: Any, taken: Any, where: list[str]) -> None:
    result, checks = checked(payload, taken)

    assert [found.breach.where for found in checks.found] == where
    assert (result.reason.code if result.reason else None) == ("contract" if where else None)


def test_an_output_that_is_not_in_the_message_is_reported_with_what_is() -> None:
    case: Case = {
        "id": "absent",
        "messages": [{"address": "news", "json": {"orderId": 1}, "after": 1}],
        "workflow": {
            "steps": [
                {
                    "stepId": "read",
                    "operationId": "tellNews",
                    "action": "receive",
                    "outputs": {"id": "$message.payload#/orderid"},
                }
            ],
            "outputs": {"id": "$steps.read.outputs.id"},
        },
    }
    result, _ = ran(case, [])

    [told] = map(str, result.problems)
    assert "$message.payload#/orderid found nothing: the payload has orderId" in told


def test_only_what_a_run_can_come_to_is_subscribed() -> None:
    step = {"stepId": "read", "operationId": "tellNews", "action": "receive"}
    other = {"stepId": "never", "operationId": "accept", "action": "receive"}
    case: Case = {
        "id": "unreached",
        "messages": [{"address": "news", "json": {}, "after": 1}],
        "workflow": {"steps": [step | {"onSuccess": [{"name": "done", "type": "end"}]}, other]},
    }
    result, used = ran(case, [])

    assert result.succeeded
    assert [effect.address for effect in used.broker.subscribed] == ["news"]


def test_what_the_user_says_of_logs_and_queues_goes_with_the_subscription() -> None:
    case: Case = {
        "id": "settings",
        "options": {"from_earliest": True, "consume": ("events",)},
        "messages": [],
        "workflow": {"steps": [{"stepId": "read", "operationId": "tellNews", "action": "receive"}]},
    }
    effect = start(plan_of(case), {}, at=1.0).effect

    assert isinstance(effect, Subscribe)
    assert (effect.settings.from_earliest, effect.settings.consume) == (True, True)


def test_a_header_that_carries_the_id_fills_the_protocol_s_own_field() -> None:
    case: Case = {
        "id": "own-field",
        "messages": [],
        "workflow": {
            "steps": [
                {
                    "stepId": "place",
                    "operationId": "$sourceDescriptions.events.placeOrder",
                    "action": "send",
                    "parameters": [{"name": "correlation-id", "in": "header", "value": "c1"}],
                    "requestBody": {"payload": {}},
                }
            ]
        },
    }
    _, used = ran(case, [])

    assert used.broker.sent[0].message.correlation_id == "c1"


def test_the_kinds_of_effects_have_no_open_ends() -> None:
    _, used = ran(ASKING, [])

    assert all(isinstance(one, Publish) and one.timeout == 30 for one in used.broker.sent)
    assert all(isinstance(one, Receive) and one.seconds == 30 for one in used.broker.received)
    assert all(one.timeout == 30 for one in used.broker.subscribed)
