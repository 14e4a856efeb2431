"""``arazzo debug``."""

from __future__ import annotations

import click

from arazzo_runner.cli.given.debug_options import DebugWords
from arazzo_runner.cli.given.option_groups import GroupedCommand, takes


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
    from arazzo_runner.cli.driving.debugging import check_combination, opened_with, resumption_of
    from arazzo_runner.reports.text import label

    check_combination(words)
    script = debug_lines.script_of(words.commands)
    with ExitStack() as stack:
        debugger, warnings = opened_with(words, stack)
        for warning in warnings:
            click.echo(f"  ! {label(debugger.redactor.text(warning))}", err=True)
        lines = debug_lines.TerminalLines(debugger) if script is None else debug_lines.ScriptLines(script)
        console = DebugConsole(debugger, lines, resumption_of(words))
        for stop in words.stops:
            console.add_stop(stop)
        return console.run(go_on=bool(words.stops))
