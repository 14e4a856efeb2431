"""A workflow's steps as a graph: where control can go, and what is read before it can exist (F1 to F4, F8)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import accumulate

from msgspec import Struct

from arazzo_runner.analysis import flow_rules  # noqa: F401 - registers the rules that this module reports
from arazzo_runner.analysis.execution_order import circles_of
from arazzo_runner.analysis.findings import Finding, Findings, sentence, suggestion
from arazzo_runner.analysis.flow_edges import ActionWay, Edge, step_edges, step_node
from arazzo_runner.analysis.linker import LinkedWorkflow, LinkError
from arazzo_runner.analysis.scope import StepScope, WorkflowScope
from arazzo_runner.documents.model import Action
from arazzo_runner.documents.pointer import join
from arazzo_runner.expressions.nodes import Named


class Flow(Struct, frozen=True, dict=True):
    """The graph of a workflow's steps, by index.

    Attributes:
        successors: the steps that may run after each.
        ends: the steps after which the workflow may end, failing for want of a failure action apart.
    """

    successors: tuple[tuple[int, ...], ...]
    ends: frozenset[int]

    @cached_property
    def reachable(self) -> frozenset[int]:
        """The steps that can run."""
        return frozenset({0, *self.after(0)})

    @cached_property
    def _after(self) -> dict[int, frozenset[int]]:
        return {}

    def after(self, index: int) -> frozenset[int]:
        """The steps that can run at any time after one has run; itself, if it can run again."""
        if index not in self._after:
            seen: set[int] = set()
            waiting = deque(self.successors[index])
            while waiting:
                step = waiting.popleft()
                if step not in seen:
                    seen.add(step)
                    waiting.extend(self.successors[step])
            self._after[index] = frozenset(seen)
        return self._after[index]

    @cached_property
    def _stretches(self) -> tuple[int, ...]:
        """For each step the number of its stretch: steps that can follow one another in sequence share one."""
        cuts = (index not in self.successors[index - 1] for index in range(1, len(self.successors)))
        return tuple(accumulate(cuts, initial=0))

    def follows(self, index: int, other: int) -> bool:
        """Return whether a step can run after another has; most do so in sequence, which needs no search."""
        in_sequence = other < index and self._stretches[other] == self._stretches[index]
        return in_sequence or index in self.after(other)


def flow_of(scope: WorkflowScope) -> Flow:
    """The graph of a workflow: an action without criteria ends its list, a retry that is used up does not (F1, F4)."""
    successors: list[set[int]] = [set() for _ in scope.steps]
    ends: set[int] = set()
    numbers = {step_node(step_id): index for step_id, index in scope.step_ids.items()}
    for step in scope.steps:
        for edge in _tried(edges_of(scope, step)):
            # By place, not by name: two steps may have one id, which is another rule's business.
            target = step.index + 1 if edge.type == "next" else numbers.get(edge.target)
            if edge.type == "retry":
                successors[step.index].add(step.index)
                if target is not None and target != step.index:
                    # The other step runs first, its own actions not tried, and control returns (F4).
                    successors[step.index].add(target)
                    successors[target].add(step.index)
            elif target is not None:
                successors[step.index].add(target)
            else:
                ends.add(step.index)
    return Flow(tuple(tuple(sorted(own)) for own in successors), frozenset(ends))


def edges_of(scope: WorkflowScope, step: StepScope) -> Iterator[Edge]:
    """The edges out of a step of a document."""
    following = scope.steps[step.index + 1].step.step_id if step.index + 1 < len(scope.steps) else None
    lists = (step.success_actions, step.failure_actions)
    success, failure = ([way_of(action) for action in actions] for actions in lists)
    return step_edges(step.step.step_id, following, success, failure)


def way_of(action: Action) -> ActionWay:
    """An action of a document, as a way out of its step."""
    return ActionWay(action.name, action.type, bool(action.criteria), action.step_id, action.workflow_id)


def _tried(edges: Iterable[Edge]) -> Iterator[Edge]:
    """The edges of actions that can be tried at all, failing for want of a failure action left out."""
    led_on = {True: False, False: False}
    for edge in edges:
        if edge.implied or led_on[edge.failure]:
            continue
        yield edge
        if edge.name is not None and not edge.conditional and not (edge.failure and edge.type == "retry"):
            led_on[edge.failure] = True


def forward_references(scope: WorkflowScope, flow: Flow) -> Findings:
    """``$steps`` of a step that cannot have run yet (F8); one that a loop leads back from may have."""
    for read in scope.reads:
        if read.site.step is None:
            continue
        here = scope.step_ids.get(read.site.step.step_id, 0)
        for node in dict.fromkeys(use.node for use in read.uses):
            if not isinstance(node, Named) or node.root != "steps":
                continue
            target = scope.step_ids.get(node.owner)
            if target is None or target < here or (target == here and read.site.moment != "before"):
                continue
            if here not in flow.after(target):
                when = "itself" if target == here else f"a later step, {node.owner!r}"
                message = f"{node}: the step {read.site.step.step_id!r} reads an output of {when}"
                yield Finding("forward-reference", message, read.site.pointer)


def check_step_dependencies(scope: WorkflowScope) -> Findings:
    """A step's ``dependsOn`` (1.1): steps that exist, in no circle (F8)."""
    circles = dependency_circles(scope)
    for step, name, pointer in dependencies(scope):
        if name.startswith("$"):
            yield from _foreign_step(scope, name, pointer)
        elif name not in scope.step_ids:
            hint = suggestion(name, scope.step_ids, "steps")
            message = f"dependsOn names {name!r}, which is not a step of this workflow"
            yield Finding("step-dependency-unknown", message, pointer, hint)
        elif circles[step.index] == circles[scope.step_ids[name]]:
            message = f"the step {step.step.step_id!r} depends on {name!r}, which depends on it"
            yield Finding("step-dependency-cycle", message, pointer)


def dependency_circles(scope: WorkflowScope) -> list[int]:
    """For each step the circle of ``dependsOn`` that it is a part of."""
    needs = [[scope.step_ids[name] for name in step.step.depends_on if name in scope.step_ids] for step in scope.steps]
    return circles_of(needs)


def dependencies(scope: WorkflowScope) -> Iterator[tuple[StepScope, str, str]]:
    """Every entry of a step's ``dependsOn``, with its pointer."""
    for step in scope.steps:
        for number, name in enumerate(step.step.depends_on):
            yield step, name, join(step.step.pointer, "dependsOn", number)


def _foreign_step(scope: WorkflowScope, reference: str, pointer: str) -> Findings:
    """``$workflows.<id>.steps.<id>`` and ``$sourceDescriptions.<name>.<id>.steps.<id>``."""
    holder, dot, step_id = reference.rpartition(".steps.")
    if not dot:
        return  # the loader's `step-dependency`
    linked = scope.document.sources.workflow(holder.removeprefix("$workflows."))
    if isinstance(linked, LinkError):
        yield Finding(linked.rule, f"{reference}: {linked.message}", pointer, sentence(linked.hint))
    if not isinstance(linked, LinkedWorkflow):
        return
    ids = [step.step_id for step in linked.workflow.steps]
    if step_id not in ids:
        message = f"{reference}: the workflow {linked.workflow.workflow_id!r} has no step {step_id!r}"
        yield Finding("step-dependency-unknown", message, pointer, suggestion(step_id, ids, "steps"))
