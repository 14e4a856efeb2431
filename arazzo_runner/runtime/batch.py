"""Many runs at once: a few workers take one after another, over one pool of connections."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self, TypeAlias

from msgspec import Struct

from arazzo_runner.errors import ArazzoError
from arazzo_runner.runtime.drivers import AsyncWorld
from arazzo_runner.runtime.run.session import RunResult
from arazzo_runner.runtime.secrets.redaction import Redactor

if TYPE_CHECKING:
    from arazzo_runner.runtime.durable.group_commit import GroupCommit
    from arazzo_runner.runtime.durable.runs import DurableRuns
    from arazzo_runner.runtime.http.options import TransportOptions


class Ended(Struct, frozen=True):
    """A run of many, and how it ended.

    Attributes:
        line: of the file that it came from, or None.
        run_id: of a durable run; empty for any other.
        result: None when the run could not be driven.
        redactor: knows the run's secrets.
        error: why it could not be driven, or None.
    """

    line: int | None
    run_id: str
    result: RunResult | None = None
    redactor: Redactor | None = None
    error: ArazzoError | None = None


class Worlds:
    """The resources that many runs share: clients by their options, and commits of durable ones. A context manager.

    Args:
        runs: the durable runs of this process, if they are.

    Attributes:
        group: writes the turns of durable runs; None when they are none.
    """

    def __init__(self, runs: DurableRuns | None = None) -> None:
        self._runs = runs
        self.group: GroupCommit | None = None
        self._stack = AsyncExitStack()
        self._opened: dict[TransportOptions, AsyncWorld] = {}

    async def of(self, options: TransportOptions) -> AsyncWorld:
        """The client with those options.

        Raises:
            UsageError: one cannot be used.
        """
        if options not in self._opened:
            from arazzo_runner.runtime.http.async_transport import open_async_transport

            self._opened[options] = await self._stack.enter_async_context(open_async_transport(options))
        return self._opened[options]

    async def __aenter__(self) -> Self:
        if self._runs is not None:
            self.group = await self._stack.enter_async_context(self._runs.group_commit())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


Job: TypeAlias = Callable[[Worlds], Awaitable[Ended]]


async def run_many(
    jobs: Iterable[Job],
    *,
    concurrency: int,
    tell: Callable[[Ended], None],
    stop: Callable[[], bool] = lambda: False,
    runs: DurableRuns | None = None,
) -> None:
    """Run them all.

    Args:
        jobs: taken one by one, as there is room for the next.
        concurrency: how many go on at once.
        tell: is told each as it ends.
        stop: whether to take no more.
        runs: the durable runs of this process, if they are.
    """
    waiting = iter(jobs)

    async def work() -> None:
        for job in waiting:
            if stop():
                return
            tell(await job(worlds))

    async with Worlds(runs) as worlds, asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())
