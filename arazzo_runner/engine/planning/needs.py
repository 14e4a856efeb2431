"""The parts of a document that the run of a workflow needs: the question behind every refusal (D1)."""

from __future__ import annotations

import json
import re

from arazzo_runner.analysis.flow_graph import flow_of
from arazzo_runner.analysis.scope import WorkflowScope
from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.errors import Problem

_DECIDED_ELSEWHERE = frozenset({"duplicate-workflow-id", "duplicate-source-name", "parameter-in"})
"""Structural problems that matter to who follows a reference or knows the operation, and are reported there."""

_COMPONENT = re.compile(r"/components/(?P<kind>[^/]+)/(?P<name>[^/]+)")
_STEP = re.compile(r"/workflows/\d+/steps/\d+")


def unreached_steps(scope: WorkflowScope) -> frozenset[str]:
    """The pointers of the steps that nothing leads to."""
    if not scope.steps:
        return frozenset()
    reachable = flow_of(scope).reachable
    return frozenset(step.step.pointer for step in scope.steps if step.index not in reachable)


class Needs:
    """The parts of a document that a workflow needs.

    Args:
        unreached: pointers of the steps that nothing leads to.
    """

    def __init__(self, scope: WorkflowScope, unreached: frozenset[str]) -> None:
        self._scope = scope
        self._unreached = unreached
        self._text = json.dumps(
            json_pointer.resolve(scope.document.description.document.data, scope.workflow.pointer), ensure_ascii=False
        )

    def concerns(self, problem: Problem) -> bool:
        """Return whether a structural problem is one of the workflow or of what it shares with others."""
        pointer = f"{problem.place.pointer}/"
        return not pointer.startswith("/workflows/") or pointer.startswith(f"{self._scope.workflow.pointer}/")

    def need(self, problem: Problem) -> bool:
        """Return whether a step that the run can reach needs what is broken."""
        place = problem.place
        if problem.rule in _DECIDED_ELSEWHERE or place.path != self._scope.document.description.document.path:
            return False
        if problem.rule == "duplicate-step-id":
            return self._is_named(place.step)
        if match := _STEP.match(place.pointer):
            return match[0] not in self._unreached
        if match := _COMPONENT.match(place.pointer):
            name = json_pointer.unescape(match["name"])
            return (
                f"components.{match['kind']}.{name}" in self._text or f"components/{match['kind']}/{name}" in self._text
            )
        return not place.pointer.startswith("/sourceDescriptions")

    def _is_named(self, step_id: str) -> bool:
        """Return whether an expression, an action or ``dependsOn`` names a step."""
        if f"$steps.{step_id}." in self._text:
            return True
        steps = self._scope.steps
        actions = (action for step in steps for action in (*step.success_actions, *step.failure_actions))
        return any(action.step_id == step_id for action in actions) or any(
            step_id in step.step.depends_on for step in steps
        )
