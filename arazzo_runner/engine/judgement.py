"""The values that an attempt was judged by, for explanations (``engine.explanation``)."""

from __future__ import annotations

from msgspec import Struct

from arazzo_runner.engine.events import Attempt
from arazzo_runner.engine.plan import PlannedStep, PlannedWorkflow
from arazzo_runner.engine.state import Frame
from arazzo_runner.expressions.evaluate import Scope


class JudgedAttempt(Struct, frozen=True):
    """An attempt, and the values that it was judged by.

    Attributes:
        asked_in: the scope of the step's criteria.
        acted_in: the scope of its actions, which has the step's outputs.
        frame: of the attempt.
        chosen: index of the action that was taken, or None.
    """

    workflow: PlannedWorkflow
    step: PlannedStep
    attempt: Attempt
    asked_in: Scope
    acted_in: Scope
    frame: Frame
    chosen: int | None
