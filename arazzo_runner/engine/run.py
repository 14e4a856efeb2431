"""A run during one turn: what ``flow`` moves (F1 to F9).

``Run`` works on the last frame until the world is needed or the run has ended.
Nested workflows are frames, ``goto`` and ``retry`` are moves: nothing here calls itself as a run proceeds.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from arazzo_runner.effects import Answer, Answered, Failed, Published, Received, Response, Send, Subscribed, Woke
from arazzo_runner.engine import step as attempts
from arazzo_runner.engine.absent.absences import Absence
from arazzo_runner.engine.absent.missing import Missing
from arazzo_runner.engine.authentication import Authentication
from arazzo_runner.engine.calls import Calls
from arazzo_runner.engine.events import (
    Attempt,
    AttemptFinished,
    AttemptStarted,
    CriterionOutcome,
    Reason,
    WorkflowLeft,
)
from arazzo_runner.engine.exchange import Exchange
from arazzo_runner.engine.failures import after_retries, failed_attempt
from arazzo_runner.engine.judgement import JudgedAttempt
from arazzo_runner.engine.pacing import Pacing
from arazzo_runner.engine.plan import Plan, PlannedAction
from arazzo_runner.engine.prerequisites import Prerequisites
from arazzo_runner.engine.records import action_taken, attempt_record
from arazzo_runner.engine.scopes import scope_of
from arazzo_runner.engine.stack import Stack
from arazzo_runner.engine.state import (
    Arrival,
    Finished,
    Phase,
    Prepared,
    Purpose,
    RunState,
    Suspended,
    with_outputs,
)
from arazzo_runner.errors import InvalidState, StepError
from arazzo_runner.openapi.request.idempotency import idempotency_key

if TYPE_CHECKING:
    from arazzo_runner.engine.messages.messaging import MessageSteps
    from arazzo_runner.engine.messages.seen import MessageExchange


class Run:
    """The moves of a run: a stack of frames, and the parts that work on it.

    Attributes:
        stack: owns the state while the turn lasts.
    """

    def __init__(self, plan: Plan, state: RunState) -> None:
        self.stack = Stack(plan, state)
        self.missing = Missing(self.stack)
        self.pacing = Pacing(self.stack)
        self.prerequisites = Prerequisites(self.stack)
        self.calls = Calls(self.stack, self.missing)
        self.authentication = Authentication(self.stack)

    @cached_property
    def messaging(self) -> MessageSteps:
        """The part that exchanges messages, which most runs do not need."""
        from arazzo_runner.engine.messages.messaging import MessageSteps

        return MessageSteps(self.stack, self.missing, self.exchanged)

    def move(self) -> None:
        """Move until the world is needed or the run has ended."""
        while self.stack.effect is None and self.stack.outcome is None:
            self.enter()

    def take(self, answer: Answer) -> None:
        """Take the answer to the effect that the last turn asked for."""
        match self.stack.frame.phase, answer:
            case Phase.SENDING, Answered(response):
                if response.status == 401 and self.authentication.challenged(response):
                    self.begin()
                else:
                    self.conclude(response=response, duration=answer.duration)
            case Phase.AUTHENTICATING, Answered() | Failed():
                if self.authentication.authenticated(answer):
                    self.begin()
            case Phase.SENDING, Failed():
                self.lost(answer)
            case Phase.SUBSCRIBING, Subscribed():
                self.messaging.subscribed(answer)
            case Phase.PUBLISHING, Published():
                self.messaging.published(answer)
            case Phase.RECEIVING, Received():
                self.messaging.received(answer)
            case Phase.SUBSCRIBING | Phase.PUBLISHING | Phase.RECEIVING, Failed():
                self.messaging.failed(answer)
            case Phase.PACING, Woke() if self.stack.frame.prepared is not None:
                if not self.stack.out_of_time():
                    self.send(self.stack.frame.prepared)
            case Phase.RETRYING, Woke():
                if not self.stack.out_of_time():
                    self.again()
            case phase, _:
                raise InvalidState(f"a run that is {phase.value} cannot take {type(answer).__name__}")

    def rebuild(self) -> None:
        """Undo the beginning of the attempt at hand, so that its request is built from the state as it is now."""
        frame = self.stack.frame
        if frame.phase is Phase.SENDING:
            self.stack.requests -= 1
        if frame.underway is None or frame.underway.subscription is None or frame.underway.in_step:
            self.stack.attempts -= 1
        self.stack.frame = replace(frame, prepared=None, underway=None, phase=Phase.ENTERING)

    # Entering a step

    def enter(self) -> None:
        """Begin what the last frame has before it: a workflow it depends on, a step, or its end."""
        if self.stack.plan.receivers and self.messaging.subscribing.next():
            return
        frame, workflow = self.stack.frame, self.stack.workflow
        for key in workflow.depends_on:
            dependency = self.stack.plan.workflows[key]
            done = self.stack.completed.get(key)
            if done is None:
                self.calls.call(key, Purpose.DEPENDENCY, self.calls.inputs_by_name(dependency))
                return
            if dependency.workflow_id not in frame.workflows:
                self.stack.frame = frame = replace(
                    frame, workflows=frame.workflows.having(dependency.workflow_id, done)
                )
        if frame.position >= len(workflow.steps):
            self.leave(succeeded=True)
            return
        if self.stack.out_of_time() or self.stack.out_of_steps() or self.prerequisites.too_early():
            return
        self.stack.attempts += 1
        step = self.stack.step
        if step.workflow is not None:
            self.stack.frame = replace(frame, started_at=self.stack.now)
            try:
                given = attempts.inputs_of(step.parameters, scope_of(workflow, frame))
            except StepError as error:
                self.missing.stop_for(error)
                return
            if self.missing.report_left_out():
                return
            self.calls.call(step.workflow, Purpose.STEP, given)
            return
        self.stack.frame = replace(
            frame, started_at=self.stack.now, challenged=False, challenge=None, discovered=None, fetched=()
        )
        self.begin()

    def begin(self) -> None:
        """Build the request or the message of the attempt at hand, and get it on its way."""
        if self.stack.step.exchange is not None:
            self.messaging.begin()
            return
        frame = self.stack.frame
        key = idempotency_key(self.stack.state.identity, frame.workflow, self.stack.step.step_id, self.stack.attempts)
        tokens, cookies = self.authentication.usable_tokens(), self.stack.usable_cookies()
        held = attempts.Held(tokens, frame.challenge, key, cookies, frame.last_url)
        try:
            scope = scope_of(self.stack.workflow, frame)
            prepared = attempts.prepare(self.stack.step, scope, self.stack.plan.options, held)
        except StepError as error:
            # V1, V6, H2, H3: nothing of the step is sent, and no action is tried.
            self.missing.stop_for(error)
            return
        if self.missing.report_left_out():
            return
        if isinstance(prepared, attempts.TokenWanted):
            self.authentication.authenticate(prepared)
            return
        if frame.challenged or not self.pacing.paced(prepared):
            self.send(prepared)

    def send(self, prepared: Prepared) -> None:
        frame, step = self.stack.frame, self.stack.step
        self.stack.requests += 1
        self.stack.frame = replace(frame, prepared=prepared, phase=Phase.SENDING, started_at=self.stack.now)
        workflow_id = self.stack.workflow.workflow_id
        self.stack.tell(
            AttemptStarted(workflow_id, step.step_id, frame.attempt, self.stack.depth, prepared.request, self.stack.now)
        )
        left = self.stack.time_left()
        limits = [seconds for seconds in (step.timeout, left) if seconds is not None]
        self.stack.effect = Send(prepared.request, min(limits) if limits else None)

    # Concluding an attempt

    def lost(self, answer: Failed) -> None:
        """No response came (C7)."""
        if answer.code == "replay-miss":
            reason = Reason("replay-miss", answer.message, self.stack.step.step_id, place=self.stack.step.spot.place)
            prepared = self.stack.frame.prepared
            exchange = None if prepared is None else Exchange.of(prepared, None, self.stack.step.operation)
            self.record(reason=reason, duration=answer.duration, exchange=exchange)
            self.stack.end(reason)
        elif answer.code == "timeout" and (self.stack.step.timeout is None or self.stack.time_left() == 0):
            self.stack.time_is_up()
        else:
            reason = Reason(answer.code, answer.message, self.stack.step.step_id, place=self.stack.step.spot.place)
            self.conclude(failure=reason, duration=answer.duration)

    def exchanged(self, made: MessageExchange, failure: Reason | None, duration: float, *, ends: bool) -> None:
        """Conclude an attempt that has exchanged a message or failed to; ``ends`` the run, no action tried."""
        self.stack.exchange = made
        if ends and failure is not None:
            self.record(exchange=made, reason=failure, duration=duration)
            self.stack.end(failure)
        else:
            self.conclude(failure=failure, duration=duration)

    def conclude(
        self,
        *,
        response: Response | None = None,
        failure: Reason | None = None,
        child: Finished | None = None,
        cause: Reason | None = None,
        duration: float = 0.0,
    ) -> None:
        """Judge the attempt at hand, keep its outputs, and do what follows.

        Args:
            child: the workflow that the step called; the last exchange is the child's (F7).
            cause: why that workflow failed.
        """
        frame, workflow, step = self.stack.frame, self.stack.workflow, self.stack.step
        prepared = frame.prepared
        if prepared is not None:
            self.stack.exchange = Exchange.of(prepared, response, step.operation)
            if response is not None and self.stack.plan.options.cookies:
                from arazzo_runner.openapi.request.cookies import stored

                self.stack.cookies = stored(self.stack.cookies, prepared.request.url, response.headers, self.stack.now)
            frame = self.pacing.remember(prepared, response)
        seen = self.stack.exchange
        scope = asked_in = scope_of(workflow, frame, seen, child=child)
        judged: list[CriterionOutcome] = []
        if failure is None:
            judged = attempts.judge(step.criteria, scope)
            failure = failed_attempt(step, judged, seen, child, cause)
        outputs: dict[str, Any] = {}
        absent: dict[str, Absence] = {}
        if failure is None:
            if step.outputs is None:
                outputs = dict(child.outputs) if child is not None else {}
            else:
                outputs, absent = attempts.outputs_of(step.outputs, scope)
            self.stack.frame = frame = with_outputs(frame, step.step_id, outputs, absent)
            scope = scope_of(workflow, frame, seen, child=child)
        chosen = None
        if frame.suspended is None:
            actions = step.on_success if failure is None else step.on_failure
            chosen = attempts.choose(actions, scope, frame.retries)
            if failure is not None and (chosen is None or chosen[1].type != "retry"):
                failure = after_retries(failure, attempts.used_up(actions, scope, frame.retries))
        taken = action_taken(self.stack.plan, frame, chosen[1] if chosen else None, failed=failure is not None)
        attempt = self.record(
            exchange=seen if step.workflow is None else None,
            judged=judged,
            reason=failure,
            taken=taken,
            outputs=outputs,
            duration=duration,
        )
        self.stack.judged.append(JudgedAttempt(workflow, step, attempt, asked_in, scope, frame, chosen and chosen[0]))
        if frame.suspended is not None:
            self.resume_suspended(frame.suspended)
        elif chosen is not None:
            self.act(*chosen, failure, seen.answer if isinstance(seen, Exchange) else None)
        elif failure is not None:
            self.leave(succeeded=False, reason=failure)
        else:
            if step.on_success:
                self.stack.warn(
                    f"the step {step.step_id!r} succeeded and none of its actions matched; "
                    + ("the workflow ends" if frame.position + 1 >= len(workflow.steps) else "the next step follows"),
                    step_id=step.step_id,
                )
            self.move_to(frame.position + 1, Arrival.SEQUENCE)

    def record(self, *, duration: float, **found: Any) -> Attempt:
        """Tell the attempt at hand (``attempt_record``), and return it."""
        took = duration or self.stack.now - self.stack.frame.started_at
        attempt = attempt_record(self.stack.workflow, self.stack.frame, depth=self.stack.depth, duration=took, **found)
        self.stack.tell(AttemptFinished(attempt, self.stack.now))
        return attempt

    # What follows

    def act(self, index: int, action: PlannedAction, failure: Reason | None, response: Response | None) -> None:
        """Do what an action says (F3, F4)."""
        match action.type:
            case "end" if failure is None:
                self.leave(succeeded=True)
            case "end" if failure is not None:
                message = f"the failure action {action.name!r} ended the workflow: {failure.message}"
                reason = replace(failure, code="ended-by-failure-action", message=message)
                self.leave(succeeded=False, reason=reason)
            case "retry":
                self.retry(index, action, response)
            case _ if action.workflow is not None:
                self.calls.transfer(action)
            case _:
                self.move_to(action.step or 0, Arrival.GOTO)

    def move_to(self, position: int, arrival: Arrival) -> None:
        self.stack.frame = replace(
            self.stack.frame, position=position, phase=Phase.ENTERING, arrival=arrival, attempt=1, retries={}
        )

    def retry(self, index: int, action: PlannedAction, response: Response | None) -> None:
        """Count the retry, wait, and continue in ``again``."""
        key = str(index)
        retries = {**self.stack.frame.retries, key: self.stack.frame.retries.get(key, 0) + 1}
        self.stack.frame = replace(self.stack.frame, retries=retries, retrying=index)
        asked = attempts.retry_after(response, self.stack.now)
        seconds = asked if asked is not None else action.retry_after or 0.0
        if seconds > 0:
            self.pacing.wait(seconds, Phase.RETRYING, "retry")
        else:
            self.again()

    def again(self) -> None:
        """Attempt the step again, after the step or workflow that its retry action names (F4)."""
        frame, step = self.stack.frame, self.stack.step
        action = step.on_failure[frame.retrying]
        self.stack.frame = replace(frame, phase=Phase.ENTERING, arrival=Arrival.RETRY, attempt=frame.attempt + 1)
        if action.step is not None and action.step != frame.position:
            waiting = Suspended(frame.position, frame.attempt + 1, frame.retries)
            self.stack.frame = replace(self.stack.frame, position=action.step, attempt=1, retries={}, suspended=waiting)
        elif action.workflow is not None:
            target = self.stack.plan.workflows[action.workflow]
            given = self.calls.given(action, target)
            if given is not None:
                self.calls.call(action.workflow, Purpose.RETRY, given)

    def resume_suspended(self, waiting: Suspended) -> None:
        self.stack.frame = replace(
            self.stack.frame,
            position=waiting.position,
            attempt=waiting.attempt,
            retries=waiting.retries,
            suspended=None,
            phase=Phase.ENTERING,
            arrival=Arrival.RETRY,
        )

    # Ends

    def leave(self, *, succeeded: bool, reason: Reason | None = None) -> None:
        """End the last frame's workflow and hand its result to what it was started for."""
        if self.missing.report_outputs(fatal=succeeded):
            return
        frame = self.stack.frame
        outputs = self.stack.workflow_outputs()
        done = Finished(frame.inputs, outputs, succeeded)
        if frame.purpose is Purpose.RUN:
            options = self.stack.plan.options
            if succeeded and options.expect:
                from arazzo_runner.engine.expectations import broken_expectation

                reason = broken_expectation(options.expect, frame.inputs, outputs, strict=options.strict)
            self.stack.finish(outputs, reason)
            return
        status: Any = "succeeded" if succeeded else "failed"
        self.stack.tell(
            WorkflowLeft(self.stack.workflow.workflow_id, self.stack.depth, status, outputs, self.stack.now)
        )
        self.stack.frames.pop()
        if frame.purpose is not Purpose.STEP:
            self.stack.exchange = None
        self.stack.frame = replace(self.stack.frame, phase=Phase.ENTERING)
        if frame.purpose is Purpose.DEPENDENCY:
            self.stack.completed = self.stack.completed.having(frame.called or frame.workflow, done)
        finished = self.stack.frame.workflows.having(frame.called_as, done)
        self.stack.frame = replace(self.stack.frame, workflows=finished)
        if frame.purpose is Purpose.STEP:
            self.conclude(child=done, cause=reason)
        elif frame.purpose is Purpose.DEPENDENCY and not succeeded:
            why = f": {reason.message}" if reason else ""
            self.stack.stop(
                "dependency-failed", f"the workflow {frame.called_as!r}, which this one depends on, failed{why}"
            )
