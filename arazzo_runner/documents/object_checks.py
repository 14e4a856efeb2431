"""Checks between the fields of one object, each on an object as it was read."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from arazzo_runner.documents.pointer import Json, join
from arazzo_runner.documents.shapes import Check, Reading

_VERSION = re.compile(r"1\.([01])\.\d+(?:-.+)?")
_MAJOR = re.compile(r"v?1(?:\.|$)")
_URI_REFERENCE = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9+.\-]*:)?(?:[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*"
    r"(?:\#(?:[A-Za-z0-9\-._~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)?"
)
_OWN_STEP = re.compile(r"\$steps\.([^.]+)")
_FOREIGN_STEP = re.compile(r"\$workflows\.[^.]+\.steps\.[^.]+|\$sourceDescriptions\.[^.]+\.[^.]+\.steps\.[^.]+")

TARGETS = ("operationId", "operationPath", "workflowId", "channelPath")
"""What a step may be a call of; exactly one."""


def version_of(text: Json) -> tuple[int, int]:
    """The feature set of an ``arazzo`` field; the newest for a version that is not supported, to judge the rest by."""
    match = _VERSION.fullmatch(str(text))
    if match:
        return 1, int(match.group(1))
    return (1, 0) if str(text).startswith("1.0") else (1, 1)


def arazzo_version(reading: Reading, text: str, pointer: str) -> None:
    """The version is one of a feature set that is known."""
    if not _VERSION.fullmatch(text):
        newest = "1.0.1" if reading.version == (1, 0) else "1.1.0"
        message = f"'{text}' is not a supported version: those are 1.0.x and 1.1.x"
        rule = "arazzo-version" if _MAJOR.match(text) or not text else "unsupported-arazzo"
        reading.report(rule, message, pointer, hint=f"Write: arazzo: {newest}")


def uri_reference(reading: Reading, text: str, pointer: str) -> None:
    """RFC 3986, section 4.1: the characters, and what looks like a scheme."""
    try:
        urlsplit(text)  # the host, which the pattern does not look at
        is_reference = bool(_URI_REFERENCE.fullmatch(text))
    except ValueError:
        is_reference = False
    if not is_reference:
        reading.report("uri-reference", f"{text!r} is not a URI-reference", pointer)


def self_uri(reading: Reading, text: str, pointer: str) -> None:
    """``$self`` is a URI-reference without a fragment (1.1)."""
    uri_reference(reading, text, pointer)
    if "#" in text:
        hint = f"Write: $self: {text.partition('#')[0]}"
        reading.report("self-fragment", "'$self' has a fragment", pointer, hint=hint)


def criterion_context(reading: Reading, criterion: dict[str, Json], pointer: str) -> None:
    """A criterion of a type that looks at something says at what."""
    kind = criterion.get("type")
    if "context" in criterion or kind is None:
        return
    if kind == "simple":
        reading.report("simple-without-context", "'type: simple' asks for a 'context'", pointer)
    else:
        word = kind.get("type") if isinstance(kind, dict) else kind
        reading.report("criterion-context", f"a criterion of type '{word}' has no 'context'", pointer)


def action_target(reading: Reading, action: dict[str, Json], pointer: str) -> None:
    """A goto names one target, a retry one at most."""
    targets = [name for name in ("stepId", "workflowId") if name in action]
    match action.get("type"), targets:
        case "goto" | "retry", [_, _]:
            message = "the action has both 'stepId' and 'workflowId'"
            reading.report("action-target", message, pointer, hint="Remove one of the two.")
        case "goto", []:
            message = "a 'goto' has neither 'stepId' nor 'workflowId'"
            reading.report("action-target", message, pointer, hint="Say where to go: 'stepId: …' or 'workflowId: …'.")
        case "end", [*_]:
            _not_applicable(reading, action, pointer, targets, "an action of type 'end'")


def action_fields(reading: Reading, action: dict[str, Json], pointer: str) -> None:
    """Fields stand on the actions for which they mean something."""
    kind = action.get("type")
    if kind in ("end", "goto"):
        _not_applicable(reading, action, pointer, ["retryAfter", "retryLimit"], f"an action of type '{kind}'")
    if "workflowId" not in action:
        _not_applicable(reading, action, pointer, ["parameters"], "an action without 'workflowId'")


def action_parameters(reading: Reading, action: dict[str, Json], pointer: str) -> None:
    """Parameters of an action are inputs of a workflow: they have no ``in`` (1.1)."""
    for _, parameter, here in _entries(action, "parameters", pointer):
        if "in" in parameter and "reference" not in parameter:
            message = "a parameter of an action is an input of a workflow, and has no 'in'"
            reading.report("action-parameter-in", message, join(here, "in"), key=True)


def step_target(reading: Reading, step: dict[str, Json], pointer: str) -> None:
    """A step calls exactly one thing."""
    targets = [name for name in (*TARGETS, "x-operation") if name in step]
    if not targets:
        reading.report(
            "step-target",
            "the step calls nothing: it has none of 'operationId', 'operationPath', 'workflowId' and 'channelPath'",
            pointer,
        )
    elif len(targets) > 1:
        names = " and ".join(f"'{name}'" for name in targets)
        message = f"the step has {names}, which exclude each other"
        reading.report("step-target", message, join(pointer, targets[1]), key=True, hint="Remove all but one of them.")


def step_fields(reading: Reading, step: dict[str, Json], pointer: str) -> None:
    """Fields stand on the steps for which they mean something."""
    if "workflowId" in step:
        _not_applicable(reading, step, pointer, ["requestBody"], "a step that calls a workflow")
        for name in ("action", "correlationId"):
            if name in step:
                message = f"'{name}' is for steps that send or receive messages, this one calls a workflow"
                reading.report("async-field", message, join(pointer, name), key=True, hint=f"Remove '{name}'.")
        return
    if "channelPath" in step and "action" not in step:
        message = "a step with 'channelPath' has no 'action'"
        reading.report("async-field", message, pointer, hint="Write 'action: send' or 'action: receive'.")
    if "correlationId" in step and step.get("action") == "send":
        message = "'correlationId' is for steps with 'action: receive'"
        reading.report("async-field", message, join(pointer, "correlationId"), key=True)


def step_parameters(reading: Reading, step: dict[str, Json], pointer: str) -> None:
    """``in`` is required where a parameter goes into a request, and means nothing for a workflow's inputs."""
    if any(name in step for name in TARGETS if name != "workflowId"):
        _parameters_need_in(reading, step, pointer)
    elif "workflowId" in step:
        for _, parameter, here in _entries(step, "parameters", pointer):
            if "reference" not in parameter:
                _not_applicable(reading, parameter, here, ["in"], "a parameter of a step that calls a workflow")


