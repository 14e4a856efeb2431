"""``arazzo dap``."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from arazzo_runner.cli.given.debug_options import DebugWords
from arazzo_runner.cli.given.option_groups import GroupedCommand, takes

if TYPE_CHECKING:
    from arazzo_runner.runtime.debugging.debugger import Debugger


@click.command(
    "dap",
    cls=GroupedCommand,
    short_help="Debug in an editor: the Debug Adapter Protocol on stdio.",
    epilog='Example: {"type": "arazzo", "request": "launch", "program": "ship.arazzo.yaml", "inputs": {"token": "…"}}',
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Serve an editor on stdin and stdout, as the Debug Adapter Protocol says; editors start it, not people.

    The arguments of launch: program (a document), workflow, inputs (an object), stopOnEntry, and args: the options of
    arazzo debug, as they are typed.
    """
    import sys

    from arazzo_runner.cli.driving.dap_messages import Messages
    from arazzo_runner.cli.driving.dap_server import DebugAdapter

    incoming, outgoing = open(0, "rb", buffering=0, closefd=False), sys.stdout.buffer  # noqa: SIM115 - stdin
    sys.stdout = sys.stderr  # nothing else may come between the messages
    ctx.exit(DebugAdapter(Messages(incoming, outgoing), _opened).serve())


@click.command("launch", add_help_option=False)
@takes(DebugWords)
def _launch(words: DebugWords) -> DebugWords:
    """Return the words."""
    return words


def _opened(arguments: dict[str, Any], stack: ExitStack) -> tuple[Debugger, list[str]]:
    """Open what an editor's launch asks for.

    Raises:
        UsageError: it cannot be understood.
    """
    import json

    from arazzo_runner.cli.driving.debugging import check_combination, opened_with
    from arazzo_runner.errors import UsageError

    named = [str(arguments[name]) for name in ("program", "workflow") if arguments.get(name)]
    inputs = ["-i", json.dumps(arguments["inputs"])] if arguments.get("inputs") else []
    try:
        words = _launch.main([*named, *inputs, *map(str, arguments.get("args") or ())], "launch", standalone_mode=False)
    except click.ClickException as error:
        raise UsageError(error.format_message()) from None
    check_combination(words)
    debugger, warnings = opened_with(words, stack)
    return debugger, list(warnings)
