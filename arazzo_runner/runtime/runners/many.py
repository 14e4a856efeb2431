"""Many runs from Python: over any iterable, so many at a time, their results as they end."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.batch import Job, RowResult, one_by_one, run_many
from arazzo_runner.runtime.run.session import Session, contract_checks
from arazzo_runner.runtime.runners.handles import RunEngine, RunOrder
from arazzo_runner.runtime.runners.jobs import ClusterJobs, check_rows, fresh_job, plain_job, with_inputs
from arazzo_runner.runtime.runners.journal_engine import JournalEngine, driving_runs

if TYPE_CHECKING:
    from arazzo_runner.runtime.durable.runs import DurableRuns

Inputs: TypeAlias = Mapping[str, Any]


def run_rows(
    order: RunOrder, rows: Iterable[Inputs], *, concurrency: int, engine: RunEngine | None
) -> Iterator[RowResult]:
    """Run a workflow for each row; yield the results as the runs end.

    The runs are driven in a thread of their own, at most ``concurrency`` ahead of whoever takes the results. When the
    iterator is closed the runs under way are broken off, and no more are started; durable ones can be resumed.
    """
    _check(concurrency)
    taken: queue.Queue[RowResult | None] = queue.Queue()
    room = threading.Semaphore(concurrency)
    failed: list[BaseException] = []
    loop = asyncio.new_event_loop()

    async def tell(result: RowResult) -> None:
        await asyncio.to_thread(room.acquire)
        taken.put(result)

    async def run() -> None:
        await _all(order, rows, concurrency=concurrency, engine=engine, tell=tell)

    def drive() -> None:
        try:
            loop.run_until_complete(task)
        except BaseException as error:  # noqa: BLE001 - it is raised where the results are asked for
            failed.append(error)
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()
            taken.put(None)

    task = loop.create_task(run())
    thread = threading.Thread(target=drive, name="arazzo batch", daemon=True)
    thread.start()
    try:
        while (result := taken.get()) is not None:
            yield result
            room.release()
    finally:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(task.cancel)
        for _ in range(concurrency):
            room.release()
        thread.join()
    if failed:
        raise _only(failed[0])


async def arun_rows(
    order: RunOrder, rows: Iterable[Inputs] | AsyncIterable[Inputs], *, concurrency: int, engine: RunEngine | None
) -> AsyncIterator[RowResult]:
    """Run a workflow for each row, asynchronously; see ``run_rows``."""
    _check(concurrency)
    taken: asyncio.Queue[RowResult | None] = asyncio.Queue(concurrency)

    async def run() -> None:
        try:
            await _all(order, rows, concurrency=concurrency, engine=engine, tell=taken.put)
        finally:
            with suppress(asyncio.QueueFull):
                taken.put_nowait(None)

    task = asyncio.create_task(run())
    try:
        while (result := await _next(taken, task)) is not None:
            yield result
    finally:
        if not task.done():
            task.cancel()
        with suppress(asyncio.CancelledError):
            try:
                await task
            except BaseExceptionGroup as group:
                raise _only(group) from None


async def _next(taken: asyncio.Queue[RowResult | None], task: asyncio.Task[None]) -> RowResult | None:
    """The next result; None when there are no more."""
    while taken.empty() and not task.done():
        getting = asyncio.create_task(taken.get())
        await asyncio.wait([getting, task], return_when=asyncio.FIRST_COMPLETED)
        if getting.done():
            return getting.result()
        getting.cancel()
    return None if taken.empty() else taken.get_nowait()


def _check(concurrency: int) -> None:
    if concurrency < 1:
        raise UsageError(f"{concurrency} runs at once are none", hint="concurrency is 1 or more")


def _only(error: BaseException) -> BaseException:
    """The one error of a group of tasks."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _all(
    order: RunOrder,
    rows: Iterable[Inputs] | AsyncIterable[Inputs],
    *,
    concurrency: int,
    engine: RunEngine | None,
    tell: Callable[[RowResult], Any],
) -> None:
    if engine is None:
        await run_many(_plain(order, rows), concurrency=concurrency, tell=tell)
    elif isinstance(engine, JournalEngine):
        await _durable(order, await _listed(rows), engine, concurrency=concurrency, tell=tell)
    else:
        from arazzo_runner.runtime.runners.cluster_engine import TemporalEngine

        if not isinstance(engine, TemporalEngine):
            raise UsageError(f"a batch cannot be stored by {type(engine).__name__}")
        listed = await _listed(rows)
        check_rows(order.plan, ((f"row {number}", row) for number, row in enumerate(listed, 1)))
        orders = ((number, with_inputs(order, row)) for number, row in enumerate(listed, 1))
        await run_many(ClusterJobs(engine).jobs(orders), concurrency=concurrency, tell=tell)


async def _listed(rows: Iterable[Inputs] | AsyncIterable[Inputs]) -> list[Inputs]:
    """All rows: those of a durable batch are stored together, or not at all."""
    return [row async for row in (rows if isinstance(rows, AsyncIterable) else one_by_one(rows))]


async def _plain(order: RunOrder, rows: Iterable[Inputs] | AsyncIterable[Inputs]) -> AsyncIterator[Job]:
    number = 0
    async for row in rows if isinstance(rows, AsyncIterable) else one_by_one(rows):
        number += 1

        def make(inputs: Inputs = row) -> Session:
            return Session(order.plan, inputs, order.listeners, checks=contract_checks(order.plan, order.check))

        yield plain_job(make, number, order.carrier)


async def _durable(
    order: RunOrder, rows: list[Inputs], engine: JournalEngine, *, concurrency: int, tell: Callable[[RowResult], Any]
) -> None:
    with ExitStack() as stack:
        runs = stack.enter_context(driving_runs(engine, create=True))
        check_rows(order.plan, ((f"row {number}", row) for number, row in enumerate(rows, 1)))
        jobs = _kept(order, rows, runs)
        await run_many(jobs, concurrency=concurrency, tell=tell, runs=runs)


def _kept(order: RunOrder, rows: list[Inputs], runs: DurableRuns) -> Iterator[Job]:
    from arazzo_runner.runtime.durable.runs import Row, planned_of

    carrier = order.carrier
    planned = planned_of(order.workbook, order.plan, transport=carrier.options, check=order.check, carried=carrier.kind)
    kept = [Row(row, {}, number) for number, row in enumerate(rows, 1)]
    batch = runs.start_batch(planned, kept)
    return (fresh_job(runs, planned, f"{batch}-{row.line}", row, carrier) for row in kept)
