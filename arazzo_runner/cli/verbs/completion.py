"""``arazzo completion``."""

from __future__ import annotations

import click


@click.command(
    "completion",
    short_help="Print a shell's completion script.",
    epilog='Example: eval "$(arazzo completion bash)"',
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that makes SHELL complete arazzo's verbs and options."""
    from click.shell_completion import get_completion_class

    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(completion(ctx.find_root().command, {}, "arazzo", "_ARAZZO_COMPLETE").source())
