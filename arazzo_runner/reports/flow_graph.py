"""The flow of a plan as diagrams: nodes and edges of every workflow that it reaches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from arazzo_runner.analysis.flow_edges import END, FAILED, START, ActionWay, Edge, step_edges, step_node, workflow_node
from arazzo_runner.engine.plan import Plan, PlannedAction, PlannedStep, PlannedWorkflow


class Node(Struct, frozen=True):
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


class WorkflowDiagram(Struct, frozen=True):
    """The flow of one workflow, its steps in the order of execution."""

    workflow_id: str
    summary: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


class Diagram(Struct, frozen=True):
    """The flow of a plan: the workflow that was asked for, then those that it can reach."""

    workflows: tuple[WorkflowDiagram, ...]


def diagram_of(plan: Plan) -> Diagram:
    """The flow of a plan."""
    others = (workflow for key, workflow in plan.workflows.items() if key != plan.entry)
    return Diagram(tuple(_workflow_diagram(plan, workflow) for workflow in (plan.workflow, *others)))


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
    following = workflow.steps[step.index + 1].step_id if step.index + 1 < len(workflow.steps) else None
    success, failure = (
        [_way(plan, workflow, one) for one in actions] for actions in (step.on_success, step.on_failure)
    )
    return step_edges(step.step_id, following, success, failure)


def _way(plan: Plan, workflow: PlannedWorkflow, action: PlannedAction) -> ActionWay:
    step = None if action.step is None else workflow.steps[action.step].step_id
    other = None if action.workflow is None else plan.workflows[action.workflow].workflow_id
    return ActionWay(action.name, action.type, bool(action.criteria), step, other)


def grouped(edges: Sequence[Edge]) -> Mapping[tuple[str, str, bool], Sequence[Edge]]:
    """Edges that are drawn as one: from the same node to the same, after the same kind of end."""
    groups: dict[tuple[str, str, bool], list[Edge]] = {}
    for edge in edges:
        groups.setdefault((edge.source, edge.target, edge.failure), []).append(edge)
    return groups
