"""Durable runs as lists show them: which are asked for, and what is said of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arazzo_runner.cli.given.preparation import Options
    from arazzo_runner.reports.jsonreport import Standing
    from arazzo_runner.runtime.durable.journal import RunRow


def is_meant(status: str, workflow: str, options: Options) -> bool:
    """Whether a run is among those that ``--status`` and ``--workflow`` ask for."""
    statuses, only = options["status"], options["workflow"]
    return (not statuses or status in statuses) and (only is None or workflow == only)


def entry_of(row: RunRow) -> dict[str, Any]:
    """A run as ``--json`` shows it."""
    from arazzo_runner.reports.jsonreport import timestamp

    return {
        "runId": row.id,
        "batch": row.batch,
        "row": row.line,
        "workflowId": row.workflow,
        "document": row.document,
        "status": row.shown,
        "reason": row.reason,
        "stepId": row.step,
        "attempts": row.attempts,
        "requests": row.requests,
        "startedAt": timestamp(row.started),
        "updatedAt": timestamp(row.updated),
        "waitingUntil": None if row.due is None else timestamp(row.due),
        "holder": str(row.holder) if row.held else None,
    }


def standing_of(row: RunRow) -> Standing:
    """How things are with a run that has not come to its own end."""
    from arazzo_runner.reports.jsonreport import Standing

    cancelled = row.status == "cancelled"
    message = "the run was cancelled" if cancelled else "arazzo resume goes on with it"
    status = "failed" if cancelled else row.shown
    return Standing(row.workflow, status, row.reason, message, row.step, row.updated)
