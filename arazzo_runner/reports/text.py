"""Text for people, made safe to print: what comes from the outside world cannot move a terminal's cursor."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from arazzo_runner.errors import Place

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """The text with control characters, and those that turn its direction, written out."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def label(text: str) -> str:
    """A name, or a sentence that quotes one, safe to print: it stays on its line."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def located(place: Place) -> str:
    """A place with the workflow and step that it stands in: ``a.yaml:3:5 (workflow buy, step pay)``."""
    return f"{place} ({place.owner})" if place.owner else str(place)


def one_line(text: str, limit: int = 200) -> str:
    """The text on one line, cut short, safe to print."""
    flat = printable(" ".join(text.split()))
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def scalar(value: Any, limit: int = 60) -> str:
    """A value in few characters."""
    return one_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), limit)


def duration(seconds: float) -> str:
    """A time as a person reads it: ``84 ms``, ``9.3 s``, ``12 min 5 s``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def whole_duration(seconds: float, *, up: bool = False) -> str:
    """A time that passes, in whole seconds; ``up`` rounds up, as a countdown does."""
    whole = max(0, math.ceil(seconds) if up else math.floor(seconds))
    return f"{whole} s" if whole < 60 else duration(whole)
