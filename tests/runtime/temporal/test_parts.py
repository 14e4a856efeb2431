"""What a run on Temporal is made of, without a server: addresses, sealed payloads, and the documents that travel."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.service import RPCError, RPCStatusCode

from arazzo_runner.analysis.linker import Linker
from arazzo_runner.documents.sources import Library, SourceOptions
from arazzo_runner.engine.events import Event
from arazzo_runner.engine.plan import Plan
from arazzo_runner.errors import InvalidInputs, InvalidState, JournalError, PlanError, UsageError
from arazzo_runner.runtime.drivers import Abandoned, Loop, drive
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.run.workbook import Workbook
from arazzo_runner.runtime.secrets.sealing import create_key
from arazzo_runner.runtime.temporal.address import Engine, parse_engine
from arazzo_runner.runtime.temporal.client import Cluster
from arazzo_runner.runtime.temporal.history import Exhausted, Happened, HistoryWorld
from arazzo_runner.runtime.temporal.job import Job, Plans
from arazzo_runner.runtime.temporal.logs import EVERY, PlainLines, plain_line
from arazzo_runner.runtime.temporal.payloads import LIMIT, SealingCodec, Store
from arazzo_runner.runtime.temporal.pruning import reached_documents
from tests.support.durable_runs import answers, planned
from tests.support.own_cases import own_cases
from tests.support.worlds import ListWorld


@pytest.mark.parametrize(
    ("text", "engine"),
    [
        ("temporal://127.0.0.1:7233/default", Engine("127.0.0.1:7233", "default")),
        ("temporal://cluster.example", Engine("cluster.example:7233", "default")),
        ("temporal://[::1]:7/ns?queue=mine&tls=true", Engine("[::1]:7", "ns", "mine", tls=True)),
    ],
)
def test_addresses(text: str, engine: Engine) -> None:
    assert parse_engine(text) == engine
    assert parse_engine(engine.address) == engine


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:7233",
        "http://x/y",
        "temporal://",
        "temporal://x:port/y",
        "temporal://x/y/z",
        "temporal://x/y?z=1",
    ],
)
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="temporal://HOST:PORT/NAMESPACE"):
        parse_engine(text)


def test_a_password_in_an_address_is_not_shown() -> None:
    with pytest.raises(UsageError) as refused:
        parse_engine("temporal://user:theSecret@x/y")
    assert "theSecret" not in str(refused.value)


# Payloads


def codec(directory: Path, store: Store | None = None) -> SealingCodec:
    return SealingCodec(create_key(directory / "engine.key"), store)


def there_and_back(sealing: SealingCodec, payload: Payload) -> tuple[Payload, Payload]:
    [sealed] = asyncio.run(sealing.encode([payload]))
    [opened] = asyncio.run(sealing.decode([sealed]))
    return sealed, opened


def payload(data: bytes) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=data)


def test_what_is_sealed_is_opened_by_the_same_key_alone(tmp_path: Path) -> None:
    one = payload(b'"theMarkedSecret"')
    sealed, opened = there_and_back(codec(tmp_path / "a"), one)
    assert opened == one
    assert b"theMarked" not in sealed.SerializeToString()
    other = codec(tmp_path / "b")
    with pytest.raises(JournalError, match=r"another key \(\w{16}\) than the one here \(\w{16}\)"):
        asyncio.run(other.decode([sealed]))
    del sealed.metadata["arazzo-key"]
    with pytest.raises(JournalError, match="another key"):
        asyncio.run(other.decode([sealed]))


def test_what_was_not_sealed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="not sealed"):
        asyncio.run(codec(tmp_path).decode([payload(b"1")]))


def test_what_is_too_large_goes_to_a_store(tmp_path: Path) -> None:
    large = payload(os.urandom(LIMIT + 1))
    with pytest.raises(JournalError, match="more than Temporal takes"):
        asyncio.run(codec(tmp_path).encode([large]))
    store = Store(tmp_path / "store")
    sealed, opened = there_and_back(codec(tmp_path, store), large)
    assert opened == large
    assert len(sealed.SerializeToString()) < 200
    [kept] = (tmp_path / "store").iterdir()
    assert large.data[:100] not in kept.read_bytes()
    with pytest.raises(JournalError, match="in a store"):
        asyncio.run(codec(tmp_path).decode([sealed]))
    kept.write_bytes(b"changed")
    with pytest.raises(JournalError, match="damaged"):
        asyncio.run(codec(tmp_path, store).decode([sealed]))
    kept.unlink()
    with pytest.raises(JournalError, match="cannot be read"):
        asyncio.run(codec(tmp_path, store).decode([sealed]))


def test_whether_a_text_fits_is_known_before_it_is_sent(tmp_path: Path) -> None:
    text = os.urandom(LIMIT).hex()
    assert codec(tmp_path).fits(text[:1000])
    assert not codec(tmp_path).fits(text)
    assert codec(tmp_path, Store(tmp_path / "store")).fits(text)


@given(st.binary(max_size=200))
def test_any_payload_comes_back(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    one = payload(data)
    assert there_and_back(codec(tmp_path_factory.getbasetemp()), one)[1] == one


# The documents that travel


def job_of(case: dict[str, Any]) -> tuple[Plan, Job]:
    made = planned(case)
    job = Job(
        id="run",
        document="case.yaml",
        entry=made.setup.entry,
        workflow_id="main",
        sources=SourceOptions(),
        options=made.plan.options,
        inputs=case.get("inputs", {}),
        documents=reached_documents(made.workbook, made.plan),
        transport=TransportOptions(),
    )
    return made.plan, Job.from_json(job.to_json())


def told(plan: Plan, case: dict[str, Any]) -> list[Event]:
    events: list[Event] = []
    loop, world = Loop(plan, events.append), ListWorld(answers(case))
    drive(loop, loop.begin(case.get("inputs", {}), world.now()), world)
    return events


@pytest.mark.parametrize("case", own_cases())
def test_a_run_is_the_same_from_the_documents_that_travel(case: dict[str, Any]) -> None:
    try:
        plan, job = job_of(case)
        expected = told(plan, case)
    except (PlanError, InvalidInputs):
        pytest.skip("the case is refused before it runs")
    assert told(job.plan(), case) == expected


ID = {"name": "id", "in": "path", "required": True}
API = {
    "openapi": "3.1.0",
    "info": {"title": "t", "version": "1"},
    "servers": [{"url": "https://api.example"}],
    "paths": {
        "/a/{id}": {
            "parameters": [{"$ref": "#/components/parameters/Id"}],
            "get": {"operationId": "getA", "responses": {"200": {"$ref": "other.json#/responses/Ok"}}},
            "delete": {"operationId": "deleteA", "responses": {}},
        },
        **{f"/unused/{n}": {"get": {"operationId": f"unused{n}", "responses": {}}} for n in range(500)},
    },
    "components": {
        "parameters": {
            "Id": {"name": "id", "in": "path", "required": True, "schema": {"$ref": "#/components/schemas/Id"}}
        },
        "schemas": {"Id": {"type": "string"}, **{f"Unused{n}": {"type": "string"} for n in range(500)}},
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
    },
}
VALUE = {"name": "id", "in": "path"}
ARAZZO = {
    "arazzo": "1.0.1",
    "info": {"title": "t", "version": "1"},
    "sourceDescriptions": [{"name": "api", "url": "api.json", "type": "openapi"}],
    "workflows": [
        {
            "workflowId": "w",
            "steps": [
                {"stepId": "s", "operationId": "getA", "parameters": [{"name": "id", "in": "path", "value": "1"}]}
            ],
        }
    ],
}


def test_only_what_is_reached_travels() -> None:
    texts = {"w.json": ARAZZO, "api.json": API, "other.json": {"responses": {"Ok": {"description": "ok"}}}}
    library = Library(fetch=lambda url: json.dumps(texts[url.rpartition("/")[2]]).encode())
    linker = Linker(library)
    description = linker.description(library.entry("https://x.example/w.json"))
    workbook = Workbook(description, (), linker)
    plan = workbook.plan()
    documents = reached_documents(workbook, plan)
    job = Job(
        "run", "w.json", description.document.uri, "w", SourceOptions(), plan.options, {}, documents, TransportOptions()
    )
    again = job.plan().workflow.steps[0].operation
    assert again is not None
    assert again.parameters == plan.workflow.steps[0].operation.parameters  # type: ignore[union-attr]
    cut = again.api.document.data
    assert list(cut["paths"]) == ["/a/{id}"]
    assert "delete" not in cut["paths"]["/a/{id}"]
    assert list(cut["components"]["schemas"]) == ["Id"]
    assert "securitySchemes" in cut["components"]


def test_jobs_of_the_same_documents_share_a_plan() -> None:
    case = next(iter(own_cases())).values[0]
    _, job = job_of(case)
    plans = Plans()
    assert plans.of(job) is plans.of(Job.from_json(job.to_json()))


@pytest.mark.parametrize("text", ["", "{}", '{"format": "arazzo-job/0"}', '{"format": "arazzo-job/1", "job": {}}'])
def test_a_job_of_another_release_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidState, match="job"):
        Job.from_json(text)


# Following


class BrokenHistories:
    """Begins, and is then not reached any more."""

    async def happened(self) -> AsyncIterator[Happened]:
        yield Happened("task", at=7.0)
        raise RPCError("tcp connect error", RPCStatusCode.UNAVAILABLE, b"")


def test_a_cluster_that_is_gone_ends_the_following_and_says_how_it_goes_on() -> None:
    async def followed() -> None:
        world = HistoryWorld(BrokenHistories(), hint="arazzo resume r1")  # type: ignore[arg-type]
        await world.begin()
        for _ in range(2):  # whatever asks again is told the same
            with pytest.raises(Abandoned, match="not reached any more") as gone:
                await world.sleep(1.0)
            assert (gone.value.code, gone.value.hint) == ("interrupted", "arazzo resume r1")

    asyncio.run(followed())


class Listed:
    """A history that is known beforehand."""

    def __init__(self, *happened: Happened) -> None:
        self._listed = happened

    async def happened(self) -> AsyncIterator[Happened]:
        for one in self._listed:
            yield one


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        ((), []),
        (("failing",), []),  # who does not wait is told nothing of what is tried again
        (("failing", "present"), ["why"]),
        (("failing", "task", "present"), []),  # it was overcome
        (("present", "failing", "task", "failing"), ["why", "why"]),
    ],
)
def test_why_workers_fail_is_told_when_they_do_now(kinds: tuple[str, ...], told: list[str]) -> None:
    heard: list[str] = []

    async def followed() -> None:
        happened = (Happened(kind, "why", at=7.0 if kind == "task" else 0.0) for kind in kinds)
        world = HistoryWorld(Listed(*happened), failing=heard.append)  # type: ignore[arg-type]
        with pytest.raises(Exhausted):
            await world.sleep(1.0)

    asyncio.run(followed())
    assert heard == told


@pytest.mark.parametrize(
    ("kinds", "waits"),
    [
        (("task", "unanswered"), True),
        (("task", "unanswered", "task"), True),
        (("task", "answer", "asked"), False),
        (("task", "answer"), True),
        (("task", "unanswered", "asked"), False),
        (("task", "unanswered", "task", "decision", "asked"), False),
        (("task", "answer", "task", "woke"), False),
        (("task", "unanswered", "task", "cancel", "over"), False),
        ((), False),
    ],
)
def test_whether_a_run_waits_for_a_word_is_read_from_its_history(kinds: tuple[str, ...], waits: bool) -> None:
    """No worker is asked, which may be gone or too busy to answer in time."""

    class Known(Cluster):
        def histories(self, run_id: str, first: str, *, wait: bool) -> Any:
            assert (run_id, first, wait) == ("r1", "first", False)
            return Listed(*map(Happened, kinds))

    cluster = Known(None, parse_engine("temporal://x"), None)  # type: ignore[arg-type]
    assert asyncio.run(cluster.decided("r1", "first")) == (kinds.count("decision"), waits)


# What the library logs


def record(message: str, error: Exception | None = None) -> logging.LogRecord:
    trace = (type(error), error, None) if error is not None else None
    return logging.LogRecord("temporalio.core", logging.WARNING, "", 0, message, None, trace)


@pytest.mark.parametrize(
    ("message", "error", "line"),
    [
        (
            "[sdk_core::temporalio_client::retry] gRPC call x retried 5 times {'error'…",
            None,
            "the cluster is not reached",
        ),
        ("Failed\nby theSecret", ValueError("theSecret"), "warning: Failed"),
        ("Failed", JournalError("sealed with another key"), "warning: Failed: sealed with another key"),
    ],
)
def test_a_record_is_one_plain_line(message: str, error: Exception | None, line: str) -> None:
    said = plain_line(record(message, error))
    assert line in said
    assert "\n" not in said
    assert "sdk_core" not in said
    assert "theSecret" not in said


def test_the_same_line_is_said_once_a_minute() -> None:
    times = iter([0.0, 1.0, 2.0, EVERY + 1.0])
    lines = PlainLines(clock=lambda: next(times))
    said = [lines.filter(record(message)) for message in ("a", "a", "b", "a")]
    assert said == [True, False, True, True]
