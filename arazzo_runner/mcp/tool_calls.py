"""Calls of workflows as durable runs: started once, followed for a while, found again after a kill."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from arazzo_runner.engine.events import Attempt, AttemptFinished, Outcome, RunFinished, RunStarted
from arazzo_runner.engine.inputs import with_defaults
from arazzo_runner.errors import ArazzoError, JournalError
from arazzo_runner.reports.text import one_line
from arazzo_runner.runtime.decisions import Decision
from arazzo_runner.runtime.durable.resuming import GivenSecrets
from arazzo_runner.runtime.durable.runs import check_row, new_id
from arazzo_runner.runtime.run.carriers import Carrier
from arazzo_runner.runtime.runners.handles import RunEngine, RunHandle, RunOrder
from arazzo_runner.runtime.runners.summaries import RunFilter, RunSummary
from arazzo_runner.runtime.secrets.placeholders import asked_inputs
from arazzo_runner.runtime.secrets.redaction import Redactor
from arazzo_runner.serving.catalogue import Catalogue
from arazzo_runner.serving.offers import Offer
from arazzo_runner.serving.refusals import CallRefused

if TYPE_CHECKING:
    from arazzo_runner.engine.plan import Level

LISTED = 50
"""Runs in one list."""
AT_ONCE = 64
"""Runs that a server drives at once: an agent that calls in a circle is stopped there."""
AMBIGUOUS, MISSED = "ambiguous-request", "messages-missed"
UNDECIDED = frozenset({AMBIGUOUS, MISSED})
"""The reasons of runs that wait for a decision."""

Report = Callable[[int, str], Awaitable[None]]
"""Called with the number of each attempt and a sentence about it."""


class Followed(Struct, frozen=True):
    """A run, after it was followed for a while.

    Attributes:
        outcome: masked; None unless it has come to its own end.
        why: why it has stopped, when this process knows.
    """

    run: RunSummary
    outcome: Outcome | None = None
    why: str = ""


class ToolCalls:
    """Runs the workflows of a catalogue for an agent.

    Args:
        engine: keeps the runs.
        check: check every exchange against OpenAPI.
        tell: called with a sentence for the person who runs the server.
    """

    def __init__(
        self, engine: RunEngine, catalogue: Catalogue, *, check: Level = "off", tell: Callable[[str], None]
    ) -> None:
        self.catalogue = catalogue
        self._engine = engine
        self._check = check
        self._tell = tell
        self._handles: dict[str, RunHandle] = {}
        self._lock = threading.Lock()

    # Starting

    def admit(self, offer: Offer, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the inputs of a call, the person's among them.

        Raises:
            CallRefused: a secret is missing, or the agent gives an input that is not its own.
            InvalidInputs: they break the workflow's schema.
        """
        if offer.lacks:
            self._tell(f"{offer.name} was called, and it needs {'; and '.join(offer.lacks)}")
            raise CallRefused(
                "needs-secret",
                f"the workflow {offer.name} needs a secret that the person who runs this server has not given",
                hint=f"tell the person, and do not ask for its value: {'; and '.join(offer.lacks)}",
            )
        if taken := sorted(offer.hidden & arguments.keys()):
            message = f"the input {taken[0]} is given by the person who runs this server"
            raise CallRefused("not-yours", message, hint=f"call again without {', '.join(taken)}")
        if nested := sorted(asked_inputs(offer.plan, arguments)):
            message = f"the input {nested[0]} holds a secret, and secrets are given by the person who runs this server"
            raise CallRefused("not-yours", message, hint="leave it out, and ask the person to give it")
        inputs = {**arguments, **offer.given}
        check_row(offer.plan, inputs)
        return inputs

    def earlier(self, offer: Offer, key: str | None) -> RunSummary | None:
        """Return the run that a call with that key has started before, or None."""
        if key is None:
            return None
        try:
            return self._engine.handle(_run_id(offer, key)).summary
        except JournalError:
            return None

    def start(self, offer: Offer, inputs: Mapping[str, Any], key: str | None) -> str:
        """Start a run, or find the one of an earlier call with the same key; return its id.

        Raises:
            CallRefused: the key is that of a call with other inputs, or too many runs are under way.
            ArazzoError: it cannot be started; nothing was sent.
        """
        carrier = Carrier(offer.transport)
        run_id = _run_id(offer, key) if key is not None else f"{offer.prefix}{new_id()}"
        self._make_room()
        order = RunOrder(offer.workbook, offer.plan, inputs, carrier, self._check, (), run_id)
        handle = self._engine.start(order)
        if key is not None:
            self._refuse_other_inputs(offer, handle, inputs)
        with self._lock:
            self._handles.setdefault(run_id, handle)
        self._continue_stopped(run_id)
        return run_id

    def _make_room(self) -> None:
        if len(self._handles) < AT_ONCE:
            return
        with self._lock:
            self._handles = {one: handle for one, handle in self._handles.items() if handle.status == "running"}
        if len(self._handles) >= AT_ONCE:
            message = f"{AT_ONCE} runs are under way"
            raise CallRefused("busy", message, hint="wait for one of them, or end it: list_runs, await_run, cancel_run")

    def _refuse_other_inputs(self, offer: Offer, handle: RunHandle, inputs: Mapping[str, Any]) -> None:
        began = next((event for event in handle.events(follow=False) if isinstance(event, RunStarted)), None)
        if began is None:  # it was stored a moment ago
            return
        plan = offer.plan
        redactor = Redactor(plan.options.secret_names)
        redactor.learn_inputs(plan.workflow.input_schema, inputs, plan.credential_inputs)
        redactor.learn(*plan.options.credentials.secrets())
        schema = plan.workflow.input_schema
        now, before = (
            {name: value for name, value in with_defaults(schema, dict(given)).items() if name not in offer.hidden}
            for given in (redactor.inputs(inputs), began.inputs)
        )
        if now != before:
            hint = "use another key for another call; run_status shows the earlier one"
            raise CallRefused("key-reused", f"the run {handle.id} has this key, and other inputs", hint=hint)

    # Continuing

    def continue_all(self) -> None:
        """Continue the runs of this catalogue that a killed server left; say on the way what cannot be continued."""
        try:
            stopped = self._engine.runs(RunFilter(status=("stopped",)))
        except ArazzoError as error:
            self._tell(f"the runs of earlier calls cannot be looked at: {error}")
            return
        for run in reversed(stopped):
            if not self._is_owned(run.id):
                continue
            if run.reason in UNDECIDED:
                self._tell(f"the run {run.id} waits for a decision of yours: arazzo runs show {run.id}")
                continue
            try:
                self._continue_stopped(run.id)
                self._tell(f"continues the run {run.id}")
            except ArazzoError as error:
                self._tell(f"the run {run.id} cannot be continued: {error}")

    def _continue_stopped(self, run_id: str, *, accept_missed: bool = False) -> None:
        """Continue a run that no process drives, unless something has to be decided first.

        Args:
            accept_missed: continue although messages may have come while nobody listened (M20).

        Raises:
            ArazzoError: it cannot be continued.
        """
        run = self.summary(run_id)
        if run.status != "stopped" or run.reason == AMBIGUOUS or (run.reason == MISSED and not accept_missed):
            return
        decision = Decision(accept_missed=True) if accept_missed else None
        offer = self.catalogue.owner(run_id)
        asked = asked_inputs(offer.plan, offer.given)
        again = GivenSecrets({name: offer.given[name] for name in asked}, offer.plan.options.credentials)
        with self._lock:
            if self.summary(run_id).status != "stopped":
                return
            self._handles[run_id] = self._engine.resume(run_id, again, decision=decision)

    # Looking

    def summary(self, run_id: str) -> RunSummary:
        """Return all that is known of a run now.

        Raises:
            CallRefused: it is none of an offered workflow.
        """
        self.catalogue.owner(run_id)
        return self._handle(run_id).summary

    def _handle(self, run_id: str) -> RunHandle:
        found = self._handles.get(run_id)
        if found is not None:
            return found
        try:
            return self._engine.handle(run_id)
        except JournalError as error:
            raise CallRefused("unknown-run", error.message, hint="list_runs shows them") from None

    def handle(self, run_id: str) -> RunHandle:
        """Return the handle of a run.

        Raises:
            CallRefused: it is none of an offered workflow.
        """
        self.catalogue.owner(run_id)
        return self._handle(run_id)

    def runs(self, status: tuple[str, ...] = (), name: str | None = None) -> list[RunSummary]:
        """Return the runs of the offered workflows, the latest first.

        Raises:
            CallRefused: no workflow of that name is offered.
        """
        prefix = None if name is None else self.catalogue.offer(name).prefix
        return [
            run
            for run in self._engine.runs(RunFilter(status=status))
            if self._is_owned(run.id) and (prefix is None or run.id.startswith(prefix))
        ]

    def _is_owned(self, run_id: str) -> bool:
        try:
            self.catalogue.owner(run_id)
        except CallRefused:
            return False
        return True

    def cancel(self, run_id: str) -> RunSummary:
        """End a run.

        Raises:
            CallRefused: it is none of an offered workflow, or has ended.
        """
        self.catalogue.owner(run_id)
        try:
            self._engine.cancel(run_id)
        except JournalError as error:
            raise CallRefused("run-over", error.message, hint="run_status shows how it ended") from None
        return self._handle(run_id).summary

    def revive(self, run_id: str, *, accept_missed: bool = False) -> None:
        """Continue a run that somebody waits for, if it has stopped.

        Args:
            accept_missed: continue although messages may have come while nobody listened (M20).

        Raises:
            ArazzoError: it cannot be continued.
        """
        self._continue_stopped(run_id, accept_missed=accept_missed)

    async def follow(self, run_id: str, seconds: float, report: Report, *, after: int) -> Followed:
        """Follow a run until it ends or stops, or for so many seconds; what it does further is not affected.

        Args:
            after: the number of the last attempt that is not reported.

        Raises:
            CallRefused: it is none of an offered workflow.
        """
        import anyio

        handle = self.handle(run_id)
        seen = 0
        with anyio.move_on_after(seconds):
            async with aclosing(handle.aevents()) as events:  # type: ignore[type-var]
                async for event in events:
                    if isinstance(event, AttemptFinished):
                        seen += 1
                        if seen > after:
                            await report(seen, attempt_sentence(event.attempt))
        return await anyio.to_thread.run_sync(self._standing, run_id)

    def _standing(self, run_id: str) -> Followed:
        handle = self._handle(run_id)
        run = handle.summary
        if run.status == "running":
            return Followed(run)
        with self._lock:
            self._handles.pop(run_id, None)
        if run.status in ("succeeded", "failed"):
            for event in handle.events(follow=False):
                if isinstance(event, RunFinished):
                    return Followed(run, event.outcome)
        if run.status == "stopped":
            try:
                handle.wait(0.0)
            except ArazzoError as error:
                return Followed(run, why=error.message)
            except TimeoutError:
                return Followed(handle.summary)
        return Followed(run)


def attempt_sentence(attempt: Attempt) -> str:
    """Return what an attempt did, for a progress message."""
    status = f" {attempt.response.status}" if attempt.response is not None else ""
    action = attempt.action
    leads = ""
    if action is not None and (target := action.step_id or action.workflow_id):
        leads = f" → {target}"
    return one_line(f"{attempt.step_id}: {attempt.operation}{status} {attempt.status}{leads}", 300)


def _run_id(offer: Offer, key: str) -> str:
    digest = hashlib.sha256(f"{offer.prefix}\n{key}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"{offer.prefix}k{digest[:24]}"
