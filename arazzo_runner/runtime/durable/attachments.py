"""Subscriptions of a run that continues in another process: made again where the brokers kept its place (M20)."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.effects import Subscribe
from arazzo_runner.engine.messages.subscribing import subscribe_effect
from arazzo_runner.engine.persistent_map import PersistentMap
from arazzo_runner.engine.plan import Plan
from arazzo_runner.engine.scopes import scope_of
from arazzo_runner.engine.state import RunState, Subscription
from arazzo_runner.expressions.evaluate import Scope


class Attachments(Struct, frozen=True):
    """The subscriptions that an earlier process of a run had made, by what becomes of them.

    Attributes:
        again: those whose places brokers have kept.
        lost: the keys of the others: what came for them meanwhile is missed.
    """

    again: tuple[Subscribe, ...] = ()
    lost: tuple[str, ...] = ()

    def without_lost(self, state: RunState) -> RunState:
        """The state of a run that subscribes again to what is lost, when it next needs it."""
        if not self.lost:
            return state
        left = {key: subscription for key, subscription in state.subscriptions.items() if key not in self.lost}
        return replace(state, subscriptions=PersistentMap(left))


def attachments(plan: Plan, state: RunState, *, forgotten: Callable[[str], bool]) -> Attachments:
    """Return which subscriptions of a state can be made again as they were.

    Args:
        forgotten: returns whether the places of a source were lost before the process ended.
    """
    again: list[Subscribe] = []
    lost: list[str] = []
    for key, subscription in state.subscriptions.items():
        step = plan.workflows[subscription.workflow].steps[subscription.step]
        source = "" if step.exchange is None else step.exchange.source
        if subscription.place is None or forgotten(source):
            lost.append(key)
        else:
            timeout = plan.options.receive_timeout
            scope = _scope(plan, state, subscription)
            again.append(subscribe_effect(key, subscription, step, scope, timeout))
    return Attachments(tuple(again), tuple(lost))


def _scope(plan: Plan, state: RunState, subscription: Subscription) -> Scope:
    frames = [frame for frame in state.frames if frame.workflow == subscription.workflow]
    return scope_of(plan.workflows[subscription.workflow], frames[-1]) if frames else Scope()
