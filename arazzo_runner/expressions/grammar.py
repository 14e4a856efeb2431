"""The specification's own grammar of runtime expressions, 1.0 and 1.1, rule by rule.

The ABNF of both versions is regular, so that each rule is one regular expression under the rule's own name. The parser
(``syntax``) accepts what real documents contain; this module says what the specification derives, which ``--strict``
asks and lint rules compare with.
"""

from __future__ import annotations

import re
from functools import cache

ALPHA = "A-Za-z"
DIGIT = "0-9"
ESCAPE = r'\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})'

TCHAR = rf"[!#$%&'*+\-.^_`|~{DIGIT}{ALPHA}]"
"""RFC 9110 token characters, of which header names are made."""

# 1.0: CHAR is RFC 7159's; 1.1 takes the braces out of it, and out of JSON Pointers.
# Ranges are written as what they leave out: that compiles in a twentieth of the time.
CHAR_1_0 = rf'(?:[^\x00-\x1F"\\]|{ESCAPE})'
CHAR_1_1 = rf'(?:[^\x00-\x1F"\\{{}}]|{ESCAPE})'
POINTER_1_0 = r"(?:/(?:[^/~]|~[01])*)*"
POINTER_1_1 = r"(?:/(?:[^/~{}]|~[01])*)*"

IDENTIFIER = rf"[{ALPHA}{DIGIT}.\-_]+"
IDENTIFIER_STRICT = rf"[{ALPHA}{DIGIT}\-_]+"


def _source(char: str, pointer: str, *, payload: bool) -> str:
    parts = [rf"header\.{TCHAR}+", rf"query\.{char}*", rf"path\.{char}*", rf"body(?:\#{pointer})?"]
    if payload:
        parts.append(rf"payload(?:\#{pointer})?")
    return "(?:" + "|".join(parts) + ")"


def _expression_1_0() -> str:
    alternatives = [
        "url",
        "method",
        "statusCode",
        rf"(?:request|response)\.{_source(CHAR_1_0, POINTER_1_0, payload=False)}",
        rf"(?:inputs|outputs|steps|workflows|sourceDescriptions|components)\.{CHAR_1_0}*",
    ]
    return r"\$(?:" + "|".join(alternatives) + ")"


def _expression_1_1() -> str:
    pointer = rf"(?:\#{POINTER_1_1})?"
    alternatives = [
        "url",
        "method",
        "statusCode",
        rf"(?:request|response|message)\.{_source(CHAR_1_1, POINTER_1_1, payload=True)}",
        rf"(?:inputs|outputs)\.{IDENTIFIER}{pointer}",
        rf"steps\.{IDENTIFIER_STRICT}\.outputs\.{IDENTIFIER}{pointer}",
        rf"workflows\.{IDENTIFIER_STRICT}\.(?:inputs|outputs)\.{IDENTIFIER}{pointer}",
        rf"sourceDescriptions\.{IDENTIFIER_STRICT}\.{CHAR_1_1}+",
        rf"components\.(?:parameters|successActions|failureActions)\.{IDENTIFIER}",
        "self",
    ]
    return r"\$(?:" + "|".join(alternatives) + ")"


@cache
def _expression(version: tuple[int, int]) -> re.Pattern[str]:
    return re.compile(_expression_1_1() if version >= (1, 1) else _expression_1_0(), re.DOTALL)


def derives(text: str, version: tuple[int, int] = (1, 1)) -> bool:
    """Return whether the ABNF of that version of the specification derives ``text`` as an ``expression``."""
    return _expression(version).fullmatch(text) is not None
