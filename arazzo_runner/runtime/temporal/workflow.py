"""A run as a Temporal workflow: the same ``start`` and ``advance``, each request an activity, each wait a timer.

Nothing here asks for the time, reads or sends: what a run is given comes from its history, so that another worker that
takes it over takes the same turns. Nested workflows are frames of the one run, whose history stays bounded: before it
grows large, the run continues as new from its state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import exceptions, workflow
from temporalio.common import RetryPolicy, SearchAttributeKey
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from arazzo_runner.effects import (
        Answer,
        Answered,
        MessageEffect,
        Publish,
        Receive,
        Send,
        Sleep,
        Subscribe,
        Woke,
    )
    from arazzo_runner.engine.demands.reachable_urls import destinations
    from arazzo_runner.engine.flow import Turn, abandon, advance, start
    from arazzo_runner.engine.plan import Plan
    from arazzo_runner.runtime.decisions import Decision
    from arazzo_runner.runtime.durable.resumption import AMBIGUOUS, is_ambiguous, request_of
    from arazzo_runner.runtime.serialization import decode, encode
    from arazzo_runner.runtime.temporal.heartbeats import HEARTBEAT
    from arazzo_runner.runtime.temporal.job import Job, Plans
    from arazzo_runner.runtime.temporal.messages import CLOSE, PUBLISH, SUBSCRIBE, ClusterMessages, Unanswered, decides

NAME = "arazzo-run"
ACTIVITY = "arazzo-send"
BEGUN = 10.0
"""Seconds until a worker has begun with what is asked of it alone, after which it counts as gone."""
LONGEST_SEND = 24 * 3600.0
CANCELLED = "cancelled"

WORKFLOW_ID = SearchAttributeKey.for_keyword("ArazzoWorkflowId")
STATUS = SearchAttributeKey.for_keyword("ArazzoStatus")

CONTINUES = (Send, Publish, Receive)
"""The effects before which a run can continue as new."""

_PLANS = Plans()


@workflow.defn(name=NAME)
class ArazzoRun:
    """One run."""

    def __init__(self) -> None:
        self._decision: Decision | None = None
        self._forgotten: set[str] = set()
        self._messages: ClusterMessages | None = None

    @workflow.signal(name="decide")
    def decide(self, decision: str) -> None:
        """Take the user's decision about a request whose answer is unknown, or about messages that may be missed."""
        self._decision = decode(decision)

    @workflow.signal(name="forgot")
    def forgot(self, source: str) -> None:
        """Note that the brokers of a source no longer keep the run's places: a worker says so before it happens."""
        self._forgotten.add(source)
        if self._messages is not None:
            self._messages.forget(source)

    @workflow.run
    async def run(self, text: str) -> str:
        """Run a job to its end; return the outcome."""
        job = Job.from_json(text)
        plan = _PLANS.of(job)
        self._messages = ClusterMessages(WorkerPost(job, plan, self._decided), job.kept_attachments())
        for source in self._forgotten:
            self._messages.forget(source)
        turn = _first(job, plan)
        self._tell(job, "running")
        try:
            while turn.outcome is None:
                # Only before a request or message: a wait is due at its time, wherever the run continues.
                if isinstance(turn.effect, CONTINUES) and workflow.info().is_continue_as_new_suggested():
                    workflow.continue_as_new(job.going_on(turn, self._messages.attached).to_json())
                turn = advance(plan, turn.state, await self._answer(job, plan, turn, self._messages))
        except asyncio.CancelledError:
            turn = abandon(plan, turn.state, CANCELLED, "the run was cancelled", at=workflow.time())
        await _close(self._messages.attached.queue)
        self._tell(job, _status(turn))
        return encode(turn.outcome)

    async def _answer(self, job: Job, plan: Plan, turn: Turn, messages: ClusterMessages) -> Answer:
        match turn.effect:
            case Sleep(seconds):
                if seconds > 0:
                    await workflow.sleep(seconds)
                return Woke(workflow.time())
            case Send() as effect:
                return await self._sent(job, plan, turn, effect)
            case Subscribe() | Publish() | Receive() as effect:
                return await messages.exchange(effect)
            case None:
                raise RuntimeError("a turn without an outcome has an effect")

    async def _decided(self, job: Job, code: str) -> Decision:
        """Wait for a decision of the user that says what is asked."""
        self._decision = None
        self._tell(job, code)
        await workflow.wait_condition(lambda: decides(self._decision, code))
        decision = self._decision or Decision()
        self._tell(job, "running")
        return decision

    async def _sent(self, job: Job, plan: Plan, turn: Turn, effect: Send) -> Answer:
        """The answer to a request. One that may not be sent twice is tried once; then the user has to say."""
        repeatable = not is_ambiguous(plan, turn.state)
        while True:
            try:
                return await self._try(job, effect, attempts=0 if repeatable else 1)
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise asyncio.CancelledError from None
            decision = await self._decided(job, AMBIGUOUS)
            if decision.answer is not None:
                return Answered(decision.answer, workflow.time())

    async def _try(self, job: Job, effect: Send, *, attempts: int) -> Answer:
        answer = await workflow.execute_activity(
            ACTIVITY,
            args=[encode(effect), encode(job.transport)],
            result_type=str,
            start_to_close_timeout=timedelta(seconds=(effect.timeout or LONGEST_SEND) + HEARTBEAT),
            heartbeat_timeout=timedelta(seconds=HEARTBEAT),
            retry_policy=RetryPolicy(maximum_attempts=attempts),
            cancellation_type=workflow.ActivityCancellationType.ABANDON,
        )
        received: Answer = decode(answer)
        return received

    def _tell(self, job: Job, status: str) -> None:
        if job.searchable:
            workflow.upsert_search_attributes([WORKFLOW_ID.value_set(job.workflow_id), STATUS.value_set(status)])


