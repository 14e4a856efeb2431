"""``arazzo resume``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from arazzo_runner.cli.given.option_groups import (
    GroupedCommand,
    OptionGroup,
    argument,
    completed_by,
    group,
    option,
    takes,
)
from arazzo_runner.cli.given.options import (
    CredentialWords,
    DecisionWords,
    EngineWords,
    InputWords,
    JournalWords,
    concurrency_option,
)
from arazzo_runner.cli.given.output_words import OutputWords

if TYPE_CHECKING:
    from arazzo_runner.effects import Message, Request
    from arazzo_runner.runtime.durable.journal import Journal
    from arazzo_runner.runtime.durable.resuming import Resumer
    from arazzo_runner.runtime.runners.handles import RunHandle
    from arazzo_runner.runtime.runners.summaries import RunSummary


class ResumeWords(OptionGroup, frozen=True, kw_only=True):
    """The options of ``arazzo resume``."""

    run_id: str | None = argument(metavar="ID", required=False, shell_complete=completed_by("runs"))
    everything: bool = option("--all", is_flag=True, help="Every run that no process drives.")
    decision: DecisionWords = group(DecisionWords)
    concurrency: int = concurrency_option("Runs at once.")
    given: InputWords = group(InputWords)
    credentials: CredentialWords = group(CredentialWords)
    output: OutputWords = group(OutputWords)
    journal: JournalWords = group(JournalWords)
    engine: EngineWords = group(EngineWords)


@click.command(
    "resume",
    cls=GroupedCommand,
    short_help="Resume a durable run.",
    epilog="Example: arazzo resume 7k2mfq9xwc -i hfToken=@token.txt",
)
@click.pass_context
@takes(ResumeWords)
def command(ctx: click.Context, words: ResumeWords) -> None:
    """Resume a durable run where it stopped, after a crash, a kill or a reboot.

    ID is a run's, or a batch's: then the rest of its runs. What was answered is not sent again; waits that have passed
    are not waited again. Secrets are not in the journal: they are taken from where they were given, or from -i and
    --auth now. A request that may or may not have been carried out is not sent again unless --resend says so.

    Exit status: 0 succeeded, 1 ran and failed, 2 could not start, 130 interrupted.
    """
    ctx.exit(resume(words))


def resume(words: ResumeWords) -> int:
    """Resume what the words ask for; return the exit status."""
    from arazzo_runner.cli.given.engines import decision_of, journal_engine, temporal_engine
    from arazzo_runner.cli.given.secrets_again import WordsAgain
    from arazzo_runner.errors import UsageError
    from arazzo_runner.runtime.runners.journal_engine import driving_runs

    if bool(words.run_id) == words.everything:
        raise UsageError("name one run, or --all", hint="arazzo runs lists them")
    if words.decision.resend and words.decision.skip:
        raise UsageError("--resend and --skip exclude one another")
    if words.engine.engine:
        from arazzo_runner.cli.driving.clusters import resume_on_cluster

        if words.run_id is None:
            raise UsageError("runs of a cluster continue by themselves", hint="name the one to follow")
        return resume_on_cluster(words.run_id, temporal_engine(words.engine), words.decision, words.output)
    decision_of(words.decision)  # refused before anything is opened
    engine = journal_engine(words.journal)
    with driving_runs(engine) as runs:
        from arazzo_runner.runtime.durable.resuming import Resumer

        resumer = Resumer(runs, WordsAgain(words.given, words.credentials))
        many = _many(runs.journal, words.run_id)
        if many is None and words.run_id is not None:
            if runs.journal.run(words.run_id).status == "succeeded":
                return _repeat(engine.handle(words.run_id), words)
            return _resume(resumer, words.run_id, words)
        return _each(resumer, many or [], words)


def _resume(resumer: Resumer, run_id: str, words: ResumeWords) -> int:
    """Resume one run."""
    from arazzo_runner.cli.driving import durable, execution
    from arazzo_runner.cli.driving.reporting import report_files
    from arazzo_runner.cli.given.engines import decision_of
    from arazzo_runner.cli.given.preparation import open_world
    from arazzo_runner.runtime.durable.resumption import AMBIGUOUS
    from arazzo_runner.runtime.runners.journal_engine import refuse_needless

    runs, decision = resumer.runs, decision_of(words.decision)
    asked = report_files(words.output.reports)
    kept, setup = resumer.take(run_id)
    refuse_needless(kept, decision, runs)
    execution.announce(f"run {kept.id} · resumed at {kept.where}", words.output)
    status = execution.carry_out(
        kept.session,
        execution.through(
            lambda connections: connections.enter_context(
                open_world(kept.session.plan, setup.transport, kept.session.kept)
            ),
            durable.stoppable(kept, decision),
        ),
        setup.document,
        words.output,
        asked,
        interruption=durable.interruption_of(runs),
        past=runs.told(kept.id),
    )
    if runs.journal.run(kept.id).reason == AMBIGUOUS:
        _show(kept.pending_request())
    return status


def _repeat(handle: RunHandle, words: ResumeWords) -> int:
    """Print the outputs of a run that has succeeded, as the journal has them: what is secret in them is masked."""
    import json

    from arazzo_runner.cli.driving.execution import announce
    from arazzo_runner.cli.driving.reporting import bytes_as_text
    from arazzo_runner.cli.verbs.runs import print_report
    from arazzo_runner.engine.events import RunFinished

    announce(f"run {handle.id} · has succeeded before; nothing is sent", words.output)
    if words.output.as_json:
        print_report(handle)
        return 0
    for event in handle.events(follow=False):
        if isinstance(event, RunFinished):
            click.echo(json.dumps(dict(event.outcome.outputs), ensure_ascii=False, indent=2, default=bytes_as_text))
    return 0


def _many(journal: Journal, run_id: str | None) -> list[RunSummary] | None:
    """Return the runs that are asked for when it is not one: all that no process drives, or the rest of a batch."""
    from arazzo_runner.runtime.runners.summaries import summary_of

    if run_id is None:
        return [summary_of(row) for row in reversed(journal.runs()) if row.shown == "stopped"]
    of_batch = journal.runs(batch=run_id)
    return [summary_of(row) for row in of_batch if row.shown == "stopped"] if of_batch else None


def _each(resumer: Resumer, many: list[RunSummary], words: ResumeWords) -> int:
    from arazzo_runner.cli.driving.batches import Pace, resume_each

    if not many:
        click.echo("nothing to resume", err=True)
        return 0
    pace = Pace(words.concurrency, quiet=words.output.verbosity.quiet)
    return resume_each(resumer, many, words.decision, pace)


def _show(sent: Request | Message) -> None:
    """A request or message whose answer is unknown, masked."""
    from arazzo_runner.effects import Request
    from arazzo_runner.reports.text import label

    if isinstance(sent, Request):
        head, content = f"{sent.method} {sent.url}", sent.body or b""
    else:
        head, content = f"send {sent.address}", sent.payload
    click.echo(f"  {label(head)}", err=True)
    for name, value in sent.headers:
        click.echo(f"  {label(name)}: {label(value)}", err=True)
    for line in content.decode("utf-8", "replace").splitlines():
        click.echo(f"  {label(line)}", err=True)
