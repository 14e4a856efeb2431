"""Descriptions of both major versions as the same values: operations, channels, messages, servers (M1)."""

from __future__ import annotations

import pytest

from arazzo_runner.asyncapi.bundled_schemas import bundled
from arazzo_runner.errors import DocumentError
from tests.support.asyncapi import SECOND, THIRD, described


@pytest.mark.parametrize(("text", "action"), [(THIRD, "receive"), (SECOND, "receive")])
def test_what_others_may_send_is_what_the_application_receives(text: str, action: str) -> None:
    operation = described(text).operation("placeOrder")

    assert operation is not None
    assert (operation.action, operation.channel.address) == (action, "orders/placed")


def test_what_an_operation_says_itself_counts_more_than_its_traits_in_version_3() -> None:
    operation = described(THIRD).operation("placeOrder")

    assert operation is not None
    assert operation.bindings == {"mqtt": {"qos": 0, "retain": True}}


def test_traits_count_more_than_the_operation_in_version_2() -> None:
    operation = described(SECOND).operation("placeOrder")

    assert operation is not None
    assert operation.bindings == {"mqtt": {"qos": 2, "retain": True}}


def test_a_message_has_the_headers_of_its_trait_and_its_own_content_type() -> None:
    operation = described(THIRD).operation("placeOrder")

    assert operation is not None
    [message] = operation.messages
    assert operation.named
    assert (message.name, message.content_type) == ("order", "application/cloudevents+json")
    assert message.headers is not None
    assert message.headers.property_names() == ("X-Trace",)
    assert message.correlation == "$message.header#/correlationId"


def test_an_operation_that_names_no_messages_has_those_of_its_channel() -> None:
    operation = described(THIRD).operation("tellStatus")

    assert operation is not None
    assert not operation.named
    assert [message.name for message in operation.messages] == ["status"]
    assert operation.messages[0].content_type == "application/json"


def test_the_messages_of_version_2_may_be_one_of_several() -> None:
    operation = described(SECOND).operation_at("/channels/orders~1{id}~1status/subscribe")

    assert operation is not None
    assert operation.operation_id is None
    assert [message.name for message in operation.messages] == ["ready", "sold"]


def test_the_format_of_a_schema_is_kept() -> None:
    operation = described(SECOND).operation("placeOrder")

    assert operation is not None
    assert operation.messages[0].schema_format.startswith("application/vnd.apache.avro")


def test_a_multi_format_schema_says_its_format() -> None:
    payload = "payload: {schemaFormat: application/vnd.apache.avro, schema: {type: record}}"
    operation = described(THIRD.replace("payload: {$ref: '#/components/schemas/Order'}", payload)).operation(
        "placeOrder"
    )

    assert operation is not None
    assert operation.messages[0].schema_format == "application/vnd.apache.avro"


@pytest.mark.parametrize("text", [THIRD, SECOND])
def test_a_parameter_has_its_default_its_values_and_its_place_in_the_message(text: str) -> None:
    pointer = "/channels/status" if text is THIRD else "/channels/orders~1{id}~1status"
    channel = described(text).channel_at(pointer)

    assert channel is not None
    parameter = channel.parameter("id")
    assert (parameter.default, parameter.allowed, parameter.location) == ("1", ("1", "2"), "$message.payload#/id")


def test_a_channel_is_found_by_its_key_and_by_its_address() -> None:
    api = described(THIRD)

    assert api.channel("placed") == api.channel("orders/placed")
    assert api.channel("nowhere") is None


def test_a_reply_has_its_place_and_its_channel() -> None:
    operation = described(THIRD).operation("placeOrder")

    assert operation is not None
    assert operation.reply is not None
    assert operation.reply.location == "$message.header#/replyTo"
    assert operation.reply.channel is not None
    assert operation.reply.channel.name == "status"


def test_servers_have_a_url_whose_scheme_is_the_protocol() -> None:
    servers = described(THIRD).servers

    assert servers["production"].url == "amqp://{region}.broker.example:5672/shop"
    assert servers["production"].variables == {"region": ("eu", ("eu", "us"))}
    assert servers["production"].schemes == {"user": {"type": "userPassword"}}
    assert servers["local"].version == "3.1.1"


