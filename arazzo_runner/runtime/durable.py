"""Durable runs: sessions that keep each turn in a journal before they do what it asks for, and that are taken up again.

A run's secrets are kept in two ways, and in no third (S1): what the user can give again is not kept at all
(``placeholders``), all else is sealed (``sealing``).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from arazzo_runner.effects import Request
from arazzo_runner.engine.events import AttemptFinished, Event, Outcome
from arazzo_runner.engine.flow import Turn
from arazzo_runner.engine.inputs import check_inputs, with_defaults
from arazzo_runner.engine.plan import Plan
from arazzo_runner.engine.state import RunState
from arazzo_runner.errors import InvalidInputs, InvalidState, JournalError
from arazzo_runner.runtime.codec import encode
from arazzo_runner.runtime.drivers import AsyncWorld, Loop, World
from arazzo_runner.runtime.interruption import Interruption
from arazzo_runner.runtime.journal import CANCELLED, OPEN, Entry, Journal, NewRun
from arazzo_runner.runtime.kept_documents import KeptDocument, kept, workbook_of
from arazzo_runner.runtime.leases import Heartbeat, Holder
from arazzo_runner.runtime.placeholders import Given, Placeholders, asked_inputs, secrets_of
from arazzo_runner.runtime.resumption import AMBIGUOUS, Decision, Pending, is_ambiguous, next_of, request_of, taken_up
from arazzo_runner.runtime.runner import RunResult, Session, Workbook, contract_checks
from arazzo_runner.runtime.sealing import Key, create_key, read_key
from arazzo_runner.runtime.setup import Origin, RunSetup, refuse_passwords
from arazzo_runner.runtime.vault import Vault
from arazzo_runner.runtime.watching import Watch, WatchedAsyncWorld, WatchedWorld

PAUSES = frozenset({"interrupted", AMBIGUOUS})
"""The reasons for which a run stops, and can be resumed."""


@dataclass(frozen=True)
class Planned:
    """A workflow that is about to be run, and what it was planned from.

    Attributes:
        workbook: the document and its sources.
        setup: as it is kept, but for the inputs of the one run and its number.
    """

    plan: Plan
    workbook: Workbook
    setup: RunSetup


@dataclass(frozen=True)
class Row:
    """The inputs of one run, and where the secret ones came from.

    Attributes:
        origins: by the name of an input; the others came from the caller.
        line: in the file of a batch, or None.
    """

    inputs: Mapping[str, Any]
    origins: Mapping[str, Origin]
    line: int | None = None


class DurableRuns:
    """The durable runs that this process starts, resumes and looks at. Use it as a context manager.

    Args:
        key_path: the file of the key that what is secret is sealed with; made with the first run.

    Attributes:
        interruption: stops its runs between two effects.
    """

    def __init__(self, journal: Journal, key_path: Path) -> None:
        self.journal = journal
        self.holder = Holder.this_process()
        self.heartbeat = Heartbeat(journal.connect, self.holder)
        self.interruption = Interruption()
        self._key_path = key_path
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self.heartbeat)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        # A journal that cannot be written has been told of; the leases then run out.
        with suppress(JournalError):
            self.journal.release_all(self.holder)

    @cached_property
    def key(self) -> Key:
        """The journal's key.

        Raises:
            JournalError: it is lost, cannot be read, or is another one.
        """
        path, journal, known = self._key_path, self.journal.path, self.journal.known("key")
        try:
            key = read_key(path)
        except FileNotFoundError:
            if known is not None:
                raise JournalError(
                    f"the key {path} is not there, and what the journal {journal} keeps is sealed with it",
                    hint="restore it, or say where it is: --journal-key FILE",
                ) from None
            key = create_key(path)
        known = known or self.journal.fact("key", key.fingerprint)
        if known != key.fingerprint:
            hint = "say where the right one is: --journal-key FILE"
            raise JournalError(f"the journal {journal} was sealed with another key than {path}", hint=hint)
        return key

    def vault(self, run_id: str) -> Vault:
        """What seals and opens a run's records."""
        return Vault(self.key.sealer(run_id))

    # Starting

    def start(self, planned: Planned, row: Row) -> DurableRun:
        """Keep a new run and hold it.

        Raises:
            InvalidInputs: they break the workflow's schema (V8); nothing is kept.
            UsageError: an option holds a password, which cannot be kept.
            JournalError: the journal cannot be used.
        """
        run_id, documents = new_id(), _documents(planned.workbook)
        setup, new = self._new(planned, row, run_id, documents)
        self.journal.add([new], _contents(documents), self.holder)
        given = given_of(planned.plan, setup, row.inputs)
        return DurableRun(self, run_id, planned.plan, planned.workbook, setup, given)

    def start_batch(self, planned: Planned, rows: Iterable[Row]) -> str:
        """Keep a run for each row, all or none, held by nobody; gives the batch's id."""
        batch, documents = new_id(), _documents(planned.workbook)
        new = [
            replace(self._new(planned, row, f"{batch}-{row.line}", documents)[1], batch=batch, line=row.line)
            for row in rows
        ]
        self.journal.add(new, _contents(documents))
        return batch

    def begin(self, run_id: str, planned: Planned, row: Row) -> DurableRun:
        """Hold a run of a batch that ``start_batch`` has kept, its inputs at hand.

        Raises:
            RunHeld: another process drives it.
            JournalError: the journal cannot be used, or the run has ended.
        """
        self.journal.take(run_id, self.holder)
        setup = self.setup(run_id)
        return DurableRun(
            self, run_id, planned.plan, planned.workbook, setup, given_of(planned.plan, setup, row.inputs)
        )

    def _new(
        self, planned: Planned, row: Row, run_id: str, documents: Iterable[KeptDocument]
    ) -> tuple[RunSetup, NewRun]:
        plan = planned.plan
        refuse_passwords(plan.options, planned.setup.transport)
        check_row(plan, row.inputs)
        asked = asked_inputs(plan, row.inputs)
        setup = replace(
            planned.setup,
            number=secrets.token_hex(16),
            inputs={name: value for name, value in row.inputs.items() if name not in asked},
            asked={name: row.origins.get(name, Origin("the caller")) for name in sorted(asked)},
        )
        vault = self.vault(run_id)
        sources = [(d.digest, vault.seal_source(d)) for d in documents]
        sealed = vault.seal(setup.to_json(), "setup")
        return setup, NewRun(run_id, plan.workflow.workflow_id, setup.document, sealed, sources)

    # Taking up

    def setup(self, run_id: str) -> RunSetup:
        """What a run was started with."""
        return RunSetup.from_json(self.vault(run_id).open(self.journal.setup(run_id), "setup"))

    def workbook(self, run_id: str, setup: RunSetup) -> Workbook:
        """The documents of a run, as they were when it was started."""
        vault = self.vault(run_id)
        documents = [vault.open_source(*source) for source in self.journal.sources(run_id)]
        return workbook_of(documents, setup.entry, setup.sources)

    def resume(self, run_id: str, planned: Planned, given: Given) -> DurableRun:
        """Take a run up again; its lease must be held.

        Raises:
            JournalError: what was kept is damaged, or the key is not the one.
        """
        return DurableRun(self, run_id, planned.plan, planned.workbook, planned.setup, given)

    def told(self, run_id: str) -> Iterator[Event]:
        """What a run has told so far, masked."""
        vault = self.vault(run_id)
        for turn, body in self.journal.turns(run_id):
            yield from vault.open_turn(turn, body)[0]


