"""``arazzo listen``."""

from __future__ import annotations

import click

from arazzo_runner.cli.given.listen_words import ListenWords
from arazzo_runner.cli.given.option_groups import GroupedCommand, takes


@click.command(
    "listen",
    cls=GroupedCommand,
    short_help="Print the messages that arrive on a channel.",
    epilog="Example: arazzo listen workflows/orders.asyncapi.yml shipped -n 1",
)
@click.pass_context
@takes(ListenWords)
def command(ctx: click.Context, words: ListenWords) -> None:
    """Print what arrives on a channel, each message checked against its schema.

    SOURCE is the path or URL of an AsyncAPI description; its name for --server is the file's, to the first dot. CHANNEL
    is a channel's key or address, or an operation's id. Nobody's messages are taken away, unless --consume says so.

    Exit status: 0 when all that came was as described, 1 when a message was not, or the broker ended it; 2 could not
    start.
    """
    from arazzo_runner.cli.driving.listening import listen

    ctx.exit(listen(words))
