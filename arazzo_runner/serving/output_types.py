"""Schemas of outputs, as far as their expressions lead into descriptions.

Nothing but shapes is taken from a description: no prose of an API becomes something that an agent reads as a
description, and no pattern or limit that an answer might break.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from arazzo_runner.documents.input_schemas import input_schema
from arazzo_runner.engine.plan import Plan, PlannedStep, PlannedWorkflow
from arazzo_runner.expressions.nodes import Expression, MessagePart, Named, Special
from arazzo_runner.expressions.templates import Array, CompiledValue, Constant, Object, Template, Whole
from arazzo_runner.openapi.responses import responses_of
from arazzo_runner.openapi.schemas import Schema
from arazzo_runner.secrecy import IsSecret

_DEPTH = 4
"""Levels of a schema that are described; below them anything may stand."""
_MEMBERS = 60
_HOPS = 20
"""Outputs of other steps and workflows that an expression is followed through."""
_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_WORD = re.compile(r"[\w.:/+-]{1,40}")
_CHOICES = 40


def output_schemas(plan: Plan) -> dict[str, dict[str, Any]]:
    """Return a schema for each output of the plan's workflow; an empty one where nothing is known."""
    types = _OutputTypes(plan)
    workflow = plan.workflow
    return {name: types.of_output(name, value, workflow, _HOPS) for name, value in workflow.outputs}


