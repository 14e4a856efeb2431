"""The independent cases of expressions, templates, conditions, criteria and JSONPath."""

from __future__ import annotations

import json
from typing import Any

import pytest

from arazzo_runner.errors import ExpressionSyntaxError, StepError
from arazzo_runner.expressions import conditions, criteria, grammar, selectors, syntax, templates
from arazzo_runner.expressions.criteria import CompiledCriterion, JsonPathQuery, compile_criterion
from arazzo_runner.expressions.evaluate import evaluate
from arazzo_runner.expressions.undefined import UNDEFINED
from tests.support.contexts import criterion, scope
from tests.support.independent_cases import CASES, agrees, cases


@pytest.mark.parametrize("case", cases("runtime-expressions"))
def test_the_grammar_of_each_version_derives_what_it_should(case: dict[str, Any]) -> None:
    for version, key in (((1, 0), "valid_1_0_1"), ((1, 1), "valid_1_1_0")):
        assert grammar.derives(case["expr"], version) is case[key], version


@pytest.mark.parametrize("case", cases("runtime-expressions"))
def test_what_strict_parsing_accepts_the_grammar_derives_and_prints_again(case: dict[str, Any]) -> None:
    for version in ((1, 0), (1, 1)):
        try:
            node = syntax.parse(case["expr"], version=version, strict=True)
        except ExpressionSyntaxError:
            continue
        assert grammar.derives(case["expr"], version)
        assert str(node) == case["expr"]


CONTEXTS: dict[str, Any] = {}
if (path := CASES / "expression-evaluation.json").is_file():
    CONTEXTS = json.loads(path.read_text("utf-8"))["contexts"]


@pytest.mark.parametrize("case", cases("expression-evaluation"))
def test_an_expression_gives_the_value(case: dict[str, Any]) -> None:
    expected = {"value": case.get("value"), "missing": UNDEFINED, "error": "error"}[case["expect"]]
    try:
        got: Any = evaluate(syntax.parse(case["expr"]), scope(CONTEXTS[case["context"]]))
    except ExpressionSyntaxError:
        got = "error"
    agrees(case, same=got == expected and type(got) is type(expected), detail=f"{case['expr']} gave {got!r}")


@pytest.mark.parametrize("case", cases("interpolation"))
def test_a_template_gives_the_value(case: dict[str, Any]) -> None:
    template, expected = case["template"], case["expected"]
    got: Any
    if case["mode"] == "extract":
        expected = case["extracted"]
        got = [str(found.node) for found in templates.embedded(template, templates.Dialect(strict=True))]
    else:
        try:
            got = templates.compile_value(template).resolve(scope(case["context"]))
        except StepError:
            got = "<error>"
    agrees(case, same=got == expected and type(got) is type(expected), detail=f"{template!r} gave {got!r}")


def compiled(data: dict[str, Any]) -> CompiledCriterion | None:
    try:
        return compile_criterion(criterion(data), templates.Dialect())
    except ExpressionSyntaxError:
        return None


@pytest.mark.parametrize("case", cases("simple-conditions"))
def test_a_simple_condition_parses_and_passes_as_it_should(case: dict[str, Any]) -> None:
    try:
        conditions.parse_condition(case["condition"])
        valid = True
    except ExpressionSyntaxError:
        valid = False
    ready = compiled({"condition": case["condition"]})
    passed = ready is not None and ready.check(scope(case["context"])).passed
    same = valid is case["valid"] and case["expected"] in (None, passed)
    agrees(case, same=same, detail=f"{case['condition']!r}: valid {valid}, passed {passed}")


@pytest.mark.parametrize("case", cases("criteria"))
def test_a_criterion_passes_as_it_should(case: dict[str, Any]) -> None:
    ready = compiled(case["criterion"])
    passed = ready is not None and ready.check(scope(case["context"])).passed
    agrees(case, same=passed is case["expected"], detail=f"{case['criterion']} passed: {passed}")


def suite() -> list[Any]:
    path = CASES / "jsonpath-cts.json"
    if not path.is_file():
        return [pytest.param(None, marks=pytest.mark.skip(reason="no jsonpath-cts.json in ../shared/conformance"))]
    return [pytest.param(case, id=case["name"]) for case in json.loads(path.read_text("utf-8"))["tests"]]


@pytest.mark.parametrize("case", suite())
def test_the_jsonpath_suite_passes_through_the_code_of_criteria(case: dict[str, Any]) -> None:
    if case.get("invalid_selector"):
        with pytest.raises(ExpressionSyntaxError):
            selectors.jsonpath(case["selector"])
        return
    allowed = case.get("results", [case.get("result")])
    assert selectors.jsonpath(case["selector"]).values(case["document"]) in allowed
    if isinstance(case["document"], list):  # an object's root filter has a reading of its own (C5)
        data = {"context": "$inputs.v", "condition": case["selector"], "type": "jsonpath"}
        ready = compiled(data)
        assert ready is not None
        assert isinstance(ready.test, JsonPathQuery)
        assert ready.check(scope({"inputs": {"v": case["document"]}})).passed is bool(allowed[0])


def test_a_criterion_type_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ExpressionSyntaxError, match="unknown criterion type"):
        criteria.compile_criterion(criterion({"condition": "x", "type": "jsonata"}), templates.Dialect())
