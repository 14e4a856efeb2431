"""One durable run: a session whose turns are stored before they are published or performed, and that can be resumed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

from msgspec import Struct

from arazzo_runner.effects import Message, Request, Subscribe
from arazzo_runner.engine.events import AttemptFinished, Event, Outcome
from arazzo_runner.engine.flow import Turn
from arazzo_runner.engine.plan import Plan
from arazzo_runner.engine.state import FORMAT, RunState
from arazzo_runner.errors import InvalidState, JournalError
from arazzo_runner.runtime.decisions import Decision
from arazzo_runner.runtime.drivers import Abandoned, AsyncWorld, Loop, World, aexchange, exchange
from arazzo_runner.runtime.durable.attachments import MISSED, Attachments, attachments, forgotten_fact, refusal
from arazzo_runner.runtime.durable.cancellation import Watch, WatchedAsyncWorld, WatchedWorld
from arazzo_runner.runtime.durable.documents import contents, kept
from arazzo_runner.runtime.durable.group_commit import GroupCommit
from arazzo_runner.runtime.durable.journal import Journal, lost
from arazzo_runner.runtime.durable.leases import Heartbeat, Holder
from arazzo_runner.runtime.durable.parts import Piece, StateParts, in_order
from arazzo_runner.runtime.durable.pausing import Brake
from arazzo_runner.runtime.durable.records import Vault
from arazzo_runner.runtime.durable.resumption import (
    AMBIGUOUS,
    Pending,
    is_ambiguous,
    next_of,
    request_of,
    taken_up,
)
from arazzo_runner.runtime.durable.rows import CANCELLED, OPEN, Entry
from arazzo_runner.runtime.durable.setup import RunSetup
from arazzo_runner.runtime.interruption import Interruption
from arazzo_runner.runtime.run.session import RunResult, Session, contract_checks
from arazzo_runner.runtime.run.workbook import Workbook
from arazzo_runner.runtime.secrets.placeholders import Given, Placeholders
from arazzo_runner.runtime.serialization import decode, encode

PAUSES = frozenset({"interrupted", AMBIGUOUS, MISSED})
"""The reasons for which a run stops, and can be resumed."""


class Hold(Struct, frozen=True):
    """The means by which this process holds a run: its journal, its lease, and what seals its records."""

    journal: Journal
    holder: Holder
    heartbeat: Heartbeat
    interruption: Interruption
    vault: Vault


class DurableRun:
    """A run that is stored in a journal, and its session.

    Args:
        sent: whether the request at hand may have been sent by another process.

    Attributes:
        id: by which it is resumed.
        session: to listen to.
    """

    def __init__(
        self,
        hold: Hold,
        run_id: str,
        plan: Plan,
        workbook: Workbook,
        setup: RunSetup,
        given: Given,
        *,
        sent: bool = True,
    ) -> None:
        self.id = run_id
        self._journal, self._holder, self._vault = hold.journal, hold.holder, hold.vault
        self._watch = Watch(run_id, hold.heartbeat, hold.interruption)
        self._watch.sent = sent
        self._watch.held = self._held
        self._placeholders = Placeholders(setup.number, given)
        self._library = workbook.linker.library
        self._documents = len(self._library.documents)
        self._turn = 0
        self._parts = StateParts()
        self._learned: list[tuple[str, bool]] = []
        self._decision = Decision()
        self._group: GroupCommit | None = None
        self._unwritten: Entry | None = None
        self._refused: Abandoned | None = None
        self._over = False
        self._checks = contract_checks(plan, setup.check)
        inputs = {**setup.inputs, **given.inputs}
        self.session = Session(plan, inputs, checks=self._checks, keep=self._keep, settle=self._settle, identity=run_id)
        if plan.has_messages:
            from arazzo_runner.runtime.brokers.mailroom import KeptPlaces

            self.session.kept = KeptPlaces(run_id, self._forget, lambda: self._over)
        self.session.redactor.remember = lambda text, answered: self._learned.append((text, answered))
        self._recall()

    def run(self, world: World, decision: Decision | None = None) -> RunResult:
        """Run to the end, or as far as it goes, with a synchronous world."""
        self._decision = decision or Decision()
        try:
            self._refused = refusal(((one, exchange(one, world)) for one in self._attaches()), self.id)
            return self.session.run(WatchedWorld(world, self._watch), self._begin)
        finally:
            self._release()

    async def arun(
        self, world: AsyncWorld, decision: Decision | None = None, *, group: GroupCommit | None = None
    ) -> RunResult:
        """Run to the end, or as far as it goes, with an asynchronous world.

        Args:
            group: writes the turns together with those of other runs.
        """
        self._decision, self._group = decision or Decision(), group
        try:
            self._refused = refusal([(one, await aexchange(one, world)) for one in self._attaches()], self.id)
            return await self.session.arun(WatchedAsyncWorld(world, self._watch), self._begin)
        finally:
            self._release()

    async def _settle(self) -> None:
        """Wait until the turn at hand is on the disk."""
        entry, self._unwritten = self._unwritten, None
        if entry is not None and self._group is not None:
            await self._group.write(entry)

    @property
    def brake(self) -> Brake:
        """The brake that holds it before its next effect."""
        return self._watch.brake

    def _held(self, still: bool) -> None:  # noqa: FBT001 - of the brake
        """Note that the request at hand has not been sent, or is about to be: a kill makes it ambiguous only then."""
        if still or not self._watch.sent:
            self._journal.mark(self.id, self._holder, unsent=still and not self._watch.sent)

    def _release(self) -> None:
        # A journal that cannot be written has been reported; the lease then runs out.
        with suppress(JournalError):
            self._journal.release(self.id, self._holder)

    def _recall(self) -> None:
        """Know again what the run has learned before."""
        for turn, body in self._journal.whole_turns(self.id):
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
        """The state that the run continues from, and what it waits for; None when it has not begun.

        Raises:
            JournalError: it is damaged.
            InvalidState: it was written by another release.
        """
        found = self._journal.state(self.id)
        if found is None and not self._turn:
            return None
        if found is None or found[0] != self._turn - 1:
            message = f"the journal {self._journal.path} is damaged: the state of the run {self.id} is not its last one"
            raise JournalError(message, hint="nothing was sent; restore a backup")
        turn, sealed = found
        head, _, text = self._vault.open(sealed, f"state {turn}").partition("\n")
        record = decode(text)
        if record.get("format") != FORMAT:
            raise InvalidState(f"not a run state of this version (expected {FORMAT})")
        pieces = in_order(self._journal.parts(self.id), self._opened)
        state = self._parts.join(self._placeholders.reveal(record["state"]), pieces)
        return state, Pending.from_json(head)

    def _sealed(self, piece: Piece) -> bytes:
        return self._vault.seal(encode(self._placeholders.hide(piece.data)), f"part {piece.part}/{piece.place}")

    def _opened(self, part: int, place: int, sealed: bytes) -> Any:
        return self._placeholders.reveal(decode(self._vault.open(sealed, f"part {part}/{place}")))

    def is_ambiguous(self) -> bool:
        """Return whether it waits for an answer of which nobody but the user can say what to do about it."""
        found = self.kept_state()
        if found is None or not self._watch.sent:
            return False
        return found[1].seconds is None and is_ambiguous(self.session.plan, found[0])

    def pending_request(self) -> Request | Message:
        """The request, or message, whose answer has not been recorded, masked.

        Raises:
            InvalidState: there is none.
        """
        found = self.kept_state()
        if found is None:
            raise InvalidState("the run has not begun")
        underway = found[0].frames[-1].underway
        if underway is not None and underway.message is not None:
            self.session.redactor.learn_message(underway.message)
            return self.session.redactor.message(underway.message)
        request = request_of(found[0])
        self.session.redactor.learn_request(request)
        return self.session.redactor.request(request)

    @property
    def where(self) -> str:
        """The point at which it continues, for a person."""
        found = self.kept_state()
        step = None if found is None else _step_at(self.session.plan, found[0])
        return "its beginning" if step is None else f"the step {step}"

    def _begin(self, loop: Loop, at: float) -> Turn:
        found = self.kept_state()
        if found is None:
            return self.session.first(loop, at)
        state, pending = found
        attached = self._attached
        lost = attached.lost
        if self._refused is not None:
            return taken_up(loop, state, self._refused, at)
        if self._decision.accept_missed:
            state, lost = attached.without_lost(state), ()
        following = next_of(loop.plan, state, pending, self._decision, at=at, sent=self._watch.sent, lost=lost)
        return taken_up(loop, state, following, at)

    @cached_property
    def _attached(self) -> Attachments:
        """The fate of the subscriptions that an earlier process had made."""
        found = self.kept_state()
        if found is None or not found[0].subscriptions:
            return Attachments()
        return attachments(self.session.plan, found[0], forgotten=self._is_forgotten)

    def _attaches(self) -> tuple[Subscribe, ...]:
        """The subscriptions to make again: none where the run stops for a decision all the same."""
        attached = self._attached
        return () if attached.lost and not self._decision.accept_missed else attached.again

    def _forget(self, source: str) -> None:
        """Note that brokers no longer keep the run's places in a source; in a thread of its own."""
        self._journal.note(forgotten_fact(self.id, source))

    def _is_forgotten(self, source: str) -> bool:
        return self._journal.known(forgotten_fact(self.id, source)) is not None

    def _keep(self, turn: Turn, told: Sequence[Event]) -> None:
        """Write a turn, before any of its events is published or its effect performed."""
        outcome, journal, holder = turn.outcome, self._journal, self._holder
        if outcome is not None and outcome.reason is not None and outcome.reason.code in PAUSES:
            journal.release(self.id, holder, outcome.reason.code, unsent=not self._watch.sent)
            return
        self._over = outcome is not None
        entry = self._entry(turn, told)
        if self._group is None:
            if journal.record(holder, entry) != [True]:
                raise lost(self.id)
        else:
            self._unwritten = entry

    def retraced(self, turns: Iterable[Turn]) -> list[Entry]:
        """Return what the journal is to keep of turns that another run has gone through, before this one is stored.

        It then continues from the last of them.
        """
        entries: list[Entry] = []
        for made in turns:
            turn = made if self._checks is None else self._checks.turn(made)
            entries.append(self._entry(turn, tuple(self.session.redactor.event(event) for event in turn.events)))
        return entries

    def _entry(self, turn: Turn, told: Sequence[Event]) -> Entry:
        """Return what the journal is to keep of the next turn, and count it."""
        outcome = turn.outcome
        number, hide = self._turn, self._placeholders.hide
        learned = [(hide(text), answered) for text, answered in self._learned]
        text = encode({"told": list(told), "learned": learned})
        state = pending = None
        parts: Sequence[tuple[int, int, bytes]] = ()
        gone: Sequence[int] = ()
        if outcome is None:
            pending = Pending.of(turn)
            split = self._parts.split(turn.state)
            record = encode({"format": FORMAT, "state": hide(split.data)})
            state = self._vault.seal(f"{pending.to_json()}\n{record}", f"state {number}")
            gone = split.gone
            parts = [(piece.part, piece.place, self._sealed(piece)) for piece in split.added]
        new = [kept(document) for document in self._library.documents[self._documents :]]
        entry = Entry(
            run=self.id,
            turn=number,
            told=self._vault.seal(text, f"turn {number}"),
            state=state,
            parts=parts,
            gone=gone,
            status=OPEN if outcome is None else _status(outcome),
            reason=outcome.reason.code if outcome is not None and outcome.reason is not None else None,
            step=_step(self.session.plan, turn),
            attempts=turn.state.attempts,
            requests=turn.state.requests,
            due=None if pending is None else pending.due,
            sources=[(document.digest, self._vault.seal_source(document)) for document in new],
            documents=contents(new),
        )
        self._watch.sent = False
        self._turn += 1
        self._documents += len(new)
        self._learned.clear()
        return entry


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
