"""Steps over messages during one turn: what they ask a broker for, and what comes of it (M4 to M14)."""

from __future__ import annotations

import hashlib
from typing import Protocol

from msgspec.structs import replace

from arazzo_runner.effects import Failed, Message, Publish, Published, Receive, Received, Subscribed
from arazzo_runner.engine.absent.missing import Missing
from arazzo_runner.engine.events import MessageAwaited, Reason
from arazzo_runner.engine.matching import taken_by_member
from arazzo_runner.engine.messages.addresses import listening_address, values_in
from arazzo_runner.engine.messages.receiving import match_of
from arazzo_runner.engine.messages.seen import MessageExchange, SeenMessage
from arazzo_runner.engine.messages.sending import (
    MessageDraft,
    broker_of,
    draft_of,
    meant_message,
    message_of,
    message_settings,
    with_value,
)
from arazzo_runner.engine.messages.subscribing import Subscribing, Wanted, subscription_key
from arazzo_runner.engine.plan import PlannedStep
from arazzo_runner.engine.planned_messages import PlannedExchange, PlannedReply
from arazzo_runner.engine.scopes import scope_of
from arazzo_runner.engine.stack import Stack
from arazzo_runner.engine.state import Phase, Subscription, Underway
from arazzo_runner.errors import InvalidState, StepError
from arazzo_runner.expressions.evaluate import Scope, to_text
from arazzo_runner.expressions.undefined import UNDEFINED
from arazzo_runner.secrecy import without_credentials


class Concluded(Protocol):
    """Takes the exchange of the attempt at hand, why it failed or None, and its duration; may end the run."""

    def __call__(self, made: MessageExchange, failure: Reason | None, duration: float, *, ends: bool) -> None: ...


ENDING = frozenset({"replay-miss", "buffer-full", "messages-missed"})
"""Failures that end the run, whatever its actions say."""


def without_access(exchange: PlannedExchange) -> tuple[str, ...]:
    """A sentence when the broker asks for credentials and none were given (H5, M18)."""
    reasons = exchange.access.reasons
    if exchange.access.scheme or not reasons:
        return ()
    why = " and ".join(f"{name}: {reason}" for name, reason in reasons.items())
    return (f"the broker was asked without credentials ({why}); give them: --auth {next(iter(reasons))}=…",)


def sent_exchange(exchange: PlannedExchange, message: Message) -> MessageExchange:
    """A message that a step sends, as its criteria and reports see it."""
    parameters = values_in(exchange.address or "", message.address)
    return MessageExchange(
        "send",
        exchange.source,
        without_credentials(exchange.broker.url),
        message.address,
        SeenMessage(message, message.content_type, parameters),
        message.correlation_id,
        problems=without_access(exchange),
    )


