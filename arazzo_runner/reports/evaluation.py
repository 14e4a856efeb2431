"""Expressions and conditions evaluated at a point of a run, and why one has no value. All masked (S1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from arazzo_runner.errors import ExpressionSyntaxError
from arazzo_runner.expressions.templates import Dialect, Whole
from arazzo_runner.expressions.undefined import UNDEFINED
from arazzo_runner.reports.debug_views import value_text
from arazzo_runner.runtime.debugging.debugger import Debugger
from arazzo_runner.runtime.debugging.stops import condition_of

if TYPE_CHECKING:
    from arazzo_runner.engine.absent.absences import Absence

_OPERATORS = re.compile(r"\s(==|!=|<=|>=|<|>|=|&&|\|\|)(\s|$)|^!|^\(|^'")
_OUTPUT = re.compile(r"\$steps\.([^.\s]+)\.outputs\.(\S+)")


class Evaluation(Struct, frozen=True):
    """The value of an expression or a condition.

    Attributes:
        value: as JSON text, on several lines; None where there is none.
        holds: whether a condition holds; None for an expression.
        operands: of a condition, each with its value.
        why: why there is no value; empty when there is one.
    """

    value: str | None = None
    holds: bool | None = None
    operands: tuple[tuple[str, str], ...] = ()
    why: str = ""
    hint: str = ""


def evaluated(debugger: Debugger, text: str) -> Evaluation:
    """Evaluate an expression or a condition at the point at hand.

    Raises:
        ExpressionSyntaxError: it is neither.
    """
    from arazzo_runner.engine.absent.absences import absence_of
    from arazzo_runner.expressions.evaluate import evaluate
    from arazzo_runner.expressions.operands import operands_of

    strict = debugger.plan.options.strict
    scope, redactor = debugger.scope, debugger.redactor
    refused: ExpressionSyntaxError | None = None
    try:
        # A pointer may hold spaces: what reads as a comparison is meant as one.
        criterion = condition_of(text, strict=strict) if _OPERATORS.search(text) else None
    except ExpressionSyntaxError as error:
        refused, criterion = error, None
    if criterion is not None:
        verdict = criterion.check(scope)
        seen = ((one.text, value_text(redactor, one.text, one.value)) for one in operands_of(criterion, scope))
        return Evaluation(holds=verdict.passed, operands=tuple(seen))
    try:
        node = Dialect(strict=strict).parse(text)
    except ExpressionSyntaxError as error:
        raise (refused or error) from None
    value = evaluate(node, scope)
    if value is UNDEFINED:
        absence = _of_step(debugger, text) or absence_of(Whole(node, text), scope)
        return Evaluation(why=redactor.text(absence.sentence), hint=absence.hint)
    return Evaluation(value_text(redactor, text, value, whole=True))


SELECTORS = ("jsonpath", "xpath", "jsonpointer")


def selected(debugger: Debugger, kind: str, context: str, selector: str) -> Evaluation:
    """Apply a selector to the value of an expression at the point at hand.

    Args:
        kind: one of ``SELECTORS``.
        context: the expression.

    Raises:
        ExpressionSyntaxError: the selector or its context cannot be read.
        StepError: the selector cannot be applied to that value.
    """
    from arazzo_runner.engine.absent.absences import absence_of
    from arazzo_runner.expressions.templates import compile_selector

    given = {"context": context, "selector": selector, "type": kind}
    compiled = compile_selector(given, Dialect(strict=debugger.plan.options.strict))
    value = compiled.resolve(debugger.scope)
    if value is UNDEFINED:
        absence = absence_of(compiled, debugger.scope)
        return Evaluation(why=debugger.redactor.text(absence.sentence), hint=absence.hint)
    return Evaluation(value_text(debugger.redactor, selector, value, whole=True))


def evaluation_lines(found: Evaluation) -> Iterator[str]:
    """Yield an evaluation in lines."""
    if found.holds is not None:
        yield "true" if found.holds else "false"
        yield from (f"  {text} = {value}" for text, value in found.operands)
    elif found.value is not None:
        yield from found.value.splitlines()
    else:
        yield f"(no value) {found.why}"
        if found.hint:
            yield f"  {found.hint}"


def _of_step(debugger: Debugger, text: str) -> Absence | None:
    """Return what was there when a step's output was taken; None when the expression is none without a value (D2)."""
    found = _OUTPUT.fullmatch(text)
    judged = debugger.judgement
    frames = debugger.state_after.frames if judged is None else (judged.frame,)
    if found is None or not frames:
        return None
    absent: Mapping[str, Absence] = frames[-1].absent.get(found[1], {})
    return absent.get(found[2])
