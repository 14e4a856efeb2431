"""Checks of references in fields: operations, channels, workflows, steps and components that exist (H1, V5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from arazzo_runner.analysis.findings import Finding, Findings, sentence, suggestion
from arazzo_runner.analysis.linker import LinkedMessages, LinkedOperation, LinkError
from arazzo_runner.analysis.scope import DocumentScope, StepScope, WorkflowScope
from arazzo_runner.documents.model import Action, Parameter, Reusable, Workflow
from arazzo_runner.documents.pointer import join
from arazzo_runner.documents.uris import base_uri, resolve, self_uri
from arazzo_runner.lint import operation_rules  # noqa: F401 - registers the rules that this module reports

_QUALIFIED = "$sourceDescriptions."

Entry = tuple[Parameter | Action | Reusable, Literal["parameters", "success", "failure"]]


def check_links(scope: WorkflowScope) -> Findings:
    """Every reference that a field of the workflow holds."""
    for entry, kind in _entries(scope.workflow):
        yield from _component(scope.document, entry, kind)
    for index, reference in enumerate(scope.workflow.depends_on):
        yield from _workflow(scope.document, reference, join(scope.workflow.pointer, "dependsOn", index))
    for step in scope.steps:
        yield from _step_target(step)
    for action, pointer in _actions(scope):
        yield from _action_target(scope, action, pointer)


def check_component_links(scope: DocumentScope) -> Findings:
    """The workflows and parameters that actions of the components name; their steps depend on who uses them."""
    components = scope.description.components
    for action in (*components.success_actions.values(), *components.failure_actions.values()):
        for entry in action.parameters:
            yield from _component(scope, entry, "parameters")
        if action.workflow_id is not None and action.type != "end":
            yield from _workflow(scope, action.workflow_id, f"{action.pointer}/workflowId")


def check_identities(scope: DocumentScope) -> Findings:
    """A source that has a ``$self`` is named by it (1.1, Identity-Based Referencing)."""
    for source in scope.description.source_descriptions:
        if scope.sources.kind(source.name) != "arazzo" or not scope.sources.usable(source.name):
            continue
        identity = self_uri(scope.linker.library.source(scope.description, source.name))
        if identity is not None and _resolved(scope, source.url) != identity:
            message = f"the source {source.name!r} calls itself {identity}"
            yield Finding("self-reference", message, f"{source.pointer}/url", f"Write url: {identity}")


def _resolved(scope: DocumentScope, url: str) -> str | None:
    try:
        return resolve(base_uri(scope.description.document), url)
    except ValueError:  # no URL, which the loader has reported, and --source has fixed
        return None


def _entries(workflow: Workflow) -> Iterator[Entry]:
    """Everything that may be a Reusable Object."""
    lists: list[tuple[tuple[Parameter | Action | Reusable, ...], Literal["parameters", "success", "failure"]]] = [
        (workflow.parameters, "parameters"),
        (workflow.success_actions, "success"),
        (workflow.failure_actions, "failure"),
    ]
    for step in workflow.steps:
        lists += [(step.parameters, "parameters"), (step.on_success, "success"), (step.on_failure, "failure")]
    for entries, kind in lists:
        for entry in entries:
            yield entry, kind
            if isinstance(entry, Action):
                yield from ((parameter, "parameters") for parameter in entry.parameters)


def _component(scope: DocumentScope, entry: Parameter | Action | Reusable, kind: str) -> Findings:
    if not isinstance(entry, Reusable):
        return
    if kind != "parameters" and entry.has_value:
        message = "'value' means nothing on a reference to an action"
        yield Finding("field-not-applicable", message, f"{entry.pointer}/value", "Remove 'value'.", key=True)
    try:
        if kind == "parameters":
            scope.linker.parameters(scope.description, [entry])
        else:
            scope.linker.actions(scope.description, [entry], kind)
    except LinkError as error:
        yield Finding(error.rule, error.message, f"{entry.pointer}/reference", sentence(error.hint))


def _workflow(scope: DocumentScope, reference: str, pointer: str) -> Findings:
    if reference.startswith(_QUALIFIED) and scope.description.source(reference.removeprefix(_QUALIFIED)):
        message = f"{reference!r} names a source, and no workflow of it"
        yield Finding("unknown-workflow", message, pointer, f"Write {reference}.<workflowId>.")
        return
    found = scope.sources.workflow(reference)
    if isinstance(found, LinkError):
        yield Finding(found.rule, found.message, pointer, sentence(found.hint))


def _actions(scope: WorkflowScope) -> Iterator[tuple[Action, str]]:
    """The actions of a workflow, each with where it stands: at the reference, when it refers to a component."""
    document, workflow = scope.document, scope.workflow
    yield from document.actions(workflow.success_actions, "success")
    yield from document.actions(workflow.failure_actions, "failure")
    for step in workflow.steps:
        yield from document.actions(step.on_success, "success")
        yield from document.actions(step.on_failure, "failure")


def _action_target(scope: WorkflowScope, action: Action, pointer: str) -> Findings:
    if action.type == "end":
        return
    is_inline = pointer == action.pointer
    if action.step_id is not None and action.step_id not in scope.step_ids:
        where = f"{pointer}/stepId" if is_inline else pointer
        hint = suggestion(action.step_id, scope.step_ids, "steps")
        message = f"the action {action.name!r} leads to the step {action.step_id!r}, which this workflow does not have"
        yield Finding("unknown-step", message, where, hint)
    if action.workflow_id is not None and is_inline:
        yield from _workflow(scope.document, action.workflow_id, f"{pointer}/workflowId")


def _step_target(scope: StepScope) -> Findings:
    step = scope.step
    if step.workflow_id is not None:
        yield from _workflow(scope.holder.document, step.workflow_id, f"{step.pointer}/workflowId")
    elif scope.reference is not None:
        yield from _operation(scope, *scope.reference)


def _operation(scope: StepScope, reference: str, pointer: str) -> Findings:
    link, step = scope.link, scope.step
    match link:
        case LinkError():
            yield Finding(link.rule, link.message, pointer, sentence(link.hint))
            return
        case LinkedOperation(portable=str(portable)) | LinkedMessages(portable=str(portable)):
            message = f"the reference {reference!r} is understood here, and not by every tool"
            yield Finding("operation-reference-form", message, pointer, f"Write {portable}.")
        case None if step.operation_path is not None and "#" not in reference:
            message = f"the operationPath {reference!r} has no JSON Pointer behind a '#'"
            yield Finding("operation-path-form", message, pointer)
            return
        case None if step.operation_id is not None and re.match(rf"\$(?!{re.escape(_QUALIFIED[1:])})", reference):
            message = f"the operationId {reference!r} is not an expression that names an operation"
            yield Finding("expression-syntax", message, pointer, f"Write {_QUALIFIED}<name>.<operationId>.")
            return
    if step.action is not None and isinstance(link, LinkedOperation):
        message = f"'action' is for steps that send or receive messages, and {link.operation.label} works over HTTP"
        yield Finding("async-field", message, f"{step.pointer}/action", "Remove 'action'.", key=True)
    if step.operation_id is not None and not reference.startswith(_QUALIFIED):
        yield from _unqualified(scope, reference, pointer)
    if step.operation_path is not None and isinstance(link, LinkedOperation):
        operation = link.operation
        known = operation.operation_id and operation.api.by_id.get(operation.operation_id)
        if known and known.pointer == operation.pointer:
            message = f"the operation has an operationId, {operation.operation_id!r}, which is preferred"
            hint = f"Write operationId: {_QUALIFIED}{link.source}.{operation.operation_id}."
            yield Finding("prefer-operation-id", message, pointer, hint)


def _unqualified(scope: StepScope, reference: str, pointer: str) -> Findings:
    """With several sources an operationId MUST name its own (Step Object); ``<name>.<id>`` has its own rule."""
    document = scope.holder.document
    sources = [s for s in document.description.source_descriptions if document.sources.kind(s.name) != "arazzo"]
    link = scope.link
    known = link if isinstance(link, LinkedOperation | LinkedMessages) else None
    if len(sources) < 2 or (known is not None and known.portable is not None):
        return
    name = "<name>" if known is None else known.source
    message = f"the operationId {reference!r} does not say which of the {len(sources)} sources it belongs to"
    yield Finding("unqualified-operation", message, pointer, f"Write {_QUALIFIED}{name}.{reference}.")
