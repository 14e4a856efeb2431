"""What several reports want to know of a run: its attempts, its plan's flow, and its way through it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from arazzo_runner.engine.events import Attempt, AttemptFinished, AttemptStarted, Event, RunFinished
from arazzo_runner.engine.exchange import decode_body
from arazzo_runner.engine.plan import Plan, PlannedAction, PlannedStep, PlannedWorkflow

START, END, FAILED = "start", "end", "failed"


class Attempts:
    """The attempts of a run, from its events: the finished ones, and the one whose answer the run did not live to see.

    A run that is interrupted or out of time ends with a request on its way; no event tells of its end, and yet it was
    sent, and may have done its work.

    Attributes:
        unanswered: the attempt that is on its way, or None.
    """

    def __init__(self) -> None:
        self.unanswered: AttemptStarted | None = None

    def of(self, event: Event) -> Attempt | None:
        """The attempt that is over with this event, or None."""
        match event:
            case AttemptStarted():
                self.unanswered = event
            case AttemptFinished(attempt):
                self.unanswered = None
                return attempt
            case RunFinished() if self.unanswered is not None:
                return _unanswered(self.unanswered, event)
            case _:
                pass
        return None


def _unanswered(sent: AttemptStarted, end: RunFinished) -> Attempt:
    return Attempt(
        workflow_id=sent.workflow_id,
        step_id=sent.step_id,
        attempt=sent.attempt,
        depth=sent.depth,
        operation=f"{sent.request.method} {sent.request.url}",
        status="failed",
        request=sent.request,
        response=None,
        criteria=(),
        action=None,
        outputs={},
        problems=("the run ended before an answer came",),
        reason=end.outcome.reason,
        started_at=sent.at,
        duration=max(end.at - sent.at, 0.0),
    )


def body_text(body: bytes, content_type: str | None) -> str | None:
    """A body as the text that came, nothing of it parsed; None when it is no text."""
    if not body:
        return ""
    parameters = (content_type or "").partition(";")[2]
    text = decode_body(body, f"text/plain;{parameters}")[0]
    if not isinstance(text, str):
        # XML says its encoding in the text itself.
        text = decode_body(body, content_type)[0]
    return text if isinstance(text, str) else None


def package_version() -> str:
    """The version of this package."""
    try:
        return version("arazzo-workflow-runner")
    except PackageNotFoundError:
        return "unknown"


# The flow of a plan


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
        """Whether every step has it, so that it is worth drawing only where the run took it."""
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


# The way that a run took


@dataclass(slots=True)
class StepTally:
    """What became of one step.

    Attributes:
        last: number of its last attempt in the run, from 1.
        duration: seconds that its attempts took together.
    """

    attempts: int = 0
    failures: int = 0
    last: int = 0
    status: str = ""
    duration: float = 0.0


@dataclass(slots=True)
class Path:
    """Counts of the steps and ways that a run took. It grows with the document, not with the run.

    Workflows and steps are told apart by their ids, which is what events know of them.
    """

    steps: dict[tuple[str, str], StepTally] = field(default_factory=dict)
    edges: Counter[tuple[str, Edge]] = field(default_factory=Counter)
    entered: Counter[str] = field(default_factory=Counter)

    def take(self, attempt: Attempt, number: int) -> None:
        """Count an attempt, the ``number``-th of the run."""
        tally = self.steps.setdefault((attempt.workflow_id, attempt.step_id), StepTally())
        failed = attempt.status == "failed"
        tally.attempts += 1
        tally.failures += failed
        tally.last, tally.status = number, attempt.status
        tally.duration += attempt.duration
        edge = _edge_taken(attempt)
        if edge is not None:
            self.edges[attempt.workflow_id, edge] += 1

    def tally(self, workflow_id: str, node: Node) -> StepTally | None:
        """What became of a node's step; None when it did not run."""
        return self.steps.get((workflow_id, node.label)) if node.kind == "step" else None

    def count(self, workflow_id: str, edge: Edge) -> int:
        """How often a way was taken."""
        return self.entered[workflow_id] if edge.source == START else self.edges[workflow_id, edge]


def _edge_taken(attempt: Attempt) -> Edge | None:
    here, action = step_node(attempt.step_id), attempt.action
    failed = attempt.status == "failed"
    if action is None:
        # A step that ran for another one's retry has no action either, but then it rarely failed for good (F4).
        return Edge(here, FAILED, "end", failure=True) if failed else None
    if action.type == "end":
        target = FAILED if failed else END
    elif action.workflow_id is not None:
        target = workflow_node(action.workflow_id)
    else:
        target = here if action.step_id is None else step_node(action.step_id)
    return Edge(here, target, action.type, action.name, failure=failed)


def grouped(edges: Sequence[Edge]) -> Mapping[tuple[str, str, bool], Sequence[Edge]]:
    """Edges that are drawn as one: from the same node to the same, after the same kind of end."""
    groups: dict[tuple[str, str, bool], list[Edge]] = {}
    for edge in edges:
        groups.setdefault((edge.source, edge.target, edge.failure), []).append(edge)
    return groups
