"""One run: its plan, its secrets, its events and its result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.engine.events import Attempt, Event, Outcome, Reason, Warned
from arazzo_runner.engine.flow import Turn
from arazzo_runner.engine.plan import Level, Plan
from arazzo_runner.errors import ArazzoError, Problem
from arazzo_runner.runtime.drivers import AsyncWorld, Listener, Loop, Settle, World, adrive, drive, settled
from arazzo_runner.runtime.secrets.learning import learn_answer, learn_effect
from arazzo_runner.runtime.secrets.redaction import Redactor

if TYPE_CHECKING:
    from arazzo_runner.runtime.brokers.mailroom import KeptPlaces
    from arazzo_runner.runtime.cassettes.recording import Recorder
    from arazzo_runner.runtime.run.contract_checks import ContractChecks
    from arazzo_runner.runtime.run.history import RunHistory


class RunResult(Struct, frozen=True):
    """The result of a run.

    Attributes:
        outcome: status, reason, outputs, counts and times.
        problems: what is worth knowing: of the plan (``Problem``), and of the run (sentences).
        history: its events, for ``attempts`` and for reports; None for one of many runs, or of another process.

    A notebook shows it: its outputs, the way that it took, and its attempts.
    """

    outcome: Outcome
    problems: Sequence[Problem | str] = ()
    history: RunHistory | None = None

    def __repr__(self) -> str:
        # Its inputs and outputs are as they are: whatever prints a result must not print a secret (S1).
        return f"<RunResult of {self.outcome.workflow_id}: {self.outcome.status}, {self.outcome.requests} requests>"

    @property
    def succeeded(self) -> bool:
        """Return whether the workflow succeeded."""
        return self.outcome.status == "succeeded"

    @property
    def status(self) -> str:
        """``succeeded`` or ``failed``."""
        return self.outcome.status

    @property
    def reason(self) -> Reason | None:
        """Why it failed, or None."""
        return self.outcome.reason

    @property
    def attempts(self) -> Sequence[Attempt]:
        """The attempts of its steps, secrets masked: of a run with thousands of them the first and the last."""
        return () if self.history is None else tuple(self.history.attempts())

    def _repr_html_(self) -> str:
        from arazzo_runner.runtime.run.notebook import result_html

        masked = self.outcome if self.history is None else self.history.redactor.event(self.outcome)
        return result_html(masked, self.history)

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The workflow's outputs, as they are: mask them before you print them (S1)."""
        return self.outcome.outputs

    def raise_for_failure(self) -> RunResult:
        """This result, if the run succeeded.

        Raises:
            RunFailed: it did not.
        """
        __tracebackhide__ = True  # pytest shows the test, and not this frame
        if self.outcome.reason is not None:
            reason = self.outcome.reason
            step = f"step {reason.step_id}: " if reason.step_id else ""
            raise RunFailed(f"{self.outcome.workflow_id} failed: {step}{reason.message}", self)
        return self


class RunFailed(ArazzoError):
    """The run that ``raise_for_failure()`` was called on did not succeed.

    Attributes:
        result: of the run.
    """

    exit_status = 1
    code = "run-failed"

    def __init__(self, message: str, result: RunResult) -> None:
        reason = result.reason
        super().__init__(message, hint=reason.hint if reason else "", place=reason.place if reason else None)
        self.result = result


def contract_checks(plan: Plan, level: Level) -> ContractChecks | None:
    """Return the contract checks of a run; their libraries are loaded when they are needed."""
    if level == "off":
        return None
    from arazzo_runner.runtime.run.contract_checks import ContractChecks

    return ContractChecks(plan, level)


Keep: TypeAlias = Callable[[Turn, Sequence[Event]], None]


Begin: TypeAlias = Callable[[Loop, float], Turn]


Kinds: TypeAlias = tuple[type[Any], ...]


