from __future__ import annotations

import pytest

from arazzo_runner.errors import Severity
from tests.support.pets import check, document, rules


def step(fields: str, **options: str) -> str:
    return document(f"  - {{stepId: a, {fields}}}\n", **options)


def _expects(status: int) -> str:
    return f"successCriteria: [{{condition: $statusCode == {status}}}]"


@pytest.mark.parametrize(
    ("fields", "rule", "hint"),
    [
        ("operationId: findPets", "unknown-operation", "Did you mean findPet?"),
        (
            "operationId: findPet, parameters: [{name: stats, in: query, value: 1}]",
            "parameter-not-declared",
            "Did you mean status?",
        ),
        (
            "operationId: findPet, parameters: [{name: status, in: cookie, value: 1}]",
            "parameter-location",
            "Write 'in: query'.",
        ),
        ("operationId: getPet", "path-parameter-missing", "Add a parameter: {name: petId, in: path, value: …}."),
        ("operationId: searchPets", "required-parameter-missing", "Add a parameter: {name: q, in: query, value: …}."),
        ("operationId: addPet", "request-body-missing", "Add a requestBody with a payload."),
        ("operationId: findPet, requestBody: {payload: 1}", "request-body-unexpected", "Remove the requestBody."),
        (
            "operationId: addPet, requestBody: {contentType: text/plain, payload: x}",
            "content-type-not-declared",
            "Write one of the operation's content types.",
        ),
        ("operationId: pets.findPet", "operation-reference-form", "Write $sourceDescriptions.pets.findPet."),
        (
            "operationPath: '{$sourceDescriptions.pets.url}#/paths/~1pets/get'",
            "prefer-operation-id",
            "Write operationId: $sourceDescriptions.pets.findPet.",
        ),
        ("operationPath: '{$sourceDescriptions.pet.url}#/paths/~1pets/get'", "unknown-source", "Did you mean pets?"),
        ("operationId: findPet, action: receive", "async-field", "Remove 'action'."),
    ],
)
def test_what_is_sent_is_held_against_the_operation(fields: str, rule: str, hint: str) -> None:
    assert [(problem.rule, problem.hint) for problem in check(step(fields))] == [(rule, hint)]


@pytest.mark.parametrize(
    "fields",
    [
        "operationId: findPet, parameters: [{name: Authorization, in: header, value: x}]",
        "operationId: searchPets, parameters: [{name: q, in: query, value: x}, {name: x-key, in: header, value: y}]",
        f"operationId: getPet, parameters: [{{name: petId, in: path, value: 1}}], {_expects(404)}",
        f"operationId: searchPets, parameters: [{{name: q, in: query, value: x}}], {_expects(299)}",
        "operationId: addPet, requestBody: {contentType: application/json; charset=utf-8, payload: {}}",
        "operationId: addPet, requestBody: {contentType: $inputs.status, payload: {}}",
    ],
)
def test_what_an_author_would_call_noise_is_not_told(fields: str) -> None:
    assert rules(step(fields)) == set()


def test_a_workflows_parameters_count_and_need_not_fit_every_step() -> None:
    rest = "  parameters: [{name: petId, in: path, value: 1}]\n"
    steps = "  - {stepId: a, operationId: findPet}\n  - {stepId: b, operationId: getPet}\n"

    assert rules(document(steps, rest=rest)) == set()


def test_a_status_that_is_not_documented_is_a_hint() -> None:
    [found] = check(step("operationId: findPet, successCriteria: [{condition: $statusCode == 204}]"))

    assert (found.rule, found.severity) == ("status-not-documented", Severity.HINT)


_ASYNC = "- {name: events, url: events.asyncapi.yaml, type: asyncapi}\n"


@pytest.mark.parametrize(
    "fields",
    [
        "action: receive, channelPath: '{$sourceDescriptions.events.url}#/channels/petArrived'",
        "action: receive, operationId: $sourceDescriptions.events.awaitPet",
    ],
)
def test_steps_over_asyncapi_have_no_problem(fields: str) -> None:
    assert check(step(fields, sources=_ASYNC)) == []


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ("channelPath: '{$sourceDescriptions.events.url}#/channels/petLeft'", "unknown-channel"),
        ("channelPath: '$sourceDescriptions.events#/channels/petArrived'", "operation-reference-form"),
        ("channelPath: '{$sourceDescriptions.event.url}#/channels/petArrived'", "unknown-source"),
        ("operationId: $sourceDescriptions.events.awaitCat", "unknown-operation"),
    ],
)
def test_references_into_asyncapi_are_followed(fields: str, rule: str) -> None:
    assert rules(step(f"action: receive, {fields}", sources=_ASYNC)) == {rule}


def test_a_source_that_is_not_there_is_one_problem_and_then_quiet() -> None:
    steps = "".join(
        f"  - {{stepId: s{n}, operationId: findPet{n}, parameters: [{{name: a, in: path, value: 1}}]}}\n"
        for n in range(3)
    )
    text = document(steps).replace("pets.openapi.yaml", "gone.yaml")

    assert [problem.rule for problem in check(text)] == ["document-not-found"]


def test_an_operation_may_be_in_the_source_that_is_not_there() -> None:
    sources = "- {name: gone, url: gone.yaml, type: openapi}\n"
    found = check(step("operationId: somewhere", sources=sources))

    assert [problem.rule for problem in found] == ["document-not-found", "unqualified-operation"]


def test_an_operation_of_the_source_that_is_there_is_still_judged() -> None:
    sources = "- {name: gone, url: gone.yaml, type: openapi}\n"
    fields = "operationId: $sourceDescriptions.pets.findPets"

    assert rules(step(fields, sources=sources)) == {"document-not-found", "unknown-operation"}


def test_a_source_of_another_kind_is_a_problem_of_the_source() -> None:
    found = check(step("operationId: findPet").replace("pets.openapi.yaml", "events.asyncapi.yaml"))

    assert [problem.rule for problem in found] == ["openapi-version"]
    assert found[0].place.path.endswith("events.asyncapi.yaml")