def workflow_parameters(reading: Reading, workflow: dict[str, Json], pointer: str) -> None:
    """A parameter without ``in`` is for steps that call workflows: where there are none, it is for nothing."""
    if not any("workflowId" in step for _, step, _ in _entries(workflow, "steps", pointer)):
        _parameters_need_in(reading, workflow, pointer)


def _parameters_need_in(reading: Reading, value: dict[str, Json], pointer: str) -> None:
    for _, item, here in _entries(value, "parameters", pointer):
        parameter = _component(reading, item)
        if parameter is not None and "in" not in parameter:
            message = f"the parameter '{parameter.get('name', '')}' of an operation has no 'in'"
            reading.report("parameter-in", message, here)


def own_step(name: str) -> str:
    """The id of the step of the same workflow that ``$steps.<stepId>`` names; empty for any other text (M16)."""
    match = _OWN_STEP.fullmatch(name)
    return match[1] if match else ""


def step_dependencies(reading: Reading, step: dict[str, Json], pointer: str) -> None:
    """A step's ``dependsOn`` names steps (1.1)."""
    listed = step.get("dependsOn")
    for number, name in enumerate(listed if isinstance(listed, list) else []):
        if not isinstance(name, str) or not name.startswith("$"):
            continue
        if own_step(name):
            message = f"{name!r} stands for the step {own_step(name)!r} here, and not in every tool"
            reading.report("step-dependency-form", message, join(pointer, "dependsOn", number))
        elif not _FOREIGN_STEP.fullmatch(name):
            message = f"{name!r} names no step"
            reading.report("step-dependency", message, join(pointer, "dependsOn", number))


