"""The judgement of an attempt, explained: each criterion of each action, what its operands were, what was not asked.

Loaded when somebody wants to know: a run leaves only the ``JudgedAttempt``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from arazzo_runner.engine.absent.absences import Absence
from arazzo_runner.engine.judgement import JudgedAttempt
from arazzo_runner.engine.plan import PlannedAction
from arazzo_runner.expressions.criteria import CompiledCriterion
from arazzo_runner.expressions.evaluate import Scope
from arazzo_runner.expressions.operands import OperandSeen, operands_of

Fate: TypeAlias = Literal["taken", "refused", "not tried"]


class CriterionSeen(Struct, frozen=True):
    """A criterion and what it saw.

    Attributes:
        passed: None when it was not asked.
        why: why it failed, or was not asked; empty when it passed.
    """

    condition: str
    type: str
    passed: bool | None
    operands: tuple[OperandSeen, ...] = ()
    why: str = ""


class ActionSeen(Struct, frozen=True):
    """An action and what became of it.

    Attributes:
        leads_to: id of the step or workflow that it names, or None.
        why: why it was not taken, or not tried; empty when it was taken.
    """

    name: str
    type: str
    leads_to: str | None
    fate: Fate
    why: str
    criteria: tuple[CriterionSeen, ...] = ()


class Explanation(Struct, frozen=True):
    """The reasons of a branch.

    Attributes:
        kind: of the actions: ``onSuccess`` or ``onFailure``.
        unmatched: there were actions, and none of them was taken.
        outputs: of the step, when it succeeded.
        absent: its outputs without a value, each with what was there instead (D2).
    """

    succeeded: bool
    criteria: tuple[CriterionSeen, ...]
    kind: str
    actions: tuple[ActionSeen, ...]
    unmatched: bool
    outputs: Mapping[str, Any]
    absent: Mapping[str, Absence]


def explained(judged: JudgedAttempt) -> Explanation:
    """Return why an attempt went on as it did."""
    succeeded = judged.attempt.status == "succeeded"
    step = judged.step
    asked = bool(judged.attempt.criteria)
    criteria = tuple(
        _seen(one, judged.asked_in) if asked else _not_asked(one, "there was no answer to judge")
        for one in step.criteria
    )
    actions = step.on_success if succeeded else step.on_failure
    seen = tuple(_action(judged, index, action) for index, action in enumerate(actions))
    unmatched = bool(actions) and judged.chosen is None and judged.frame.suspended is None
    outputs = judged.attempt.outputs
    absent = judged.frame.absent.get(step.step_id, {}) if succeeded else {}
    kind = "onSuccess" if succeeded else "onFailure"
    return Explanation(succeeded, criteria, kind, seen, unmatched, outputs, absent)


def _action(judged: JudgedAttempt, index: int, action: PlannedAction) -> ActionSeen:
    """Return what became of one action, in the order in which ``step.choose`` asks (F1, F4)."""
    leads_to = None if action.step is None else judged.workflow.steps[action.step].step_id
    if action.workflow is not None:
        leads_to = action.workflow.rpartition("#")[2]
    fate: Fate = "not tried"
    why = ""
    criteria: tuple[CriterionSeen, ...] = ()
    used = judged.frame.retries.get(str(index), 0)
    if judged.frame.suspended is not None:
        why = "the step ran for another step's retry, which continues now"
    elif judged.chosen is not None and index > judged.chosen:
        actions = judged.step.on_success if judged.attempt.status == "succeeded" else judged.step.on_failure
        why = f"{actions[judged.chosen].name!r} came first and was taken"
    elif action.type == "retry" and used >= action.retry_limit:
        why = f"its limit of {action.retry_limit} is used up"
    else:
        criteria = _in_turn(action.criteria, judged.acted_in)
        fate = "taken" if index == judged.chosen else "refused"
        why = "" if fate == "taken" else "a criterion did not hold"
    if fate == "not tried":
        criteria = tuple(_not_asked(one, "") for one in action.criteria)
    return ActionSeen(action.name, action.type, leads_to, fate, why, criteria)


def _in_turn(criteria: tuple[CompiledCriterion, ...], scope: Scope) -> tuple[CriterionSeen, ...]:
    """The criteria of an action, which are asked until one does not hold."""
    seen: list[CriterionSeen] = []
    for one in criteria:
        if seen and not seen[-1].passed:
            seen += [_not_asked(one, "one before it did not hold") for one in criteria[len(seen) :]]
            break
        seen.append(_seen(one, scope))
    return tuple(seen)


def _seen(criterion: CompiledCriterion, scope: Scope) -> CriterionSeen:
    verdict = criterion.check(scope)
    source = criterion.source
    operands = operands_of(criterion, scope)
    return CriterionSeen(source.condition, source.type.type, verdict.passed, operands, verdict.detail or "")


def _not_asked(criterion: CompiledCriterion, why: str) -> CriterionSeen:
    return CriterionSeen(criterion.source.condition, criterion.source.type.type, None, (), why)
