"""Servers of ``arazzo mcp`` and clients of theirs: in this process, over stdio and over HTTP."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult

from arazzo_runner.engine.plan import RunOptions
from arazzo_runner.mcp.server import WorkflowServer
from arazzo_runner.mcp.tool_calls import ToolCalls
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.run.workbook import load
from arazzo_runner.runtime.runners.journal_engine import JournalEngine
from arazzo_runner.runtime.secrets.redaction import Redactor
from arazzo_runner.serving.catalogue import Catalogue
from arazzo_runner.serving.offers import Grounds, Terms
from tests.support.notes import PATIENCE
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from mcp.client.context import ClientRequestContext

ERAS = ("legacy", "2026-07-28")
"""The handshake of the earlier revisions, and the envelope of the present one."""
TOKEN = "client-token-0123456789abcdef"

Result = TypeVar("Result")


def run(work: Callable[[], Awaitable[Result]]) -> Result:
    """Run asynchronous work to its end."""

    async def bounded() -> Result:
        async with asyncio.timeout(PATIENCE * 2):
            return await work()

    return asyncio.run(bounded())


def catalogue_of(
    documents: list[Path], terms: Terms | None = None, given: Mapping[str, Any] | None = None, **options: Any
) -> Catalogue:
    """The catalogue of documents."""
    workbooks = [load(path) for path in documents]
    workflows = [(workbook, workflow) for workbook in workbooks for workflow in workbook.description.workflows]
    grounds = Grounds(RunOptions(**options), TransportOptions(), lambda _: dict(given or {}))
    return Catalogue(workflows, terms or Terms(), grounds)


@dataclass
class Served:
    """A server in this process.

    Attributes:
        told: what the person was told.
    """

    server: WorkflowServer
    calls: ToolCalls
    told: list[str]


def served(catalogue: Catalogue, directory: Path, *secrets: str) -> Served:
    """A server of a catalogue, its journal in a directory."""
    told: list[str] = []
    engine = JournalEngine(directory / "mcp.db", key=directory / "mcp.key")
    calls = ToolCalls(engine, catalogue, tell=told.append)
    redactor = Redactor()
    redactor.learn(*secrets)
    server = WorkflowServer(catalogue, calls, redactor)
    server.prepare(told.append)
    return Served(server, calls, told)


@dataclass
class Person:
    """The person behind a client, who is asked for confirmation.

    Attributes:
        action: what is answered.
        asked: the questions so far.
    """

    action: str = "accept"
    asked: list[str] = field(default_factory=list)

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        self.asked.append(params.message)
        return ElicitResult.model_validate({"action": self.action, "content": {} if self.action == "accept" else None})


@dataclass
class Progress:
    """The progress of a call, as its client hears it.

    Attributes:
        heard: number and message of each notification.
    """

    heard: list[tuple[float, str]] = field(default_factory=list)

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        self.heard.append((progress, message or ""))

    @property
    def messages(self) -> list[str]:
        return [message for _, message in self.heard]


def run_id_of(answer: CallToolResult) -> str:
    """The run that an answer is about."""
    assert answer.meta is not None
    return str(answer.meta["arazzo/runId"])


def client_of(server: WorkflowServer, era: str = ERAS[1], person: Person | None = None) -> Client:
    """The SDK's own client, in this process."""
    return Client(server.server(), mode=era, elicitation_callback=person)


def words_of(directory: Path, *words: str) -> list[str]:
    """The command with words, its journal in a directory."""
    journal = ["--journal", str(directory / "mcp.db"), "--journal-key", str(directory / "mcp.key")]
    return [sys.executable, "-m", "arazzo_runner", "mcp", *words, *journal]


def environment(**more: str) -> dict[str, str]:
    """The environment of a server: without what the machine's own gives."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("ARAZZO_")}
    return {**plain, "PYTHONPATH": str(ROOT), **more}


def by_stdio(directory: Path, *words: str, **variables: str) -> StdioServerParameters:
    """A server that the client starts; it writes its process id to ``pid`` and its stderr to ``stderr``.

    All bytes of both directions are in ``sent`` and ``answered``.
    """
    import shlex

    command = shlex.join(words_of(directory, *words))
    here = shlex.quote(str(directory))
    inner = f"sh -c 'echo $$ > {here}/pid; exec \"$@\"' sh {command}"
    script = f"tee -a {here}/sent | {inner} 2>> {here}/stderr | tee -a {here}/answered"
    return StdioServerParameters(command="sh", args=["-c", script], env=environment(**variables), cwd=str(ROOT))


@contextmanager
def http_process(directory: Path, *words: str, **variables: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A process that serves HTTP; yields its URL."""
    token = directory / "token"
    token.touch(mode=0o600)
    token.write_text(f"{TOKEN}\n", "utf-8")
    log = directory / "stderr"
    begins = log.stat().st_size if log.exists() else 0
    command = words_of(directory, *words, "--http", "127.0.0.1:0", "--token", str(token))
    with log.open("ab") as stream:
        process = subprocess.Popen(command, stderr=stream, cwd=ROOT, env=environment(**variables))
    try:
        until = time.monotonic() + PATIENCE
        while "serving at " not in (said := log.read_text("utf-8")[begins:]):
            assert process.poll() is None, said
            assert time.monotonic() < until, said
            time.sleep(0.02)
        yield said.partition("serving at ")[2].split()[0], process
    finally:
        process.terminate()
        process.wait(PATIENCE)


@asynccontextmanager
async def http_client(url: str, era: str, person: Person | None = None) -> AsyncIterator[Client]:
    """The SDK's own client over HTTP, with the token."""
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=PATIENCE) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=era, elicitation_callback=person) as client:
            yield client


def texts_of(result: CallToolResult) -> str:
    """What a model reads of an answer."""
    return "\n".join(getattr(block, "text", "") for block in result.content)
