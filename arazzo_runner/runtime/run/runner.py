"""The public API: load a document, run its workflows, look at what came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arazzo_runner.engine.plan import Plan, RunOptions
from arazzo_runner.errors import Problem
from arazzo_runner.runtime.drivers import AsyncWorld, Listener, World
from arazzo_runner.runtime.run.session import RunResult, Session, contract_checks
from arazzo_runner.runtime.run.workbook import Workbook, load

if TYPE_CHECKING:
    from arazzo_runner.engine.plan import Level
    from arazzo_runner.runtime.http.options import TransportOptions


class Runner:
    """Runs workflows of one document.

    Args:
        workbook: what ``load`` gave, or a path to load.
        options: how runs behave.
        transport: how requests are sent.
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
        listeners: Sequence[Listener] = (),
        check: Level = "off",
    ) -> None:
        self.workbook = workbook if isinstance(workbook, Workbook) else load(workbook)
        self.options = options or RunOptions()
        self._transport = transport
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
        """
        session = self._session(self.workbook.plan(workflow_id, self.options), inputs)
        with ExitStack() as stack:
            if replay is not None:
                from arazzo_runner.runtime.cassettes.format import read_cassette
                from arazzo_runner.runtime.cassettes.replay import Replay

                world = Replay(read_cassette(replay), session.redactor)
            elif world is None:
                from arazzo_runner.runtime.http.options import TransportOptions
                from arazzo_runner.runtime.http.transport import open_transport

                world = stack.enter_context(open_transport(self._transport or TransportOptions()))
            if record is not None:
                from arazzo_runner.runtime.cassettes.recording import Recording

                world = Recording(world, stack.enter_context(session.recorder(record)))
            return session.run(world)

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
        from contextlib import AsyncExitStack

        plan = await asyncio.to_thread(self.workbook.plan, workflow_id, self.options)
        session = self._session(plan, inputs)
        async with AsyncExitStack() as stack:
            if replay is not None:
                from arazzo_runner.runtime.cassettes.format import read_cassette
                from arazzo_runner.runtime.cassettes.replay import AsyncReplay, Replay

                world = AsyncReplay(Replay(read_cassette(replay), session.redactor))
            elif world is None:
                from arazzo_runner.runtime.http.async_transport import open_async_transport
                from arazzo_runner.runtime.http.options import TransportOptions

                world = await stack.enter_async_context(open_async_transport(self._transport or TransportOptions()))
            if record is not None:
                from arazzo_runner.runtime.cassettes.recording import AsyncRecording

                world = AsyncRecording(world, stack.enter_context(session.recorder(record)))
            return await session.arun(world)

    def _session(self, plan: Plan, inputs: Mapping[str, Any] | None) -> Session:
        return Session(plan, inputs or {}, self._listeners, checks=contract_checks(plan, self._check))

    def validate(self) -> Iterator[Problem]:
        """Yield the problems of the document's structure, in reading order."""
        yield from self.workbook.problems
