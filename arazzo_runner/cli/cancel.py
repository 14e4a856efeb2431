"""``arazzo cancel``."""

from __future__ import annotations

from typing import Any

import click

from arazzo_runner.cli.options import engine_options, journal_options


@click.command("cancel", short_help="End a durable run.", epilog="Example: arazzo cancel 7k2mfq9xwc")
@click.argument("run_ids", metavar="ID…", nargs=-1, required=True)
@journal_options
@engine_options
def command(run_ids: tuple[str, ...], **options: Any) -> None:
    """End durable runs, by their ids or their batch's.

    A process that drives a run ends it before its next request, or in the middle of a wait; a request that is under way
    is not broken off. A run that nobody drives has ended at once.
    """
    if options["engine"]:
        from arazzo_runner.cli.clusters import cancel_on_cluster

        cancel_on_cluster(options, run_ids)
        return
    from arazzo_runner.cli.journals import open_journal

    with open_journal(options) as journal:
        for run_id in run_ids:
            of_batch = [row.id for row in journal.runs(batch=run_id) if row.status == "open"]
            for each in of_batch or [run_id]:
                row = journal.cancel(each)
                what = f"is being ended by {row.holder}" if row.held else "cancelled"
                click.echo(f"{row.id} {what}", err=True)
