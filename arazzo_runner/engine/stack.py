"""The frames of a run during one turn: what is on top, its events, the limits, and how it all ends (F6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from arazzo_runner.effects import Effect
from arazzo_runner.engine import step as attempts
from arazzo_runner.engine.absent.absences import Absence
from arazzo_runner.engine.events import Event, Outcome, Reason, RunFinished, Warned, WorkflowLeft
from arazzo_runner.engine.exchange import Exchange
from arazzo_runner.engine.judgement import JudgedAttempt
from arazzo_runner.engine.messages.seen import MessageExchange
from arazzo_runner.engine.plan import Plan, PlannedStep, PlannedWorkflow
from arazzo_runner.engine.scopes import scope_of
from arazzo_runner.engine.state import Frame, RunState
from arazzo_runner.errors import Place

if TYPE_CHECKING:
    from arazzo_runner.openapi.request.cookies import StoredCookie


class Stack:
    """The one owner of a run's state during a turn."""

    def __init__(self, plan: Plan, state: RunState) -> None:
        self.plan = plan
        self.state = state
        self.frames = list(state.frames)
        self.completed = state.completed
        self.attempts = state.attempts
        self.requests = state.requests
        self.tokens = dict(state.tokens)
        self.told = state.told
        self.cookies = state.cookies
        self.subscriptions = state.subscriptions
        self.messages = state.messages
        self.events: list[Event] = []
        self.judged: list[JudgedAttempt] = []
        self.effect: Effect | None = None
        self.outcome: Outcome | None = None
        self.exchange: Exchange | MessageExchange | None = None

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

    def warn(self, message: str, *, step_id: str | None = None, hint: str = "", place: Place | None = None) -> None:
        self.tell(Warned(message, step_id, hint, self.now, place))

    def frozen(self) -> RunState:
        """The run as a value."""
        return replace(
            self.state,
            frames=tuple(self.frames),
            completed=self.completed,
            attempts=self.attempts,
            requests=self.requests,
            tokens=self.tokens,
            told=self.told,
            cookies=self.cookies,
            subscriptions=self.subscriptions,
            messages=self.messages,
        )

    def usable_cookies(self) -> tuple[StoredCookie, ...]:
        """The cookies that have not expired."""
        return tuple(one for one in self.cookies if one.expires is None or one.expires > self.now)

    # Ends

    def workflow_outputs(self) -> dict[str, Any]:
        """The outputs of the last frame's workflow; what has no value is ``null`` (V1)."""
        values, _ = self.evaluated_outputs()
        return {name: values.get(name) for name, _ in self.workflow.outputs}

    def evaluated_outputs(self) -> tuple[dict[str, Any], dict[str, Absence]]:
        """The outputs of the last frame's workflow that have a value, and what was there instead of the others."""
        scope = scope_of(self.workflow, self.frame, self.exchange)
        return attempts.outputs_of(self.workflow.outputs, scope)

    def stop(self, code: str, message: str, *, hint: str = "", place: Place | None = None) -> None:
        """End the whole run, no action tried.

        Args:
            place: the line that it comes down to; by default that of the step at hand.
        """
        step_id = self.step_id()
        if place is None:
            place = self.step.spot.place if step_id is not None else self.workflow.spot.place
        self.end(Reason(code, message, step_id, hint, place))

    def step_id(self) -> str | None:
        return self.step.step_id if self.frame.position < len(self.workflow.steps) else None

    def end(self, reason: Reason) -> None:
        """End the whole run with the outputs that the outermost workflow has so far (F6)."""
        while len(self.frames) > 1:
            outputs = self.workflow_outputs()
            self.tell(WorkflowLeft(self.workflow.workflow_id, self.depth, "failed", outputs, self.now))
            self.frames.pop()
            self.exchange = None
        self.finish(self.workflow_outputs(), reason)

    def finish(self, outputs: Mapping[str, Any], reason: Reason | None) -> None:
        self.outcome = Outcome(
            workflow_id=self.plan.workflow.workflow_id,
            status="succeeded" if reason is None else "failed",
            reason=reason,
            inputs=self.state.inputs,
            outputs=outputs,
            attempts=self.attempts,
            requests=self.requests,
            messages=self.messages,
            started_at=self.state.started_at,
            duration=self.now - self.state.started_at,
        )
        self.frames.clear()
        self.tell(RunFinished(self.outcome, self.now))

    def time_left(self) -> float | None:
        limit = self.plan.options.timeout
        return None if limit is None else max(0.0, self.state.started_at + limit - self.now)

    def out_of_time(self) -> bool:
        """Return whether the run has used up its time, which ends it (F6)."""
        if self.time_left() != 0:
            return False
        self.time_is_up()
        return True

    def time_is_up(self) -> None:
        self.stop("timeout", f"the run took longer than {self.plan.options.timeout:g} s", hint="raise --timeout")

    def out_of_steps(self) -> bool:
        """Return whether the run has used up its step attempts, which ends it (F6)."""
        limit = self.plan.options.max_steps
        if self.attempts < limit:
            return False
        self.stop("max-steps", f"the run has made {limit} step attempts", hint="raise --max-steps")
        return True
