"""The public API: load a document, run its workflows, look at what came."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from arazzo_runner.analysis.linker import Linker
from arazzo_runner.documents.model import ArazzoDescription
from arazzo_runner.documents.sources import Library, SourceOptions
from arazzo_runner.effects import Answered, Send
from arazzo_runner.engine.events import Event, Outcome, Reason, Warned
from arazzo_runner.engine.flow import Turn
from arazzo_runner.engine.plan import Plan, RunOptions
from arazzo_runner.engine.planning import make_plan
from arazzo_runner.errors import Problem, RunFailed, UsageError
from arazzo_runner.runtime.disk_cache import ParsedDescriptions, cache_directory
from arazzo_runner.runtime.drivers import AsyncWorld, Listener, Loop, Settle, World, adrive, drive, settled
from arazzo_runner.runtime.secrets.redaction import Redactor

if TYPE_CHECKING:
    from arazzo_runner.runtime.cassettes.format import Recorder
    from arazzo_runner.runtime.http.options import TransportOptions
    from arazzo_runner.runtime.run.contract_checks import ContractChecks, Level


@dataclass(frozen=True)
class Workbook:
    """A loaded Arazzo document and the way to its sources.

    Attributes:
        description: the document's model.
        problems: everything that is wrong with its structure, in reading order; an error refuses what it touches.
    """

    description: ArazzoDescription
    problems: Sequence[Problem]
    linker: Linker = field(repr=False)

    @property
    def workflow_ids(self) -> list[str]:
        """The ids of its workflows, in document order."""
        return [workflow.workflow_id for workflow in self.description.workflows]

    def plan(self, workflow_id: str | None = None, options: RunOptions | None = None) -> Plan:
        """Resolve, parse and check a workflow and all that it reaches.

        Args:
            workflow_id: may be left out when the document has one workflow.

        Raises:
            PlanError: it cannot be run as it stands; carries every problem.
            UsageError: there are several workflows and none was named.
        """
        return make_plan(self.linker, self.description.document, self.chosen(workflow_id), options)

    def chosen(self, workflow_id: str | None) -> str:
        """The id that was named, or that of the document's only workflow.

        Raises:
            UsageError: there are several workflows and none was named.
        """
        if workflow_id is not None:
            return workflow_id
        if len(self.workflow_ids) != 1:
            raise UsageError(
                f"{self.description.document.path} has {len(self.workflow_ids)} workflows",
                hint=f"name one of {', '.join(self.workflow_ids)}",
            )
        return self.workflow_ids[0]


def load(
    path: str | Path,
    *,
    sources: Mapping[str, str] | None = None,
    base_dir: str | None = None,
    transport: TransportOptions | None = None,
) -> Workbook:
    """Load an Arazzo document; its sources are read when a workflow needs them.

    Args:
        path: file or http(s) URL.
        sources: where source descriptions really are, by name (H0).
        base_dir: the root of relative source URLs, instead of the document's own place.
        transport: how http(s) documents are fetched; without it, redirects to other hosts are not followed.

    Raises:
        UnreadableDocument: it is not there, or is no YAML or JSON.
        InvalidDocument: nothing sensible can be made of it.
    """
    linker = Linker(open_library(sources=sources, base_dir=base_dir, transport=transport))
    document = linker.library.entry(str(path))
    description = linker.description(document)
    return Workbook(description, tuple(linker.load(document)[1]), linker)


def open_library(
    *,
    sources: Mapping[str, str] | None = None,
    base_dir: str | None = None,
    transport: TransportOptions | None = None,
) -> Library:
    """The documents of one run or check; see ``load``."""
    directory = cache_directory(os.environ)
    return Library(
        fetch=partial(_fetch, transport, directory),
        options=SourceOptions(dict(sources or {}), base_dir),
        cache=ParsedDescriptions(directory) if directory else None,
    )


def _fetch(transport: TransportOptions | None, directory: Path | None, url: str) -> bytes:
    from arazzo_runner.runtime.http.documents import FetchedDocuments, fetch_document
    from arazzo_runner.runtime.http.options import TransportOptions

    kept = FetchedDocuments(directory) if directory else None
    # A document or the command line names the URL; a redirect may lead elsewhere.
    options = transport or TransportOptions(allowed_hosts=frozenset())
    return fetch_document(url, options.naming(url), kept=kept)


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Attributes:
        outcome: status, reason, outputs, counts and times.
        problems: what is worth knowing: of the plan (``Problem``), and of the run (sentences).
    """

    outcome: Outcome
    problems: Sequence[Problem | str] = ()

    @property
    def succeeded(self) -> bool:
        """Whether the workflow succeeded."""
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
    def outputs(self) -> Mapping[str, Any]:
        """The workflow's outputs, as they are: mask them before you print them (S1)."""
        return self.outcome.outputs

    def raise_for_failure(self) -> RunResult:
        """This result, if the run succeeded.

        Raises:
            RunFailed: it did not.
        """
        if self.outcome.reason is not None:
            reason = self.outcome.reason
            step = f"step {reason.step_id}: " if reason.step_id else ""
            raise RunFailed(f"{self.outcome.workflow_id} failed: {step}{reason.message}", self)
        return self


