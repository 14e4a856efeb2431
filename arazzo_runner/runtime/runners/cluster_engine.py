"""Durable runs on a Temporal cluster, whose workers drive them: started, followed and cancelled from here."""

from __future__ import annotations

import asyncio
import logging
import queue
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from arazzo_runner.engine.events import Event
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.http.portal import shared_portal
from arazzo_runner.runtime.run.session import RunResult
from arazzo_runner.runtime.runners.handles import RunHandle, RunOrder
from arazzo_runner.runtime.runners.summaries import RunFilter, RunSummary, cluster_summary

if TYPE_CHECKING:
    from arazzo_runner.runtime.decisions import Decision
    from arazzo_runner.runtime.drivers import Listener
    from arazzo_runner.runtime.durable.resuming import SecretsAgain
    from arazzo_runner.runtime.run.carriers import Carrier
    from arazzo_runner.runtime.run.session import Session
    from arazzo_runner.runtime.temporal.client import Cluster
    from arazzo_runner.runtime.temporal.following import Following, WorkerNotices
    from arazzo_runner.runtime.temporal.job import Job
    from arazzo_runner.runtime.temporal.payloads import SealingCodec

T = TypeVar("T")
LOGGER = "arazzo_runner.engine"


class TemporalEngine:
    """Keeps durable runs on a Temporal cluster. Needs the extra ``temporal``; ``arazzo worker`` drives the runs.

    Args:
        address: ``temporal://HOST:PORT/NAMESPACE``.
        key: the file of the key that seals all that goes to the cluster; in the user's data directory when None.
        store: a directory that all workers share, for what is too large for the cluster.
        notice: is given what is worth knowing of the cluster's workers, and a hint; logged when None.

    Raises:
        UsageError: the address is malformed.
    """

    def __init__(
        self,
        address: str,
        *,
        key: str | Path | None = None,
        store: str | Path | None = None,
        notice: Callable[[str, str], None] | None = None,
    ) -> None:
        from arazzo_runner.runtime.temporal.address import parse_engine

        self.engine = parse_engine(address)
        self.key = None if key is None else str(key)
        self.store = store
        self.notice = notice or _logged

    def __str__(self) -> str:
        return str(self.engine)

    def work(
        self,
        *,
        ready: Callable[[], None] = lambda: None,
        tell: Callable[[str], None] = lambda _: None,
        made: Callable[[Path], None] = lambda _: None,
    ) -> None:
        """Work for the cluster until Ctrl-C: take the turns of its runs, and send their requests.

        Args:
            ready: is called when it begins.
            tell: is given what is worth knowing of the cluster.
            made: is called with a new key, which every worker and client of the runs needs.

        Raises:
            UsageError: the cluster cannot be reached, or has no such namespace.
            JournalError: the key cannot be used.
        """
        codec = codec_of(self, made=made)

        async def working() -> None:
            from arazzo_runner.runtime.temporal.client import Cluster, connect
            from arazzo_runner.runtime.temporal.worker import work

            client = await connect(self.engine, codec)
            if not await Cluster(client, self.engine, codec).register():
                tell(
                    "arazzo runs will not show workflows and statuses: the namespace lacks the search attributes "
                    "ArazzoWorkflowId and ArazzoStatus (Keyword)"
                )
            await work(client, self.engine.queue, codec, ready=ready)

        asyncio.run(working())

    def start(self, order: RunOrder) -> RunHandle:
        """Hand a run to the cluster; see ``RunEngine.start``."""
        job = job_of(order)

        async def start(cluster: Cluster) -> str:
            return await cluster.start(job)

        try:
            ask(self, start)
        except UsageError:
            if order.run_id is None or not self._has(order.run_id):
                raise
        return ClusterHandle(self, job.id)

    def _has(self, run_id: str) -> bool:
        from arazzo_runner.errors import JournalError

        try:
            self.summary(run_id)
        except JournalError:
            return False
        return True

    def handle(self, run_id: str) -> RunHandle:
        """The handle of a run; see ``RunEngine.handle``."""
        self.summary(run_id)
        return ClusterHandle(self, run_id)

    def summary(self, run_id: str) -> RunSummary:
        """A run as the cluster lists it.

        Raises:
            JournalError: there is none of that id.
        """

        async def described(cluster: Cluster) -> RunSummary:
            return cluster_summary(await cluster.run(run_id))

        return ask(self, described)

    def resume(
        self,
        run_id: str,
        again: SecretsAgain,  # noqa: ARG002 - the cluster has them, sealed
        *,
        carrier: Carrier | None = None,
        decision: Decision | None = None,
        listeners: Sequence[Listener] = (),
    ) -> RunHandle:
        """Decide about a request that a run waits for; it continues by itself else. See ``RunEngine.resume``."""
        from arazzo_runner.runtime.temporal.following import find

        refuse_carrier(carrier)
        if listeners:
            raise UsageError("a run on a cluster has no listeners", hint="look at the events of its handle")

        async def decided(cluster: Cluster) -> None:
            await find(cluster, run_id, decision)

        ask(self, decided)
        return ClusterHandle(self, run_id)

    def runs(self, only: RunFilter | None = None) -> list[RunSummary]:
        """The runs; see ``RunEngine.runs``."""
        only = only or RunFilter()

        async def listed(cluster: Cluster) -> list[RunSummary]:
            return [cluster_summary(run) async for run in cluster.runs()]

        return [run for run in ask(self, listed) if only.takes(run)]

    def cancel(self, run_id: str) -> RunSummary:
        """End a run; see ``RunEngine.cancel``."""

        async def cancelled(cluster: Cluster) -> RunSummary:
            run = await cluster.run(run_id)
            await cluster.cancel(run_id)
            return cluster_summary(run)

        return ask(self, cancelled)


