"""Forms from schemas: controls by type, defaults, secrets that are never shown, and values by their types."""

from __future__ import annotations

import json
from typing import Any

import pytest

from arazzo_runner.engine.plan import Plan
from arazzo_runner.web.input_forms import InputField, fields_of, typed_inputs
from tests.support.own_cases import plan_of


def plan(properties: dict[str, Any], required: tuple[str, ...] = ()) -> Plan:
    inputs = {"type": "object", "properties": properties, "required": list(required)}
    step = {"stepId": "one", "operationId": "listItems"}
    return plan_of({"id": "form", "workflow": {"inputs": inputs, "steps": [step]}})


def field(schema: dict[str, Any], name: str = "a", **given: Any) -> InputField:
    (found,) = fields_of(plan({name: schema}), given)
    return found


@pytest.mark.parametrize(
    ("schema", "control"),
    [
        ({"type": "string"}, "text"),
        ({}, "text"),
        ({"type": "integer"}, "number"),
        ({"type": ["number", "null"]}, "text"),
        ({"type": "boolean"}, "select"),
        ({"enum": ["x", 1]}, "select"),
        ({"type": "object"}, "area"),
        ({"type": "array"}, "area"),
        ({"type": "string", "default": "two\nlines"}, "area"),
        ({"type": "string", "format": "password"}, "password"),
        ({"type": "object", "properties": {"token": {"type": "string"}}}, "password"),
    ],
)
def test_a_control_fits_its_type(schema: dict[str, Any], control: str) -> None:
    assert field(schema).control == control


def test_a_secret_is_never_a_value() -> None:
    secret = "s3cret-value"
    assert field({"type": "string", "default": secret}, "apiKey").value == ""
    assert field({"type": "string"}, "apiKey", apiKey=secret).value == ""
    (earlier,) = fields_of(plan({"a": {"type": "string"}}), {}, {"a": "Bearer [redacted]"})
    assert earlier.value == ""


def test_what_is_needed_comes_first() -> None:
    found = fields_of(plan({"a": {}, "b": {}, "c": {"default": 1}}, ("b", "c")), {})
    assert [(one.name, one.required) for one in found] == [("b", True), ("a", False), ("c", False)]


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "string"}, "5", "5"),
        ({"type": "integer"}, "5", 5),
        ({"type": "number"}, "0.5", 0.5),
        ({"type": "boolean"}, "false", False),
        ({"type": "array"}, '["x"]', ["x"]),
        ({"type": "object"}, "not JSON", "not JSON"),
        ({"enum": [1, "1"]}, "1", 1),
        ({"type": "string"}, "a\r\nb", "a\nb"),
    ],
)
def test_a_value_is_read_by_its_type(schema: dict[str, Any], text: str, value: Any) -> None:
    assert typed_inputs(plan({"a": schema}), {"input.a": text}, {}) == {"a": value}


def test_an_empty_field_gives_nothing() -> None:
    made = plan({"a": {"type": "string", "default": "d"}, "b": {"type": "string"}, "token": {"type": "string"}}, ("b",))
    given = {"a": "given", "token": "kept"}
    assert typed_inputs(made, {"input.a": "", "input.b": "", "input.token": ""}, given) == {"token": "kept"}
    assert typed_inputs(made, {}, given) == given
    assert typed_inputs(made, {"input.other": "x", "other": "x"}, {}) == {}


def test_a_choice_that_is_not_made_is_offered() -> None:
    assert field({"enum": ["x"]}).choices == (("", "(not given)"), ("x", "x"))
    assert field({"enum": [{"k": 1}], "default": {"k": 1}}).choices == ((json.dumps({"k": 1}),) * 2,)
