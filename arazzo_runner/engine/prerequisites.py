"""Return whether what a step depends on has completed (F8; 1.1's ``dependsOn`` of a step)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from arazzo_runner.engine.plan import ForeignStep, PlannedStep, PlannedWorkflow
from arazzo_runner.engine.state import Finished, Frame


def not_completed(workflow: PlannedWorkflow, step: PlannedStep, frame: Frame) -> PlannedStep | None:
    """The first step that a step depends on and that has not completed, or None.

    A step has completed when it has succeeded in this run of its workflow: as of workflows, a failed one is not enough,
    whatever followed it.
    """
    needed = (workflow.steps[index] for index in step.depends_on)
    return next((other for other in needed if other.step_id not in frame.steps), None)


def completed_elsewhere(
    needed: ForeignStep, frames: Iterable[Frame], completed: Mapping[str, Finished], reachable: Iterable[str]
) -> bool | None:
    """Return whether a step of another workflow has completed; None when the state cannot tell.

    Args:
        frames: the workflows under way, whose steps are known, with those that they have seen finish.
        completed: the workflows that ``dependsOn`` asked for, by key.
        reachable: keys of the workflows that the run can come to.
    """
    if needed.workflow not in reachable:
        return False
    if needed.workflow in completed:
        return completed[needed.workflow].succeeded
    under_way = tuple(frames)
    if any(frame.workflow == needed.workflow and needed.step_id in frame.steps for frame in under_way):
        return True
    finished = [frame.workflows[needed.workflow_id] for frame in under_way if needed.workflow_id in frame.workflows]
    return any(one.succeeded for one in finished) if finished else None
