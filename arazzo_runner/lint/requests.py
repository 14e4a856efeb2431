"""Checks of requests against their operations: parameters, body, and expected status codes (H3, H4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from arazzo_runner.analysis.findings import Finding, Findings, suggestion
from arazzo_runner.analysis.scope import StepScope, WorkflowScope
from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.model import ExpressionType, Parameter
from arazzo_runner.documents.pointer import PointerError
from arazzo_runner.errors import ExpressionSyntaxError
from arazzo_runner.expressions import logic, selectors
from arazzo_runner.expressions.conditions import LiteralOperand, numeric
from arazzo_runner.expressions.criteria import Simple
from arazzo_runner.expressions.nodes import Special
from arazzo_runner.openapi.media_types import essence, is_xml
from arazzo_runner.openapi.operations import Operation, ParameterSpec
from arazzo_runner.openapi.request.parameters import unfilled_variables

_SELECTORS: Mapping[str, Callable[[str, str | None], object]] = {
    "jsonpointer": lambda target, _: json_pointer.split(target),
    "jsonpath": selectors.jsonpath,
    "xpath": selectors.xpath,
}
_NAMES = {"jsonpointer": "JSON Pointer", "jsonpath": "JSONPath query", "xpath": "XPath expression"}

_NOT_PARAMETERS = ("accept", "content-type", "authorization")
"""Headers that OpenAPI does not let an operation declare as parameters, and steps send anyway (H3)."""


def check_requests(scope: WorkflowScope) -> Findings:
    """Every step whose operation is known."""
    for step in scope.steps:
        operation = step.operation
        if operation is None:
            continue
        for parameter in step.own_parameters:
            yield from _undeclared(operation, parameter)
        yield from _required(step, operation)
        yield from _body(step, operation)
    for step in scope.steps:
        yield from _query_string(step)
        yield from _replacements(step)
    yield from _statuses(scope)


def _query_string(step: StepScope) -> Findings:
    """A ``querystring`` is the whole query, beside which there are no ``query`` parameters (Parameter Object, 1.1)."""
    whole = next((p for p in step.parameters if p.location == "querystring"), None)
    parts = [parameter.name for parameter in step.parameters if parameter.location == "query"]
    if whole is not None and parts:
        message = f"the parameter {whole.name!r} is the whole query, and {', '.join(parts)} would be a part of it"
        yield Finding("querystring-alone", message, whole.pointer)


def _replacements(step: StepScope) -> Findings:
    """A target is a selector of its type: by default an XPath for XML, and else a JSON Pointer (H4)."""
    body = step.step.request_body
    for replacement in body.replacements if body is not None else ():
        default = "xpath" if body is not None and is_xml(body.content_type or "") else "jsonpointer"
        kind = replacement.target_selector_type or ExpressionType(default)
        if kind.type not in _SELECTORS:
            continue  # the loader's `bad-value`
        try:
            _SELECTORS[kind.type](replacement.target, kind.version)
        except (ExpressionSyntaxError, PointerError) as error:
            looks_like_jsonpath = kind.type == "jsonpointer" and replacement.target.startswith("$")
            hint = "Say that it is a JSONPath: targetSelectorType: jsonpath." if looks_like_jsonpath else None
            message = f"the target {replacement.target!r} is no {_NAMES[kind.type]}: {error.message}"
            yield Finding("replacement-target", message, f"{replacement.pointer}/target", hint)


def _undeclared(operation: Operation, parameter: Parameter) -> Findings:
    """A parameter that the operation does not declare; it is sent anyway, by the location's defaults (H3)."""
    location = parameter.location
    if location is None or operation.parameter(parameter.name, location) or _is_credential(operation, parameter):
        return
    pointer = f"{parameter.pointer}/name"
    elsewhere = [spec.location for spec in operation.parameters if spec.name == parameter.name]
    if elsewhere:
        message = f"the operation {operation.label} takes {parameter.name!r} in {elsewhere[0]}, not in {location}"
        yield Finding("parameter-location", message, f"{parameter.pointer}/in", f"Write 'in: {elsewhere[0]}'.")
        return
    known = [spec.name for spec in operation.parameters if spec.location == location]
    message = f"the operation {operation.label} declares no {location} parameter {parameter.name!r}"
    yield Finding(
        "parameter-not-declared", message, pointer, suggestion(parameter.name, known, f"{location} parameters")
    )


def _is_credential(operation: Operation, parameter: Parameter) -> bool:
    """Return whether a parameter is sent by a security scheme (H5), or is a header without declaration."""
    if parameter.location == "header" and parameter.name.lower() in _NOT_PARAMETERS:
        return True
    for scheme in operation.schemes.values():
        definition = scheme.definition
        if definition.get("in") == parameter.location and _same(definition.get("name"), parameter):
            return True
    return False


