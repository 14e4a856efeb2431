"""JSONPath: RFC 9535 complete, and Goessner's draft, each by the library that knows it (C5)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Protocol

from arazzo_runner.errors import ArazzoError, ExpressionSyntaxError
from arazzo_runner.expressions.limits import MAX_NODES, SelectorError, grant, searching, spend, spending, told_as
from arazzo_runner.expressions.regexes import LimitedPattern, is_found, limited_regex
from arazzo_runner.expressions.undefined import UNDEFINED

if TYPE_CHECKING:
    from jsonpath_rfc9535 import JSONPathEnvironment


class JsonPath(Protocol):
    """A compiled JSONPath query."""

    def values(self, value: Any) -> list[Any]:
        """The values selected, in order."""

    def exists(self, value: Any) -> bool:
        """Return whether at least one node is selected."""

    def locations(self, value: Any) -> list[tuple[str | int, ...]]:
        """The names and indexes that lead to each node selected."""


def _stopped(why: str, _: Exception) -> ArazzoError:
    return SelectorError(f"the JSONPath query stopped: {why}")


class Rfc9535:
    """A query of RFC 9535."""

    def __init__(self, query: str) -> None:
        def refused(why: str, error: Exception) -> ArazzoError:
            index = getattr(getattr(error, "token", None), "index", 0)
            return ExpressionSyntaxError(f"not a JSONPath query: {why}", query, index)

        with told_as(refused):
            self._query = _rfc9535_environment().compile(query)

    def _nodes(self, value: Any) -> Iterator[Any]:
        grant()
        with told_as(_stopped):
            yield from self._query.finditer(value)

    def values(self, value: Any) -> list[Any]:
        return [] if value is UNDEFINED else [node.value for node in self._nodes(value)]

    def exists(self, value: Any) -> bool:
        return value is not UNDEFINED and next(self._nodes(value), None) is not None

    def locations(self, value: Any) -> list[tuple[str | int, ...]]:
        return [node.location for node in self._nodes(value)]


def iregexp(function: str, pattern: str, text: str) -> bool:
    """RFC 9535's ``match`` (``fullmatch``) and ``search``: False when the pattern is not an I-Regexp (RFC 9485).

    Raises:
        BudgetExceeded: the pattern searched too long.
    """
    import regex
    from iregexp_check import check
    from jsonpath_rfc9535.function_extensions._pattern import map_re

    try:
        if not check(pattern):
            return False
        with searching(pattern) as seconds:
            return getattr(limited_regex(map_re(pattern)), function)(text, timeout=seconds) is not None
    except (regex.error, UnicodeEncodeError):  # half of a surrogate pair is not a character of any pattern
        return False


@cache
def _rfc9535_environment() -> JSONPathEnvironment:
    """The library's environment, its segments made to count and its two regex functions made to stop."""
    from jsonpath_rfc9535 import JSONPathEnvironment
    from jsonpath_rfc9535.function_extensions import Match, Search
    from jsonpath_rfc9535.parse import Parser
    from jsonpath_rfc9535.segments import JSONPathChildSegment, JSONPathRecursiveDescentSegment

    class CountingChild(JSONPathChildSegment):
        def resolve(self, nodes: Iterable[Any]) -> Iterable[Any]:
            return spending(super().resolve(nodes))

    class CountingDescent(JSONPathRecursiveDescentSegment):
        def resolve(self, nodes: Iterable[Any]) -> Iterable[Any]:
            return spending(super().resolve(nodes))

        def _visit(self, node: Any, depth: int = 1) -> Iterable[Any]:
            return spending(super()._visit(node, depth))

    class CountingParser(Parser):
        def parse_query(self, stream: Any, *, in_filter: bool = False) -> Iterable[Any]:
            for segment in super().parse_query(stream, in_filter=in_filter):
                kind = CountingDescent if isinstance(segment, JSONPathRecursiveDescentSegment) else CountingChild
                yield kind(env=segment.env, token=segment.token, selectors=segment.selectors)

    class StoppingMatch(Match):
        def __call__(self, string: object, pattern: object) -> bool:
            return isinstance(string, str) and isinstance(pattern, str) and iregexp("fullmatch", pattern, string)

    class StoppingSearch(Search):
        def __call__(self, string: object, pattern: object) -> bool:
            return isinstance(string, str) and isinstance(pattern, str) and iregexp("search", pattern, string)

    class Environment(JSONPathEnvironment):
        parser_class = CountingParser

        def setup_function_extensions(self) -> None:
            super().setup_function_extensions()
            self.function_extensions["match"] = StoppingMatch()
            self.function_extensions["search"] = StoppingSearch()

    return Environment()


_FROM_THE_END = re.compile(r"\[\s*\(\s*@\.length\s*-\s*(\d+)\s*\)\s*\]")
"""Goessner's commonest script, ``[(@.length-1)]``: the last item (C5)."""


class Goessner:
    """A query of ``draft-goessner-dispatch-jsonpath-00``."""

    def __init__(self, query: str) -> None:
        from jsonpath_ng.ext.parser import parse

        def refused(why: str, _: Exception) -> ArazzoError:
            return ExpressionSyntaxError(f"not a JSONPath query of Goessner's draft: {why}", query)

        with told_as(refused), warnings.catch_warnings():
            # The library warns of operators that it means to drop; the document's author cannot see that.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._query = parse(_FROM_THE_END.sub(r"[-\1]", query))
            _limit(self._query)

    def _matches(self, value: Any) -> list[Any]:
        if value is UNDEFINED:
            return []
        grant(MAX_NODES // 2)  # the library takes several times as long a node as the other one
        with told_as(_stopped):
            return list(self._query.find(value))

    def values(self, value: Any) -> list[Any]:
        return [match.value for match in self._matches(value)]

    def exists(self, value: Any) -> bool:
        return bool(self._matches(value))

    def locations(self, value: Any) -> list[tuple[str | int, ...]]:
        return [tuple(_goessner_steps(match)) for match in self._matches(value)]


def _limit(path: Any) -> None:
    """Make a path of jsonpath-ng count what it looks at and what it finds, its parts too, and its patterns stop."""
    from jsonpath_ng import JSONPath as Path
    from jsonpath_ng.ext.filter import Expression
    from jsonpath_ng.ext.string import Sub

    for value in vars(path).values():
        for part in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(part, Path):
                _limit(part)
    if isinstance(path, Sub):
        path.regex = LimitedPattern(path.expr)  # type: ignore[assignment]  # as good as one of the standard library's
    find = partial(_matching, path) if isinstance(path, Expression) and path.op == "=~" else path.find

    def counted(datum: Any) -> list[Any]:
        spend()
        return list(spending(find(datum)))

    path.find = counted


def _matching(expression: Any, datum: Any) -> list[Any]:
    """Return the nodes that a filter's ``=~`` matches, by a pattern with a time limit."""
    from jsonpath_ng import DatumInContext

    found = expression.target.find(DatumInContext.wrap(datum))
    return [each for each in found if isinstance(each.value, str) and is_found(expression.value, each.value)]


def _goessner_steps(match: Any) -> list[str | int]:
    steps: list[str | int] = []
    while match.context is not None:
        path = match.path
        if getattr(path, "fields", None):
            steps.append(path.fields[0])
        elif getattr(path, "indices", None):
            steps.append(path.indices[0])
        elif hasattr(path, "index"):
            steps.append(path.index)
        match = match.context
    return steps[::-1]


JSONPATH_VERSIONS: Mapping[str, Callable[[str], JsonPath]] = {
    "rfc9535": Rfc9535,
    "draft-goessner-dispatch-jsonpath-00": Goessner,
}
