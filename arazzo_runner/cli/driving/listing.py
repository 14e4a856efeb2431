"""Durable runs as lists show them: which are asked for, and what is said of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from arazzo_runner.cli.given.option_groups import OptionGroup, option

if TYPE_CHECKING:
    from arazzo_runner.reports.jsonreport import UnfinishedRun
    from arazzo_runner.runtime.runners.summaries import RunFilter, RunSummary


STATUSES = ("running", "stopped", "succeeded", "failed", "cancelled")


class FilterWords(OptionGroup, frozen=True, kw_only=True):
    """The runs to list."""

    status: tuple[str, ...] = option(
        "--status", type=click.Choice([*STATUSES, "ambiguous-request"]), multiple=True, help="Only those; repeatable."
    )
    workflow: str | None = option("--workflow", metavar="ID", help="Only runs of that workflow.")

    def filter(self, batch: str | None = None) -> RunFilter:
        """The runs that are asked for."""
        from arazzo_runner.runtime.runners.summaries import RunFilter

        return RunFilter(status=self.status, workflow_id=self.workflow, batch=batch)


def standing_of(run: RunSummary) -> UnfinishedRun:
    """Describe a run that has not come to its own end."""
    from arazzo_runner.reports.jsonreport import UnfinishedRun

    cancelled = run.status == "cancelled"
    message = "the run was cancelled" if cancelled else "arazzo resume continues it"
    status = "failed" if cancelled else run.status
    return UnfinishedRun(run.workflow_id, status, run.reason, message, run.step_id, run.updated_at or run.started_at)
