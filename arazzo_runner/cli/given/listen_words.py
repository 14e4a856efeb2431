"""The options of ``arazzo listen``."""

from __future__ import annotations

import click

from arazzo_runner.cli.given.option_groups import OptionGroup, argument, group, option
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
