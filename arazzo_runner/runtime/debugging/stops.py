"""Stops: where a run is held, and on which condition."""

from __future__ import annotations

import re
from collections.abc import Collection

from msgspec import Struct

from arazzo_runner.documents.model import Criterion, ExpressionType
from arazzo_runner.documents.near_names import did_you_mean
from arazzo_runner.errors import UsageError
from arazzo_runner.expressions.criteria import CompiledCriterion, compile_criterion
from arazzo_runner.expressions.evaluate import Scope
from arazzo_runner.expressions.templates import Dialect
from arazzo_runner.runtime.debugging.points import OUTGOING, Point

PLACES = ("request", "answer", "criteria", "action", "failed", "unmatched")
"""``request``: before a request, or before a message is sent or waited for; ``failed``: a criterion of the step did
not hold; ``unmatched``: there were actions, and none of them matched."""
FORM = f"[STEP][:PLACE] [if CONDITION] [after N], PLACE one of {', '.join(PLACES)}"
_FORM = re.compile(r"(?:(?P<step>[^\s:]+))?(?::(?P<place>\S*))?(?:(?:^|\s+)if\s+(?P<condition>.+))?", re.DOTALL)
_AFTER = re.compile(r"(?:^|\s)after\s+(\d{1,9})\s*$")


class Stop(Struct, frozen=True):
    """A stop.

    Attributes:
        text: as typed.
        step: id of the step; empty for every step.
        place: empty for the beginning of the step.
        condition: has to hold there, too; or None.
        workflow: id of the step's workflow; empty for any.
        action: name of the action that has to be the chosen one; empty for any.
        after: how many times it lets the run pass.
    """

    text: str
    step: str = ""
    place: str = ""
    condition: CompiledCriterion | None = None
    workflow: str = ""
    action: str = ""
    after: int = 0

    def holds(self, point: Point, scope: Scope, *, unmatched: bool) -> bool:
        """Return whether a run is held at a point.

        Args:
            scope: of the point.
            unmatched: there were actions, and none matched.
        """
        if self.step and self.step != point.step_id:
            return False
        if self.workflow and point.where != "call" and self.workflow != point.workflow_id:
            return False
        if self.action and (point.attempt is None or point.attempt.action is None):
            return False
        if self.action and point.attempt and point.attempt.action and point.attempt.action.name != self.action:
            return False
        return self._is_at(point, unmatched=unmatched) and (
            self.condition is None or self.condition.check(scope).passed
        )

    def _is_at(self, point: Point, *, unmatched: bool) -> bool:
        match self.place:
            case "" if self.condition is not None and not self.step:
                # Asked wherever something new can be seen: what goes out, and what comes back.
                return point.where in OUTGOING or point.where == "answer"
            case "":
                return point.where in OUTGOING or point.where == "call"
            case "request":
                return point.where in OUTGOING
            case "failed":
                failed = point.attempt is not None and any(not one.passed for one in point.attempt.criteria)
                return point.where == "criteria" and failed
            case "unmatched":
                return point.where == "action" and unmatched
            case place:
                return point.where == place


def condition_of(text: str, *, strict: bool = False) -> CompiledCriterion:
    """Compile a simple condition.

    Raises:
        ExpressionSyntaxError: it is none.
    """
    return compile_criterion(Criterion(text, ExpressionType("simple"), None, ""), Dialect(strict=strict))


def read_stop(text: str, steps: Collection[str], *, strict: bool = False) -> Stop:
    """Read a stop.

    Args:
        steps: the ids of all steps of the plan.

    Raises:
        UsageError: it has another form, or names a step or place that there is not.
        ExpressionSyntaxError: its condition is none.
    """
    counted = _AFTER.search(text)
    found = _FORM.fullmatch(text[: counted.start()].strip() if counted else text.strip())
    if not text.strip() or found is None:
        raise UsageError(f"{text!r} is no place to stop at", hint=f"write {FORM}")
    step, place, condition = found["step"] or "", found["place"] or "", found["condition"]
    if step == "*":
        step = ""
    if step and step not in steps:
        raise UsageError(f"there is no step {step!r}", hint=did_you_mean(step, sorted(steps), "steps"))
    if found["place"] is not None and place not in PLACES:
        raise UsageError(f"a step has no place {place!r}", hint=did_you_mean(place, PLACES, "places"))
    compiled = None if condition is None else condition_of(condition.strip(), strict=strict)
    return Stop(text.strip(), step, place, compiled, after=int(counted[1]) if counted else 0)