def _same(name: Any, parameter: Parameter) -> bool:
    if not isinstance(name, str):
        return False
    return name.lower() == parameter.name.lower() if parameter.location == "header" else name == parameter.name


def _required(step: StepScope, operation: Operation) -> Findings:
    """A path cannot be made without its parameters; another one that is required is left out with a warning (H3)."""
    given = {
        (parameter.name.lower() if parameter.location == "header" else parameter.name, parameter.location)
        for parameter in step.parameters
    }
    pointer = _target(step)
    for variable in unfilled_variables(operation, {(p.name, p.location or "path") for p in step.parameters}):
        yield _unfilled(operation, step, variable)
    for spec in operation.parameters:
        if spec.location == "path":
            continue
        name = spec.name.lower() if spec.location == "header" else spec.name
        if not spec.required or (name, spec.location) in given or _is_sent_otherwise(operation, spec):
            continue
        message = f"the operation {operation.label} requires the {spec.location} parameter {spec.name!r}"
        hint = f"Add a parameter: {{name: {spec.name}, in: {spec.location}, value: …}}."
        yield Finding("required-parameter-missing", message, pointer, hint)


def _unfilled(operation: Operation, step: StepScope, name: str) -> Finding:
    """A variable of the path that no parameter of the step fills; one elsewhere of that name is probably intended."""
    message = f"the operation {operation.label} requires the path parameter {name!r}"
    elsewhere = next((parameter for parameter in step.parameters if parameter.name == name), None)
    if elsewhere is None:
        hint = f"Add a parameter: {{name: {name}, in: path, value: …}}."
        return Finding("path-parameter-missing", message, _target(step), hint)
    message += f", and the step gives it in {elsewhere.location}"
    hint = f"Write 'in: path' instead of 'in: {elsewhere.location}'."
    return Finding("path-parameter-missing", message, f"{elsewhere.pointer}/in", hint)


def is_required(operation: Operation, parameter: Parameter) -> bool:
    """Return whether a request needs a parameter's value (V1); what a credential fills is never missing."""
    if parameter.location == "path":
        return parameter.name in unfilled_variables(operation, ())
    spec = operation.parameter(parameter.name, parameter.location or "query")
    return spec is not None and spec.required and not _is_credential(operation, parameter)


def _is_sent_otherwise(operation: Operation, spec: ParameterSpec) -> bool:
    return _is_credential(operation, Parameter(spec.name, spec.location, None, ""))


def _target(step: StepScope) -> str:
    return step.reference[1] if step.reference else step.step.pointer


def _body(step: StepScope, operation: Operation) -> Findings:
    body = step.step.request_body
    if body is None or not (body.has_payload or body.replacements):
        if operation.body_required:
            message = f"the operation {operation.label} requires a body, and the step sends none"
            yield Finding("request-body-missing", message, _target(step) if body is None else body.pointer)
        return
    if not operation.bodies:
        message = f"the operation {operation.label} takes no body"
        yield Finding("request-body-unexpected", message, f"{step.step.pointer}/requestBody", None, key=True)
    elif body.content_type is not None and "$" not in body.content_type:
        known = [media.content_type for media in operation.bodies]
        if not any(_accepts(essence(declared), essence(body.content_type)) for declared in known):
            message = f"the operation {operation.label} takes {' or '.join(known)}, not {body.content_type}"
            yield Finding("content-type-not-declared", message, f"{body.pointer}/contentType")


def _accepts(declared: str, given: str) -> bool:
    """Return whether a media type or range, such as ``image/*``, covers a media type."""
    kind, _, subtype = declared.partition("/")
    return declared == given or kind == "*" or (subtype == "*" and given.startswith(f"{kind}/"))


def _statuses(scope: WorkflowScope) -> Findings:
    """``$statusCode == N`` where the operation documents no such answer."""
    for read in scope.reads:
        step = read.site.step
        if step is None or read.criterion is None or not isinstance(read.criterion.test, Simple):
            continue
        holder = scope.steps[scope.step_ids[step.step_id]]
        operation = holder.operation
        if operation is None or not operation.responses or "default" in operation.responses:
            continue
        for status in _expected(read.criterion.test.node):
            documented = [str(code).upper() for code in operation.responses]
            if str(status) not in documented and f"{status // 100}XX" not in documented:
                message = f"the operation {operation.label} documents no answer {status}, only {', '.join(documented)}"
                yield Finding("status-not-documented", message, read.site.pointer)


def _expected(node: logic.Node[Any]) -> Iterator[int]:
    for comparison in logic.comparisons(node):
        match comparison.left.operand, comparison.operator, comparison.right.operand:
            case (Special(name="statusCode"), "==", LiteralOperand(value)) | (
                LiteralOperand(value),
                "==",
                Special(name="statusCode"),
            ):
                number = numeric(value)
                if isinstance(number, int) and 200 <= number <= 299:
                    yield number
