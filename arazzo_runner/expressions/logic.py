"""Logical expressions: one grammar for simple conditions (C2) and for the bare conditions of jsonpath criteria (C5).

::

    or         = and *("||" and)
    and        = not *("&&" not)
    not        = *"!" comparison
    comparison = operand [("==" / "!=" / "<=" / ">=" / "<" / ">") operand]
    operand    = "(" or ")" / whatever the dialect reads

An ``OperandDialect`` brings the operands and what comparing them means; this module knows neither expressions nor
JSONPath.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from msgspec import Struct

from arazzo_runner.errors import ExpressionSyntaxError

MAX_DEPTH = 100
"""How deeply parentheses and ``!`` may nest."""

COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")

Operand = TypeVar("Operand")


class OperandDialect(Protocol[Operand]):
    """The operands of a language, and what its operators do with two of them."""

    def read(self, text: str, position: int) -> tuple[Operand, int]:
        """Read the operand at ``position``; return it and where it ends.

        Raises:
            ExpressionSyntaxError: none is there.
        """

    def value(self, operand: Operand, scope: Any) -> Any:
        """The operand's value."""

    def truth(self, value: Any) -> bool:
        """Return whether a value passes that stands alone."""

    def equal(self, left: Any, right: Any) -> bool:
        """Compare two operands with ``==``; ``!=`` is its negation (C3)."""

    def order(self, left: Any, right: Any) -> int | None:
        """-1, 0 or 1 as ``left`` comes before, with or after ``right``; None where there is no order."""


class Or(Struct, Generic[Operand], frozen=True):
    """Passes when one part does."""

    parts: tuple[Node[Operand], ...]

    def __str__(self) -> str:
        return " || ".join(str(part) for part in self.parts)


class And(Struct, Generic[Operand], frozen=True):
    """Passes when every part does."""

    parts: tuple[Node[Operand], ...]

    def __str__(self) -> str:
        return " && ".join(str(part) for part in self.parts)


class Not(Struct, Generic[Operand], frozen=True):
    """Passes when its part does not."""

    part: Node[Operand]

    def __str__(self) -> str:
        return f"!{self.part}"


class Group(Struct, Generic[Operand], frozen=True):
    """An expression in parentheses."""

    part: Node[Operand]

    def __str__(self) -> str:
        return f"({self.part})"


class Comparison(Struct, Generic[Operand], frozen=True):
    """Two operands and an operator between them."""

    left: Single[Operand]
    operator: str
    right: Single[Operand]

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right}"


class Single(Struct, Generic[Operand], frozen=True):
    """An operand: one side of a comparison, or standing alone."""

    operand: Operand

    def __str__(self) -> str:
        return str(self.operand)


Node: TypeAlias = Or[Operand] | And[Operand] | Not[Operand] | Group[Operand] | Comparison[Operand] | Single[Operand]

OPERATORS: dict[str, Callable[[OperandDialect[Any], Any, Any], bool]] = {
    "==": lambda dialect, left, right: dialect.equal(left, right),
    "!=": lambda dialect, left, right: not dialect.equal(left, right),
    "<": lambda dialect, left, right: dialect.order(left, right) == -1,
    ">": lambda dialect, left, right: dialect.order(left, right) == 1,
    "<=": lambda dialect, left, right: dialect.order(left, right) in (-1, 0),
    ">=": lambda dialect, left, right: dialect.order(left, right) in (0, 1),
}
"""What each operator means, by ``equal`` and ``order`` of the dialect."""


def evaluate(node: Node[Operand], dialect: OperandDialect[Operand], scope: Any) -> bool:
    """Return whether the expression passes."""
    match node:
        case Comparison(left, operator, right):
            sides = dialect.value(left.operand, scope), dialect.value(right.operand, scope)
            return OPERATORS[operator](dialect, *sides)
        case Single(operand):
            return dialect.truth(dialect.value(operand, scope))
        case And(parts):
            return all(evaluate(part, dialect, scope) for part in parts)
        case Or(parts):
            return any(evaluate(part, dialect, scope) for part in parts)
        case Not(part):
            return not evaluate(part, dialect, scope)
        case Group(part):
            return evaluate(part, dialect, scope)


def operands(node: Node[Operand]) -> list[Operand]:
    """Every operand, from left to right."""
    match node:
        case Comparison(left, _, right):
            return [left.operand, right.operand]
        case Single(operand):
            return [operand]
        case And(parts) | Or(parts):
            return [operand for part in parts for operand in operands(part)]
        case Not(part) | Group(part):
            return operands(part)


def comparisons(node: Node[Operand]) -> list[Comparison[Operand]]:
    """Every comparison, from left to right."""
    match node:
        case Comparison():
            return [node]
        case Single():
            return []
        case And(parts) | Or(parts):
            return [found for part in parts for found in comparisons(part)]
        case Not(part) | Group(part):
            return comparisons(part)


def parse(text: str, dialect: OperandDialect[Operand]) -> Node[Operand]:
    """Read a whole logical expression.

    Raises:
        ExpressionSyntaxError: with the offset of what does not fit.
    """
    reader = _Reader(text, dialect)
    node = reader.either(0)
    reader.skip()
    if reader.position < len(text):
        hint = "write == to compare" if text.startswith("=", reader.position) else ""
        raise reader.wrong("expected an operator or the end", hint=hint)
    return node


class _Reader(Generic[Operand]):
    def __init__(self, text: str, dialect: OperandDialect[Operand]) -> None:
        self.text = text
        self.dialect = dialect
        self.position = 0

    def wrong(self, expected: str, *, hint: str = "") -> ExpressionSyntaxError:
        found = self.text[self.position : self.position + 20]
        what = repr(found) if found else "the end"
        return ExpressionSyntaxError(f"{expected}, found {what}", self.text, self.position, hint=hint)

    def skip(self) -> None:
        while self.position < len(self.text) and self.text[self.position] in " \t\r\n":
            self.position += 1

    def take(self, *symbols: str) -> str | None:
        self.skip()
        for symbol in symbols:
            if self.text.startswith(symbol, self.position):
                self.position += len(symbol)
                return symbol
        return None

    def either(self, depth: int) -> Node[Operand]:
        parts = [self.every(depth)]
        while self.take("||"):
            parts.append(self.every(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def every(self, depth: int) -> Node[Operand]:
        parts = [self.negation(depth)]
        while self.take("&&"):
            parts.append(self.negation(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def negation(self, depth: int) -> Node[Operand]:
        self.skip()
        if depth > MAX_DEPTH:
            raise self.wrong(f"nested more than {MAX_DEPTH} deep")
        if self.text.startswith("!", self.position) and not self.text.startswith("!=", self.position):
            self.position += 1
            return Not(self.negation(depth + 1))
        return self.comparison(depth)

    def comparison(self, depth: int) -> Node[Operand]:
        if self.take("("):
            inner: Node[Operand] = Group(self.either(depth + 1))
            if not self.take(")"):
                raise self.wrong("expected )")
            if self.take(*COMPARISONS):
                raise self.wrong("what stands in parentheses cannot be compared")
            return inner
        left = self.single()
        operator = self.take(*COMPARISONS)
        if operator is None:
            return left
        right = self.single()
        if self.take(*COMPARISONS):
            self.position -= 1
            raise self.wrong("comparisons cannot be chained; write && between them")
        return Comparison(left, operator, right)

    def single(self) -> Single[Operand]:
        self.skip()
        operand, self.position = self.dialect.read(self.text, self.position)
        return Single(operand)
