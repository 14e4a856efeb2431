"""Credentials that a workflow's steps need, for people and as data (H5). They are named, never shown (S1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from arazzo_runner.engine.demands.required_credentials import SchemeAccess, StepAccess
from arazzo_runner.openapi.auth.security import CredentialStatus
from arazzo_runner.reports.text import label


def access_lines(steps: Sequence[StepAccess]) -> Iterator[str]:
    """The lines of ``arazzo auth``: every step, then what to type for what is missing."""
    for workflow_id, group in groupby(steps, key=lambda step: step.workflow_id):
        yield label(workflow_id)
        for step in group:
            yield label(f"  {'✓' if step.is_met else '✗'} {step.step_id}   {step.title}")
            yield from (label(f"      {line}") for line in _alternatives(step))
    missing = _missing(steps)
    if not missing:
        yield "every step has what it needs"
        return
    yield "to give what is missing:"
    for scheme in missing:
        yield label(f"  {scheme.name} ({scheme.kind})")
        yield from (label(f"    {option}") for option in scheme.options)
        if scheme.variable is not None:
            yield label(f"    {scheme.variable}=… in the environment, or a line in a --credentials FILE")


def _alternatives(step: StepAccess) -> Iterator[str]:
    if not step.alternatives:
        yield "asks for nothing"
    for index, schemes in enumerate(step.alternatives):
        word = "or " if index else ""
        mark = "  (used)" if index == step.chosen and len(step.alternatives) > 1 else ""
        text = " and ".join(map(_scheme, schemes)) or "nothing: the operation takes requests without credentials too"
        yield f"{word}{text}{mark}"


def _scheme(scheme: SchemeAccess) -> str:
    scopes = f", scopes {' '.join(scheme.scopes)}" if scheme.scopes else ""
    match scheme.standing:
        case CredentialStatus.UNDEFINED:
            state = "its description does not define it; it is skipped"
        case CredentialStatus.SENT:
            state = "the step sends it itself"
        case CredentialStatus.GIVEN:
            state = f"given by {scheme.origin}"
        case CredentialStatus.MISSING if scheme.reason is not None:
            state = f"given by {scheme.origin}, which does not fit: {scheme.reason}"
        case _:
            state = "missing"
    kind = "" if scheme.standing is CredentialStatus.UNDEFINED else f" ({scheme.kind}{scopes})"
    return f"{scheme.name}{kind}: {state}"


def _missing(steps: Sequence[StepAccess]) -> list[SchemeAccess]:
    """The schemes to be given for the steps that lack something, each once; of alternatives all."""
    found = {
        scheme.name: scheme
        for step in steps
        if not step.is_met
        for schemes in step.alternatives
        for scheme in schemes
        if scheme.standing is CredentialStatus.MISSING
    }
    return list(found.values())


def access_entries(steps: Sequence[StepAccess]) -> dict[str, Any]:
    """Return the access of steps as data, for ``arazzo auth --json``."""
    return {
        "satisfied": all(step.is_met for step in steps),
        "steps": [
            {
                "workflowId": step.workflow_id,
                "stepId": step.step_id,
                "operation": step.title,
                "satisfied": step.is_met,
                "chosen": step.chosen,
                "alternatives": [[_entry(scheme) for scheme in schemes] for schemes in step.alternatives],
            }
            for step in steps
        ],
    }


def _entry(scheme: SchemeAccess) -> dict[str, Any]:
    return {
        "scheme": scheme.name,
        "kind": scheme.kind,
        "scopes": list(scheme.scopes),
        "standing": scheme.standing.value,
        "origin": scheme.origin,
        "reason": scheme.reason,
        "options": list(scheme.options),
        "variable": scheme.variable,
    }
