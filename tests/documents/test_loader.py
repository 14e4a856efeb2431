from __future__ import annotations

import json
from contextlib import suppress
from textwrap import dedent, indent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arazzo_runner.documents.input_bundles import bundle_inputs
from arazzo_runner.documents.loader import load_description
from arazzo_runner.documents.model import (
    Action,
    ArazzoDescription,
    ExpressionType,
    Parameter,
    Reusable,
    Step,
    Workflow,
)
from arazzo_runner.documents.reader import read_document
from arazzo_runner.errors import PlanError, Problem, Severity, UnreadableDocument
from tests.support.repository import SHARED

HEAD = """\
arazzo: {version}
info: {{title: Buy a pet, version: 1.0.0}}
sourceDescriptions:
- {{name: pets, url: pets.openapi.yaml, type: openapi}}
"""


def load(text: str, version: str = "1.1.0") -> tuple[ArazzoDescription | None, list[Problem]]:
    return load_description(read_document(HEAD.format(version=version) + dedent(text), "buy.arazzo.yaml"))


def load_step(text: str, version: str = "1.1.0") -> tuple[Step, list[Problem]]:
    step = indent(dedent(text), "    ").replace("    ", "  - ", 1)
    description, problems = load(f"workflows:\n- workflowId: buy\n  steps:\n{step}", version)
    assert description is not None
    return description.workflows[0].steps[0], problems


def summary(problems: list[Problem]) -> list[tuple[str, str]]:
    return [(p.rule, p.place.pointer.removeprefix("/workflows/0/steps/0")) for p in problems]


def test_a_whole_step_becomes_the_model() -> None:
    step, problems = load_step(
        """\
        stepId: find
        description: Find a pet
        operationId: findPet
        parameters:
        - {name: id, in: path, value: $inputs.id}
        - {reference: $components.parameters.page, value: null}
        requestBody:
          contentType: application/json
          payload: null
          replacements:
          - {target: /a, targetSelectorType: {type: xpath, version: xpath-10}, value: 1}
        successCriteria:
        - condition: $statusCode == 200
        - {context: $response.body, condition: $.id, type: jsonpath}
        onSuccess:
        - {name: stop, type: end}
        onFailure:
        - name: again
          type: retry
          retryAfter: 0.5
          retryLimit: 3
          criteria: [{condition: $statusCode == 503}]
        outputs:
          pet: $response.body#/id
          name: {context: $response.body, selector: /name, type: jsonpointer}
        timeout: 5000
        dependsOn: [log-in]
        """
    )

    assert problems == []
    assert step.parameters == (
        Parameter("id", "path", "$inputs.id", "/workflows/0/steps/0/parameters/0"),
        Reusable("$components.parameters.page", None, True, "/workflows/0/steps/0/parameters/1"),
    )
    assert step.request_body is not None
    assert (step.request_body.payload, step.request_body.has_payload) == (None, True)
    assert step.request_body.replacements[0].target_selector_type == ExpressionType("xpath", "xpath-10")
    assert [c.type for c in step.success_criteria] == [ExpressionType("simple"), ExpressionType("jsonpath")]
    again = step.on_failure[0]
    assert isinstance(again, Action)
    assert (again.kind, again.retry_after, again.retry_limit, again.step_id) == ("failure", 0.5, 3, None)
    assert step.outputs["name"] == {"context": "$response.body", "selector": "/name", "type": "jsonpointer"}
    assert (step.timeout, step.depends_on, step.pointer) == (5000, ("log-in",), "/workflows/0/steps/0")


def test_absent_lists_are_empty_and_absent_text_is_none() -> None:
    step, _ = load_step("stepId: find\noperationId: findPet\n")

    assert (step.parameters, step.on_success, dict(step.outputs), step.description) == ((), (), {}, None)
    assert (step.request_body, step.workflow_id, step.timeout) == (None, None, None)


def test_the_patch_number_is_no_part_of_the_version() -> None:
    for written, version in (("1.0.0", (1, 0)), ("1.0.9", (1, 0)), ("1.1.0", (1, 1)), ("1.1.7-rc1", (1, 1))):
        description, problems = load("workflows: [{workflowId: a, steps: [{stepId: a, operationId: a}]}]", written)
        assert description is not None
        assert (description.version, problems) == (version, [])


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("2.0.0", "unsupported-arazzo"),
        ("0.9.0", "unsupported-arazzo"),
        ("10.0.0", "unsupported-arazzo"),
        ("1.2.0", "arazzo-version"),
        ("'1.0'", "arazzo-version"),
        ("v1.0.1", "arazzo-version"),
        ("1.1", "arazzo-version"),
    ],
)
def test_other_versions_are_not_supported(written: str, rule: str) -> None:
    description, problems = load("workflows: [{workflowId: a, steps: [{stepId: a, operationId: a}]}]", written)

    assert description is not None
    assert rule in {p.rule for p in problems}


