"""elementpath's parsers, made to stop: XPath 2.0 and later has loops, functions and patterns of its own (C6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sized
from functools import cache, partial, partialmethod
from typing import Any

from arazzo_runner.expressions.limits import BudgetExceeded, SelectorError, spend
from arazzo_runner.expressions.regexes import with_limited_regexes

XPATH_VERSIONS = ("xpath-10", "xpath-20", "xpath-30", "xpath-31")
CHARACTERS_A_NODE = 64
"""How many characters of a result cost as much as a node."""
MAX_BITS = 4096
"""How long an integer may be: longer ones are only made to keep the machine busy."""
_OUTSIDE = frozenset(
    {
        *("current-date", "current-dateTime", "current-time", "implicit-timezone", "random-number-generator"),
        *("doc", "doc-available", "collection", "uri-collection", "json-doc"),
        *("unparsed-text", "unparsed-text-available", "unparsed-text-lines"),
        *("environment-variable", "available-environment-variables", "load-xquery-module", "transform"),
    }
)
"""Functions that look at more than the document: at a clock, at dice, at files, the network or the environment."""
_WITH_PATTERNS = ("analyze-string", "matches", "replace", "tokenize")


@cache
def parser_of(version: str) -> Any:
    """A parser of one version; what is parsed and evaluated with it spends the budget (``limits.grant``).

    Functions that look at more than the document are refused: a run is decided by its answers alone.
    """
    from elementpath import XPath1Parser, XPath2Parser
    from elementpath.xpath3 import XPath3Parser
    from elementpath.xpath30 import XPath30Parser

    parsers = (XPath1Parser, XPath2Parser, XPath30Parser, XPath3Parser)
    parser: Any = dict(zip(XPATH_VERSIONS, parsers, strict=True))[version]
    tokens = {name: _limited(token, parser.token_base_class) for name, token in parser.symbol_table.items()}
    return type(parser)(f"Limited{parser.__name__}", (parser,), {"symbol_table": tokens, "__module__": __name__})


def _limited(token: Any, base: Any) -> Any:
    """A kind of token, made to spend: a node each time that it is evaluated, and what its result takes.

    Of the two ways to evaluate a token, which rest on one another, those are replaced that the kind has of its own.
    """
    own: dict[str, Any] = {"__module__": __name__}
    if token.evaluate is not base.evaluate:
        own["evaluate"] = partialmethod(_evaluate, _guarded(token))
    if token.select is not base.select:
        own["select"] = partialmethod(_select, token.select)
    return type(token)(token.__name__, (token,), own)


def _guarded(token: Any) -> Callable[[Any, Any], Any]:
    """Guard the evaluation of a kind of token, so that it ends and looks at the document only."""
    own: Callable[[Any, Any], Any] = token.evaluate
    if token.symbol in _WITH_PATTERNS:
        own = with_limited_regexes(own)
    elif token.symbol == "to":
        own = partial(_range, own)
    elif token.symbol in _OUTSIDE:
        own = _refuse
    return own


def _evaluate(self: Any, evaluate: Callable[[Any, Any], Any], context: Any = None) -> Any:
    spend()
    value = evaluate(self, context)
    spend(_size(value))
    return value


def _select(self: Any, select: Callable[[Any, Any], Iterator[Any]], context: Any = None) -> Iterator[Any]:
    for number, item in enumerate(select(self, context)):
        # Each different value is compared with all those before it.
        spend(1 + number // 16 if self.symbol == "distinct-values" else 1)
        yield item


def _range(evaluate: Callable[[Any, Any], Any], token: Any, context: Any) -> Any:
    first, last = token.get_operands(context)
    if isinstance(first, int) and isinstance(last, int):
        spend(max(0, last - first))
    return evaluate(token, context)


def _refuse(token: Any, _: Any) -> Any:
    raise SelectorError(f"{token.symbol}() has no value here: a run is decided by its answers alone")


def _size(value: Any) -> int:
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise BudgetExceeded(f"the query made an integer of more than {MAX_BITS:,} bits")
    if isinstance(value, (str, bytes)):
        return len(value) // CHARACTERS_A_NODE
    return len(value) if isinstance(value, Sized) else 0
