"""The turns of many runs in one transaction: those that came while the one before was written.

A disk syncs as fast as it can, whoever waits; fifty runs at once wait for one sync instead of fifty.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from arazzo_runner.runtime.durable.journal import Journal, lost
from arazzo_runner.runtime.durable.leases import Holder
from arazzo_runner.runtime.durable.rows import Entry


class GroupCommit:
    """Writes turns for the runs of one event loop. Use it as a context manager, inside of the loop.

    Args:
        journal: for it alone; it is written to from another thread.
    """

    def __init__(self, journal: Journal, holder: Holder) -> None:
        self._journal = journal
        self._holder = holder
        self._waiting: list[tuple[Entry, asyncio.Future[bool]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            await asyncio.wait([self._writer])

    async def write(self, entry: Entry) -> None:
        """Write a turn; done when it is on the disk.

        Raises:
            JournalLost: it cannot be written, or the lease has gone to another process.
        """
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, written))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        if not await written:
            raise lost(entry.run)

    async def _write(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                try:
                    results = await asyncio.to_thread(self._journal.record, self._holder, *(e for e, _ in group))
                except Exception as error:  # noqa: BLE001 - it is raised where each turn is waited for
                    for _, written in group:
                        if not written.done():
                            written.set_exception(error)
                else:
                    for (_, written), result in zip(group, results, strict=True):
                        if not written.done():
                            written.set_result(result)
        finally:
            self._writer = None
