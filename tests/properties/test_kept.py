"""What outlives a process comes back as it was, and no secret with it."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from arazzo_runner.effects import Answered, Failed, Request, Response, Send, Sleep, Woke
from arazzo_runner.engine.events import Event
from arazzo_runner.errors import InvalidState, JournalError
from arazzo_runner.openapi.auth.credentials import Credential, Credentials
from arazzo_runner.runtime.secrets.placeholders import Given, Placeholders, asked_inputs
from arazzo_runner.runtime.serialization import decode, encode
from tests.support.own_cases import plan_of
from tests.support.runs import SECRET, failing, hostile, hostile_answer, polling, run

NUMBER = "0123456789abcdef0123456789abcdef"

texts = st.text(st.characters(exclude_categories=[]), max_size=20)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=15,
)
marked = st.sampled_from(["$bytes", "$object", "$set", "$value"])


@given(plain | st.dictionaries(marked, plain, max_size=1))
@example({"$value": ["Sleep", {"seconds": 1}]})
@example({"$object": {"$bytes": ""}})
def test_plain_data_comes_back_whatever_it_looks_like(data: Any) -> None:
    assert decode(encode(data)) == data


@given(plain)
def test_effects_and_answers_come_back_equal(data: Any) -> None:
    request = Request("POST", "https://a.example/?q=\udc80", (("A", "b"), ("A", "c")), encode(data).encode())
    response = Response(200, (("Content-Type", "x"),), b"\xff\x00")
    for value in (Send(request, 1.5), Send(request), Sleep(0.1), Answered(response, 1.0, 2.0), Woke(3.0)):
        assert decode(encode(value)) == value
    assert decode(encode(Failed("timeout", str(data), 1.0))) == Failed("timeout", str(data), 1.0)


@pytest.mark.parametrize("case", [polling(3), failing(), hostile()], ids=["polling", "failing", "hostile"])
def test_events_come_back_equal(case: Any) -> None:
    told: list[Event] = []
    run(case, told.append, answer=hostile_answer if case["id"] == "hostile" else None)
    assert decode(encode(told)) == told


@pytest.mark.parametrize("text", ["", "{", '{"$value": ["Nothing", {}]}', '{"$value": ["Sleep", {"minutes": 1}]}'])
def test_what_another_release_wrote_is_refused(text: str) -> None:
    with pytest.raises(InvalidState, match="not written by this release"):
        decode(text)


def test_what_cannot_be_read_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="object cannot be serialised"):
        encode({"a": object()})


secrets = st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=12)


@given(st.lists(secrets, min_size=1, max_size=3), st.lists(plain, max_size=3))
@example(["null", "true"], [{"inputs": {"s0": "null", "a": None}}])
@example(["aaaa", "aaaaa"], ["aaaaaaaaaa"])
def test_hidden_data_comes_back_and_holds_no_secret(values: list[str], data: list[Any]) -> None:
    inputs = {f"s{index}": value for index, value in enumerate(values)}
    placeholders = Placeholders(NUMBER, Given(inputs, frozenset(inputs)))
    written = [
        *data,
        {"inputs": dict(inputs), "text": f"Bearer {values[0]}", values[0]: [values[-1].encode("utf-8")]},
        [quote(value, safe="") for value in values],
        [base64.b64encode(f"user:{value}".encode()).decode() for value in values],
    ]
    hidden = placeholders.hide(written)
    assert placeholders.reveal(hidden) == json_like(written)
    for value in values:
        assert value not in without_marks(hidden)


def json_like(value: Any) -> Any:
    match value:
        case dict():
            return {key: json_like(item) for key, item in value.items()}
        case list() | tuple():
            return [json_like(item) for item in value]
        case _:
            return value


def without_marks(value: Any) -> list[str]:
    """Every text in the data that is not one of ours."""
    match value:
        case str():
            return [value]
        case bytes():
            return [value.decode("utf-8", "surrogateescape")]
        case dict():
            return [text for pair in value.items() for item in pair for text in without_marks(item)]
        case list():
            return [text for item in value for text in without_marks(item)]
        case _:
            return []


def test_a_server_cannot_write_a_placeholder() -> None:
    mine = Placeholders(NUMBER, Given({"apiToken": SECRET}, frozenset({"apiToken"})))
    guessed = [f"<{'0' * 32}:0:apiToken>", "<:0:apiToken>", "<0:apiToken>", "<{number}:0:apiToken>"]
    assert mine.reveal(guessed) == guessed


def test_numbers_and_short_secrets_are_hidden_in_their_own_place() -> None:
    inputs = {"pin": 1234, "secret": "ab", "credentials": {"user": "ann", "id": 7}}
    placeholders = Placeholders(NUMBER, Given(inputs, frozenset(inputs)))
    state = {"inputs": {**inputs, "n": 1234}, "frames": [{"inputs": {"pin": 1234}, "other": 1234}]}
    hidden = placeholders.hide(state)
    assert hidden["inputs"]["n"] == 1234
    assert not [name for name in inputs if hidden["inputs"][name] == inputs[name]]
    assert hidden["frames"][0]["inputs"]["pin"] != 1234
    assert placeholders.reveal(hidden) == state
    renewed = {"pin": 99, "secret": "cd", "credentials": {"user": "bob", "id": 8}}
    other = Placeholders(NUMBER, Given(renewed, frozenset(renewed)))
    assert other.reveal(hidden)["inputs"] == {**renewed, "n": 1234}


def test_a_credential_may_be_given_in_another_place_and_be_another() -> None:
    before = Given(credentials=Credentials({"my-api": Credential("ann:first one", "ann", "first one")}))
    after = Given(credentials=Credentials(by_variable={"ARAZZO_AUTH_MY_API": Credential("ann:new", "ann", "new")}))
    header = f"Basic {base64.b64encode(b'ann:first one').decode()}"
    hidden = Placeholders(NUMBER, before).hide([header, "password=first+one", "ann"])
    assert "first" not in json.dumps(hidden)
    revealed = Placeholders(NUMBER, after).reveal(hidden)
    assert revealed == [f"Basic {base64.b64encode(b'ann:new').decode()}", "password=new", "ann"]


def test_a_secret_that_is_not_given_again_is_named() -> None:
    hidden = Placeholders(NUMBER, Given({"apiToken": SECRET}, frozenset({"apiToken"}))).hide([SECRET])
    with pytest.raises(JournalError, match="not given now: apiToken"):
        Placeholders(NUMBER, Given()).reveal(hidden)


def test_inputs_that_hold_a_secret_are_asked_for_again() -> None:
    inputs = {
        "apiToken": 1,
        "db": {"host": "h", "password": "p"},
        "list": [{"api_key": "k"}],
        "name": "n",
        "maxTokens": 3,
    }
    properties = {**{name: {} for name in inputs}, "hush": {"type": "string", "format": "password"}, "sent": {}}
    sent = [{"name": "Authorization", "in": "header", "value": "Bearer $inputs.sent"}]
    step = {"stepId": "list", "operationId": "listItems", "parameters": sent}
    plan = plan_of({"id": "asked", "workflow": {"inputs": {"properties": properties}, "steps": [step]}})
    given_now = {**inputs, "hush": "x", "sent": "y"}
    assert asked_inputs(plan, given_now) == {"apiToken", "db", "list", "hush", "sent"}
