"""A workflow as a person reads it: inputs, steps and flow, as text or as data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from arazzo_runner.documents.input_schemas import declared, input_schema, required, types
from arazzo_runner.documents.model import Action, ArazzoDescription, Criterion, Reusable, Step, Workflow
from arazzo_runner.reports.text import label, one_line, scalar


def input_entries(schema: Any) -> list[dict[str, Any]]:
    """The inputs of a workflow: name, type, whether required, default, description."""
    needed = set(required(schema))
    entries = []
    for name in declared(schema):
        node = input_schema(schema, name)
        entries.append(
            {
                "name": name,
                "type": node.get("type"),
                "required": name in needed and "default" not in node,
                **({"default": node["default"]} if "default" in node else {}),
                "description": node.get("description"),
            }
        )
    return entries


def workflow_entry(description: ArazzoDescription, workflow: Workflow, schema: Any) -> dict[str, Any]:
    """A workflow as data, for ``arazzo show --format json``."""
    return {
        "document": description.document.path,
        "workflowId": workflow.workflow_id,
        "summary": workflow.summary,
        "description": workflow.description,
        "inputs": input_entries(schema),
        "dependsOn": list(workflow.depends_on),
        "steps": [step_entry(step) for step in workflow.steps],
        "successActions": [_action_entry(action) for action in workflow.success_actions],
        "failureActions": [_action_entry(action) for action in workflow.failure_actions],
        "outputs": dict(workflow.outputs),
    }


def step_entry(step: Step) -> dict[str, Any]:
    """A step as data."""
    return {
        "stepId": step.step_id,
        "description": step.description,
        "operation": target_of(step),
        "dependsOn": list(step.depends_on),
        "correlationId": step.correlation_id,
        "timeout": step.timeout,
        "successCriteria": [_criterion(criterion) for criterion in step.success_criteria],
        "onSuccess": [_action_entry(action) for action in step.on_success],
        "onFailure": [_action_entry(action) for action in step.on_failure],
        "outputs": dict(step.outputs),
    }


def target_of(step: Step) -> str:
    """Return the target of a step, as the document names it."""
    if step.workflow_id is not None:
        return f"workflow {step.workflow_id}"
    direct = step.x_operation if isinstance(step.x_operation, dict) else {}
    url = f"{str(direct.get('method', 'get')).upper()} {direct['url']}" if "url" in direct else ""
    return step.operation_id or step.operation_path or step.channel_path or url


def _criterion(criterion: Criterion) -> str:
    kind = "" if criterion.type.type == "simple" else f"{criterion.type.type} of {criterion.context}: "
    return kind + criterion.condition


def _action_entry(action: Action | Reusable) -> dict[str, Any]:
    if isinstance(action, Reusable):
        return {"reference": action.reference}
    entry: dict[str, Any] = {"name": action.name, "type": action.type}
    if action.step_id or action.workflow_id:
        entry["target"] = action.step_id or f"workflow {action.workflow_id}"
    if action.type == "retry":
        entry["retryLimit"] = 1 if action.retry_limit is None else action.retry_limit
        entry["retryAfter"] = action.retry_after or 0
    if action.criteria:
        entry["criteria"] = [_criterion(criterion) for criterion in action.criteria]
    return entry


def outline(entry: Mapping[str, Any]) -> Iterator[str]:
    """The lines of ``arazzo show``, of what ``workflow_entry`` gave."""
    yield label(entry["workflowId"])
    if entry["summary"]:
        yield f"  {one_line(entry['summary'])}"
    yield f"  in {label(entry['document'])}"
    yield ""
    yield "inputs"
    yield from input_lines(entry["inputs"])
    if entry["dependsOn"]:
        yield f"depends on {', '.join(map(label, entry['dependsOn']))}"
    yield "steps"
    for step in entry["steps"]:
        called = _called(step)
        beside = f"   {label(called)}" if called and called != step["operation"] else ""
        yield f"  {label(step['stepId'])}: {label(step['operation'])}{beside}"
        if step["correlationId"] is not None:
            yield f"      only the message of {scalar(step['correlationId'], 80)}"
        if step["timeout"] is not None:
            yield f"      within {step['timeout'] / 1000:g} s"
        if step["dependsOn"]:
            yield f"      after {', '.join(map(label, step['dependsOn']))}"
        for criterion in step["successCriteria"]:
            yield f"      needs {one_line(criterion)}"
        for word, actions in (("on success", step["onSuccess"]), ("on failure", step["onFailure"])):
            for action in actions:
                yield f"      {word} {_action_text(action)}"
    yield "outputs"
    for name, value in entry["outputs"].items():
        yield f"  {label(name)}: {scalar(value, 120)}"


def _called(step: Mapping[str, Any]) -> str:
    """The method and path that a step calls, or what it does with messages; empty when it is not known."""
    if "path" in step:
        return f"{step['method']} {step['path']}"
    if "address" in step:
        return f"{'→ sends to' if step['action'] == 'send' else '← receives from'} {step['address']}"
    return ""


def input_lines(inputs: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each input."""
    width = max((len(item["name"]) for item in inputs), default=0)
    for item in inputs:
        kind = "/".join(sorted(types(item))) or "any"
        state = "required" if item["required"] else "optional"
        if "default" in item:
            state = f"default {scalar(item['default'])}"
        text = f"  {label(item['name']).ljust(width)}  {kind}, {state}"
        yield f"{text}  {one_line(str(item['description']), 100)}" if item["description"] else text


def _action_text(action: Mapping[str, Any]) -> str:
    if "reference" in action:
        return label(action["reference"])
    text = f"{label(action['name'])}: {action['type']}"
    if "target" in action:
        text += f" {label(action['target'])}"
    if action["type"] == "retry":
        text += f", at most {action['retryLimit']}, after {action['retryAfter']:g} s"
    if action.get("criteria"):
        text += f" if {one_line(' and '.join(action['criteria']))}"
    return text


def as_json(entry: Any) -> str:
    """Data as the verbs print it."""
    return json.dumps(entry, ensure_ascii=False, indent=2)
