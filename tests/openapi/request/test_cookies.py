"""The jar of a run (RFC 6265)."""

from __future__ import annotations

import pytest

from arazzo_runner.openapi.request.cookies import cookies_for, looks_like_set_cookie, stored

NOW = 1_700_000_000.0
URL = "https://api.example.com/v1/login"


@pytest.mark.parametrize(
    ("text", "url", "sent"),
    [
        ("a=1", "https://api.example.com/v1/data", ["a=1"]),
        ("a=1", "https://api.example.com/v2/data", []),
        ("a=1; Path=/", "https://api.example.com/v2", ["a=1"]),
        ("a=1; Path=/v", "https://api.example.com/v1", []),
        ("a=1; Path=/", "https://other.example.com/", []),
        ("a=1; Path=/; Domain=.example.com", "https://other.example.com/", ["a=1"]),
        ("a=1; Path=/; Domain=other.com", "https://other.com/", []),
        ("a=1; Path=/; Domain=com", "https://api.example.com/", []),
        ("a=1; Path=/; Secure", "http://api.example.com/", []),
        ("a=1; Path=/; HttpOnly; SameSite=Lax", "https://api.example.com/", ["a=1"]),
        ("a=1; Path=/; Max-Age=0", "https://api.example.com/", []),
        ("a=1; Path=/; Max-Age=60", "https://api.example.com/", ["a=1"]),
        ("a=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "https://api.example.com/", []),
        ("a=1; Path=/; Expires=Thu, 01-Jan-2099 00:00:00 GMT", "https://api.example.com/", ["a=1"]),
        ("a=b=c; Path=/", "https://api.example.com/", ["a=b=c"]),
        ("a; Path=/", "https://api.example.com/", []),
        ("=x; Path=/", "https://api.example.com/", []),
    ],
)
def test_a_cookie_is_sent_where_it_is_for(text: str, url: str, sent: list[str]) -> None:
    kept = stored((), URL, (("Set-Cookie", text),), NOW)
    assert [f"{name}={value}" for name, value in cookies_for(kept, url, NOW)] == sent


def test_a_later_cookie_replaces_and_removes_an_earlier_one_of_its_name() -> None:
    first = stored((), URL, (("set-cookie", "a=1; Path=/"), ("set-cookie", "b=1; Path=/v1")), NOW)
    assert cookies_for(first, URL, NOW) == [("b", "1"), ("a", "1")]
    second = stored(first, URL, (("Set-Cookie", "a=2; Path=/"), ("Set-Cookie", "b=; Path=/v1; Max-Age=-1")), NOW)
    assert cookies_for(second, URL, NOW) == [("a", "2")]


def test_a_cookie_expires() -> None:
    kept = stored((), URL, (("Set-Cookie", "a=1; Path=/; Max-Age=60"),), NOW)
    assert cookies_for(kept, URL, NOW + 61) == []


def test_an_address_is_in_no_domain() -> None:
    assert stored((), "http://127.0.0.1/", (("Set-Cookie", "a=1; Domain=0.0.1"),), NOW) == ()


@pytest.mark.parametrize(
    ("value", "is_one"),
    [("a=1; Path=/", True), ("x; HttpOnly", True), ("a; max-age=3", True), ("a=1; b=2", False), (7, False)],
)
def test_the_value_of_a_set_cookie_header_is_known_by_its_attributes(value: object, is_one: bool) -> None:
    assert looks_like_set_cookie(value) is is_one
