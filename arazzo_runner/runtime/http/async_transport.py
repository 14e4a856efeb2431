"""The asynchronous client: the attempts of ``transport``, their operations on the network awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpcore2

from arazzo_runner.effects import Answered, Failed, Send
from arazzo_runner.runtime.http.deadlines import AsyncBackend, AsyncStream
from arazzo_runner.runtime.http.errors import NETWORK_ERRORS, AttemptOver, socks_judged
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.http.transport import Pools, RequestFlow

SHARES = 16
"""Pools that tasks are spread over: httpcore looks at all connections of a pool at each request and answer."""


class AsyncTransport:
    """The asynchronous client (``drivers.AsyncWorld``). Make it with ``open_async_transport``."""

    def __init__(self, pools: Pools[httpcore2.AsyncConnectionPool]) -> None:
        self._pools = pools

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def send(self, effect: Send) -> Answered | Failed:
        """Send a request; whatever happens is an answer."""
        attempt = RequestFlow(self._pools, effect.request, effect.timeout, self._share())
        limit = asyncio.timeout(effect.timeout)
        try:
            async with limit:
                while True:
                    pool, request = attempt.next()
                    try:
                        with socks_judged():
                            response = await pool.handle_async_request(request)
                    except NETWORK_ERRORS as error:
                        if attempt.resends(error):
                            continue
                        raise
                    try:
                        body = attempt.body(response)
                        async for chunk in response.aiter_stream():
                            body.feed(chunk)
                        if attempt.surplus(response, body):
                            await response.extensions["network_stream"].aclose()
                    finally:
                        await response.aclose()
                    if answer := attempt.answer(response.status, body.finish()):
                        return answer
        except (AttemptOver, *NETWORK_ERRORS) as error:
            if isinstance(stream := attempt.without_tunnel(), AsyncStream):
                await stream.aclose()
            return attempt.failed(AttemptOver() if limit.expired() else error)

    def _share(self) -> int:
        """Return which pools the task at hand uses; with HTTP/2 all tasks share one connection."""
        return 0 if self._pools.options.http2 else hash(asyncio.current_task()) % SHARES


@asynccontextmanager
async def open_async_transport(options: TransportOptions) -> AsyncIterator[AsyncTransport]:
    """An asynchronous client and its connections, closed at the end.

    Raises:
        UsageError: an option cannot be used, as for ``open_transport``.
    """
    pools = Pools(options, httpcore2.AsyncConnectionPool, AsyncBackend)
    try:
        yield AsyncTransport(pools)
    finally:
        for pool in pools.opened():
            await pool.aclose()
