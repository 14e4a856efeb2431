"""Credentials (H5): what is added to a request, what is not, and what the user is told."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import pytest

from arazzo_runner.effects import Response
from arazzo_runner.errors import StepError
from arazzo_runner.openapi.auth.credentials import Credential, Credentials, environment_variable, parse_credential
from arazzo_runner.openapi.auth.security import Applied, NeedKind, apply_security
from arazzo_runner.openapi.auth.tokens import DEFAULT_LIFETIME, EARLY, read_token
from arazzo_runner.openapi.request.parameters import Argument, serialize
from tests.support.descriptions import operation

SCHEMES: dict[str, Any] = {
    "inHeader": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "inQuery": {"type": "apiKey", "in": "query", "name": "key"},
    "inCookie": {"type": "apiKey", "in": "cookie", "name": "sid"},
    "basic": {"type": "http", "scheme": "Basic"},
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "digest": {"type": "http", "scheme": "digest"},
    "other": {"type": "http", "scheme": "negotiate"},
    "oauth": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "https://t", "scopes": {"read": ""}}}},
    "oidc": {"type": "openIdConnect", "openIdConnectUrl": "https://o"},
    "tls": {"type": "mutualTLS"},
    "odd": {"type": "magic"},
    "placeless": {"type": "apiKey", "name": "k", "in": "body"},
}


def applied(security: Sequence[Any], arguments: Sequence[Argument] = (), **given: str) -> Applied:
    """What is added for an operation with that ``security``, given credentials by scheme as they are typed."""
    described = operation({"security": [*security]}, components={"securitySchemes": SCHEMES})
    credentials = Credentials({scheme: parse_credential(text) for scheme, text in given.items()})
    return apply_security(described, credentials, serialize(described, [*arguments]))


def scheme(name: str, *scopes: str) -> dict[str, list[str]]:
    return {name: [*scopes]}


# Each scheme


ENCODED = base64.b64encode(b"ann:p:w").decode()


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("inHeader", "k:1", Applied(headers=(("X-Key", "k:1"),), secrets=("k:1",))),
        ("inQuery", "k&1", Applied(query=(("key", "k&1"),), secrets=("k&1",))),
        ("inCookie", "k", Applied(cookies=(("sid", "k"),), secrets=("k",))),
        (
            "basic",
            "ann:p:w",
            Applied(headers=(("Authorization", f"Basic {ENCODED}"),), secrets=("p:w", "ann:p:w", ENCODED)),
        ),
        ("bearer", "t0ken", Applied(headers=(("Authorization", "Bearer t0ken"),), secrets=("t0ken",))),
        ("bearer", "Bearer t0ken", Applied(headers=(("Authorization", "Bearer t0ken"),), secrets=("t0ken",))),
        ("bearer", "a:b", Applied(headers=(("Authorization", "Bearer a:b"),), secrets=("a:b",))),
        ("oauth", "t0ken", Applied(headers=(("Authorization", "Bearer t0ken"),), secrets=("t0ken",))),
        ("oidc", "bearer a:b", Applied(headers=(("Authorization", "Bearer a:b"),), secrets=("a:b",))),
    ],
)
def test_a_scheme_adds_its_credential_and_lists_every_secret(name: str, text: str, expected: Applied) -> None:
    assert applied([scheme(name)], (), **{name: text}) == expected


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("oauth", "id:secret", NeedKind.OAUTH2_TOKEN),
        ("oidc", "id:secret", NeedKind.OPENID_CONNECT_TOKEN),
        ("digest", "ann:pw", NeedKind.DIGEST_ANSWER),
    ],
)
def test_a_scheme_that_takes_an_exchange_names_it_and_adds_nothing(name: str, text: str, kind: NeedKind) -> None:
    result = applied([scheme(name, "read")], (), **{name: text})
    (need,) = result.needs
    assert (need.kind, need.scheme.name, need.scopes) == (kind, name, ("read",))
    assert need.credential == parse_credential(text)
    assert (result.headers, result.query, result.cookies, result.warnings) == ((), (), (), ())
    assert text in result.secrets


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("basic", "basic takes USER:PASSWORD"),
        ("digest", "digest takes USER:PASSWORD"),
        ("other", "other is of the http scheme 'negotiate', which is not known"),
        ("odd", "odd is of an unknown type 'magic'"),
        ("placeless", "placeless does not say in which header, query parameter or cookie its key goes"),
    ],
)
def test_a_credential_that_does_not_fit_is_not_sent_and_the_warning_says_why(name: str, why: str) -> None:
    result = applied([scheme(name)], (), **{name: "t0ken"})
    assert result.secrets == ()
    (warning,) = result.warnings
    assert why in warning
    assert "t0ken" not in warning


def test_a_pair_without_its_text_is_no_token() -> None:
    described = operation({"security": [{"bearer": [], "inHeader": []}]}, components={"securitySchemes": SCHEMES})
    pair = Credential(identity="ann", secret="pw")
    credentials = Credentials({"bearer": pair, "inHeader": pair})
    (warning,) = apply_security(described, credentials, serialize(described, [])).warnings
    assert "bearer takes a token, not a pair; inHeader takes a key, not a pair" in warning


# Alternatives


def test_nothing_is_added_where_nothing_is_asked_for() -> None:
    assert applied([], bearer="t") == Applied()
    assert applied([{}], bearer="t") == Applied()


def test_the_first_alternative_with_all_its_credentials_is_applied() -> None:
    alternatives: list[dict[str, Any]] = [{"inHeader": [], "inQuery": []}, {"bearer": []}, {"inCookie": []}]
    assert applied(alternatives, inHeader="h", bearer="b", inCookie="c").headers == (("Authorization", "Bearer b"),)
    both = applied(alternatives, inHeader="h", inQuery="q", bearer="b")
    assert (both.headers, both.query, both.secrets) == ((("X-Key", "h"),), (("key", "q"),), ("h", "q"))


def test_an_empty_alternative_needs_nothing() -> None:
    assert applied([{"bearer": []}, {}]) == Applied()
    assert applied([{"bearer": []}, {}], bearer="t").headers == (("Authorization", "Bearer t"),)
    assert applied([{}, {"bearer": []}], bearer="t") == Applied()


def test_a_scheme_that_the_description_does_not_define_is_skipped_with_a_warning() -> None:
    skipped = "anOperation asks for the security scheme 'ghost', which its description does not define; skipped"
    assert applied([{"ghost": []}]) == Applied(warnings=(skipped,))
    both = applied([{"ghost": [], "bearer": []}], bearer="t")
    assert (both.headers, both.warnings) == ((("Authorization", "Bearer t"),), (skipped,))


def test_an_alternative_that_is_defined_comes_before_one_that_is_not() -> None:
    result = applied([{"ghost": []}, {"bearer": []}], bearer="t")
    assert (result.headers, result.warnings) == ((("Authorization", "Bearer t"),), ())


def test_none_found_names_the_schemes_and_what_to_type() -> None:
    warning = (
        "anOperation asks for credentials for bearer or oauth, and is sent without; give them: "
        "--auth bearer=VALUE (or ARAZZO_AUTH_BEARER), --auth oauth=VALUE (or ARAZZO_AUTH_OAUTH)"
    )
    alternatives: list[dict[str, Any]] = [{"inHeader": [], "bearer": []}, {"oauth": []}]
    assert applied(alternatives, inHeader="h") == Applied(warnings=(warning,))


# What the step itself sends


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("bearer", Argument("authorization", "header", "Bearer mine")),
        ("oauth", Argument("Authorization", "header", "Bearer mine")),
        ("inHeader", Argument("x-key", "header", "mine")),
        ("inQuery", Argument("key", "query", "mine")),
        ("inQuery", Argument("all", "querystring", "a=1&key=mine")),
        ("inCookie", Argument("sid", "cookie", "mine")),
        ("inCookie", Argument("Cookie", "header", "a=1; sid=mine")),
    ],
)
def test_what_the_step_itself_sends_is_left_alone(name: str, argument: Argument) -> None:
    assert applied([scheme(name)], [argument]) == Applied()
    assert applied([scheme(name)], [argument], **{name: "given"}) == Applied()


def test_a_step_that_meets_a_later_alternative_itself_gets_nothing_added() -> None:
    own = [Argument("Authorization", "header", "Bearer mine")]
    assert applied([{"inHeader": []}, {"bearer": []}], own, inHeader="h") == Applied()


def test_what_the_step_does_not_send_of_an_alternative_is_added() -> None:
    own = [Argument("X-Key", "header", "mine")]
    assert applied([{"inHeader": [], "bearer": []}], own, bearer="t").headers == (("Authorization", "Bearer t"),)


# Added to a request


def test_what_is_applied_is_added_to_the_request() -> None:
    described = operation({"security": [{"inHeader": [], "inQuery": [], "inCookie": []}]})
    target = serialize(described, [Argument("q", "query", "1"), Argument("a", "cookie", "b")])
    Applied((("X-Key", "h"),), (("k y", "a&b"),), (("sid", "c"),), warnings=("w",)).add_to(target)
    assert target.headers == [("X-Key", "h"), ("Cookie", "a=b; sid=c")]
    assert target.query == "q=1&k%20y=a%26b"
    assert target.warnings == ["w"]


@pytest.mark.parametrize(
    "result", [Applied(headers=(("X-Key", "a\r\nX-Evil: 1"),)), Applied(cookies=(("sid", "a; admin=1"),))]
)
def test_a_credential_can_never_add_a_header_or_cookie(result: Applied) -> None:
    with pytest.raises(StepError):
        result.add_to(serialize(operation(), []))


# Where credentials come from


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" t0ken\n", Credential("t0ken")),
        ("ann:p:w", Credential("ann:p:w", "ann", "p:w")),
        ("key:", Credential("key:", "key", "")),
    ],
)
def test_a_credential_is_read_as_it_is_typed(text: str, expected: Credential) -> None:
    assert parse_credential(text) == expected


def test_a_credential_does_not_show_its_secrets() -> None:
    assert repr(parse_credential("half:a-key")) == "Credential()"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("bearerAuth", "ARAZZO_AUTH_BEARERAUTH"), ("api-key.v2", "ARAZZO_AUTH_API_KEY_V2"), ("é", "ARAZZO_AUTH__")],
)
def test_a_scheme_has_its_environment_variable(name: str, expected: str) -> None:
    assert environment_variable(name) == expected


def test_a_credential_by_name_comes_before_one_by_variable() -> None:
    by_variable = {"ARAZZO_AUTH_A_B": Credential("variable")}
    assert Credentials({}, by_variable).get("a-b") == Credential("variable")
    assert Credentials({"a-b": Credential("name")}, by_variable).get("a-b") == Credential("name")
    assert Credentials({}, by_variable).get("other") is None


@pytest.mark.parametrize("lifetime", ["9" * 400, '"soon"', "[]"])
def test_a_lifetime_that_is_no_time_is_the_usual_one(lifetime: str) -> None:
    need: Any = None  # asked for a refusal only
    body = f'{{"access_token": "abcd", "expires_in": {lifetime}}}'.encode()
    assert read_token(need, Response(200, (), body), 1000.0).expires_at == 1000.0 + DEFAULT_LIFETIME - EARLY
