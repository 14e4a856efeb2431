"""``arazzo runs``: the durable runs of a journal."""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

import click

from arazzo_runner.cli.driving.listing import STATUSES, FilterWords
from arazzo_runner.cli.given.option_groups import (
    GroupedCommand,
    OptionGroup,
    argument,
    completed_by,
    group,
    option,
    takes,
)
from arazzo_runner.cli.given.options import EngineWords, JournalWords, json_option
from arazzo_runner.errors import UsageError

if TYPE_CHECKING:
    from arazzo_runner.runtime.runners.handles import RunHandle
    from arazzo_runner.runtime.runners.summaries import RunSummary

DAY = 86_400.0


class RunsWords(OptionGroup, frozen=True, kw_only=True):
    """The options of ``arazzo runs``."""

    only: FilterWords = group(FilterWords)
    batch: str | None = option("--batch", metavar="ID", help="Only runs of that batch.")
    as_json: bool = json_option("Print a list of objects.")
    journal: JournalWords = group(JournalWords)
    engine: EngineWords = group(EngineWords)


class ShowRunWords(OptionGroup, frozen=True, kw_only=True):
    """The options of ``arazzo runs show``."""

    run_id: str = argument(metavar="ID", shell_complete=completed_by("runs"))
    as_json: bool = json_option("Print the run report: that of a finished run, or as far as it is.")
    follow: bool = option("-f", "--follow", is_flag=True, help="Keep showing what it does, until it ends or stops.")
    verbose: int = option("-v", "--verbose", count=True, help="Show requests and responses; -vv their bodies too.")
    journal: JournalWords = group(JournalWords)
    engine: EngineWords = group(EngineWords)


class PruneWords(OptionGroup, frozen=True, kw_only=True):
    """The options of ``arazzo runs prune``."""

    older_than: float = option(
        "--older-than",
        type=click.FloatRange(min=0),
        default=30.0,
        show_default=True,
        metavar="DAYS",
        help="Since they ended.",
    )
    status: tuple[str, ...] = option(
        "--status", type=click.Choice(STATUSES[2:]), multiple=True, help="Only those; repeatable."
    )
    journal: JournalWords = group(JournalWords)


@click.group(
    "runs",
    invoke_without_command=True,
    short_help="List durable runs, show one, delete old ones.",
    epilog="Example: arazzo runs --status stopped",
)
@click.pass_context
@takes(RunsWords)
def command(ctx: click.Context, words: RunsWords) -> None:
    """List the durable runs of the journal, the latest first.

    A run is running while a process drives it; one that has stopped is continued by arazzo resume.
    """
    ctx.obj = words
    if ctx.invoked_subcommand is None and words.engine.engine:
        from arazzo_runner.cli.driving.clusters import list_on_cluster
        from arazzo_runner.cli.given.engines import temporal_engine

        list_on_cluster(temporal_engine(words.engine), words.only, as_json=words.as_json)
    elif ctx.invoked_subcommand is None:
        from arazzo_runner.cli.given.engines import journal_engine

        found = journal_engine(words.journal).runs(words.only.filter(words.batch))
        if words.as_json:
            from arazzo_runner.reports.jsonreport import summary_entry

            click.echo(json.dumps([summary_entry(row) for row in found], indent=2))
        else:
            _table(found)


def _table(rows: list[RunSummary]) -> None:
    from arazzo_runner.reports.text import label

    if not rows:
        click.echo("there are no such runs", err=True)
        return
    wide = max(len(row.id) for row in rows)
    for row in rows:
        # The clock on the wall is what a person compares with.
        began = datetime.fromtimestamp(row.started_at).strftime("%Y-%m-%d %H:%M")  # noqa: DTZ006
        at = f"at {row.step_id}" if row.step_id else ""
        why = f" ({row.reason})" if row.reason else ""
        counts = f"{row.requests} request{'' if row.requests == 1 else 's'}"
        line = f"{row.id:<{wide}}  {began}  {row.status + why:<28} {counts:>14}  {row.workflow_id}  {at}"
        click.echo(label(line.rstrip()))


