"""JSONPath queries with runtime expressions in them (C5): values are bound as literals, never as query text.

An expression inside quotes becomes part of that string, one that stands as an operand becomes a literal of its type.
Only where it is neither (an index, a name) is the query's text built from it.
"""

from __future__ import annotations

import json
import re
from typing import TypeAlias

from msgspec import Struct

from arazzo_runner.errors import ExpressionSyntaxError, StepError
from arazzo_runner.expressions import selectors
from arazzo_runner.expressions.evaluate import Scope, Value, evaluate, to_text
from arazzo_runner.expressions.jsonpath import JsonPath
from arazzo_runner.expressions.nodes import Expression
from arazzo_runner.expressions.templates import Dialect, Embedded, embedded
from arazzo_runner.expressions.undefined import UNDEFINED


class QuotedText(Struct, frozen=True):
    """A string literal with expressions in it."""

    parts: tuple[str | Expression, ...]

    def resolve(self, scope: Scope) -> str:
        return "".join(part if isinstance(part, str) else to_text(_value(part, scope)) for part in self.parts)

    def literal(self, scope: Scope) -> str:
        return json.dumps(self.resolve(scope), ensure_ascii=False)


class OperandValue(Struct, frozen=True):
    """An expression that stands as an operand."""

    node: Expression

    def literal(self, scope: Scope) -> str:
        value = _value(self.node, scope)
        if isinstance(value, (dict, list, bytes)):
            raise StepError("missing-value", f"{self.node} is not text, number, boolean or null to compare with")
        return json.dumps(value, ensure_ascii=False)


class QueryText(Struct, frozen=True):
    """An expression whose text is part of the query itself."""

    node: Expression

    def literal(self, scope: Scope) -> str:
        return to_text(_value(self.node, scope))


def _value(node: Expression, scope: Scope) -> Value:
    value = evaluate(node, scope)
    if value is UNDEFINED:
        raise StepError("missing-value", f"{node} has no value")
    return value


Part: TypeAlias = str | QuotedText | OperandValue | QueryText


class BoundQuery(Struct, frozen=True):
    """A JSONPath query, compiled when it has no expressions in it, else when its values are known.

    Attributes:
        fixed: the compiled query, or None when it has expressions.
    """

    text: str
    parts: tuple[Part, ...]
    version: str | None
    fixed: JsonPath | None

    def resolve(self, scope: Scope) -> JsonPath:
        """The compiled query.

        Raises:
            StepError: an expression in it has no value.
            ExpressionSyntaxError: with its values it is not a query.
        """
        if self.fixed is not None:
            return self.fixed
        text = "".join(part if isinstance(part, str) else part.literal(scope) for part in self.parts)
        return selectors.jsonpath(text, self.version)


def bind_query(text: str, dialect: Dialect, version: str | None = None) -> BoundQuery:
    """Compile a query.

    Raises:
        ExpressionSyntaxError: it is none, its expressions apart (C1).
    """
    parts = bind(text, dialect)
    if all(isinstance(part, str) for part in parts):
        return BoundQuery(text, parts, version, selectors.jsonpath(text, version))
    if not any(isinstance(part, QueryText) for part in parts):
        stand_ins = {QuotedText: '""', OperandValue: "0"}
        selectors.jsonpath("".join(p if isinstance(p, str) else stand_ins[type(p)] for p in parts), version)
    return BoundQuery(text, parts, version, None)


def bind(text: str, dialect: Dialect) -> tuple[Part, ...]:
    """Take the text of a query apart into text and expressions, each with the way it is bound."""
    parts: list[Part] = []
    position = 0
    quotes = list(string_literals(text))
    pending = list(embedded(text, dialect))
    while pending:
        found = pending.pop(0)
        span = next(((start, end) for start, end in quotes if start < found.start < end), None)
        if span is None:
            parts += [text[position : found.start], _bare(text, found)]
            position = found.end
            continue
        start, end = span
        inside = [found]
        while pending and pending[0].start < end:
            inside.append(pending.pop(0))
        parts += [text[position:start], quoted_text(text, start + 1, end - 1, inside)]
        position = end
    parts.append(text[position:])
    return tuple(part for part in parts if part != "")


def string_literals(text: str) -> list[tuple[int, int]]:
    """Return the spans of a query's string literals, quotes included."""
    return [match.span() for match in re.finditer(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", text, re.DOTALL)]


def quoted_text(text: str, start: int, end: int, inside: list[Embedded]) -> QuotedText:
    """The string literal whose content is ``text[start:end]``, with the expressions found inside it."""
    parts: list[str | Expression] = []
    for found in inside:
        parts += [_unescape(text[start : found.start]), found.node]
        start = found.end
    parts.append(_unescape(text[start:end]))
    return QuotedText(tuple(part for part in parts if part != ""))


def _unescape(text: str) -> str:
    try:
        return str(json.loads('"' + re.sub(r"\\'", "'", re.sub(r'(?<!\\)"', '\\"', text)) + '"', strict=False))
    except ValueError:
        raise ExpressionSyntaxError("a wrong escape in a string literal", text) from None


def _bare(text: str, found: Embedded) -> Part:
    before, after = text[: found.start].rstrip()[-1:], text[found.end :].lstrip()[:1]
    operand = before in ("=", "<", ">", "(", ",", "&", "|", "!", "") and after in (
        "=",
        "<",
        ">",
        "!",
        ")",
        ",",
        "&",
        "|",
        "]",
        "",
    )
    return OperandValue(found.node) if operand else QueryText(found.node)
