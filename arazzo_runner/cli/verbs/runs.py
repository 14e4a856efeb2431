"""``arazzo runs``: the durable runs of a journal."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from arazzo_runner.cli.driving.listing import entry_of, is_meant, standing_of
from arazzo_runner.cli.given.options import engine_options, journal_options
from arazzo_runner.errors import UsageError

if TYPE_CHECKING:
    from arazzo_runner.cli.given.preparation import Options
    from arazzo_runner.engine.events import Event
    from arazzo_runner.runtime.durable.journal import RunRow
    from arazzo_runner.runtime.durable.runs import DurableRuns

STATUSES = ("running", "stopped", "succeeded", "failed", "cancelled")
DAY = 86_400.0


@click.group(
    "runs",
    invoke_without_command=True,
    short_help="List durable runs, show one, forget old ones.",
    epilog="Example: arazzo runs --status stopped",
)
@click.option(
    "--status", type=click.Choice([*STATUSES, "ambiguous-request"]), multiple=True, help="Only those; repeatable."
)
@click.option("--workflow", metavar="ID", help="Only runs of that workflow.")
@click.option("--batch", metavar="ID", help="Only runs of that batch.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@journal_options
@engine_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """List the durable runs of the journal, the latest first.

    A run is running while a process drives it; one that has stopped goes on with arazzo resume.
    """
    ctx.obj = options
    if ctx.invoked_subcommand is None and options["engine"]:
        from arazzo_runner.cli.driving.clusters import list_on_cluster

        list_on_cluster(options)
    elif ctx.invoked_subcommand is None:
        from arazzo_runner.cli.driving.journals import open_journal

        with open_journal(options) as journal:
            found = [row for row in journal.runs(batch=options["batch"]) if is_meant(row.shown, row.workflow, options)]
        if options["as_json"]:
            click.echo(json.dumps([entry_of(row) for row in found], indent=2))
        else:
            _table(found)


def _table(rows: list[RunRow]) -> None:
    from arazzo_runner.reports.text import label

    if not rows:
        click.echo("there are no such runs", err=True)
        return
    wide = max(len(row.id) for row in rows)
    for row in rows:
        # The clock on the wall is what a person compares with.
        began = datetime.fromtimestamp(row.started).strftime("%Y-%m-%d %H:%M")  # noqa: DTZ006
        at = f"at {row.step}" if row.step else ""
        why = f" ({row.reason})" if row.reason else ""
        counts = f"{row.requests} request{'' if row.requests == 1 else 's'}"
        line = f"{row.id:<{wide}}  {began}  {row.shown + why:<28} {counts:>14}  {row.workflow}  {at}"
        click.echo(label(line.rstrip()))


@command.command("show", epilog="Example: arazzo runs show 7k2mfq9xwc --json")
@click.argument("run_id", metavar="ID")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the run report: that of a finished run, or as far as it is."
)
@click.option("-f", "--follow", is_flag=True, help="Go on showing what it does, until it ends or stops.")
@click.option("-v", "--verbose", count=True, help="Show requests and responses; -vv their bodies too.")
@journal_options
@engine_options
@click.pass_obj
def show(group: Options, /, **options: Any) -> None:
    """Show a run: what it has done so far, also while it runs."""
    meant = _journal_of(group, options)
    if options["follow"] and (meant["engine"] or options["as_json"]):
        raise UsageError("--follow shows what a journal's run does, as text: without --engine and --json")
    if meant["engine"]:
        from arazzo_runner.cli.driving.clusters import show_on_cluster

        show_on_cluster(meant, options["run_id"], as_json=options["as_json"], verbose=options["verbose"])
        return
    from arazzo_runner.cli.driving.journals import durable_runs

    with durable_runs(meant) as runs:
        row = runs.journal.run(options["run_id"])
        if options["as_json"]:
            _report(runs, row)
        else:
            _history(runs, row.id, runs.follow(row.id) if options["follow"] else runs.told(row.id), options["verbose"])


def _report(runs: DurableRuns, row: RunRow) -> None:
    from arazzo_runner.reports.jsonreport import JsonReport

    with JsonReport(row.document, row.id) as report:
        for event in runs.told(row.id):
            report(event)
        report.write(sys.stdout, standing=standing_of(row))


def _history(runs: DurableRuns, run_id: str, told: Iterable[Event], verbose: int) -> None:
    from arazzo_runner.engine.events import RunFinished
    from arazzo_runner.reports.console import Console, ConsoleOptions
    from arazzo_runner.reports.summary import Attempts
    from arazzo_runner.reports.text import label

    console, attempts = Console(sys.stdout, ConsoleOptions(verbose=verbose)), Attempts()
    for event in told:
        console(event)
        attempts.of(event)
        if isinstance(event, RunFinished):
            return
    row = runs.journal.run(run_id)
    why = f" ({row.reason})" if row.reason else ""
    at = f" at {row.step}" if row.step else ""
    click.echo(label(f"{row.shown}{why}{at} · {row.requests} requests"))
    if row.held:
        click.echo(f"  driven by {row.holder}")
    elif row.shown == "stopped":
        click.echo(f"  go on with: arazzo resume {row.id}")
    if (sent := attempts.unanswered) is not None:
        click.echo(label(f"  its answer has not come yet: {sent.request.method} {sent.request.url}"))


@command.command("prune", epilog="Example: arazzo runs prune --older-than 30")
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    metavar="DAYS",
    help="Since they ended.",
)
@click.option("--status", type=click.Choice(STATUSES[2:]), multiple=True, help="Only those; repeatable.")
@journal_options
@click.pass_obj
def prune(group: Options, /, **options: Any) -> None:
    """Forget runs that have ended, and the documents that no run needs any more."""
    from arazzo_runner.cli.driving.journals import open_journal

    with open_journal(_journal_of(group, options)) as journal:
        count = journal.prune(time.time() - options["older_than"] * DAY, options["status"])
    click.echo(f"{count} run{'' if count == 1 else 's'} forgotten", err=True)


def _journal_of(group: Options, options: Options) -> Options:
    """The journal or cluster that is meant, whether it was named before the verb or behind it."""
    names = ("journal", "journal_key", "engine", "engine_key", "engine_store")
    return {name: options.get(name) or group[name] for name in names}
