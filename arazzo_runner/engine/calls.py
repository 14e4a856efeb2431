"""Calls of workflows: by a step, a retry or ``dependsOn`` (F7, F8), and for good by ``goto`` (F3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from arazzo_runner.engine import step as attempts
from arazzo_runner.engine.absent.missing import Missing
from arazzo_runner.engine.events import WorkflowEntered
from arazzo_runner.engine.inputs import check_inputs, with_defaults
from arazzo_runner.engine.plan import MAX_DEPTH, PlannedAction, PlannedWorkflow
from arazzo_runner.engine.scopes import scope_of
from arazzo_runner.engine.stack import Stack
from arazzo_runner.engine.state import Arrival, Frame, Phase, Purpose
from arazzo_runner.errors import StepError


class Calls:
    """The part of a run that enters workflows."""

    def __init__(self, stack: Stack, missing: Missing) -> None:
        self.stack = stack
        self.missing = missing

    def given(self, action: PlannedAction, target: PlannedWorkflow) -> dict[str, Any] | None:
        """The inputs that an action gives to a workflow: its parameters, else the inputs of the same name (F3)."""
        scope = scope_of(self.stack.workflow, self.stack.frame, self.stack.exchange)
        try:
            return {**self.inputs_by_name(target), **attempts.inputs_of(action.parameters, scope)}
        except StepError as error:
            self.missing.stop_for(error)
            return None

    def inputs_by_name(self, target: PlannedWorkflow) -> dict[str, Any]:
        inputs = self.stack.frame.inputs
        return {name: inputs[name] for name in target.declared_inputs if name in inputs}

    def transfer(self, action: PlannedAction) -> None:
        """``goto`` a workflow: it takes the place of this one, for good (F3)."""
        key = action.workflow or ""
        target = self.stack.plan.workflows[key]
        given = self.given(action, target)
        if given is None:
            return
        frame = self.stack.frame
        self.stack.frame = Frame(
            key,
            frame.called_as,
            frame.purpose,
            with_defaults(target.input_schema, given),
            arrival=Arrival.GOTO,
            sent=frame.sent,
            called=frame.called or frame.workflow,
        )
        self.stack.exchange = None
        self.stack.tell(WorkflowEntered(target.workflow_id, self.stack.depth, "goto", self.stack.now))
        self.missing.refuse_beforehand()

    def call(self, key: str, purpose: Purpose, given: Mapping[str, Any]) -> None:
        """Run a workflow for the last frame (F7, F8)."""
        target = self.stack.plan.workflows[key]
        if len(self.stack.frames) >= MAX_DEPTH:
            self.stack.stop("depth", f"workflows call one another more than {MAX_DEPTH} deep")
            return
        values = with_defaults(target.input_schema, dict(given))
        for error in check_inputs(target.input_schema, values, secret=tuple(values), undeclared=True):
            self.stack.warn(f"{target.workflow_id}: {error}", step_id=self.stack.step_id())
        self.stack.frame = replace(self.stack.frame, phase=Phase.CALLING)
        self.stack.frames.append(Frame(key, target.workflow_id, purpose, values, started_at=self.stack.now))
        self.stack.exchange = None
        cause = "dependsOn" if purpose is Purpose.DEPENDENCY else purpose.value
        self.stack.tell(WorkflowEntered(target.workflow_id, self.stack.depth, cause, self.stack.now))
        self.missing.refuse_beforehand()
