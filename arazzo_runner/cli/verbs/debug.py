"""``arazzo debug``."""

from __future__ import annotations

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
from arazzo_runner.cli.given.options import JournalWords, LiveWords, TargetWords


class DebugTargetWords(TargetWords, frozen=True, kw_only=True):
    """``[TARGET] [WORKFLOW]``: a durable run needs neither."""

    target: str = argument(required=False, default="", shell_complete=completed_by("targets"))


class DebugLiveWords(LiveWords, frozen=True, kw_only=True):
    """All that a run against servers needs to know."""

    target: TargetWords = group(DebugTargetWords)


class DebugWords(OptionGroup, frozen=True, kw_only=True):
    """The options of ``arazzo debug``."""

    stops: tuple[str, ...] = option(
        "--break",
        multiple=True,
        metavar="STOP",
        help="Go on to this stop first: [STEP][:PLACE] [if CONDITION], PLACE one of request, answer, criteria, action, "
        "failed, unmatched.",
    )
    commands: str | None = option(
        "--commands", metavar="FILE", help="Take the commands from a file, or from - (stdin)."
    )
    replay: str | None = option("--replay", metavar="FILE", help="Answer only from a cassette; no socket is opened.")
    run_id: str | None = option("--run", metavar="ID", help="Open a durable run where it stopped, to be looked at.")
    yes: bool = option("--yes", is_flag=True, help="Send again without a question what changes something.")
    live: LiveWords = group(DebugLiveWords)
    journal: JournalWords = group(JournalWords)


@click.command(
    "debug",
    cls=GroupedCommand,
    short_help="Hold a run still, look into it, go back, and see why.",
    epilog="Example: arazzo debug deploy-inference-endpoint -i namespace=acme -i name=gpt2 -i repository=gpt2 "
    "--break pollStatus:answer",
)
@click.pass_context
@takes(DebugWords)
def command(ctx: click.Context, words: DebugWords) -> None:
    """Run a workflow by hand: go on point by point, stop where it matters, go back, change values, and ask why.

    TARGET is a path or URL of an Arazzo document, or a workflowId found under --workflows. Commands are read from the
    terminal, from --commands or from a pipe; help lists them.

    Exit status: 0 the run succeeded or was left before its end, 1 it failed, 2 it could not start, or a command of a
    script could not be carried out.
    """
    ctx.exit(debug(words))


def debug(words: DebugWords) -> int:
    """Debug what the words ask for; return the exit status."""
    from contextlib import ExitStack

    from arazzo_runner.cli.driving import debug_lines
    from arazzo_runner.cli.driving.debug_console import DebugConsole
    from arazzo_runner.cli.driving.debugging import opened, opened_run
    from arazzo_runner.reports.text import label

    _check_combination(words)
    script = debug_lines.script_of(words.commands)
    with ExitStack() as stack:
        if words.run_id is not None:
            live = words.live
            debugger = opened_run(words.run_id, words.journal, live.given, live.credentials, stack)
        else:
            debugger, warnings = opened(words.live, words.replay, stack)
            for warning in warnings:
                click.echo(f"  ! {label(debugger.redactor.text(warning))}", err=True)
        debugger.yes = words.yes
        console = DebugConsole(
            debugger, debug_lines.TerminalLines(debugger) if script is None else debug_lines.ScriptLines(script)
        )
        for stop in words.stops:
            console.add_stop(stop)
        return console.run(go_on=bool(words.stops))


def _check_combination(words: DebugWords) -> None:
    """Refuse words that exclude one another.

    Raises:
        UsageError: with the two.
    """
    from arazzo_runner.errors import UsageError

    if words.run_id is not None and (words.live.target.target or words.replay):
        raise UsageError(
            f"--run and {'--replay' if words.replay else 'TARGET'} exclude one another: the journal has the documents"
        )
    if words.run_id is None and not words.live.target.target:
        raise UsageError("TARGET is missing: what is to be run", hint="arazzo list names the workflows")
