"""The objects of Arazzo 1.0 and 1.1 as tables: their fields, what each may hold, and since which version."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from msgspec import Struct

from arazzo_runner.documents import object_checks as checks
from arazzo_runner.documents.input_bundles import check_inputs
from arazzo_runner.documents.model import (
    Action,
    Components,
    Criterion,
    ExpressionType,
    Info,
    Parameter,
    Replacement,
    RequestBody,
    Reusable,
    SourceDescription,
    Step,
    Workflow,
)
from arazzo_runner.documents.pointer import Json
from arazzo_runner.documents.shapes import (
    WRONG,
    Anything,
    Choice,
    Entries,
    Field,
    Items,
    Kind,
    Number,
    Reading,
    Shape,
    Text,
    Version,
    bad_value,
)

_V1_0: Version = (1, 0)
_V1_1: Version = (1, 1)

_ID = Text(may_be_empty=False, advised=re.compile(r"[A-Za-z0-9_\-]+"))
_TEXT = Text()
_SOME_TEXT = Text(may_be_empty=False)

_LOCATIONS = {"channel": _V1_1, "path": _V1_0, "query": _V1_0, "header": _V1_0, "cookie": _V1_0, "querystring": _V1_1}
_SOURCE_TYPES = {"openapi": _V1_0, "arazzo": _V1_0, "asyncapi": _V1_1}
_EXPRESSION_VERSIONS = {
    "jsonpath": ("rfc9535", "draft-goessner-dispatch-jsonpath-00"),
    "xpath": ("xpath-31", "xpath-30", "xpath-20", "xpath-10"),
    "jsonpointer": ("rfc6901",),
}


def _unplaced(build: Any) -> Any:
    """A builder of a model object that keeps no pointer."""

    def unplaced(*, pointer: str, **values: Any) -> Any:  # noqa: ARG001 - what every builder is given
        return build(**values)

    return unplaced


def _check_expression_version(reading: Reading, value: dict[str, Json], pointer: str) -> None:
    versions = _EXPRESSION_VERSIONS.get(str(value.get("type")))
    version = value.get("version")
    if not version:
        reading.report("expression-version", "this Expression Type Object has no 'version'", pointer)
    elif versions and isinstance(version, str) and version not in versions:
        bad_value(reading, version, versions, f"{pointer}/version")


def _expression_type_object(*types: str) -> Shape:
    return Shape(
        "Expression Type Object",
        (
            Field("type", Choice(dict.fromkeys(types, _V1_0)), "type", required=True),
            Field("version", _TEXT, "version"),
        ),
        _unplaced(ExpressionType),
        (_check_expression_version,),
    )


class _ExpressionTypeOrWord(Struct, frozen=True):
    """``type: jsonpath``, or an Expression Type Object."""

    words: tuple[str, ...]
    as_object: Shape
    absent: ExpressionType | None = None

    def load(self, reading: Reading, value: Json, pointer: str) -> Any:
        if isinstance(value, dict):
            return self.as_object.load(reading, value, pointer)
        word = Choice(dict.fromkeys(self.words, _V1_0)).load(reading, value, pointer)
        return ExpressionType(word) if isinstance(word, str) else WRONG


_CRITERION_TYPE = _ExpressionTypeOrWord(
    ("simple", "regex", "jsonpath", "xpath"),
    _expression_type_object("jsonpath", "xpath"),
    absent=ExpressionType("simple"),
)
_SELECTOR_TYPE = _ExpressionTypeOrWord(
    ("jsonpath", "xpath", "jsonpointer"), _expression_type_object("jsonpath", "xpath", "jsonpointer")
)

SELECTOR = Shape(
    "Selector Object",
    (
        Field("context", _SOME_TEXT, "context", required=True),
        Field("selector", _TEXT, "selector", required=True),
        Field("type", _SELECTOR_TYPE, "type", required=True),
    ),
    dict,
)


def _check_value(reading: Reading, value: Json, pointer: str) -> None:
    """A value may be any JSON; an object that can only be a Selector Object must be a whole one."""
    names = {"context", "selector", "type"}
    if reading.version >= _V1_1 and isinstance(value, dict) and "selector" in value and value.keys() <= names:
        SELECTOR.load(reading, value, pointer)


class _ExpressionOrSelector(Struct, frozen=True):
    """An output: the text of an expression, or since 1.1 a Selector Object; the model keeps it as it was read."""

    absent: None = None

    def load(self, reading: Reading, value: Json, pointer: str) -> Json:
        if isinstance(value, str):
            return value
        if not isinstance(value, dict) or not ({"selector", "context"} & value.keys()):
            return reading.wrong_type(value, "a runtime expression", pointer)
        if reading.allows(_V1_1, "a Selector Object", pointer):
            SELECTOR.load(reading, value, pointer)
        return value


class _OrReusable(Struct, frozen=True):
    """An object, or a Reusable Object in its place."""

    kind: Kind
    absent: None = None

    def load(self, reading: Reading, value: Json, pointer: str) -> Any:
        is_reusable = isinstance(value, dict) and "reference" in value
        return (REUSABLE if is_reusable else self.kind).load(reading, value, pointer)


INFO = Shape(
    "Info Object",
    (
        Field("title", _TEXT, "title", required=True),
        Field("summary", _TEXT, "summary"),
        Field("description", _TEXT, "description"),
        Field("version", _TEXT, "version", required=True),
    ),
    _unplaced(Info),
)

SOURCE_DESCRIPTION = Shape(
    "Source Description Object",
    (
        Field("name", _ID, "name", required=True),
        Field("url", Text(may_be_empty=False, check=checks.uri_reference), "url", required=True),
        Field("type", Choice(_SOURCE_TYPES), "type"),
    ),
    SourceDescription,
)

REUSABLE = Shape(
    "Reusable Object",
    (
        Field("reference", _SOME_TEXT, "reference", required=True),
        Field("value", Anything(), "value"),
    ),
    Reusable,
    given={"has_value": "value"},
    extras_ignored=True,
)

PARAMETER = Shape(
    "Parameter Object",
    (
        Field("name", _SOME_TEXT, "name", required=True),
        Field("in", Choice(_LOCATIONS), "location"),
        Field("value", Anything(_check_value), "value", required=True),
    ),
    Parameter,
)
_PARAMETERS = Items(_OrReusable(PARAMETER))

CRITERION = Shape(
    "Criterion Object",
    (
        Field("context", _SOME_TEXT, "context"),
        Field("condition", _SOME_TEXT, "condition", required=True),
        Field("type", _CRITERION_TYPE, "type"),
    ),
    Criterion,
    (checks.criterion_context,),
)
_CRITERIA = Items(CRITERION)

_ACTION_FIELDS = (
    Field("name", _SOME_TEXT, "name", required=True),
    Field("workflowId", _SOME_TEXT, "workflow_id"),
    Field("stepId", _SOME_TEXT, "step_id"),
    Field("parameters", _PARAMETERS, "parameters", since=_V1_1),
    Field("criteria", _CRITERIA, "criteria"),
)
_ACTION_CHECKS = (checks.action_target, checks.action_fields, checks.action_parameters, checks.unique_parameters)

SUCCESS_ACTION = Shape(
    "Success Action Object",
    (*_ACTION_FIELDS, Field("type", Choice({"end": _V1_0, "goto": _V1_0}), "type", required=True)),
    partial(Action, kind="success", retry_after=None, retry_limit=None),
    _ACTION_CHECKS,
)

FAILURE_ACTION = Shape(
    "Failure Action Object",
    (
        *_ACTION_FIELDS,
        Field("type", Choice({"end": _V1_0, "retry": _V1_0, "goto": _V1_0}), "type", required=True),
        Field("retryAfter", Number(), "retry_after"),
        Field("retryLimit", Number(integer=True), "retry_limit"),
    ),
    partial(Action, kind="failure"),
    _ACTION_CHECKS,
)

REPLACEMENT = Shape(
    "Payload Replacement Object",
    (
        Field("target", _SOME_TEXT, "target", required=True),
        Field("targetSelectorType", _SELECTOR_TYPE, "target_selector_type", since=_V1_1),
        Field("value", Anything(_check_value), "value", required=True),
    ),
    Replacement,
)

REQUEST_BODY = Shape(
    "Request Body Object",
    (
        Field("contentType", _TEXT, "content_type"),
        Field("payload", Anything(), "payload"),
        Field("replacements", Items(REPLACEMENT), "replacements"),
    ),
    RequestBody,
    given={"has_payload": "payload"},
)


class _StepName(Struct, frozen=True):
    """The id of a step, alone or as ``$steps.<stepId>`` (M16), or a reference to a step of another workflow."""

    absent: None = None

    def load(self, reading: Reading, value: Json, pointer: str) -> Any:
        text = _SOME_TEXT.load(reading, value, pointer)
        return checks.own_step(text) or text if isinstance(text, str) else text


_OUTPUTS = Entries(_ExpressionOrSelector(), "output-name")
_DEPENDENCIES = Items(_SOME_TEXT, may_be_empty=False)
_SUCCESS_ACTIONS = Items(_OrReusable(SUCCESS_ACTION))
_FAILURE_ACTIONS = Items(_OrReusable(FAILURE_ACTION))

STEP = Shape(
    "Step Object",
    (
        Field("stepId", _ID, "step_id", required=True),
        Field("description", _TEXT, "description"),
        Field("operationId", _SOME_TEXT, "operation_id"),
        Field("operationPath", _SOME_TEXT, "operation_path"),
        Field("channelPath", _SOME_TEXT, "channel_path", since=_V1_1),
        Field("workflowId", _SOME_TEXT, "workflow_id"),
        Field("parameters", _PARAMETERS, "parameters"),
        Field("requestBody", REQUEST_BODY, "request_body"),
        Field("successCriteria", Items(CRITERION, may_be_empty=False), "success_criteria"),
        Field("onSuccess", _SUCCESS_ACTIONS, "on_success"),
        Field("onFailure", _FAILURE_ACTIONS, "on_failure"),
        Field("outputs", _OUTPUTS, "outputs"),
        Field("timeout", Number(integer=True), "timeout", since=_V1_1),
        Field("correlationId", Anything(), "correlation_id", since=_V1_1),
        Field("action", Choice({"send": _V1_1, "receive": _V1_1}), "action", since=_V1_1),
        Field("dependsOn", Items(_StepName(), may_be_empty=False), "depends_on", since=_V1_1),
        Field("x-operation", Anything(), "x_operation"),
        Field("x-security", Anything(), "x_security"),
    ),
    Step,
    (
        checks.step_target,
        checks.step_fields,
        checks.step_parameters,
        checks.step_dependencies,
        checks.unique_parameters,
        checks.unique_actions,
        checks.unique_dependencies,
    ),
)

WORKFLOW = Shape(
    "Workflow Object",
    (
        Field("workflowId", _ID, "workflow_id", required=True),
        Field("summary", _TEXT, "summary"),
        Field("description", _TEXT, "description"),
        Field("inputs", Anything(check_inputs), "inputs"),
        Field("dependsOn", _DEPENDENCIES, "depends_on"),
        Field("steps", Items(STEP, may_be_empty=False), "steps", required=True),
        Field("successActions", _SUCCESS_ACTIONS, "success_actions"),
        Field("failureActions", _FAILURE_ACTIONS, "failure_actions"),
        Field("outputs", _OUTPUTS, "outputs"),
        Field("parameters", _PARAMETERS, "parameters"),
        Field("x-security", Anything(), "x_security"),
    ),
    Workflow,
    (
        checks.workflow_parameters,
        checks.unique_steps,
        checks.unique_parameters,
        checks.unique_actions,
        checks.unique_dependencies,
    ),
)


def _components(shape: Kind) -> Entries:
    return Entries(shape, "component-key")


COMPONENTS = Shape(
    "Components Object",
    (
        Field("inputs", _components(Anything(check_inputs)), "inputs"),
        Field("parameters", _components(PARAMETER), "parameters"),
        Field("successActions", _components(SUCCESS_ACTION), "success_actions"),
        Field("failureActions", _components(FAILURE_ACTION), "failure_actions"),
    ),
    _unplaced(Components),
)

ARAZZO = Shape(
    "Arazzo Specification Object",
    (
        Field("arazzo", Text(check=checks.arazzo_version), "arazzo", required=True),
        Field("$self", Text(may_be_empty=False, check=checks.self_uri), "self_uri", since=_V1_1),
        Field("info", INFO, "info", required=True),
        Field(
            "sourceDescriptions",
            Items(SOURCE_DESCRIPTION, may_be_empty=False),
            "source_descriptions",
            required=True,
        ),
        Field("workflows", Items(WORKFLOW, may_be_empty=False), "workflows", required=True),
        Field("components", COMPONENTS, "components"),
    ),
    dict,
    (checks.unique_sources, checks.unique_workflows),
)
"""The root; its values stay a mapping, which ``loader`` completes to an ``ArazzoDescription``."""
