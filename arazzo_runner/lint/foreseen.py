"""Impossible things that documents alone show: requests that cannot be made, criteria that cannot hold (D1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from arazzo_runner.analysis.findings import Finding, Findings
from arazzo_runner.analysis.occurrences import Form, Read, Use
from arazzo_runner.analysis.scope import StepScope, WorkflowScope
from arazzo_runner.expressions import logic
from arazzo_runner.expressions.conditions import LiteralOperand, Operand, SimpleDialect
from arazzo_runner.expressions.criteria import Simple
from arazzo_runner.lint.criteria import outcome_of
from arazzo_runner.lint.references import never_has_a_value
from arazzo_runner.lint.requests import is_required
from arazzo_runner.openapi.operations import Operation

_IN_TEXT = frozenset({Form.BRACES, Form.BARE})
_NULL = LiteralOperand(None, "null")

_VALUE = re.compile(r".*?/(?:parameters/\d+/value|requestBody/payload)(?=/|$)")
_Uses: TypeAlias = Mapping[str, Sequence[tuple[Read, Use]]]
_Absent: TypeAlias = Callable[[Operand], bool]


def check_foreseen(scope: WorkflowScope) -> Findings:
    """Every request and every success criterion of the workflow."""
    uses = _uses_by_value(scope)
    for step in scope.steps:
        if step.operation is not None:
            yield from _request(scope, step, step.operation, uses)
    for read in scope.reads:
        if "/successCriteria/" in read.site.pointer:
            yield from _criterion(scope, read) if read.site.kind == "criterion" else _context(scope, read)


def _request(scope: WorkflowScope, step: StepScope, operation: Operation, uses: _Uses) -> Findings:
    """Values of a request that nothing gives, where it cannot be made without them (V1)."""
    values = [(f"{p.pointer}/value", is_required(operation, p)) for p in step.parameters]
    body = step.step.request_body
    if body is not None:
        values.append((f"{body.pointer}/payload", operation.body_required))
    for pointer, required in values:
        for read, use in uses.get(pointer, ()):
            is_whole = use.form not in _IN_TEXT and read.site.pointer == pointer
            if (use.form in _IN_TEXT or (is_whole and required)) and never_has_a_value(scope, use.node, read):
                message = f"{use.text} never has a value, and {read.site.owner} cannot be sent without it"
                yield Finding("value-never-there", message, read.site.pointer)


def _uses_by_value(scope: WorkflowScope) -> _Uses:
    """The expressions of every parameter and payload, by the pointer of the whole value."""
    found: dict[str, list[tuple[Read, Use]]] = {}
    for read in scope.reads:
        if match := _VALUE.match(read.site.pointer):
            found.setdefault(match[0], []).extend((read, use) for use in read.uses)
    return found


def _criterion(scope: WorkflowScope, read: Read) -> Findings:
    """A criterion whose outcome no answer can change: the step would fail after its request was sent."""
    criterion = read.criterion
    if criterion is None or not isinstance(criterion.test, Simple):
        return

    def absent(operand: Operand) -> bool:
        return not isinstance(operand, LiteralOperand) and never_has_a_value(scope, operand, read)

    if certain(criterion.test.node, absent) is False:
        message = f"the criterion {criterion.source.condition!r} can never hold, so that the step can only fail"
        yield Finding("criterion-never-holds", message, read.site.pointer)


def _context(scope: WorkflowScope, read: Read) -> Findings:
    """A context that never has a value, whose criterion therefore fails (V1, M15)."""
    for use in read.uses:
        if use.form not in _IN_TEXT and never_has_a_value(scope, use.node, read):
            message = f"{use.text} never has a value, so that the criterion on it can never hold"
            yield Finding("criterion-never-holds", message, read.site.pointer)


def certain(node: logic.Node[Operand], absent: _Absent) -> bool | None:
    """Return the result that a condition has in every run; None when it depends on the run.

    Args:
        absent: whether an operand never has a value, which compares as ``null`` (C3).
    """
    match node:
        case logic.Or(parts):
            return _combined([certain(part, absent) for part in parts], decisive=True)
        case logic.And(parts):
            return _combined([certain(part, absent) for part in parts], decisive=False)
        case logic.Not(part):
            inner = certain(part, absent)
            return None if inner is None else not inner
        case logic.Group(part):
            return certain(part, absent)
        case logic.Comparison(left, operator, right):
            sides = (logic.Single(_NULL if absent(side.operand) else side.operand) for side in (left, right))
            first, second = sides
            return outcome_of(logic.Comparison(first, operator, second))
        case logic.Single(operand):
            known = _NULL if absent(operand) else operand
            return SimpleDialect().truth(known.value) if isinstance(known, LiteralOperand) else None


def _combined(outcomes: list[bool | None], *, decisive: bool) -> bool | None:
    if decisive in outcomes:
        return decisive
    return None if None in outcomes else not decisive
