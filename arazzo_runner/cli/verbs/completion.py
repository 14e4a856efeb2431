"""``arazzo completion``."""

from __future__ import annotations

import click


@click.command(
    "completion",
    short_help="Print a shell's completion script.",
    epilog='Example: eval "$(arazzo completion bash)"',
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish", "powershell"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that makes SHELL complete verbs, options, files, workflows, inputs, runs and schemes.

    \b
    bash        eval "$(arazzo completion bash)" in ~/.bashrc
    zsh         eval "$(arazzo completion zsh)" in ~/.zshrc, after compinit
    fish        arazzo completion fish > ~/.config/fish/completions/arazzo.fish
    powershell  arazzo completion powershell | Out-String | Invoke-Expression in $PROFILE
    """  # noqa: D301 - click's mark of lines that stay as they are
    from arazzo_runner.cli.given.shells import COMPLETE, SHELLS

    click.echo(SHELLS[shell](ctx.find_root().command, {}, "arazzo", COMPLETE).source())
