"""Runs Arazzo workflows: the OpenAPI Initiative's language for sequences of API calls.

::

    import arazzo_runner

    runner = arazzo_runner.Runner("workflows/hugging-face-deploy-inference-endpoint-workflow.yml")
    result = runner.run("deploy-inference-endpoint", {"namespace": "acme", "name": "gpt2", ...})
    print(result.raise_for_failure().outputs["inferenceUrl"])

Everything public is here; names are imported when they are first used, so that importing the package costs little.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arazzo_runner.effects import Answered, Failed, Request, Response, Send, Sleep, Woke
    from arazzo_runner.engine.events import (
        ActionTaken,
        Attempt,
        AttemptFinished,
        AttemptStarted,
        Authenticated,
        CriterionOutcome,
        Event,
        Outcome,
        Reason,
        RunFinished,
        RunStarted,
        Waiting,
        Warned,
        WorkflowEntered,
        WorkflowLeft,
    )
    from arazzo_runner.engine.flow import Turn, advance, start
    from arazzo_runner.engine.plan import Plan, RunOptions
    from arazzo_runner.engine.state import RunState
    from arazzo_runner.errors import (
        ArazzoError,
        CassetteError,
        DocumentError,
        ExpressionSyntaxError,
        InvalidDocument,
        InvalidInputs,
        InvalidState,
        Place,
        PlanError,
        Problem,
        RunFailed,
        Severity,
        UnreadableDocument,
        UsageError,
    )
    from arazzo_runner.openapi.request.servers import ServerOptions
    from arazzo_runner.runtime.http.options import TransportOptions
    from arazzo_runner.runtime.run.session import RunResult, Session
    from arazzo_runner.runtime.run.workbook import Workbook, load
    from arazzo_runner.runtime.runners.runner import Runner

__version__ = "0.1.0"

_HOMES = {
    "arazzo_runner.effects": ("Answered", "Failed", "Request", "Response", "Send", "Sleep", "Woke"),
    "arazzo_runner.engine.events": (
        "ActionTaken", "Attempt", "AttemptFinished", "AttemptStarted", "Authenticated", "CriterionOutcome",
        "Event", "Outcome", "Reason", "RunFinished", "RunStarted", "Waiting", "Warned", "WorkflowEntered",
        "WorkflowLeft",
    ),
    "arazzo_runner.engine.flow": ("Turn", "advance", "start"),
    "arazzo_runner.engine.plan": ("Plan", "RunOptions"),
    "arazzo_runner.engine.state": ("RunState",),
    "arazzo_runner.errors": (
        "ArazzoError", "CassetteError", "DocumentError", "ExpressionSyntaxError", "InvalidDocument", "InvalidInputs",
        "InvalidState", "Place", "PlanError", "Problem", "RunFailed", "Severity", "UnreadableDocument", "UsageError",
    ),
    "arazzo_runner.openapi.request.servers": ("ServerOptions",),
    "arazzo_runner.runtime.runners.runner": ("Runner",),
    "arazzo_runner.runtime.run.session": ("RunResult", "Session"),
    "arazzo_runner.runtime.run.workbook": ("Workbook", "load"),
    "arazzo_runner.runtime.http.options": ("TransportOptions",),
}  # fmt: skip
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "ActionTaken", "Answered", "ArazzoError", "Attempt", "AttemptFinished", "AttemptStarted", "Authenticated",
    "CassetteError", "CriterionOutcome", "DocumentError", "Event", "ExpressionSyntaxError", "Failed",
    "InvalidDocument", "InvalidInputs", "InvalidState", "Outcome", "Place", "Plan", "PlanError", "Problem",
    "Reason", "Request", "Response", "RunFailed", "RunFinished", "RunOptions", "RunResult", "RunStarted",
    "RunState", "Runner", "Send", "ServerOptions", "Session", "Severity", "Sleep", "TransportOptions", "Turn",
    "UnreadableDocument", "UsageError", "Waiting", "Warned", "Woke", "Workbook", "WorkflowEntered",
    "WorkflowLeft", "advance", "load", "start",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
