"""Bare logical expressions over JSONPath (C5): ``$.status.state == 'pending' || $.items.length > 0``.

Public documents write them where RFC 9535 wants a query. They are read by ``logic``'s grammar; every path goes to the
JSONPath library, and comparisons mean what they mean in an RFC 9535 filter: no coercion, strings by case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from msgspec import Struct

from arazzo_runner.errors import ExpressionSyntaxError
from arazzo_runner.expressions import logic
from arazzo_runner.expressions.boundaries import EMBEDDABLE, extent
from arazzo_runner.expressions.conditions import LiteralOperand, read_literal
from arazzo_runner.expressions.evaluate import Scope, Value, evaluate, length_of
from arazzo_runner.expressions.jsonpath import iregexp
from arazzo_runner.expressions.jsonpath_binding import BoundQuery, QuotedText, bind_query, quoted_text
from arazzo_runner.expressions.nodes import Expression
from arazzo_runner.expressions.path_tails import bracket_end, parse_tail, path_end
from arazzo_runner.expressions.templates import Dialect, embedded
from arazzo_runner.expressions.undefined import UNDEFINED

_EXPRESSION = re.compile(r"\{\$|\$(?:statusCode|method|url|self)\b|" + EMBEDDABLE.pattern)
_FUNCTION = re.compile(r"(length|count|value|match|search)\s*\(")


class ContextPath(Struct, frozen=True):
    """A path into the context.

    Attributes:
        query: the whole path.
        before_length: the path without the ``.length`` at its end, when it has one.
        singular: whether it can select one node at most.
    """

    text: str
    query: BoundQuery
    before_length: BoundQuery | None
    singular: bool

    def __str__(self) -> str:
        return self.text


class Reference(Struct, frozen=True):
    """A runtime expression as an operand; ``text`` as written, in braces or not."""

    node: Expression
    text: str

    def __str__(self) -> str:
        return self.text


class InterpolatedText(Struct, frozen=True):
    """A string literal with expressions in it."""

    quoted: QuotedText
    text: str

    def __str__(self) -> str:
        return self.text


class Call(Struct, frozen=True):
    """A function of RFC 9535 and its arguments."""

    name: str
    arguments: tuple[Operand, ...]
    text: str

    def __str__(self) -> str:
        return self.text


Operand: TypeAlias = ContextPath | Reference | InterpolatedText | Call | LiteralOperand


class Context(Struct, frozen=True):
    """The operands of a bare expression: the criterion's context value, and the scope for its expressions."""

    value: Value
    scope: Scope


class Nodes(list[Value]):
    """The values that a path selects; alone it passes when there is one (RFC 9535, existence test)."""


