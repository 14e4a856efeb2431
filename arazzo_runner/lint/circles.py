"""Workflows that run, or depend on, one another in a circle (F7, F8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeAlias

from arazzo_runner.analysis.findings import Finding, Findings
from arazzo_runner.analysis.linker import LinkedWorkflow, Linker, LinkError
from arazzo_runner.analysis.scope import DocumentScope, WorkflowScope
from arazzo_runner.documents.model import Workflow
from arazzo_runner.errors import DocumentError
from arazzo_runner.lint.calls import depended_on

Key: TypeAlias = tuple[str, str]
Following: TypeAlias = Callable[[Workflow], Iterable[str]]

MAX_CIRCLES = 100
"""How many circles of a kind are reported: each is followed as far as it leads."""
MAX_SHOWN = 20
"""How many workflows of a circle a message names."""


def check_circles(scope: DocumentScope) -> Findings:
    """Workflows that run, or depend on, one another in a circle."""
    yield from islice(_runs(scope), MAX_CIRCLES)
    yield from islice(_dependencies(scope), MAX_CIRCLES)


def _runs(scope: DocumentScope) -> Findings:
    circles = _Circles(scope.linker, _calls)
    for workflow in scope.workflows:
        for step in workflow.steps:
            if step.child is not None and (circle := circles.through(workflow, step.child)):
                message = f"the workflow runs itself: {circle}"
                yield Finding("workflow-call-cycle", message, f"{step.step.pointer}/workflowId")


def _dependencies(scope: DocumentScope) -> Findings:
    circles = _Circles(scope.linker, lambda workflow: workflow.depends_on)
    for workflow in scope.workflows:
        for linked, pointer in depended_on(workflow):
            if circle := circles.through(workflow, linked):
                message = f"the workflows depend on one another in a circle: {circle}"
                yield Finding("dependency-cycle", message, pointer)


def _calls(workflow: Workflow) -> list[str]:
    return [step.workflow_id for step in workflow.steps if step.workflow_id is not None]


class _Circles:
    """Finds circles.

    A workflow that leads into none is followed once, so that a document without circles costs what it is long.

    Args:
        following: returns the references of a workflow to those that it runs or depends on.
    """

    def __init__(self, linker: Linker, following: Following) -> None:
        self._linker = linker
        self._following = following
        self._followed: set[Key] = set()
        self._harmless: set[Key] = set()

    def through(self, scope: WorkflowScope, start: LinkedWorkflow) -> str:
        """Return the way that leads from a workflow over ``start`` back to it, for a message; empty for none."""
        self._follow(start)
        if _key(start) in self._harmless:
            return ""
        home = _key(LinkedWorkflow(scope.document.description, scope.workflow, None))
        came_from: dict[Key, Key | None] = {_key(start): None}
        waiting = [start]
        while waiting:
            here = waiting.pop()
            if _key(here) == home:
                return _shown([home[1], *reversed(list(_way(came_from, home)))])
            for there in self._next(here):
                if _key(there) not in came_from and _key(there) not in self._harmless:
                    came_from[_key(there)] = _key(here)
                    waiting.append(there)
        return ""

    def _follow(self, start: LinkedWorkflow) -> None:
        """Find out which of the workflows that one leads to lead into no circle."""
        stack = [(start, False)]
        while stack:
            here, leaving = stack.pop()
            if leaving:
                if all(_key(there) in self._harmless for there in self._next(here)):
                    self._harmless.add(_key(here))
            elif _key(here) not in self._followed:
                self._followed.add(_key(here))
                stack.append((here, True))
                stack += [(there, False) for there in self._next(here)]

    def _next(self, here: LinkedWorkflow) -> Iterator[LinkedWorkflow]:
        for reference in self._following(here.workflow):
            try:
                yield self._linker.workflow(here.description, reference)
            except (LinkError, DocumentError):
                continue  # reported where it is written


def _way(came_from: dict[Key, Key | None], home: Key) -> Iterator[str]:
    """The ids of the workflows on the way home, the last first."""
    step: Key | None = home
    while step is not None:
        yield step[1]
        step = came_from[step]


def _shown(ids: list[str]) -> str:
    shown = ids if len(ids) <= MAX_SHOWN else [*ids[: MAX_SHOWN - 1], "…", ids[-1]]
    return " → ".join(shown)


def _key(linked: LinkedWorkflow) -> Key:
    return linked.description.document.uri, linked.workflow.workflow_id
