"""The jobs of a batch: plain runs, durable ones, those that are resumed, and those of a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.engine.plan import Plan
from arazzo_runner.errors import ArazzoError, InvalidInputs
from arazzo_runner.runtime.batch import Job, RowResult, Worlds
from arazzo_runner.runtime.decisions import Decision
from arazzo_runner.runtime.drivers import AsyncWorld
from arazzo_runner.runtime.run.carriers import Carrier, as_async_seen_by, async_messaging
from arazzo_runner.runtime.run.session import Session

if TYPE_CHECKING:
    from arazzo_runner.runtime.durable.resuming import Resumer
    from arazzo_runner.runtime.durable.runs import DurableRuns, Planned, Row
    from arazzo_runner.runtime.runners.cluster_engine import TemporalEngine
    from arazzo_runner.runtime.runners.handles import RunOrder
    from arazzo_runner.runtime.temporal.client import Cluster
    from arazzo_runner.runtime.temporal.following import WorkerNotices

SHOWN = 20
"""How many wrong rows are shown."""


def check_rows(
    plan: Plan, rows: Iterable[tuple[str, Mapping[str, Any]]], *, wrong: str = "rows are wrong; nothing was sent"
) -> None:
    """Hold the inputs of every row against the schema, before the first request of any (V8).

    Args:
        rows: each with its name for messages.

    Raises:
        InvalidInputs: a sentence for each error, the row named.
    """
    from arazzo_runner.runtime.durable.runs import check_row

    errors: list[str] = []
    count = found = 0
    for name, inputs in rows:
        count += 1
        try:
            check_row(plan, inputs)
        except InvalidInputs as invalid:
            found += 1
            errors += [f"{name}: {sentence}" for sentence in invalid.errors if found <= SHOWN]
    if found:
        errors += [f"… and {found - SHOWN} more rows"] if found > SHOWN else []
        raise InvalidInputs(f"{found} of {count} {wrong}", errors)


Hear: TypeAlias = Callable[[Session, int | None], AbstractContextManager[None]]
"""Listens to the session of a row while a context lasts."""


def unheard(_session: Session, _row: int | None) -> AbstractContextManager[None]:
    """Listen to nothing."""
    return nullcontext()


@asynccontextmanager
async def _opened(worlds: Worlds, carrier: Carrier, session: Session) -> AsyncIterator[AsyncWorld]:
    """The world that the runs of a batch share, as one of them looks at it, with the messages of that run."""
    plan = session.plan
    world = as_async_seen_by(session, await worlds.of(carrier, plan))
    async with async_messaging(plan, world, carrier.reaching(plan), session.kept) as whole:
        yield whole


def plain_job(make: Callable[[], Session], row: int, carrier: Carrier, hear: Hear = unheard) -> Job:
    """A run that nothing is stored of; its session is made when its turn comes."""

    async def job(worlds: Worlds) -> RowResult:
        try:
            session = make()
            async with _opened(worlds, carrier, session) as world:
                with hear(session, row):
                    return RowResult(row, "", await session.arun(world), session.redactor)
        except InvalidInputs as error:
            return RowResult(row, "", error=error)

    return job


def fresh_job(
    runs: DurableRuns, planned: Planned, run_id: str, row: Row, carrier: Carrier, hear: Hear = unheard
) -> Job:
    """A run of a batch that ``DurableRuns.start_batch`` has stored."""

    async def job(worlds: Worlds) -> RowResult:
        try:
            run = runs.begin(run_id, planned, row)
            async with _opened(worlds, carrier, run.session) as world:
                with hear(run.session, row.line):
                    result = await run.arun(world, group=worlds.group)
            return RowResult(row.line, run_id, result, run.session.redactor)
        except ArazzoError as error:
            return RowResult(row.line, run_id, error=error)

    return job


def resumed_job(
    resumer: Resumer, run_id: str, row: int | None, decision: Decision, carrier: Carrier | None = None
) -> Job:
    """A run that is resumed.

    Args:
        carrier: what sends its requests; the transport that it was started with when None.
    """

    async def job(worlds: Worlds) -> RowResult:
        try:
            run, setup = resumer.take(run_id)
            carried = carrier if carrier is not None and carrier.kind else Carrier(setup.transport)
            async with _opened(worlds, carried, run.session) as world:
                result = await run.arun(world, decision, group=worlds.group)
            return RowResult(row, run_id, result, run.session.redactor)
        except ArazzoError as error:
            return RowResult(row, run_id, error=error)

    return job


class ClusterJobs(Struct, dict=True):
    """The runs of a batch on a cluster: started and followed, so many at a time.

    Args:
        engine: of the cluster.
    """

    engine: TemporalEngine
    _connected: asyncio.Future[Cluster] | None = None

    @cached_property
    def _notices(self) -> WorkerNotices:
        from arazzo_runner.runtime.runners.cluster_engine import notices_of

        return notices_of(self.engine)

    def jobs(self, orders: Iterable[tuple[int, RunOrder]]) -> Iterable[Job]:
        """A job for each order, by its row."""
        return (partial(self._run, row, order) for row, order in orders)

    async def _run(self, row: int, order: RunOrder, _: Worlds) -> RowResult:
        from arazzo_runner.runtime.runners.cluster_engine import connect_to, job_of
        from arazzo_runner.runtime.temporal.following import Following, follow, session_of

        run_id = ""
        try:
            job = job_of(order)
            run_id = job.id
            if self._connected is None:  # the first of many: the others wait for the same connection
                self._connected = asyncio.ensure_future(connect_to(self.engine))
            cluster = await self._connected
            session = session_of(job, order.plan)
            found = Following(job, await cluster.start(job))
            result = await follow(cluster, found, session, notices=self._notices)
            return RowResult(row, run_id, result, session.redactor)
        except ArazzoError as error:
            return RowResult(row, run_id, error=error)


def with_inputs(order: RunOrder, inputs: Mapping[str, Any]) -> RunOrder:
    """The order for one row."""
    return replace(order, inputs=inputs)
