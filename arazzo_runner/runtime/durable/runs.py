"""Durable runs: sessions that keep each turn in a journal before they do what it asks for, and that can be resumed.

A run's secrets are stored in two ways, and in no third (S1): what the user can give again is not stored at all
(``placeholders``), all else is sealed (``sealing``).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.engine.events import Event
from arazzo_runner.engine.flow import Turn
from arazzo_runner.engine.inputs import check_inputs, with_defaults
from arazzo_runner.engine.plan import Plan
from arazzo_runner.errors import InvalidInputs, JournalError
from arazzo_runner.runtime.durable.documents import KeptDocument, contents, kept, workbook_of
from arazzo_runner.runtime.durable.group_commit import GroupCommit
from arazzo_runner.runtime.durable.journal import Journal
from arazzo_runner.runtime.durable.leases import Heartbeat, Holder
from arazzo_runner.runtime.durable.records import Vault
from arazzo_runner.runtime.durable.rows import NewRun
from arazzo_runner.runtime.durable.run import DurableRun, Hold
from arazzo_runner.runtime.durable.setup import (
    Origin,
    RunSetup,
    absolute_sources,
    absolute_transport,
    refuse_credentials,
)
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.interruption import Interruption
from arazzo_runner.runtime.run.workbook import Workbook
from arazzo_runner.runtime.secrets.placeholders import Given, asked_inputs, secrets_of
from arazzo_runner.runtime.secrets.sealing import Key, create_key, read_key

if TYPE_CHECKING:
    from arazzo_runner.engine.plan import Level

LOOK = 0.5
"""Seconds between two looks at a run that another process drives."""


class Planned(Struct, frozen=True):
    """A workflow that is about to be run, and what it was planned from.

    Attributes:
        workbook: the document and its sources.
        setup: as it is stored, but for the inputs of the one run and its number.
    """

    plan: Plan
    workbook: Workbook
    setup: RunSetup


class Row(Struct, frozen=True):
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
        # A journal that cannot be written has been reported; the leases then run out.
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

    @asynccontextmanager
    async def group_commit(self) -> AsyncIterator[GroupCommit]:
        """Open the group that writes the turns of many runs of one event loop together."""
        with Journal(self.journal.path, create=False, trusted=self.journal.trusted) as journal:
            async with GroupCommit(journal, self.holder) as group:
                yield group

    def vault(self, run_id: str) -> Vault:
        """Return the vault that seals and opens a run's records."""
        return Vault(self.key.sealer(run_id))

    def _hold(self, run_id: str) -> Hold:
        return Hold(self.journal, self.holder, self.heartbeat, self.interruption, self.vault(run_id))

    # Starting

    def start(self, planned: Planned, row: Row, *, run_id: str | None = None) -> DurableRun:
        """Keep a new run and hold it.

        Args:
            run_id: by which it is known; drawn when None.

        Raises:
            InvalidInputs: they break the workflow's schema (V8); nothing is stored.
            UsageError: a URL that is stored holds a credential.
            JournalError: the journal cannot be used.
        """
        run_id, documents = run_id or new_id(), _documents(planned.workbook)
        setup, new = self._new(planned, row, run_id, documents)
        self.journal.add([new], contents(documents), self.holder)
        given = given_of(planned.plan, setup, row.inputs)
        return DurableRun(self._hold(run_id), run_id, planned.plan, planned.workbook, setup, given)

    def branch(self, planned: Planned, row: Row, retrace: Callable[[DurableRun], Iterable[Turn]]) -> DurableRun:
        """Keep a new run that has turns of another one behind it, and hold it; it is stored with all of them or not.

        Args:
            retrace: returns the turns, the run's own identity in them.

        Raises:
            InvalidInputs, UsageError, JournalError: see ``start``.
        """
        run_id, documents = new_id(), _documents(planned.workbook)
        setup, new = self._new(planned, row, run_id, documents)
        given = given_of(planned.plan, setup, row.inputs)
        run = DurableRun(self._hold(run_id), run_id, planned.plan, planned.workbook, setup, given)
        entries = run.retraced(retrace(run))
        self.journal.add([new], contents(documents), self.holder, entries)
        return run

    def start_batch(self, planned: Planned, rows: Iterable[Row]) -> str:
        """Keep a run for each row, all or none, and hold them; return the batch's id."""
        batch, documents = new_id(), _documents(planned.workbook)
        new = [
            replace(self._new(planned, row, f"{batch}-{row.line}", documents)[1], batch=batch, line=row.line)
            for row in rows
        ]
        self.journal.add(new, contents(documents), self.holder)
        return batch

    def begin(self, run_id: str, planned: Planned, row: Row) -> DurableRun:
        """A run of a batch that ``start_batch`` has stored and holds, its inputs at hand."""
        setup = self.setup(run_id)
        return DurableRun(
            self._hold(run_id), run_id, planned.plan, planned.workbook, setup, given_of(planned.plan, setup, row.inputs)
        )

    def _new(
        self, planned: Planned, row: Row, run_id: str, documents: Iterable[KeptDocument]
    ) -> tuple[RunSetup, NewRun]:
        plan = planned.plan
        refuse_credentials(plan.options, planned.setup.transport, (document.uri for document in documents))
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
        """Return the setup of a run."""
        return RunSetup.from_json(self.vault(run_id).open(self.journal.setup(run_id), "setup"))

    def workbook(self, run_id: str, setup: RunSetup) -> Workbook:
        """The documents of a run, as they were when it was started."""
        vault = self.vault(run_id)
        documents = [vault.open_source(*source) for source in self.journal.sources(run_id)]
        return workbook_of(documents, setup.entry, setup.sources)

    def resume(self, run_id: str, planned: Planned, given: Given, *, unsent: bool = False) -> DurableRun:
        """Resume a run; its lease must be held.

        Args:
            unsent: whether the request at hand is known not to have been sent, as ``Journal.take`` says.

        Raises:
            JournalError: what was stored is damaged, or the key is not the one.
        """
        return DurableRun(
            self._hold(run_id), run_id, planned.plan, planned.workbook, planned.setup, given, sent=not unsent
        )

    def told(self, run_id: str) -> Iterator[Event]:
        """Yield the events of a run so far, masked."""
        for _, events in self.told_after(run_id, -1):
            yield from events

    def told_after(self, run_id: str, seen: int) -> Iterator[tuple[int, list[Event]]]:
        """Yield the turns behind one that was seen, each with its events, masked."""
        vault = self.vault(run_id)
        for turn, body in self.journal.turns(run_id, after=seen):
            yield turn, vault.open_turn(turn, body)[0]

    def follow(self, run_id: str, *, wait: Callable[[float], None] = time.sleep) -> Iterator[Event]:
        """Yield the events of a run so far, and then those that follow, until no process drives it any more."""
        seen, held = -1, True
        while held:
            # Looked at first: events that come in between are read anyway.
            held = self.journal.run(run_id).held
            for turn, events in self.told_after(run_id, seen):
                seen = turn
                yield from events
            if held:
                wait(LOOK)


