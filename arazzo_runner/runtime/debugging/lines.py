"""Lines of a document and the points of a run that stand there: for editors, whose breakpoints are lines."""

from __future__ import annotations

import os
from collections.abc import Iterator

from msgspec import Struct

from arazzo_runner.engine.plan import Plan, PlannedStep, PlannedWorkflow, Spot
from arazzo_runner.errors import Place
from arazzo_runner.runtime.debugging.debugger import Debugger


class Anchor(Struct, frozen=True):
    """A line that a run comes to.

    Attributes:
        where: ``""`` for the step's beginning, ``criteria``, or ``action``.
        action: name of the action, or empty.
    """

    line: int
    workflow: str
    step: str
    where: str
    action: str = ""


def path_of(place: Place) -> str:
    """The file of a place, absolute; a URL as it is."""
    return place.path if "://" in place.path else os.path.realpath(place.path)


def anchor_at(plan: Plan, path: str, line: int) -> Anchor | None:
    """The last line at or before ``line`` that a run comes to; None when there is none in that file."""
    before = [anchor for anchor in _anchors(plan, os.path.realpath(path)) if anchor.line <= line]
    return max(before, key=lambda anchor: anchor.line, default=None)


def place_of(debugger: Debugger) -> Place:
    """The place of the point at hand: its step, its criteria, or the action that was chosen."""
    step, judged = debugger.step, debugger.judgement
    if step is None:
        return debugger.workflow.spot.place
    if judged is not None and debugger.point.where == "criteria" and step.criteria:
        return _criteria(step).place
    if judged is not None and debugger.point.where == "action" and judged.chosen is not None:
        actions = step.on_success if judged.attempt.status == "succeeded" else step.on_failure
        return actions[judged.chosen].spot.place
    return step.spot.place


def _anchors(plan: Plan, path: str) -> Iterator[Anchor]:
    for workflow in plan.workflows.values():
        for step in workflow.steps:
            for spot, where, action in _spots(step):
                place = spot.place
                if place.line and path_of(place) == path:
                    yield _anchor(place, workflow, step, where, action)


def _anchor(place: Place, workflow: PlannedWorkflow, step: PlannedStep, where: str, action: str) -> Anchor:
    return Anchor(place.line, workflow.workflow_id, step.step_id, where, action)


def _spots(step: PlannedStep) -> Iterator[tuple[Spot, str, str]]:
    yield step.spot, "", ""
    if step.criteria:
        yield _criteria(step), "criteria", ""
    for action in (*step.on_success, *step.on_failure):
        if action.spot.pointer.startswith(f"{step.spot.pointer}/"):
            yield action.spot, "action", action.name


def _criteria(step: PlannedStep) -> Spot:
    return Spot(step.spot.document, step.criteria[0].source.pointer)
