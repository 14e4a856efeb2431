"""Subscriptions of a run: each made as soon as its address is known, before the step that receives (M4)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.effects import Failed, Subscribe, Subscribed
from arazzo_runner.engine.events import ChannelSubscribed, Reason
from arazzo_runner.engine.messages.addresses import listening_address, needs_nothing, waits_for_outputs
from arazzo_runner.engine.messages.sending import broker_of
from arazzo_runner.engine.plan import PlannedStep
from arazzo_runner.engine.planned_messages import PlannedExchange
from arazzo_runner.engine.scopes import scope_of
from arazzo_runner.engine.stack import Stack
from arazzo_runner.engine.state import Phase, Subscription, Underway
from arazzo_runner.errors import StepError
from arazzo_runner.expressions.evaluate import Scope
from arazzo_runner.secrecy import without_credentials


class Wanted(Struct, frozen=True):
    """A subscription that can be made."""

    key: str
    subscription: Subscription


def subscription_key(exchange: PlannedExchange, address: str) -> str:
    """The key of a subscription: the same for all steps that listen at an address of a broker."""
    return f"{exchange.source}/{exchange.server.name}/{address}"


class Subscribing:
    """The part of a run that subscribes."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def next(self) -> bool:
        """Ask for the next subscription whose address is known, and tell whether there is one (M4)."""
        if self.stack.step_id() is None:
            return False
        wanted = next(self._wanted(), None)
        if wanted is None:
            return False
        self.ask(wanted)
        return True

    def _wanted(self) -> Iterator[Wanted]:
        here = self.stack.frame.workflow
        scope: Scope | None = None
        for key, index in self.stack.plan.receivers:
            exchange = self.stack.plan.workflows[key].steps[index].exchange
            if exchange is None or exchange.address is None:
                continue
            if key == here:
                scope = scope or scope_of(self.stack.workflow, self.stack.frame)
                if waits_for_outputs(exchange, scope):
                    continue
                found = _address(exchange, scope)
            else:
                found = _address(exchange, Scope()) if needs_nothing(exchange) else None
            if found is not None and subscription_key(exchange, found) not in self.stack.subscriptions:
                yield Wanted(subscription_key(exchange, found), Subscription(key, index, found))

    def ask(self, wanted: Wanted, *, in_step: bool = False) -> None:
        """Ask for a subscription.

        Args:
            in_step: it is a part of the attempt at hand.
        """
        subscription = wanted.subscription
        step = self.stack.plan.workflows[subscription.workflow].steps[subscription.step]
        underway = Underway(wanted.key, subscription, in_step)
        self.stack.frame = replace(self.stack.frame, phase=Phase.SUBSCRIBING, underway=underway)
        self.stack.effect = subscribe_effect(
            wanted.key, subscription, step, self._scope(subscription), self._timeout(step if in_step else None)
        )

    def _scope(self, subscription: Subscription) -> Scope:
        if subscription.workflow != self.stack.frame.workflow:
            return Scope()
        return scope_of(self.stack.workflow, self.stack.frame)

    def _timeout(self, step: PlannedStep | None) -> float:
        """Seconds for the broker to confirm; a step's own limit holds for what its attempt asks for (M10)."""
        own = None if step is None or step.timeout is None else self._left(step.timeout)
        limits = (self.stack.plan.options.receive_timeout, own, self.stack.time_left())
        return min(limit for limit in limits if limit is not None)

    def _left(self, limit: float) -> float:
        return max(0.0, self.stack.frame.started_at + limit - self.stack.now)

    def subscribed(self, answer: Subscribed) -> Underway:
        """Keep a subscription that was made; return what was asked for."""
        frame = self.stack.frame
        underway = frame.underway or Underway()
        asked = underway.subscription
        if asked is not None:
            made = replace(asked, address=answer.address, place=answer.place)
            self.stack.subscriptions = self.stack.subscriptions.having(underway.key, made)
            workflow = self.stack.plan.workflows[asked.workflow]
            step = workflow.steps[asked.step]
            url = "" if step.exchange is None else without_credentials(step.exchange.broker.url)
            where = (workflow.workflow_id, step.step_id, self.stack.depth)
            self.stack.tell(ChannelSubscribed(*where, url, answer.address, self.stack.now))
        self.stack.frame = replace(frame, phase=Phase.ENTERING, underway=None)
        return underway

    def refused(self, answer: Failed) -> None:
        """End the run, since a message that it will wait for would be lost (M4, D1)."""
        underway = self.stack.frame.underway
        asked = None if underway is None else underway.subscription
        if asked is None:
            self.stack.stop(answer.code, answer.message)
            return
        step = self.stack.plan.workflows[asked.workflow].steps[asked.step]
        message = f"the step {step.step_id!r} cannot listen at {asked.asked}: {answer.message}"
        self.stack.end(Reason(answer.code, message, step.step_id, place=step.spot.place))


def subscribe_effect(
    key: str, subscription: Subscription, step: PlannedStep, scope: Scope, timeout: float | None
) -> Subscribe:
    """The effect that makes a subscription, or makes it again in another process (M20)."""
    exchange = step.exchange
    if exchange is None:
        raise StepError("request-invalid", f"the step {step.step_id!r} exchanges no messages")
    return Subscribe(
        key,
        broker_of(exchange, scope),
        subscription.asked,
        exchange.settings,
        inbox=subscription.inbox,
        place=subscription.place,
        timeout=timeout,
    )


def _address(exchange: PlannedExchange, scope: Scope) -> str | None:
    try:
        return listening_address(exchange, scope)
    except StepError:
        return None  # the step says so when it is reached
