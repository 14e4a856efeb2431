"""Regular expressions of documents: the ``regex`` library's, which can be interrupted (C4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from types import FunctionType
from typing import Any

from arazzo_runner.errors import ExpressionSyntaxError
from arazzo_runner.expressions.limits import BudgetExceeded, searching

MAX_PIECES = 100_000
"""How many pieces a pattern may have: ``(ab{3}){2}`` has eight and a group; the library writes each of them out."""
_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(?P<times>[0-9]+)(?:,[0-9]*)?\}|.", re.DOTALL)


@lru_cache(maxsize=512)
def limited_regex(pattern: str, flags: int = 0) -> Any:
    """A pattern of the ``regex`` library.

    Raises:
        regex.error, ValueError: it is not a regular expression; the second for flags that exclude one another.
        BudgetExceeded: it is short, and what it stands for is not.
    """
    import regex

    if "{" in pattern and _pieces(pattern) > MAX_PIECES:
        raise BudgetExceeded(f"the pattern stands for more than {MAX_PIECES:,} pieces")
    return regex.compile(pattern, flags)


def _pieces(pattern: str) -> int:
    """About how many pieces a pattern has when what it repeats is written out."""
    groups, last = [0], 0
    for piece in _PIECE.finditer(pattern):
        if piece["times"]:
            more = last * (min(int(piece["times"][:7]), MAX_PIECES + 1) - 1)
            groups[-1] += max(0, more)
            last += max(0, more)
        elif piece[0] == "(":
            groups.append(1)
        elif piece[0] == ")" and len(groups) > 1:
            last = groups.pop()
            groups[-1] += last
        else:
            groups[-1] += 1
            last = 1
    return sum(groups)


def compile_regex(pattern: str) -> Any:
    """A pattern of a document.

    Raises:
        ExpressionSyntaxError: it is not a regular expression, or one that is too large.
    """
    import regex

    try:
        return limited_regex(pattern)
    except (regex.error, ValueError) as error:
        raise ExpressionSyntaxError(
            f"not a regular expression: {error}", pattern, getattr(error, "pos", None) or 0
        ) from None
    except BudgetExceeded as error:
        raise ExpressionSyntaxError(error.message, pattern) from None


def is_found(pattern: str, text: str) -> bool:
    """Return whether a pattern is found in a text.

    Raises:
        ExpressionSyntaxError: it is not a regular expression.
        BudgetExceeded: it searched too long.
    """
    compiled = compile_regex(pattern)
    with searching(pattern) as seconds:
        return compiled.search(text, timeout=seconds) is not None


class LimitedPattern:
    """A compiled pattern whose searches stop, in the place of one of the standard library's."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._compiled = limited_regex(pattern, flags)

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._compiled, name)
        return partial(self._stopping, attribute) if name in ("match", "search", "split", "sub") else attribute

    def _stopping(self, search: Callable[..., Any], *args: Any) -> Any:
        with searching(self._compiled.pattern) as seconds:
            return search(*args, timeout=seconds)


class _LimitedModule:
    """The part of the module ``re`` that libraries use."""

    compile = LimitedPattern

    def __getattr__(self, name: str) -> Any:
        import regex

        return getattr(regex, name)

    @staticmethod
    def search(pattern: str, text: str, flags: int = 0) -> Any:
        return LimitedPattern(pattern, flags).search(text)


def with_limited_regexes(function: Any, **names: Any) -> Any:
    """A copy of a library's function whose patterns stop; the library itself, which others use too, stays as it is.

    Args:
        names: what else it is to find under a name of its module.
    """
    known = {**function.__globals__, "re": _LimitedModule(), **names}
    own = FunctionType(function.__code__, known, function.__name__, function.__defaults__, function.__closure__)
    own.__kwdefaults__ = function.__kwdefaults__
    known[function.__name__] = own
    return own
