"""What a check looks at: a document, one of its workflows, a step, with all that they refer to followed once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from arazzo_runner.documents.input_schemas import Inputs, inputs_of
from arazzo_runner.documents.model import Action, ArazzoDescription, Parameter, Reusable, Step, Workflow
from arazzo_runner.expressions.nodes import Names
from arazzo_runner.expressions.templates import Dialect
from arazzo_runner.lint.sites import Read, read_components, read_workflow
from arazzo_runner.lint.sources import Sources
from arazzo_runner.openapi.linker import LinkedOperation, LinkedWorkflow, Linker, LinkError
from arazzo_runner.openapi.operations import Operation


@dataclass(frozen=True)
class DocumentScope:
    """A document and its sources."""

    linker: Linker
    description: ArazzoDescription
    sources: Sources

    @cached_property
    def workflows(self) -> tuple[WorkflowScope, ...]:
        """The scopes of its workflows."""
        return tuple(WorkflowScope(self, workflow) for workflow in self.description.workflows)

    @cached_property
    def components(self) -> tuple[Read, ...]:
        """Every expression and condition of the components, which may be used by any workflow: no names are known."""
        return tuple(read_components(self.description, Dialect(version=self.description.version)))

    def linked(self, reference: str) -> LinkedWorkflow | None:
        """The workflow that a reference means, if there is one."""
        found = self.sources.workflow(reference)
        return found if isinstance(found, LinkedWorkflow) else None

    def parameters(self, entries: Iterable[Parameter | Reusable]) -> Iterator[Parameter]:
        """Parameters, their references followed; what leads nowhere is left out, and has its own problem."""
        for entry in entries:
            try:
                yield from self.linker.parameters(self.description, [entry])
            except LinkError:
                continue

    def actions(
        self, entries: Iterable[Action | Reusable], kind: Literal["success", "failure"]
    ) -> Iterator[tuple[Action, str]]:
        """Actions, their references followed, each with the pointer of its entry."""
        for entry in entries:
            try:
                for action in self.linker.actions(self.description, [entry], kind):
                    yield action, entry.pointer
            except LinkError:
                continue


@dataclass(frozen=True)
class StepScope:
    """A step of a workflow; ``index`` counts from 0."""

    holder: WorkflowScope
    step: Step
    index: int

    @cached_property
    def own_parameters(self) -> tuple[Parameter, ...]:
        """The step's own parameters."""
        return tuple(self.holder.document.parameters(self.step.parameters))

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The step's parameters, and those of the workflow that it does not replace (F2)."""
        is_call = self.step.workflow_id is not None
        merged: dict[tuple[str, str | None], Parameter] = {}
        for parameter in (*self.own_parameters, *self.holder.parameters):
            merged.setdefault((parameter.name, None if is_call else parameter.location), parameter)
        return tuple(merged.values())

    @cached_property
    def success_actions(self) -> tuple[Action, ...]:
        """What may happen after success, in the order in which it is tried (F2)."""
        return self._merged(self.step.on_success, self.holder.workflow.success_actions, "success")

    @cached_property
    def failure_actions(self) -> tuple[Action, ...]:
        """What may happen after failure, in the order in which it is tried (F2)."""
        return self._merged(self.step.on_failure, self.holder.workflow.failure_actions, "failure")

    def _merged(
        self,
        own: Iterable[Action | Reusable],
        shared: Iterable[Action | Reusable],
        kind: Literal["success", "failure"],
    ) -> tuple[Action, ...]:
        merged: dict[str, Action] = {}
        for entries in (own, shared):
            for action, _ in self.holder.document.actions(entries, kind):
                merged.setdefault(action.name, action)
        return tuple(merged.values())

    @property
    def reference(self) -> tuple[str, str] | None:
        """The field that names the step's operation, and its pointer; None for a step that calls none over HTTP."""
        step = self.step
        if step.workflow_id is not None or step.channel_path is not None:
            return None
        for name, text in (("operationPath", step.operation_path), ("operationId", step.operation_id)):
            if text is not None:
                return text, f"{step.pointer}/{name}"
        return None

    @cached_property
    def link(self) -> LinkedOperation | LinkError | None:
        """What the step's operation is, or why there is none; None when that cannot be told."""
        return self.holder.document.sources.operation(self.step) if self.reference else None

    @property
    def operation(self) -> Operation | None:
        """The operation that the step calls, if it is known."""
        return self.link.operation if isinstance(self.link, LinkedOperation) else None

    @cached_property
    def child(self) -> LinkedWorkflow | None:
        """The workflow that the step calls, if it is known."""
        return self.holder.document.linked(self.step.workflow_id) if self.step.workflow_id is not None else None


@dataclass(frozen=True)
class WorkflowScope:
    """A workflow of a document."""

    document: DocumentScope
    workflow: Workflow

    @cached_property
    def steps(self) -> tuple[StepScope, ...]:
        """The scopes of its steps."""
        return tuple(StepScope(self, step, index) for index, step in enumerate(self.workflow.steps))

    @cached_property
    def step_ids(self) -> dict[str, int]:
        """The index of each step by its id; of a doubled id the first."""
        ids: dict[str, int] = {}
        for index, step in enumerate(self.workflow.steps):
            ids.setdefault(step.step_id, index)
        return ids

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The workflow's parameters."""
        return tuple(self.document.parameters(self.workflow.parameters))

    @cached_property
    def inputs(self) -> Inputs:
        """What the workflow's inputs are (V8)."""
        return inputs_of(self.document.description, self.workflow)

    @cached_property
    def referenced(self) -> dict[str, LinkedWorkflow]:
        """The workflows that the workflow names, by their ids: what ``$workflows`` may speak of (F3, F7, F8)."""
        workflow = self.workflow
        actions = [action for step in self.steps for action in (*step.success_actions, *step.failure_actions)]
        named = [
            *workflow.depends_on,
            *(step.workflow_id for step in workflow.steps if step.workflow_id is not None),
            *(action.workflow_id for action in actions if action.workflow_id is not None),
        ]
        linked = (self.document.linked(reference) for reference in dict.fromkeys(named))
        return {found.workflow.workflow_id: found for found in linked if found is not None}

    @cached_property
    def names(self) -> Names:
        """What the document declares around the workflow's expressions (V5)."""
        description = self.document.description
        inputs: dict[str, tuple[str, ...]] = {}
        outputs: dict[str, tuple[str, ...]] = {}
        for found in self.referenced.values():
            outputs[found.workflow.workflow_id] = tuple(found.workflow.outputs)
            inputs[found.workflow.workflow_id] = inputs_of(found.description, found.workflow).names
        for other in description.workflows:
            outputs[other.workflow_id] = tuple(other.outputs)
        steps: dict[str, tuple[str, ...]] = {}
        for scope in self.steps:
            names = tuple(scope.step.outputs)
            if not names and scope.child is not None:
                names = tuple(scope.child.workflow.outputs)
            steps.setdefault(scope.step.step_id, names)
        return Names(self.inputs.names, tuple(self.workflow.outputs), steps, inputs, outputs)

    @cached_property
    def reads(self) -> tuple[Read, ...]:
        """Every expression and condition of the workflow, each read once."""
        return tuple(read_workflow(self.workflow, Dialect(self.names, self.document.description.version)))
