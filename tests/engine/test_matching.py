"""The match of a message with what a step waits for (M7, M8)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from arazzo_runner.effects import Match, Message
from arazzo_runner.engine.matching import ANOTHER_ID, ANOTHER_MESSAGE, NEARLY_THE_ID, NO_ID, miss, taken_by_member

YES: Any = {"payload": {"type": "object", "required": ["yes"]}}
NO: Any = {"payload": {"type": "object", "required": ["no"]}}


def message(payload: Any = None, **fields: Any) -> Message:
    return Message(json.dumps(payload).encode(), **fields)


def closeness(match: Match, one: Message) -> int | None:
    found = miss(match, one)
    return None if found is None else found.closeness


def test_without_an_id_any_message_is_taken() -> None:
    assert miss(Match(), message({"a": 1})) is None
    assert miss(Match(), Message(b"\xff\x00")) is None


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (message({}, headers=(("ID", "c1"),)), None),
        (message({}, headers=(("id", "c12"),)), ANOTHER_ID),
        (message({}, headers=(("id", "C1 "),)), NEARLY_THE_ID),
        (message({"id": "c1"}), NO_ID),
    ],
)
def test_a_declared_place_is_the_only_one(one: Message, expected: int | None) -> None:
    match = Match("c1", locations=("$message.header#/id",), in_payload=True, headers=("correlationId",))
    assert closeness(match, one) == expected


def test_a_place_in_the_payload_is_not_the_protocol_s_own() -> None:
    match = Match("c1", locations=("$message.payload#/id",))

    assert closeness(match, message({"id": "c1"})) is None
    assert closeness(match, message({}, correlation_id="c1")) == NO_ID


def test_any_of_several_declared_places_will_do() -> None:
    match = Match("7", locations=("$message.header#/id", "$message.payload#/order/id"))
    assert miss(match, message({"order": {"id": 7}})) is None


@pytest.mark.parametrize(
    "one",
    [
        message({}, correlation_id="c1"),
        message({}, headers=(("correlation-id", "c1"),)),
        message({"deep": [{"id": "c1"}]}),
    ],
)
def test_without_a_declared_place_the_usual_ones_are_looked_at(one: Message) -> None:
    assert miss(Match("c1", headers=("correlationId", "correlation-id"), in_payload=True), one) is None


@pytest.mark.parametrize("payload", ["c1", {"text": "about c1"}, {"c1": 1}, {"id": "c1x"}, {"id": True}])
def test_an_id_is_a_member_as_a_whole_and_never_a_part(payload: Any) -> None:
    assert closeness(Match("c1", in_payload=True), message(payload)) == NO_ID


def test_the_member_that_alone_shows_it_is_named() -> None:
    match = Match("c1", headers=("correlationId",), in_payload=True)

    assert taken_by_member(match, message({"a": [0, {"b/c": "c1"}]})) == "/a/1/b~1c"
    assert taken_by_member(match, message({"a": "c1"}, headers=(("correlationId", "c1"),))) is None
    assert taken_by_member(Match(), message({"a": "c1"})) is None


@pytest.mark.parametrize(("payload", "expected"), [({"yes": 1}, None), ({"no": 1}, ANOTHER_MESSAGE), ({}, None)])
def test_what_is_valid_only_against_another_message_is_not_taken(payload: Any, expected: int | None) -> None:
    assert closeness(Match(wanted=(YES,), others=(NO,)), message(payload)) == expected


def test_the_nearer_a_message_comes_the_higher_its_closeness() -> None:
    assert ANOTHER_ID < NO_ID < NEARLY_THE_ID < ANOTHER_MESSAGE


def test_numbers_in_headers_are_judged_as_numbers() -> None:
    wanted: Any = {"headers": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}}
    other: Any = {"payload": {}}
    match = Match(wanted=(wanted,), others=(other,))

    assert miss(match, message({}, headers=(("N", "7"),))) is None
    assert closeness(match, message({}, headers=(("n", "seven"),))) == ANOTHER_MESSAGE


def test_a_schema_that_is_none_judges_nothing() -> None:
    assert miss(Match(wanted=({"payload": {"type": 5}},), others=(NO,)), message({"no": 1})) is None


def test_a_huge_payload_is_looked_through_in_bounds() -> None:
    assert closeness(Match("c1", in_payload=True), message({"a": list(range(50_000))})) == NO_ID
