"""``arazzo worker``."""

from __future__ import annotations

import click

from arazzo_runner.cli.given.option_groups import GroupedCommand, takes
from arazzo_runner.cli.given.options import EngineWords


@click.command(
    "worker",
    cls=GroupedCommand,
    short_help="Drive runs for a Temporal cluster.",
    epilog="Example: arazzo worker --engine temporal://127.0.0.1:7233/default",
)
@takes(EngineWords)
def command(words: EngineWords) -> None:
    """Work for a Temporal cluster: take the turns of its runs and send their requests, until Ctrl-C.

    Start as many as are wanted, on as many machines; each needs the same key. A worker that dies is replaced by any
    other one. What is under way when a worker is asked to stop is finished first.
    """
    from arazzo_runner.cli.given.engines import tell_of_new_key, temporal_engine
    from arazzo_runner.errors import UsageError

    if not words.engine:
        raise UsageError("no cluster is named", hint="write --engine temporal://HOST:PORT/NAMESPACE")
    engine = temporal_engine(words)
    said = f"working for {engine}, queue {engine.engine.queue}"
    engine.work(
        ready=lambda: click.echo(said, err=True), tell=lambda text: click.echo(text, err=True), made=tell_of_new_key
    )
