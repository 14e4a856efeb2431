"""Coverage: what a set of cases exercised of its workflows and their APIs, and what it did not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, field

from arazzo_runner.engine.events import Attempt
from arazzo_runner.engine.plan import Plan, PlannedAction, PlannedStep
from arazzo_runner.openapi.operations import Operation
from arazzo_runner.runtime.run.contract_checks import steps_by_id

KINDS = ("steps", "actions", "operations", "statuses")
"""What is counted. Statuses are those that the exercised operations document."""


class Item(Struct, frozen=True):
    """A thing that a case can exercise.

    Attributes:
        kind: one of ``KINDS``.
        where: the document that it stands in.
        name: what people call it.
        pointer: where it stands, which tells things of one name apart.
    """

    kind: str
    where: str
    name: str
    pointer: str = ""


class Coverage(Struct):
    """The things that exist, and those that were exercised; two of them are combined with ``add``.

    Both are small: they grow with documents, not with runs.
    """

    known: dict[Item, None] = field(default_factory=dict)
    exercised: set[Item] = field(default_factory=set)

    def add(self, other: Coverage) -> None:
        """Take in what other cases exercised."""
        self.known |= other.known
        self.exercised |= other.exercised

    def share(self, kind: str) -> tuple[int, int]:
        """Count how many of a kind were exercised, and how many there are."""
        known = [item for item in self.known if item.kind == kind]
        return sum(item in self.exercised for item in known), len(known)

    def missed(self, kind: str) -> list[Item]:
        """Return the members of a kind that were not exercised, in document order."""
        return [item for item in self.known if item.kind == kind and item not in self.exercised]


class CoverageOfRun:
    """A listener that notes what a run exercises of its plan."""

    def __init__(self, plan: Plan) -> None:
        self._steps = steps_by_id(plan)
        self.coverage = Coverage(dict.fromkeys(_items(plan)))

    def take(self, attempt: Attempt) -> None:
        """Note an attempt."""
        step = self._steps.get((attempt.workflow_id, attempt.step_id))
        if step is None:
            return
        self.coverage.exercised.add(_step(attempt.workflow_id, step))
        if attempt.action is not None and attempt.action.name is not None:
            actions = step.on_success if attempt.status == "succeeded" else step.on_failure
            taken = (action for action in actions if action.name == attempt.action.name)
            self.coverage.exercised |= {_action(attempt.workflow_id, step, action) for action in taken}
        if step.operation is not None and attempt.response is not None:
            self.coverage.exercised.add(_operation(step.operation))
            documented = dict(_statuses(step.operation))
            self.coverage.known |= dict.fromkeys(documented.values())
            status = str(attempt.response.status)
            for key in (status, f"{status[0]}XX", "default"):
                if key in documented:
                    self.coverage.exercised.add(documented[key])
                    break


def _items(plan: Plan) -> Iterator[Item]:
    for workflow in plan.workflows.values():
        for step in workflow.steps:
            yield _step(workflow.workflow_id, step)
        for step in workflow.steps:
            for action in (*step.on_success, *step.on_failure):
                yield _action(workflow.workflow_id, step, action)
    apis: Mapping[str, Operation] = {operation.api.document.path: operation for _, operation in plan.operations()}
    for path, operation in apis.items():
        for found in operation.api.index:
            yield Item("operations", path, found.operation_id or f"{found.method} {found.path}", found.pointer)


def _step(workflow_id: str, step: PlannedStep) -> Item:
    return Item("steps", step.spot.document.path, f"{workflow_id}: {step.step_id}", step.spot.pointer)


def _action(workflow_id: str, step: PlannedStep, action: PlannedAction) -> Item:
    """An action; one of the workflow or of the components is one thing, whichever step takes it."""
    shared = not action.spot.pointer.startswith(f"{step.spot.pointer}/")
    name = f"{workflow_id}: {action.name}" if shared else f"{workflow_id}: {step.step_id}: {action.name}"
    return Item("actions", action.spot.document.path, name, action.spot.pointer)


def _operation(operation: Operation) -> Item:
    return Item("operations", operation.api.document.path, operation.label, operation.pointer)


def _statuses(operation: Operation) -> Iterable[tuple[str, Item]]:
    path = operation.api.document.path
    for status in operation.responses if isinstance(operation.responses, Mapping) else ():
        if not status.startswith("x-"):
            pointer = f"{operation.pointer}/responses/{status}"
            yield status, Item("statuses", path, f"{operation.label}: {status}", pointer)
