"""Runs on a Temporal cluster, from outside: started, followed, listed, decided about and cancelled."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus, WorkflowHandle
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.runtime import LogForwardingConfig, LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.service import RPCError, RPCStatusCode

from arazzo_runner.engine.events import Outcome
from arazzo_runner.errors import JournalError, UsageError
from arazzo_runner.runtime.decisions import Decision
from arazzo_runner.runtime.serialization import decode, encode
from arazzo_runner.runtime.temporal.address import Engine
from arazzo_runner.runtime.temporal.history import Histories
from arazzo_runner.runtime.temporal.job import Job
from arazzo_runner.runtime.temporal.logs import LOGGER, quiet_logs
from arazzo_runner.runtime.temporal.payloads import SealingCodec, data_converter
from arazzo_runner.runtime.temporal.workflow import NAME, STATUS, WORKFLOW_ID

API_KEY = "TEMPORAL_API_KEY"
PREFIX = "arazzo-"
_OPEN = frozenset({"unanswered", "answer", "decision"})
"""What a run has taken in, and asked for nothing since, when it waits for a decision."""
_STANDING = _OPEN | {"asked", "woke", "cancel", "over"}
_ATTRIBUTES = (WORKFLOW_ID.name, STATUS.name)
_ENDED = {
    WorkflowExecutionStatus.COMPLETED: "",
    WorkflowExecutionStatus.FAILED: "failed",
    WorkflowExecutionStatus.CANCELED: "cancelled",
    WorkflowExecutionStatus.TERMINATED: "failed",
    WorkflowExecutionStatus.TIMED_OUT: "failed",
}


class ClusterRun(Struct, frozen=True):
    """A run as the cluster lists it.

    Attributes:
        status: ``running``, ``ambiguous-request``, ``messages-missed``, ``succeeded``, ``failed`` or ``cancelled``.
        workflow: empty where the namespace does not know our search attributes.
        ended: when it did, or None.
    """

    id: str
    workflow: str
    status: str
    started: float
    ended: float | None


async def connect(engine: Engine, codec: SealingCodec) -> Client:
    """A client of a cluster.

    Raises:
        UsageError: it cannot be reached, or has no such namespace.
    """
    try:
        client = await Client.connect(
            engine.target,
            namespace=engine.namespace,
            data_converter=data_converter(codec),
            tls=engine.tls,
            api_key=os.environ.get(API_KEY) or None,
            runtime=_runtime(),
        )
        await client.count_workflows(f"WorkflowType = '{NAME}'")
    except RPCError as error:
        hint = f"the server has no namespace {engine.namespace!r}" if error.status == RPCStatusCode.NOT_FOUND else ""
        raise UsageError(f"{engine} cannot be used: {error.message}", hint=hint) from None
    except RuntimeError:
        # What it says is a trace of the library's inside.
        hint = "for a trial: temporal server start-dev --headless"
        raise UsageError(f"{engine} cannot be reached", hint=hint) from None
    return client


@cache
def _runtime() -> Runtime:
    """The library's core, which by default writes its log to stdout, among our data."""
    quiet_logs()
    forwarding = LogForwardingConfig(logging.getLogger(f"{LOGGER}.core"))
    filtered = TelemetryFilter(core_level="WARN", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filtered, forwarding=forwarding)))