class PathDialect(Struct, frozen=True):
    """Operands of bare logical expressions (``logic.OperandDialect``)."""

    expressions: Dialect

    def read(self, text: str, position: int) -> tuple[Operand, int]:
        """Read a path, a runtime expression, a function call or a literal."""
        if _EXPRESSION.match(text, position):
            return self._reference(text, position)
        if text[position : position + 1] in ("$", "@"):
            return self._path(text, position)
        if match := _FUNCTION.match(text, position):
            return self._call(match[1], text, position)
        literal = read_literal(text, position)
        if literal is None:
            found = repr(text[position : position + 20]) if position < len(text) else "the end"
            raise ExpressionSyntaxError(f"expected a path or a literal, found {found}", text, position)
        end = position + len(literal.text)
        if isinstance(literal.value, str):
            inside = [e for e in embedded(text[:end], self.expressions) if e.start > position]
            if inside:
                return InterpolatedText(quoted_text(text, position + 1, end - 1, inside), literal.text), end
        return literal, end

    def _reference(self, text: str, position: int) -> tuple[Operand, int]:
        if text[position] == "{":
            end = text.find("}", position) + 1
            if not end:
                raise ExpressionSyntaxError("the brace is never closed", text, position)
            return Reference(self.expressions.parse(text[position + 1 : end - 1]), text[position:end]), end
        end = extent(text, position, names=self.expressions.names, condition=True)
        return Reference(self.expressions.parse(text[position:end]), text[position:end]), end

    def _path(self, text: str, position: int) -> tuple[Operand, int]:
        end = path_end(text, position + 1)
        written = text[position:end]
        tail = parse_tail(written[1:])
        if tail is None:
            raise ExpressionSyntaxError(f"{written!r} is not a JSONPath query", text, position)
        whole = tail.query + ("['length']" if tail.length else "")
        query = bind_query(whole, self.expressions)
        before = bind_query(tail.query, self.expressions) if tail.length else None
        return ContextPath(written, query, before, tail.steps is not None), end

    def _call(self, name: str, text: str, position: int) -> tuple[Operand, int]:
        opening = text.index("(", position)
        end = bracket_end(text, opening)
        if not end:
            raise ExpressionSyntaxError("the parenthesis is never closed", text, opening)
        arguments: list[Operand] = []
        at = opening + 1
        while True:
            at += len(text[at:]) - len(text[at:].lstrip())
            argument, at = self.read(text, at)
            arguments.append(argument)
            at += len(text[at:]) - len(text[at:].lstrip())
            if text[at] == "," and at < end:
                at += 1
                continue
            break
        wanted = 2 if name in ("match", "search") else 1
        if at != end - 1 or len(arguments) != wanted:
            raise ExpressionSyntaxError(f"{name}() takes {wanted} argument{'s'[: wanted - 1]}", text, opening)
        return Call(name, tuple(arguments), text[position:end]), end

    def value(self, operand: Operand, scope: Context) -> Value:
        """The operand's value: ``Nodes`` for a path, ``UNDEFINED`` for RFC 9535's Nothing."""
        match operand:
            case LiteralOperand(value):
                return value
            case Reference(node):
                return evaluate(node, scope.scope)
            case InterpolatedText(quoted):
                return quoted.resolve(scope.scope)
            case ContextPath():
                return self._nodes(operand, scope)
            case Call(name, arguments):
                return _FUNCTIONS[name](*(self.value(argument, scope) for argument in arguments))

    def _nodes(self, path: ContextPath, scope: Context) -> Value:
        nodes = path.query.resolve(scope.scope).values(scope.value)
        if nodes or path.before_length is None:
            return Nodes(nodes)
        # `.length` of what has no such member: of one value its length, behind a filter or wildcard the matches.
        found = path.before_length.resolve(scope.scope).values(scope.value)
        if not path.singular:
            return len(found)
        return length_of(found[0]) if found else UNDEFINED

    def truth(self, value: Value) -> bool:
        """A path passes when it selects a node; any other value as a simple condition's does."""
        return bool(value)

    def equal(self, left: Value, right: Value) -> bool:
        """RFC 9535 2.3.5.2.2: Nothing equals only Nothing; of several nodes one has to be equal."""
        lefts, rights = _candidates(left), _candidates(right)
        if not lefts or not rights:
            return not lefts and not rights
        return any(strictly_equal(one, other) for one in lefts for other in rights)

    def order(self, left: Value, right: Value) -> int | None:
        """RFC 9535 2.3.5.2.2: numbers with numbers, strings with strings; what is equal is neither less nor more."""
        lefts, rights = _candidates(left), _candidates(right)
        if len(lefts) != 1 or len(rights) != 1:
            return 0 if not lefts and not rights else None
        one, other = lefts[0], rights[0]
        if (_is_number(one) and _is_number(other)) or (isinstance(one, str) and isinstance(other, str)):
            return int(one > other) - int(one < other)
        return 0 if strictly_equal(one, other) else None


def _candidates(value: Value) -> list[Value]:
    if isinstance(value, Nodes):
        return value
    return [] if value is UNDEFINED else [value]


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def strictly_equal(left: Value, right: Value) -> bool:
    """Equality without any conversion: booleans are not numbers, ``1`` is ``1.0``, containers compare deeply."""
    match left, right:
        case (bool(), _) | (_, bool()):
            return left is right
        case (list(), list()):
            return len(left) == len(right) and all(map(strictly_equal, left, right))
        case (Mapping(), Mapping()):
            return left.keys() == right.keys() and all(strictly_equal(left[key], right[key]) for key in left)
        case _:
            return bool(left == right)


def _one(value: Value) -> Value:
    return (value[0] if len(value) == 1 else UNDEFINED) if isinstance(value, Nodes) else value


def _searching(function: str) -> Any:
    def call(text: Value, pattern: Value) -> bool:
        text, pattern = _one(text), _one(pattern)
        if not isinstance(text, str) or not isinstance(pattern, str):
            return False
        return iregexp(function, pattern, text)

    return call


_FUNCTIONS: Mapping[str, Any] = {
    "length": lambda value: length_of(_one(value)),
    "count": lambda value: len(value) if isinstance(value, Nodes) else UNDEFINED,
    "value": _one,
    "match": _searching("fullmatch"),
    "search": _searching("search"),
}

PathCondition: TypeAlias = logic.Node[Operand]


def parse_bare(text: str, expressions: Dialect) -> tuple[PathCondition, PathDialect]:
    """Read a bare logical expression.

    Raises:
        ExpressionSyntaxError: it is none.
    """
    dialect = PathDialect(expressions)
    return logic.parse(text, dialect), dialect