class DurableRun:
    """A run that is kept in a journal, and its session.

    Attributes:
        id: by which it is resumed.
        session: to listen to.
    """

    def __init__(
        self, runs: DurableRuns, run_id: str, plan: Plan, workbook: Workbook, setup: RunSetup, given: Given
    ) -> None:
        self.id = run_id
        self._runs = runs
        self._watch = Watch(run_id, runs.heartbeat, runs.interruption)
        self._vault = runs.vault(run_id)
        self._placeholders = Placeholders(setup.number, given)
        self._library = workbook.linker.library
        self._documents = len(self._library.documents)
        self._turn = 0
        self._learned: list[tuple[str, bool]] = []
        self._decision = Decision()
        self._checks = contract_checks(plan, setup.check)
        inputs = {**setup.inputs, **given.inputs}
        self.session = Session(plan, inputs, checks=self._checks, keep=self._keep, identity=run_id)
        self.session.redactor.remember = lambda text, answered: self._learned.append((text, answered))
        self._recall()

    def run(self, world: World, decision: Decision | None = None) -> RunResult:
        """Run to the end, or as far as it goes, with a synchronous world."""
        self._decision = decision or Decision()
        try:
            return self.session.run(WatchedWorld(world, self._watch), self._begin)
        finally:
            self._release()

    async def arun(self, world: AsyncWorld, decision: Decision | None = None) -> RunResult:
        """Run to the end, or as far as it goes, with an asynchronous world."""
        self._decision = decision or Decision()
        try:
            return await self.session.arun(WatchedAsyncWorld(world, self._watch), self._begin)
        finally:
            self._release()

    def _release(self) -> None:
        # A journal that cannot be written has been told of; the lease then runs out.
        with suppress(JournalError):
            self._runs.journal.release(self.id, self._runs.holder)

    def _recall(self) -> None:
        """Know again what the run has learned before."""
        for turn, body in self._runs.journal.turns(self.id):
            told, learned = self._vault.open_turn(turn, body)
            self._recall_breaches(told)
            reveal = self._placeholders.reveal
            self.session.redactor.recall((reveal(text), answered) for text, answered in learned)
            self._turn = turn + 1
        self._learned.clear()

    def _recall_breaches(self, told: Iterable[Event]) -> None:
        if self._checks is not None:
            for event in told:
                if isinstance(event, AttemptFinished):
                    self._checks.recall(event.attempt)

    def kept_state(self) -> tuple[RunState, Pending] | None:
        """The state that the run goes on from, and what it waits for; None when it has not begun.

        Raises:
            JournalError: it is damaged.
            InvalidState: it was written by another release.
        """
        found = self._runs.journal.state(self.id)
        if found is None:
            return None
        turn, sealed = found
        head, _, text = self._vault.open(sealed, f"state {turn}").partition("\n")
        return RunState.from_json(text, reveal=self._placeholders.reveal), Pending.from_json(head)

    def is_ambiguous(self) -> bool:
        """Whether it waits for an answer of which nobody but the user can say what to do about it."""
        found = self.kept_state()
        return found is not None and found[1].seconds is None and is_ambiguous(self.session.plan, found[0])

    def pending_request(self) -> Request:
        """The request whose answer has not been recorded, masked.

        Raises:
            InvalidState: there is none.
        """
        found = self.kept_state()
        if found is None:
            raise InvalidState("the run has not begun")
        return self.session.redactor.request(request_of(found[0]))

    @property
    def where(self) -> str:
        """Where it goes on, for a person."""
        found = self.kept_state()
        step = None if found is None else _step_at(self.session.plan, found[0])
        return "its beginning" if step is None else f"the step {step}"

    def _begin(self, loop: Loop, at: float) -> Turn:
        found = self.kept_state()
        if found is None:
            return self.session.first(loop, at)
        state, pending = found
        return taken_up(loop, state, next_of(loop.plan, state, pending, self._decision, at=at), at)

    def _keep(self, turn: Turn, told: Sequence[Event]) -> None:
        """Write a turn, before anything of it is told or performed."""
        outcome, journal, holder = turn.outcome, self._runs.journal, self._runs.holder
        if outcome is not None and outcome.reason is not None and outcome.reason.code in PAUSES:
            journal.release(self.id, holder, outcome.reason.code)
            return
        number, hide = self._turn, self._placeholders.hide
        learned = [(hide(text), answered) for text, answered in self._learned]
        text = encode({"told": list(told), "learned": learned})
        state = None
        if outcome is None:
            kept_text = f"{Pending.of(turn).to_json()}\n{turn.state.to_json(hide=hide)}"
            state = self._vault.seal(kept_text, f"state {number}")
        new = [kept(document) for document in self._library.documents[self._documents :]]
        entry = Entry(
            turn=number,
            told=self._vault.seal(text, f"turn {number}"),
            state=state,
            status=OPEN if outcome is None else _status(outcome),
            reason=outcome.reason.code if outcome is not None and outcome.reason is not None else None,
            step=_step(self.session.plan, turn),
            attempts=turn.state.attempts,
            requests=turn.state.requests,
            due=Pending.of(turn).due if outcome is None else None,
            sources=[(document.digest, self._vault.seal_source(document)) for document in new],
        )
        journal.record(self.id, holder, entry, _contents(new))
        self._turn += 1
        self._documents += len(new)
        self._learned.clear()


