"""A run on a cluster, followed from its history: one more world, whose answers are those that Temporal has recorded.

The follower takes the same turns as the workflow did, from the same answers at the same times, so that every listener,
report and check sees a run on a cluster as it sees any other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from temporalio.api.enums.v1 import EventType, TimeoutType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.service import RPCError

from arazzo_runner.effects import Answered, Failed, MessageAnswer, MessageEffect, Send
from arazzo_runner.errors import JournalError
from arazzo_runner.runtime.decisions import Decision
from arazzo_runner.runtime.drivers import Abandoned
from arazzo_runner.runtime.durable.resumption import AMBIGUOUS, MISSED
from arazzo_runner.runtime.serialization import decode
from arazzo_runner.runtime.temporal.messages import ClusterMessages, Unanswered, decides
from arazzo_runner.runtime.temporal.workflow import CANCELLED

if TYPE_CHECKING:
    from temporalio.api.failure.v1 import Failure
    from temporalio.client import Client
    from temporalio.converter import DataConverter

_LONGEST = 300
"""Characters of what a worker says that are shown."""
_UNKNOWN = "a worker was lost with a request under way: it may have been carried out or not"
_DECIDE = {
    AMBIGUOUS: "look whether it was, then: arazzo resume ID --skip STATUS if so, --resend if not",
    MISSED: "continue all the same: arazzo resume ID --accept-missed",
}
_BEGUN = frozenset({EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, EventType.EVENT_TYPE_TIMER_STARTED})
_OVER = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
    }
)
_FAULTS = frozenset(
    {
        WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE,
        WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR,
    }
)
"""Why a worker fails again and again; other causes pass by themselves."""
_CONTINUED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW


class Happened(Struct, frozen=True):
    """Something of a history that a run waits for.

    Attributes:
        kind: ``task`` (the workflow has taken in what follows), ``answer``, ``woke``, ``unanswered``, ``decision``,
            ``forgot``, ``cancel``, ``failing`` (a worker could not take it in), ``asked`` (it waits for something),
            ``present`` (what follows is still to come) or ``over``.
        value: the answer, the decision, the source that was forgotten, whether what is unanswered was begun, or why
            the worker could not.
        at: the time that the workflow saw, of a ``task``.
    """

    kind: str
    value: Any = None
    at: float = 0.0


class Exhausted(Exception):
    """A history that is not waited for has no more."""


class Histories:
    """The history of a run, through all its continuations, as what a run waits for.

    Args:
        first: the id of the first execution.
        wait: for what is still to come; else it ends with what there is.
    """

    def __init__(self, client: Client, workflow_id: str, first: str, *, wait: bool) -> None:
        self._client = client
        self._workflow_id = workflow_id
        self._first = first
        self._wait = wait

    async def happened(self) -> AsyncIterator[Happened]:
        """Yield the events in order, each when the workflow has taken it in, with the time that it saw."""
        run_id = self._first
        while run_id:
            taken_in: list[Happened] = []
            started, following = 0.0, ""
            async for event in self._events(run_id):
                match event:
                    case None:
                        yield Happened("present")
                    case HistoryEvent(event_type=EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED):
                        started = event.event_time.ToNanoseconds() / 1e9
                    case HistoryEvent(event_type=EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED):
                        yield Happened("task", at=started)
                        for one in taken_in:
                            yield one
                        taken_in.clear()
                    case HistoryEvent(event_type=EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED):
                        failed = event.workflow_task_failed_event_attributes
                        if failed.cause in _FAULTS:
                            yield Happened("failing", await _why(self._client.data_converter, failed.failure))
                    case HistoryEvent(event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW):
                        attributes = event.workflow_execution_continued_as_new_event_attributes
                        following = attributes.new_execution_run_id
                        yield Happened("asked")
                    case HistoryEvent(event_type=kind) if kind in _OVER:
                        yield Happened("over", EventType.Name(kind))
                    case HistoryEvent(event_type=kind) if kind in _BEGUN:
                        yield Happened("asked")
                    case _:
                        found = await self._of(event)
                        # A workflow takes in signals before all else.
                        place = 0 if found is not None and found.kind == "forgot" else len(taken_in)
                        taken_in[place:place] = [found] if found is not None else []
            run_id = following

    async def _events(self, run_id: str) -> AsyncIterator[HistoryEvent | None]:
        """The events of one execution; None between those that there are and those that are still to come."""
        handle = self._client.get_workflow_handle(self._workflow_id, run_id=run_id)
        last = 0
        over = False
        async for event in handle.fetch_history_events():
            last = event.event_id
            over = event.event_type in _OVER or event.event_type == _CONTINUED
            yield event
        if over or not self._wait:
            return
        yield None
        async for event in handle.fetch_history_events(wait_new_event=True):
            if event.event_id > last:
                yield event

    async def _of(self, event: HistoryEvent) -> Happened | None:
        match event.event_type:
            case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
                result = event.activity_task_completed_event_attributes.result
                text = await _text(self._client.data_converter, result.payloads)
                return Happened("answer", None if text is None else decode(text))
            case EventType.EVENT_TYPE_TIMER_FIRED:
                return Happened("woke")
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                given = event.workflow_execution_signaled_event_attributes
                text = await _text(self._client.data_converter, given.input.payloads)
                is_place = given.signal_name == "forgot"
                return Happened("forgot", text) if is_place else Happened("decision", decode(text))
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
                return Happened("cancel")
            case EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
                info = event.activity_task_timed_out_event_attributes.failure.timeout_failure_info
                return Happened("unanswered", info.timeout_type != TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED:
                return Happened("unanswered", value=True)
            case _:
                return None


async def _text(converter: DataConverter, payloads: Any) -> Any:
    """The text that was given; None of what has no answer."""
    [text] = await converter.decode(list(payloads), [str]) if payloads else [None]
    return text


async def _why(converter: DataConverter, failure: Failure) -> str:
    """Why a worker could not continue, in a line. What it says is sealed with the key that it has."""
    try:
        error = await converter.decode_failure(failure)
    except JournalError as unopened:
        return f"a worker has another key: what it says, {unopened.message.removeprefix('it ')}"
    said = getattr(error, "message", "") or str(error)
    return said.splitlines()[0][:_LONGEST] if said else "a worker failed without a word"


class HistoryWorld:
    """A world that answers from a run's history (``drivers.AsyncWorld``).

    Args:
        stop: when it is set the run is not followed any more; it continues anyway.
        hint: how to follow it again.
        decisions: how many the user has made of requests whose answers are not known; the last may be on its way.
        failing: is called with why workers fail to continue, while they do.
    """

    def __init__(
        self,
        histories: Histories,
        *,
        stop: asyncio.Event | None = None,
        hint: str = "",
        decisions: int = 0,
        failing: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._happened = histories.happened()
        self._messages = ClusterMessages(self)
        self._stop = stop
        self._hint = hint
        self._decisions = decisions
        self._now = 0.0
        self._failing = failing
        self._fault = ""  # of the last task, while what there is is still being read
        self._present = False
        self._over: Abandoned | None = None  # why the history is followed no longer

    async def begin(self) -> None:
        """Wait until the run has begun; its first turn is taken at the time that the workflow saw then.

        Who stops following before that learns so at the first effect, as at any other.

        Raises:
            Exhausted: no worker has taken it up yet, and that is not waited for.
        """
        while not self._now:
            try:
                await self._next()
            except Abandoned:
                self._now = time.time()

    def now(self) -> float:
        """The time that the workflow saw."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until the timer of this wait has fired."""
        if seconds > 0:
            await self._expect("woke")

    async def send(self, effect: Send) -> Answered | Failed:  # noqa: ARG002 - a worker sends it
        """The answer to this request."""
        happened = await self._expect("answer", "unanswered")
        while happened.kind == "unanswered":
            decision = await self.decided(AMBIGUOUS, _UNKNOWN)
            if decision.answer is not None:
                return Answered(decision.answer, self._now)
            happened = await self._expect("answer", "unanswered")
        if isinstance(happened.value, Answered | Failed):
            return happened.value
        raise JournalError("the history of the run is not one of this release")

    async def exchange(self, effect: MessageEffect) -> MessageAnswer:
        """The answer to what is asked over messages."""
        return await self._messages.exchange(effect)

    async def ask(self, activity: str, effect: MessageEffect, queue: str) -> Any:  # noqa: ARG002 - a worker was asked
        """The answer of the worker that was asked (``messages.Post``)."""
        happened = await self._expect("answer", "unanswered")
        return Unanswered(begun=bool(happened.value)) if happened.kind == "unanswered" else happened.value

    async def decided(self, code: str, message: str) -> Decision:
        """Return the user's decision about a request whose answer is unknown, or about messages that may be missed.

        Raises:
            Abandoned: nothing so far.
        """
        while not self._present or self._decisions > 0:
            try:
                happened = await self._next()
            except Exhausted:
                break
            if happened.kind == "decision" and isinstance(happened.value, Decision):
                self._decisions -= 1
                if decides(happened.value, code):
                    return happened.value
        raise Abandoned(code, message, hint=_DECIDE[code])

    async def _expect(self, *kinds: str) -> Happened:
        while True:
            happened = await self._next()
            match happened.kind:
                case kind if kind in kinds:
                    return happened
                case "cancel":
                    raise Abandoned(CANCELLED, "the run was cancelled")
                case "over":
                    raise JournalError(f"the run has ended on the cluster: {happened.value}")
                case _:
                    pass

    async def _next(self) -> Happened:
        if self._over is not None:
            raise self._over
        try:
            happened = await self._unless_stopped(anext(self._happened))
        except StopAsyncIteration:
            raise Exhausted from None
        except RPCError as error:
            message = f"the cluster is not reached any more ({error.message}); the run continues there"
            self._over = Abandoned("interrupted", message, hint=self._hint)
            raise self._over from None
        match happened.kind:
            case "task":
                self._now = max(self._now, happened.at)
                self._fault = ""
            case "failing":
                self._fault = happened.value
            case "present":
                self._present = True
            case "forgot":
                self._messages.forget(happened.value)
            case _:
                pass
        if self._present and self._fault:
            self._failing(self._fault)
            self._fault = ""
        return happened

    async def _unless_stopped(self, coming: Awaitable[Happened]) -> Happened:
        if self._stop is None:
            return await coming
        next_one = asyncio.ensure_future(coming)
        stopped = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({next_one, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not next_one.done():
            next_one.cancel()
            self._over = Abandoned("interrupted", "the run is no longer followed; it continues", hint=self._hint)
            raise self._over
        return next_one.result()
