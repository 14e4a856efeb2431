"""Steps over messages against their description: what is found before a run (M2, M3, M9, M12, M15)."""

from __future__ import annotations

import pytest

from arazzo_runner.errors import Problem, Severity
from tests.engine.test_refusals import refusal
from tests.support.pets import check

HEAD = """\
arazzo: 1.1.0
info: {title: Pets, version: 1.0.0}
sourceDescriptions:
- {name: events, url: events.asyncapi.yaml, type: asyncapi}
workflows:
- workflowId: main
  inputs: {type: object, properties: {id: {type: string}}}
  steps:
"""
AWAIT = "stepId: wait, action: receive, operationId: $sourceDescriptions.events.awaitPet"
ADD = "stepId: add, action: send, operationId: $sourceDescriptions.events.addPet"


def document(*steps: str) -> str:
    return HEAD + "".join(f"  - {{{step}}}\n" for step in steps)


def found(*steps: str) -> list[Problem]:
    return check(document(*steps))


@pytest.mark.parametrize(
    ("step", "rule", "hint"),
    [
        (AWAIT.replace("awaitPet", "waitPet"), "unknown-operation", "awaitPet"),
        (AWAIT.replace("awaitPet", "pet-arrived"), "unknown-operation", "petArrived? If so, write channelPath"),
        ("stepId: a, action: receive, channelPath: '{$sourceDescriptions.events.url}#/channels/petArived'",
         "unknown-channel", "petArrived"),
        ("stepId: a, action: receive, channelPath: '{$sourceDescriptions.event.url}#/channels/petArrived'",
         "unknown-source", "events"),
        (AWAIT + ", outputs: {n: $message.payload#/nam}", "unknown-message-member", "name"),
        (AWAIT + ", outputs: {n: $message.payload.nam}", "unknown-message-member", "name"),
        (AWAIT + ", outputs: {n: $message.header.corelationId}", "unknown-message-header", "correlationId"),
        (AWAIT + ", outputs: {n: $message.path.petId}", "unknown-message-member", "no parameters"),
        (ADD + ", requestBody: {payload: {nmae: Tom}}", "unknown-payload-member", "name"),
        (ADD + ", parameters: [{name: a, in: query, value: 1}]", "message-parameter", "header"),
    ],
)  # fmt: skip
def test_a_name_that_the_description_does_not_have_is_reported_with_the_nearest(
    step: str, rule: str, hint: str
) -> None:
    problems = {problem.rule: problem for problem in found(step)}

    assert hint in problems[rule].hint
    assert f"stepId: {problems[rule].place.step}," in step


def test_a_form_that_only_this_runner_accepts_is_reported_with_the_portable_one() -> None:
    [problem] = found("stepId: a, action: receive, operationPath: $sourceDescriptions.events.awaitPet")

    assert problem.rule == "operation-reference-form"
    assert problem.hint == "Write {$sourceDescriptions.events.url}#/operations/awaitPet."


def test_equal_actions_are_a_hint_and_never_an_error() -> None:
    [problem] = found(
        "stepId: a, action: send, operationId: $sourceDescriptions.events.awaitPet, requestBody: {payload: {}}"
    )

    assert (problem.rule, problem.severity) == ("asyncapi-own-view", Severity.HINT)


@pytest.mark.parametrize(
    "criterion",
    [
        "{condition: $statusCode == 200}",
        "{condition: $response.body#/ok == true}",
        "{context: $response.body, type: jsonpath, condition: $.ok}",
        "{context: $statusCode, type: regex, condition: '^2'}",
    ],
)
def test_a_criterion_on_an_http_exchange_refuses_the_run(criterion: str) -> None:
    text = document(f"{AWAIT}, successCriteria: [{criterion}]")

    assert {"criterion-never-holds", "message-step-response"} <= {problem.rule for problem in check(text)}
    assert refusal(text) == {"criterion-never-holds"}


def test_a_message_is_nothing_that_a_step_over_http_has() -> None:
    text = document("stepId: find, operationId: findPet, successCriteria: [{condition: $message.payload#/ok == true}]")
    text = text.replace(
        "- {name: events, url: events.asyncapi.yaml, type: asyncapi}", "- {name: p, url: pets.openapi.yaml}"
    )

    assert refusal(text) == {"criterion-never-holds"}


@pytest.mark.parametrize(
    ("fields", "reported"),
    [
        ("successCriteria: [{condition: $message.payload#/id == $inputs.id}]", True),
        ("successCriteria: [{condition: $message.payload#/name == 'Tom'}]", False),
        ("correlationId: $inputs.id, successCriteria: [{condition: $message.payload#/id == $inputs.id}]", False),
    ],
)
def test_a_criterion_that_looks_like_a_filter_is_one_that_compares_with_what_is_known(
    fields: str, *, reported: bool
) -> None:
    assert ("criteria-look-like-a-filter" in {one.rule for one in found(f"{AWAIT}, {fields}")}) is reported


def test_an_address_that_nothing_fills_refuses_the_run() -> None:
    move = "stepId: move, action: send, operationId: $sourceDescriptions.events.movePet, requestBody: {payload: {}}"

    assert refusal(document(move)) == {"message-address"}
    assert refusal(document(move + ", parameters: [{name: petId, in: path, value: 1}]")) == set()


def test_strict_refuses_asyncapi_2() -> None:
    text = document(AWAIT).replace("events.asyncapi", "second.asyncapi")

    assert refusal(text) == set()
    assert refusal(text, strict=True) == {"asyncapi-2"}


def test_an_operation_that_two_kinds_of_sources_have_is_that_of_messages_for_a_step_with_an_action() -> None:
    text = document("stepId: a, action: send, operationId: addPet, requestBody: {payload: {}}").replace(
        "workflows:", "- {name: pets, url: pets.openapi.yaml, type: openapi}\nworkflows:"
    )
    assert refusal(text) == set()
    assert refusal(text.replace("action: send, ", "")) == {"ambiguous-operation"}


def test_a_source_that_cannot_be_read_is_one_problem_and_then_quiet() -> None:
    text = document(AWAIT, ADD + ", requestBody: {payload: {}}").replace("events.asyncapi", "gone.asyncapi")

    assert [problem.rule for problem in check(text)] == ["document-not-found"]