@pytest.mark.parametrize(
    "text", ["", "[a, b]", "text", "openapi: 3.1.0\npaths: {}", "arazzo: 1.0.1", "arazzo: 1.0.1\nworkflows: x"]
)
def test_what_has_no_workflows_gives_no_description(text: str) -> None:
    description, problems = load_description(read_document(text, "a.yaml"))

    assert description is None
    assert any(p.severity is Severity.ERROR for p in problems)


def test_what_is_right_is_kept_beside_what_is_wrong() -> None:
    description, problems = load(
        """\
        workflows:
        - workflowId: buy
          steps:
          - {stepId: find, operationId: findPet, parameters: [7, {name: id, in: query, value: 1}]}
          - {operationId: other, outputs: 3}
          - text
        """
    )

    assert description is not None
    first, second = description.workflows[0].steps
    assert [p.name for p in first.parameters if isinstance(p, Parameter)] == ["id"]
    assert (second.step_id, dict(second.outputs)) == ("", {})
    assert [(p.rule, p.place.pointer) for p in problems] == [
        ("wrong-type", "/workflows/0/steps/0/parameters/0"),
        ("missing-field", "/workflows/0/steps/1"),
        ("wrong-type", "/workflows/0/steps/1/outputs"),
        ("wrong-type", "/workflows/0/steps/2"),
    ]


def test_problems_say_where_they_are() -> None:
    _, problems = load_step("stepId: find\noperationId: findPet\nonFailures: []\n")

    assert (problems[0].place.line, problems[0].place.column) == (10, 5)
    assert problems[0].hint == "Did you mean 'onFailure'?"


def test_an_unquoted_expression_in_braces_is_told_to_be_quoted() -> None:
    _, problems = load_step("stepId: find\noperationId: findPet\noutputs: {pet: {$response.body}}\n")

    assert problems[0].hint == "Put it in quotes: '{$response.body}'."


def test_numbers_where_text_belongs_are_kept_as_text() -> None:
    step, problems = load_step("stepId: 1\noperationId: true\n")

    assert (step.step_id, step.operation_id) == ("1", "true")
    assert {(p.rule, p.severity) for p in problems} == {("unquoted-text", Severity.WARNING)}


@pytest.mark.parametrize(
    ("field", "where"),
    [
        ("timeout: 1", "/timeout"),
        ("dependsOn: [a]", "/dependsOn"),
        ("parameters: [{name: q, in: querystring, value: a=b}]", "/parameters/0/in"),
        ("outputs: {a: {context: $response.body, selector: /a, type: jsonpointer}}", "/outputs/a"),
        (
            "onSuccess: [{name: a, type: goto, workflowId: w, parameters: []}]",
            "/onSuccess/0/parameters",
        ),
    ],
)
def test_what_came_with_1_1_needs_a_1_1_document(field: str, where: str) -> None:
    text = f"stepId: find\noperationId: findPet\n{field}\n"

    assert load_step(text, "1.1.0")[1] == []
    assert summary(load_step(text, "1.0.1")[1]) == [("needs-newer-arazzo", where)]


def test_extensions_are_allowed_and_extras_of_reusable_objects_ignored() -> None:
    step, problems = load_step(
        "stepId: find\noperationId: findPet\nx-note: 1\nparameters: [{reference: $components.parameters.a, note: 1}]\n"
    )

    assert (len(step.parameters), problems) == (1, [])


@pytest.mark.parametrize(
    ("action", "rules"),
    [
        ("{name: a, type: goto}", ["action-target"]),
        ("{name: a, type: goto, stepId: b, workflowId: c}", ["action-target"]),
        ("{name: a, type: retry, stepId: b, workflowId: c}", ["action-target"]),
        ("{name: a, type: retry}", []),
        ("{name: a, type: end, stepId: b}", ["field-not-applicable"]),
        ("{name: a, type: goto, stepId: b, retryAfter: 1, retryLimit: 1}", ["field-not-applicable"] * 2),
        ("{name: a, type: end, parameters: []}", ["field-not-applicable"]),
        ("{name: a, type: retry, retryLimit: 1.5}", ["wrong-type"]),
        ("{name: a, type: retry, retryLimit: -1}", ["negative-number"]),
        ("{name: a, type: restart}", ["bad-value"]),
    ],
)
def test_fields_of_an_action_go_together(action: str, rules: list[str]) -> None:
    _, problems = load_step(f"stepId: find\noperationId: findPet\nonFailure: [{action}]\n")

    assert [p.rule for p in problems] == rules


