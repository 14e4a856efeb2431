"""Durable runs as lists show them: which are asked for, and what is said of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from arazzo_runner.cli.given.option_groups import OptionGroup, option

if TYPE_CHECKING:
    from arazzo_runner.runtime.runners.summaries import RunFilter


STATUSES = ("running", "stopped", "succeeded", "failed", "cancelled")


_WAITING = ("ambiguous-request", "messages-missed")
"""The statuses of runs of a cluster that wait for a decision."""


class FilterWords(OptionGroup, frozen=True, kw_only=True):
    """The runs to list."""

    status: tuple[str, ...] = option(
        "--status",
        type=click.Choice([*STATUSES, *_WAITING]),
        multiple=True,
        help="Only those; repeatable.",
    )
    workflow: str | None = option("--workflow", metavar="ID", help="Only runs of that workflow.")

    def filter(self, batch: str | None = None) -> RunFilter:
        """The runs that are asked for."""
        from arazzo_runner.runtime.runners.summaries import RunFilter

        return RunFilter(status=self.status, workflow_id=self.workflow, batch=batch)
