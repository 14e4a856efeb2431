"""Durable runs as lists show them: which are asked for, and what is said of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from arazzo_runner.cli.given.option_groups import OptionGroup, option

if TYPE_CHECKING:
    from arazzo_runner.reports.jsonreport import UnfinishedRun
    from arazzo_runner.runtime.durable.rows import RunRow


STATUSES = ("running", "stopped", "succeeded", "failed", "cancelled")


class FilterWords(OptionGroup, frozen=True, kw_only=True):
    """The runs to list."""

    status: tuple[str, ...] = option(
        "--status", type=click.Choice([*STATUSES, "ambiguous-request"]), multiple=True, help="Only those; repeatable."
    )
    workflow: str | None = option("--workflow", metavar="ID", help="Only runs of that workflow.")

    def takes(self, status: str, workflow: str) -> bool:
        """Return whether a run is asked for."""
        return (not self.status or status in self.status) and self.workflow in (None, workflow)


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


def standing_of(row: RunRow) -> UnfinishedRun:
    """Describe a run that has not come to its own end."""
    from arazzo_runner.reports.jsonreport import UnfinishedRun

    cancelled = row.status == "cancelled"
    message = "the run was cancelled" if cancelled else "arazzo resume continues it"
    status = "failed" if cancelled else row.shown
    return UnfinishedRun(row.workflow, status, row.reason, message, row.step, row.updated)
