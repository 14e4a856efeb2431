"""Boundaries of expressions inside other text (V4), or among the operators of a condition (C2)."""

from __future__ import annotations

import re

from arazzo_runner.expressions.grammar import TCHAR
from arazzo_runner.expressions.nodes import NO_NAMES, ROOTS, Named, Names
from arazzo_runner.expressions.path_tails import path_end

EMBEDDABLE = re.compile(
    r"\$(?:inputs|steps|workflows|outputs|response|request|message|components|sourceDescriptions)\."
)
"""What starts an expression that stands without braces in other text (V4)."""

_POINTER_IN_TEXT = re.compile(r"(?:/[^\s\"'<>&(){}\[\],;|=]*)+")
_NAME_IN_TEXT = re.compile(r"[\w-]+")


def extent(text: str, start: int, *, names: Names = NO_NAMES, condition: bool = False) -> int:
    """Return the end of the expression that starts at ``start`` inside other text; ``start`` when none does.

    Outside conditions (V4) a trailing ``.``, ``,``, ``;``, ``:`` or ``/`` is text. In a condition a JSON Pointer ends
    at white space, ``)`` or an operator, and a header's name at an operator (C2).
    """
    match = re.compile(r"\$(" + "|".join(ROOTS) + r")(?![A-Za-z])").match(text, start)
    if match is None:
        return start
    root, position = match[1], match.end()
    if root in ("url", "method", "statusCode", "self"):
        return path_end(text, position) if condition else position
    if root in ("request", "response", "message"):
        end = _message_end(text, position, condition=condition)
    elif root in ("sourceDescriptions", "components"):
        end = _words_end(text, position)
    else:
        end = _named_end(text, start, position, root, names, condition=condition)
    return end if condition else _without_trailing_punctuation(text, position, end)


def _without_trailing_punctuation(text: str, floor: int, end: int) -> int:
    while end > floor and text[end - 1] in ".,;:/":
        end -= 1
    return end


def _message_end(text: str, position: int, *, condition: bool) -> int:
    match = re.compile(r"\.(headers?|query|path|body|payload)(?![\w-])").match(text, position)
    if match is None:
        return position
    position = match.end()
    if match[1] in ("header", "headers"):
        token = r"\.(?:(?!!=|\|\||&&)" + TCHAR + ")+" if condition else r"\.[\w.-]+"
        found = re.compile(token).match(text, position)
        return found.end() if found else position
    if match[1] in ("query", "path"):
        return _words_end(text, position)
    return _pointer_or_path_end(text, position, condition=condition)


def _pointer_or_path_end(text: str, position: int, *, condition: bool) -> int:
    if not text.startswith("#", position):
        return path_end(text, position)
    pattern = re.compile(r"(?:(?!&&|\|\||[=!<>]=|[<>)])\S)*") if condition else _POINTER_IN_TEXT
    found = pattern.match(text, position + 1) or _NAME_IN_TEXT.match(text, position + 1)
    return found.end() if found else position


def _words_end(text: str, position: int) -> int:
    found = re.compile(r"(?:\.[\w-]+|\[[\w-]*\])+").match(text, position)
    return found.end() if found else position


def _named_end(text: str, start: int, position: int, root: str, names: Names, *, condition: bool) -> int:
    owner = of = ""
    if root in ("steps", "workflows"):
        fields = "outputs" if root == "steps" else "inputs|outputs"
        match = re.compile(rf"\.([\w-]+)\.({fields})(?![\w-])").match(text, position)
        if match is None:
            return start
        owner, of, position = match[1], match[2], match.end()
    if not text.startswith(".", position):
        return position
    position += 1
    declared = names.of(Named(root, owner, of, "", ())) or ()  # type: ignore[arg-type]  # one of the four roots
    for name in sorted(declared, key=len, reverse=True):
        end = position + len(name)
        if name and text.startswith(name, position) and not re.match(r"\w", text[end : end + 1]):
            return _pointer_or_path_end(text, end, condition=condition)
    found = _NAME_IN_TEXT.match(text, position)
    return _pointer_or_path_end(text, found.end(), condition=condition) if found else position - 1
