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
    from arazzo_runner.analysis.linker import Linker
    from arazzo_runner.documents.model import ArazzoDescription
    from arazzo_runner.effects import (
        Access,
        Answer,
        Answered,
        Broker,
        ChannelSettings,
        Effect,
        Failed,
        Headers,
        Match,
        Message,
        MessageAnswer,
        MessageEffect,
        Publish,
        Published,
        Receive,
        Received,
        Request,
        Response,
        Send,
        Sleep,
        Subscribe,
        Subscribed,
        Woke,
    )
    from arazzo_runner.engine.events import (
        ActionTaken,
        Attempt,
        AttemptFinished,
        AttemptStarted,
        Authenticated,
        ChannelSubscribed,
        CriterionOutcome,
        Event,
        ExchangedMessage,
        MessageAwaited,
        Outcome,
        Reason,
        RunFinished,
        RunStarted,
        Status,
        Waiting,
        Warned,
        WorkflowEntered,
        WorkflowLeft,
    )
    from arazzo_runner.engine.flow import Turn, advance, start
    from arazzo_runner.engine.plan import Level, Plan, PlannedStep, PlannedWorkflow, RunOptions
    from arazzo_runner.engine.planned_messages import PlannedExchange
    from arazzo_runner.engine.state import Finished, Frame, RunState, Subscription
    from arazzo_runner.errors import (
        ArazzoError,
        CassetteError,
        DocumentError,
        ExpressionSyntaxError,
        InvalidDocument,
        InvalidInputs,
        InvalidState,
        JournalError,
        JournalLost,
        Place,
        PlanError,
        Problem,
        RunHeld,
        Severity,
        StepError,
        UnreadableDocument,
        UsageError,
    )
    from arazzo_runner.openapi.auth.credentials import Credential, Credentials, parse_credential
    from arazzo_runner.openapi.auth.tokens import Token
    from arazzo_runner.openapi.operations import Operation
    from arazzo_runner.openapi.request.cookies import StoredCookie
    from arazzo_runner.openapi.request.servers import ServerOptions
    from arazzo_runner.reports import of_results as report
    from arazzo_runner.runtime.batch import RowResult
    from arazzo_runner.runtime.cassettes.recording import Recorder
    from arazzo_runner.runtime.decisions import Decision
    from arazzo_runner.runtime.drivers import AsyncWorld, Listener, Loop, World
    from arazzo_runner.runtime.durable.resuming import GivenSecrets, SecretsAgain
    from arazzo_runner.runtime.durable.setup import RunSetup
    from arazzo_runner.runtime.http.applications import Application, Applications
    from arazzo_runner.runtime.http.clients import HttpClient
    from arazzo_runner.runtime.http.options import TransportOptions
    from arazzo_runner.runtime.run.carriers import Carrier
    from arazzo_runner.runtime.run.contract_checks import ContractChecks
    from arazzo_runner.runtime.run.history import RunHistory
    from arazzo_runner.runtime.run.session import RunFailed, RunResult, Session
    from arazzo_runner.runtime.run.workbook import Workbook, load
    from arazzo_runner.runtime.runners.cluster_engine import TemporalEngine
    from arazzo_runner.runtime.runners.handles import RunEngine, RunHandle, RunOrder
    from arazzo_runner.runtime.runners.journal_engine import JournalEngine
    from arazzo_runner.runtime.runners.runner import Runner
    from arazzo_runner.runtime.runners.summaries import RunFilter, RunSummary
    from arazzo_runner.runtime.secrets.redaction import Redactor
    from arazzo_runner.secrecy import SecretNames

__version__ = "0.1.0"

