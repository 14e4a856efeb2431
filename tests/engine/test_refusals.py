"""Every rule: whether breaking it refuses a default run, as the planner does it, and why it must (D1)."""

from __future__ import annotations

from functools import partial

import pytest

from arazzo_runner.analysis.linker import Linker, LinkError
from arazzo_runner.documents.reader import Document, read_document
from arazzo_runner.documents.rules import RULES, Rule
from arazzo_runner.documents.sources import Library
from arazzo_runner.engine.plan import Plan, RunOptions
from arazzo_runner.engine.planning.planner import make_plan
from arazzo_runner.engine.planning.refusals import REFUSING
from arazzo_runner.errors import DocumentError, Problem, Severity
from arazzo_runner.lint.checker import check_workflow
from tests.lint.test_rules import whole
from tests.support.pets import document, fetch

URI = "https://example.com/example.yaml"

_CALLS = document("  - {stepId: a, operationId: findPet}\n")

NEEDED: dict[str, str] = {
    # The rule's own example is a fault that no reached step needs; these are needed.
    "wrong-type": document("  - {stepId: a, operationId: findPet, outputs: [pet]}\n"),
    "bad-value": document("  - {stepId: a, operationId: findPet, onFailure: [{name: x, type: rety}]}\n"),
    "duplicate-workflow-id": _CALLS + "- {workflowId: buy-pet, steps: [{stepId: b, operationId: findPet}]}\n",
    "duplicate-step-id": document(
        "  - {stepId: a, operationId: findPet, onSuccess: [{name: x, type: goto, stepId: b}]}\n"
        "  - {stepId: b, operationId: findPet}\n  - {stepId: b, operationId: addPet, requestBody: {payload: {}}}\n"
    ),
    "duplicate-source-name": document(
        "  - {stepId: a, operationId: findPet}\n", sources="- {name: pets, url: shop.openapi.yaml, type: openapi}\n"
    ),
    "unresolved-reference": _CALLS.replace("pets.openapi.yaml", "torn.openapi.yaml").replace(
        "operationId: findPet", "operationId: order, requestBody: {payload: {pet: 1}}"
    ),
    "criterion-context": document(
        "  - {stepId: a, operationId: findPet, successCriteria: [{condition: x, type: regex}]}\n"
    ),
    "parameter-in": document("  - {stepId: a, operationId: findPet, parameters: [{name: page, value: 1}]}\n"),
    "unknown-component": document(
        "  - {stepId: a, operationId: findPet, parameters: [{reference: $components.parameters.page}]}\n"
    ),
}
"""Documents that need what is broken, for rules whose own example refuses nothing."""

HARMLESS: dict[str, str] = {
    "duplicate-step-id": "no action and no expression names the step",
    "duplicate-source-name": "both names are of one URL",
    "unresolved-reference": "the broken parameter is not needed",
    "bad-value": "no step needs the source",
}
"""Rules whose own example refuses nothing, and why; ``NEEDED`` has one that does."""

OTHERWISE: dict[str, str] = {
    "step-dependency-form": "step-dependency-unknown",
    "empty-text": "criterion-syntax",
    "async-field": "unknown-operation",
    "bad-value": "unknown-operation",
    "duplicate-source-name": "document-not-found",
    "duplicate-step-id": "unknown-operation",
    "duplicate-dependency": "unknown-workflow",
    "unusable-criterion": "criterion-syntax",
    "self-reference": "unknown-operation",
    "unknown-channel": "asyncapi-step",
    "asyncapi-not-run": "asyncapi-step",
}
"""Rules that refuse nothing, and what is wrong besides with their own example and does."""

TORN = """\
openapi: 3.1.0
info: {title: Torn, version: 1.0.0}
servers: [{url: https://pets.example.com}]
paths:
  /orders:
    post: {operationId: order, requestBody: {$ref: 'gone.yaml'}}
"""


def fetched(url: str) -> bytes:
    return TORN.encode() if url.endswith("/torn.openapi.yaml") else fetch(url)


def read(text: str | bytes) -> Document:
    return read_document(text, "example.yaml", uri=URI)


def plan(text: str | bytes, workflow_id: str | None = None, *, strict: bool = False, force: bool = False) -> Plan:
    """Plan the first workflow of a document as a run does."""
    linker = Linker(Library(fetch=fetched))
    found = read(text)
    first = workflow_id or linker.description(found).workflows[0].workflow_id
    checks = partial(check_workflow, strict=strict)
    return make_plan(linker, found, first, RunOptions(strict=strict, force=force), checks=checks)


def refusal(
    text: str | bytes, workflow_id: str | None = None, *, strict: bool = False, force: bool = False
) -> set[str]:
    """The rules that refuse a run; empty when it is planned."""
    try:
        plan(text, workflow_id, strict=strict, force=force)
    except DocumentError as error:
        return {problem.rule for problem in error.problems}
    except LinkError as error:
        return {error.rule}
    return set()


def warnings(text: str) -> list[Problem]:
    return list(plan(text).problems)


def test_every_refusing_rule_exists_and_says_why() -> None:
    assert REFUSING.keys() <= RULES.keys()
    assert all(REFUSING.values())


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_broken_rule_refuses_a_default_run_as_the_table_says(rule: Rule) -> None:
    found = refusal(whole(rule, rule.failing))
    refuses = rule.id in REFUSING and rule.id not in HARMLESS
    assert (rule.id in found) is refuses, (found, REFUSING.get(rule.id))
    if not refuses:
        assert found == ({OTHERWISE[rule.id]} if rule.id in OTHERWISE else set())


