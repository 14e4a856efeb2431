"""Checks of names in expressions: steps, inputs, outputs, workflows, sources and components that exist (V5)."""

from __future__ import annotations

from collections.abc import Iterable

from arazzo_runner.analysis.findings import Finding, Findings, suggestion
from arazzo_runner.analysis.occurrences import Read
from arazzo_runner.analysis.scope import DocumentScope, WorkflowScope
from arazzo_runner.expressions.nodes import ComponentReference, Expression, MessagePart, Named, SourceReference, Special
from arazzo_runner.lint import reference_rules  # noqa: F401 - registers the rules that this module reports


def check_references(scope: WorkflowScope) -> Findings:
    """Each name in an expression of a workflow is declared."""
    for read in scope.reads:
        for node in dict.fromkeys(use.node for use in read.uses):
            match node:
                case Named(root="inputs"):
                    yield from _input(scope, node, read.site.pointer)
                case Named(root="outputs"):
                    yield from _own_output(scope, node, read)
                case Named(root="steps"):
                    yield from _step(scope, node, read.site.pointer)
                case Named(root="workflows"):
                    yield from _workflow(scope, node, read.site.pointer)
                case MessagePart(holder="request", part="path" | "query" | "querystring"):
                    yield from _request_parameter(scope, node, read)
                case _:
                    yield from check_global(scope.document, node, read.site.pointer)


def check_moments(scope: WorkflowScope) -> Findings:
    """Check that a step's request is not built from its own request or answer, which do not exist yet (V1)."""
    for read in scope.reads:
        if read.site.moment != "before":
            continue
        for node in dict.fromkeys(use.node for use in read.uses):
            if isinstance(node, MessagePart) or (isinstance(node, Special) and node.name != "self"):
                message = f"{node} has no value in {read.site.owner}, which is made before the request is sent"
                yield Finding("exchange-not-yet", message, read.site.pointer)


def check_exchanges_of_children(scope: WorkflowScope) -> Findings:
    """The response of a step that calls a workflow is the last one in that workflow, here and not everywhere (F7)."""
    for read in scope.reads:
        step = read.site.step
        if step is None or step.workflow_id is None or read.site.moment != "after":
            continue
        for node in dict.fromkeys(use.node for use in read.uses):
            if isinstance(node, MessagePart) or (isinstance(node, Special) and node.name != "self"):
                message = f"{node} of the step {step.step_id!r} is that of the last exchange in {step.workflow_id!r}"
                yield Finding("workflow-step-response", message, read.site.pointer)


def check_component_references(scope: DocumentScope) -> Findings:
    """Sources and components that the components' own expressions name; other names depend on who uses them."""
    for read in scope.components:
        for use in read.uses:
            yield from check_global(scope, use.node, read.site.pointer)


def check_global(scope: DocumentScope, node: Expression, pointer: str) -> Findings:
    """Names that mean the same wherever they stand."""
    match node:
        case SourceReference(name):
            known = [source.name for source in scope.description.source_descriptions]
            if not any(str(node).startswith(f"$sourceDescriptions.{other}.") for other in known):
                hint = suggestion(name, known, "source descriptions")
                yield Finding("unknown-source", f"{node}: there is no source description {name!r}", pointer, hint)
        case ComponentReference(kind, name):
            components = scope.description.components
            groups = {
                "inputs": components.inputs,
                "parameters": components.parameters,
                "successActions": components.success_actions,
                "failureActions": components.failure_actions,
            }
            group = groups.get(kind, {})
            if name not in group and not any(name.startswith((f"{other}.", f"{other}#")) for other in group):
                hint = suggestion(name, group, f"components.{kind}")
                yield Finding("unknown-component", f"{node}: there is no such component", pointer, hint)


def _declared(node: Named, names: tuple[str, ...] | None) -> bool:
    return names is None or not node.rest or any(reading.name in names for reading in node.readings)


def _broken_path(node: Named, names: Iterable[str], pointer: str) -> Finding | None:
    """Return the text behind a declared name that is not a path (V5): ``$steps.list.outputs.pets[n].id``."""
    names = tuple(names)
    if not node.rest or _declared(node, names):
        return None
    holders = [name for name in names if name and node.rest.startswith((f"{name}[", f"{name}."))]
    if not holders:
        return None
    name = max(holders, key=len)
    message = f"{node}: {node.rest[len(name) :]!r} behind the name {name!r} is not a path"
    hint = "Write indexes as numbers and names as words, such as [0].id or #/0/id."
    return Finding("path-syntax", message, pointer, hint)


def never_has_a_value(scope: WorkflowScope, node: Expression, read: Read) -> bool:
    """Return whether documents alone show that an expression never has a value at its place."""
    found: Findings = iter(())
    match node:
        case Named(root="inputs"):
            found = _input(scope, node, "")
        case Named(root="steps"):
            found = _step(scope, node, "")
        case Named(root="workflows"):
            found = _workflow(scope, node, "")
        case MessagePart() | Special():
            own = isinstance(node, Special) and node.name == "self"
            return (read.site.moment == "before" and not own) or _is_of_another_kind(scope, node, read)
    return any(finding.rule in ("unknown-input", "unknown-output") for finding in found)


