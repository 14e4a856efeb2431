"""Scopes: a document, one of its workflows, a step, with all that they refer to followed once."""

from __future__ import annotations

import json
import re
from collections import ChainMap
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.analysis.execution_order import execution_order
from arazzo_runner.analysis.linker import LinkedMessages, LinkedOperation, LinkedWorkflow, Linker, LinkError
from arazzo_runner.analysis.message_steps import action_of
from arazzo_runner.analysis.occurrences import Read, read_components, read_step, read_workflow
from arazzo_runner.analysis.sources import Sources, Target
from arazzo_runner.documents.input_schemas import Inputs, inputs_of
from arazzo_runner.documents.model import Action, ArazzoDescription, Parameter, Reusable, Step, Workflow
from arazzo_runner.documents.pointer import resolve
from arazzo_runner.expressions.nodes import Named, Names
from arazzo_runner.expressions.templates import Dialect
from arazzo_runner.openapi.operations import Operation

if TYPE_CHECKING:
    from arazzo_runner.asyncapi.specs import Action as MessageAction

_STEPS = re.compile(r"\$steps\.([^.\s\"]+)\.")


class DocumentScope(Struct, frozen=True, dict=True):
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

    @cached_property
    def outputs(self) -> dict[str, tuple[str, ...]]:
        """The names of the outputs of each of its workflows."""
        return {workflow.workflow_id: tuple(workflow.outputs) for workflow in self.description.workflows}

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


class StepScope(Struct, frozen=True, dict=True):
    """A step of a workflow; ``index`` counts from 0, in the order of execution."""

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
        """The actions that may follow success, in the order in which they are tried (F2)."""
        return self._merged(self.step.on_success, self.holder.workflow.success_actions, "success")

    @cached_property
    def failure_actions(self) -> tuple[Action, ...]:
        """The actions that may follow failure, in the order in which they are tried (F2)."""
        return self._merged(self.step.on_failure, self.holder.workflow.failure_actions, "failure")

    def _merged(
        self,
        own: Iterable[Action | Reusable],
        shared: Iterable[Action | Reusable],
        kind: Literal["success", "failure"],
    ) -> tuple[Action, ...]:
        document = self.holder.document
        of_step = [action for action, _ in document.actions(own, kind)]
        replaced = {action.name for action in of_step if action.name}
        of_workflow = (action for action, _ in document.actions(shared, kind) if action.name not in replaced)
        return (*of_step, *of_workflow)

    @property
    def steps_read(self) -> set[str]:
        """The other steps whose outputs the step or a parameter of it names: what it depends on implicitly (F8)."""
        dialect = Dialect(version=self.holder.document.description.version)
        nodes = (use.node for read in read_step(self.step, self.parameters, dialect) for use in read.uses)
        named = {node.owner for node in nodes if isinstance(node, Named) and node.root == "steps"}
        return named - {self.step.step_id}

    @property
    def reference(self) -> tuple[str, str] | None:
        """The field that names the step's operation or channel, and its pointer; None for a step that has neither."""
        step = self.step
        if step.workflow_id is not None:
            return None
        fields = {
            "operationPath": step.operation_path,
            "channelPath": step.channel_path,
            "operationId": step.operation_id,
        }
        for name, text in fields.items():
            if text is not None:
                return text, f"{step.pointer}/{name}"
        return None

    @cached_property
    def link(self) -> Target:
        """The step's operation or channel, or the reason why there is none; None when that is unknown."""
        return self.holder.document.sources.operation(self.step) if self.reference else None

    @property
    def operation(self) -> Operation | None:
        """The operation that the step calls over HTTP, if it is known."""
        return self.link.operation if isinstance(self.link, LinkedOperation) else None

    @property
    def messages(self) -> LinkedMessages | None:
        """The channel whose messages the step exchanges, if it is one that does and the channel is known."""
        return self.link if isinstance(self.link, LinkedMessages) else None

    @property
    def action(self) -> MessageAction | None:
        """The step's action over messages, said or implied (M3); None for any other step."""
        linked = self.messages
        return None if linked is None else action_of(self.step, linked)

    @cached_property
    def has_sent(self) -> bool:
        """Tell if an earlier step of the workflow sends on the step's own operation over messages (M3)."""
        operation = None if self.messages is None else self.messages.operation
        return operation is not None and any(
            other.action == "send"
            and other.messages is not None
            and other.messages.operation is not None
            and (other.messages.source, other.messages.operation.pointer)
            == (self.messages and self.messages.source, operation.pointer)
            for other in self.holder.steps[: self.index]
        )

    @cached_property
    def child(self) -> LinkedWorkflow | None:
        """The workflow that the step calls, if it is known."""
        return self.holder.document.linked(self.step.workflow_id) if self.step.workflow_id is not None else None


