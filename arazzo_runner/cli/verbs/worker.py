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
    import asyncio

    from arazzo_runner.cli.given.engines import tell_of_new_key, temporal_engine
    from arazzo_runner.errors import UsageError
    from arazzo_runner.runtime.runners.cluster_engine import codec_of

    if not words.engine:
        raise UsageError("no cluster is named", hint="write --engine temporal://HOST:PORT/NAMESPACE")
    named = temporal_engine(words)
    engine, codec = named.engine, codec_of(named, made=tell_of_new_key)

    async def work() -> None:
        from arazzo_runner.runtime.temporal.client import Cluster, connect
        from arazzo_runner.runtime.temporal.worker import work as work_for

        client = await connect(engine, codec)
        if not await Cluster(client, engine, codec).register():
            click.echo(
                "arazzo runs will not show workflows and statuses: the namespace lacks the search attributes "
                "ArazzoWorkflowId and ArazzoStatus (Keyword)",
                err=True,
            )
        said = f"working for {engine}, queue {engine.queue}"
        await work_for(client, engine.queue, codec, ready=lambda: click.echo(said, err=True))

    asyncio.run(work())
