"""Heartbeats of activities: a worker that is gone is noticed soon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from temporalio import activity

HEARTBEAT = 10.0
"""Seconds without a sign of life after which a worker that does something counts as gone."""


@asynccontextmanager
async def beating() -> AsyncIterator[None]:
    """Tell the cluster that this worker is alive, as long as the context lasts."""
    task = asyncio.create_task(_beat())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(HEARTBEAT / 4)
