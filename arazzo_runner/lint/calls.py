"""Workflows that run one another: what they are given, and circles of them (F3, F7, F8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from arazzo_runner.analysis.findings import Finding, Findings, suggestion
from arazzo_runner.analysis.linker import LinkedWorkflow, Linker, LinkError
from arazzo_runner.analysis.scope import StepScope, WorkflowScope
from arazzo_runner.documents.input_schemas import inputs_of
from arazzo_runner.documents.model import Parameter, Workflow
from arazzo_runner.documents.pointer import join
from arazzo_runner.errors import DocumentError
from arazzo_runner.lint.flow import targets

Key = tuple[str, str]


def check_calls(scope: WorkflowScope) -> Findings:
    """Every place where the workflow makes another one run."""
    for step in scope.steps:
        yield from _call(step)
    for action, pointer in targets(scope):
        linked = scope.document.linked(action.workflow_id or "")
        if linked is not None and linked.workflow is not scope.workflow:
            given = [parameter.name for parameter in scope.document.parameters(action.parameters)]
            yield from _missing(scope, linked, given, pointer, f"the action {action.name!r}")
            yield from _unknown(linked, scope.document.parameters(action.parameters))
    yield from _dependencies(scope)


def _call(step: StepScope) -> Findings:
    linked = step.child
    if linked is None:
        return
    pointer = f"{step.step.pointer}/workflowId"
    inputs = inputs_of(linked.description, linked.workflow)
    given = {parameter.name for parameter in step.parameters}
    for name in inputs.required:
        if name not in given:
            message = f"the workflow {linked.workflow.workflow_id!r} requires the input {name!r}, which is not given"
            yield Finding("required-input-missing", message, pointer, f"Add a parameter: {{name: {name}, value: …}}.")
    yield from _unknown(linked, step.own_parameters)


def check_circles(scope: WorkflowScope) -> Findings:
    """Workflows that run, or depend on, one another in a circle.

    Each is followed as far as it leads, so that a document with many costs the square of their number. A plan, which
    looks at all of them together, does without.
    """
    for step in scope.steps:
        if step.child is not None and (circle := _circle(scope, step.child, _calls)) is not None:
            message = f"the workflow runs itself: {circle}"
            yield Finding("workflow-call-cycle", message, f"{step.step.pointer}/workflowId")
    for linked, pointer in _depended_on(scope):
        if (circle := _circle(scope, linked, lambda workflow: workflow.depends_on)) is not None:
            yield Finding("dependency-cycle", f"the workflows depend on one another in a circle: {circle}", pointer)


def _unknown(linked: LinkedWorkflow, parameters: Iterable[Parameter]) -> Findings:
    inputs = inputs_of(linked.description, linked.workflow)
    for parameter in parameters:
        if parameter.name not in inputs.names and not inputs.open:
            hint = suggestion(parameter.name, inputs.names, f"inputs of {linked.workflow.workflow_id}")
            message = f"the workflow {linked.workflow.workflow_id!r} declares no input {parameter.name!r}"
            yield Finding("parameter-not-an-input", message, f"{parameter.pointer}/name", hint)


def _missing(scope: WorkflowScope, linked: LinkedWorkflow, given: list[str], pointer: str, what: str) -> Findings:
    """Inputs that neither ``given`` nor the workflow's own inputs of the same name provide (F3, F8)."""
    if scope.inputs.open:
        return
    for name in inputs_of(linked.description, linked.workflow).required:
        if name not in given and name not in scope.inputs.names:
            message = (
                f"the workflow {linked.workflow.workflow_id!r} requires the input {name!r}, which neither {what} "
                f"nor the inputs of {scope.workflow.workflow_id!r} give"
            )
            yield Finding("required-input-missing", message, pointer, f"Declare an input {name!r} here too.")


def _dependencies(scope: WorkflowScope) -> Findings:
    for linked, pointer in _depended_on(scope):
        yield from _missing(scope, linked, [], pointer, "dependsOn")


def _depended_on(scope: WorkflowScope) -> Iterator[tuple[LinkedWorkflow, str]]:
    """The workflows that a workflow depends on, each with the pointer of its entry."""
    for index, reference in enumerate(scope.workflow.depends_on):
        linked = scope.document.linked(reference)
        if linked is not None:
            yield linked, join(scope.workflow.pointer, "dependsOn", index)


def _calls(workflow: Workflow) -> list[str]:
    return [step.workflow_id for step in workflow.steps if step.workflow_id is not None]


def _circle(scope: WorkflowScope, start: LinkedWorkflow, following: Callable[[Workflow], Iterable[str]]) -> str | None:
    """The way that leads from a workflow over ``start`` back to itself, for a message; None when there is none."""
    home = _key(LinkedWorkflow(scope.document.description, scope.workflow, None))
    came_from: dict[Key, Key | None] = {_key(start): None}
    waiting = [start]
    while waiting:
        here = waiting.pop()
        if _key(here) == home:
            ids = [home[1]]
            step = came_from[home]
            while step is not None:
                ids.append(step[1])
                step = came_from[step]
            return " → ".join([scope.workflow.workflow_id, *reversed(ids)])
        for reference in following(here.workflow):
            there = _linked(scope.document.linker, here, reference)
            if there is not None and _key(there) not in came_from:
                came_from[_key(there)] = _key(here)
                waiting.append(there)
    return None


def _linked(linker: Linker, here: LinkedWorkflow, reference: str) -> LinkedWorkflow | None:
    try:
        return linker.workflow(here.description, reference)
    except (LinkError, DocumentError):
        return None  # reported where it is written


def _key(linked: LinkedWorkflow) -> Key:
    return linked.description.document.uri, linked.workflow.workflow_id
