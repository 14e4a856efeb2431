"""Steps over AsyncAPI (1.1): checked as far as documents go, since they cannot be run yet."""

from __future__ import annotations

import re
from typing import Any

from arazzo_runner.analysis.findings import Finding, Findings, suggestion
from arazzo_runner.analysis.scope import DocumentScope
from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.model import Step
from arazzo_runner.documents.pointer import PointerError

_CHANNEL_PATH = re.compile(
    r"(?P<brace>\{)?\$sourceDescriptions\.(?P<name>.+?)(?P<field>\.url)?\}?#(?P<pointer>/.+)", re.DOTALL
)


def check_channel(scope: DocumentScope, step: Step, reference: str) -> Findings:
    """A ``channelPath`` names a source and a channel in it."""
    pointer = f"{step.pointer}/channelPath"
    match = _CHANNEL_PATH.fullmatch(reference)
    if match is None:
        message = f"the channelPath {reference!r} does not name a source and a JSON Pointer"
        yield Finding("channel-path-form", message, pointer)
        return
    name = match["name"]
    if scope.description.source(name) is None:
        known = [source.name for source in scope.description.source_descriptions]
        hint = suggestion(name, known, "source descriptions")
        yield Finding("unknown-source", f"there is no source description {name!r}", pointer, hint)
        return
    if not (match["brace"] and match["field"]):
        message = f"the channelPath {reference!r} is understood here, and not by every tool"
        hint = f"Write '{{$sourceDescriptions.{name}.url}}#{match['pointer']}'."
        yield Finding("operation-reference-form", message, pointer, hint)
    data = _data(scope, name)
    try:
        if data is not None:
            json_pointer.resolve(data, match["pointer"])
    except PointerError as error:
        yield Finding("unknown-channel", f"the source {name!r} has no such channel: {error.message}", pointer)
    yield _not_run(step, pointer)


def check_message_operation(scope: DocumentScope, step: Step, reference: str, pointer: str) -> Findings:
    """An ``operationId`` of an AsyncAPI 3 description is one of its operations."""
    for source in scope.description.source_descriptions:
        prefix = f"$sourceDescriptions.{source.name}."
        if not reference.startswith(prefix) or scope.sources.kind(source.name) != "asyncapi":
            continue
        data = _data(scope, source.name)
        operations = data.get("operations") if isinstance(data, dict) else None
        operation_id = reference.removeprefix(prefix)
        if isinstance(operations, dict) and operation_id not in operations:
            hint = suggestion(operation_id, map(str, operations), f"operations of {source.name}")
            yield Finding(
                "unknown-channel", f"the source {source.name!r} has no operation {operation_id!r}", pointer, hint
            )
    yield _not_run(step, pointer)


def _data(scope: DocumentScope, name: str) -> Any:
    return scope.linker.library.source(scope.description, name).data if scope.sources.usable(name) else None


def _not_run(step: Step, pointer: str) -> Finding:
    return Finding("asyncapi-not-run", f"the step {step.step_id!r} works over AsyncAPI", pointer)