class _OutputTypes:
    """The types of expressions of one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._is_secret: IsSecret = plan.options.secret_names.has

    def of_output(self, name: str, value: CompiledValue, workflow: PlannedWorkflow, hops: int) -> dict[str, Any]:
        """Return the type of an output; what is masked may be anything else (S1)."""
        return {} if self._is_secret(name) else self._of(value, workflow, None, hops)

    def _of(
        self, value: CompiledValue, workflow: PlannedWorkflow, step: PlannedStep | None, hops: int
    ) -> dict[str, Any]:
        match value:
            case Constant(constant):
                return _type_of(constant)
            case Whole(node):
                return self._of_expression(node, workflow, step, hops) if hops else {}
            case Template():
                return {"type": "string"}
            case Object(members):
                properties = {name: self.of_output(name, member, workflow, hops) for name, member in members}
                return {"type": "object", "properties": properties}
            case Array():
                return {"type": "array"}
            case _:
                return {}

    def _of_expression(
        self, node: Expression, workflow: PlannedWorkflow, step: PlannedStep | None, hops: int
    ) -> dict[str, Any]:
        match node:
            case Special(name="statusCode", tail=None):
                return {"type": "integer"}
            case Special(tail=None):
                return {"type": "string"}
            case MessagePart(holder="response", part="body") if step is not None:
                return self._of_body(node, step)
            case MessagePart(part="header" | "headers"):
                return {"type": "string"}
            case Named():
                return self._of_name(node, workflow, hops - 1)
            case _:
                return {}

    def _of_name(self, node: Named, workflow: PlannedWorkflow, hops: int) -> dict[str, Any]:
        if not node.readings:
            return {}
        reading = node.readings[0]
        steps = () if reading.tail is None else reading.tail.steps
        if steps is None or (reading.tail is not None and reading.tail.length):
            return {}
        path = [*steps, *_path_of(reading.pointer)]
        found: dict[str, Any] = {}
        if node.root == "inputs":
            schema = workflow.input_schema or {}
            found = {} if self._is_secret(reading.name) else _plain_type(input_schema(schema, reading.name))
        elif node.root == "steps" and node.field == "outputs":
            found = self._of_step(node.owner, reading.name, workflow, hops)
        return _at(found, path)

    def _of_step(self, step_id: str, name: str, workflow: PlannedWorkflow, hops: int) -> dict[str, Any]:
        step = next((one for one in workflow.steps if one.step_id == step_id), None)
        if step is None or hops <= 0:
            return {}
        if step.outputs is None or name not in dict(step.outputs):
            child = self._plan.workflows.get(step.workflow or "")
            value = None if child is None else dict(child.outputs).get(name)
            return {} if value is None or child is None else self.of_output(name, value, child, hops)
        value = dict(step.outputs)[name]
        if self._is_secret(name):
            return {}
        if step.workflow is not None and isinstance(value, Whole) and isinstance(value.node, Named):
            child = self._plan.workflows.get(step.workflow)
            if child is not None and value.node.root == "outputs" and value.node.readings:
                inner = dict(child.outputs).get(value.node.readings[0].name)
                return {} if inner is None else self.of_output(name, inner, child, hops)
        return self._of(value, workflow, step, hops)

    def _of_body(self, node: MessagePart, step: PlannedStep) -> dict[str, Any]:
        """Return the type of a part of an answer: of the successful answers, when they agree on it."""
        if step.operation is None or (node.tail is not None and (node.tail.steps is None or node.tail.length)):
            return {}
        path = [*_path_of(node.pointer), *(node.tail.steps if node.tail is not None and node.tail.steps else ())]
        if any(isinstance(name, str) and self._is_secret(name) for name in path):
            return {}
        found = []
        for response in responses_of(step.operation):
            if response.status.upper() in ("2XX", "DEFAULT") or response.status.startswith("2"):
                found += [{} if schema is None else self._within(schema, path) for schema in response.schemas]
        return found[0] if found and all(one == found[0] for one in found) else {}

    def _within(self, schema: Schema, path: Iterable[str | int]) -> dict[str, Any]:
        for step in path:
            if isinstance(step, int) or (step.isdigit() and "array" in _types(schema)):
                schema = schema.items()
            else:
                schema = schema.member(step)
        return self._shape(schema, _DEPTH)

    def _shape(self, schema: Schema, depth: int) -> dict[str, Any]:
        """Return the types of a schema: one type in each part, which every client can read."""
        kinds = sorted(_types(schema), key=lambda kind: (kind == "null", kind))
        if not kinds or depth <= 0:
            return {}
        shapes = [self._shape_of(kind, schema, depth) for kind in kinds]
        return shapes[0] if len(shapes) == 1 else {"anyOf": shapes}

    def _shape_of(self, kind: str, schema: Schema, depth: int) -> dict[str, Any]:
        shape: dict[str, Any] = {"type": kind}
        choices = schema.value("enum")
        if kind == "string" and isinstance(choices, list) and len(choices) <= _CHOICES and all(map(_is_word, choices)):
            shape["enum"] = [choice for choice in choices if isinstance(choice, str)]
        if kind == "array":
            shape["items"] = self._shape(schema.items(), depth - 1)
        if kind == "object":
            names = [name for name in schema.property_names() if _WORD.fullmatch(name)][:_MEMBERS]
            shape["properties"] = {
                name: {} if self._is_secret(name) else self._shape(schema.member(name), depth - 1) for name in names
            }
        return shape


def _types(schema: Schema) -> set[str]:
    named = schema.value("type")
    kinds = {name for name in (named if isinstance(named, list) else [named]) if name in _TYPES}
    return kinds | {"null"} if kinds and schema.value("nullable") is True else kinds


def _is_word(value: Any) -> bool:
    """Return whether a choice is a word, not a text of the API."""
    return value is None or (isinstance(value, str) and bool(_WORD.fullmatch(value)))


def _plain_type(schema: Mapping[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    return {"type": kind} if isinstance(kind, str) and kind in _TYPES else {}


def _type_of(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"type": "boolean"}
        case str():
            return {"type": "string"}
        case int() | float():
            return {"type": "number"}
        case _:
            return {}


def _path_of(pointer: str | None) -> list[str]:
    if not pointer:
        return []
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.removeprefix("/").split("/")]


def _at(schema: dict[str, Any], path: Iterable[str | int]) -> dict[str, Any]:
    """Return the part of a made schema that a path leads to; empty when it does not tell."""
    for step in path:
        holder = schema["anyOf"][0] if "anyOf" in schema else schema
        inner = holder.get("items") if isinstance(step, int) else holder.get("properties", {}).get(step)
        if not isinstance(inner, dict):
            return {}
        schema = inner
    return schema