def _not_applicable(reading: Reading, value: dict[str, Json], pointer: str, names: Sequence[str], what: str) -> None:
    for name in names:
        if name in value:
            message = f"'{name}' means nothing on {what}"
            reading.report("field-not-applicable", message, join(pointer, name), key=True, hint=f"Remove '{name}'.")


def _entries(value: dict[str, Json], name: str, pointer: str) -> Iterator[tuple[int, dict[str, Json], str]]:
    """The objects of a list, with their pointers; whatever else is there has been reported."""
    items = value.get(name)
    for number, item in enumerate(items if isinstance(items, list) else []):
        if isinstance(item, dict):
            yield number, item, join(pointer, name, number)


Identity = Callable[[Reading, dict[str, Json]], Hashable]


def _component(reading: Reading, item: dict[str, Json]) -> dict[str, Json] | None:
    """Return the target of a Reusable Object, None when it is missing; any other object itself."""
    if "reference" not in item:
        return item
    found: Any = reading.document.data
    for name in str(item["reference"]).removeprefix("$").split(".", 2):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _named(reading: Reading, item: dict[str, Json]) -> Hashable:
    component = _component(reading, item)
    return _text(item.get("reference") if component is None else component.get("name"))


def _named_in(reading: Reading, item: dict[str, Json]) -> Hashable:
    component = _component(reading, item) or {}
    name = _named(reading, item)
    return name and (name, _text(component.get("in")))


def _member(name: str) -> Identity:
    return lambda _, item: _text(item.get(name))


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _unique(name: str, what: str, identity: Identity, rule: str, member: str) -> Check:
    """A check that the entries of a list differ."""

    def check(reading: Reading, value: dict[str, Json], pointer: str) -> None:
        seen: dict[Hashable, int] = {}
        for number, item, here in _entries(value, name, pointer):
            own = identity(reading, item)
            if own is None:
                continue
            if (first := seen.setdefault(own, number)) != number:
                shown = " in ".join(str(part) for part in own if part) if isinstance(own, tuple) else own
                message = f"{what} '{shown}' is also entry {first + 1} of '{name}'"
                reading.report(rule, message, join(here, member) if member in item else here)

    return check


def _all(*parts: Check) -> Check:
    def check(reading: Reading, value: dict[str, Json], pointer: str) -> None:
        for part in parts:
            part(reading, value, pointer)

    return check


unique_sources = _unique("sourceDescriptions", "the name", _member("name"), "duplicate-source-name", "name")
unique_workflows = _unique("workflows", "the workflowId", _member("workflowId"), "duplicate-workflow-id", "workflowId")
unique_steps = _unique("steps", "the stepId", _member("stepId"), "duplicate-step-id", "stepId")
unique_parameters = _unique("parameters", "the parameter", _named_in, "duplicate-parameter", "name")
unique_actions = _all(
    *(
        _unique(name, "the action", _named, "duplicate-action", "name")
        for name in ("onSuccess", "onFailure", "successActions", "failureActions")
    )
)


def unique_dependencies(reading: Reading, value: dict[str, Json], pointer: str) -> None:
    """``dependsOn`` lists nothing twice."""
    listed = value.get("dependsOn")
    seen: set[str] = set()
    for number, name in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(name, str):
            if name in seen:
                here = join(pointer, "dependsOn", number)
                reading.report("duplicate-dependency", f"'{name}' is listed twice", here)
            seen.add(name)
