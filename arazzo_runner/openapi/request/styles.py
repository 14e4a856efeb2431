"""The styles of parameters, RFC 6570's as OpenAPI takes them over: a value to text, or to pairs of name and text (H3).

What the specification leaves undefined is settled here: ``null`` members and items are left out, nested values are
written as JSON, an array or object that is empty counts as not given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import quote

from msgspec import Struct

from arazzo_runner.errors import StepError

UNRESERVED = "-._~"
"""Beside letters and digits, what RFC 3986 never needs to have encoded."""

Encode: TypeAlias = Callable[[str], str]
Pairs: TypeAlias = list[tuple[str, str]]

_TRIPLE = re.compile(r"(%[0-9A-Fa-f]{2})")
_DELIMITERS = {"spaceDelimited": " ", "pipeDelimited": "|"}


def encode(text: str, *, safe: str = "", keep_triples: bool = False) -> str:
    """Percent-encode all but unreserved characters and ``safe``.

    Args:
        keep_triples: what is percent-encoded already stays as it is (RFC 6570, reserved expansion).

    Raises:
        StepError: ``request-invalid``: the text holds half of a surrogate pair, which no encoding can write.
    """
    try:
        if not keep_triples:
            return quote(text, UNRESERVED + safe, errors="surrogateescape")
        parts = enumerate(_TRIPLE.split(text))
        return "".join(
            part if at % 2 else quote(part, UNRESERVED + safe, errors="surrogateescape") for at, part in parts
        )
    except UnicodeEncodeError:
        raise StepError("request-invalid", "a value holds half of a surrogate pair, which cannot be sent") from None


class Escapes(Struct, frozen=True):
    """The escapes that make names and values fit their place; delimiters that a style adds count as name."""

    name: Encode
    value: Encode


PERCENT = Escapes(encode, encode)
"""Everything but unreserved characters percent-encoded."""
VERBATIM = Escapes(str, str)
"""Nothing encoded: where other rules than a URL's hold."""


def scalar_text(value: Any) -> str:
    """A value inside a parameter as text: strings as they are, all else as JSON writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return json_text(value)


def json_text(value: Any, *, ascii_only: bool = False) -> str:
    """A value as compact JSON.

    Raises:
        StepError: ``request-invalid``: JSON cannot hold it: bytes, NaN, an infinity.
    """
    try:
        return json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        found = "bytes" if isinstance(error, TypeError) else "a number that is not finite, or a circle"
        raise StepError("request-invalid", f"JSON cannot hold what is to be sent: it contains {found}") from None


def is_empty(value: Any) -> bool:
    """Return whether a value counts as not given: an array or object without members, ``null`` ones aside."""
    match value:
        case dict():
            return all(item is None for item in value.values())
        case list():
            return all(item is None for item in value)
        case _:
            return value is None


def _items(value: list[Any]) -> list[str]:
    return [scalar_text(item) for item in value if item is not None]


def _members(value: Mapping[str, Any]) -> Pairs:
    return [(key, scalar_text(item)) for key, item in value.items() if item is not None]


def _flat(value: Any) -> list[str]:
    return [part for pair in _members(value) for part in pair] if isinstance(value, dict) else _items(value)


def simple(value: Any, *, explode: bool, encoded: Encode) -> str:
    """``simple``, for paths and headers: ``a,b`` and ``k,v`` or, exploded, ``k=v``."""
    match value:
        case dict() if explode:
            return ",".join(f"{encoded(key)}={encoded(item)}" for key, item in _members(value))
        case dict() | list():
            return ",".join(map(encoded, _flat(value)))
        case _:
            return encoded(scalar_text(value))


def label(value: Any, *, explode: bool, encoded: Encode) -> str:
    """``label``: ``.a``; exploded arrays and objects repeat the dot."""
    match value:
        case dict() if explode:
            return "".join(f".{encoded(key)}={encoded(item)}" for key, item in _members(value))
        case list() if explode:
            return "".join(f".{encoded(item)}" for item in _items(value))
        case _:
            return "." + simple(value, explode=False, encoded=encoded)


def matrix(name: str, value: Any, *, explode: bool, encoded: Encode) -> str:
    """``matrix``: ``;name=a``; an empty string has no ``=``."""
    key = encoded(name)
    match value:
        case dict() if explode:
            return "".join(f";{encoded(member)}={encoded(item)}" for member, item in _members(value))
        case list() if explode:
            return "".join(f";{key}={encoded(item)}" if item else f";{key}" for item in _items(value))
        case "":
            return f";{key}"
        case _:
            return f";{key}={simple(value, explode=False, encoded=encoded)}"


def style_pairs(name: str, value: Any, *, style: str, explode: bool, escapes: Escapes) -> Pairs:
    """The styles of a query, a cookie or a form: pairs of name and value, both escaped.

    A style that cannot hold the value's type, where the specification says *undefined*, falls back to ``form``; an
    array as ``deepObject`` is written with its indexes, as the APIs that declare it so read it.
    """
    key = escapes.name(name)
    match style, value:
        case _ if is_empty(value):
            return []
        case "deepObject", dict():
            return _deep(key, value, escapes)
        case "deepObject", list():
            return indexed(key, value, escapes)
        case (("form" | "cookie"), dict()) if explode:
            return [(escapes.name(member), escapes.value(item)) for member, item in _members(value)]
        case _, list() if explode:
            return [(key, escapes.value(item)) for item in _items(value)]
        case (("spaceDelimited" | "pipeDelimited"), dict() | list()):
            return [(key, escapes.name(_DELIMITERS[style]).join(map(escapes.value, _flat(value))))]
        case _:
            return [(key, simple(value, explode=False, encoded=escapes.value))]


def _deep(name: str, value: Mapping[str, Any], escapes: Escapes) -> Pairs:
    """``deepObject``; members that are objects nest, arrays of texts repeat, as most servers read them."""
    return [pair for key, item in value.items() for pair in _bracketed(name, key, item, escapes)]


def indexed(name: str, value: list[Any], escapes: Escapes) -> Pairs:
    """An array in brackets: ``name[0][price]=p1&name[0][quantity]=2``.

    Args:
        name: escaped.
    """
    return [pair for index, item in enumerate(value) for pair in _bracketed(name, str(index), item, escapes)]


def holds_structures(value: Any) -> bool:
    """Tell if a value is an array with objects or arrays in it."""
    return isinstance(value, list) and any(isinstance(item, dict | list) for item in value)


def _bracketed(name: str, key: str, value: Any, escapes: Escapes) -> Pairs:
    here = f"{name}{escapes.name('[')}{escapes.name(key)}{escapes.name(']')}"
    match value:
        case None:
            return []
        case dict():
            return _deep(here, value, escapes)
        case list() if holds_structures(value):
            return indexed(here, value, escapes)
        case list():
            return [(here, escapes.value(part)) for part in _items(value)]
        case _:
            return [(here, escapes.value(scalar_text(value)))]