class Runner:
    """Runs workflows of one document.

    Args:
        workbook: what ``load`` gave, or a path to load.
        options: how runs behave.
        transport: how requests are sent.
        listeners: called with every event, secrets masked (S1).
        check: hold every exchange against OpenAPI: ``off``, ``warn``, or ``error``, which makes a breach a failure.

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
                from arazzo_runner.runtime.cassettes.format import Replay, read_cassette

                world = Replay(read_cassette(replay), session.redactor)
            elif world is None:
                from arazzo_runner.runtime.http.options import TransportOptions
                from arazzo_runner.runtime.http.transport import open_transport

                world = stack.enter_context(open_transport(self._transport or TransportOptions()))
            if record is not None:
                from arazzo_runner.runtime.cassettes.format import Recording

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
                from arazzo_runner.runtime.cassettes.format import AsyncReplay, Replay, read_cassette

                world = AsyncReplay(Replay(read_cassette(replay), session.redactor))
            elif world is None:
                from arazzo_runner.runtime.http.async_transport import open_async_transport
                from arazzo_runner.runtime.http.options import TransportOptions

                world = await stack.enter_async_context(open_async_transport(self._transport or TransportOptions()))
            if record is not None:
                from arazzo_runner.runtime.cassettes.format import AsyncRecording

                world = AsyncRecording(world, stack.enter_context(session.recorder(record)))
            return await session.arun(world)

    def _session(self, plan: Plan, inputs: Mapping[str, Any] | None) -> Session:
        return Session(plan, inputs or {}, self._listeners, checks=contract_checks(plan, self._check))

    def validate(self) -> Iterator[Problem]:
        """What is wrong with the document's structure, in reading order."""
        yield from self.workbook.problems


def contract_checks(plan: Plan, level: Level) -> ContractChecks | None:
    """What holds a run's exchanges against their descriptions; its libraries are loaded when they are needed."""
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
        checks: hold its exchanges against their operations; what they find joins the events.
        keep: is given each turn, with its events masked, before anything of it is told or performed.
        settle: waits until what was kept is safe, before an asynchronous driver performs anything.
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
        self._checks = checks
        self.redactor = Redactor()
        self.inputs = dict(inputs)
        self._listeners: list[tuple[Listener, Kinds]] = [(listener, (object,)) for listener in listeners]
        self._warnings: list[str] = []
        self.redactor.learn_inputs(plan.workflow.input_schema, self.inputs, plan.credential_inputs)
        self.redactor.learn(*plan.options.credentials.secrets())
        self.redactor.learn_headers(*plan.secret_headers)
        self.redactor.learn_queries(*plan.secret_queries)
        self._keep = keep
        self._loop = Loop(
            plan, self._tell, self._before, self._after, self.redactor.secret_names, self._kept, settle, identity
        )

    def listen(self, *listeners: Listener, only: Kinds = (object,)) -> None:
        """Add listeners, before the run begins.

        Args:
            only: the kinds of event that they are called with; what nobody hears is not masked either.
        """
        self._listeners += ((listener, only) for listener in listeners)

    def recorder(self, path: str | Path, *, comment: str = "") -> Recorder:
        """A recorder that knows this run's secrets."""
        from arazzo_runner.runtime.cassettes.format import Recorder

        return Recorder(path, self.redactor, comment=comment)

    def run(self, world: World, begin: Begin | None = None) -> RunResult:
        """Run to the end with a synchronous world.

        Args:
            begin: gives the turn to go on from; the first one by default.
        """
        return self._result(drive(self._loop, (begin or self.first)(self._loop, world.now()), world))

    async def arun(self, world: AsyncWorld, begin: Begin | None = None) -> RunResult:
        """Run to the end with an asynchronous world; see ``run``."""
        return self._result(await adrive(self._loop, (begin or self.first)(self._loop, world.now()), world))

    def recall(self, told: Iterable[Event]) -> None:
        """Tell the listeners what was told before, perhaps in another process."""
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
        told = replace(outcome, reason=self.redactor.event(outcome.reason))
        return RunResult(told, (*self.plan.problems, *self._warnings))

    def _before(self, effect: Any) -> None:
        if isinstance(effect, Send):
            self.redactor.learn_request(effect.request)

    def _after(self, answer: Any) -> None:
        if isinstance(answer, Answered):
            self.redactor.learn_response(answer.response)

    def _tell(self, event: Event) -> None:
        if isinstance(event, Warned):
            self._warnings.append(self.redactor.text(event.message))
        if hearing := [listener for listener, kinds in self._listeners if isinstance(event, kinds)]:
            masked = self.redactor.event(event)
            for listener in hearing:
                listener(masked)
