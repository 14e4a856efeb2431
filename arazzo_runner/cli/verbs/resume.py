"""``arazzo resume``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from arazzo_runner.cli.driving.reporting import report_option
from arazzo_runner.cli.given.options import (
    credential_options,
    engine_options,
    input_option,
    journal_options,
    verbosity_options,
)

if TYPE_CHECKING:
    from arazzo_runner.cli.given.preparation import Options
    from arazzo_runner.effects import Request
    from arazzo_runner.runtime.durable.journal import Journal


@click.command(
    "resume",
    short_help="Go on with a durable run.",
    epilog="Example: arazzo resume 7k2mfq9xwc -i hfToken=@token.txt",
)
@click.argument("run_id", metavar="ID", required=False)
@click.option("--all", "everything", is_flag=True, help="Every run that nobody drives.")
@click.option("--resend", is_flag=True, help="Send the request whose answer is not known again.")
@click.option(
    "--skip",
    metavar="STATUS[=@FILE]",
    help="Take that status for its answer, and the file's content, when one is named, for the body.",
)
@input_option
@credential_options
@click.option(
    "--concurrency", type=click.IntRange(min=1), default=10, show_default=True, metavar="N", help="Runs at once."
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole run report instead of the outputs.")
@report_option
@journal_options
@engine_options
@verbosity_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Go on with a durable run, after any kind of death, at the point that it had reached.

    ID is a run's, or a batch's: then the rest of its runs. What was answered is not sent again; waits that have passed
    are not waited again. Secrets are not in the journal: they are taken from where they were given, or from -i and
    --auth now. A request that may or may not have been carried out is not sent again unless --resend says so.

    Exit status: 0 succeeded, 1 ran and failed, 2 could not start, 130 interrupted.
    """
    ctx.exit(resume(options))


def resume(options: Options) -> int:
    """Resume what the options ask for; gives the exit status."""
    from arazzo_runner.cli.driving import journals
    from arazzo_runner.errors import UsageError

    if bool(options["run_id"]) == options["everything"]:
        raise UsageError("name one run, or --all", hint="arazzo runs lists them")
    if options["resend"] and options["skip"]:
        raise UsageError("--resend and --skip exclude one another")
    if options["engine"]:
        from arazzo_runner.cli.driving.clusters import resume_on_cluster

        return resume_on_cluster(options)
    decision = journals.decision_of(options)
    with journals.durable_runs(options) as runs:
        resumer = journals.Resumer(runs, options)
        many = _many(runs.journal, options)
        if many is not None:
            return _each(resumer, many, options)
        from arazzo_runner.cli.driving.execution import announce, carry_out
        from arazzo_runner.cli.driving.reporting import report_files
        from arazzo_runner.runtime.durable.resumption import AMBIGUOUS
        from arazzo_runner.runtime.http.transport import open_transport

        asked = report_files(options["reports"])
        kept, setup = resumer.take(options["run_id"])
        if (options["resend"] or options["skip"]) and not kept.is_ambiguous():
            runs.journal.release(kept.id, runs.holder)
            message = f"the run {kept.id} waits for no answer that could be resent or skipped"
            raise UsageError(message, hint=f"arazzo resume {kept.id}")
        announce(f"run {kept.id} · resumed at {kept.where}", options)
        status = carry_out(
            kept.session,
            journals.interruptible(runs, kept, decision),
            lambda connections: connections.enter_context(open_transport(setup.transport)),
            setup.document,
            options,
            asked,
            runs.told(kept.id),
        )
        if runs.journal.run(kept.id).reason == AMBIGUOUS:
            _show(kept.pending_request())
        return status


def _many(journal: Journal, options: Options) -> list[tuple[str, int | None]] | None:
    """The runs that are meant when it is not one: all, or the rest of a batch."""
    if options["everything"]:
        return [(row.id, row.line) for row in reversed(journal.runs()) if row.shown == "stopped"]
    of_batch = journal.runs(batch=options["run_id"])
    return [(row.id, row.line) for row in of_batch if row.shown == "stopped"] if of_batch else None


def _each(resumer: Any, many: list[tuple[str, int | None]], options: Options) -> int:
    from arazzo_runner.cli.driving.batches import resume_each

    if not many:
        click.echo("there is nothing to resume", err=True)
        return 0
    return resume_each(resumer, many, len(many), options)


def _show(request: Request) -> None:
    """A request whose answer is not known, masked."""
    from arazzo_runner.reports.text import label

    click.echo(f"  {request.method} {label(request.url)}", err=True)
    for name, value in request.headers:
        click.echo(f"  {label(name)}: {label(value)}", err=True)
    for line in (request.body or b"").decode("utf-8", "replace").splitlines():
        click.echo(f"  {label(line)}", err=True)
