"""The command ``arazzo``: its verbs, loaded when they are used, and how errors are shown."""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import click

from arazzo_runner import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMPLETE = "_ARAZZO_COMPLETE"
"""The variable in which a shell asks what a word can become (``shells``)."""
VERBS: Mapping[str, tuple[str, str]] = {
    "run": ("arazzo_runner.cli.verbs.run", "Run a workflow and print its outputs."),
    "list": ("arazzo_runner.cli.verbs.list", "List the workflows found."),
    "show": ("arazzo_runner.cli.verbs.show", "Show a workflow's inputs, steps and flow."),
    "validate": ("arazzo_runner.cli.verbs.validate", "Find every problem of documents and their sources."),
    "auth": ("arazzo_runner.cli.verbs.auth", "Show the credentials that a workflow needs, and how to give them."),
    "record": ("arazzo_runner.cli.verbs.record", "Store a live run as a test case."),
    "test": ("arazzo_runner.cli.verbs.test", "Replay recorded cases and check them against their contract."),
    "debug": ("arazzo_runner.cli.verbs.debug", "Hold a run still, look into it, go back, and see why."),
    "dap": ("arazzo_runner.cli.verbs.dap", "Debug in an editor: the Debug Adapter Protocol on stdio."),
    "listen": ("arazzo_runner.cli.verbs.listen", "Print the messages that arrive on a channel."),
    "runs": ("arazzo_runner.cli.verbs.runs", "List durable runs, show one, delete old ones."),
    "resume": ("arazzo_runner.cli.verbs.resume", "Resume a durable run."),
    "cancel": ("arazzo_runner.cli.verbs.cancel", "End a durable run."),
    "worker": ("arazzo_runner.cli.verbs.worker", "Drive runs for a Temporal cluster."),
    "web": ("arazzo_runner.cli.verbs.web", "Show workflows, runs and cases in a browser, and run them there."),
    "mcp": ("arazzo_runner.cli.verbs.mcp", "Offer workflows to agents as tools (Model Context Protocol)."),
    "completion": ("arazzo_runner.cli.verbs.completion", "Print a shell's completion script."),
}
"""Where each verb is and what ``--help`` says of it. The modules are imported only when the verb is used."""


class Verbs(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The verbs, in the order in which people need them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a verb's module."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(VERBS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest a verb when one is not known."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from arazzo_runner.documents.near_names import did_you_mean

            ctx.fail(f"there is no verb {args[0]!r}; {did_you_mean(args[0], list(VERBS), 'verbs')}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a verb without importing them all."""
        from click.shell_completion import CompletionItem

        verbs = [CompletionItem(name, help=told) for name, (_, told) in VERBS.items() if name.startswith(incomplete)]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """List the verbs without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, summary) for name, (_, summary) in VERBS.items()])


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: arazzo run workflows/deploy.yml --input namespace=acme",
)
@click.version_option(__version__, prog_name="arazzo", message="%(prog)s %(version)s")
def cli() -> None:
    """Run Arazzo workflows: sequences of API calls, as the OpenAPI Initiative's language describes them."""


def main() -> None:
    """Run the command line; every error of ours ends in a message and its exit status, never in a traceback."""
    _open_standard_streams()
    try:
        if COMPLETE in os.environ:
            from arazzo_runner.cli.given.shells import use_our_shells

            use_our_shells()
        status = cli.main(prog_name="arazzo", complete_var=COMPLETE, standalone_mode=False)
        # Output that cannot be written is an error as well, and is noticed only now.
        sys.stdout.flush()
    except click.exceptions.Exit as exit_:
        status = exit_.exit_code
    except (click.Abort, KeyboardInterrupt):
        # An object whose constructor was interrupted may fail again when it is finalised; nobody can act on that.
        sys.unraisablehook = _ignore
        _tell(partial(click.echo, "interrupted", err=True))
        status = 130
    except click.ClickException as error:
        _tell(error.show)
        status = error.exit_code
    except RecursionError:
        # A run can put values in one another, time after time.
        _tell(partial(click.echo, "error: a value of the run is nested too deeply to be followed", err=True))
        status = 1
    except MemoryError:
        _tell(partial(click.echo, "error: there is not enough memory for what the documents or answers hold", err=True))
        status = 1
    except BrokenPipeError:
        # Whoever read our output has gone; there is nobody to tell.
        _discard_stdout()
        status = 1
    except OSError as error:
        _discard_stdout()
        where = f": {error.filename}" if error.filename else ""
        what = "stdout is closed" if error.errno == errno.EBADF and not where else error.strerror or error
        _tell(partial(click.echo, f"error: {what}{where}", err=True))
        status = 1
    except Exception as error:
        # Imported here, since ``arazzo --help`` needs no error.
        from arazzo_runner.cli.errors import show_error
        from arazzo_runner.errors import ArazzoError

        if not isinstance(error, ArazzoError):
            raise
        _tell(partial(show_error, error))
        status = error.exit_status
    sys.exit(status if isinstance(status, int) else 0)


def _open_standard_streams() -> None:
    """Give the streams that are closed (``>&-``) something to lead to: else the next file opened would be stdout.

    What is written to a closed stdout is an error, since it would be lost.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            with suppress(OSError):
                os.fstat(descriptor)
                continue
            os.open(os.devnull, os.O_RDONLY if name == "stdout" else os.O_RDWR)
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8", closefd=False))
    # Half of a surrogate pair, in some server's answer, is written as JSON escapes it; stderr has it so by itself.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _tell(show: Callable[[], object]) -> None:
    """Say it on stderr, if there is anybody to say it to: the exit status is said anyway."""
    with suppress(OSError):
        show()


def _ignore(_: object) -> None:
    """Do nothing with what is reported."""


def _discard_stdout() -> None:
    """Keep the interpreter from trying to flush what cannot be written."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
    except (OSError, ValueError):
        pass  # stdout is not a file at all