@pytest.mark.parametrize("rule_id", sorted(NEEDED))
def test_what_refuses_only_where_it_is_needed_refuses_there(rule_id: str) -> None:
    assert refusal(NEEDED[rule_id])


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_passing_example_of_a_rule_is_planned(rule: Rule) -> None:
    assert rule.id not in refusal(whole(rule, rule.passing))


# What is not needed refuses nothing, and is told


def rules_of(problems: list[Problem]) -> set[str]:
    assert {problem.severity for problem in problems} <= {Severity.WARNING}
    return {problem.rule for problem in problems}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (_CALLS.replace("operationId", "security: [], operationId"), "unknown-field"),
        (_CALLS.replace("operationId", "succesCriteria: [], operationId"), "unknown-field"),
        (document("  - {stepId: a, operationId: findPet, successCriteria: []}\n"), "empty-list"),
        (document("  - {stepId: a, operationId: findPet, outputs: {'a b': $response.body}}\n"), "output-name"),
        (document("  - {stepId: a, operationId: findPet, timeout: 5}\n", version="1.0.1"), "needs-newer-arazzo"),
        (_CALLS.replace("1.1.0", "1.0"), "arazzo-version"),
        (document("  - {stepId: a, operationId: findPet, description: [x]}\n"), "wrong-type"),
        (_CALLS.replace("{title: Buy a pet, version: 1.0.0}", "[]"), "wrong-type"),
        (document("  - {stepId: a, operationId: findPet, parameters: [{name: status, value: 1}]}\n"), "parameter-in"),
        (_CALLS.replace("pets.openapi", "broken.openapi"), "unresolved-reference"),
        (_CALLS.replace("{type: string}, user", "{type: str, required: true}, user"), "inputs-schema"),
        (_CALLS + "components: {parameters: {p: {name: q, in: body, value: 1}}}\n", "bad-value"),
        (document("  - {stepId: a, operationId: findPet, outputs: {x: $inputs.tokn}}\n"), "unknown-input"),
        (
            document("  - {stepId: a, operationId: findPet}\n", sources="- {name: gone, url: gone.yaml}\n"),
            "document-not-found",
        ),
    ],
)
def test_what_no_step_needs_is_a_warning_of_the_run_and_an_error_when_strict(text: str, rule: str) -> None:
    assert rule in rules_of(warnings(text))
    if rule not in ("parameter-in", "document-not-found"):
        assert rule in refusal(text, strict=True)


@pytest.mark.parametrize("name", ["x-expect", "x-assert", "x-inputs"])
def test_an_extension_that_others_act_on_is_told_and_any_other_is_not(name: str) -> None:
    step = "  - {{stepId: a, operationId: findPet, {name}: {{a: 1}}}}\n"
    (told,) = warnings(document(step.format(name=name)))
    assert (told.rule, told.place.step) == ("foreign-extension", "a")
    assert warnings(document(step.format(name="x-note"))) == []


def test_the_schema_that_editors_ask_for_is_not_mentioned() -> None:
    assert warnings("$schema: https://spec.openapis.org/arazzo/1.0/schema/2025-10-15\n" + _CALLS) == []
    assert rules_of(warnings("$schemas: x\n" + _CALLS)) == {"unknown-field"}


def test_a_step_that_nothing_leads_to_refuses_nothing() -> None:
    steps = (
        "  - {{stepId: a, operationId: findPet, onSuccess: [{{name: x, type: {end}}}]}}\n"
        "  - {{stepId: b, operationId: nothing, outputs: {{x: y}}}}\n"
        "  - {{stepId: c, workflowId: nowhere, successCriteria: [{{condition: =}}]}}\n"
    )
    told = rules_of(warnings(document(steps.format(end="end"))))
    assert told == {"unknown-operation", "expression-syntax", "unknown-workflow", "criterion-syntax"}
    assert refusal(document(steps.format(end="goto, stepId: b"))) == told


def test_a_workflow_that_is_not_reached_refuses_nothing() -> None:
    other = "- {workflowId: other, steps: [{stepId: a, operationId: nothing}]}\n"
    assert warnings(_CALLS + other) == []
    assert refusal(_CALLS + other, "other") == {"unknown-operation"}


def test_two_workflows_of_one_id_refuse_only_a_run_that_means_one_of_them() -> None:
    twice = "- &w {workflowId: other, steps: [{stepId: a, operationId: findPet}]}\n- *w\n"
    assert refusal(_CALLS + twice) == set()
    assert refusal(_CALLS + twice, "other") == {"duplicate-workflow-id"}
    calls = document("  - {stepId: a, workflowId: other}\n") + twice
    assert refusal(calls) == {"duplicate-workflow-id"}


def test_two_actions_of_one_name_are_both_tried() -> None:
    actions = "[{name: x, type: end, criteria: [{condition: $statusCode == 404}]}, {name: x, type: retry}]"
    found = plan(document(f"  - {{stepId: a, operationId: findPet, onFailure: {actions}}}\n"))
    assert [action.type for action in found.workflow.steps[0].on_failure] == ["end", "retry"]


def test_a_refusal_names_the_workflow_and_the_step_that_need_what_is_broken() -> None:
    with pytest.raises(DocumentError) as caught:
        plan(NEEDED["unresolved-reference"])
    (problem,) = caught.value.problems
    assert (problem.place.path, problem.place.workflow, problem.place.step) == (
        "https://example.com/torn.openapi.yaml",
        "buy-pet",
        "a",
    )


@pytest.mark.parametrize(
    "criterion", ["{condition: =}", "{condition: 1 == 2}", "{context: '', condition: a, type: regex}"]
)
def test_force_runs_with_a_criterion_that_only_fails(criterion: str) -> None:
    text = document(f"  - {{stepId: a, operationId: findPet, successCriteria: [{criterion}]}}\n")
    assert refusal(text)
    assert refusal(text, force=True) == set()