@command.command("show", cls=GroupedCommand, epilog="Example: arazzo runs show 7k2mfq9xwc --json")
@click.pass_obj
@takes(ShowRunWords)
def show(listed: RunsWords, words: ShowRunWords) -> None:
    """Show a run: what it has done so far, also while it runs."""
    engine = words.engine.or_else(listed.engine)
    if words.follow and (engine.engine or words.as_json):
        raise UsageError("--follow shows what a journal's run does, as text: without --engine and --json")
    if engine.engine:
        from arazzo_runner.cli.driving.clusters import show_on_cluster
        from arazzo_runner.cli.given.engines import temporal_engine

        show_on_cluster(temporal_engine(engine), words.run_id, as_json=words.as_json, verbose=words.verbose)
        return
    from arazzo_runner.cli.given.engines import journal_engine

    handle = journal_engine(words.journal.or_else(listed.journal)).handle(words.run_id)
    if words.as_json:
        print_report(handle)
    else:
        _history(handle, follow=words.follow, verbose=words.verbose)


def print_report(handle: RunHandle) -> None:
    """Print the report of a run, whether it has ended or not."""
    from arazzo_runner.reports.jsonreport import JsonReport, standing_of

    run = handle.summary
    with JsonReport(run.document, run.id) as report:
        for event in handle.events(follow=False):
            report(event)
        report.write(sys.stdout, standing=standing_of(run))


def _history(handle: RunHandle, *, follow: bool, verbose: int) -> None:
    from arazzo_runner.engine.events import RunFinished
    from arazzo_runner.reports.summary import Attempts
    from arazzo_runner.reports.terminal.console import Console, ConsoleOptions
    from arazzo_runner.reports.text import label
    from arazzo_runner.runtime.durable.resumption import AMBIGUOUS, MISSED

    console, attempts = Console(sys.stdout, ConsoleOptions(verbose=verbose, heartbeat=None)), Attempts()
    with closing(console):
        for event in handle.events(follow=follow):
            console(event)
            attempts.of(event)
            if isinstance(event, RunFinished):
                return
    row = handle.summary
    why = f" ({row.reason})" if row.reason else ""
    at = f" at {row.step_id}" if row.step_id else ""
    click.echo(label(f"{row.status}{why}{at} · {row.requests} requests"))
    if row.holder:
        click.echo(f"  driven by {row.holder}")
    elif row.status == "stopped" and row.reason == AMBIGUOUS:
        click.echo("  look whether the request below was carried out, and type:")
        click.echo(f"    if it was:      arazzo resume {row.id} --skip STATUS[=@BODY]")
        click.echo(f"    if it was not:  arazzo resume {row.id} --resend")
    elif row.status == "stopped" and row.reason == MISSED:
        click.echo("  messages may have come while nobody listened; to continue all the same, type:")
        click.echo(f"    arazzo resume {row.id} --accept-missed")
    elif row.status == "stopped":
        click.echo(f"  continue with: arazzo resume {row.id}")
    if (sent := attempts.unanswered) is not None:
        click.echo(label(f"  its answer has not come yet: {sent.title}"))


@command.command("prune", cls=GroupedCommand, epilog="Example: arazzo runs prune --older-than 30")
@click.pass_obj
@takes(PruneWords)
def prune(listed: RunsWords, words: PruneWords) -> None:
    """Delete runs that have ended, and the documents that no run needs any more."""
    from arazzo_runner.cli.given.engines import journal_engine
    from arazzo_runner.runtime.runners.journal_engine import opened_journal

    with opened_journal(journal_engine(words.journal.or_else(listed.journal))) as journal:
        count = journal.prune(time.time() - words.older_than * DAY, words.status)
    click.echo(f"{count} run{'' if count == 1 else 's'} deleted", err=True)
