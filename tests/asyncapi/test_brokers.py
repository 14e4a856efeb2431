"""The server of a channel's messages, and the credentials that it is asked with (M18, M19)."""

from __future__ import annotations

import pytest

from arazzo_runner.asyncapi.access import access_to
from arazzo_runner.asyncapi.brokers import ChosenBroker, choose_broker
from arazzo_runner.asyncapi.locations import location_of
from arazzo_runner.asyncapi.protocols import PROTOCOLS, bindings_for, protocol_of
from arazzo_runner.asyncapi.specs import BrokerSpec
from arazzo_runner.errors import StepError
from arazzo_runner.expressions.undefined import UNDEFINED
from arazzo_runner.openapi.auth.credentials import Credentials, parse_credential
from arazzo_runner.openapi.request.servers import ServerOptions
from tests.support.asyncapi import THIRD, described

Scheme = dict[str, str]


def choice(text: str = THIRD, channel: str = "status", server: str | None = None, **variables: str) -> ChosenBroker:
    api = described(text)
    options = ServerOptions({} if server is None else {"events": server}, {"events": variables})
    return choose_broker(api, api.channel(channel), options, Credentials(), source="events")


def test_the_first_server_is_taken_and_the_others_are_told() -> None:
    chosen = choice()

    assert chosen.broker.url == "amqp://eu.broker.example:5672/shop"
    assert chosen.broker.bindings == {"heartbeat": 10}
    assert chosen.passed_over == ("local",)


def test_a_channel_allows_some_servers_only() -> None:
    chosen = choice(channel="placed")

    assert (chosen.broker.url, chosen.passed_over) == ("mqtt://localhost:1883", ())


def test_a_server_is_chosen_by_its_name() -> None:
    assert choice(server="local").broker.protocol == "mqtt"


def test_a_server_is_chosen_by_an_address_and_keeps_what_is_described_for_its_protocol() -> None:
    chosen = choice(server="mqtts://127.0.0.1:8883")

    assert (chosen.broker.url, chosen.broker.protocol) == ("mqtts://127.0.0.1:8883", "mqtts")
    assert chosen.broker.version == "3.1.1"


def test_a_host_and_port_alone_have_the_described_protocol() -> None:
    assert choice(server="http://127.0.0.1:5673").broker.url == "amqp://127.0.0.1:5673"


@pytest.mark.parametrize(
    "server",
    [
        "mqtt://127.0.0.1:99999",
        "mqtt://user:pw-1234@127.0.0.1:x",
        "mqtt://127.0.0.1:-1",
        "mqtt://",
        "mqtt://:1883",
        "mqtt://[::1",
    ],
)
def test_an_address_without_a_host_or_with_a_bad_port_is_told_before_the_run(server: str) -> None:
    with pytest.raises(StepError, match="its host or its port is malformed") as refused:
        choice(server=server)

    assert refused.value.code == "message-server"
    assert "--server events=mqtt://HOST:PORT" in (refused.value.hint or "")
    assert "pw-1234" not in str(refused.value)


def test_a_server_variable_is_given() -> None:
    assert choice(region="us").broker.url == "amqp://us.broker.example:5672/shop"


@pytest.mark.parametrize(
    ("text", "server", "code", "told"),
    [
        (THIRD, "nowhere", "message-server", "the servers are production, local"),
        (THIRD, "locale", "message-server", "did you mean local?"),
        (THIRD.replace("\nservers:", "\nx-servers:"), None, "message-server", "--server events=mqtt://HOST:PORT"),
        (THIRD.replace("protocol: amqp", "protocol: jms"), "production", "message-protocol", "mqtt"),
    ],
)
def test_what_cannot_be_connected_to_is_refused_with_what_to_type(
    text: str, server: str | None, code: str, told: str
) -> None:
    with pytest.raises(StepError) as raised:
        choice(text, server=server)
    assert raised.value.code == code
    assert told in raised.value.hint


def test_a_server_whose_protocol_is_not_supported_is_passed_over() -> None:
    assert choice(THIRD.replace("protocol: amqp", "protocol: jms")).broker.protocol == "mqtt"


@pytest.mark.parametrize(
    ("scheme", "given", "expected"),
    [
        ({"type": "userPassword"}, "ann:secret", ("", "ann", "secret", None)),
        ({"type": "scramSha256"}, "ann:secret", ("scramSha256", "ann", "secret", None)),
        ({"type": "plain"}, "ann:secret", ("plain", "ann", "secret", None)),
        ({"type": "http", "scheme": "bearer"}, "token", ("oauth2", None, None, "token")),
        ({"type": "oauth2"}, "token", ("oauth2", None, None, "token")),
        ({"type": "apiKey", "in": "user"}, "key", ("", "key", None, None)),
    ],
)
def test_a_credential_becomes_what_the_scheme_asks_for(scheme: Scheme, given: str, expected: tuple[str, ...]) -> None:
    server = BrokerSpec("s", "mqtt://b", "mqtt", security=("s",), schemes={"s": scheme})
    found = access_to(server, Credentials({"s": parse_credential(given)}))
    access = found.access

    assert (access.mechanism, access.username, access.password, access.token) == expected
    assert found.scheme == "s"
    assert "secret" not in repr(access)
    assert "token" not in repr(access)


def test_a_key_of_a_handshake_stands_where_the_scheme_says() -> None:
    scheme = {"type": "httpApiKey", "in": "query", "name": "key"}
    server = BrokerSpec("s", "ws://b", "ws", security=("s",), schemes={"s": scheme})

    assert access_to(server, Credentials({"s": parse_credential("abc")})).access.queries == (("key", "abc"),)


@pytest.mark.parametrize(
    ("scheme", "given", "why"),
    [
        ({"type": "userPassword"}, "alone", "USER:PASSWORD"),
        ({"type": "gssapi"}, "x", "not supported"),
        ({}, "x", "does not define"),
        ({"type": "X509"}, None, "no client certificate"),
        ({"type": "userPassword"}, None, "no credential"),
    ],
)
def test_why_a_scheme_is_not_met_is_said(scheme: Scheme, given: str | None, why: str) -> None:
    server = BrokerSpec("s", "mqtt://b", "mqtt", security=("s",), schemes={"s": scheme})
    found = access_to(server, Credentials({} if given is None else {"s": parse_credential(given)}))

    assert why in found.reasons["s"]
    assert not found.scheme


def test_mqtt_has_headers_from_version_5_on() -> None:
    assert [bool((p := protocol_of("mqtt", version)) and p.has_headers) for version in ("3.1.1", "5", "")] == [
        False,
        True,
        True,
    ]


def test_bindings_of_both_names_of_mqtt_are_read() -> None:
    assert bindings_for(PROTOCOLS["mqtts"], {"mqtt": {"qos": 1}, "mqtt5": {"qos": 2}, "kafka": {"key": 1}}) == {
        "qos": 2
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$message.header#/Correlation-Id", "h"),
        ("$message.payload#/a/b", 1),
        ("$message.payload", {"a": {"b": 1}}),
        ("$message.payload#/nowhere", UNDEFINED),
    ],
)
def test_a_location_is_a_place_in_a_message(text: str, value: object) -> None:
    location = location_of(text)

    assert location is not None
    assert location.value({"correlation-id": "h"}, {"a": {"b": 1}}) == value


def test_what_is_not_a_location_is_none() -> None:
    assert location_of("$response.body#/id") is None
