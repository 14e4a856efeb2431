"""Members of bodies and headers, checked against the description's schemas (D2)."""

from __future__ import annotations

import pytest

from arazzo_runner.errors import Problem
from tests.support.pets import check, document

_RULES = {"unknown-response-member", "unknown-response-header", "unknown-payload-member"}


def found(step: str) -> list[Problem]:
    return [problem for problem in check(document(f"  - {{stepId: a, {step}}}\n")) if problem.rule in _RULES]


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("$response.body#/nmae", "Did you mean name?"),
        ("$response.body#/owner/mial", "Did you mean mail?"),
        ("$response.body.ownr.mail", "Did you mean owner?"),
        ("$response.body#/owner/name/first", "The members are mail."),
    ],
)
def test_a_pointer_that_no_schema_declares_is_named_with_the_nearest_member(expression: str, hint: str) -> None:
    (problem,) = found(f"operationId: showPet, outputs: {{x: {expression}}}")
    assert (problem.rule, problem.hint) == ("unknown-response-member", hint)


@pytest.mark.parametrize(
    "expression",
    ["$response.body", "$response.body#/name", "$response.body#/owner/mail", "$response.body#/data/any", "$url"],
)
def test_what_a_schema_declares_or_leaves_open_is_right(expression: str) -> None:
    assert found(f"operationId: showPet, outputs: {{x: {expression}}}") == []


def test_an_operation_without_schemas_tells_nothing() -> None:
    assert found("operationId: findPet, outputs: {x: $response.body#/nmae, y: $response.header.X}") == []


def test_a_criterion_and_an_action_are_looked_at_too() -> None:
    criteria = "[{condition: $response.body#/nmae == 'x'}]"
    actions = f"[{{name: done, type: end, criteria: {criteria}}}]"
    assert len(found(f"operationId: showPet, successCriteria: {criteria}, onSuccess: {actions}")) == 2


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        ("Loaction", "Did you mean Location?"),
        ("X-Totl", "Did you mean X-Total?"),
        ("retry-aftr", "Did you mean Retry-After?"),
    ],
)
def test_a_header_that_is_nearly_a_known_one_is_misspelt(header: str, hint: str) -> None:
    (problem,) = found(f"operationId: showPet, outputs: {{x: $response.header.{header}}}")
    assert (problem.rule, problem.hint) == ("unknown-response-header", hint)


@pytest.mark.parametrize("header", ["X-Total", "x-total", "Location", "X-Quite-Another"])
def test_other_headers_are_not(header: str) -> None:
    assert found(f"operationId: showPet, outputs: {{x: $response.header.{header}}}") == []


@pytest.mark.parametrize(
    ("payload", "pointer"),
    [
        ("{tga: x}", "/tga"),
        ("{tag: x, owners: [{name: a}, {nmae: b}]}", "/owners/1/nmae"),
        ("{owners: [{owner: {mial: x}}]}", "/owners/0/owner/mial"),
    ],
)
def test_a_member_of_a_payload_that_no_schema_declares(payload: str, pointer: str) -> None:
    (problem,) = found(f"operationId: tagPet, requestBody: {{payload: {payload}}}")
    assert (problem.rule, problem.place.pointer) == (
        "unknown-payload-member",
        f"/workflows/0/steps/0/requestBody/payload{pointer}",
    )
    assert problem.hint.startswith("Did you mean")


@pytest.mark.parametrize("payload", ["{tag: x}", "{owners: [{data: {any: 1}}]}", "'{\"tga\": 1}'", "[1]"])
def test_other_payloads_are_right(payload: str) -> None:
    assert found(f"operationId: tagPet, requestBody: {{payload: {payload}}}") == []


def test_a_misspelt_output_a_misspelt_member_and_a_misspelt_field_are_all_named() -> None:
    steps = (
        "  - {stepId: a, operationId: showPet, outputs: {name: $response.body#/nmae}}\n"
        "  - {stepId: b, operationId: tagPet, requestBody: {payload: {tga: $steps.a.outputs.name}}, onSucess: []}\n"
    )
    named = {problem.rule: problem.hint for problem in check(document(steps))}
    assert named == {
        "unknown-response-member": "Did you mean name?",
        "unknown-payload-member": "Did you mean tag?",
        "unknown-field": "Did you mean 'onSuccess'?",
    }
