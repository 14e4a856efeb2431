"""Checks of the flow: what can never be reached, or never be left (F1 to F4, F8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from arazzo_runner.analysis.findings import Finding, Findings
from arazzo_runner.analysis.flow_graph import (
    Flow,
    check_step_dependencies,
    dependencies,
    dependency_circles,
    flow_of,
    forward_references,
)
from arazzo_runner.analysis.scope import WorkflowScope
from arazzo_runner.documents.model import Action, Reusable


def check_flow(scope: WorkflowScope) -> Findings:
    """Steps and actions that cannot be reached, loops that cannot be left, and references that come too early."""
    if not scope.steps:
        return
    flow = flow_of(scope)
    yield from _unreachable(scope, flow)
    yield from _endless(scope, flow)
    yield from _polls(scope)
    yield from _never_reached(scope)
    yield from forward_references(scope, flow)
    yield from check_step_dependencies(scope)
    yield from _untimely_dependencies(scope, flow)


def _unreachable(scope: WorkflowScope, flow: Flow) -> Findings:
    for step in scope.steps:
        if step.index not in flow.reachable:
            message = f"nothing leads to the step {step.step.step_id!r}"
            yield Finding("unreachable-step", message, f"{step.step.pointer}/stepId")


def _endless(scope: WorkflowScope, flow: Flow) -> Findings:
    if not flow.reachable & flow.ends:
        message = f"the workflow {scope.workflow.workflow_id!r} can only end by failing: no step leads to its end"
        yield Finding("endless-workflow", message, f"{scope.workflow.pointer}/workflowId")


def _polls(scope: WorkflowScope) -> Findings:
    """A goto that leads back; nothing in the specification bounds it, as ``retryLimit`` does a retry."""
    for step in scope.steps:
        for action in (*step.success_actions, *step.failure_actions):
            target = scope.step_ids.get(action.step_id) if action.step_id is not None else None
            if action.type == "goto" and target is not None and target <= step.index:
                message = f"the action {action.name!r} leads back to {action.step_id!r}, as often as it may be"
                yield Finding("unbounded-poll", message, action.pointer)


def _never_reached(scope: WorkflowScope) -> Findings:
    workflow = scope.workflow
    lists: list[Iterable[Action | Reusable]] = [workflow.success_actions, workflow.failure_actions]
    for step in workflow.steps:
        lists += [step.on_success, step.on_failure]
    for number, entries in enumerate(lists):
        taken: Action | None = None
        for action, pointer in scope.document.actions(entries, "failure" if number % 2 else "success"):
            if taken is not None:
                message = f"the action {action.name!r} is never tried: {taken.name!r} before it has no criteria"
                yield Finding("action-never-reached", message, pointer)
            elif not action.criteria and action.type != "retry":
                taken = action


def _untimely_dependencies(scope: WorkflowScope, flow: Flow) -> Findings:
    """``dependsOn`` of what cannot have run before (F8), and of what stands later in the document."""
    circles = dependency_circles(scope)
    places = {step.step_id: number for number, step in enumerate(scope.workflow.steps)}
    for step, name, pointer in dependencies(scope):
        target = scope.step_ids.get(name)
        if target is None or circles[step.index] == circles[target]:
            continue
        if step.index in flow.reachable and not (target in flow.reachable and flow.follows(step.index, target)):
            message = f"the step {step.step.step_id!r} depends on {name!r}, which nothing leads to before it"
            yield Finding("forward-reference", message, pointer, "Lead to the other step first.")
        elif places[name] > places[step.step.step_id]:
            message = f"the step {step.step.step_id!r} depends on a later step, {name!r}, and is executed after it"
            yield Finding("execution-order", message, pointer)


def targets(scope: WorkflowScope) -> Iterator[tuple[Action, str]]:
    """The actions of a workflow that lead to another workflow, with where they stand; each once."""
    seen: set[str] = set()
    for step in scope.steps:
        for action in (*step.success_actions, *step.failure_actions):
            if action.workflow_id is not None and action.type != "end" and action.pointer not in seen:
                seen.add(action.pointer)
                yield action, f"{action.pointer}/workflowId"