class Session:
    """One run: its plan, its secrets, and what it tells.

    Args:
        inputs: as the user gave them.
        listeners: called with every event, secrets masked.
        checks: check its exchanges against their operations; what they find joins the events.
        keep: is given each turn, with its events masked, before any of its events is published or its effect performed.
        settle: waits until what was stored is safe, before an asynchronous driver performs anything.
        identity: unique to the run; idempotency keys are derived from it, and none are sent when it is empty.
    """

    def __init__(
        self,
        plan: Plan,
        inputs: Mapping[str, Any],
        listeners: Sequence[Listener] = (),
        *,
        checks: ContractChecks | None = None,
        keep: Keep | None = None,
        settle: Settle = settled,
        identity: str = "",
    ) -> None:
        self.plan = plan
        self.identity = identity
        self.kept: KeptPlaces | None = None  # of a run that continues in later processes (M20)
        self._checks = checks
        self.redactor = Redactor(plan.options.secret_names)
        self.inputs = dict(inputs)
        self._listeners: list[tuple[Listener, Kinds, bool]] = [(listener, (object,), True) for listener in listeners]
        self._warnings: list[str] = []
        self.redactor.learn_inputs(plan.workflow.input_schema, self.inputs, plan.credential_inputs)
        self.redactor.learn(*plan.options.credentials.secrets())
        self.redactor.learn_headers(*plan.secret_headers)
        self.redactor.learn_queries(*plan.secret_queries)
        self._keep = keep
        self._history: RunHistory | None = None
        self._loop = Loop(
            plan, self._tell, self._before, self._after, self.redactor.secret_names, self._kept, settle, identity
        )

    def listen(self, *listeners: Listener, only: Kinds = (object,), details: bool = True) -> None:
        """Add listeners, before the run begins. What no listener hears is not masked either.

        Args:
            only: the kinds of event that they are called with.
            details: whether their requests and responses have header fields and bodies.
        """
        self._listeners += ((listener, only, details) for listener in listeners)

    def keep_history(self) -> None:
        """Keep the events for reports that are asked for when the run has ended."""
        from arazzo_runner.runtime.run.history import RunHistory

        self._history = RunHistory(self.plan, self.redactor, self.identity)

    def recorder(self, path: str | Path, *, comment: str = "") -> Recorder:
        """A recorder that knows this run's secrets."""
        from arazzo_runner.runtime.cassettes.recording import Recorder

        return Recorder(path, self.redactor, comment=comment)

    def run(self, world: World, begin: Begin | None = None) -> RunResult:
        """Run to the end with a synchronous world.

        Args:
            begin: returns the turn to continue from; the first one by default.
        """
        return self._result(drive(self._loop, (begin or self.first)(self._loop, world.now()), world))

    async def arun(self, world: AsyncWorld, begin: Begin | None = None) -> RunResult:
        """Run to the end with an asynchronous world; see ``run``."""
        return self._result(await adrive(self._loop, (begin or self.first)(self._loop, world.now()), world))

    def recall(self, told: Iterable[Event]) -> None:
        """Repeat earlier events to the listeners, perhaps in another process."""
        for event in told:
            self._tell(event)

    def first(self, loop: Loop, at: float) -> Turn:
        """The run's first turn."""
        return loop.begin(self.inputs, at)

    def _kept(self, turn: Turn) -> Turn:
        if self._checks is not None:
            turn = self._checks.turn(turn)
        if self._keep is not None:
            self._keep(turn, tuple(self.redactor.event(event) for event in turn.events))
        return turn

    def _result(self, outcome: Outcome) -> RunResult:
        # The outputs are the user's data; why it failed is a message, which an exception may show (S1).
        told = outcome if outcome.reason is None else replace(outcome, reason=self.redactor.event(outcome.reason))
        return RunResult(told, (*self.plan.problems, *self._warnings), self._history)

    def _before(self, effect: Any) -> None:
        learn_effect(self.redactor, effect)

    def _after(self, answer: Any) -> None:
        learn_answer(self.redactor, answer)

    def _tell(self, event: Event) -> None:
        if isinstance(event, Warned):
            self._warnings.append(self.redactor.text(event.message))
        if self._history is not None:
            self._history.take(event)
        masked: dict[bool, Event] = {}
        for listener, kinds, details in self._listeners:
            if isinstance(event, kinds):
                if details not in masked:
                    masked[details] = self.redactor.event(event, details=details)
                listener(masked[details])
