"""What keeps selectors and patterns from hanging a run, and their errors, which a criterion reports as a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

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


@contextmanager
def told_as(ours: Callable[[str, Exception], ArazzoError]) -> Iterator[None]:
    """Raise what a selector's library raises as an error of ours, which is made of why and of what was raised.

    On odd queries and odd values the libraries' own internals fail, with errors of any type: fuzzing finds another one
    each time that it is run long enough.
    """
    try:
        yield
    except ArazzoError:
        raise
    except RecursionError as error:
        raise ours("it is nested too deeply", error) from None
    except Exception as error:  # noqa: BLE001 - any type, as said
        why = str(error).partition("\n")[0] or "it uses what the library does not have"
        raise ours(why, error) from None


def kind_of(value: object) -> str:
    """What a value is, for messages."""
    names = {dict: "an object", list: "an array", bool: "a boolean", type(None): "null", Undefined: "nothing"}
    return names.get(type(value), "a number" if isinstance(value, (int, float)) else "text")