@pytest.mark.parametrize(
    ("fields", "rules"),
    [
        ("{}", ["step-target"]),
        ("{operationId: a, operationPath: b, workflowId: c}", ["step-target"]),
        ("{channelPath: a}", ["async-field"]),
        ("{channelPath: a, action: send}", []),
        ("{operationPath: a, action: send}", []),
        ("{operationId: a, action: send, correlationId: b}", ["async-field"]),
        ("{workflowId: a, action: send}", ["async-field"]),
        ("{workflowId: a, requestBody: {payload: 1}}", ["field-not-applicable"]),
        ("{workflowId: a, parameters: [{name: a, value: 1}]}", []),
        ("{workflowId: a, parameters: [{name: a, in: query, value: 1}]}", ["field-not-applicable"]),
        ("{operationId: a, parameters: [{name: a, value: 1}]}", ["parameter-in"]),
        ("{operationId: a, parameters: [{name: a, in: body, value: 1}]}", ["bad-value"]),
        ("{operationId: a, timeout: -1}", ["negative-number"]),
        ("{operationId: a, dependsOn: []}", ["empty-list"]),
        ("{operationId: a, dependsOn: [b, b]}", ["duplicate-dependency"]),
        ("{operationId: a, dependsOn: [$workflows.w.steps.s, $sourceDescriptions.d.w.steps.s]}", []),
    ],
)
def test_fields_of_a_step_go_together(fields: str, rules: list[str]) -> None:
    inner = fields.removeprefix("{").removesuffix("}")
    description, problems = load(f"workflows: [{{workflowId: w, steps: [{{stepId: s, {inner}}}]}}]")

    assert description is not None
    assert [p.rule for p in problems] == rules


def test_duplicates_are_found_behind_reusable_objects() -> None:
    _, problems = load(
        """\
        workflows:
        - workflowId: buy
          steps:
          - stepId: find
            operationId: findPet
            parameters:
            - {name: id, in: query, value: 1}
            - {name: id, in: header, value: 1}
            - {reference: $components.parameters.the.id}
        components:
          parameters:
            the.id: {name: id, in: query, value: 2}
        """
    )

    assert summary(problems) == [("duplicate-parameter", "/parameters/2")]


@pytest.mark.parametrize(
    ("steps", "rules"),
    [
        ("[{stepId: a, operationId: b}]", ["parameter-in"]),
        ("[{stepId: a, operationId: b}, {stepId: c, workflowId: w}]", []),
    ],
)
def test_a_workflow_parameter_needs_a_place_unless_it_may_be_an_input(steps: str, rules: list[str]) -> None:
    _, problems = load(f"workflows: [{{workflowId: w, parameters: [{{name: p, value: 1}}], steps: {steps}}}]")

    assert [p.rule for p in problems] == rules


def test_a_parameter_behind_a_reusable_object_needs_a_place_too() -> None:
    _, problems = load(
        """\
        workflows:
        - workflowId: buy
          steps:
          - stepId: find
            operationId: findPet
            parameters: [{reference: $components.parameters.id}, {reference: $components.parameters.none}]
        components: {parameters: {id: {name: id, value: 2}}}
        """
    )

    assert summary(problems) == [("parameter-in", "/parameters/0")]


@pytest.mark.parametrize("value", ["{selector: $.a}", "{selector: $.a, context: $response.body, type: jsonquery}"])
def test_an_object_that_can_only_be_a_selector_must_be_a_whole_one(value: str) -> None:
    _, problems = load_step(f"stepId: a\noperationId: b\nparameters: [{{name: c, in: query, value: {value}}}]\n")

    assert problems


def inputs(schema: str, components: str = "{}") -> tuple[ArazzoDescription, Workflow, list[Problem]]:
    description, problems = load(
        "workflows:\n- workflowId: buy\n  steps: [{stepId: a, operationId: b}]\n"
        f"  inputs: {schema}\ncomponents: {{inputs: {components}}}\n"
    )
    assert description is not None
    return description, description.workflows[0], problems


def is_valid(schema: str, components: str, value: Any) -> bool:
    jsonschema_rs = pytest.importorskip("jsonschema_rs")
    description, workflow, problems = inputs(schema, components)
    assert problems == []
    return bool(jsonschema_rs.Draft202012Validator(bundle_inputs(description, workflow)).is_valid(value))


