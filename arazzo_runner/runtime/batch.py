"""Many runs at once: a few workers take one after another, over one pool of connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self, TypeAlias, TypeVar

from msgspec import Struct

from arazzo_runner.engine.plan import Plan
from arazzo_runner.errors import ArazzoError
from arazzo_runner.runtime.drivers import AsyncWorld
from arazzo_runner.runtime.run.carriers import Carrier
from arazzo_runner.runtime.run.session import RunResult
from arazzo_runner.runtime.secrets.redaction import Redactor

if TYPE_CHECKING:
    from arazzo_runner.runtime.durable.group_commit import GroupCommit
    from arazzo_runner.runtime.durable.runs import DurableRuns
    from arazzo_runner.runtime.http.options import TransportOptions


class RowResult(Struct, frozen=True):
    """The result of a run of many.

    Attributes:
        row: its number, from 1; on the command line the line of the file that it came from. None when it is not known.
        run_id: of a durable run; empty for any other.
        result: None when the run could not be driven.
        redactor: knows the run's secrets.
        error: why it could not be driven, or None.
    """

    row: int | None
    run_id: str
    result: RunResult | None = None
    redactor: Redactor | None = None
    error: ArazzoError | None = None

    @property
    def succeeded(self) -> bool:
        """Return whether the run was driven, and succeeded."""
        return self.result is not None and self.result.succeeded


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
        self._opened: dict[TransportOptions | int, AsyncWorld] = {}
        self._carriers: list[Carrier] = []
        self._opening = asyncio.Lock()

    async def of(self, carrier: Carrier, plan: Plan) -> AsyncWorld:
        """The world that a carrier sends a plan's requests with; opened once.

        Raises:
            UsageError: an option cannot be used.
        """
        key = id(carrier) if carrier.kind else carrier.options
        async with self._opening:  # those that come at once wait for the first one's
            if key not in self._opened:
                self._carriers.append(carrier)  # so that its id stays its own
                self._opened[key] = await self._stack.enter_async_context(carrier.aopen(plan))
        return self._opened[key]

    async def __aenter__(self) -> Self:
        if self._runs is not None:
            self.group = await self._stack.enter_async_context(self._runs.group_commit())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


T = TypeVar("T")
Job: TypeAlias = Callable[[Worlds], Awaitable[RowResult]]


async def run_many(
    jobs: Iterable[Job] | AsyncIterable[Job],
    *,
    concurrency: int,
    tell: Callable[[RowResult], Awaitable[None] | None],
    stop: Callable[[], bool] = lambda: False,
    runs: DurableRuns | None = None,
) -> None:
    """Run them all.

    Args:
        jobs: taken one by one, as there is room for the next.
        concurrency: how many run at once.
        tell: is called with each as it ends; the next one waits until that is done.
        stop: whether to take no more.
        runs: the durable runs of this process, if they are.
    """
    waiting = jobs if isinstance(jobs, AsyncIterable) else one_by_one(jobs)
    following = waiting.__aiter__()
    turn = asyncio.Lock()  # an asynchronous iterable is asked for one at a time

    async def work() -> None:
        while True:
            async with turn:
                job = await anext(following, None)
            if job is None:
                return
            if stop():
                return
            told = tell(await job(worlds))
            if told is not None:
                await told

    async with Worlds(runs) as worlds, asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())


async def one_by_one(values: Iterable[T]) -> AsyncIterator[T]:
    """The values of an iterable, asynchronously."""
    for value in values:
        yield value
