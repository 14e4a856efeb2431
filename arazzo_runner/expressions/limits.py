"""Limits that keep selectors and patterns from hanging a run, and their errors, which criteria report as failures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import TypeVar

from msgspec import Struct

from arazzo_runner.errors import ArazzoError
from arazzo_runner.expressions.undefined import Undefined
from arazzo_runner.secrecy import cut

T = TypeVar("T")

MAX_NODES = 1_000_000
"""How many nodes one JSONPath or XPath query may visit."""

REGEX_SECONDS = 1.0
"""How long one regular expression may search (C4)."""

ALL_REGEX_SECONDS = 5.0
"""How long all searches of one query, or of one exchange that is judged, may take."""

MAX_SHOWN = 120
"""How much of a value or a pattern a message shows, in characters."""


class BudgetExceeded(ArazzoError):
    """A selector or a pattern that took more than its share; the criterion that asked fails."""

    code = "budget-exceeded"


class SelectorError(ArazzoError):
    """A selector that cannot be applied to the value at hand."""

    code = "selector"


class Budget(Struct):
    """The remaining budget of a query.

    Attributes:
        granted: how many nodes it may visit in all.
        nodes: how many of them are left.
        seconds: that its patterns may search.
    """

    granted: int
    nodes: int
    seconds: float = ALL_REGEX_SECONDS


_budget: ContextVar[Budget] = ContextVar("budget")


def grant(nodes: int = MAX_NODES) -> None:
    """Give what is evaluated from here on a budget of its own."""
    _budget.set(Budget(nodes, nodes))


def spend(nodes: int = 1) -> None:
    """Take visited nodes off the budget.

    Raises:
        BudgetExceeded: it is spent.
    """
    left = _budget.get()
    left.nodes -= nodes
    if left.nodes < 0:
        raise BudgetExceeded(f"more than {left.granted:,} nodes were visited")


def spending(items: Iterable[T]) -> Iterator[T]:
    """Yield the items, and take a node off the budget for each."""
    for item in items:
        spend()
        yield item


@contextmanager
def searching(pattern: str) -> Iterator[float]:
    """Within it, a pattern may search for so many seconds; what it takes goes off the budget, if there is one.

    Raises:
        BudgetExceeded: it searched too long, or in too much memory.
    """
    left = _budget.get(None) or Budget(0, 0)
    seconds = min(REGEX_SECONDS, left.seconds)
    began = monotonic()
    try:
        yield max(0.0, seconds)
    except TimeoutError:
        if seconds == REGEX_SECONDS:
            raise BudgetExceeded(f"{_named(pattern)} searched for more than {REGEX_SECONDS:g} s") from None
        together = f"and others searched for more than {ALL_REGEX_SECONDS:g} s together"
        raise BudgetExceeded(f"{_named(pattern)} {together}") from None
    except MemoryError:  # the library's own limit, of half a gigabyte: a pattern that contains itself
        raise BudgetExceeded(f"{_named(pattern)} searched in more memory than a pattern may have") from None
    finally:
        left.seconds -= monotonic() - began


def _named(pattern: str) -> str:
    return f"the pattern {cut(pattern, MAX_SHOWN)!r}"


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
    """Return the kind of a value, for messages."""
    names = {dict: "an object", list: "an array", bool: "a boolean", type(None): "null", Undefined: "nothing"}
    return names.get(type(value), "a number" if isinstance(value, (int, float)) else "text")
