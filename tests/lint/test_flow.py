from __future__ import annotations

import pytest

from tests.support.pets import check, document, rules


def flow(*steps: str, rest: str = "") -> str:
    """A document whose steps a, b, c … have these fields."""
    lines = [
        f"  - {{stepId: {name}, operationId: findPet{fields and ', '}{fields}}}"
        for name, fields in zip("abcdef", steps, strict=False)
    ]
    return document("\n".join(lines) + "\n", rest=rest)


_OUT = "outputs: {x: $response.body}"


def reads(step: str) -> str:
    return f"parameters: [{{name: status, in: query, value: $steps.{step}.outputs.x}}]"


def test_steps_in_sequence_have_no_problem() -> None:
    assert rules(flow(_OUT, reads("a"))) == set()


def test_a_step_that_nothing_leads_to() -> None:
    found = check(flow("onSuccess: [{name: skip, type: goto, stepId: c}]", "", ""))

    assert [(problem.rule, problem.place.pointer) for problem in found] == [
        ("unreachable-step", "/workflows/0/steps/1/stepId")
    ]


@pytest.mark.parametrize(
    "action",
    [
        "onFailure: [{name: fix, type: goto, stepId: c}]",
        "onFailure: [{name: fix, type: retry, stepId: c}]",
        "onSuccess: [{name: jump, type: goto, stepId: c, criteria: [{condition: $statusCode == 200}]}]",
    ],
)
def test_a_step_that_an_action_leads_to_is_reached(action: str) -> None:
    assert "unreachable-step" not in rules(flow(action, "onSuccess: [{name: done, type: end}]", ""))


def test_a_workflows_actions_apply_to_every_step() -> None:
    rest = "  successActions: [{name: done, type: end}]\n"

    assert rules(flow("", "", rest=rest)) == {"unreachable-step"}
    assert rules(flow("onSuccess: [{name: done, type: goto, stepId: b}]", "", rest=rest)) == set()


def test_a_loop_that_cannot_be_left() -> None:
    found = rules(flow("", "onSuccess: [{name: again, type: goto, stepId: a}]"))

    assert found == {"endless-workflow", "unbounded-poll"}


def test_a_loop_with_a_way_out_is_only_unbounded() -> None:
    again = "onSuccess: [{name: again, type: goto, stepId: a, criteria: [{condition: $statusCode == 200}]}]"

    assert rules(flow(again)) == {"unbounded-poll"}


def test_an_action_behind_one_without_criteria() -> None:
    actions = "onFailure: [{name: stop, type: end}, {name: fix, type: goto, stepId: a}]"

    assert "action-never-reached" in rules(flow(actions))


def test_a_retry_that_is_used_up_gives_way_to_the_next_action() -> None:
    assert rules(flow("onFailure: [{name: again, type: retry}, {name: stop, type: end}]")) == set()


@pytest.mark.parametrize("steps", [(reads("b"), _OUT), (f"{_OUT}, {reads('a')}",)])
def test_an_output_that_cannot_be_there_yet(steps: tuple[str, ...]) -> None:
    assert rules(flow(*steps)) == {"forward-reference"}


def test_a_loop_that_leads_back_makes_a_later_output_readable() -> None:
    again = "onSuccess: [{name: again, type: goto, stepId: a, criteria: [{condition: $statusCode == 200}]}]"

    assert rules(flow(reads("b"), f"{_OUT}, {again}")) == {"unbounded-poll"}


def test_an_action_may_read_its_own_steps_outputs() -> None:
    action = "onSuccess: [{name: done, type: end, criteria: [{condition: $steps.a.outputs.x == 'y'}]}]"

    assert rules(flow(f"{_OUT}, {action}")) == set()


@pytest.mark.parametrize(
    ("steps", "rule"),
    [
        (("dependsOn: [a]",), "step-dependency-cycle"),
        (("dependsOn: [b]", "dependsOn: [c]", "dependsOn: [a]"), "step-dependency-cycle"),
        (("dependsOn: [b]", ""), "execution-order"),
        (("dependsOn: [z]",), "step-dependency-unknown"),
        (("dependsOn: [$workflows.buy-pet.steps.z]",), "step-dependency-unknown"),
        (("dependsOn: [$workflows.sell-pet.steps.z]",), "unknown-workflow"),
        (("dependsOn: [$sourceDescriptions.pets.sell-pet.steps.z]",), "unknown-workflow"),
        (("dependsOn: [$sourceDescriptions.cats.sell-pet.steps.z]",), "unknown-source"),
    ],
)
def test_dependencies_of_steps(steps: tuple[str, ...], rule: str) -> None:
    assert rules(flow(*steps)) == {rule}


def test_a_dependency_on_an_earlier_step_is_kept() -> None:
    assert rules(flow("", "dependsOn: [a]")) == set()


def test_an_output_that_dependencies_make_readable() -> None:
    assert rules(flow(f"dependsOn: [b], {reads('c')}", "", _OUT)) == {"execution-order"}


def test_a_dependency_that_the_flow_jumps_over() -> None:
    found = rules(flow("onSuccess: [{name: skip, type: goto, stepId: c}]", "", "dependsOn: [b]"))

    assert found == {"unreachable-step", "forward-reference"}


def two(first: str, second: str) -> str:
    """A document of two workflows."""
    return (
        document("", rest="").rsplit("- workflowId", 1)[0]
        + f"- {{workflowId: one, {first}}}\n- {{workflowId: two, {second}}}\n"
    )


_STEPS = "steps: [{stepId: a, operationId: findPet}]"
_GO = "steps: [{stepId: a, operationId: findPet, onSuccess: [{name: go, type: goto, workflowId: two}]}]"
_NEEDS = "inputs: {type: object, required: [price], properties: {price: {type: number}}}"


def test_a_circle_of_workflows_names_the_way() -> None:
    found = check(two(f"dependsOn: [two], {_STEPS}", f"dependsOn: [one], {_STEPS}"))

    assert [problem.rule for problem in found] == ["dependency-cycle", "dependency-cycle"]
    assert "one → two → one" in found[0].message


def test_a_workflow_that_runs_itself_is_advised_against() -> None:
    found = check(two("steps: [{stepId: a, workflowId: two}]", "steps: [{stepId: a, workflowId: one}]"))

    assert {(problem.rule, problem.severity.value) for problem in found} == {("workflow-call-cycle", "hint")}


@pytest.mark.parametrize(
    "first",
    [
        "steps: [{stepId: a, workflowId: two}]",
        f"dependsOn: [two], inputs: {{type: object, properties: {{x: {{}}}}}}, {_STEPS}",
        f"inputs: {{type: object, properties: {{x: {{}}}}}}, {_GO}",
    ],
)
def test_an_input_that_is_required_and_not_given(first: str) -> None:
    assert rules(two(first, f"{_NEEDS}, {_STEPS}")) == {"required-input-missing"}


@pytest.mark.parametrize(
    "first",
    [
        "steps: [{stepId: a, workflowId: two, parameters: [{name: price, value: 1}]}]",
        "parameters: [{name: price, value: 1}], steps: [{stepId: a, workflowId: two}]",
        f"dependsOn: [two], {_NEEDS}, {_STEPS}",
        f"{_NEEDS}, {_GO}",
    ],
)
def test_an_input_that_is_required_and_given(first: str) -> None:
    assert rules(two(first, f"{_NEEDS}, {_STEPS}")) == set()


def test_an_input_with_a_default_is_not_required() -> None:
    needs = _NEEDS.replace("type: number", "type: number, default: 1")

    assert rules(two("steps: [{stepId: a, workflowId: two}]", f"{needs}, {_STEPS}")) == set()
