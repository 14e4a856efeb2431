"""The operands of a criterion and their values, whether it passes or not: for explanations."""

from __future__ import annotations

from msgspec import Struct

from arazzo_runner.errors import ArazzoError
from arazzo_runner.expressions import logic
from arazzo_runner.expressions.bare_jsonpath import Context
from arazzo_runner.expressions.conditions import LiteralOperand
from arazzo_runner.expressions.criteria import BareJsonPath, CompiledCriterion, Simple, Unusable
from arazzo_runner.expressions.evaluate import Scope, Value, evaluate
from arazzo_runner.expressions.undefined import UNDEFINED


class OperandSeen(Struct, frozen=True):
    """An operand and its value.

    Attributes:
        text: the operand as written.
        value: plain data, or UNDEFINED.
    """

    text: str
    value: Value


def operands_of(criterion: CompiledCriterion, scope: Scope) -> tuple[OperandSeen, ...]:
    """The operands of a criterion, literals apart; for the types with a context, the context. It never raises."""
    try:
        return _operands(criterion, scope)
    except (ArazzoError, RecursionError):
        return ()


def _operands(criterion: CompiledCriterion, scope: Scope) -> tuple[OperandSeen, ...]:
    match criterion.test:
        case Simple(node):
            shown = dict.fromkeys(op for op in logic.operands(node) if not isinstance(op, LiteralOperand))
            return tuple(OperandSeen(str(op), evaluate(op, scope)) for op in shown)
        case BareJsonPath(context, bare, dialect):
            value = context.resolve(scope)
            if value is UNDEFINED or value is None:
                return (OperandSeen(criterion.source.context or "", value),)
            within = Context(value, scope)
            asked = dict.fromkeys(op for op in logic.operands(bare) if not isinstance(op, LiteralOperand))
            return tuple(OperandSeen(str(op), dialect.value(op, within)) for op in asked)
        case Unusable():
            return ()
        case test:
            compiled = getattr(test, "context", None)
            return () if compiled is None else (OperandSeen(str(criterion.source.context), compiled.resolve(scope)),)
