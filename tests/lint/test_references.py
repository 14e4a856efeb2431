from __future__ import annotations

import pytest

from tests.support.pets import check, document, rules, with_output, with_value

_FIND = "  - {stepId: find, operationId: findPet, outputs: {pet: $response.body}}\n"


@pytest.mark.parametrize(
    ("value", "rule", "hint"),
    [
        ("$inputs.tokn", "unknown-input", "Did you mean token?"),
        ("$steps.fnd.outputs.pet", "unknown-step-reference", "Did you mean find?"),
        ("$steps.find.outputs.pets", "unknown-output", "Did you mean pet?"),
        ("$workflows.buy.outputs.pet", "unknown-workflow", "Did you mean buy-pet?"),
        ("$workflows.buy-pet.outputs.price", "unknown-output", "The outputs of buy-pet are total."),
        ("$sourceDescriptions.pet.url", "unknown-source", "Did you mean pets?"),
        ("$components.parameters.page", "unknown-component", "There are no components.parameters."),
        ("$outputs.price", "undeclared-output", "The outputs are total."),
    ],
)
def test_a_name_that_is_not_declared_is_told_with_the_nearest(value: str, rule: str, hint: str) -> None:
    step = (
        f"  - stepId: again\n    operationId: findPet\n    parameters: [{{name: status, in: query, value: {value}}}]\n"
    )
    text = document(_FIND + step, rest="  outputs: {total: $steps.find.outputs.pet}\n")

    assert [(problem.rule, problem.hint) for problem in check(text)] == [(rule, hint)]


def test_a_parameter_of_the_request_that_is_not_sent() -> None:
    [found] = check(with_output("$request.query.state"))

    assert (found.rule, found.hint) == ("unknown-request-parameter", "Did you mean status?")


@pytest.mark.parametrize("value", ["$response.body", "$statusCode", "$url", "'{$request.query.status} x'"])
def test_what_is_sent_cannot_be_made_of_the_answer(value: str) -> None:
    in_text = {"value-never-there"} if "{" in value else set()
    assert rules(with_value(value)) == {"exchange-not-yet"} | in_text


def test_steps_of_another_workflow_cannot_be_read() -> None:
    [found] = check(with_value("$workflows.buy-pet.steps.find.outputs.pet"))

    assert found.rule == "unknown-workflow"
    assert "give it an output" in found.hint


def test_a_declared_name_with_a_dot_is_no_path() -> None:
    step = "  - stepId: b\n    operationId: findPet\n    parameters:\n"
    text = document(
        "  - {stepId: a, operationId: findPet, outputs: {pet.name: $response.body#/name}}\n"
        f"{step}    - {{name: status, in: query, value: $steps.a.outputs.pet.name}}\n"
    )

    assert rules(text) == set()


@pytest.mark.parametrize("inputs", ["", "  inputs: {type: object}\n"])
def test_without_declared_inputs_any_may_be_given(inputs: str) -> None:
    text = with_value("$inputs.anything")
    lines = [inputs.rstrip("\n") if line.startswith("  inputs:") else line for line in text.splitlines()]

    assert rules("\n".join(lines)) == {"undeclared-input"}


def test_inputs_behind_refs_and_combinators_are_declared() -> None:
    text = with_value("$inputs.page").replace(
        "properties: {status", "allOf: [{$ref: '#/components/inputs/paging'}], x: {status"
    )
    text += "components:\n  inputs:\n    paging: {type: object, properties: {page: {type: integer}}}\n"

    assert "unknown-input" not in rules(text)


def test_a_workflow_step_has_the_outputs_of_its_workflow() -> None:
    source = "- {name: other, url: https://example.com/flows/other, type: arazzo}\n"
    call = (
        "  - stepId: ask\n    workflowId: $sourceDescriptions.other.log-in\n"
        "    parameters: [{name: user, value: $inputs.status}]\n"
    )
    reading = "  - {stepId: b, operationId: $sourceDescriptions.pets.findPet, outputs: {t: $steps.ask.outputs.NAME}}\n"
    text = document(call + reading, sources=source)

    assert rules(text.replace("NAME", "token")) == set()
    assert rules(text.replace("NAME", "secret")) == {"unknown-output"}


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ("parameters: [{reference: $components.parameters.page}]", "unknown-component"),
        ("onSuccess: [{reference: $components.failureActions.stop}]", "unknown-component"),
        ("onFailure: [{name: a, type: goto, stepId: fnd}]", "unknown-step"),
        ("onFailure: [{name: a, type: retry, workflowId: fnd}]", "unknown-workflow"),
        ("onSuccess: [{name: a, type: goto, workflowId: $sourceDescriptions.pets}]", "unknown-workflow"),
    ],
)
def test_a_field_that_leads_nowhere(fields: str, rule: str) -> None:
    assert rules(document(f"  - {{stepId: find, operationId: findPet, {fields}}}\n")) == {rule}


def test_a_value_on_a_reference_to_an_action_means_nothing() -> None:
    text = document(
        "  - stepId: find\n    operationId: findPet\n"
        "    onSuccess: [{reference: $components.successActions.stop, value: 1}]\n"
    )
    text += "components: {successActions: {stop: {name: stop, type: end}}}\n"

    assert rules(text) == {"field-not-applicable"}


def test_a_step_that_a_component_leads_to_is_looked_for_where_it_is_used() -> None:
    text = document(
        "  - {stepId: find, operationId: findPet, onFailure: [{reference: $components.failureActions.go}]}\n"
    )
    text += "components: {failureActions: {go: {name: go, type: goto, stepId: elsewhere}}}\n"

    [found] = check(text)

    assert found.rule == "unknown-step"
    assert found.place.pointer == "/workflows/0/steps/0/onFailure/0"
