"""A line of a document with a caret below the place in question."""

from __future__ import annotations

from arazzo_runner.reports.terminal.cells import cells
from arazzo_runner.reports.text import printable

MAX_LINE = 160
"""The longest line in cells that is shown whole where a terminal does not set the limit."""
_BEFORE = 3 / 8
"""The part of a long line's room that stands before the caret."""


def excerpt(line: str, column: int, *, lead: str = "", room: int = MAX_LINE) -> tuple[str, str]:
    """Return a line, safe to print, and a caret below a column of it; of a long line the part around the column.

    Args:
        column: 1-based, in characters; 0 when unknown.
        lead: what stands before the line; below it are as many spaces, and its bar.
        room: the cells that the line may take.
    """
    index = max(column - 1, 0)
    start = max(index - int(room * _BEFORE), 0) if cells(line) > room else 0
    part = line[start : start + room]
    while cells(part) > room:
        part = part[:-1]
    before = ("…" if start else "") + _shown(part[: index - start])
    after = _shown(part[index - start :]) + ("…" if start + len(part) < len(line) else "")
    margin = "".join(character if character == "|" else " " for character in lead)
    return f"{lead}{before}{after}", f"{margin}{' ' * cells(before)}^"


def _shown(text: str) -> str:
    return printable(text.replace("\t", " ")).replace("\n", "\\n")