_CLUSTERS: weakref.WeakKeyDictionary[TemporalEngine, Cluster] = weakref.WeakKeyDictionary()
"""The connections of engines, each in the loop of the portal."""


def codec_of(engine: TemporalEngine, *, made: Callable[[Path], None] | None = None) -> SealingCodec:
    """Return the codec that seals all that goes to an engine's cluster.

    Args:
        made: is called with a new key; None makes none.

    Raises:
        UsageError: there is no key.
        JournalError: it cannot be used.
    """
    from arazzo_runner.runtime.temporal.keys import engine_key
    from arazzo_runner.runtime.temporal.payloads import SealingCodec, Store

    store = Store(Path(engine.store)) if engine.store else None
    return SealingCodec(engine_key(engine.key, made=made), store)


async def connect_to(engine: TemporalEngine) -> Cluster:
    """Connect to an engine's cluster, in the running loop.

    Raises:
        UsageError: it cannot be reached, has no such namespace, or there is no key.
    """
    from arazzo_runner.runtime.temporal.client import Cluster, connect

    codec = codec_of(engine)
    return Cluster(await connect(engine.engine, codec), engine.engine, codec)


async def cluster_of(engine: TemporalEngine) -> Cluster:
    """The cluster of an engine, connected to once."""
    if engine not in _CLUSTERS:
        _CLUSTERS[engine] = await connect_to(engine)
    return _CLUSTERS[engine]


def ask(engine: TemporalEngine, question: Callable[[Cluster], Coroutine[Any, Any, T]]) -> T:
    """Ask an engine's cluster a question, and wait for its answer."""

    async def asked() -> T:
        return await question(await cluster_of(engine))

    return shared_portal().call(asked())


def notices_of(engine: TemporalEngine) -> WorkerNotices:
    """Notices about the workers of an engine's cluster, each once."""
    from arazzo_runner.runtime.temporal.following import WorkerNotices

    return WorkerNotices(engine.engine, engine.notice)


def _logged(text: str, hint: str) -> None:
    logging.getLogger(LOGGER).warning("%s; %s", text, hint)


def refuse_carrier(carrier: Carrier | None) -> None:
    """Refuse a client or an application: the workers of a cluster send the requests.

    Raises:
        UsageError: there is one.
    """
    if carrier is not None and carrier.kind:
        message = f"{carrier.kind}= is of this process, and the workers of a cluster send the requests"
        raise UsageError(message, hint="keep the run in a journal: engine=JournalEngine()")


