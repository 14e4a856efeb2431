"""A run during one turn: what ``flow`` moves (F1 to F9).

``Run`` owns the state while the turn lasts, and works on the last frame until the world is needed or the run has ended.
Nested workflows are frames, ``goto`` and ``retry`` are moves: nothing here calls itself as a run goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from arazzo_runner.effects import Answer, Answered, Failed, Response, Send, Sleep, Woke
from arazzo_runner.engine import step as attempts
from arazzo_runner.engine.authentication import Authentication
from arazzo_runner.engine.events import (
    AttemptFinished,
    AttemptStarted,
    CriterionOutcome,
    Reason,
    Waiting,
    WorkflowEntered,
    WorkflowLeft,
)
from arazzo_runner.engine.failures import failed_attempt
from arazzo_runner.engine.inputs import check_inputs, with_defaults
from arazzo_runner.engine.plan import MAX_DEPTH, PlannedAction, PlannedWorkflow
from arazzo_runner.engine.prerequisites import completed_elsewhere, not_completed
from arazzo_runner.engine.records import action_taken, attempt_record
from arazzo_runner.engine.state import Arrival, Finished, Frame, Phase, Prepared, Purpose, Sent, Suspended
from arazzo_runner.errors import InvalidState, StepError
from arazzo_runner.openapi.request.cookies import stored
from arazzo_runner.openapi.request.idempotency import idempotency_key


class Run(Authentication):
    """The moves of a run."""

    def move(self) -> None:
        """Move until the world is needed or the run has ended."""
        while self.effect is None and self.outcome is None:
            self.enter()

    def take(self, answer: Answer) -> None:
        """Take the answer to the effect that the last turn asked for."""
        match self.frame.phase, answer:
            case Phase.SENDING, Answered(response):
                if response.status == 401 and self.challenged(response):
                    self.begin()
                else:
                    self.conclude(response=response, duration=answer.duration)
            case Phase.AUTHENTICATING, Answered() | Failed():
                self.authenticated(answer)
            case Phase.SENDING, Failed():
                self.lost(answer)
            case Phase.PACING, Woke() if self.frame.prepared is not None:
                if not self.out_of_time():
                    self.send(self.frame.prepared)
            case Phase.RETRYING, Woke():
                if not self.out_of_time():
                    self.again()
            case phase, _:
                raise InvalidState(f"a run that is {phase.value} cannot take {type(answer).__name__}")

    # Entering a step

    def enter(self) -> None:
        """Begin what the last frame has before it: a workflow it depends on, a step, or its end."""
        frame, workflow = self.frame, self.workflow
        for key in workflow.depends_on:
            dependency = self.plan.workflows[key]
            done = self.completed.get(key)
            if done is None:
                self.call(key, Purpose.DEPENDENCY, self.inputs_by_name(dependency))
                return
            if dependency.workflow_id not in frame.workflows:
                self.frame = frame = replace(frame, workflows={**frame.workflows, dependency.workflow_id: done})
        if frame.position >= len(workflow.steps):
            self.leave(succeeded=True)
            return
        if self.out_of_time() or self.out_of_steps() or self.too_early():
            return
        self.attempts += 1
        step = self.step
        if step.workflow is not None:
            self.frame = replace(frame, started_at=self.now)
            try:
                given = attempts.inputs_of(step.parameters, attempts.scope_of(workflow, frame))
            except StepError as error:
                self.stop(error.code, error.message, hint=error.hint)
                return
            self.call(step.workflow, Purpose.STEP, given)
            return
        self.frame = replace(frame, started_at=self.now, challenged=False, challenge=None, discovered=None, fetched=())
        self.begin()

    def too_early(self) -> bool:
        """Return whether the step at hand depends on one that has not completed, which ends the run (F8)."""
        frame, step = self.frame, self.step
        needed = not_completed(self.workflow, step, frame)
        if needed is not None:
            self.unmet(f"the step {needed.step_id!r}", f"lead to {needed.step_id!r} first")
            return True
        for other in step.depends_elsewhere:
            known = completed_elsewhere(other, self.frames, self.completed, self.plan.workflows)
            if known is False:
                hint = f"run the workflow {other.workflow_id!r} before: name it in dependsOn of this workflow"
                self.unmet(other.reference, hint)
                return True
            if known is None and frame.attempt == 1 and step.step_id not in frame.steps:
                message = f"the step {step.step_id!r} depends on {other.reference}"
                self.warn(f"{message}: whether that has completed is not checked", step_id=step.step_id)
        return False

    def unmet(self, needed: str, hint: str) -> None:
        message = f"the step {self.step.step_id!r} depends on {needed}, which has not completed"
        self.stop("dependency-failed", message, hint=hint)

    def begin(self) -> None:
        """Build the request of the attempt at hand, and get it on its way."""
        frame = self.frame
        key = idempotency_key(self.state.identity, frame.workflow, self.step.step_id, self.attempts)
        held = attempts.Held(self.usable_tokens(), frame.challenge, key, self.usable_cookies(), frame.last_url)
        try:
            scope = attempts.scope_of(self.workflow, frame)
            prepared = attempts.prepare(self.step, scope, self.plan.options, held)
        except StepError as error:
            # V1, V6, H2, H3: nothing of the step is sent, and no action is tried.
            self.stop(error.code, error.message, hint=error.hint)
            return
        if isinstance(prepared, attempts.TokenWanted):
            self.authenticate(prepared)
            return
        if frame.challenged or not self.paced(prepared):
            self.send(prepared)

    @property
    def sent_key(self) -> str:
        return f"{self.frame.workflow}/{self.step.step_id}"

    def paced(self, prepared: Prepared) -> bool:
        """Return whether the request has to wait first (F5)."""
        last = self.frame.sent.get(self.sent_key)
        if self.frame.arrival is not Arrival.GOTO or last is None or last.digest != prepared.digest:
            return False
        seconds = last.retry_after if last.retry_after is not None else self.plan.options.poll_interval
        if self.plan.options.poll_interval == 0 or seconds <= 0:
            return False
        self.frame = replace(self.frame, prepared=prepared)
        self.wait(seconds, Phase.PACING, "pacing")
        return True

    def send(self, prepared: Prepared) -> None:
        frame, step = self.frame, self.step
        self.requests += 1
        self.frame = replace(frame, prepared=prepared, phase=Phase.SENDING, started_at=self.now)
        workflow_id = self.workflow.workflow_id
        self.tell(AttemptStarted(workflow_id, step.step_id, frame.attempt, self.depth, prepared.request, self.now))
        left = self.time_left()
        limits = [seconds for seconds in (step.timeout, left) if seconds is not None]
        self.effect = Send(prepared.request, min(limits) if limits else None)

    def wait(self, seconds: float, phase: Phase, why: str) -> None:
        """Ask for a wait, no longer than one may be (F4) and than the run has left (F6)."""
        seconds = min(seconds, self.plan.options.max_retry_after)
        left = self.time_left()
        if left is not None:
            seconds = max(0.0, min(seconds, left))
        self.frame = replace(self.frame, phase=phase)
        self.tell(Waiting(self.workflow.workflow_id, self.step.step_id, seconds, why, self.now))
        self.effect = Sleep(seconds)

    # Concluding an attempt

    def lost(self, answer: Failed) -> None:
        """No response came (C7)."""
        if answer.code == "replay-miss":
            reason = Reason("replay-miss", answer.message, self.step.step_id, place=self.step.spot.place)
            self.record(reason=reason, duration=answer.duration, prepared=self.frame.prepared)
            self.end(reason)
        elif answer.code == "timeout" and (self.step.timeout is None or self.time_left() == 0):
            self.time_is_up()
        else:
            reason = Reason(answer.code, answer.message, self.step.step_id, place=self.step.spot.place)
            self.conclude(failure=reason, duration=answer.duration)

    def conclude(
        self,
        *,
        response: Response | None = None,
        failure: Reason | None = None,
        child: Finished | None = None,
        duration: float = 0.0,
    ) -> None:
        """Judge the attempt at hand, keep its outputs, and do what follows."""
        frame, workflow, step = self.frame, self.workflow, self.step
        prepared = frame.prepared
        if prepared is not None:
            self.exchange = (prepared, response)
            if response is not None and self.plan.options.cookies:
                self.cookies = stored(self.cookies, prepared.request.url, response.headers, self.now)
            last = Sent(prepared.digest, attempts.retry_after(response, self.now))
            self.frame = frame = replace(
                frame, prepared=None, sent={**frame.sent, self.sent_key: last}, last_url=prepared.request.url
            )
        scope = attempts.scope_of(workflow, frame, prepared=prepared, response=response, child=child)
        judged: list[CriterionOutcome] = []
        if failure is None:
            judged = attempts.judge(step.criteria, scope)
            failure = failed_attempt(step, judged, response, child)
        outputs: dict[str, Any] = {}
        if failure is None:
            if step.outputs is None:
                outputs = dict(child.outputs) if child is not None else {}
            else:
                outputs, _ = attempts.outputs_of(step.outputs, scope)
            self.frame = frame = replace(frame, steps={**frame.steps, step.step_id: outputs})
            scope = attempts.scope_of(workflow, frame, prepared=prepared, response=response, child=child)
        chosen = None
        if frame.suspended is None:
            actions = step.on_success if failure is None else step.on_failure
            chosen = attempts.choose(actions, scope, frame.retries)
        taken = action_taken(self.plan, frame, chosen[1] if chosen else None, failed=failure is not None)
        self.record(
            response=response,
            judged=judged,
            reason=failure,
            taken=taken,
            outputs=outputs,
            duration=duration,
            prepared=prepared,
        )
        if frame.suspended is not None:
            self.resume_suspended(frame.suspended)
        elif chosen is not None:
            self.act(*chosen, failure, response)
        elif failure is not None:
            self.leave(succeeded=False, reason=failure)
        else:
            if step.on_success:
                self.warn(
                    f"the step {step.step_id!r} succeeded and none of its actions matched; "
                    + ("the workflow ends" if frame.position + 1 >= len(workflow.steps) else "the next step follows"),
                    step_id=step.step_id,
                )
            self.move_to(frame.position + 1, Arrival.SEQUENCE)

    def record(self, *, duration: float, **found: Any) -> None:
        """Tell the attempt at hand (``attempt_record``)."""
        took = duration or self.now - self.frame.started_at
        attempt = attempt_record(self.workflow, self.frame, depth=self.depth, duration=took, **found)
        self.tell(AttemptFinished(attempt, self.now))

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
                self.transfer(action)
            case _:
                self.move_to(action.step or 0, Arrival.GOTO)

    def move_to(self, position: int, arrival: Arrival) -> None:
        self.frame = replace(
            self.frame, position=position, phase=Phase.ENTERING, arrival=arrival, attempt=1, retries={}
        )

    def retry(self, index: int, action: PlannedAction, response: Response | None) -> None:
        """Count the retry, wait, and go on in ``again``."""
        key = str(index)
        retries = {**self.frame.retries, key: self.frame.retries.get(key, 0) + 1}
        self.frame = replace(self.frame, retries=retries, retrying=index)
        asked = attempts.retry_after(response, self.now)
        seconds = asked if asked is not None else action.retry_after or 0.0
        if seconds > 0:
            self.wait(seconds, Phase.RETRYING, "retry")
        else:
            self.again()

    def again(self) -> None:
        """Attempt the step anew, after the step or workflow that its retry action names (F4)."""
        frame, step = self.frame, self.step
        action = step.on_failure[frame.retrying]
        self.frame = replace(frame, phase=Phase.ENTERING, arrival=Arrival.RETRY, attempt=frame.attempt + 1)
        if action.step is not None and action.step != frame.position:
            waiting = Suspended(frame.position, frame.attempt + 1, frame.retries)
            self.frame = replace(self.frame, position=action.step, attempt=1, retries={}, suspended=waiting)
        elif action.workflow is not None:
            target = self.plan.workflows[action.workflow]
            given = self.given(action, target)
            if given is not None:
                self.call(action.workflow, Purpose.RETRY, given)

    def resume_suspended(self, waiting: Suspended) -> None:
        self.frame = replace(
            self.frame,
            position=waiting.position,
            attempt=waiting.attempt,
            retries=waiting.retries,
            suspended=None,
            phase=Phase.ENTERING,
            arrival=Arrival.RETRY,
        )

    def given(self, action: PlannedAction, target: PlannedWorkflow) -> dict[str, Any] | None:
        """The inputs that an action gives to a workflow: its parameters, else the inputs of the same name (F3)."""
        prepared, response = self.exchange or (None, None)
        scope = attempts.scope_of(self.workflow, self.frame, prepared=prepared, response=response)
        try:
            return {**self.inputs_by_name(target), **attempts.inputs_of(action.parameters, scope)}
        except StepError as error:
            self.stop(error.code, error.message, hint=error.hint)
            return None

    def inputs_by_name(self, target: PlannedWorkflow) -> dict[str, Any]:
        inputs = self.frame.inputs
        return {name: inputs[name] for name in target.declared_inputs if name in inputs}

    def transfer(self, action: PlannedAction) -> None:
        """``goto`` a workflow: it takes the place of this one, for good (F3)."""
        key = action.workflow or ""
        target = self.plan.workflows[key]
        given = self.given(action, target)
        if given is None:
            return
        frame = self.frame
        self.frame = Frame(
            key,
            frame.called_as,
            frame.purpose,
            with_defaults(target.input_schema, given),
            arrival=Arrival.GOTO,
            sent=frame.sent,
        )
        self.exchange = None
        self.tell(WorkflowEntered(target.workflow_id, self.depth, "goto", self.now))

    def call(self, key: str, purpose: Purpose, given: Mapping[str, Any]) -> None:
        """Run a workflow for the last frame (F7, F8)."""
        target = self.plan.workflows[key]
        if len(self.frames) >= MAX_DEPTH:
            self.stop("depth", f"workflows call one another more than {MAX_DEPTH} deep")
            return
        values = with_defaults(target.input_schema, dict(given))
        for error in check_inputs(target.input_schema, values, secret=tuple(values), undeclared=True):
            self.warn(f"{target.workflow_id}: {error}", step_id=self.step_id())
        self.frame = replace(self.frame, phase=Phase.CALLING)
        self.frames.append(Frame(key, target.workflow_id, purpose, values, started_at=self.now))
        self.exchange = None
        cause = "dependsOn" if purpose is Purpose.DEPENDENCY else purpose.value
        self.tell(WorkflowEntered(target.workflow_id, self.depth, cause, self.now))

    # Ends

    def leave(self, *, succeeded: bool, reason: Reason | None = None) -> None:
        """End the last frame's workflow and hand its result to what it was started for."""
        frame = self.frame
        outputs = self.workflow_outputs(warn=succeeded)
        done = Finished(frame.inputs, outputs, succeeded)
        if frame.purpose is Purpose.RUN:
            self.finish(outputs, reason)
            return
        status: Any = "succeeded" if succeeded else "failed"
        self.tell(WorkflowLeft(self.workflow.workflow_id, self.depth, status, outputs, self.now))
        self.frames.pop()
        self.exchange = None
        self.frame = replace(self.frame, phase=Phase.ENTERING)
        if frame.purpose is Purpose.DEPENDENCY:
            self.completed[frame.workflow] = done
        self.frame = replace(self.frame, workflows={**self.frame.workflows, frame.called_as: done})
        if frame.purpose is Purpose.STEP:
            self.conclude(child=done)
        elif frame.purpose is Purpose.DEPENDENCY and not succeeded:
            why = f": {reason.message}" if reason else ""
            self.stop("dependency-failed", f"the workflow {frame.called_as!r}, which this one depends on, failed{why}")
