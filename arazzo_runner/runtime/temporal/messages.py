"""Messages of a run on a cluster: where they are exchanged, and what happens when the worker there is gone (M20).

A subscription lives in the worker that made it; what follows is asked of that worker, at a task queue of its own. The
workflow and whoever follows its history decide alike: nothing here reads, waits or asks for the time by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from arazzo_runner.effects import Failed, MessageAnswer, MessageEffect, Publish, Published, Receive, Received, Subscribe
from arazzo_runner.runtime.decisions import Decision
from arazzo_runner.runtime.durable.resumption import AMBIGUOUS, MISSED

SUBSCRIBE, PUBLISH, RECEIVE, CLOSE = "arazzo-subscribe", "arazzo-publish", "arazzo-receive", "arazzo-close"
"""The activities of messages."""


class Unanswered(Struct, frozen=True):
    """The worker that was asked is gone.

    Attributes:
        begun: it may have begun with what it was asked for.
    """

    begun: bool


class Attached(Struct, frozen=True):
    """The subscriptions of a run, and the worker that has them.

    Attributes:
        queue: the worker's own task queue; empty when no worker has them.
        subscriptions: as they were asked for, each with the place that was read to.
        addresses: where brokers listen, by the keys of subscriptions.
        forgotten: the sources whose brokers keep the run's places no longer.
    """

    queue: str = ""
    subscriptions: tuple[Subscribe, ...] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)
    forgotten: frozenset[str] = frozenset()


def plain_attached(attached: Attached) -> dict[str, Any]:
    """The subscriptions of a run as data (``serialization.encode``)."""
    return {
        "queue": attached.queue,
        "subscriptions": list(attached.subscriptions),
        "addresses": dict(attached.addresses),
        "forgotten": sorted(attached.forgotten),
    }


def attached_again(data: Mapping[str, Any]) -> Attached:
    """The subscriptions that ``plain_attached`` has written."""
    subscriptions, forgotten = tuple(data["subscriptions"]), frozenset(data["forgotten"])
    return Attached(data["queue"], subscriptions, data["addresses"], forgotten)


class Post(Protocol):
    """The way to the workers: as the workflow asks them, or as its history has it."""

    def now(self) -> float:
        """The time that the workflow sees."""

    async def ask(self, activity: str, effect: MessageEffect, queue: str) -> Any:
        """Ask a worker, any one when ``queue`` is empty.

        Returns:
            ``{"answer": …, "queue": …}``, the answer None when the worker no longer has the subscriptions; or
            ``Unanswered``.
        """

    async def decided(self, code: str, message: str) -> Decision:
        """Wait for the user's decision, one that says what is asked.

        Args:
            code: ``ambiguous-request`` or ``messages-missed``.
        """


def decides(decision: Decision | None, code: str) -> bool:
    """Return whether a decision says what a run waits for.

    Args:
        code: ``ambiguous-request`` or ``messages-missed``.
    """
    if decision is None:
        return False
    return decision.accept_missed if code == MISSED else decision.resend or decision.answer is not None


class ClusterMessages:
    """The messages of one run on a cluster.

    Args:
        attached: what an earlier execution of the run had.
    """

    def __init__(self, post: Post, attached: Attached = Attached()) -> None:  # noqa: B008 - it is frozen
        self._post = post
        self._subscriptions = {one.key: one for one in attached.subscriptions}
        self._addresses = dict(attached.addresses)
        self._forgotten = set(attached.forgotten)
        self._queue = attached.queue

    @property
    def attached(self) -> Attached:
        """The subscriptions, for a later execution of the run."""
        subscriptions = tuple(self._subscriptions.values())
        return Attached(self._queue, subscriptions, self._addresses, frozenset(self._forgotten))

    def forget(self, source: str) -> None:
        """Note that the brokers of a source keep the run's places no longer."""
        self._forgotten.add(source)

    async def exchange(self, effect: MessageEffect) -> MessageAnswer:
        """Do what a run asks for, wherever its subscriptions are."""
        match effect:
            case Subscribe():
                return await self._subscribe(effect)
            case Publish():
                return await self._publish(effect)
            case Receive():
                return await self._receive(effect)

    async def _subscribe(self, effect: Subscribe) -> MessageAnswer:
        while True:
            found = await self._ask(SUBSCRIBE, effect)
            if found is not None:
                if not isinstance(found, Failed):
                    self._keep(effect, found)
                return found
            await self._attach_again(Decision())

    async def _publish(self, effect: Publish) -> MessageAnswer:
        accepted = Decision()
        while True:
            found = await self._post.ask(PUBLISH, effect, self._queue)
            if isinstance(found, Unanswered) and found.begun:
                # The broker may have it: nothing is sent twice, and nobody else knows.
                message = f"a worker was lost: whether the broker has the message to {effect.message.address}"
                accepted = await self._post.decided(AMBIGUOUS, f"{message} is not known")
                if accepted.answer is not None:
                    return Published(self._post.now())
                if not self._queue:
                    continue
            elif not isinstance(found, Unanswered) and found["answer"] is not None:
                answer: MessageAnswer = found["answer"]
                return answer
            if self._queue:
                await self._attach_again(accepted)

    async def _receive(self, effect: Receive) -> MessageAnswer:
        end = self._post.now() + effect.seconds
        while True:
            found = await self._ask(RECEIVE, effect)
            if found is not None:
                if isinstance(found, Received):
                    self._keep(self._subscriptions[effect.key], found)
                return found
            await self._attach_again(Decision())
            # Numbers count what came to the new subscription.
            effect = replace(effect, seconds=max(0.0, end - self._post.now()), beyond=0)

    async def _ask(self, activity: str, effect: MessageEffect) -> MessageAnswer | None:
        """The answer; None when the worker with the subscriptions is gone."""
        found = await self._post.ask(activity, effect, self._queue)
        if isinstance(found, Unanswered) or found["answer"] is None:
            return None
        if isinstance(effect, Subscribe) and not isinstance(found["answer"], Failed):
            self._queue = found["queue"]
        answer: MessageAnswer = found["answer"]
        return answer

    def _keep(self, effect: Subscribe, answer: Any) -> None:
        self._subscriptions[effect.key] = replace(effect, place=answer.place)
        if not isinstance(answer, Received):
            self._addresses.setdefault(effect.key, answer.address)

    async def _attach_again(self, decision: Decision) -> None:
        """Make the subscriptions of a worker that is gone again, on another one.

        What no broker has kept is subscribed to anew when the user accepts that messages may have been missed.
        """
        accepted = decision.accept_missed
        self._queue = ""
        while True:
            lost = {one.key for one in self._subscriptions.values() if self._is_lost(one)}
            if lost and not accepted:
                where = self._names(one for one in self._subscriptions.values() if one.key in lost)
                message = f"a worker was lost, and what came at {where} since then is not known"
                accepted = (await self._post.decided(MISSED, message)).accept_missed
            refused = await self._subscribe_all(lost)
            if refused is None:
                return
            effect, why = refused
            message = f"the run cannot listen at {self._names([effect])} again: {why}"
            await self._post.decided(MISSED, message)

    async def _subscribe_all(self, lost: set[str]) -> tuple[Subscribe, str] | None:
        """Make every subscription again; return the one that a broker refused, and why."""
        waiting = list(self._subscriptions.values())
        while waiting:
            kept = waiting[0]
            effect = self._anew(kept) if kept.key in lost else kept
            found = await self._ask(SUBSCRIBE, effect)
            match found:
                case None:
                    self._queue, waiting = "", list(self._subscriptions.values())
                case Failed(message=message):
                    self._queue = ""
                    return kept, message
                case _:
                    self._keep(kept, found)
                    waiting.pop(0)
        self._forgotten.clear()
        return None

    def _is_lost(self, subscription: Subscribe) -> bool:
        return subscription.place is None or subscription.broker.source in self._forgotten

    def _anew(self, kept: Subscribe) -> Subscribe:
        """A subscription without a place. Of an inbox the address stays: those who were asked reply there."""
        known = self._addresses.get(kept.key, kept.address)
        return replace(kept, place=None, inbox=False, address=known if kept.inbox else kept.address)

    def _names(self, subscriptions: Iterable[Subscribe]) -> str:
        return ", ".join(dict.fromkeys(self._addresses.get(one.key, one.address) for one in subscriptions))
