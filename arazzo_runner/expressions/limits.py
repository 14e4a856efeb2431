"""What keeps selectors and patterns from hanging a run, and their errors, which a criterion reports as a failure."""

from __future__ import annotations

from arazzo_runner.errors import ArazzoError
from arazzo_runner.expressions.undefined import Undefined

MAX_NODES = 1_000_000
"""How many nodes one JSONPath query may visit."""

REGEX_SECONDS = 1.0
"""How long one regular expression may search (C4)."""


class BudgetExceeded(ArazzoError):
    """A selector or a pattern that took more than its share; the criterion that asked fails."""

    code = "budget-exceeded"


class SelectorError(ArazzoError):
    """A selector that cannot be applied to the value at hand."""

    code = "selector"


def kind_of(value: object) -> str:
    """What a value is, for messages."""
    names = {dict: "an object", list: "an array", bool: "a boolean", type(None): "null", Undefined: "nothing"}
    return names.get(type(value), "a number" if isinstance(value, (int, float)) else "text")
