"""Expectations: conditions on the inputs and outputs of a run that must hold when its workflow has succeeded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from arazzo_runner.documents.model import Criterion, ExpressionType
from arazzo_runner.documents.near_names import did_you_mean
from arazzo_runner.engine.events import Reason
from arazzo_runner.errors import ExpressionSyntaxError, UsageError
from arazzo_runner.expressions import logic
from arazzo_runner.expressions.conditions import LiteralOperand
from arazzo_runner.expressions.criteria import CompiledCriterion, Simple, compile_criterion
from arazzo_runner.expressions.evaluate import Scope
from arazzo_runner.expressions.nodes import Named
from arazzo_runner.expressions.templates import Dialect


def check_expectations(texts: Sequence[str], outputs: Collection[str]) -> None:
    """Refuse expectations that can never hold, before anything is sent.

    Args:
        outputs: the names that the workflow declares.

    Raises:
        UsageError: one is not a simple condition, or names something other than an input or a declared output.
    """
    for text in texts:
        try:
            compiled = _compiled(text)
        except ExpressionSyntaxError as error:
            raise UsageError(f"the expectation {text!r} is not a condition: {error.message}", hint=_HINT) from None
        for operand in logic.operands(compiled.test.node) if isinstance(compiled.test, Simple) else ():
            if isinstance(operand, LiteralOperand):
                continue
            if not isinstance(operand, Named) or operand.root not in ("inputs", "outputs"):
                raise UsageError(f"the expectation {text!r} names {operand}, which a run does not end with", hint=_HINT)
            names = [reading.name for reading in operand.readings]
            if operand.root == "outputs" and operand.rest and not set(names) & set(outputs):
                hint = did_you_mean(names[-1], sorted(outputs), "outputs")
                raise UsageError(f"the expectation {text!r}: the workflow has no output {names[-1]!r}", hint=hint)


# In double quotes a shell would put its own variable in the place of $outputs.
_HINT = """write a simple condition on $outputs or $inputs: --expect "\\$outputs.state == 'running'\""""


def broken_expectation(
    texts: Sequence[str], inputs: Mapping[str, Any], outputs: Mapping[str, Any], *, strict: bool
) -> Reason | None:
    """Return why a run does not end as expected; None when it does."""
    scope = Scope(inputs=inputs, outputs=outputs)
    for text in texts:
        verdict = _compiled(text, strict=strict).check(scope)
        if not verdict.passed:
            message = f"the run was expected to end with {text}: {verdict.detail}"
            return Reason("expectation-failed", message, hint="the workflow itself succeeded; compare its outputs")
    return None


def _compiled(text: str, *, strict: bool = False) -> CompiledCriterion:
    criterion = Criterion(text, ExpressionType("simple"), None, "")
    return compile_criterion(criterion, Dialect(strict=strict))
