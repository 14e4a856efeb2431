from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from arazzo_runner.analysis.linker import Linker
from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.reader import read_document
from arazzo_runner.documents.sources import Library
from arazzo_runner.errors import Severity, sorted_problems
from arazzo_runner.lint.checker import check_document, check_workflow
from tests.support.pets import check, document, errors, fetch, rules, with_value

_URI = "https://example.com/example.yaml"


def test_problems_are_in_reading_order_and_each_is_there_once() -> None:
    text = document(
        "  - {stepId: a, operationId: nothing, outputs: {x: y}, bogus: 1}\n  - {stepId: a, operationId: findPet}\n"
    )
    found = check(text)

    assert found == sorted_problems(found)
    assert {"unknown-operation", "expression-syntax", "unknown-field", "duplicate-step-id"} == {p.rule for p in found}


def test_a_document_without_workflows_has_the_loaders_problems_only() -> None:
    assert rules("arazzo: 1.0.1\n") == {"missing-field"}
    assert rules("[]") == {"not-arazzo"}


def test_strict_refuses_what_a_default_run_accepts() -> None:
    text = with_value("'Bearer $inputs.token'")

    assert errors(check(text)) == set()
    assert errors(check(text, strict=True)) == {"unbraced-expression"}


def test_strict_refuses_nothing_where_both_readings_are_legal() -> None:
    assert errors(check(with_value("'{$inputs.token}'"), strict=True)) == set()


def test_one_workflow_is_checked_without_the_others() -> None:
    text = document("  - {stepId: a, operationId: findPet, outputs: {x: $response.body.id}}\n")
    text += "- {workflowId: broken, steps: [{stepId: a, operationId: nothing}]}\n"
    read = read_document(text, "example.yaml", uri=_URI)
    linker = Linker(Library(fetch=fetch))
    description = linker.description(read)

    first, second = description.workflows
    assert [p.rule for p in check_workflow(linker, description, first)] == ["path-after-expression"]
    assert {p.severity for p in check_workflow(linker, description, first, strict=True)} == {Severity.ERROR}
    assert [p.rule for p in check_workflow(linker, description, second)] == ["unknown-operation"]


def test_one_workflow_opens_only_the_sources_that_it_can_mean() -> None:
    sources = "- {name: gone, url: gone.yaml, type: openapi}\n"
    text = document("  - {stepId: a, operationId: $sourceDescriptions.pets.findPet}\n", sources=sources)
    read = read_document(text, "example.yaml", uri=_URI)
    linker = Linker(Library(fetch=fetch))
    description = linker.description(read)

    assert check_workflow(linker, description, description.workflows[0]) == []
    assert [p.rule for p in check_document(linker, read)] == ["document-not-found"]


def test_a_thousand_steps_are_checked_all() -> None:
    steps = "".join(
        f"  - stepId: s{n}\n    operationId: findPet\n"
        f"    parameters: [{{name: status, in: query, value: $steps.s{max(n - 1, 0)}.outputs.x}}]\n"
        f"    successCriteria: [{{condition: $statusCode == 200}}]\n"
        f"    onFailure: [{{name: back, type: goto, stepId: s0, criteria: [{{condition: $statusCode == 503}}]}}]\n"
        f"    outputs: {{x: $response.body#/x}}\n"
        for n in range(1000)
    )
    read = read_document(document(steps), "example.yaml", uri=_URI)
    found = check_document(Linker(Library(fetch=fetch)), read)

    assert {problem.rule for problem in found} == {"unbounded-poll"}


_WHOLE = (
    document(
        """\
  - stepId: a
    operationId: findPet
    parameters: [{name: status, in: query, value: $inputs.status}, {reference: $components.parameters.page}]
    successCriteria: [{context: $response.body, condition: '$.a', type: {type: jsonpath, version: rfc9535}}]
    onFailure: [{name: again, type: retry, retryLimit: 2, criteria: [{condition: $statusCode == 503}]}]
    outputs: {id: {context: $response.body, selector: /id, type: jsonpointer}}
  - stepId: b
    operationId: addPet
    dependsOn: [a]
    requestBody: {payload: {id: $steps.a.outputs.id}, replacements: [{target: /id, value: 1}]}
    onSuccess: [{name: go, type: goto, workflowId: buy-pet, parameters: [{name: status, value: '{$inputs.status} x'}]}]
""",
        rest="  dependsOn: []\n  outputs: {id: $steps.a.outputs.id}\n",
    )
    + "components: {parameters: {page: {name: page, in: query, value: 1}}}\n"
)

_ODD: Any = (
    None,
    True,
    0,
    "",
    "$",
    "$inputs.",
    "{$",
    "$steps.a.outputs.b",
    [],
    ["a"],
    {},
    {"a": {}},
    {"reference": "x"},
)


def _pointers(value: object, pointer: str = "") -> Iterator[str]:
    yield pointer
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield from _pointers(member, json_pointer.join(pointer, name))


@pytest.mark.parametrize("odd", _ODD, ids=repr)
def test_a_document_that_is_odd_anywhere_is_checked_to_the_end(odd: object) -> None:
    pointers = [pointer for pointer in _pointers(read_document(_WHOLE, "example.yaml").data) if pointer]
    assert len(pointers) > 80
    for pointer in pointers:
        data = read_document(_WHOLE, "example.yaml").data
        parent, _, name = pointer.rpartition("/")
        holder = json_pointer.resolve(data, parent)
        holder[int(name) if isinstance(holder, list) else json_pointer.unescape(name)] = odd
        assert all(problem.message for problem in check(json.dumps(data)))
