"""Runs as lists show them, whichever engine keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from arazzo_runner.runtime.durable.rows import RunRow

if TYPE_CHECKING:
    from arazzo_runner.runtime.temporal.client import ClusterRun


class RunSummary(Struct, frozen=True):
    """A run as a list shows it. Times in seconds since the epoch.

    Attributes:
        status: ``running``, ``stopped`` (it can be resumed), ``succeeded``, ``failed`` or ``cancelled``; on a cluster
            ``ambiguous-request`` too.
        workflow_id: empty where a cluster does not know it.
        reason: the code of why it failed or stopped, or None.
        step_id: the step that is, or was, at hand; None where that is not known.
        updated_at: when something was last kept of it; on a cluster when it ended, or None.
        waiting_until: until when it waits, or None.
        batch, row: the batch that it belongs to and its number there, or None.
        holder: the process that drives it, for a person, or None.
    """

    id: str
    status: str
    workflow_id: str
    started_at: float
    updated_at: float | None = None
    document: str = ""
    reason: str | None = None
    step_id: str | None = None
    attempts: int = 0
    requests: int = 0
    waiting_until: float | None = None
    batch: str | None = None
    row: int | None = None
    holder: str | None = None

    @property
    def is_over(self) -> bool:
        """Return whether it has ended, and cannot be resumed."""
        return self.status in ("succeeded", "failed", "cancelled")


def summary_of(row: RunRow) -> RunSummary:
    """The summary of a journal's run."""
    return RunSummary(
        id=row.id,
        status=row.shown,
        workflow_id=row.workflow,
        started_at=row.started,
        updated_at=row.updated,
        document=row.document,
        reason=row.reason,
        step_id=row.step,
        attempts=row.attempts,
        requests=row.requests,
        waiting_until=row.due,
        batch=row.batch,
        row=row.line,
        holder=str(row.holder) if row.held else None,
    )


def cluster_summary(run: ClusterRun) -> RunSummary:
    """The summary of a cluster's run."""
    return RunSummary(run.id, run.status, run.workflow, run.started, run.ended)


class RunFilter(Struct, frozen=True, kw_only=True):
    """The runs that a list is asked for.

    Attributes:
        status: only those; ``ambiguous-request`` is a stopped run's reason, too. Empty for all.
        workflow_id: only runs of that workflow.
        batch: only runs of that batch, which are then listed by row.
    """

    status: tuple[str, ...] = ()
    workflow_id: str | None = None
    batch: str | None = None

    def takes(self, run: RunSummary) -> bool:
        """Return whether a run is asked for."""
        stands = run.status in self.status or (run.status == "stopped" and run.reason in self.status)
        return (not self.status or stands) and self.workflow_id in (None, run.workflow_id)
