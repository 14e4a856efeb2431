"""A worker: a process that takes turns of runs and sends their requests for a Temporal cluster."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from temporalio import activity
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from arazzo_runner.effects import Answered, Failed
from arazzo_runner.runtime.http.async_transport import AsyncTransport, open_async_transport
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.serialization import decode, encode
from arazzo_runner.runtime.temporal.heartbeats import beating
from arazzo_runner.runtime.temporal.messenger import Messenger
from arazzo_runner.runtime.temporal.payloads import SealingCodec
from arazzo_runner.runtime.temporal.workflow import ACTIVITY, ArazzoRun

if TYPE_CHECKING:
    from temporalio.client import Client

PASSED_THROUGH = (
    "arazzo_runner", "attr", "click", "cryptography", "elementpath", "jsonpath_ng", "jsonpath_rfc9535", "jsonschema_rs",
    "lxml", "ply", "regex", "xmltodict", "yaml",
)  # fmt: skip
"""Modules that a workflow uses without a copy of its own: they keep nothing of a run, and some load only once."""
GRACE = timedelta(seconds=30)
"""How long a worker that is asked to stop finishes its requests."""
AT_ONCE = 10_000
"""Messages that a worker waits for at once: each run that it listens for may wait for one."""


class Sender:
    """Sends the requests of runs: one client for all that are sent alike. Use it as an asynchronous context manager."""

    def __init__(self, codec: SealingCodec) -> None:
        self._codec = codec
        self._stack = AsyncExitStack()
        self._transports: dict[str, AsyncTransport] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @activity.defn(name=ACTIVITY)
    async def send(self, effect: str, transport: str) -> str:
        """Send a request; whatever happens is an answer, so that nothing is tried again behind the run's back."""
        client = await self._transport(transport)
        async with beating():
            answer = await client.send(decode(effect))
        text = encode(answer)
        return text if self._codec.fits(text) else encode(_too_large(answer))

    async def _transport(self, options: str) -> AsyncTransport:
        if options not in self._transports:
            given: TransportOptions = decode(options)
            self._transports[options] = await self._stack.enter_async_context(open_async_transport(given))
        return self._transports[options]


def _too_large(answer: Answered | Failed) -> Failed:
    size = len(answer.response.body) if isinstance(answer, Answered) else 0
    message = f"the answer of {size:,} bytes is more than Temporal takes; it needs workers with --engine-store DIR"
    return Failed("transport", message, answer.at, answer.duration)


async def work(client: Client, queue: str, codec: SealingCodec, *, ready: Callable[[], None] = lambda: None) -> None:
    """Work until SIGINT or SIGTERM; what is under way is finished first.

    Args:
        ready: called when the worker listens.
    """
    runner = SandboxedWorkflowRunner(SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Sender(codec) as sender, Messenger(client, queue, codec) as messenger:
        worker = Worker(
            client,
            task_queue=queue,
            workflows=[ArazzoRun],
            activities=[sender.send, *messenger.activities],
            workflow_runner=runner,
            max_concurrent_activities=200,
            graceful_shutdown_timeout=GRACE,
        )
        listener = Worker(
            client,
            task_queue=messenger.queue,
            activities=messenger.activities,
            max_concurrent_activities=AT_ONCE,
            graceful_shutdown_timeout=GRACE,
        )
        async with listener, worker:
            ready()
            await stop.wait()
            await messenger.stop()
