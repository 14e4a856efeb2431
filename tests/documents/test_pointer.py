from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arazzo_runner.documents.pointer import PointerError, escape, join, resolve, split, unescape

RFC_6901: dict[str, Any] = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", RFC_6901),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
    ],
)
def test_the_examples_of_the_rfc(pointer: str, value: Any) -> None:
    assert resolve(RFC_6901, pointer) == value


@pytest.mark.parametrize(
    "pointer",
    [
        "/none",
        "/foo/2",
        "/foo/00",
        "/foo/-",
        "/foo/-1",
        "/foo/1e0",
        "/foo/\u0661",
        "/foo/0/x",
        "/foo/" + "9" * 5000,
        "foo",
        "/m~n",
        "/~",
    ],
)
def test_a_pointer_that_reaches_nothing_or_is_none_is_an_error(pointer: str) -> None:
    with pytest.raises(PointerError) as caught:
        resolve(RFC_6901, pointer)
    assert str(caught.value) == caught.value.message


@given(st.text())
def test_escaping_is_undone(token: str) -> None:
    assert unescape(escape(token)) == token
    assert split(join("", token, token)) == [token, token]


def test_indexes_are_joined_as_numbers() -> None:
    assert join("/a", 0, "b/c") == "/a/0/b~1c"
