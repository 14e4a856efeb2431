"""The messages of runs in a worker: a mailroom a run, open from its first subscription to its end (M4, M20)."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from msgspec import Struct
from temporalio import activity
from temporalio.client import WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from arazzo_runner.effects import Failed, MessageAnswer, MessageEffect
from arazzo_runner.errors import ArazzoError
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.serialization import decode, encode
from arazzo_runner.runtime.temporal.heartbeats import beating
from arazzo_runner.runtime.temporal.messages import CLOSE, PUBLISH, RECEIVE, SUBSCRIBE
from arazzo_runner.runtime.temporal.payloads import SealingCodec

if TYPE_CHECKING:
    from temporalio.client import Client

    from arazzo_runner.runtime.brokers.mailroom import KeptPlaces, Mailroom

IDLE = 600.0
"""Seconds after which a mailroom that nobody has asked for anything is closed, if its run has ended meanwhile."""


class Room(Struct):
    """The mailroom of a run.

    Attributes:
        used: when it was last asked for something, by the monotonic clock.
        over: whether its run has ended.
        asked: how much it is asked for now.
    """

    mailroom: Mailroom
    used: float = 0.0
    over: bool = False
    asked: int = 0


class Messenger:
    """Exchanges the messages of runs. Use it as an asynchronous context manager.

    Args:
        client: of the cluster, to which it tells which places were lost.
        queue: that all workers share.

    Attributes:
        queue: a task queue of its own.
    """

    def __init__(self, client: Client, queue: str, codec: SealingCodec) -> None:
        self.queue = f"{queue}-{uuid4().hex}"
        self._client = client
        self._codec = codec
        self._rooms: dict[str, Room] = {}
        self._stopping = asyncio.Event()
        self._sweeping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._sweeping = asyncio.create_task(self._sweep())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeping
        await asyncio.gather(*(self._close(run) for run in list(self._rooms)))

    async def stop(self) -> None:
        """Give back what is waited for, and every subscription: another worker continues with them."""
        self._stopping.set()
        await asyncio.gather(*(self._close(run) for run, room in list(self._rooms.items()) if not room.asked))

    @property
    def activities(self) -> list[Any]:
        """The activities, at the shared queue and at its own."""
        return [self.subscribe, self.publish, self.receive, self.close]

    @activity.defn(name=SUBSCRIBE)
    async def subscribe(self, effect: str, transport: str) -> str:
        """Subscribe for a run; asked at the shared queue, this worker is the one that has its messages from now on."""
        run, is_own = self._asked()
        if is_own:
            return self._answered(await self._performed(run, effect))
        if self._stopping.is_set():
            raise ApplicationError("this worker is ending")  # the cluster asks another one
        await self._close(run)
        self._rooms[run] = Room(self._open(transport, self._places(run)))
        answer = await self._performed(run, effect)
        if isinstance(answer, Failed):
            await self._close(run)
        return self._answered(answer)

    @activity.defn(name=PUBLISH)
    async def publish(self, effect: str, transport: str) -> str:
        """Send a message; asked at the shared queue, for a run that has no subscriptions."""
        run, is_own = self._asked()
        if is_own:
            return self._answered(await self._performed(run, effect))
        mailroom = self._open(transport, None)
        try:
            async with beating():
                return self._answered(await mailroom.perform(decode(effect)))
        finally:
            await mailroom.close()

    @activity.defn(name=RECEIVE)
    async def receive(self, effect: str, transport: str) -> str:  # noqa: ARG002 - as all of them
        """Wait for a message; a worker that stops gives back what it waits for."""
        run, _ = self._asked()
        try:
            return self._answered(await self._performed(run, effect))
        except asyncio.CancelledError:
            details = activity.cancellation_details()
            if details is not None and (details.not_found or details.timed_out):
                await self._close(run)  # another worker has taken over
            raise

    @activity.defn(name=CLOSE)
    async def close(self, over: bool) -> None:  # noqa: FBT001 - of an activity
        """Close the mailroom of a run that has ended."""
        run, _ = self._asked()
        await self._close(run, over=over)

    def _asked(self) -> tuple[str, bool]:
        """The run that asks, and whether it asks this worker and no other."""
        info = activity.info()
        return str(info.workflow_id), info.task_queue == self.queue

    async def _performed(self, run: str, effect: str) -> MessageAnswer | None:
        """The answer; None when the run's subscriptions are not here, or no longer."""
        room = self._rooms.get(run)
        if room is None:
            return None
        room.used, room.asked = time.monotonic(), room.asked + 1
        asked: MessageEffect = decode(effect)
        performing = asyncio.ensure_future(room.mailroom.perform(asked))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            async with beating():
                waited = (performing, stopping) if activity.info().activity_type == RECEIVE else (performing,)
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            room.used, room.asked = time.monotonic(), room.asked - 1
            for one in (performing, stopping):
                one.cancel()
            await asyncio.gather(performing, stopping, return_exceptions=True)
        if performing.cancelled():
            await self._close(run)
            return None
        return performing.result()

    def _answered(self, answer: Any) -> str:
        text = encode({"answer": answer, "queue": self.queue})
        if self._codec.fits(text):
            return text
        message = "the message is more than Temporal takes; it needs workers with --engine-store DIR"
        return encode({"answer": Failed("transport", message, answer.at, answer.duration), "queue": self.queue})

    def _places(self, run: str) -> KeptPlaces:
        from arazzo_runner.runtime.brokers.mailroom import KeptPlaces

        loop = asyncio.get_running_loop()

        def forgets(source: str) -> None:
            signal = self._client.get_workflow_handle(run).signal("forgot", source)
            asyncio.run_coroutine_threadsafe(signal, loop).result()

        return KeptPlaces(run, forgets, lambda: run in self._rooms and self._rooms[run].over)

    @staticmethod
    def _open(transport: str, kept: KeptPlaces | None) -> Mailroom:
        from arazzo_runner.runtime.brokers.mailroom import Mailroom

        options: TransportOptions = decode(transport)
        return Mailroom(options, identity=uuid4().hex if kept is None else kept.identity, kept=kept)

    async def _close(self, run: str, *, over: bool = False) -> None:
        room = self._rooms.get(run)
        if room is not None:
            room.over = over
            try:
                await room.mailroom.close()
            finally:
                self._rooms.pop(run, None)

    async def _sweep(self) -> None:
        """Close the mailrooms of runs that have ended without saying so: terminated, or never looked after again."""
        while True:
            await asyncio.sleep(IDLE / 4)
            for run, room in list(self._rooms.items()):
                if not room.asked and room.used + IDLE < time.monotonic() and await self._has_ended(run):
                    await self._close(run, over=True)

    async def _has_ended(self, run: str) -> bool:
        try:
            description = await self._client.get_workflow_handle(run).describe()
        except (RPCError, ArazzoError):
            return False
        return description.status != WorkflowExecutionStatus.RUNNING
