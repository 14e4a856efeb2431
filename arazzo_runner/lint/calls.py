"""Workflows that run one another: the inputs that they are given (F3, F7, F8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from arazzo_runner.analysis.findings import Finding, Findings, suggestion
from arazzo_runner.analysis.linker import LinkedWorkflow
from arazzo_runner.analysis.scope import StepScope, WorkflowScope
from arazzo_runner.documents.input_schemas import inputs_of
from arazzo_runner.documents.model import Parameter
from arazzo_runner.documents.pointer import join
from arazzo_runner.lint.flow import targets


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
    for linked, pointer in depended_on(scope):
        yield from _missing(scope, linked, [], pointer, "dependsOn")


def depended_on(scope: WorkflowScope) -> Iterator[tuple[LinkedWorkflow, str]]:
    """The workflows that a workflow depends on, each with the pointer of its entry."""
    for index, reference in enumerate(scope.workflow.depends_on):
        linked = scope.document.linked(reference)
        if linked is not None:
            yield linked, join(scope.workflow.pointer, "dependsOn", index)
