"""A workflow as a Mermaid flowchart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from arazzo_runner.analysis.flow_edges import step_edges
from arazzo_runner.analysis.flow_graph import way_of
from arazzo_runner.documents.model import Action, ArazzoDescription, Reusable, Step, Workflow
from arazzo_runner.reports.outline import target_of

MessageEnds: TypeAlias = Mapping[str, tuple[str, str]]
"""By step id, what a step does with messages (``send`` or ``receive``), and the address."""


def mermaid(description: ArazzoDescription, workflow: Workflow, messages: MessageEnds | None = None) -> str:
    """The flow of a workflow: its steps, its actions, and the ways between them.

    Args:
        messages: of the steps that send or receive, each drawn with the channel beside it.
    """
    return "\n".join(_lines(description, workflow, messages or {})) + "\n"


def _lines(description: ArazzoDescription, workflow: Workflow, messages: MessageEnds) -> Iterator[str]:
    yield "flowchart TD"
    yield f"  start([{_quoted(workflow.workflow_id)}])"
    names = {step.step_id: f"s{index}" for index, step in enumerate(workflow.steps)}
    for step in workflow.steps:
        shape = ("[[", "]]") if step.workflow_id else ("[/", "/]") if step.step_id in messages else ("[", "]")
        text = _quoted(f"{step.step_id}\n{target_of(step)}")
        yield f"  {names[step.step_id]}{shape[0]}{text}{shape[1]}"
    yield from _channels(names, messages)
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


def _channels(names: Mapping[str, str], messages: MessageEnds) -> Iterator[str]:
    """The channels that steps send to and receive from, and the messages between them."""
    addresses = {address: f"c{index}" for index, address in enumerate(dict.fromkeys(a for _, a in messages.values()))}
    for address, node in addresses.items():
        yield f"  {node}[({_quoted(address)})]"
    for step_id, (action, address) in messages.items():
        ends = (names[step_id], addresses[address])
        source, target = ends if action == "send" else (ends[1], ends[0])
        yield f"  {source} == {action} ==> {target}"


def _edges(
    description: ArazzoDescription,
    workflow: Workflow,
    step: Step,
    following: str | None,
    names: dict[str, str],
    others: dict[str, str],
) -> Iterator[str]:
    success = _actions(description, step.on_success, workflow.success_actions, "success")
    failure = _actions(description, step.on_failure, workflow.failure_actions, "failure")
    always_led_on = any(not action.criteria and action.type != "retry" for action in failure.values())
    for edge in step_edges(step.step_id, following, *([way_of(a) for a in one.values()] for one in (success, failure))):
        if edge.implied and always_led_on:
            continue
        arrow, ending = ("-.->", "failed") if edge.failure else ("-->", "finish")
        action = None if edge.name is None else (failure if edge.failure else success)[edge.name]
        text = "" if action is None else f"|{_quoted(_label(action))}|"
        yield f"  {names[step.step_id]} {arrow}{text} {_node(edge.target, names, others, ending)}"


def _node(target: str, names: dict[str, str], others: dict[str, str], ending: str) -> str:
    """The Mermaid id of a node; a step that does not exist ends the workflow."""
    kind, _, name = target.partition(" ")
    if kind == "workflow":
        return others.setdefault(name, f"w{len(others)}")
    return names.get(name, ending) if kind == "step" else ending


def _label(action: Action) -> str:
    label = action.name
    if action.type == "retry":
        label += f" ×{1 if action.retry_limit is None else action.retry_limit}"
    if action.criteria:
        label += "\n" + " and ".join(criterion.condition for criterion in action.criteria)
    return label


def _actions(
    description: ArazzoDescription, own: Sequence[Action | Reusable], shared: Sequence[Action | Reusable], kind: str
) -> dict[str, Action]:
    """The actions that apply by their names, Reusable Objects followed where they lead somewhere (F2)."""
    components = description.components
    group = components.success_actions if kind == "success" else components.failure_actions
    merged: dict[str, Action] = {}
    for entry in (*own, *shared):
        action = group.get(entry.reference.rpartition(".")[2]) if isinstance(entry, Reusable) else entry
        if action is not None:
            merged.setdefault(action.name, action)
    return merged


def _quoted(text: str) -> str:
    """Text as a Mermaid label: its own entities for what would end the label or be read as markup."""
    safe = re.sub(r'[&"<>|#;\\`{}\[\]()]', lambda match: f"#{ord(match[0])};", text)
    safe = re.sub(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", " ", safe)
    return '"' + safe.replace("\n", "<br/>") + '"'
