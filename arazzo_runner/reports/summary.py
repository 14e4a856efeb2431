"""Summaries that several reports share: a run's attempts, and its way through the plan."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct, field
from msgspec.structs import replace

from arazzo_runner.analysis.flow_edges import END, FAILED, START, Edge, step_node, workflow_node
from arazzo_runner.engine.events import Attempt, AttemptFinished, AttemptStarted, Event, MessageAwaited, RunFinished
from arazzo_runner.engine.exchange import decode_body
from arazzo_runner.reports.flow_graph import Node


class Attempts:
    """The attempts of a run, from its events: the finished ones, and the one whose answer the run did not live to see.

    A run that is interrupted or out of time ends with a request on its way; no event tells of its end, and yet it was
    sent, and may have done its work.

    Attributes:
        unanswered: the attempt that is on its way, or None.
    """

    def __init__(self) -> None:
        self.unanswered: AttemptStarted | MessageAwaited | None = None

    def of(self, event: Event) -> Attempt | None:
        """The attempt that is over with this event, or None."""
        match event:
            case AttemptStarted() | MessageAwaited():
                self.unanswered = event
            case AttemptFinished(attempt):
                self.unanswered = None
                return attempt
            case RunFinished() if self.unanswered is not None:
                return _unanswered(self.unanswered, event)
            case _:
                pass
        return None


def _unanswered(sent: AttemptStarted | MessageAwaited, end: RunFinished) -> Attempt:
    request = sent.request if isinstance(sent, AttemptStarted) else None
    exchanged = sent.exchanged if isinstance(sent, MessageAwaited) else None
    what = "an answer" if exchanged is None else "the broker had it" if exchanged.action == "send" else "a message"
    return Attempt(
        workflow_id=sent.workflow_id,
        step_id=sent.step_id,
        attempt=sent.attempt,
        depth=sent.depth,
        operation=sent.title,
        status="failed",
        request=request,
        response=None,
        criteria=(),
        action=None,
        outputs={},
        problems=(f"the run ended before {what}{'' if what.startswith('the') else ' came'}",),
        reason=end.outcome.reason,
        started_at=sent.at,
        duration=max(end.at - sent.at, 0.0),
        exchanged=exchanged,
    )


def body_text(body: bytes, content_type: str | None) -> str | None:
    """A body as the text that came, nothing of it parsed; None when it is not text."""
    if not body:
        return ""
    parameters = (content_type or "").partition(";")[2]
    text = decode_body(body, f"text/plain;{parameters}")[0]
    if not isinstance(text, str):
        # XML says its encoding in the text itself.
        text = decode_body(body, content_type)[0]
    return text if isinstance(text, str) else None


# The way that a run took


class StepTally(Struct):
    """The counts of one step.

    Attributes:
        last: number of its last attempt in the run, from 1.
        duration: seconds that its attempts took together.
    """

    attempts: int = 0
    failures: int = 0
    last: int = 0
    status: str = ""
    duration: float = 0.0


class RunPath(Struct):
    """Counts of the steps and ways that a run took. It grows with the document, not with the run.

    Workflows and steps are distinguished by their ids, which is what events know of them.
    """

    steps: dict[tuple[str, str], StepTally] = field(default_factory=dict)
    edges: Counter[tuple[str, Edge]] = field(default_factory=Counter)
    entered: Counter[str] = field(default_factory=Counter)

    def take(self, attempt: Attempt, number: int) -> None:
        """Count an attempt, the ``number``-th of the run."""
        tally = self.steps.setdefault((attempt.workflow_id, attempt.step_id), StepTally())
        failed = attempt.verdict == "failed"
        tally.attempts += 1
        tally.failures += failed
        tally.last, tally.status = number, attempt.verdict
        tally.duration += attempt.duration
        edge = _edge_taken(attempt)
        if edge is not None:
            self.edges[attempt.workflow_id, edge] += 1

    def tally(self, workflow_id: str, node: Node) -> StepTally | None:
        """Return the tally of a node's step; None when it did not run."""
        return self.steps.get((workflow_id, node.label)) if node.kind == "step" else None

    def count(self, workflow_id: str, edge: Edge) -> int:
        """Return how often a way was taken."""
        if edge.source == START:
            return self.entered[workflow_id]
        # An attempt does not tell whether its action has criteria.
        return self.edges[workflow_id, replace(edge, conditional=False)]


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