@pytest.mark.parametrize(
    ("schema", "components"),
    [
        ("{$ref: '#/components/inputs/page'}", "{page: {properties: {n: {type: integer}}}}"),
        ("{allOf: [{$ref: '#/components/inputs/page'}]}", "{page: {properties: {n: {type: integer}}}}"),
        ("{properties: {n: {$ref: '#/components/inputs/a.b'}}}", "{a.b: {type: integer}}"),
        ("{properties: {n: {$ref: '#/components/inputs/a/properties/m'}}}", "{a: {properties: {m: {type: integer}}}}"),
        ("{properties: {n: {$ref: '#count'}}}", "{a: {$anchor: count, type: integer}}"),
        ("{properties: {n: {$ref: '#count'}}}", "{a: {properties: {m: {$anchor: count, type: integer}}}}"),
        ("{properties: {n: {$ref: '#/$defs/count'}}, $defs: {count: {type: integer}}}", "{}"),
        ("{properties: {n: {$ref: '#/workflows/0/inputs/$defs/count'}}, $defs: {count: {type: integer}}}", "{}"),
        (
            "{$ref: '#/components/inputs/a'}",
            "{a: {$ref: '#/components/inputs/b'}, b: {properties: {n: {type: integer}}}}",
        ),
        ("{$ref: '#/components/inputs/a'}", "{a: {properties: {n: {$ref: '#/$defs/c'}}, $defs: {c: {type: integer}}}}"),
    ],
)
def test_references_of_inputs_lead_into_the_bundle(schema: str, components: str) -> None:
    assert is_valid(schema, components, {"n": 1})
    assert not is_valid(schema, components, {"n": "one"})


def test_schemas_that_refer_to_themselves_are_bundled() -> None:
    tree = "{tree: {properties: {child: {$ref: '#/components/inputs/tree'}}, required: [name]}}"

    assert is_valid("{$ref: '#/components/inputs/tree'}", tree, {"name": 1, "child": {"name": 2}})
    assert not is_valid("{$ref: '#/components/inputs/tree'}", tree, {"name": 1, "child": {}})


def test_data_that_looks_like_a_reference_is_left_alone() -> None:
    description, workflow, problems = inputs("{properties: {$ref: {default: {$ref: nowhere}}}, const: {$ref: '#/x'}}")

    assert problems == []
    assert bundle_inputs(description, workflow) == workflow.inputs


@pytest.mark.parametrize("reference", ["#/components/inputs/none", "#none", "other.yaml#/a", "https://example.com/a"])
def test_a_reference_that_leads_nowhere_or_outside_is_a_problem(reference: str) -> None:
    description, workflow, problems = inputs(f"{{properties: {{n: {{$ref: '{reference}'}}}}}}")

    assert [(p.rule, p.place.pointer) for p in problems] == [("inputs-ref", "/workflows/0/inputs/properties/n/$ref")]
    assert bundle_inputs(description, workflow) == {"properties": {"n": {}}}  # D1: it stands for any value


@pytest.mark.parametrize("schema", ["{pattern: '('}", "{patternProperties: {'(': {}}}"])
def test_a_pattern_that_no_validator_can_use_is_told(schema: str) -> None:
    _, _, problems = inputs(schema)

    assert [p.rule for p in problems] == ["unreadable-inputs"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("{properties: {a: {type: string, required: true}}}", "{properties: {a: {type: string}}, required: [a]}"),
        ("{properties: {a: {required: false}}}", "{properties: {a: {}}}"),
        ("{properties: {a: {type: int}, b: {type: Bool}}}", "{properties: {a: {type: integer}, b: {type: boolean}}}"),
        ("{properties: {a: string, b: }}", "{properties: {a: {type: string}, b: {}}}"),
        ("{required: a, properties: {a: {maxLength: '3'}}}", "{required: [a], properties: {a: {maxLength: 3}}}"),
        ("{properties: {a: {minimum: 1, exclusiveMinimum: true}}}", "{properties: {a: {exclusiveMinimum: 1}}}"),
        ("{properties: {a: {items: [{type: str}]}}}", "{properties: {a: {prefixItems: [{type: string}]}}}"),
        ("{description: [a, b], properties: {a: {examples: one, enum: x}}}", "{properties: {a: {enum: [x]}}}"),
    ],
)
def test_a_keyword_that_can_be_read_in_one_way_is_an_error_and_is_read_so(written: str, read: str) -> None:
    description, workflow, problems = inputs(written)

    assert {p.rule for p in problems} == {"inputs-schema"}
    assert bundle_inputs(description, workflow) == read_document(read, "a.yaml").data