class WorkerPost:
    """The way to the workers, as activities (``messages.Post``).

    Args:
        decided: waits for the user's decision.
    """

    def __init__(self, job: Job, plan: Plan, decided: Callable[[Job, str], Awaitable[Decision]]) -> None:
        self._job = job
        self._transport = encode(job.transport.naming(*destinations(plan))) if plan.has_messages else ""
        self._decided = decided

    def now(self) -> float:
        """The time that the workflow sees."""
        return workflow.time()

    async def decided(self, code: str, message: str) -> Decision:  # noqa: ARG002 - whoever follows the run says it
        """Wait for the user's decision."""
        return await self._decided(self._job, code)

    async def ask(self, activity: str, effect: MessageEffect, queue: str) -> Any:
        """Ask a worker; only a subscription that any worker can make is asked for again when it is lost."""
        own = timedelta(seconds=BEGUN) if queue else None
        repeated = activity == SUBSCRIBE and not queue
        try:
            answer: str = await workflow.execute_activity(
                activity,
                args=[encode(effect), self._transport],
                result_type=str,
                task_queue=queue or None,
                schedule_to_start_timeout=own,
                start_to_close_timeout=timedelta(seconds=_seconds(effect) + 3 * HEARTBEAT),
                heartbeat_timeout=timedelta(seconds=HEARTBEAT),
                retry_policy=RetryPolicy(maximum_attempts=0 if repeated else 1),
                cancellation_type=(
                    workflow.ActivityCancellationType.ABANDON
                    if activity == PUBLISH
                    else workflow.ActivityCancellationType.TRY_CANCEL
                ),
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise asyncio.CancelledError from None
            return Unanswered(begun=not _never_begun(error))
        return decode(answer)


def _seconds(effect: MessageEffect) -> float:
    if isinstance(effect, Receive):
        return effect.seconds
    return effect.timeout or LONGEST_SEND


def _never_begun(error: ActivityError) -> bool:
    cause = error.cause
    return isinstance(cause, exceptions.TimeoutError) and cause.type == exceptions.TimeoutType.SCHEDULE_TO_START


async def _close(queue: str) -> None:
    """Close the mailroom of a run that has ended, where it has one."""
    if not queue:
        return
    with suppress(ActivityError, asyncio.CancelledError):
        await workflow.execute_activity(
            CLOSE,
            args=[True],
            task_queue=queue,
            schedule_to_start_timeout=timedelta(seconds=BEGUN),
            start_to_close_timeout=timedelta(seconds=3 * HEARTBEAT),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


def _first(job: Job, plan: Plan) -> Turn:
    """The turn that a job begins or continues with."""
    kept = job.kept_state()
    if kept is None:
        return start(plan, job.inputs, at=workflow.time(), identity=job.id)
    state, pending = kept
    if job.effect is not None:
        return Turn(state, (), decode(job.effect), None)
    return Turn(state, (), Send(request_of(state), pending.timeout), None)


def _status(turn: Turn) -> str:
    outcome = turn.outcome
    if outcome is None:
        return "running"
    return CANCELLED if outcome.reason is not None and outcome.reason.code == CANCELLED else outcome.status
