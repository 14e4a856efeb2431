"""Prerequisites of a step: whether what it depends on has completed (F8; 1.1's ``dependsOn`` of a step)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from arazzo_runner.engine.plan import ForeignStep, PlannedStep, PlannedWorkflow
from arazzo_runner.engine.stack import Stack
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


class Prerequisites:
    """The part of a run that holds back steps whose prerequisites have not completed (F8)."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def too_early(self) -> bool:
        """Return whether the step at hand depends on one that has not completed, which ends the run (F8)."""
        frame, step = self.stack.frame, self.stack.step
        needed = not_completed(self.stack.workflow, step, frame)
        if needed is not None:
            self.unmet(f"the step {needed.step_id!r}", f"lead to {needed.step_id!r} first")
            return True
        for other in step.depends_elsewhere:
            known = completed_elsewhere(other, self.stack.frames, self.stack.completed, self.stack.plan.workflows)
            if known is False:
                hint = f"run the workflow {other.workflow_id!r} before: name it in dependsOn of this workflow"
                self.unmet(other.reference, hint)
                return True
            if known is None and frame.attempt == 1 and step.step_id not in frame.steps:
                message = f"the step {step.step_id!r} depends on {other.reference}"
                self.stack.warn(f"{message}: whether that has completed is not checked", step_id=step.step_id)
        return False

    def unmet(self, needed: str, hint: str) -> None:
        message = f"the step {self.stack.step.step_id!r} depends on {needed}, which has not completed"
        self.stack.stop("dependency-failed", message, hint=hint)
