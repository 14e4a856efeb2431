"""JSON text to plain data: the standard library's parser, made strict (H0)."""

from __future__ import annotations

import json
import re
from typing import Any

from arazzo_runner.documents.pointer import split
from arazzo_runner.documents.text.positions import scan_json
from arazzo_runner.documents.text.reading_rules import MAX_DEPTH, MAX_DEPTH_OF_VALUES, Fault, Unreadable
from arazzo_runner.documents.text.scalars import NotAJsonNumber, finite, integer

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LONG_NUMBER = re.compile(r"[-0-9.eE+]{300,}|NaN|-?Infinity|[0-9][eE][+]?[0-9]{3,}")


class _Duplicate(Exception):
    """An object has a key twice; where, the scan for positions finds out."""


def parse_json(text: str) -> Any:
    """The plain data of a JSON text.

    Raises:
        Unreadable: with every duplicate key, or the first of any other fault.
    """
    try:
        data = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=finite,
            parse_int=integer,
        )
    except json.JSONDecodeError as error:
        raise Unreadable(Fault("json-syntax", error.msg, error.pos)) from None
    except _Duplicate:
        raise Unreadable(*_duplicates(text)) from None
    except NotAJsonNumber as error:
        raise Unreadable(Fault("not-a-json-number", str(error), _offset_of_number(text))) from None
    except RecursionError:
        raise Unreadable(Fault("nesting-too-deep", f"nested more than {MAX_DEPTH} deep")) from None
    if is_deeper(data, MAX_DEPTH):
        raise Unreadable(Fault("nesting-too-deep", f"nested more than {MAX_DEPTH} deep"))
    if (surrogate := _SURROGATE.search(text)) and not _is_unicode(data):
        raise Unreadable(Fault("lone-surrogate", "this document escapes half of a character", surrogate.start()))
    return data


def json_value(text: str | bytes) -> Any:
    """The value of a JSON text that comes from elsewhere, read as most tools do.

    Raises:
        ValueError: it is not JSON, or nested deeper than what walks values can follow, or has a number that cannot be
            written again.
    """
    too_deep = f"nested more than {MAX_DEPTH_OF_VALUES} deep"
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    try:
        value = (_CAREFUL if _LARGE_NUMBER.search(text) else _DECODER).decode(text)
    except RecursionError:
        raise ValueError(too_deep) from None
    may_be_deep = text.count("[") + text.count("{") > MAX_DEPTH_OF_VALUES
    if may_be_deep and is_deeper(value, MAX_DEPTH_OF_VALUES):
        raise ValueError(too_deep)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Duplicate
    return members


def _refuse_constant(name: str) -> None:
    raise NotAJsonNumber(f"{name} is a number that JSON does not have")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_CAREFUL = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=finite)
_LARGE_NUMBER = re.compile(r"[eE]\+?[0-9]{3}|[0-9]{300}")


def _duplicates(text: str) -> list[Fault]:
    """Every key that stands twice; but what is wrong with the text further on, if it is not JSON at all."""
    try:
        json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        return [Fault("json-syntax", error.msg, error.pos)]
    except RecursionError:
        return [Fault("nesting-too-deep", f"nested more than {MAX_DEPTH} deep")]
    return [
        Fault("duplicate-key", f"the key {split(pointer)[-1]!r} stands twice in this object", offset)
        for pointer, offset in scan_json(text).repeated
    ]


def _offset_of_number(text: str) -> int:
    """Return the offset of the first number that may have been refused: the parser does not say."""
    outside_strings = re.sub(r'"(?:[^"\\]|\\.)*"', lambda string: " " * len(string.group()), text)
    for match in _LONG_NUMBER.finditer(outside_strings):
        word = re.search(r"[^\s\[\]{}:,]*$", outside_strings[: match.start()])
        return word.start() if word else match.start()
    return 0


def is_deeper(data: Any, limit: int) -> bool:
    """Return whether containers nest more than ``limit`` deep, without recursion."""
    level: list[Any] = [[data]]
    for _ in range(limit + 1):
        if not level:
            return False
        children = (
            child for container in level for child in (container.values() if type(container) is dict else container)
        )
        level = [child for child in children if type(child) is dict or type(child) is list]
    return bool(level)


def _is_unicode(data: Any) -> bool:
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
