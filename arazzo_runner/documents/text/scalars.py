"""The meaning of plain YAML scalars (H0).

YAML 1.2's JSON schema, with what its core schema and most tools add and nobody can misread: ``~``, an empty value,
``True`` and ``TRUE``, ``0o17``, ``0x1F``, ``.5``. What YAML 1.1 would change behind the author's back stays text:
``NO``, ``on``, ``1_000``, ``012``, ``12:30:45``, ``2024-01-01``, ``+49301234``.
"""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
"""Plain scalars that are not text, numbers apart."""

NUMBER_STARTS = frozenset("-.0123456789+")
"""What a plain scalar must start with to be worth a look at ``number``; ``+`` is here for ``+.inf``."""

MAX_DIGITS = 4000
"""Python refuses to print longer integers (4,300 digits), so they are refused where they can still be pointed at."""

_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)")
_OCTAL_OR_HEX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


class NotAJsonNumber(ValueError):
    """A number that JSON cannot hold: infinite, not a number, or too long to print."""


def number(text: str) -> Scalar:
    """The number that a plain scalar is, or the scalar itself when it is text.

    Raises:
        NotAJsonNumber: it is ``.inf``, ``.nan``, or a number out of range.
    """
    if _DECIMAL.fullmatch(text):
        return integer(text)
    if _FLOAT.fullmatch(text):
        return finite(text)
    if _OCTAL_OR_HEX.fullmatch(text):
        if len(text) > MAX_DIGITS or int(text, 0) >= 10**MAX_DIGITS:
            raise NotAJsonNumber(f"a number of {len(text)} digits is too long")
        return int(text, 0)
    if _NOT_FINITE.fullmatch(text):
        raise NotAJsonNumber(f"{text} is a number that JSON does not have")
    return text


def integer(text: str) -> int:
    """A decimal integer of any sensible length.

    Raises:
        NotAJsonNumber: it is too long to print again.
    """
    if len(text) > MAX_DIGITS:
        raise NotAJsonNumber(f"a number of {len(text)} digits is too long")
    return int(text)


def finite(text: str) -> float:
    """A decimal number.

    Raises:
        NotAJsonNumber: it is beyond the range of a 64-bit float.
    """
    value = float(text)
    if math.isinf(value):
        raise NotAJsonNumber(f"{text[:40]} is beyond the range of numbers")
    return value


_TAGS = {
    "tag:yaml.org,2002:null": (None,),
    "tag:yaml.org,2002:bool": (True, False),
}


def tagged(tag: str, text: str) -> Scalar:
    """The value of a scalar whose tag is written out (``!!int "12"``).

    Raises:
        KeyError: the tag is not one of the JSON schema's.
        NotAJsonNumber: see ``number``.
        ValueError: the text is not a value of that tag.
    """
    if tag in ("!", "tag:yaml.org,2002:str"):
        return text
    if tag in _TAGS:
        if text in WORDS and WORDS[text] in _TAGS[tag]:
            return WORDS[text]
    elif tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float"):
        value = number(text)
        if isinstance(value, int) and tag.endswith("float"):
            return finite(text if _DECIMAL.fullmatch(text) else str(value))
        if isinstance(value, int) or (isinstance(value, float) and tag.endswith("float")):
            return value
    else:
        raise KeyError(tag)
    raise ValueError(f"{text!r} is no {tag.rpartition(':')[2]}")
