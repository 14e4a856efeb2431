"""Subscriptions of a run that continues in another process: made again where the brokers kept its place (M20)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.effects import Failed, MessageAnswer, Subscribe
from arazzo_runner.engine.persistent_map import PersistentMap
from arazzo_runner.engine.plan import Plan
from arazzo_runner.engine.scopes import scope_of
from arazzo_runner.engine.state import RunState, Subscription
from arazzo_runner.expressions.evaluate import Scope
from arazzo_runner.runtime.drivers import Abandoned

MISSED = "messages-missed"


def forgotten_fact(run_id: str, source: str) -> str:
    """The name of the fact that the brokers of a source no longer keep a run's places."""
    return f"forgot {run_id} {source}"


class Attachments(Struct, frozen=True):
    """The fate of the subscriptions that an earlier process of a run had made.

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
    """Say which subscriptions of a state can be made again as they were.

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
            from arazzo_runner.engine.messages.subscribing import subscribe_effect

            timeout = plan.options.receive_timeout
            scope = _scope(plan, state, subscription)
            again.append(subscribe_effect(key, subscription, step, scope, timeout))
    return Attachments(tuple(again), tuple(lost))


def addresses(state: RunState, keys: Sequence[str]) -> str:
    """The channels of subscriptions, for people."""
    known = dict(state.subscriptions.items())
    return ", ".join(dict.fromkeys(known[key].address or known[key].asked for key in keys))


def refusal(answers: Iterable[tuple[Subscribe, MessageAnswer]], run_id: str) -> Abandoned | None:
    """Return why a run cannot be attached again; None when every broker has its subscription."""
    return next(_refusals(answers, run_id), None)


def _refusals(answers: Iterable[tuple[Subscribe, MessageAnswer]], run_id: str) -> Iterator[Abandoned]:
    for effect, answer in answers:
        if isinstance(answer, Failed):
            message = f"the run cannot listen at {effect.address} again: {answer.message}"
            yield Abandoned(MISSED, message, hint=f"when that is mended: arazzo resume {run_id}")


def _scope(plan: Plan, state: RunState, subscription: Subscription) -> Scope:
    frames = [frame for frame in state.frames if frame.workflow == subscription.workflow]
    return scope_of(plan.workflows[subscription.workflow], frames[-1]) if frames else Scope()
