"""Each rule by its own examples: the failing one breaks it, the passing one does not."""

from __future__ import annotations

import json

import pytest

from arazzo_runner.analysis.findings import DEVIATIONS
from arazzo_runner.documents import pointer
from arazzo_runner.documents.reader import read_document
from arazzo_runner.documents.rules import EXAMPLE, RULES, Rule
from arazzo_runner.errors import Severity
from tests.support.pets import check

PLAN_ONLY = {
    "message-server": "which server it is may be said when it is run",
    "message-server-chosen": "which server it is may be said when it is run",
    "message-protocol": "which server it is may be said when it is run",
    "unusable-criterion": "it is what --force makes of criterion-syntax",
}
"""Rules that only a plan reports, and why."""

CHECKED = {rule_id: rule for rule_id, rule in RULES.items() if rule_id not in PLAN_ONLY}


def whole(rule: Rule, example: str | bytes) -> str | bytes:
    """The document that an example is, or is a part of."""
    if rule.at is None:
        return example
    data = read_document(EXAMPLE, "example.yaml").data
    value = read_document(example, "example.yaml").data
    if not rule.at:
        return json.dumps(value)
    parent, _, name = rule.at.rpartition("/")
    holder = pointer.resolve(data, parent)
    holder[int(name) if isinstance(holder, list) else name] = value
    return json.dumps(data)


@pytest.mark.parametrize("rule", CHECKED.values(), ids=CHECKED)
def test_the_failing_example_breaks_its_rule(rule: Rule) -> None:
    found = [problem for problem in check(whole(rule, rule.failing)) if problem.rule == rule.id]

    assert found, sorted({problem.rule for problem in check(whole(rule, rule.failing))})
    assert {problem.severity for problem in found} == {rule.severity}
    assert all(problem.place.line > 0 and problem.message for problem in found)


@pytest.mark.parametrize("rule", CHECKED.values(), ids=CHECKED)
def test_the_passing_example_does_not(rule: Rule) -> None:
    assert [str(problem) for problem in check(whole(rule, rule.passing)) if problem.rule == rule.id] == []


@pytest.mark.parametrize("rule_id", sorted(DEVIATIONS))
def test_what_a_default_run_accepts_is_an_error_when_strict(rule_id: str) -> None:
    rule = RULES[rule_id]
    found = [problem for problem in check(whole(rule, rule.failing), strict=True) if problem.rule == rule_id]

    assert rule.severity is Severity.WARNING
    assert {problem.severity for problem in found} == {Severity.ERROR}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_says_what_it_asks_for_and_where_it_comes_from(rule: Rule) -> None:
    assert rule.summary.endswith(".")
    assert rule.section


def test_the_example_has_no_problems() -> None:
    assert check(EXAMPLE) == []
    assert check(EXAMPLE, strict=True) == []
