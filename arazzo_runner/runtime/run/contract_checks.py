"""Contract checks of a run (``--check``): each exchange is checked against its operation, and breaches join the events.

The engine knows nothing of it: events are looked at on their way to the listeners. A run continues to its end whatever
is found, so that what it has begun at an API is finished; then, with ``error``, it counts as failed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.engine.events import Attempt, AttemptFinished, AttemptStarted, Event, Outcome, Reason, RunFinished
from arazzo_runner.engine.flow import Turn
from arazzo_runner.engine.plan import Level, Plan, PlannedStep
from arazzo_runner.openapi.contract.breaches import Breach
from arazzo_runner.openapi.contract.judge import Contract, Judgement

MALFORMED = frozenset({400, 405, 411, 413, 414, 415, 422, 431})
"""Statuses that call the request itself wrong: its breaches are then remarks, the API and its description agree."""

_MARK = "contract: "
"""What a problem of an attempt begins with that is a breach."""

_REMARK = "contract (request): "
"""What a problem of an attempt begins with that explains why the API refused the request."""

MAX_TOLD = 20
"""How many breaches the reason of a failed run names."""

MAX_FOUND = 1000
"""How many breaches are kept: a poll that breaks its schema does so each time."""


class AttemptBreach(Struct, frozen=True):
    """A breach and the attempt that it was found in."""

    workflow_id: str
    step_id: str
    attempt: int
    breach: Breach

    def __str__(self) -> str:
        return f"step {self.step_id}: {self.breach}"


class ContractChecks:
    """Holds the exchanges of one run against their operations.

    Args:
        level: ``error`` makes the run fail; ``warn`` only tells.
        contract: may be shared by runs of one plan, which spares making its validators again.

    Attributes:
        found: the breaches so far, in order; as they are, not masked (S1).
        remarks: why something could not be judged, each with the number of exchanges that it is true of.
        explained: breaches of requests that the API refused, too.
    """

    def __init__(self, plan: Plan, level: Level, contract: Contract | None = None) -> None:
        self._level = level
        self._contract = contract or Contract()
        self._steps = steps_by_id(plan)
        self._count = 0
        self._first: Attempt | None = None
        self._told: dict[str, None] = {}
        self.found: list[AttemptBreach] = []
        self.remarks: Counter[str] = Counter()
        self.explained: list[AttemptBreach] = []

    def turn(self, turn: Turn) -> Turn:
        """The turn, with what the contract says of what it tells."""
        events = tuple(self.event(event) for event in turn.events)
        return replace(turn, events=events, outcome=turn.outcome and self.outcome(turn.outcome))

    def recall(self, attempt: Attempt) -> None:
        """Count the breaches of an attempt that was judged before, perhaps in another process."""
        said = [problem.removeprefix(_MARK) for problem in attempt.problems if problem.startswith(_MARK)]
        self._add(attempt, said)

    def _add(self, attempt: Attempt, said: Sequence[str]) -> None:
        if said and self._first is None:
            self._first = attempt
        self._count += len(said)
        if len(self._told) <= MAX_TOLD:
            self._told |= {f"step {attempt.step_id}: the {one} (attempt {attempt.attempt})": None for one in said}

    def event(self, event: Event) -> Event:
        """The event, with what the contract says of it."""
        match event:
            case AttemptFinished(attempt):
                return replace(event, attempt=self._attempt(attempt))
            case RunFinished(outcome):
                return replace(event, outcome=self.outcome(outcome))
            case _:
                return event

    def outcome(self, outcome: Outcome) -> Outcome:
        """Return the outcome of the run, its contract counted in."""
        outcome = replace(outcome, unjudged=self.remarks.total())
        if self._first is None or not self.fails or outcome.reason is not None:
            return outcome
        first = self._first
        told = list(self._told)[:MAX_TOLD]
        rest = f"; and {self._count - len(told)} more" if self._count > len(told) else ""
        step = self._steps.get((first.workflow_id, first.step_id))
        reason = Reason(
            code="contract",
            message="; ".join(told).removeprefix(f"step {first.step_id}: ") + rest,
            step_id=first.step_id,
            hint="fix the workflow, the API or its description, or use --check warn to report breaches only",
            place=step.spot.place if step else None,
        )
        return replace(outcome, status="failed", reason=reason)

    @property
    def fails(self) -> bool:
        """Tell if what was found fails the run."""
        return self._first is not None and self._level == "error"

    def sent(self, event: AttemptStarted) -> tuple[str, ...]:
        """Return the problems of a request alone, before it is sent."""
        attempt = Attempt(
            event.workflow_id, event.step_id, event.attempt, event.depth, "", "succeeded", event.request, None,
            (), None, {}, (), None, event.at, 0.0,
        )  # fmt: skip
        return self._attempt(attempt).problems

    def _judgement(self, step: PlannedStep, attempt: Attempt) -> Judgement | None:
        """The judgement of the description on an attempt; None when it has none."""
        if step.operation is not None and attempt.request is not None:
            return self._contract.judge(step.operation, attempt.request, attempt.response)
        exchanged = attempt.exchanged
        if step.exchange is None or exchanged is None or exchanged.message is None:
            return None
        from arazzo_runner.runtime.run.message_checks import message_breaches

        return Judgement(tuple(message_breaches(step.exchange, exchanged.message)))

    def _attempt(self, attempt: Attempt) -> Attempt:
        step = self._steps.get((attempt.workflow_id, attempt.step_id))
        judgement = None if step is None else self._judgement(step, attempt)
        if judgement is None:
            return attempt
        refused = attempt.response is not None and attempt.response.status in MALFORMED
        explained = [one for one in judgement.breaches if refused and one.side == "request"]
        breaches = [one for one in judgement.breaches if one not in explained]
        self._add(attempt, [str(one) for one in breaches])
        _extend(self.found, attempt, breaches)
        _extend(self.explained, attempt, explained)
        self.remarks.update(judgement.remarks)
        said = (
            *(f"{_MARK}{one}" for one in breaches),
            *(f"{_REMARK}{one.where}: {one.message}" for one in explained),
            *judgement.remarks,
        )
        if not said:
            return attempt
        broken = bool(breaches) and self._level == "error"
        return replace(attempt, problems=(*attempt.problems, *said), breaks_contract=broken)


def _extend(found: list[AttemptBreach], attempt: Attempt, breaches: Sequence[Breach]) -> None:
    new = [AttemptBreach(attempt.workflow_id, attempt.step_id, attempt.attempt, one) for one in breaches]
    found += new[: max(MAX_FOUND - len(found), 0)]


def steps_by_id(plan: Plan) -> Mapping[tuple[str, str], PlannedStep]:
    """The steps of a plan by what events call them."""
    workflows = plan.workflows.values()
    return {(workflow.workflow_id, step.step_id): step for workflow in workflows for step in workflow.steps}
