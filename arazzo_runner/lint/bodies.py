"""Bodies and deepObject parameters whose form on the wire no specification settles (H4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arazzo_runner.analysis.findings import Finding, Findings
from arazzo_runner.analysis.scope import StepScope, WorkflowScope
from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.openapi.media_types import FORM, essence, is_json
from arazzo_runner.openapi.operations import Operation
from arazzo_runner.openapi.request.bodies import choose_content_type, media_type
from arazzo_runner.openapi.request.forms import STYLE_FIELDS
from arazzo_runner.openapi.request.styles import holds_structures


def check_bodies(scope: WorkflowScope) -> Findings:
    """Every step whose operation is known."""
    for step in scope.steps:
        if step.operation is not None:
            yield from _form(step, step.operation)
            yield from _parameters(step, step.operation)


def _form(step: StepScope, operation: Operation) -> Findings:
    """Members of a form that are written in brackets."""
    body = step.step.request_body
    if body is None or not isinstance(body.payload, dict):
        return
    content_type = choose_content_type(operation, body.content_type, body.payload)
    if essence(content_type) != FORM:
        return
    encodings = media_type(operation, content_type).encoding
    for name, value in body.payload.items():
        if _is_bracketed(value, encodings.get(name, {})):
            yield _finding(f"the member {name!r} of the form", json_pointer.join(f"{body.pointer}/payload", name))


def _is_bracketed(value: Any, encoding: Mapping[str, Any]) -> bool:
    if encoding.get("style") == "deepObject":
        return isinstance(value, list) or _nests_structures(value)
    declared = encoding.get("contentType")
    as_json = isinstance(declared, str) and is_json(declared)
    return not encoding.keys() & STYLE_FIELDS and not as_json and holds_structures(value)


def _nests_structures(value: Any) -> bool:
    return isinstance(value, dict) and any(holds_structures(item) or _nests_structures(item) for item in value.values())


def _parameters(step: StepScope, operation: Operation) -> Findings:
    for parameter in step.own_parameters:
        spec = operation.parameter(parameter.name, parameter.location or "query")
        if spec is None or spec.style != "deepObject" or spec.media is not None:
            continue
        if isinstance(parameter.value, list) or _nests_structures(parameter.value):
            yield _finding(f"the parameter {parameter.name!r}", f"{parameter.pointer}/value")


def _finding(what: str, pointer: str) -> Finding:
    return Finding("bracketed-array", f"{what} has an array that is sent in brackets: name[0][member]=value", pointer)
