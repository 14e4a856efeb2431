"""The public API: load a document, run its workflows, look at what came."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from arazzo_runner.effects import Response
from arazzo_runner.engine.plan import Plan, RunOptions
from arazzo_runner.errors import Problem, UsageError
from arazzo_runner.runtime.batch import RowResult
from arazzo_runner.runtime.decisions import Decision
from arazzo_runner.runtime.drivers import AsyncWorld, Listener, World
from arazzo_runner.runtime.durable.resuming import GivenSecrets
from arazzo_runner.runtime.run.carriers import Carrier
from arazzo_runner.runtime.run.session import RunResult, Session, contract_checks
from arazzo_runner.runtime.run.workbook import Workbook, load
from arazzo_runner.runtime.runners.engines import engine_of
from arazzo_runner.runtime.runners.handles import RunEngine, RunHandle, RunOrder
from arazzo_runner.runtime.runners.many import arun_rows, run_rows
from arazzo_runner.runtime.runners.summaries import RunFilter, RunSummary
from arazzo_runner.secrecy import without_credentials

if TYPE_CHECKING:
    from arazzo_runner.engine.plan import Level
    from arazzo_runner.runtime.http.applications import Applications
    from arazzo_runner.runtime.http.clients import HttpClient
    from arazzo_runner.runtime.http.options import TransportOptions


class Runner:
    """Runs workflows of one document.

    Args:
        workbook: what ``load`` gave, or a path to load.
        options: how runs behave.
        transport: how requests are sent; of a client or an application the hosts, limits and redirects.
        client: an ``httpx`` or ``httpx2`` client, synchronous or not, that carries the requests.
        app: an ASGI or WSGI application of this process that answers them, or applications by the names of sources;
            nothing is sent anywhere else. Descriptions at http(s) URLs then come from it, too.
        engine: keeps durable runs: the path of a journal, ``temporal://HOST:PORT/NAMESPACE``, a ``JournalEngine`` or a
            ``TemporalEngine``; None for the user's journal, as on the command line.
        listeners: called with every event, secrets masked (S1).
        check: check every exchange against OpenAPI: ``off``, ``warn``, or ``error``, which makes a breach a failure.

    A runner may be used for many runs; each has its own secrets.
    """

    def __init__(
        self,
        workbook: Workbook | str | Path,
        *,
        options: RunOptions | None = None,
        transport: TransportOptions | None = None,
        client: HttpClient | None = None,
        app: Applications | None = None,
        engine: RunEngine | str | Path | None = None,
        listeners: Sequence[Listener] = (),
        check: Level = "off",
    ) -> None:
        self._carrier = Carrier(transport, client, app)
        self.workbook = workbook if isinstance(workbook, Workbook) else load(workbook, app=app)
        self.options = self._carrier.run_options(options or RunOptions())
        self.engine = engine_of(engine)
        self._listeners = tuple(listeners)
        self._check = check

    def run(
        self,
        workflow_id: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        record: str | Path | None = None,
        replay: str | Path | None = None,
        world: World | None = None,
    ) -> RunResult:
        """Run a workflow to its end.

        Args:
            workflow_id: may be left out when the document has one workflow.
            record: a cassette to write.
            replay: a cassette to answer from; no socket is opened.
            world: what to send requests with, instead of the transport.

        Raises:
            PlanError: the workflow cannot be run as it stands.
            InvalidInputs: the inputs break its schema.
            CassetteError: a cassette cannot be read or written.
            UsageError: an option cannot be used, or the application does not start.
        """
        session = self.session(workflow_id, inputs)
        return self.run_session(session, record=record, replay=replay, world=world)

    def session(self, workflow_id: str | None = None, inputs: Mapping[str, Any] | None = None) -> Session:
        """Prepare a run, to be listened to before it begins; ``run_session`` runs it.

        Raises:
            PlanError: the workflow cannot be run as it stands.
        """
        return self._session(self.workbook.plan(workflow_id, self.options), inputs)

    def run_session(
        self,
        session: Session,
        *,
        record: str | Path | None = None,
        replay: str | Path | None = None,
        world: World | None = None,
    ) -> RunResult:
        """Run what ``session`` has prepared; see ``run``."""
        with ExitStack() as stack:
            if replay is not None:
                from arazzo_runner.runtime.cassettes.format import read_cassette
                from arazzo_runner.runtime.cassettes.replay import Replay

                world = Replay(read_cassette(replay), session.redactor)
            elif world is None:
                world = stack.enter_context(self._carrier.open_for(session))
            if record is not None:
                from arazzo_runner.runtime.cassettes.recording import Recording

                world = Recording(world, stack.enter_context(session.recorder(record)))
            return session.run(world)

    def record_case(
        self,
        path: str | Path,
        workflow_id: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        description: str = "",
    ) -> RunResult:
        """Run a workflow, and keep the run as a case: a recording with its inputs and what it gave, secrets masked.

        ``arazzo test`` and pytest replay it, and run it again with ``--live`` and ``--arazzo-live``.

        Args:
            path: of the file, ``cassettes/WORKFLOW/CASE.yaml``; one that is there is replaced.
            description: what the case is for.

        Raises:
            CassetteError: it cannot be written.
            PlanError, InvalidInputs, UsageError: the workflow cannot be run; see ``run``.
        """
        from arazzo_runner.runtime.cases.files import case_entry, case_of
        from arazzo_runner.runtime.cassettes.recording import Recording

        session = self.session(workflow_id, inputs)
        with ExitStack() as stack:
            recorder = stack.enter_context(session.recorder(path))
            recorder.drop()  # until there is a case to keep
            world = stack.enter_context(self._carrier.open_for(session))
            result = session.run(Recording(world, recorder))
            made = case_of(session, result, path, document=self.workbook.description.document.path)
            options = self.workbook.linker.library.options
            sources = {name: without_credentials(url) for name, url in options.overrides.items()}
            made = replace(made, description=description, sources=sources, base_dir=options.base_dir or "")
            recorder.describe(case_entry(made))
        return result

    async def arun(
        self,
        workflow_id: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        record: str | Path | None = None,
        replay: str | Path | None = None,
        world: AsyncWorld | None = None,
    ) -> RunResult:
        """Run a workflow to its end, asynchronously; see ``run``."""
        import asyncio

        session = await asyncio.to_thread(self.session, workflow_id, inputs)
        return await self.arun_session(session, record=record, replay=replay, world=world)

    async def arun_session(
        self,
        session: Session,
        *,
        record: str | Path | None = None,
        replay: str | Path | None = None,
        world: AsyncWorld | None = None,
    ) -> RunResult:
        """Run what ``session`` has prepared, asynchronously; see ``run``."""
        from contextlib import AsyncExitStack

        async with AsyncExitStack() as stack:
            if replay is not None:
                from arazzo_runner.runtime.cassettes.format import read_cassette
                from arazzo_runner.runtime.cassettes.replay import AsyncReplay, Replay

                world = AsyncReplay(Replay(read_cassette(replay), session.redactor))
            elif world is None:
                world = await stack.enter_async_context(self._carrier.aopen_for(session))
            if record is not None:
                from arazzo_runner.runtime.cassettes.recording import AsyncRecording

                world = AsyncRecording(world, stack.enter_context(session.recorder(record)))
            return await session.arun(world)

    def start(
        self,
        workflow_id: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        run_id: str | None = None,
    ) -> RunHandle:
        """Start a durable run, and return when it is stored; it runs by itself.

        A journal's run is driven by a thread of this process; listeners are called there. When the process ends it
        stops, and ``resume`` continues it where it stopped. A cluster's run is driven by the cluster's workers.

        Args:
            workflow_id: may be left out when the document has one workflow.
            run_id: by which it is known; a run of that id that there is already is the one to use, so that a
                repeated call starts nothing. Drawn when None.

        Raises:
            PlanError: the workflow cannot be run as it stands.
            InvalidInputs: the inputs break its schema; nothing is stored.
            UsageError: the run cannot be stored, or the cluster cannot be reached.
            JournalError: the journal cannot be used.
        """
        return self.engine.start(self._order(workflow_id, inputs or {}, run_id=run_id))

    def resume(
        self,
        run_id: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        resend: bool = False,
        skip: Response | None = None,
        accept_missed: bool = False,
    ) -> RunHandle:
        """Resume a durable run that has stopped, of whichever document: the engine has stored it.

        Args:
            inputs: its secret inputs, which no journal keeps. Credentials come from the runner's options.
            resend: send a request again whose answer is not known: it may have been carried out or not.
            skip: the answer to continue with instead; of a message, any: the broker has it.
            accept_missed: continue although messages may have come while nobody listened (M20).

        Raises:
            RunHeld: another process drives it.
            UsageError: a secret is missing, there is nothing to decide about, or both decisions are given.
            JournalError: it has ended, or there is none of that id.
        """
        if resend and skip is not None:
            raise UsageError("resend= and skip= exclude one another")
        again = GivenSecrets(inputs or {}, self.options.credentials)
        decided = resend or skip is not None or accept_missed
        decision = Decision(resend=resend, answer=skip, accept_missed=accept_missed) if decided else None
        return self.engine.resume(run_id, again, carrier=self._carrier, decision=decision, listeners=self._listeners)

    def handle(self, run_id: str) -> RunHandle:
        """The handle of a durable run that was started before, perhaps by another process.

        Raises:
            JournalError: there is none of that id.
        """
        return self.engine.handle(run_id)

    def runs(
        self, *, status: Sequence[str] = (), workflow_id: str | None = None, batch: str | None = None
    ) -> list[RunSummary]:
        """The durable runs that the engine keeps, of every document, the latest first.

        Args:
            status: only those; see ``RunSummary.status``.
            workflow_id: only runs of that workflow.
            batch: only runs of that batch, which are then listed by row.
        """
        return self.engine.runs(RunFilter(status=tuple(status), workflow_id=workflow_id, batch=batch))

    def run_each(
        self,
        rows: Iterable[Mapping[str, Any]],
        workflow_id: str | None = None,
        *,
        concurrency: int = 4,
        durable: bool = False,
    ) -> Iterator[RowResult]:
        """Run a workflow once for each row of inputs; yield the results as the runs end.

        Args:
            rows: taken one by one, as there is room; of durable runs all are taken, checked and kept before the first.
            workflow_id: may be left out when the document has one workflow.
            concurrency: how many run at once.
            durable: whether the engine keeps them, as one batch.

        Raises:
            PlanError: the workflow cannot be run as it stands.
            InvalidInputs: rows of durable runs break its schema; any other wrong row is a result with an error.
        """
        order = self._order(workflow_id, {})
        yield from run_rows(order, rows, concurrency=concurrency, engine=self.engine if durable else None)

    async def arun_each(
        self,
        rows: Iterable[Mapping[str, Any]] | AsyncIterable[Mapping[str, Any]],
        workflow_id: str | None = None,
        *,
        concurrency: int = 4,
        durable: bool = False,
    ) -> AsyncIterator[RowResult]:
        """Run a workflow once for each row of inputs, asynchronously; see ``run_each``."""
        import asyncio

        order = await asyncio.to_thread(self._order, workflow_id, {})
        engine = self.engine if durable else None
        async for result in arun_rows(order, rows, concurrency=concurrency, engine=engine):
            yield result

    def _order(self, workflow_id: str | None, inputs: Mapping[str, Any], *, run_id: str | None = None) -> RunOrder:
        plan = self.workbook.plan(workflow_id, self.options)
        return RunOrder(self.workbook, plan, inputs, self._carrier, self._check, self._listeners, run_id)

    def _session(self, plan: Plan, inputs: Mapping[str, Any] | None) -> Session:
        session = Session(plan, inputs or {}, self._listeners, checks=contract_checks(plan, self._check))
        session.keep_history()
        return session

    def validate(self) -> Iterator[Problem]:
        """Yield the problems of the document's structure, in reading order."""
        yield from self.workbook.problems
