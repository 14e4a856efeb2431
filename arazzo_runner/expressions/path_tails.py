"""Paths behind expressions (V5): ``.a.b[0]``, read once and followed often."""

from __future__ import annotations

import re

from msgspec import Struct

from arazzo_runner.errors import ExpressionSyntaxError
from arazzo_runner.expressions.selectors import jsonpath

_SEGMENT = re.compile(r"\.(?P<name>[@$]?[\w-]+)|\[(?P<index>-?[0-9]{1,18})\]|\[(?P<quoted>'[^'\\]*'|\"[^\"\\]*\")\]")
_OPEN_SEGMENT = re.compile(r"\.\.[\w-]+|\.\.?\*|\.\.(?=\[)")


class Tail(Struct, frozen=True):
    """A path behind an expression (V5): ``.a.b[0]``.

    Attributes:
        text: as written.
        steps: its names and indexes, when it has nothing else; else None.
        query: the RFC 9535 query that it means on the value, ``.length`` at its end taken off.
        length: whether ``.length`` stands at its end.
    """

    text: str
    steps: tuple[str | int, ...] | None
    query: str
    length: bool

    def __str__(self) -> str:
        return self.text


def parse_tail(text: str) -> Tail | None:
    """Read a path behind an expression (V5), or None when ``text`` is not wholly one."""
    position, steps, query, simple = 0, list[str | int](), ["$"], True
    while position < len(text):
        if match := _SEGMENT.match(text, position):
            step: str | int
            if match["index"]:
                step = int(match["index"])
                query.append(f"[{step}]")
            else:
                step = match["name"] or match["quoted"][1:-1]
                query.append("['" + step.replace("\\", "\\\\").replace("'", "\\'") + "']")
            steps.append(step)
            position = match.end()
            continue
        simple = False
        if match := _OPEN_SEGMENT.match(text, position):
            query.append(match[0])
            position = match.end()
        elif text[position] == "[" and (end := bracket_end(text, position)):
            query.append(text[position:end])
            position = end
        else:
            return None
    length = text.endswith(".length")
    if length:
        query.pop()
    tail = Tail(text, tuple(steps) if simple else None, "".join(query), length)
    return tail if simple or _is_query(tail.query) else None


def _is_query(text: str) -> bool:
    """Return whether it is a query of RFC 9535; one that is not must be found before a run follows it."""
    try:
        jsonpath(text)
    except ExpressionSyntaxError:
        return False
    return True


def bracket_end(text: str, start: int) -> int:
    """The offset behind the bracket that closes the one at ``start``, quotes respected; 0 when it stays open."""
    depth, quote, index = 0, "", start
    while index < len(text):
        char = text[index]
        if quote:
            if char == "\\":
                index += 1
            elif char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        elif char in "[(":
            depth += 1
        elif char in "])":
            depth -= 1
            if not depth:
                return index + 1
        index += 1
    return 0


def path_end(text: str, position: int) -> int:
    """Return the end of the path that starts at ``position``; ``position`` when none does."""
    while position < len(text):
        if match := _SEGMENT.match(text, position) or _OPEN_SEGMENT.match(text, position):
            position = match.end()
        elif text[position] == "[" and (end := bracket_end(text, position)):
            if parse_tail(text[position:end]) is None:
                break
            position = end
        else:
            break
    return position
