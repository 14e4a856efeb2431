"""``start`` and ``advance``: the two functions that move a run (F1 to F9).

A turn works on the last frame until something is needed from the world or the run has ended. Nested workflows are
frames, ``goto`` and ``retry`` are moves: nothing here calls itself as a run goes on, and a state never grows with the
number of its turns.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from arazzo_runner.effects import Answer, Answered, Effect, Failed, Response, Send, Sleep, Woke
from arazzo_runner.engine import step as attempts
from arazzo_runner.engine.events import (
    ActionTaken,
    Attempt,
    AttemptFinished,
    AttemptStarted,
    CriterionOutcome,
    Event,
    Outcome,
    Reason,
    RunFinished,
    RunStarted,
    Waiting,
    Warned,
    WorkflowEntered,
    WorkflowLeft,
)
from arazzo_runner.engine.exchange import ReceivedResponse
from arazzo_runner.engine.failures import failed_attempt
from arazzo_runner.engine.inputs import check_inputs, with_defaults
from arazzo_runner.engine.plan import MAX_DEPTH, Plan, PlannedAction, PlannedStep, PlannedWorkflow
from arazzo_runner.engine.state import Arrival, Finished, Frame, Phase, Prepared, Purpose, RunState, Sent, Suspended
from arazzo_runner.errors import InvalidInputs, InvalidState, StepError


@dataclass(frozen=True, slots=True)
class Turn:
    """What one move of a run gives.

    Attributes:
        state: the run as it is now.
        events: what happened, in order.
        effect: what the run needs next, or None when it has ended.
        outcome: how it ended, or None.
    """

    state: RunState
    events: tuple[Event, ...]
    effect: Effect | None
    outcome: Outcome | None


def start(plan: Plan, inputs: Mapping[str, Any], *, at: float, secret: Collection[str] = ()) -> Turn:
    """Begin a run.

    Args:
        inputs: as the user gave them; defaults are filled in here.
        at: the driver's time, seconds since the epoch.
        secret: names of inputs whose values no error may show (S1).

    Raises:
        InvalidInputs: they break the workflow's schema (V8).
    """
    workflow = plan.workflow
    values = with_defaults(workflow.input_schema, dict(inputs))
    errors = check_inputs(workflow.input_schema, values, secret=secret)
    if errors:
        raise InvalidInputs(f"the inputs of {workflow.workflow_id!r} are wrong", errors)
    frame = Frame(plan.entry, workflow.workflow_id, Purpose.RUN, values, started_at=at)
    run = _Run(plan, RunState(plan.fingerprint, values, (frame,), at, at))
    run.tell(RunStarted(workflow.workflow_id, values, at))
    return run.turn()


def advance(plan: Plan, state: RunState, answer: Answer) -> Turn:
    """Take a run one turn further.

    Args:
        answer: to the effect of the turn that gave ``state``.

    Raises:
        InvalidState: the state belongs to another plan, has ended, or waits for another kind of answer.
    """
    if state.plan != plan.fingerprint:
        raise InvalidState("the run was started with other documents or options")
    if not state.frames:
        raise InvalidState("the run has ended")
    run = _Run(plan, replace(state, now=max(state.now, answer.at)))
    run.take(answer)
    return run.turn()


def abandon(plan: Plan, state: RunState, code: str, message: str, *, at: float) -> Turn:
    """End a run from outside, its outputs and report intact: an interruption, a cancellation.

    Args:
        code: the run's reason.
    """
    run = _Run(plan, replace(state, now=max(state.now, at)))
    run.stop(code, message)
    return run.turn()


class _Run:
    """The one owner of a run's state during a turn."""

    def __init__(self, plan: Plan, state: RunState) -> None:
        self.plan = plan
        self.state = state
        self.frames = list(state.frames)
        self.completed = dict(state.completed)
        self.attempts = state.attempts
        self.requests = state.requests
        self.events: list[Event] = []
        self.effect: Effect | None = None
        self.outcome: Outcome | None = None
        self.exchange: tuple[Prepared, Response | None] | None = None

    @property
    def now(self) -> float:
        return self.state.now

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    @frame.setter
    def frame(self, frame: Frame) -> None:
        self.frames[-1] = frame

    @property
    def workflow(self) -> PlannedWorkflow:
        return self.plan.workflows[self.frame.workflow]

    @property
    def step(self) -> PlannedStep:
        return self.workflow.steps[self.frame.position]

    @property
    def depth(self) -> int:
        return len(self.frames) - 1

    def tell(self, event: Event) -> None:
        self.events.append(event)

    def warn(self, message: str, *, step_id: str | None = None, hint: str = "") -> None:
        self.tell(Warned(message, step_id, hint, self.now))

    def turn(self) -> Turn:
        """Move until the world is needed or the run has ended."""
        while self.effect is None and self.outcome is None:
            self.enter()
        state = replace(
            self.state,
            frames=tuple(self.frames),
            completed=self.completed,
            attempts=self.attempts,
            requests=self.requests,
        )
        return Turn(state, tuple(self.events), self.effect, self.outcome)

    def take(self, answer: Answer) -> None:
        """Take the answer to the effect that the last turn asked for."""
        match self.frame.phase, answer:
            case Phase.SENDING, Answered(response):
                self.conclude(response=response, duration=answer.duration)
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
        if self.out_of_time() or self.out_of_steps():
            return
        self.attempts += 1
        self.frame = replace(self.frame, started_at=self.now)
        step = self.step
        if step.workflow is not None:
            try:
                given = attempts.inputs_of(step.parameters, attempts.scope_of(workflow, frame))
            except StepError as error:
                self.stop(error.code, error.message, hint=error.hint)
                return
            self.call(step.workflow, Purpose.STEP, given)
            return
        try:
            prepared = attempts.prepare(step, attempts.scope_of(workflow, frame), self.plan.options)
        except StepError as error:
            # V1, V6, H2, H3: nothing of the step is sent, and no action is tried.
            self.stop(error.code, error.message, hint=error.hint)
            return
        self.frame = replace(self.frame, prepared=prepared)
        if not self.paced(prepared):
            self.send(prepared)

    @property
    def sent_key(self) -> str:
        return f"{self.frame.workflow}/{self.step.step_id}"

    def paced(self, prepared: Prepared) -> bool:
        """Whether the request has to wait first (F5)."""
        last = self.frame.sent.get(self.sent_key)
        if self.frame.arrival is not Arrival.GOTO or last is None or last.digest != prepared.digest:
            return False
        seconds = last.retry_after if last.retry_after is not None else self.plan.options.poll_interval
        if self.plan.options.poll_interval == 0 or seconds <= 0:
            return False
        self.wait(seconds, Phase.PACING, "pacing")
        return True

    def send(self, prepared: Prepared) -> None:
        frame, step = self.frame, self.step
        self.requests += 1
        self.frame = replace(frame, phase=Phase.SENDING, started_at=self.now)
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
            self.record(None, [], reason, None, {}, duration=answer.duration, prepared=self.frame.prepared)
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
            last = Sent(prepared.digest, attempts.retry_after(response, self.now))
            self.frame = frame = replace(frame, prepared=None, sent={**frame.sent, self.sent_key: last})
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
        taken = self.taken(chosen[1] if chosen else None, failed=failure is not None)
        self.record(response, judged, failure, taken, outputs, duration=duration, prepared=prepared)
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

    def record(
        self,
        response: Response | None,
        judged: list[CriterionOutcome],
        failure: Reason | None,
        taken: ActionTaken | None,
        outputs: Mapping[str, Any],
        *,
        duration: float,
        prepared: Prepared | None = None,
    ) -> None:
        frame, step = self.frame, self.step
        problems = list(prepared.problems) if prepared is not None else []
        if response is not None and (problem := ReceivedResponse(response).problem):
            problems.append(problem)
        attempt = Attempt(
            workflow_id=self.workflow.workflow_id,
            step_id=step.step_id,
            attempt=frame.attempt,
            depth=self.depth,
            operation=step.title,
            status="succeeded" if failure is None else "failed",
            request=prepared.request if prepared is not None else None,
            response=response,
            criteria=tuple(judged),
            action=taken,
            outputs=outputs,
            problems=tuple(problems),
            reason=failure,
            started_at=frame.started_at,
            duration=duration or self.now - frame.started_at,
        )
        self.tell(AttemptFinished(attempt, self.now))

    def taken(self, action: PlannedAction | None, *, failed: bool) -> ActionTaken | None:
        """The action as reports show it."""
        frame, workflow = self.frame, self.workflow
        if frame.suspended is not None:
            return None
        if action is not None:
            step_id = None if action.step is None else workflow.steps[action.step].step_id
            target = None if action.workflow is None else self.plan.workflows[action.workflow].workflow_id
            return ActionTaken(action.name, action.type, step_id, target)
        if failed:
            return None
        following = workflow.steps[frame.position + 1 : frame.position + 2]
        return ActionTaken(None, "next", following[0].step_id) if following else ActionTaken(None, "end")

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

    def workflow_outputs(self, *, warn: bool) -> dict[str, Any]:
        """The outputs of the last frame's workflow; what has no value is ``null``, with a warning (V1)."""
        workflow = self.workflow
        prepared, response = self.exchange or (None, None)
        scope = attempts.scope_of(workflow, self.frame, prepared=prepared, response=response)
        values, absent = attempts.outputs_of(workflow.outputs, scope)
        if warn and absent:
            self.warn(f"the workflow {workflow.workflow_id!r} has no value for its outputs {', '.join(absent)}")
        return {name: values.get(name) for name, _ in workflow.outputs}

    def stop(self, code: str, message: str, *, hint: str = "") -> None:
        """End the whole run, no action tried."""
        step_id = self.step_id()
        place = self.step.spot.place if step_id is not None else self.workflow.spot.place
        self.end(Reason(code, message, step_id, hint, place))

    def step_id(self) -> str | None:
        return self.step.step_id if self.frame.position < len(self.workflow.steps) else None

    def end(self, reason: Reason) -> None:
        """End the whole run with the outputs that the outermost workflow has so far (F6)."""
        while len(self.frames) > 1:
            outputs = self.workflow_outputs(warn=False)
            self.tell(WorkflowLeft(self.workflow.workflow_id, self.depth, "failed", outputs, self.now))
            self.frames.pop()
            self.exchange = None
        self.finish(self.workflow_outputs(warn=False), reason)

    def finish(self, outputs: Mapping[str, Any], reason: Reason | None) -> None:
        self.outcome = Outcome(
            workflow_id=self.plan.workflow.workflow_id,
            status="succeeded" if reason is None else "failed",
            reason=reason,
            inputs=self.state.inputs,
            outputs=outputs,
            attempts=self.attempts,
            requests=self.requests,
            started_at=self.state.started_at,
            duration=self.now - self.state.started_at,
        )
        self.frames.clear()
        self.tell(RunFinished(self.outcome, self.now))

    def time_left(self) -> float | None:
        limit = self.plan.options.timeout
        return None if limit is None else max(0.0, self.state.started_at + limit - self.now)

    def out_of_time(self) -> bool:
        """Whether the run has used up its time, which ends it (F6)."""
        if self.time_left() != 0:
            return False
        self.time_is_up()
        return True

    def time_is_up(self) -> None:
        self.stop("timeout", f"the run took longer than {self.plan.options.timeout:g} s", hint="raise --timeout")

    def out_of_steps(self) -> bool:
        """Whether the run has used up its step attempts, which ends it (F6)."""
        limit = self.plan.options.max_steps
        if self.attempts < limit:
            return False
        self.stop("max-steps", f"the run has made {limit} step attempts", hint="raise --max-steps")
        return True
