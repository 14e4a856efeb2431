"""A run as a Temporal workflow: the same ``start`` and ``advance``, each request an activity, each wait a timer.

Nothing here asks for the time, reads or sends: what a run is given comes from its history, so that another worker that
takes it over takes the same turns. Nested workflows are frames of the one run, whose history stays bounded: before it
grows large, the run continues as new from its state.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from arazzo_runner.effects import Answer, Answered, Publish, Receive, Send, Sleep, Subscribe, Woke
    from arazzo_runner.engine.flow import Turn, abandon, advance, start
    from arazzo_runner.engine.plan import Plan
    from arazzo_runner.runtime.decisions import Decision
    from arazzo_runner.runtime.drivers import unable
    from arazzo_runner.runtime.durable.resumption import AMBIGUOUS, is_ambiguous, request_of
    from arazzo_runner.runtime.serialization import decode, encode
    from arazzo_runner.runtime.temporal.job import Job, Plans

NAME = "arazzo-run"
ACTIVITY = "arazzo-send"
HEARTBEAT = 10.0
"""Seconds without a sign of life after which a worker that sends counts as gone."""
LONGEST_SEND = 24 * 3600.0
CANCELLED = "cancelled"

WORKFLOW_ID = SearchAttributeKey.for_keyword("ArazzoWorkflowId")
STATUS = SearchAttributeKey.for_keyword("ArazzoStatus")

_PLANS = Plans()


@workflow.defn(name=NAME)
class ArazzoRun:
    """One run."""

    def __init__(self) -> None:
        self._decision: Decision | None = None

    @workflow.signal(name="decide")
    def decide(self, decision: str) -> None:
        """Take the user's decision about a request whose answer is unknown."""
        self._decision = decode(decision)

    @workflow.run
    async def run(self, text: str) -> str:
        """Run a job to its end; return the outcome."""
        job = Job.from_json(text)
        plan = _PLANS.of(job)
        turn = _first(job, plan)
        self._tell(job, "running")
        try:
            while turn.outcome is None:
                # Only before a request: a wait is due at its time, wherever the run continues.
                if isinstance(turn.effect, Send) and workflow.info().is_continue_as_new_suggested():
                    workflow.continue_as_new(job.going_on(turn).to_json())
                turn = advance(plan, turn.state, await self._answer(job, plan, turn))
        except asyncio.CancelledError:
            turn = abandon(plan, turn.state, CANCELLED, "the run was cancelled", at=workflow.time())
        self._tell(job, _status(turn))
        return encode(turn.outcome)

    async def _answer(self, job: Job, plan: Plan, turn: Turn) -> Answer:
        match turn.effect:
            case Sleep(seconds):
                if seconds > 0:
                    await workflow.sleep(seconds)
                return Woke(workflow.time())
            case Send() as effect:
                return await self._sent(job, plan, turn, effect)
            case Subscribe() | Publish() | Receive():
                return unable(workflow.time())
            case None:
                raise RuntimeError("a turn without an outcome has an effect")

    async def _sent(self, job: Job, plan: Plan, turn: Turn, effect: Send) -> Answer:
        """The answer to a request. One that may not be sent twice is tried once; then the user has to say."""
        repeatable = not is_ambiguous(plan, turn.state)
        while True:
            try:
                return await self._try(job, effect, attempts=0 if repeatable else 1)
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise asyncio.CancelledError from None
            self._decision = None
            self._tell(job, AMBIGUOUS)
            await workflow.wait_condition(lambda: self._decision is not None)
            decision = self._decision
            self._tell(job, "running")
            if decision is not None and decision.answer is not None:
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


def _first(job: Job, plan: Plan) -> Turn:
    """The turn that a job begins or continues with."""
    kept = job.kept_state()
    if kept is None:
        return start(plan, job.inputs, at=workflow.time(), identity=job.id)
    state, pending = kept
    return Turn(state, (), Send(request_of(state), pending.timeout), None)


def _status(turn: Turn) -> str:
    outcome = turn.outcome
    if outcome is None:
        return "running"
    return CANCELLED if outcome.reason is not None and outcome.reason.code == CANCELLED else outcome.status
