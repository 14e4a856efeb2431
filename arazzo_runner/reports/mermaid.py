"""A workflow as a Mermaid flowchart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from arazzo_runner.documents.model import Action, ArazzoDescription, Reusable, Step, Workflow
from arazzo_runner.reports.outline import target_of


def mermaid(description: ArazzoDescription, workflow: Workflow) -> str:
    """The flow of a workflow: its steps, its actions, and the ways between them."""
    return "\n".join(_lines(description, workflow)) + "\n"


def _lines(description: ArazzoDescription, workflow: Workflow) -> Iterator[str]:
    yield "flowchart TD"
    yield f"  start([{_quoted(workflow.workflow_id)}])"
    names = {step.step_id: f"s{index}" for index, step in enumerate(workflow.steps)}
    for step in workflow.steps:
        shape = ("[[", "]]") if step.workflow_id else ("[", "]")
        text = _quoted(f"{step.step_id}\n{target_of(step)}")
        yield f"  {names[step.step_id]}{shape[0]}{text}{shape[1]}"
    yield "  finish([end])"
    yield "  failed([failed])"
    if workflow.steps:
        yield f"  start --> {names[workflow.steps[0].step_id]}"
    others: dict[str, str] = {}
    for index, step in enumerate(workflow.steps):
        following = workflow.steps[index + 1].step_id if index + 1 < len(workflow.steps) else None
        yield from _edges(description, workflow, step, following, names, others)
    for reference, node in others.items():
        yield f"  {node}[[{_quoted(reference)}]]"


def _edges(
    description: ArazzoDescription,
    workflow: Workflow,
    step: Step,
    following: str | None,
    names: dict[str, str],
    others: dict[str, str],
) -> Iterator[str]:
    here = names[step.step_id]
    success = _actions(description, step.on_success, workflow.success_actions, "success")
    failure = _actions(description, step.on_failure, workflow.failure_actions, "failure")
    for action in success:
        yield _edge(here, action, names, others, arrow="-->", ending="finish")
    if all(action.criteria for action in success):
        yield f"  {here} --> {names[following] if following else 'finish'}"
    for action in failure:
        yield _edge(here, action, names, others, arrow="-.->", ending="failed")
    if all(action.criteria or action.type == "retry" for action in failure):
        yield f"  {here} -.-> failed"


def _actions(
    description: ArazzoDescription, own: Sequence[Action | Reusable], shared: Sequence[Action | Reusable], kind: str
) -> list[Action]:
    """The actions that apply, Reusable Objects followed where they lead somewhere (F2)."""
    components = description.components
    group = components.success_actions if kind == "success" else components.failure_actions
    merged: dict[str, Action] = {}
    for entry in (*own, *shared):
        action = group.get(entry.reference.rpartition(".")[2]) if isinstance(entry, Reusable) else entry
        if action is not None:
            merged.setdefault(action.name, action)
    return list(merged.values())


def _edge(here: str, action: Action, names: dict[str, str], others: dict[str, str], *, arrow: str, ending: str) -> str:
    label = action.name
    if action.type == "retry":
        label += f" ×{1 if action.retry_limit is None else action.retry_limit}"
    if action.criteria:
        label += "\n" + " and ".join(criterion.condition for criterion in action.criteria)
    if action.workflow_id is not None and action.type != "end":
        target = others.setdefault(action.workflow_id, f"w{len(others)}")
    elif action.step_id is not None and action.type != "end":
        target = names.get(action.step_id, ending)
    else:
        target = here if action.type == "retry" else ending
    return f"  {here} {arrow}|{_quoted(label)}| {target}"


def _quoted(text: str) -> str:
    """Text as a Mermaid label: its own entities for what would end the label or be read as markup."""
    safe = re.sub(r'[&"<>|#;\\`{}\[\]()]', lambda match: f"#{ord(match[0])};", text)
    safe = re.sub(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", " ", safe)
    return '"' + safe.replace("\n", "<br/>") + '"'