_HOMES = {
    "arazzo_runner.analysis.linker": ("Linker",),
    "arazzo_runner.documents.model": ("ArazzoDescription",),
    "arazzo_runner.effects": (
        "Access", "Answer", "Answered", "Broker", "ChannelSettings", "Effect", "Failed", "Headers", "Match",
        "Message", "MessageAnswer", "MessageEffect", "Publish", "Published", "Receive", "Received", "Request",
        "Response", "Send", "Sleep", "Subscribe", "Subscribed", "Woke",
    ),
    "arazzo_runner.engine.events": (
        "ActionTaken", "Attempt", "AttemptFinished", "AttemptStarted", "Authenticated", "ChannelSubscribed",
        "CriterionOutcome", "Event", "ExchangedMessage", "MessageAwaited", "Outcome", "Reason", "RunFinished",
        "RunStarted", "Status", "Waiting", "Warned", "WorkflowEntered", "WorkflowLeft",
    ),
    "arazzo_runner.engine.flow": ("Turn", "advance", "start"),
    "arazzo_runner.engine.plan": ("Level", "Plan", "PlannedStep", "PlannedWorkflow", "RunOptions"),
    "arazzo_runner.engine.planned_messages": ("PlannedExchange",),
    "arazzo_runner.engine.state": ("Finished", "Frame", "RunState", "Subscription"),
    "arazzo_runner.errors": (
        "ArazzoError", "CassetteError", "DocumentError", "ExpressionSyntaxError", "InvalidDocument",
        "InvalidInputs", "InvalidState", "JournalError", "JournalLost", "Place", "PlanError", "Problem",
        "RunHeld", "Severity", "StepError", "UnreadableDocument", "UsageError",
    ),
    "arazzo_runner.openapi.auth.credentials": ("Credential", "Credentials", "parse_credential"),
    "arazzo_runner.openapi.auth.tokens": ("Token",),
    "arazzo_runner.openapi.operations": ("Operation",),
    "arazzo_runner.openapi.request.cookies": ("StoredCookie",),
    "arazzo_runner.openapi.request.servers": ("ServerOptions",),
    "arazzo_runner.runtime.batch": ("RowResult",),
    "arazzo_runner.runtime.cassettes.recording": ("Recorder",),
    "arazzo_runner.runtime.decisions": ("Decision",),
    "arazzo_runner.runtime.drivers": ("AsyncWorld", "Listener", "Loop", "World"),
    "arazzo_runner.runtime.durable.resuming": ("GivenSecrets", "SecretsAgain"),
    "arazzo_runner.runtime.durable.setup": ("RunSetup",),
    "arazzo_runner.runtime.http.applications": ("Application", "Applications"),
    "arazzo_runner.runtime.http.clients": ("HttpClient",),
    "arazzo_runner.runtime.http.options": ("TransportOptions",),
    "arazzo_runner.runtime.run.carriers": ("Carrier",),
    "arazzo_runner.runtime.run.contract_checks": ("ContractChecks",),
    "arazzo_runner.runtime.run.history": ("RunHistory",),
    "arazzo_runner.runtime.run.session": ("RunFailed", "RunResult", "Session"),
    "arazzo_runner.runtime.run.workbook": ("Workbook", "load"),
    "arazzo_runner.runtime.runners.cluster_engine": ("TemporalEngine",),
    "arazzo_runner.runtime.runners.handles": ("RunEngine", "RunHandle", "RunOrder"),
    "arazzo_runner.runtime.runners.journal_engine": ("JournalEngine",),
    "arazzo_runner.runtime.runners.runner": ("Runner",),
    "arazzo_runner.runtime.runners.summaries": ("RunFilter", "RunSummary"),
    "arazzo_runner.runtime.secrets.redaction": ("Redactor",),
    "arazzo_runner.secrecy": ("SecretNames",),
}  # fmt: skip
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

_OPAQUE = frozenset({
    "RunHistory", "ArazzoDescription", "Carrier", "ContractChecks", "Finished", "Frame", "Linker", "Loop",
    "Operation", "PlannedExchange", "PlannedStep", "PlannedWorkflow", "Recorder", "Redactor", "RunSetup",
    "SecretNames", "StoredCookie", "Subscription", "Token",
})  # fmt: skip
"""Types that are exported to be named in annotations: the package makes their values, and their members may change."""

__all__ = [
    "Access", "ActionTaken", "Answer", "Answered", "Application", "Applications", "ArazzoDescription", "ArazzoError",
    "AsyncWorld", "Attempt", "AttemptFinished", "AttemptStarted", "Authenticated", "Broker", "Carrier", "CassetteError",
    "ChannelSettings", "ChannelSubscribed", "ContractChecks", "Credential", "Credentials", "CriterionOutcome",
    "Decision", "DocumentError", "Effect", "Event", "ExchangedMessage", "ExpressionSyntaxError", "Failed", "Finished",
    "Frame", "GivenSecrets", "Headers", "HttpClient", "InvalidDocument", "InvalidInputs", "InvalidState",
    "JournalEngine", "JournalError", "JournalLost", "Level", "Linker", "Listener", "Loop", "Match", "Message",
    "MessageAnswer", "MessageAwaited", "MessageEffect", "Operation", "Outcome", "Place", "Plan", "PlanError",
    "PlannedExchange", "PlannedStep", "PlannedWorkflow", "Problem", "Publish", "Published", "Reason", "Receive",
    "Received", "Recorder", "Redactor", "Request", "Response", "RowResult", "RunEngine", "RunFailed", "RunFilter",
    "RunFinished", "RunHandle", "RunHeld", "RunHistory", "RunOptions", "RunOrder", "RunResult", "RunSetup",
    "RunStarted", "RunState", "RunSummary", "Runner", "SecretNames", "SecretsAgain", "Send", "ServerOptions", "Session",
    "Severity", "Sleep", "Status", "StepError", "StoredCookie", "Subscribe", "Subscribed", "Subscription",
    "TemporalEngine", "Token", "TransportOptions", "Turn", "UnreadableDocument", "UsageError", "Waiting", "Warned",
    "Woke", "Workbook", "WorkflowEntered", "WorkflowLeft", "World", "advance", "load", "parse_credential", "report",
    "start",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name == "report":
        value = importlib.import_module("arazzo_runner.reports.of_results")
        globals()[name] = value
        return value
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
