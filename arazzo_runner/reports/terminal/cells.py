"""Widths on a terminal: an East Asian character takes two cells, a combining one none."""

from __future__ import annotations

import re

_ONE_EACH = re.compile(r"[ -~✓✗↻…→·–]*")
"""The characters of most lines, each one cell wide: for them alone the tables of Unicode are not loaded."""


def cells(text: str) -> int:
    """Return the number of cells that a line takes."""
    if text.isascii() or _ONE_EACH.fullmatch(text):
        return len(text)
    from wcwidth import width

    return int(width(text))


def cut(text: str, room: int | None) -> str:
    """Return a line that takes at most ``room`` cells, an ellipsis where it was cut; None is any room."""
    if room is None or cells(text) <= room:
        return text
    if room < 1:
        return ""
    if _ONE_EACH.fullmatch(text):
        return text[: room - 1] + "…"
    from wcwidth import clip

    return str(clip(text, 0, room - 1, fillchar="")).rstrip() + "…"


def padded(text: str, room: int) -> str:
    """Return a text that takes ``room`` cells at least, with spaces behind it."""
    return text.ljust(room) if text.isascii() else text + " " * (room - cells(text))


def fitted(text: str, room: int) -> str:
    """Return a text that takes ``room`` cells, cut or with spaces behind it."""
    if text.isascii() and len(text) <= room:
        return text.ljust(room)
    return padded(cut(text, room), room)