def test_servers_of_version_2_have_their_security_by_name() -> None:
    server = described(SECOND).servers["production"]

    assert server.url == "mqtt://broker.example"
    assert server.schemes == {"user": {"type": "userPassword"}}


def test_references_may_lead_into_other_documents() -> None:
    text = THIRD.replace("'#/components/messages/order'}", "'messages.yaml#/order'}", 1)
    other = "order: {payload: {$ref: '#/Order'}}\nOrder: {type: object, properties: {x: {type: integer}}}\n"
    channel = described(text, beside={"messages.yaml": other}).channel("placed")

    assert channel is not None
    payload = channel.messages[0].payload
    assert payload is not None
    assert payload.property_names() == ("x",)


def test_a_reference_that_leads_nowhere_is_a_problem_with_a_place() -> None:
    api = described(THIRD.replace("channel: {$ref: '#/channels/placed'}", "channel: {$ref: '#/channels/gone'}"))

    with pytest.raises(DocumentError) as raised:
        api.operation("placeOrder")
    [problem] = raised.value.problems
    assert (problem.rule, problem.place.line > 0) == ("unresolved-reference", True)


@pytest.mark.parametrize("version", ["1.2.0", "3.7.0", "4.0.0"])
def test_other_versions_are_refused_by_name(version: str) -> None:
    with pytest.raises(DocumentError) as raised:
        described(THIRD.replace("3.0.0", version, 1))
    assert f"asyncapi {version}" in raised.value.problems[0].message


@pytest.mark.parametrize("version", ["2.0.0", "2.6.0", "3.0.0", "3.1.0"])
def test_these_versions_are_read(version: str) -> None:
    text = THIRD if version.startswith("3") else SECOND
    assert described(text.replace("3.0.0", version, 1).replace("2.6.0", version, 1)).by_id.keys() >= {"placeOrder"}


def test_a_bundled_schema_stands_alone_and_may_contain_itself() -> None:
    operation = described(THIRD).operation("placeOrder")

    assert operation is not None
    assert operation.messages[0].payload is not None
    schema = bundled(operation.messages[0].payload)
    assert isinstance(schema, dict)
    import jsonschema_rs

    validator = jsonschema_rs.validator_for(schema)
    assert validator.is_valid({"sku": "a", "parts": [{"sku": "b"}]})
    assert not validator.is_valid({"parts": [{"sku": 1}]})


def test_a_channel_of_another_document_is_known_by_its_key_in_this_one() -> None:
    text = THIRD.replace("\nchannels:", "\nchannels:\n  elsewhere: {$ref: 'other.yaml#/events'}", 1)
    api = described(text, beside={"other.yaml": "events: {address: some/where, messages: {}}\n"})
    channel = api.channel("elsewhere")

    assert channel is not None
    assert (channel.name, channel.address, channel.pointer) == ("elsewhere", "some/where", "/channels/elsewhere")


@pytest.mark.parametrize("written", ["5", "text", "[1, {a: b}]", "1.5", "true"])
@pytest.mark.parametrize("part", ["payload", "headers"])
def test_what_is_not_a_schema_allows_anything(part: str, written: str) -> None:
    text = THIRD.replace("other: {payload: {type: string}}", f"other: {{{part}: {written}}}")
    channel = described(text).channel("placed")

    assert channel is not None
    message = next(one for one in channel.messages if one.name == "other")
    schema = message.payload if part == "payload" else message.headers
    assert schema is not None
    assert bundled(schema) is True


@pytest.mark.parametrize("written", ["5", "[1]", "text", "{$ref: '#/servers'}"])
def test_a_security_scheme_that_is_none_asks_for_nothing(written: str) -> None:
    text = THIRD.replace("security: [{$ref: '#/components/securitySchemes/user'}]", f"security: [{written}]")

    assert described(text).servers["production"].url == "amqp://{region}.broker.example:5672/shop"
