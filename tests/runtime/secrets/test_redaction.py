"""Secrets never leave (S1)."""

from __future__ import annotations

import base64
import json
from html import escape as html_escape
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape as xml_escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arazzo_runner.effects import MASK, Request, Response
from arazzo_runner.engine.inputs import check_inputs
from arazzo_runner.runtime.secrets.finder import Finder
from arazzo_runner.runtime.secrets.redaction import MAX_LEARNED, NO_SECRETS, Redactor, secret_inputs
from arazzo_runner.secrecy import SecretNames, is_secret_name

SECRET = """
    pwd pswd passcode pin otp jwt bearer mfaCode authCode code_verifier privateKey accessKey encryptionKey licenseKey
    subscription-key x-functions-key sessionId X-Auth mnemonic ssn cvv connectionString tokens accesstoken clientsecret
    hftoken hfTokens accessTokens apikeys privatekey sessionid PASSWORD2 OAuthToken AWS_SECRET_ACCESS_KEY userPin
"""
NOT_SECRET = """
    code key nonce salt signature prompt_tokens token_count maxtokens max_new_tokens cachedTokens totaltokens
    tokenEndpoint token_types passwordPolicy sort_key primaryKey status_code user_id session auth shipping spin
"""


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


@pytest.mark.parametrize("name", SECRET.split())
def test_words_plurals_and_names_run_together_are_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", NOT_SECRET.split())
def test_names_that_count_or_describe_are_not_secret(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize("spelling", ["deviceId", "device_id", "Device-ID", "DEVICE_ID"])
def test_a_name_of_the_user_means_every_spelling(spelling: str) -> None:
    assert SecretNames(secret=("deviceId",)).has(spelling)
    assert not SecretNames(not_secret=("apiToken",)).has("api_token")
    assert SecretNames(secret=("deviceId",), not_secret=("apiToken",)).has("hfToken")


def test_a_name_of_the_user_is_masked_wherever_it_stands() -> None:
    redactor = Redactor(SecretNames(secret=("deviceId", "größe")))
    answer = Response(
        200, (("Device-Id", "in a header"),), '{"device_id": "in a body", "GRÖSSE": 1, "größe": 5}'.encode()
    )
    redactor.learn_response(answer)
    redactor.learn_request(Request("GET", "https://a.example/?deviceId=in+a+query&page=2"))
    masked = redactor.response(answer)
    assert masked.headers == (("Device-Id", MASK),)
    assert json.loads(masked.body) == {"device_id": MASK, "GRÖSSE": 1, "größe": MASK}
    assert redactor.url("https://a.example/?deviceId=x&page=2") == f"https://a.example/?deviceId={MASK}&page=2"
    assert redactor.text("in a header, in a body, in a query") == f"{MASK}, {MASK}, {MASK}"


def test_a_member_whose_name_is_written_in_escapes_is_masked() -> None:
    redactor = Redactor()
    answer = Response(200, (), rb'{"p\u0077d": "hunter22"}')
    redactor.learn_response(answer)
    assert b"hunter22" not in redactor.response(answer).body


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
    redactor.learn_request(
        Request("GET", "https://a/", (("Authorization", f"Basic {pair}"), ("Cookie", "sid=abc1def")))
    )
    assert redactor.text(f"{pair} correct horse abc1def") == f"{MASK} {MASK} {MASK}"


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


WITH_ALL = 'Zq1x:&<"/\\Wv8k é'
"""A password with a character of each kind that something encodes."""


@pytest.mark.parametrize(
    "written",
    [
        xml_escape(WITH_ALL),
        html_escape(WITH_ALL),
        quote(WITH_ALL, safe=":/?#[]@!$&'()*+,;="),
        quote(quote(WITH_ALL)),
        quote(json.dumps({"k": WITH_ALL})),
        json.dumps(json.dumps({"k": WITH_ALL})),
        json.dumps(json.dumps(json.dumps({"k": WITH_ALL}, ensure_ascii=False))),
        json.dumps(WITH_ALL).replace("/", "\\/"),
        json.dumps(WITH_ALL).replace("&", "\\u0026").replace("<", "\\u003C"),
        xml_escape(xml_escape(WITH_ALL)),
    ],
)
def test_a_secret_is_masked_however_it_is_encoded(written: str) -> None:
    masked = knowing(WITH_ALL).text(f"before {written} after")
    assert "Zq1x" not in masked
    assert "Wv8k" not in masked


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_a_secret_is_masked_in_wide_characters(encoding: str) -> None:
    masked = knowing(WITH_ALL).body(json.dumps({"k": WITH_ALL}).encode(encoding))
    assert json.loads(masked.decode(encoding)) == {"k": MASK}


TOKEN = "gho_16C7e42F292c6912E7"


@pytest.mark.parametrize(
    "body",
    [
        f"access_token={TOKEN}&scope=repo&token_type=bearer",
        f"<r><access_token>{TOKEN}</access_token></r>",
        f"<o:accessToken type='x'>{TOKEN}</o:accessToken>",
        f'{{"access_token": "{TOKEN}"}}\n{{"n": 1}}\n',
        f'event: login\ndata: {{"access_token":"{TOKEN}"}}\n\n',
        f'{{"access_token": "{TOKEN}",}}',
        f'{{"redirect_url": "https://a.example/cb#access_token={TOKEN}"}}',
        f'{{"repo": "https://bot:{TOKEN}@git.example/a.git", "token_type": "basic"}}',
        json.dumps({"data": json.dumps({"access_token": TOKEN})}),
        f"users:\n- name: ann\n  user:\n    token: {TOKEN}\n",
        f"<r><token><![CDATA[{TOKEN}]]></token></r>",
        f"it said\nAuthorization: Bearer {TOKEN}\n",
        f'[{{"name": "API_TOKEN", "value": "{TOKEN}"}}]',
    ],
)
def test_a_token_of_an_answer_is_masked_whatever_the_answer_is_written_in(body: str) -> None:
    redactor = Redactor()
    answer = Response(200, (), body.encode())
    redactor.learn_response(answer)
    assert TOKEN not in redactor.response(answer).body.decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Location", f"https://a.example/cb?state=1&access_token={TOKEN}"),
        ("WWW-Authenticate", f'Bearer realm="x", token="{TOKEN}"'),
    ],
)
def test_a_token_in_a_header_of_an_answer_is_masked(name: str, value: str) -> None:
    redactor = Redactor()
    answer = Response(302, ((name, value),))
    redactor.learn_response(answer)
    assert TOKEN not in redactor.response(answer).headers[0][1]