def _is_of_another_kind(scope: WorkflowScope, node: Expression, read: Read) -> bool:
    """Return whether a step over messages reads a part of an HTTP exchange, or one over HTTP a message (M15)."""
    site = read.site
    if site.step is None or site.step.step_id not in scope.step_ids or site.step.workflow_id is not None:
        return False
    step = scope.steps[scope.step_ids[site.step.step_id]]
    if step.messages is not None:
        return is_of_http(node)
    return step.operation is not None and isinstance(node, MessagePart) and node.holder == "message"


def is_of_http(node: Expression) -> bool:
    """Return whether an expression reads a part of an HTTP exchange, which a step over messages does not have."""
    match node:
        case MessagePart(holder="request" | "response") | Special(name="statusCode" | "method"):
            return True
    return False


def _shown(node: Named) -> str:
    """The name that was most likely intended: the shortest reading."""
    return node.readings[-1].name


def _input(scope: WorkflowScope, node: Named, pointer: str) -> Findings:
    inputs = scope.inputs
    if _declared(node, inputs.names):
        return
    if broken := _broken_path(node, inputs.names, pointer):
        yield broken
        return
    name = _shown(node)
    hint = suggestion(name, inputs.names, "inputs") if inputs.names else "Declare it under the workflow's 'inputs'."
    message = f"{node}: the workflow declares no input {name!r}"
    yield Finding("undeclared-input" if inputs.open else "unknown-input", message, pointer, hint)


def _own_output(scope: WorkflowScope, node: Named, read: Read) -> Findings:
    """``$outputs``: the workflow's, and those of the workflow that the step calls (F7)."""
    names = list(scope.workflow.outputs)
    if read.site.step is not None:
        names += read.site.step.outputs
        if read.site.step.workflow_id is not None:
            child = scope.document.linked(read.site.step.workflow_id)
            if child is None:
                return
            names += child.workflow.outputs
    if not _declared(node, tuple(names)):
        hint = suggestion(_shown(node), names, "outputs")
        message = f"{node}: there is no output {_shown(node)!r} here"
        yield Finding("undeclared-output", message, read.site.pointer, hint)


def _step(scope: WorkflowScope, node: Named, pointer: str) -> Findings:
    ids = scope.step_ids
    if node.owner not in ids:
        hint = suggestion(node.owner, ids, "steps")
        yield Finding(
            "unknown-step-reference", f"{node}: there is no step {node.owner!r} in this workflow", pointer, hint
        )
        return
    target = scope.steps[ids[node.owner]]
    if not target.step.outputs and target.step.workflow_id is not None and target.child is None:
        return  # outputs of a workflow that cannot be found
    names = (scope.names.steps or {}).get(node.owner, ())
    if broken := _broken_path(node, names, pointer):
        yield broken
    elif not _declared(node, tuple(names)):
        hint = suggestion(_shown(node), names, f"outputs of {node.owner}")
        message = f"{node}: the step {node.owner!r} has no output {_shown(node)!r}"
        yield Finding("unknown-output", message, pointer, hint)


def _workflow(scope: WorkflowScope, node: Named, pointer: str) -> Findings:
    description = scope.document.description
    local = description.workflow(node.owner)
    linked = scope.referenced.get(node.owner)
    if local is None and linked is None:
        known = [*scope.referenced, *(w.workflow_id for w in description.workflows)]
        if ".steps." in f".{node.owner}.":
            hint = "Only the inputs and outputs of another workflow can be read: give it an output."
        else:
            hint = suggestion(node.owner, dict.fromkeys(known), "workflows")
        yield Finding("unknown-workflow", f"{node}: there is no workflow {node.owner!r}", pointer, hint)
        return
    if node.field == "inputs":
        inputs = (scope.names.workflow_inputs or {}).get(node.owner)
        names = None if inputs is None else tuple(inputs)
    else:
        names = tuple((scope.names.workflow_outputs or {}).get(node.owner, ()))
    if broken := _broken_path(node, names or (), pointer):
        yield broken
    elif not _declared(node, names):
        what = f"{node.field} of {node.owner}"
        message = f"{node}: the workflow {node.owner!r} has no {node.field[:-1]} {_shown(node)!r}"
        rule = "unknown-output" if node.field == "outputs" else "undeclared-input"
        yield Finding(rule, message, pointer, suggestion(_shown(node), names or (), what))


def _request_parameter(scope: WorkflowScope, node: MessagePart, read: Read) -> Findings:
    """``$request.query.x`` reads what the step sends: a parameter of the step or of its operation."""
    if read.site.step is None or read.site.step.step_id not in scope.step_ids:
        return
    step = scope.steps[scope.step_ids[read.site.step.step_id]]
    sent = [parameter.name for parameter in step.parameters if parameter.location == node.part]
    declared = [p.name for p in step.operation.parameters if p.location == node.part] if step.operation else []
    if step.operation is not None and node.name not in (*sent, *declared):
        hint = suggestion(node.name, (*sent, *declared), f"{node.part} parameters")
        message = f"{node}: the step sends no {node.part} parameter {node.name!r}"
        yield Finding("unknown-request-parameter", message, read.site.pointer, hint)