class Cluster:
    """The runs of a namespace."""

    def __init__(self, client: Client, engine: Engine, codec: SealingCodec) -> None:
        self.client = client
        self.engine = engine
        self._codec = codec
        self._searchable: bool | None = None

    async def _knows_attributes(self) -> bool:
        if self._searchable is None:
            self._searchable = await self.is_searchable()
        return self._searchable

    async def register(self) -> bool:
        """Make our search attributes known to the namespace; returns whether it knows them now."""
        if await self.is_searchable():
            return True
        keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        attributes = dict.fromkeys(_ATTRIBUTES, keyword)
        request = AddSearchAttributesRequest(namespace=self.engine.namespace, search_attributes=attributes)
        with suppress(RPCError):  # not everybody may; a list then shows less
            await self.client.operator_service.add_search_attributes(request)
        return await self.is_searchable()

    async def is_searchable(self) -> bool:
        """Return whether the namespace knows our search attributes."""
        try:
            request = ListSearchAttributesRequest(namespace=self.engine.namespace)
            known = await self.client.operator_service.list_search_attributes(request)
        except RPCError:
            return False
        return set(_ATTRIBUTES) <= set(known.custom_attributes)

    async def start(self, job: Job) -> str:
        """Hand a run to the cluster; return the id of its first execution.

        Raises:
            UsageError: it is too large, or there is a run of that id.
        """
        text = replace(job, searchable=await self._knows_attributes()).to_json()
        if not self._codec.fits(text):
            message = f"the documents and inputs of the run, {len(text):,} bytes, are more than Temporal takes"
            raise UsageError(message, hint="name a directory that the workers share: --engine-store DIR")
        try:
            handle = await self.client.start_workflow(NAME, text, id=PREFIX + job.id, task_queue=self.engine.queue)
        except WorkflowAlreadyStartedError:
            raise UsageError(f"there is a run {job.id} already") from None
        return handle.first_execution_run_id or ""

    def histories(self, run_id: str, first: str, *, wait: bool) -> Histories:
        """Yield the histories of a run: what has happened, and what happens."""
        return Histories(self.client, PREFIX + run_id, first, wait=wait)

    async def find(self, run_id: str) -> tuple[Job, str]:
        """A run's job as it was handed over, and the id of its first execution.

        Raises:
            JournalError: there is no such run, or it was sealed with another key.
        """
        try:
            first = ""
            async for event in self._handle(run_id).fetch_history_events(page_size=1):
                first = event.workflow_execution_started_event_attributes.first_execution_run_id
                break
            handle = self.client.get_workflow_handle(PREFIX + run_id, run_id=first)
            async for event in handle.fetch_history_events(page_size=1):
                payloads = event.workflow_execution_started_event_attributes.input.payloads
                [text] = await self.client.data_converter.decode(list(payloads), [str])
                return Job.from_json(text), first
        except RPCError as error:
            raise self._unknown(run_id, error) from None
        raise JournalError(f"the run {run_id} has no history any more")

    async def decided(self, run_id: str, first: str) -> tuple[int, bool]:
        """Return how many decisions a run has taken, and whether it waits for one.

        Args:
            first: its first execution.
        """
        count, last = 0, ""
        async for happened in self.histories(run_id, first, wait=False).happened():
            count += happened.kind == "decision"
            last = happened.kind if happened.kind in _STANDING else last
        return count, last in _OPEN

    async def decide(self, run_id: str, decision: Decision) -> None:
        """Say what to do about a request whose answer is unknown, or about messages that may be missed."""
        await self._handle(run_id).signal("decide", encode(decision))

    async def cancel(self, run_id: str) -> None:
        """End a run.

        Raises:
            JournalError: there is none of that id, or it has ended.
        """
        handle = self._handle(run_id)
        try:
            if (await handle.describe()).status != WorkflowExecutionStatus.RUNNING:
                raise JournalError(f"the run {run_id} has ended", hint=f"arazzo runs show {run_id} shows it")
            await handle.cancel()
        except RPCError as error:
            raise self._unknown(run_id, error) from None

    async def run(self, run_id: str) -> ClusterRun:
        """A run as the cluster lists it.

        Raises:
            JournalError: there is none of that id.
        """
        try:
            return _run(await self._handle(run_id).describe())
        except RPCError as error:
            raise self._unknown(run_id, error) from None

    async def outcome(self, run_id: str) -> Outcome:
        """Wait for the outcome of a run."""
        text: str = await self.client.get_workflow_handle(PREFIX + run_id, result_type=str).result()
        ended: Outcome = decode(text)
        return ended

    async def runs(self) -> AsyncIterator[ClusterRun]:
        """The runs of the namespace, the latest first."""
        async for found in self.client.list_workflows(f"WorkflowType = '{NAME}'"):
            yield _run(found)

    def _handle(self, run_id: str) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(PREFIX + run_id)

    def _unknown(self, run_id: str, error: RPCError) -> JournalError:
        if error.status == RPCStatusCode.NOT_FOUND:
            message = f"there is no run {run_id} on {self.engine}, or it has ended"
            return JournalError(message, hint=f"arazzo runs --engine {self.engine}")
        return JournalError(f"{self.engine}: {error.message}")


def _run(found: WorkflowExecution) -> ClusterRun:
    attributes = found.typed_search_attributes
    told = attributes.get(STATUS)
    ended = _ENDED.get(found.status) if found.status is not None else None
    status = told or "running" if ended is None else ended or told or "ended"
    return ClusterRun(
        id=found.id.removeprefix(PREFIX),
        workflow=attributes.get(WORKFLOW_ID) or "",
        status=status,
        started=found.start_time.timestamp(),
        ended=found.close_time.timestamp() if found.close_time else None,
    )
