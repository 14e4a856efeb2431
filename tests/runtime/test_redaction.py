"""Secrets never leave (S1)."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arazzo_runner.effects import MASK, Request, Response
from arazzo_runner.runtime.redaction import MAX_LEARNED, NO_SECRETS, Redactor, secret_inputs
from arazzo_runner.secrecy import is_secret_name


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("hfToken", True),
        ("token", True),
        ("ACCESS_TOKEN", True),
        ("client-secret", True),
        ("userPassword", True),
        ("passwd", True),
        ("passphrase", True),
        ("awsCredentials", True),
        ("Authorization", True),
        ("apiKey", True),
        ("api_key", True),
        ("x-api-key", True),
        ("APIKey", True),
        ("maxTokens", False),
        ("monkey", False),
        ("key", False),
        ("tokenizer", False),
        ("secretary", False),
        ("apiVersion", False),
    ],
)
def test_which_names_are_secret(name: str, secret: bool) -> None:
    assert is_secret_name(name) is secret


def test_format_password_makes_an_input_a_secret() -> None:
    schema = {"properties": {"pin": {"type": "string", "format": "password"}, "name": {"type": "string"}}}
    assert secret_inputs(schema, ["pin", "name"]) == {"pin"}


def knowing(*values: str) -> Redactor:
    redactor = Redactor()
    redactor.learn(*values)
    return redactor


@given(secret=st.text(min_size=4, max_size=30), before=st.text(max_size=5), after=st.text(max_size=5))
def test_no_form_of_a_secret_survives(secret: str, before: str, after: str) -> None:
    redactor = knowing(secret)
    if secret == MASK or secret.lower() in NO_SECRETS:
        return
    assert secret not in redactor.text(before + secret + after).replace(MASK, "")
    quoted = json.dumps({"a": before + secret})
    assert json.dumps(secret)[1:-1] not in redactor.text(quoted).replace(MASK, "")


@pytest.mark.parametrize("prefix", ["", "u", "us", "usr", "user:"])
def test_base64_at_every_alignment_is_masked(prefix: str) -> None:
    secret = "a-long-enough-secret"
    encoded = base64.b64encode((prefix + secret + "!").encode()).decode()
    assert MASK in knowing(secret).text(f"Basic {encoded}")


def test_short_values_are_masked_in_their_own_place_only() -> None:
    redactor = Redactor()
    redactor.learn_inputs({"properties": {"pinToken": {}}}, {"pinToken": "12", "n": "1234"})
    assert redactor.text("12 is in 1234") == "12 is in 1234"
    assert redactor.inputs({"pinToken": "12", "n": "1234"}) == {"pinToken": MASK, "n": "1234"}


def test_nested_secret_members_of_inputs_are_masked() -> None:
    redactor = Redactor()
    redactor.learn_inputs(None, {"login": {"password": "hunter22", "user": "ann"}})
    assert redactor.inputs({"login": {"password": "hunter22", "user": "ann"}}) == {
        "login": {"password": MASK, "user": "ann"}
    }
    assert redactor.text("hunter22") == MASK


def test_what_a_request_sends_in_secret_headers_is_learned_with_what_is_inside() -> None:
    redactor = Redactor()
    pair = base64.b64encode(b"ann:correct horse").decode()
    redactor.learn_request(Request("GET", "https://a/", (("Authorization", f"Basic {pair}"), ("Cookie", "sid=abcdef"))))
    assert redactor.text(f"{pair} correct horse abcdef") == f"{MASK} {MASK} {MASK}"


def test_what_a_request_sends_in_a_security_schemes_query_parameter_is_learned() -> None:
    redactor = Redactor()
    redactor.learn_queries("key")
    redactor.learn_request(Request("GET", "https://a.example/?key=a%2Fplain%20value&page=long-enough"))
    assert redactor.text("a/plain value") == MASK
    assert redactor.url("https://a.example/?key=a%2Fplain%20value") == f"https://a.example/?key={MASK}"
    assert redactor.text("long-enough") == "long-enough"


def test_the_password_of_a_url_is_masked() -> None:
    redactor = Redactor()
    request = Request("GET", "https://ann:hunter22@api.example/a")
    redactor.learn_request(request)
    assert "hunter22" not in redactor.request(request).url


def test_headers_and_bodies_of_answers_are_masked_by_name() -> None:
    redactor = Redactor()
    answer = Response(
        200, (("X-Auth-Token", "tok-12345"), ("Set-Cookie", "a=bcde; Path=/")), b'{"id_token": "12", "n": 1}'
    )
    redactor.learn_response(answer)
    masked = redactor.response(answer)
    assert masked.headers == (("X-Auth-Token", MASK), ("Set-Cookie", f"a={MASK}; Path=/"))
    assert json.loads(masked.body) == {"id_token": MASK, "n": 1}


def test_a_flag_is_no_secret_whatever_its_name() -> None:
    redactor = Redactor()
    answer = Response(
        200, (("Access-Control-Allow-Credentials", "true"),), b'{"hasPassword": "False", "token_type": "Bearer"}'
    )
    redactor.learn_response(answer)
    assert redactor.response(answer).headers == answer.headers
    assert redactor.text("$.success == true or False, by Bearer") == "$.success == true or False, by Bearer"


def test_outputs_keep_what_an_answer_brought_but_not_what_the_user_gave() -> None:
    redactor = knowing("given-secret")
    redactor.learn_response(Response(200, (), b'{"access_token": "brought-secret"}'))
    assert redactor.outputs({"a": "brought-secret given-secret"}) == {"a": f"brought-secret {MASK}"}
    assert redactor.data({"a": "brought-secret given-secret"}) == {"a": f"{MASK} {MASK}"}


def test_a_long_run_remembers_a_bounded_number_of_answers_secrets() -> None:
    redactor = Redactor()
    for number in range(MAX_LEARNED + 10):
        redactor.learn_response(Response(200, (), json.dumps({"token": f"token-{number:06}"}).encode()))
    assert redactor.text("token-000000 is old") == "token-000000 is old"
    assert redactor.text(f"token-{MAX_LEARNED:06}") == MASK


def test_keys_and_bytes_are_masked_too() -> None:
    assert knowing("abcd").data({"abcd": [b"x abcd"]}) == {MASK: [f"x {MASK}".encode()]}