def planned_of(
    workbook: Workbook,
    plan: Plan,
    *,
    transport: TransportOptions,
    check: Level = "off",
    credentials: Mapping[str, Origin] | None = None,
    carried: str = "",
) -> Planned:
    """A workflow that is about to be run durably.

    Args:
        credentials: where they came from; the caller's when None.
    """
    if credentials is None:
        credentials = {f"--auth {scheme}": Origin("the caller") for scheme in plan.options.credentials.by_scheme}
    setup = RunSetup(
        number="",
        document=workbook.description.document.path,
        entry=workbook.description.document.uri,
        workflow_id=plan.workflow.workflow_id,
        sources=absolute_sources(workbook.linker.library.options),
        options=plan.options,
        credentials=credentials,
        check=check,
        transport=absolute_transport(transport),
        carried=carried,
    )
    return Planned(plan, workbook, setup)


def new_id() -> str:
    """An id for a run or a batch: short, and unique in practice."""
    return "".join(secrets.choice("23456789abcdefghjkmnpqrstvwxyz") for _ in range(10))


def check_row(plan: Plan, inputs: Mapping[str, Any]) -> None:
    """Hold inputs against the workflow's schema before a run is stored (V8).

    Raises:
        InvalidInputs: with every error.
    """
    workflow = plan.workflow
    values = with_defaults(workflow.input_schema, dict(inputs))
    secret = secrets_of(plan, values)
    if errors := check_inputs(workflow.input_schema, values, secret=secret, names=plan.options.secret_names):
        raise InvalidInputs(f"the inputs of {workflow.workflow_id!r} are wrong", errors)


def given_of(plan: Plan, setup: RunSetup, inputs: Mapping[str, Any]) -> Given:
    """Return what the user gives of a run, now."""
    asked = {name: inputs[name] for name in setup.asked if name in inputs}
    options = plan.options
    return Given(asked, secrets_of(plan, asked), options.credentials, options.secret_names.has)


def _documents(workbook: Workbook) -> list[KeptDocument]:
    return [kept(document) for document in workbook.linker.library.documents]