class MessageSteps:
    """The part of a run that exchanges messages.

    Args:
        concluded: continues with what follows an attempt.
    """

    def __init__(self, stack: Stack, missing: Missing, concluded: Concluded) -> None:
        self.stack = stack
        self.missing = missing
        self.subscribing = Subscribing(stack)
        self._concluded = concluded

    # Beginning an attempt

    def begin(self) -> None:
        """Begin, or continue, the attempt at hand."""
        exchange = self._exchange
        try:
            if exchange.action == "send":
                self._send(exchange)
            else:
                self._receive(exchange)
        except StepError as error:
            # V1, M7, M12: nothing of the step is sent, and no action is tried.
            self.missing.stop_for(error)

    @property
    def _exchange(self) -> PlannedExchange:
        exchange = self.stack.step.exchange
        if exchange is None:
            raise InvalidState(f"the step {self.stack.step.step_id!r} exchanges no messages")
        return exchange

    @property
    def _scope(self) -> Scope:
        return scope_of(self.stack.workflow, self.stack.frame)

    def _send(self, exchange: PlannedExchange) -> None:
        scope = self._scope
        if self.missing.report_left_out():
            return
        draft = draft_of(self.stack.step, exchange, scope)
        reply_to: str | None = None
        if exchange.reply is not None:
            listening = self._listening(exchange, exchange.reply, draft)
            if listening is None:
                return  # a subscription has been asked for first (M14)
            draft, reply_to = listening
        message = message_of(exchange, draft, scope, reply_to=reply_to)
        timeout = self._seconds(self.stack.step)
        self.stack.frame = replace(self.stack.frame, phase=Phase.PUBLISHING, underway=Underway(message=message))
        self._tell(sent_exchange(exchange, message), None)
        settings = message_settings(exchange, meant_message(exchange, draft))
        self.stack.effect = Publish(broker_of(exchange, scope), message, settings, timeout)

    def _receive(self, exchange: PlannedExchange) -> None:
        if self.missing.report_left_out():
            return
        scope, frame = self._scope, self.stack.frame
        if exchange.is_reply and exchange.operation in frame.replies:
            key = frame.replies[exchange.operation]
        elif exchange.address is None:
            message = f"no request has been sent whose reply the step {self.stack.step.step_id!r} could wait for"
            raise StepError("missing-value", message, hint=f"send on {exchange.label} first")
        else:
            address = listening_address(exchange, scope)
            key = subscription_key(exchange, address)
            if key not in self.stack.subscriptions:
                here = Subscription(frame.workflow, self.stack.step.index, address)
                self.subscribing.ask(Wanted(key, here), in_step=True)
                return
        match = match_of(exchange, self.stack.workflow, scope, self.stack.plan.options)
        seconds = self._seconds(self.stack.step)
        underway = Underway(key, deadline=self.stack.now + seconds, correlation_id=match.correlation_id)
        self.stack.frame = replace(frame, phase=Phase.RECEIVING, underway=underway)
        self._tell(self._received(exchange, underway, None), seconds)
        self.stack.effect = Receive(key, match, seconds)

    def _seconds(self, step: PlannedStep) -> float:
        """Seconds that are left for the attempt: its timeout counts from its beginning (M10)."""
        options = self.stack.plan.options
        limit = options.receive_timeout if step.timeout is None else step.timeout
        left = max(0.0, self.stack.frame.started_at + limit - self.stack.now)
        run = self.stack.time_left()
        return left if run is None else min(left, run)

    # Replies

    def _listening(
        self, exchange: PlannedExchange, reply: PlannedReply, draft: MessageDraft
    ) -> tuple[MessageDraft, str | None] | None:
        """The draft with the address of its reply, and that address; None when it is subscribed to first (M14)."""
        given = UNDEFINED if reply.location is None else draft.at(reply.location)
        if given is not UNDEFINED and given is not None:
            if not self._awaits_reply(exchange):
                return draft, to_text(given)
            made = self._reply_subscription(exchange, to_text(given), inbox=False)
            return None if made is None else (draft, made)
        if reply.address is not None:
            return self._placed(reply, draft, reply.address), None
        made = self._reply_subscription(exchange, self._inbox(exchange), inbox=True)
        return None if made is None else (self._placed(reply, draft, made), made)

    @staticmethod
    def _placed(reply: PlannedReply, draft: MessageDraft, address: str) -> MessageDraft:
        return draft if reply.location is None else with_value(draft, reply.location, address)

    def _awaits_reply(self, exchange: PlannedExchange) -> bool:
        steps = (step.exchange for step in self.stack.workflow.steps)
        return any(one is not None and one.is_reply and one.operation == exchange.operation for one in steps)

    def _reply_subscription(self, exchange: PlannedExchange, address: str, *, inbox: bool) -> str | None:
        """The address at which replies arrive; None when that has been asked for."""
        frame = self.stack.frame
        key = subscription_key(exchange, f"replies at {address}" if inbox else address)
        known = self.stack.subscriptions.get(key)
        if known is None:
            here = Subscription(frame.workflow, self.stack.step.index, address, inbox=inbox)
            self.subscribing.ask(Wanted(key, here), in_step=True)
            return None
        self.stack.frame = replace(frame, replies={**frame.replies, exchange.operation: key})
        return str(known.address)

    def _inbox(self, exchange: PlannedExchange) -> str:
        """The suggested name of the run's inbox for an operation: the same whenever the run is asked, and its own."""
        state = self.stack.state
        told = f"{state.identity} {state.plan} {state.started_at!r} {exchange.operation}"
        return f"arazzo-{hashlib.sha256(told.encode()).hexdigest()[:24]}"

    # Answers

    def subscribed(self, answer: Subscribed) -> None:
        """Take a subscription that was made; an attempt that asked for it continues."""
        if self.subscribing.subscribed(answer).in_step and not self.stack.out_of_time():
            self.begin()

    def published(self, answer: Published) -> None:
        """Take the broker's word that it has the message (M11)."""
        underway = self._underway()
        message = underway.message
        if message is None:
            raise InvalidState("no message was sent")
        self.stack.messages += 1
        self._concluded(sent_exchange(self._exchange, message), None, answer.duration, ends=False)

    def received(self, answer: Received) -> None:
        """Take a message; when it does not satisfy and there is time, wait for the next one (M9)."""
        exchange = self._exchange
        underway = self._underway()
        underway = replace(underway, looked_at=underway.looked_at + answer.seen)
        seen = self._received(exchange, underway, answer.message)
        known = self.stack.subscriptions.get(underway.key)
        if known is not None and known.place != answer.place:
            self.stack.subscriptions = self.stack.subscriptions.having(underway.key, replace(known, place=answer.place))
        left = underway.deadline - self.stack.now
        if left > 0 and self._is_passed_over(seen):
            underway = replace(underway, beyond=answer.number, unsatisfying=underway.unsatisfying + 1)
            self.stack.frame = replace(self.stack.frame, phase=Phase.RECEIVING, underway=underway)
            match = match_of(exchange, self.stack.workflow, self._scope, self.stack.plan.options)
            self.stack.effect = Receive(underway.key, match, left, beyond=answer.number)
            return
        self.stack.messages += 1
        self._warn_of_member(exchange, answer.message)
        self._concluded(seen, None, 0.0, ends=False)

    def _is_passed_over(self, seen: MessageExchange) -> bool:
        """Return whether the step waits on, as the criteria do not pass yet (``--receive until-pass``)."""
        criteria = self.stack.step.criteria
        if self.stack.plan.options.receive != "until-pass" or not criteria:
            return False
        scope = scope_of(self.stack.workflow, self.stack.frame, seen)
        return not all(criterion.check(scope).passed for criterion in criteria)

    def _warn_of_member(self, exchange: PlannedExchange, message: Message) -> None:
        if exchange.correlation is None:
            return
        match = match_of(exchange, self.stack.workflow, self._scope, self.stack.plan.options)
        member = taken_by_member(match, message)
        if member is not None:
            step = self.stack.step
            said = f"the step {step.step_id!r} took a message by the payload's member {member}, which is the id"
            hint = f"declare it in the description: correlationId: {{location: '$message.payload#{member}'}}"
            self.stack.warn(said, step_id=step.step_id, hint=hint, place=exchange.correlation.spot.place)

    def failed(self, answer: Failed) -> None:
        """Take what went wrong: no subscription, nothing sent, or no message (M10, M11)."""
        underway = self.stack.frame.underway or Underway()
        if self.stack.frame.phase is Phase.SUBSCRIBING and not underway.in_step:
            self.subscribing.refused(answer)
            return
        exchange = self._exchange
        if underway.message is not None:
            made = sent_exchange(exchange, underway.message)
        else:
            made = self._received(exchange, underway, None)
        self.stack.frame = replace(self.stack.frame, underway=None, phase=Phase.ENTERING)
        if answer.code in ("timeout", "receive-timeout") and self.stack.time_left() == 0:
            self.stack.time_is_up()
            return
        message = answer.message
        if underway.unsatisfying:
            count = underway.unsatisfying
            taken = "1 message that was taken did" if count == 1 else f"{count} messages that were taken did"
            message = f"{message}; {taken} not meet the criteria"
        reason = Reason(answer.code, message, self.stack.step.step_id, place=self.stack.step.spot.place)
        self._concluded(made, reason, answer.duration, ends=answer.code in ENDING)

    def _underway(self) -> Underway:
        underway = self.stack.frame.underway
        if underway is None:
            raise InvalidState("no message is waited for")
        self.stack.frame = replace(self.stack.frame, underway=None)
        return underway

    # What is told

    def _received(self, exchange: PlannedExchange, underway: Underway, message: Message | None) -> MessageExchange:
        known = self.stack.subscriptions.get(underway.key)
        listened = exchange.address or "" if known is None else known.address
        seen = None
        if message is not None:
            described = next((one.content_type for one in exchange.messages if one.content_type), None)
            parameters = values_in(exchange.address or "", message.address)
            seen = SeenMessage(message, message.content_type or described, parameters)
        return MessageExchange(
            exchange.action,
            exchange.source,
            without_credentials(exchange.broker.url),
            listened if message is None else message.address or listened,
            seen,
            underway.correlation_id,
            underway.looked_at,
            without_access(exchange),
        )

    def _tell(self, made: MessageExchange, seconds: float | None) -> None:
        stack = self.stack
        where = (stack.workflow.workflow_id, stack.step.step_id, stack.frame.attempt, stack.depth)
        stack.tell(MessageAwaited(*where, made.record, seconds, stack.now))
