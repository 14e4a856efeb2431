"""The ways between the steps of a workflow, as typed edges: what lint, Mermaid, the HTML report and the console share.

A workflow of a document and one of a plan have the same ways; each says what its actions are as ``ActionWay``s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

START = "start"
END = "end"
FAILED = "failed"


def step_node(step_id: str) -> str:
    """The id of a step's node."""
    return f"step {step_id}"


def workflow_node(workflow_id: str) -> str:
    """The id of the node of a workflow that an action leads to."""
    return f"workflow {workflow_id}"


class Edge(Struct, frozen=True):
    """A way from a node to another.

    Attributes:
        name: of the action that leads there; None for the sequence's own way, and for a failure that no action takes.
        type: ``goto``, ``retry``, ``end`` or ``next``.
        failure: whether it is taken after a failure.
        conditional: whether the action has criteria; a later action of its list is tried only then.
    """

    source: str
    target: str
    type: str
    name: str | None = None
    failure: bool = False
    conditional: bool = False

    @property
    def implied(self) -> bool:
        """Return whether every step has it, so that it is worth drawing only where the run took it."""
        return self.failure and self.name is None


class ActionWay(Struct, frozen=True):
    """An action, as a way out of a step.

    Attributes:
        step, workflow: the id of what it names, or None.
    """

    name: str
    type: str
    conditional: bool
    step: str | None = None
    workflow: str | None = None

    def target(self, here: str, ending: str) -> str:
        """Return the node that it leads to: ``ending`` for an end, ``here`` for a retry of the step itself."""
        if self.type == "end":
            return ending
        if self.workflow is not None:
            return workflow_node(self.workflow)
        return here if self.step is None else step_node(self.step)


def step_edges(
    step_id: str, following: str | None, success: Sequence[ActionWay], failure: Sequence[ActionWay]
) -> Iterator[Edge]:
    """Yield the edges out of a step, in the order in which its actions are tried (F1 to F4).

    Args:
        following: the id of the next step, or None behind the last one.
        success, failure: the actions that apply after either, in order (F2).
    """
    here = step_node(step_id)
    for way in success:
        yield Edge(here, way.target(here, END), way.type, way.name, conditional=way.conditional)
    if all(way.conditional for way in success):
        yield Edge(here, END, "end") if following is None else Edge(here, step_node(following), "next")
    for way in failure:
        yield Edge(here, way.target(here, FAILED), way.type, way.name, failure=True, conditional=way.conditional)
    yield Edge(here, FAILED, "end", failure=True)
