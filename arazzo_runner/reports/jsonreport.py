"""The run report as JSON, one entry an attempt; ``run-report.schema.json`` is its schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Self, TextIO

from msgspec import Struct

from arazzo_runner.effects import Headers
from arazzo_runner.engine.events import (
    Attempt,
    Event,
    ExchangedMessage,
    Outcome,
    Reason,
    RunFinished,
    RunStarted,
    Warned,
)
from arazzo_runner.engine.exchange import decode_body
from arazzo_runner.errors import Place, Problem, Severity
from arazzo_runner.expressions.undefined import UNDEFINED
from arazzo_runner.reports.spool import Spool
from arazzo_runner.reports.standing import reported
from arazzo_runner.reports.summary import Attempts

if TYPE_CHECKING:
    from arazzo_runner.runtime.runners.summaries import RunSummary

FORMAT = "arazzo-run/1"
MAX_WARNINGS = 1000
"""How many warnings of a run a report holds."""


def report_schema() -> Mapping[str, Any]:
    """The JSON Schema of the report."""
    schema: Mapping[str, Any] = json.loads(files(__package__).joinpath("run-report.schema.json").read_text("utf-8"))
    return schema


class UnfinishedRun(Struct, frozen=True):
    """The state of a durable run that has not come to its own end.

    Attributes:
        status: ``running``, ``stopped``, or ``failed`` when it was cancelled while no process drove it.
        reason: the code of why it goes no further, or None.
        at: when that was so, seconds since the epoch.
    """

    workflow_id: str
    status: str
    reason: str | None
    message: str
    step_id: str | None
    at: float


def standing_of(run: RunSummary) -> UnfinishedRun:
    """Describe a run that has not come to its own end."""
    cancelled = run.status == "cancelled"
    message = "the run was cancelled" if cancelled else "arazzo resume continues it"
    status = "failed" if cancelled else run.status
    return UnfinishedRun(run.workflow_id, status, run.reason, message, run.step_id, run.updated_at or run.started_at)


class JsonReport:
    """A listener that collects a run; ``write`` returns the report once it has ended. Use it as a context manager.

    Args:
        document: what was run, as the user named it.
        run_id: of a durable run; empty for any other.
        problems: what was known of the plan before the run.
    """

    def __init__(self, document: str, run_id: str = "", problems: Iterable[Problem] = ()) -> None:
        self._document = document
        self._run_id = run_id
        self._started: RunStarted | None = None
        self._seen = Attempts()
        self._attempts = Spool()
        self._outcome: Outcome | None = None
        self._warnings = [problem_entry(problem) for problem in problems if problem.severity is Severity.WARNING]

    def __call__(self, event: Event) -> None:
        """Take an event."""
        attempt = self._seen.of(event)
        if attempt is not None:
            self._attempts.append(attempt_entry(attempt))
        match event:
            case RunStarted():
                self._started = event
            case Warned() if len(self._warnings) < MAX_WARNINGS:
                self._warnings.append(warning_entry(event))
            case RunFinished(outcome):
                self._outcome = outcome
            case _:
                pass

    def write(self, stream: TextIO, *, outputs: Any = None, standing: UnfinishedRun | None = None) -> None:
        """Write the report.

        Args:
            outputs: instead of the masked ones, for a report on stdout (S1).
            standing: how things are with a run that has not ended.
        """
        if self._outcome is not None:
            head = outcome_entry(self._outcome, self._document)
        elif standing is not None:
            head = self._unfinished(standing)
        else:
            raise RuntimeError("the run has not ended")
        if outputs is not None:
            head["outputs"] = outputs
        if self._run_id:
            head["runId"] = self._run_id
        head["warnings"] = self._warnings
        text = json.dumps(head, indent=2)
        stream.write(text[:-2] + ',\n  "steps": [')
        separator = "\n    "
        for line in self._attempts.lines():
            stream.write(separator + line)
            separator = ",\n    "
        stream.write("]\n}\n" if separator == "\n    " else "\n  ]\n}\n")

    def _unfinished(self, standing: UnfinishedRun) -> dict[str, Any]:
        began = self._started.at if self._started is not None else standing.at
        outcome = Outcome(
            workflow_id=standing.workflow_id,
            status="failed",
            reason=None,
            inputs=self._started.inputs if self._started is not None else {},
            outputs={},
            attempts=len(self._attempts),
            requests=0,
            started_at=began,
            duration=max(0.0, standing.at - began),
        )
        reason = standing.reason and {"code": standing.reason, "message": standing.message, "stepId": standing.step_id}
        return {**outcome_entry(outcome, self._document), "status": standing.status, "reason": reason}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._attempts.close()


def outcome_entry(outcome: Outcome, document: str) -> dict[str, Any]:
    """The head of the report: all but its steps."""
    return {
        "report": FORMAT,
        "document": document,
        "workflowId": outcome.workflow_id,
        "status": reported(outcome),
        "reason": _reason(outcome.reason),
        "inputs": _json(outcome.inputs),
        "outputs": _json(outcome.outputs),
        "startedAt": timestamp(outcome.started_at),
        "durationMs": round(outcome.duration * 1000),
    }


def problem_entry(problem: Problem) -> dict[str, Any]:
    """A warning that was known before the run."""
    return _warning(problem.message, problem.hint, problem.place.step or None, problem.place)


def warning_entry(warned: Warned) -> dict[str, Any]:
    """A warning of the run."""
    return _warning(warned.message, warned.hint, warned.step_id, warned.place)


def _warning(message: str, hint: str, step_id: str | None, place: Place | None) -> dict[str, Any]:
    return {"message": message, "hint": hint, "stepId": step_id, "place": None if place is None else str(place)}


def _reason(reason: Reason | None) -> dict[str, Any] | None:
    if reason is None:
        return None
    return {"code": reason.code, "message": reason.message, "stepId": reason.step_id}


def attempt_entry(attempt: Attempt) -> dict[str, Any]:
    """One attempt of the report."""
    request, response, action = attempt.request, attempt.response, attempt.action
    exchanged = {} if attempt.exchanged is None else {"message": message_entry(attempt.exchanged)}
    return {
        "workflowId": attempt.workflow_id,
        "stepId": attempt.step_id,
        "attempt": attempt.attempt,
        "status": attempt.status,
        "request": request
        and {
            "method": request.method,
            "url": request.url,
            "headers": headers_entry(request.headers),
            "body": body_entry(request.body, request.header("Content-Type")),
        },
        "response": response
        and {
            "status": response.status,
            "headers": headers_entry(response.headers),
            "body": body_entry(response.body, response.header("Content-Type")),
        },
        **exchanged,
        "criteria": [
            {"condition": c.condition, "type": c.type, "passed": c.passed, "detail": c.detail} for c in attempt.criteria
        ],
        "action": action
        and {"name": action.name, "type": action.type, "stepId": action.step_id, "workflowId": action.workflow_id},
        "outputs": _json(attempt.outputs),
        "problems": list(attempt.problems),
        "startedAt": timestamp(attempt.started_at),
        "durationMs": round(attempt.duration * 1000),
    }


def message_entry(exchanged: ExchangedMessage) -> dict[str, Any]:
    """The message of an attempt: headers and payload are null where none was taken."""
    message = exchanged.message
    return {
        "action": exchanged.action,
        "source": exchanged.source,
        "broker": exchanged.url,
        "address": exchanged.address,
        "correlationId": exchanged.correlation_id,
        "headers": None if message is None else headers_entry(message.headers),
        "payload": None if message is None else body_entry(message.payload, message.content_type),
        "contentType": None if message is None else message.content_type,
        "notMatched": exchanged.others,
    }


def headers_entry(headers: Headers) -> dict[str, str]:
    """Header fields as an object; a repeated field's values are joined by commas."""
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def body_entry(body: bytes | None, content_type: str | None) -> Any:
    """A body as the report shows it: JSON as data, text as text, anything else by its size; None when empty."""
    if not body:
        return None
    decoded, _ = decode_body(body, content_type)
    if decoded is UNDEFINED:
        return None
    return f"({len(decoded)} bytes)" if isinstance(decoded, bytes) else decoded


def _json(value: Any) -> Any:
    match value:
        case bytes():
            return f"({len(value)} bytes)"
        case Mapping():
            return {key: _json(item) for key, item in value.items()}
        case list() | tuple():
            return [_json(item) for item in value]
        case _:
            return value


def timestamp(seconds: float) -> str:
    """A time as RFC 3339 in UTC, milliseconds kept."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def summary_entry(run: RunSummary) -> dict[str, Any]:
    """A run of a list as JSON shows it."""
    return {
        "runId": run.id,
        "batch": run.batch,
        "row": run.row,
        "workflowId": run.workflow_id,
        "document": run.document,
        "status": run.status,
        "reason": run.reason,
        "stepId": run.step_id,
        "attempts": run.attempts,
        "requests": run.requests,
        "startedAt": timestamp(run.started_at),
        "updatedAt": timestamp(run.updated_at or run.started_at),
        "waitingUntil": None if run.waiting_until is None else timestamp(run.waiting_until),
        "holder": run.holder,
    }
