"""Simple conditions (C2): literals, runtime expressions and operators, compared loosely (C3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from msgspec import Struct

from arazzo_runner.errors import ExpressionSyntaxError
from arazzo_runner.expressions import logic
from arazzo_runner.expressions.boundaries import extent
from arazzo_runner.expressions.evaluate import Scope, Value, evaluate
from arazzo_runner.expressions.nodes import NO_NAMES, Expression, Names
from arazzo_runner.expressions.syntax import Version, parse
from arazzo_runner.expressions.undefined import UNDEFINED

NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
KEYWORDS: Mapping[str, Value] = {"true": True, "false": False, "null": None}
_KEYWORD = re.compile(r"(?:true|false|null)(?![\w.$-])")
_SINGLE_QUOTED = re.compile(r"'((?:[^']|'')*)'")
_MEDIA_TYPE = re.compile(r"[A-Za-z][\w.+-]*/[A-Za-z*][\w.+*-]*(?=\s*(?:$|\)|&&|\|\|))")
_NOT_AN_EXPRESSION = re.compile(r"\$[^\s()=!<>&|]*")
_WORD = re.compile(r"[^\s()'\"$]+?(?=\s|\)|&&|\|\||[=!<>]=|[<>]|$)")
_DOUBLE_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


class LiteralOperand(Struct, frozen=True):
    """A literal; ``text`` as written."""

    value: Value
    text: str

    def __str__(self) -> str:
        return self.text


Operand: TypeAlias = LiteralOperand | Expression
Condition: TypeAlias = logic.Node[Operand]


class SimpleDialect(Struct, frozen=True):
    """Operands of simple conditions and the loose comparison of them."""

    names: Names = NO_NAMES
    version: Version = (1, 1)
    strict: bool = False

    def read(self, text: str, position: int) -> tuple[Operand, int]:
        """Read a literal or a runtime expression (``logic.OperandDialect``)."""
        if text.startswith("$", position):
            end = extent(text, position, names=self.names, condition=True)
            if end == position and (unknown := _NOT_AN_EXPRESSION.match(text, position)):
                end = unknown.end()
            node = parse(
                text[position:end],
                names=self.names,
                version=self.version,
                strict=self.strict,
                condition=True,
            )
            return node, end
        literal = read_literal(text, position)
        if literal is None and not self.strict and (bare := _MEDIA_TYPE.match(text, position)):
            literal = LiteralOperand(bare[0], bare[0])
        if literal is None:
            raise ExpressionSyntaxError(
                f"expected a literal or a runtime expression, found {text[position : position + 20]!r}"
                if position < len(text)
                else "expected a literal or a runtime expression, found the end",
                text,
                position,
                hint=_operand_hint(text, position),
            )
        if self.strict and literal.text.startswith('"'):
            raise ExpressionSyntaxError("strings are written in single quotes", text, position)
        return literal, position + len(literal.text)

    def value(self, operand: Operand, scope: Scope) -> Value:
        """The operand's value in ``scope``."""
        return operand.value if isinstance(operand, LiteralOperand) else evaluate(operand, scope)

    def truth(self, value: Value) -> bool:
        """A bare operand passes unless it is false, null, UNDEFINED, 0 or "" (C2); empty arrays and objects pass."""
        return bool(value) if not isinstance(value, (list, Mapping)) else True

    def equal(self, left: Value, right: Value) -> bool:
        """``==`` as C3 says."""
        return loosely_equal(left, right)

    def order(self, left: Value, right: Value) -> int | None:
        """``<`` and its kin as C3 says."""
        return loose_order(left, right)


def read_literal(text: str, position: int) -> LiteralOperand | None:
    """The literal at ``position``, or None."""
    if match := _KEYWORD.match(text, position):
        return LiteralOperand(KEYWORDS[match[0]], match[0])
    if match := _SINGLE_QUOTED.match(text, position):
        return LiteralOperand(match[1].replace("''", "'"), match[0])
    if match := _DOUBLE_QUOTED.match(text, position):
        return LiteralOperand(re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL), match[0])
    match = NUMBER.match(text, position)
    if match and not re.match(r"[\w.]", text[match.end() : match.end() + 1]):
        return LiteralOperand(to_number(match[0]), match[0])
    return None


def to_number(text: str) -> int | float:
    """The number that JSON text of one stands for."""
    return int(text) if text.lstrip("-").isdecimal() and len(text) < 400 else float(text)


def _operand_hint(text: str, position: int) -> str:
    if text.startswith("{$", position):
        return "a condition takes expressions without braces"
    if text.startswith("=", position):
        return "write == to compare"
    word = _WORD.match(text, position)
    return f"a string is written in single quotes: '{word[0]}'" if word and word[0][0].isalpha() else ""


def numeric(value: Value) -> int | float | None:
    """A number, or the number that a numeric string stands for (C3), or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    return to_number(value) if isinstance(value, str) and NUMBER.fullmatch(value) else None


def loosely_equal(left: Value, right: Value) -> bool:
    """Equality as C3 says: ``null`` only equals itself, strings ignore case, numeric strings equal numbers."""
    left = None if left is UNDEFINED else left
    right = None if right is UNDEFINED else right
    match left, right:
        case (None, _) | (_, None):
            return left is right
        case (str(), str()):
            return left.casefold() == right.casefold()
        case (bool(), bool()):
            return left is right
        case (bool(), str()):
            return right.casefold() == str(left).casefold()
        case (str(), bool()):
            return loosely_equal(right, left)
        case (bool(), _) | (_, bool()):
            return False
        case (int() | float(), int() | float() | str()) | (str(), int() | float()):
            return numeric(left) == numeric(right) is not None
        case (list(), list()):
            return len(left) == len(right) and all(map(loosely_equal, left, right))
        case (Mapping(), Mapping()):
            return left.keys() == right.keys() and all(loosely_equal(left[key], right[key]) for key in left)
        case _:
            return type(left) is type(right) and left == right


def loose_order(left: Value, right: Value) -> int | None:
    """Order as C3 says: numbers and numeric strings as numbers, other strings without case; anything else has none."""
    numbers = numeric(left), numeric(right)
    if numbers[0] is not None and numbers[1] is not None:
        return (numbers[0] > numbers[1]) - (numbers[0] < numbers[1])
    if isinstance(left, str) and isinstance(right, str):
        return (left.casefold() > right.casefold()) - (left.casefold() < right.casefold())
    return None


@lru_cache(maxsize=1024)
def parse_condition(
    text: str, *, names: Names = NO_NAMES, version: Version = (1, 1), strict: bool = False
) -> tuple[Condition, SimpleDialect]:
    """Read a simple condition; one that many steps have is read once.

    Raises:
        ExpressionSyntaxError: it is none (C1).
    """
    dialect = SimpleDialect(names, version, strict)
    return logic.parse(text, dialect), dialect


def deviations(node: Condition) -> list[Any]:
    """The operands that only the default mode accepts: double-quoted literals (C2)."""
    return [op for op in logic.operands(node) if isinstance(op, LiteralOperand) and op.text.startswith('"')]


def bare_literals(node: Condition) -> list[LiteralOperand]:
    """The media types that stand in a condition without quotes, which only the default mode accepts (C2)."""
    literals = (op for op in logic.operands(node) if isinstance(op, LiteralOperand))
    return [literal for literal in literals if isinstance(literal.value, str) and literal.text == literal.value]