def test_every_error_of_an_inputs_schema_is_told() -> None:
    _, _, problems = inputs("{type: foo, properties: {a: {maxLength: many}}}")

    assert [(p.rule, p.place.pointer) for p in problems] == [
        ("unreadable-inputs", "/workflows/0/inputs/type"),
        ("unreadable-inputs", "/workflows/0/inputs/properties/a/maxLength"),
    ]


NAMES = st.sampled_from(
    [
        "arazzo",
        "$self",
        "info",
        "sourceDescriptions",
        "workflows",
        "components",
        "title",
        "version",
        "name",
        "url",
        "type",
        "workflowId",
        "stepId",
        "inputs",
        "dependsOn",
        "steps",
        "parameters",
        "outputs",
        "operationId",
        "operationPath",
        "channelPath",
        "action",
        "in",
        "value",
        "reference",
        "successCriteria",
        "condition",
        "context",
        "selector",
        "onSuccess",
        "onFailure",
        "successActions",
        "failureActions",
        "criteria",
        "retryAfter",
        "retryLimit",
        "timeout",
        "requestBody",
        "payload",
        "replacements",
        "target",
        "targetSelectorType",
        "correlationId",
        "$ref",
        "$id",
        "$anchor",
        "$defs",
        "properties",
    ]
)
WORDS = st.sampled_from(
    [
        "1.0.1",
        "1.1.0",
        "goto",
        "end",
        "retry",
        "jsonpath",
        "query",
        "a",
        "",
        "#a",
        "#/components/inputs/a",
        "$steps.a",
        "http://[",
    ]
)
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS
    | st.text(max_size=3),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(NAMES, children, max_size=6),
    max_leaves=30,
)


@pytest.mark.slow
@given(st.dictionaries(NAMES, JUNK), st.dictionaries(NAMES, JUNK), st.dictionaries(NAMES, JUNK))
def test_any_data_is_loaded_or_refused_with_problems(
    root: dict[str, Any], workflow: dict[str, Any], step: dict[str, Any]
) -> None:
    data = {"arazzo": "1.1.0", **root, "workflows": [{**workflow, "steps": [step, step]}]}
    description, problems = load_description(read_document(json.dumps(data), "a.json"))

    assert description is not None
    assert all(p.place.line for p in problems)
    with suppress(PlanError):
        json.dumps(bundle_inputs(description, description.workflows[0]))


def test_an_inputs_schema_as_deep_as_a_document_may_be_is_looked_at() -> None:
    schema = "{not: " * 450 + "{type: 7}" + "}" * 450
    _, _, problems = inputs(schema)

    assert {p.rule for p in problems} == {"unreadable-inputs"}


CONFORMANCE = SHARED / "conformance" / "validation.json"
CORPUS = SHARED / "corpus"

NOT_THE_LOADERS = {
    "va-181": "the pattern of a source's name is a SHOULD, which the official schema makes an error",
}


def conformance_cases() -> list[Any]:
    if not CONFORMANCE.exists():
        return [pytest.param({}, marks=pytest.mark.skip(reason=f"the conformance data is not there: {CONFORMANCE}"))]
    cases = json.loads(CONFORMANCE.read_text("utf-8"))["cases"]
    structural = [c for c in cases if not c["disputed"] and (c["valid"] or c.get("level") != "semantic")]
    return [pytest.param(c, id=c["id"]) for c in structural if c["id"] not in NOT_THE_LOADERS]


@pytest.mark.parametrize("case", conformance_cases())
def test_a_conformance_case_is_accepted_or_refused_as_it_should_be(case: dict[str, Any]) -> None:
    try:
        problems = load_description(read_document(case["document"], case["id"]))[1]
    except UnreadableDocument as error:
        problems = list(error.problems)
    errors = [str(p) for p in problems if p.severity is Severity.ERROR]

    assert (not errors) == case["valid"], errors or case["error"]


@pytest.mark.skipif(not CORPUS.exists(), reason=f"the corpus is not there: {CORPUS}")
def test_every_document_of_the_corpus_is_loaded_without_errors() -> None:
    paths = sorted(CORPUS.glob("*/arazzo/*.y*ml"))
    found = [load_description(read_document(path.read_bytes(), str(path))) for path in paths]

    assert len(paths) > 200
    assert [str(p) for _, problems in found for p in problems if p.severity is Severity.ERROR] == []
    assert all(description is not None for description, _ in found)