class WorkflowScope(Struct, frozen=True, dict=True):
    """A workflow of a document."""

    document: DocumentScope
    workflow: Workflow

    @cached_property
    def steps(self) -> tuple[StepScope, ...]:
        """The scopes of its steps, in the order in which they are executed: the document's without dependsOn (F8)."""
        steps = self.workflow.steps
        listed = tuple(StepScope(self, step, index) for index, step in enumerate(steps))
        if not self.has_step_dependencies:
            return listed
        ids = _first_of_each(steps)
        depends_on = [{ids[name] for name in step.depends_on if name in ids} for step in steps]
        reads = [{ids[name] for name in scope.steps_read if name in ids} for scope in listed]
        order = execution_order(depends_on, reads)
        return tuple(StepScope(self, steps[number], index) for index, number in enumerate(order))

    @property
    def has_step_dependencies(self) -> bool:
        """Return whether a step of it has ``dependsOn`` (1.1)."""
        return any(step.depends_on for step in self.workflow.steps)

    @property
    def may_read_ahead(self) -> bool:
        """Return whether the text of a step names itself or a later one in ``$steps``."""
        data, ids = self.document.description.document.data, self.step_ids
        texts = (json.dumps(resolve(data, scope.step.pointer), ensure_ascii=False) for scope in self.steps)
        return any(ids.get(name, -1) >= index for index, text in enumerate(texts) for name in _STEPS.findall(text))

    @cached_property
    def step_ids(self) -> dict[str, int]:
        """The index of each step by its id; of a doubled id the first."""
        return _first_of_each([scope.step for scope in self.steps])

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The workflow's parameters."""
        return tuple(self.document.parameters(self.workflow.parameters))

    @cached_property
    def inputs(self) -> Inputs:
        """The workflow's inputs (V8)."""
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
        """The names that the document declares around the workflow's expressions (V5)."""
        inputs: dict[str, tuple[str, ...]] = {}
        outputs: dict[str, tuple[str, ...]] = {}  # of workflows of other documents
        for found in self.referenced.values():
            outputs[found.workflow.workflow_id] = tuple(found.workflow.outputs)
            inputs[found.workflow.workflow_id] = inputs_of(found.description, found.workflow).names
        steps: dict[str, tuple[str, ...]] = {}
        for scope in self.steps:
            names = tuple(scope.step.outputs)
            if not names and scope.child is not None:
                names = tuple(scope.child.workflow.outputs)
            steps.setdefault(scope.step.step_id, names)
        by_workflow = ChainMap(self.document.outputs, outputs)
        return Names(self.inputs.names, tuple(self.workflow.outputs), steps, inputs, by_workflow)

    @cached_property
    def reads(self) -> tuple[Read, ...]:
        """Every expression and condition of the workflow, each read once."""
        return tuple(read_workflow(self.workflow, Dialect(self.names, self.document.description.version)))


def in_execution_order(linker: Linker, description: ArazzoDescription, workflow: Workflow) -> Workflow:
    """The workflow with its steps in the order in which they are executed (F8)."""
    scope = WorkflowScope(DocumentScope(linker, description, Sources(linker, description)), workflow)
    return replace(workflow, steps=tuple(step.step for step in scope.steps))


def _first_of_each(steps: Iterable[Step]) -> dict[str, int]:
    ids: dict[str, int] = {}
    for index, step in enumerate(steps):
        ids.setdefault(step.step_id, index)
    return ids
