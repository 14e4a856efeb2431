"""``arazzo cancel``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from arazzo_runner.cli.given.option_groups import GroupedCommand, OptionGroup, argument, completed_by, group, takes
from arazzo_runner.cli.given.options import EngineWords, JournalWords

if TYPE_CHECKING:
    from arazzo_runner.runtime.durable.rows import RunRow


class CancelWords(OptionGroup, frozen=True, kw_only=True):
    """The options of ``arazzo cancel``."""

    run_ids: tuple[str, ...] = argument(metavar="ID…", nargs=-1, required=True, shell_complete=completed_by("runs"))
    journal: JournalWords = group(JournalWords)
    engine: EngineWords = group(EngineWords)


@click.command(
    "cancel", cls=GroupedCommand, short_help="End a durable run.", epilog="Example: arazzo cancel 7k2mfq9xwc"
)
@takes(CancelWords)
def command(words: CancelWords) -> None:
    """End durable runs, by their ids or their batch's.

    A process that drives a run ends it before its next request, or in the middle of a wait; a request that is under way
    is not broken off. A run without a process has ended at once. Runs of a batch that have ended already stay as they
    are.
    """
    if words.engine.engine:
        from arazzo_runner.cli.driving.clusters import cancel_on_cluster
        from arazzo_runner.cli.given.engines import temporal_engine

        cancel_on_cluster(temporal_engine(words.engine), words.run_ids)
        return
    from arazzo_runner.cli.given.engines import journal_engine
    from arazzo_runner.runtime.runners.journal_engine import opened_journal

    with opened_journal(journal_engine(words.journal)) as journal:
        for run_id in words.run_ids:
            if of_batch := journal.cancel_batch(run_id):
                click.echo(f"batch {run_id}: {_said(of_batch)}", err=True)
                continue
            row = journal.cancel(run_id)
            what = f"is being ended by {row.holder}" if row.held else "cancelled"
            click.echo(f"{row.id} {what}", err=True)


def _said(rows: list[RunRow]) -> str:
    """Say how many runs were cancelled, and how many of them their processes still have to end."""
    driven = sum(row.held for row in rows)
    said = f"{len(rows)} {'run' if len(rows) == 1 else 'runs'} cancelled"
    return f"{said}, {driven} of them still to be ended by the process that drives them" if driven else said