@pytest.mark.parametrize(
    "answer",
    [
        {"auth": {"type": "access_token", "accessToken": {"displayName": "ci", "role": "read"}}},
        {"token_endpoint": "https://a.example/t", "token_endpoint_auth_methods_supported": ["none"], "token_count": 5},
        {"credentials": {"provider": {"type": "OKTA", "name": "OKTA"}}},
    ],
)
def test_what_only_stands_near_a_secret_name_is_left_as_it_is(answer: dict[str, Any]) -> None:
    redactor = Redactor()
    response = Response(200, (("Set-Cookie", "lang=english"),), json.dumps(answer).encode())
    redactor.learn_response(response)
    assert json.loads(redactor.response(response).body) == answer
    text = "/ready, none, OKTA and english at https://a.example/t"
    assert redactor.text(text) == text


def test_a_cookie_header_keeps_the_names_of_its_cookies() -> None:
    redactor = Redactor()
    request = Request("GET", "https://a.example/", (("Cookie", "theme=dark; tenant=acme=1"),))
    redactor.learn_request(request)
    assert redactor.request(request).header("Cookie") == f"theme={MASK}; tenant={MASK}"
    assert redactor.text("dark and light") == "dark and light"


def test_words_behind_a_secret_name_are_no_secrets() -> None:
    redactor = Redactor()
    redactor.learn_response(Response(200, (), b"<p>password=must have 8 characters, token=yes</p>"))
    assert redactor.text("it must, yes") == "it must, yes"


@pytest.mark.parametrize("kept", [4, 9, 120])
def test_the_beginning_of_a_secret_is_masked_where_a_text_was_cut(kept: int) -> None:
    secret = "hf_" + "".join(f"{number:03}" for number in range(60))
    redactor = knowing(secret, "another-secret")
    assert redactor.text(f"$inputs.hfToken is '{secret[:kept]}… (183 characters), and more…") == (
        f"$inputs.hfToken is '{MASK}… (183 characters), and more…"
    )


def test_outputs_show_what_was_sent_as_a_cookie_and_was_not_the_users() -> None:
    redactor = Redactor()
    redactor.learn_inputs(None, {"session": "the-users-own", "n": 1})
    redactor.learn_request(Request("GET", "https://a.example/", (("Cookie", "region=eu-west-1; sid=the-users-own"),)))
    assert redactor.outputs(["eu-west-1", "the-users-own"]) == ["eu-west-1", MASK]
    assert redactor.data(["eu-west-1", "the-users-own"]) == [MASK, MASK]


def test_a_security_schemes_query_parameter_is_masked_however_short() -> None:
    redactor = Redactor()
    redactor.learn_queries("k k")
    assert redactor.url("https://a.example/p?k%20k=abc&k=abc#f") == f"https://a.example/p?k%20k={MASK}&k=abc#f"


def test_a_long_secret_number_is_masked_wherever_it_stands() -> None:
    redactor = Redactor()
    redactor.learn_inputs(
        {"properties": {"pin": {"type": "integer", "format": "password"}}}, {"pin": 918273645, "n": 1}
    )
    assert (
        redactor.url("https://a.example/?pin=918273645&m=1918273645") == f"https://a.example/?pin={MASK}&m=1918273645"
    )
    assert json.loads(redactor.body(b'{"pin": 918273645, "n": 1}')) == {"pin": MASK, "n": 1}
    assert redactor.data({"seen": [918273645, 7]}) == {"seen": [MASK, 7]}


def test_an_error_of_inputs_shows_no_nested_secret() -> None:
    password = {"password": {"pattern": "^[0-9]+$"}}
    schema = {"properties": {"cfg": {"type": "object", "properties": password, "maxProperties": 1}}}
    errors = check_inputs(schema, {"cfg": {"password": "hunter22x", "more": 1}})
    assert len(errors) == 2
    assert "hunter22x" not in str(errors)


def test_a_secret_with_half_of_a_surrogate_pair_is_masked() -> None:
    redactor = Redactor()
    answer = Response(200, (), b'{"token": "abcd\\ud800", "n": "\\ud800"}')
    redactor.learn_response(answer)
    assert redactor.text("abcd\ud800") == MASK
    assert json.loads(redactor.response(answer).body) == {"token": MASK, "n": "\ud800"}


def test_what_another_thread_learns_meanwhile_is_masked_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    redactor = Redactor()
    redactor.learn("the-first-secret")
    masked = Finder.masked

    def learning(self: Finder, text: str) -> str:
        found = masked(self, text)
        monkeypatch.setattr(Finder, "masked", masked)
        finder = redactor._finder
        redactor.learn("the-second-secret")
        redactor._finder = finder  # what the slower thread puts back
        return found

    monkeypatch.setattr(Finder, "masked", learning)
    assert redactor.text("the-first-secret") == "[redacted]"
    assert redactor.text("the-second-secret") == "[redacted]"
