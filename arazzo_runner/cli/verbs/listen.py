"""``arazzo listen``."""

from __future__ import annotations

import click

from arazzo_runner.cli.given.option_groups import GroupedCommand, OptionGroup, argument, group, option, takes
from arazzo_runner.cli.given.options import CredentialWords, SecretWords, ServerWords, TransportWords, json_option
from arazzo_runner.cli.given.times import TIME


class ListenWords(OptionGroup, frozen=True, kw_only=True):
    """The options of ``arazzo listen``."""

    source: str = argument()
    channel: str = argument()
    count: int | None = option(
        "-n", "--count", type=click.IntRange(min=1), metavar="N", help="Stop after that many messages."
    )
    seconds: float | None = option(
        "--for", type=TIME, metavar="SECONDS", help="Stop after that time. Without -n or this: at Ctrl-C."
    )
    parameters: tuple[str, ...] = option(
        "-p",
        "--parameter",
        multiple=True,
        metavar="NAME=VALUE",
        help="A parameter of the channel's address; one without a value may be anything.",
    )
    from_earliest: bool = option("--from-earliest", is_flag=True, help="Read a log (Kafka) from its beginning.")
    consume: bool = option(
        "--consume", is_flag=True, help="Also read a queue of AMQP, which takes its messages away from others."
    )
    as_json: bool = json_option("Print a JSON object a line.")
    servers: ServerWords = group(ServerWords)
    credentials: CredentialWords = group(CredentialWords)
    secrets: SecretWords = group(SecretWords)
    transport: TransportWords = group(TransportWords)


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
