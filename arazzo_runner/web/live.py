"""Changes while a page is open, as server-sent events: the regions of a run, and the list of runs."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import anyio
from starlette.responses import StreamingResponse

from arazzo_runner.errors import ArazzoError
from arazzo_runner.web.rendering import HEADERS, as_json
from arazzo_runner.web.run_pages import RunPages, RunQuery
from arazzo_runner.web.run_story import PAGE
from arazzo_runner.web.run_watch import RunWatch

LOOK = 0.15
"""Seconds between two looks at a run that is followed."""
SUMMARY = 1.0
"""Seconds between two looks at what its engine says."""
ALIVE = 15.0
"""Seconds after which a stream that has nothing to say shows that it is alive."""


class Streams:
    """The streams of a server; all of them end when it is asked to stop.

    Args:
        every: seconds between two looks at the list of runs.
    """

    def __init__(self, pages: RunPages, *, every: float = SUMMARY) -> None:
        self._pages = pages
        self._every = every
        self._stopping = threading.Event()
        self._threads: anyio.CapacityLimiter | None = None

    def stop(self) -> None:
        """End all streams."""
        self._stopping.set()

    def run(self, watch: RunWatch, known: int) -> StreamingResponse:
        """Stream the regions of a run that change.

        Args:
            known: how many entries of the list the page has.
        """
        return _stream(self._run(watch, known))

    def runs(self, query: RunQuery) -> StreamingResponse:
        """Stream the table of runs whenever it changes."""
        return _stream(self._runs(query))

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(8)
        return await anyio.to_thread.run_sync(work, limiter=self._threads)

    async def _run(self, watch: RunWatch, known: int) -> AsyncIterator[str]:
        try:
            async for part in self._changes(watch, known):
                yield part
        except ArazzoError as error:  # its journal was deleted, say
            yield f"event: trouble\ndata: {as_json({'says': error.message})}\n\n"

    async def _changes(self, watch: RunWatch, known: int) -> AsyncIterator[str]:
        regions, sent, before = self._pages.regions, dict[str, str](), None
        looked = said = time.monotonic()
        await self._in_thread(watch.look)
        while not self._stopping.is_set():
            if time.monotonic() - looked > SUMMARY:
                looked = time.monotonic()
                await self._in_thread(watch.look)
            now = regions.fingerprint(watch)
            if now == before:
                if time.monotonic() - said > ALIVE:
                    said = time.monotonic()
                    yield ": still here\n\n"
                await anyio.sleep(LOOK)
                continue
            before, said = now, time.monotonic()
            made = await self._in_thread(partial(regions.all_of, watch))
            update: dict[str, Any] = {
                "regions": {name: text for name, text in made.items() if sent.get(name) != text},
                "now": time.time(),
            }
            sent = made
            total = len(watch.story.entries)
            if total > known:
                first = known if total - known <= PAGE else total - PAGE
                text = await self._in_thread(partial(regions.entries, watch, first, total))
                update["entries"] = {"html": text, "first": first, "last": total, "anew": first > known}
                known = total
            yield f"data: {as_json(update)}\n\n"
            if watch.is_told:
                yield "event: end\ndata: {}\n\n"
                return
            await anyio.sleep(LOOK)

    async def _runs(self, query: RunQuery) -> AsyncIterator[str]:
        sent, said = "", time.monotonic()
        while not self._stopping.is_set():
            text = await self._in_thread(partial(self._table, query))
            if text != sent:
                sent, said = text, time.monotonic()
                yield f"data: {as_json({'regions': {'runs': text}, 'now': time.time()})}\n\n"
            elif time.monotonic() - said > ALIVE:
                said = time.monotonic()
                yield ": still here\n\n"
            for _ in range(round(self._every / LOOK)):
                if not self._stopping.is_set():
                    await anyio.sleep(LOOK)

    def _table(self, query: RunQuery) -> str:
        try:
            return self._pages.table(query)
        except ArazzoError as error:
            return self._pages.trouble(error)


def _stream(parts: AsyncIterator[str]) -> StreamingResponse:
    return StreamingResponse(parts, media_type="text/event-stream", headers={**HEADERS, "X-Accel-Buffering": "no"})
