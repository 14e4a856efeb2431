"""Criteria of every type (C1 to C6): what passes, what fails, and what cannot be parsed."""

from __future__ import annotations

from typing import Any

import pytest

from arazzo_runner.documents.model import Criterion, ExpressionType
from arazzo_runner.errors import ExpressionSyntaxError
from arazzo_runner.expressions.criteria import Verdict, compile_criterion
from arazzo_runner.expressions.evaluate import PlainMessage, Scope
from arazzo_runner.expressions.templates import Dialect

BODY = {"state": "Running", "count": 3, "items": [{"id": 1, "ok": True}, {"id": 2, "ok": False}], "none": None}
GOESSNER = "draft-goessner-dispatch-jsonpath-00"


def verdict(condition: str, type_: str = "simple", *, version: str | None = None, body: Any = BODY) -> Verdict:
    scope = Scope(status_code=200, response=PlainMessage((), {}, body), inputs={"wanted": "running"})
    context = None if type_ == "simple" else "$response.body"
    return compile_criterion(Criterion(condition, ExpressionType(type_, version), context, ""), Dialect()).check(scope)


@pytest.mark.parametrize(
    "condition",
    [
        "$statusCode == 200",
        "$statusCode == '200'",
        "$response.body#/state == 'running'",
        "$response.body#/state == $inputs.wanted",
        "$response.body.items[1].id == 2 && !$response.body.items[1].ok",
        "$response.body#/none == null",
        "$response.body#/absent == null",
        "$statusCode > 199 && ($statusCode < 300 || false)",
        "'it''s' == \"it's\"",
    ],
)
def test_a_simple_condition_passes(condition: str) -> None:
    assert verdict(condition).passed


@pytest.mark.parametrize(
    ("condition", "detail"),
    [
        ("$statusCode == 404", "200"),
        ("$response.body#/absent", ""),
        ("$response.body#/count > 'three'", ""),
        ("true == 1", ""),
        ("null < 1", ""),
    ],
)
def test_a_simple_condition_fails_and_says_what_it_saw(condition: str, detail: str) -> None:
    failed = verdict(condition)
    assert not failed.passed
    assert detail in (failed.detail or "")


@pytest.mark.parametrize(
    "condition", ["hello world", "==", "$statusCode =", "($statusCode == 200", "$statusCode = 200"]
)
def test_a_condition_that_cannot_be_parsed_is_an_error(condition: str) -> None:
    with pytest.raises(ExpressionSyntaxError):
        verdict(condition)


@pytest.mark.parametrize(
    ("condition", "version", "passed"),
    [
        ("$.items[?@.id == 2]", None, True),
        ("$.items[?@.id == 3]", None, False),
        ("$.state == 'Running' || $.state == 'pending'", None, True),
        ("$.state == 'running'", None, False),
        ("$.items.length == 2", None, True),
        ("$[?count(@.items) > 0]", None, True),
        ("$.items[(@.length-1)]", GOESSNER, True),
    ],
)
def test_jsonpath(condition: str, version: str | None, *, passed: bool) -> None:
    assert verdict(condition, "jsonpath", version=version).passed is passed


@pytest.mark.parametrize(("pattern", "passed"), [("^Run", True), ("run", False), ("nin", True), ("^ing$", False)])
def test_a_pattern_is_searched_in_the_text(pattern: str, *, passed: bool) -> None:
    assert verdict(pattern, "regex", body="Running").passed is passed


def test_a_context_that_is_missing_fails() -> None:
    scope = Scope(response=PlainMessage((), {}, {}))
    criterion = Criterion("^a", ExpressionType("regex"), "$response.body#/absent", "")
    assert not compile_criterion(criterion, Dialect()).check(scope).passed


@pytest.mark.parametrize(("path", "passed"), [("/root/id = 7", True), ("count(/root/id) = 2", False)])
def test_xpath(path: str, *, passed: bool) -> None:
    assert verdict(path, "xpath", body="<root><id>7</id></root>").passed is passed