def job_of(order: RunOrder) -> Job:
    """A run, as it is handed to a cluster.

    Raises:
        InvalidInputs: they break the workflow's schema.
        UsageError: a client or an application of this process would carry its requests.
    """
    from arazzo_runner.runtime.durable.runs import check_row, new_id
    from arazzo_runner.runtime.durable.setup import absolute_sources, absolute_transport
    from arazzo_runner.runtime.temporal.job import Job
    from arazzo_runner.runtime.temporal.pruning import reached_documents

    refuse_carrier(order.carrier)
    plan, workbook = order.plan, order.workbook
    check_row(plan, order.inputs)
    return Job(
        id=order.run_id or new_id(),
        document=workbook.description.document.path,
        entry=workbook.description.document.uri,
        workflow_id=plan.workflow.workflow_id,
        sources=absolute_sources(workbook.linker.library.options),
        options=plan.options,
        inputs=order.inputs,
        documents=reached_documents(workbook, plan),
        transport=absolute_transport(order.carrier.options),
        check=order.check,
    )


class ClusterHandle:
    """A run of a cluster (``RunHandle``): it continues whether anybody looks at it or not."""

    def __init__(self, engine: TemporalEngine, run_id: str) -> None:
        self.id = run_id
        self._engine = engine

    def __repr__(self) -> str:
        return f"<run {self.id} on {self._engine}>"

    @property
    def status(self) -> str:
        """The status now."""
        return self.summary.status

    @property
    def summary(self) -> RunSummary:
        """All that is known of it now."""
        return self._engine.summary(self.id)

    def events(self, *, follow: bool = True) -> Iterator[Event]:
        """Yield the events."""
        told: queue.SimpleQueue[Event | _End] = queue.SimpleQueue()
        task = shared_portal().begin(self._tell(told.put, follow=follow))
        try:
            while not isinstance(event := told.get(), _End):
                yield event
            if event.error is not None:
                raise event.error
        finally:
            task.cancel()

    async def aevents(self, *, follow: bool = True) -> AsyncIterator[Event]:
        """Yield the events, asynchronously."""
        told: asyncio.Queue[Event | _End] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def tell(event: Event | _End) -> None:
            loop.call_soon_threadsafe(told.put_nowait, event)

        task = shared_portal().begin(self._tell(tell, follow=follow))
        try:
            while not isinstance(event := await told.get(), _End):
                yield event
            if event.error is not None:
                raise event.error
        finally:
            task.cancel()

    async def _tell(self, tell: Callable[[Event | _End], None], *, follow: bool) -> None:
        error = None
        try:
            await (self._follow(tell) if follow else self._look(tell))
        except Exception as raised:  # noqa: BLE001 - it is raised where the events are asked for
            error = raised
        finally:
            tell(_End(error))

    def wait(self, timeout: float | None = None) -> RunResult:
        """Wait for the result."""

        async def waited() -> RunResult:
            async with asyncio.timeout(timeout):
                return await self._follow(lambda _: None)

        try:
            return shared_portal().call(waited())
        except TimeoutError:
            raise TimeoutError(f"the run {self.id} is still running") from None

    async def await_result(self) -> RunResult:
        """Wait for the result, asynchronously."""
        return await asyncio.wrap_future(shared_portal().begin(self._follow(lambda _: None)))

    def cancel(self) -> None:
        """End the run."""
        self._engine.cancel(self.id)

    async def _follow(self, listener: Listener) -> RunResult:
        from arazzo_runner.runtime.temporal.following import follow

        cluster, found, session = await self._found(listener)
        return await follow(cluster, found, session, notices=notices_of(self._engine))

    async def _look(self, listener: Listener) -> None:
        from arazzo_runner.runtime.temporal.following import look

        await look(*await self._found(listener))

    async def _found(self, listener: Listener) -> tuple[Cluster, Following, Session]:
        from arazzo_runner.runtime.temporal.following import find, session_of

        cluster = await cluster_of(self._engine)
        found = await find(cluster, self.id)
        session = session_of(found.job, found.job.plan())
        session.keep_history()
        session.listen(listener)
        return cluster, found, session


class _End:
    """The end of a run's events."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
