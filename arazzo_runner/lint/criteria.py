"""Checks of criteria: spellings that only this runner accepts (C2, C5), and comparisons that never change."""

from __future__ import annotations

import re
from collections.abc import Iterable

from arazzo_runner.analysis.findings import Finding, Findings
from arazzo_runner.analysis.occurrences import Read
from arazzo_runner.expressions import logic
from arazzo_runner.expressions.conditions import LiteralOperand, Operand, SimpleDialect, numeric
from arazzo_runner.expressions.criteria import CompiledCriterion, Simple
from arazzo_runner.expressions.nodes import Special
from arazzo_runner.lint import criterion_rules  # noqa: F401 - registers the rules that this module reports
from arazzo_runner.secrecy import cut

_SHOWN = 60
_COUNTED = re.compile(
    r"\$\[\s*\?\s*(?:count|length)\(\s*@((?:\.\w+)+)(?:\[\*\]|\.\*)?\s*\)\s*(?:>\s*0|>=\s*1|!=\s*0)\s*\]"
)
_MEMBER = re.compile(r"\$\[\s*\?\s*@((?:\.\w+)+)\s*(==|!=|<=|>=|<|>)\s*([^&|()]+?)\s*\]")


def check_criteria(reads: Iterable[Read]) -> Findings:
    """Every criterion that could be compiled."""
    for read in reads:
        if read.criterion is None:
            continue
        yield from _deviations(read, read.criterion)
        if isinstance(read.criterion.test, Simple):
            yield from _decided(read, read.criterion.test.node)


def _deviations(read: Read, criterion: CompiledCriterion) -> Findings:
    condition = criterion.source.condition
    messages = {
        "double-quoted-literal": f"the condition {condition!r} has a string in double quotes",
        "bare-literal": f"the condition {condition!r} has a string without quotes",
        "json-condition": f"the condition {cut(condition.strip(), _SHOWN)!r} is JSON text for the context to equal",
        "jsonpath-not-a-query": f"the condition {condition!r} is a comparison, not a JSONPath query",
        "jsonpath-root-filter": f"the query {condition!r} filters the members of the context, or the context itself",
    }
    for rule, spelling in criterion.deviations:
        hint = f"{spelling[0].upper()}{spelling[1:]}." if spelling else None
        if rule == "jsonpath-root-filter":
            hint = _without_root_filter(condition.strip())
        yield Finding(rule, messages[rule], read.site.pointer, _on(criterion.source.context, hint))


def _on(context: str | None, hint: str | None) -> str | None:
    """A hint that speaks of $response.body, for a criterion whose context may be another one."""
    if hint is None or context is None:
        return hint
    into = context if "#" in context else f"{context}#"
    return re.sub(r"\$response\.body(#?)", lambda found: into if found[1] else context, hint)


def _without_root_filter(condition: str) -> str | None:
    """The spelling that means the same everywhere; None when there is no simple one."""
    if match := _COUNTED.fullmatch(condition):
        return f"If the context is an object, write ${match[1]}[*]."
    if match := _MEMBER.fullmatch(condition):
        literal = re.sub(r'^"(.*)"$', r"'\1'", match[3])
        pointer = match[1].replace(".", "/")
        return f"If the context is an object, write the simple condition $response.body#{pointer} {match[2]} {literal}."
    return None


def _decided(read: Read, node: logic.Node[Operand]) -> Findings:
    """Comparisons, and lone literals, whose outcome no answer can change."""
    for comparison in logic.comparisons(node):
        holds = outcome_of(comparison)
        if holds is not None:
            yield _constant(read, str(comparison), holds=holds)
    alone = node.part if isinstance(node, (logic.Group, logic.Not)) else node
    if isinstance(alone, logic.Single) and isinstance(alone.operand, LiteralOperand):
        yield _constant(read, str(node), holds=logic.evaluate(node, SimpleDialect(), None))


def _constant(read: Read, text: str, *, holds: bool) -> Finding:
    if holds:
        return Finding("condition-always-holds", f"{text} always holds", read.site.pointer)
    return Finding("condition-never-holds", f"{text} never holds", read.site.pointer)


def outcome_of(comparison: logic.Comparison[Operand]) -> bool | None:
    """Return the constant result of a comparison; None when it depends on the run."""
    left, operator, right = comparison.left.operand, comparison.operator, comparison.right.operand
    if isinstance(left, LiteralOperand) and isinstance(right, LiteralOperand):
        return logic.evaluate(comparison, SimpleDialect(), None)
    literal = right if isinstance(right, LiteralOperand) else left if isinstance(left, LiteralOperand) else None
    other = left if literal is right else right
    if literal is None:
        return None
    if operator not in ("==", "!="):
        has_no_order = literal.value is None or isinstance(literal.value, bool)
        return False if has_no_order or not _can_be(other, literal, order=True) else None
    return None if _can_be(other, literal, order=False) else operator == "!="


def _can_be(operand: Operand, literal: LiteralOperand, *, order: bool) -> bool:
    """Return whether a value of that kind can equal the literal, or have an order with it (C3)."""
    number = numeric(literal.value)
    match operand:
        case _ if literal.value is None:
            return True
        case Special(name="statusCode", tail=None):
            return number is not None and (order or 100 <= number <= 599)
        case Special(name="method", tail=None):
            return isinstance(literal.value, str) and number is None and literal.value.isalpha()
        case Special(name="url" | "self", tail=None):
            return isinstance(literal.value, str) and number is None
    return True
