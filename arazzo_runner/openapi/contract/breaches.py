"""Breaches of a contract: what of an exchange is not as its description says, in words for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from arazzo_runner.effects import MASK
from arazzo_runner.secrecy import cut

MAX_SHOWN = 120
"""Characters of a value that are shown."""

Side: TypeAlias = Literal["request", "response"]


class Breach(Struct, frozen=True):
    """One way in which an exchange is not as its description says.

    Attributes:
        side: the request, which the workflow makes, the response, which the API makes, or a message of either.
        where: the part: ``status``, ``content type``, ``body /status/state``, ``query parameter limit``, …
        message: what was found and what was expected.
    """

    side: Side | Literal["message"]
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.side} {self.where}: {self.message}"


def schema_breaches(side: Side, where: str, errors: Iterable[Any]) -> Iterator[Breach]:
    """The breaches that errors of jsonschema stand for; none when what broke is a mask."""
    for found in errors:
        leaf = _leaf(found)
        if _holds_mask(leaf.instance):
            continue
        pointer = "".join(f"/{part}" for part in leaf.absolute_path)
        yield Breach(side, f"{where} {pointer}".strip(), _sentence(leaf))


def _leaf(error: Any) -> Any:
    """Return the error that explains the others: of alternatives, the one that fits best."""
    from jsonschema.exceptions import best_match

    while error.context:
        best = best_match(error.context)
        if best is None:
            break
        error = best
    return error


def _holds_mask(instance: Any) -> bool:
    return MASK in instance if isinstance(instance, str) else isinstance(instance, bytes) and MASK.encode() in instance


_SENTENCES: Mapping[str, str] = {
    "type": "{found} is not of type {expected}",
    "format": "{found} is not a {expected}",
    "enum": "{found} is not one of {expected}",
    "const": "{found} is not {expected}",
    "pattern": "{found} does not match {expected}",
    "minimum": "{found} is less than {expected}",
    "maximum": "{found} is more than {expected}",
    "exclusiveMinimum": "{found} is not more than {expected}",
    "exclusiveMaximum": "{found} is not less than {expected}",
    "multipleOf": "{found} is not a multiple of {expected}",
    "minLength": "{found} is shorter than {expected}",
    "maxLength": "{found} is longer than {expected}",
    "minItems": "it has fewer than {expected} elements",
    "maxItems": "it has more than {expected} elements",
    "uniqueItems": "its elements are not all different",
    "minProperties": "it has fewer than {expected} members",
    "maxProperties": "it has more than {expected} members",
}
"""What is said of a value that breaks a keyword; of other keywords the library says it."""


def _sentence(error: Any) -> str:
    sentence = _SENTENCES.get(error.validator)
    if error.validator == "required" and isinstance(error.instance, dict):
        missing = [name for name in error.validator_value if name not in error.instance]
        named = next((name for name in missing if f"'{name}'" in error.message), None)
        if named is not None:
            return f"the required member {named} is not there"
    if sentence is None:
        text = error.message.replace(repr(error.instance), _shown(error.instance))
        if isinstance(error.validator_value, dict | list):
            text = text.replace(repr(error.validator_value), _shown(error.validator_value))
        return cut(" ".join(text.split()), MAX_SHOWN)
    expected = error.validator_value
    words = ", ".join(map(_shown, expected)) if isinstance(expected, list) else expected
    return sentence.format(found=_shown(error.instance), expected=words if isinstance(words, str) else _shown(words))


def _shown(value: Any) -> str:
    if isinstance(value, str | bytes):
        value = value[: MAX_SHOWN + 1]
    text = ""
    for part in json.JSONEncoder(ensure_ascii=False, default=_plain).iterencode(value):
        text += part[: MAX_SHOWN + 1]
        if len(text) > MAX_SHOWN:  # of a long value only the beginning is written
            break
    return cut(text, MAX_SHOWN)


def _plain(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