def new_id() -> str:
    """An id for a run or a batch: short, and unique in practice."""
    return "".join(secrets.choice("23456789abcdefghjkmnpqrstvwxyz") for _ in range(10))


def check_row(plan: Plan, inputs: Mapping[str, Any]) -> None:
    """Hold inputs against the workflow's schema before a run is kept (V8).

    Raises:
        InvalidInputs: with every error.
    """
    workflow = plan.workflow
    values = with_defaults(workflow.input_schema, dict(inputs))
    secret = secrets_of(plan, values)
    if errors := check_inputs(workflow.input_schema, values, secret=secret):
        raise InvalidInputs(f"the inputs of {workflow.workflow_id!r} are wrong", errors)


def given_of(plan: Plan, setup: RunSetup, inputs: Mapping[str, Any]) -> Given:
    """What the user gives of a run, now."""
    asked = {name: inputs[name] for name in setup.asked if name in inputs}
    return Given(asked, secrets_of(plan, asked), plan.options.credentials)


def _documents(workbook: Workbook) -> list[KeptDocument]:
    return [kept(document) for document in workbook.linker.library.documents]


def _contents(documents: Iterable[KeptDocument]) -> list[tuple[str, bytes]]:
    return [(document.digest, document.content) for document in documents]


def _status(outcome: Outcome) -> str:
    cancelled = outcome.reason is not None and outcome.reason.code == CANCELLED
    return CANCELLED if cancelled else outcome.status


def _step(plan: Plan, turn: Turn) -> str | None:
    """The id of the step at hand, for lists."""
    if turn.outcome is not None:
        return turn.outcome.reason.step_id if turn.outcome.reason is not None else None
    return _step_at(plan, turn.state)


def _step_at(plan: Plan, state: RunState) -> str | None:
    frame = state.frames[-1]
    steps = plan.workflows[frame.workflow].steps
    return steps[frame.position].step_id if frame.position < len(steps) else None
