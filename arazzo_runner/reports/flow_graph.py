"""The flow of a plan as a graph: the one that Mermaid, HTML and the console draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from arazzo_runner.engine.plan import Plan, PlannedAction, PlannedStep, PlannedWorkflow

START = "start"


END = "end"


FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Node:
    """A box of a diagram.

    Attributes:
        id: unique in its diagram.
        kind: ``start``, ``step``, ``end``, ``failed``, or ``workflow`` for one that an action leads to.
        label: the step's or workflow's id.
        detail: what the step does.
    """

    id: str
    kind: str
    label: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from a node to another.

    Attributes:
        name: of the action that leads there; None for the sequence's own way, and for a failure that no action takes.
        type: ``goto``, ``retry``, ``end`` or ``next``.
        failure: whether it is taken after a failure.
    """

    source: str
    target: str
    type: str
    name: str | None = None
    failure: bool = False

    @property
    def implied(self) -> bool:
        """Return whether every step has it, so that it is worth drawing only where the run took it."""
        return self.failure and self.name is None


@dataclass(frozen=True, slots=True)
class WorkflowDiagram:
    """The flow of one workflow, its steps in the order of execution."""

    workflow_id: str
    summary: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class Diagram:
    """The flow of a plan: the workflow that was asked for, then those that it can reach."""

    workflows: tuple[WorkflowDiagram, ...]


def diagram_of(plan: Plan) -> Diagram:
    """The flow of a plan."""
    others = (workflow for key, workflow in plan.workflows.items() if key != plan.entry)
    return Diagram(tuple(_workflow_diagram(plan, workflow) for workflow in (plan.workflow, *others)))


def step_node(step_id: str) -> str:
    """The id of a step's node."""
    return f"step {step_id}"


def workflow_node(workflow_id: str) -> str:
    """The id of the node of a workflow that an action leads to."""
    return f"workflow {workflow_id}"


def _workflow_diagram(plan: Plan, workflow: PlannedWorkflow) -> WorkflowDiagram:
    steps = [Node(step_node(step.step_id), "step", step.step_id, step.title) for step in workflow.steps]
    first = steps[0].id if steps else END
    edges = [Edge(START, first, "next")]
    for step in workflow.steps:
        edges += _step_edges(plan, workflow, step)
    elsewhere = dict.fromkeys(edge.target for edge in edges if edge.target.startswith(workflow_node("")))
    nodes = (
        Node(START, START, workflow.workflow_id),
        *steps,
        *(Node(node, "workflow", node.removeprefix(workflow_node(""))) for node in elsewhere),
        Node(END, END, "end"),
        Node(FAILED, FAILED, "failed"),
    )
    return WorkflowDiagram(workflow.workflow_id, workflow.summary or "", nodes, tuple(edges))


def _step_edges(plan: Plan, workflow: PlannedWorkflow, step: PlannedStep) -> Iterator[Edge]:
    here = step_node(step.step_id)
    following = workflow.steps[step.index + 1 : step.index + 2]
    for action in step.on_success:
        yield Edge(here, _target(plan, workflow, action, here, END), action.type, action.name)
    if all(action.criteria for action in step.on_success):
        yield Edge(here, step_node(following[0].step_id), "next") if following else Edge(here, END, "end")
    for action in step.on_failure:
        yield Edge(here, _target(plan, workflow, action, here, FAILED), action.type, action.name, failure=True)
    yield Edge(here, FAILED, "end", failure=True)


def _target(plan: Plan, workflow: PlannedWorkflow, action: PlannedAction, here: str, ending: str) -> str:
    if action.type == "end":
        return ending
    if action.workflow is not None:
        return workflow_node(plan.workflows[action.workflow].workflow_id)
    return here if action.step is None else step_node(workflow.steps[action.step].step_id)


def grouped(edges: Sequence[Edge]) -> Mapping[tuple[str, str, bool], Sequence[Edge]]:
    """Edges that are drawn as one: from the same node to the same, after the same kind of end."""
    groups: dict[tuple[str, str, bool], list[Edge]] = {}
    for edge in edges:
        groups.setdefault((edge.source, edge.target, edge.failure), []).append(edge)
    return groups
