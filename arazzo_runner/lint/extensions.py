"""Extensions of another runner that this one carries out: ``x-operation`` and ``x-security`` (H1)."""

from __future__ import annotations

from typing import Any

from arazzo_runner.analysis.findings import Finding, Findings
from arazzo_runner.analysis.scope import WorkflowScope


def check_extensions(scope: WorkflowScope) -> Findings:
    """Report the extensions of a workflow and its steps, and those that have no meaning."""
    yield from _security(scope.workflow.x_security, scope.workflow.pointer)
    for step in scope.workflow.steps:
        yield from _security(step.x_security, step.pointer)
        if step.x_operation is None:
            continue
        from arazzo_runner.analysis.direct_calls import direct_operation

        pointer = f"{step.pointer}/x-operation"
        try:
            direct_operation(step.x_operation, scope.document.description.document)
        except ValueError as error:
            yield Finding("x-operation-form", str(error), pointer)
        else:
            message = f"the step {step.step_id!r} sends to a URL by x-operation, an extension of another runner"
            yield Finding("x-operation", message, pointer, key=True)


def _security(written: Any, holder: str) -> Findings:
    if written is None:
        return
    pointer = f"{holder}/x-security"
    for entry in written if isinstance(written, list) else [written]:
        named = isinstance(entry, dict) and ("schemeName" in entry or "scheme" in entry)
        if not named or not isinstance(entry.get("values"), dict):
            yield Finding("x-security-form", "an entry of x-security has a schemeName or a scheme, and values", pointer)
            return
    yield Finding("x-security", "x-security is an extension of another runner", pointer, key=True)
