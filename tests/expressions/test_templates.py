"""Values with expressions in them: whole ones keep their type, embedded ones are text (V2 to V6)."""

from __future__ import annotations

from typing import Any

import pytest

from arazzo_runner.errors import StepError
from arazzo_runner.expressions.evaluate import PlainMessage, Scope
from arazzo_runner.expressions.nodes import Names
from arazzo_runner.expressions.templates import Dialect, compile_json_text, compile_value
from arazzo_runner.expressions.undefined import UNDEFINED

SCOPE = Scope(
    inputs={
        "n": 3,
        "who": 'A "B"',
        "flag": True,
        "list": [1, {"a": 2}],
        "page[size]": 7,
        "name": "x",
        "name-suffix": "y",
    },
    steps={"s": {"id": 42}},
    response=PlainMessage((("Content-Type", "application/json"),), {}, {"items": [{"id": "i"}], "length": 9}),
)
NAMES = Names(inputs=frozenset(SCOPE.inputs), steps={"s": frozenset({"id"})})
DECLARED = Dialect(NAMES)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("$inputs.n", 3),
        ("{$inputs.n}", 3),
        ("n={$inputs.n}", "n=3"),
        ("{$inputs.flag}{$inputs.n}", "true3"),
        ("{$inputs.list}!", '[1,{"a":2}]!'),
        ("Bearer $inputs.name", "Bearer x"),
        ("$inputs.name-suffix", "y"),
        ("id $steps.s.outputs.id.", "id 42."),
        ("$inputs.page[size]", 7),
        ("$response.body.items[0].id", "i"),
        ("$response.body#/items/0/id", "i"),
        ("$response.body.items.length", 1),
        ("$response.body.length", 9),
        ("$response.body.items[*].id", ["i"]),
        ("costs $5, {braces} and $ref", "costs $5, {braces} and $ref"),
        ({"a": "$inputs.n", "b": ["$inputs.flag", "text"]}, {"a": 3, "b": [True, "text"]}),
    ],
)
def test_a_value_is_built(template: Any, value: Any) -> None:
    assert compile_value(template, DECLARED).resolve(SCOPE) == value


def test_strict_makes_text_of_a_whole_expression_in_braces() -> None:
    assert compile_value("{$inputs.n}", Dialect(NAMES, strict=True)).resolve(SCOPE) == "3"


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("$inputs.gone", UNDEFINED),
        ({"kept": 1, "left": "$inputs.gone"}, {"kept": 1}),
        (["$inputs.gone", 1], [None, 1]),
        ("$response.body#/nothing", UNDEFINED),
    ],
)
def test_what_is_missing_is_left_out(template: Any, value: Any) -> None:
    assert compile_value(template).resolve(SCOPE) == value


def test_text_is_never_built_from_a_missing_value() -> None:
    with pytest.raises(StepError) as missing:
        compile_value("Bearer {$inputs.gone}").resolve(SCOPE)
    assert missing.value.code == "missing-value"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"n": {$inputs.n}, "who": "{$inputs.who}"}', {"n": 3, "who": 'A "B"'}),
        ('{"all": {$inputs.list}}', {"all": [1, {"a": 2}]}),
        ("$inputs.list", [1, {"a": 2}]),
    ],
)
def test_json_text_is_a_template(text: str, value: Any) -> None:
    assert compile_json_text(text, DECLARED).resolve(SCOPE) == value


def test_json_text_that_is_not_json_in_the_end_is_refused() -> None:
    with pytest.raises(StepError):
        compile_json_text('{"n": {$inputs.who} oops}', DECLARED).resolve(SCOPE)
