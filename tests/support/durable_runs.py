"""Durable runs without a server: conformance cases, worlds that die, and processes that take up what they left."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from arazzo_runner.analysis.linker import Linker
from arazzo_runner.documents.sources import Library
from arazzo_runner.effects import Answered, Failed, Send
from arazzo_runner.engine.plan import RunOptions
from arazzo_runner.openapi.auth.credentials import Credentials, parse_credential
from arazzo_runner.openapi.request.servers import ServerOptions
from arazzo_runner.runtime.decisions import Decision
from arazzo_runner.runtime.drivers import Listener
from arazzo_runner.runtime.durable.journal import Journal
from arazzo_runner.runtime.durable.run import DurableRun
from arazzo_runner.runtime.durable.runs import DurableRuns, Planned, Row, given_of
from arazzo_runner.runtime.durable.setup import RunSetup
from arazzo_runner.runtime.run.session import RunResult
from arazzo_runner.runtime.run.workbook import Workbook
from tests.support.own_cases import CASES, answer_to, document
from tests.support.worlds import AnswerFor, ListWorld

Case = dict[str, Any]


class Died(BaseException):
    """The process is gone."""


class DyingWorld(ListWorld):
    """A world that dies instead of performing an effect, or right after it, before anybody hears of the answer.

    Args:
        performs: how many effects are performed and answered.
        lost: whether one more is performed, its answer lost.
    """

    def __init__(self, answer: AnswerFor, now: float, performs: int, *, lost: bool = False) -> None:
        super().__init__(answer)
        self._now = now
        self._left = performs
        self._lost = lost
        self.slept: list[float] = []
        self.methods: list[str] = []

    def sleep(self, seconds: float) -> None:
        self._perform(lambda: super(DyingWorld, self).sleep(seconds))
        self.slept.append(seconds)

    def send(self, effect: Send) -> Answered | Failed:
        self.methods.append(effect.request.method)
        answer: list[Answered | Failed] = []
        self._perform(lambda: answer.append(super(DyingWorld, self).send(effect)))
        return answer[0]

    def _perform(self, effect: Callable[[], None]) -> None:
        if self._left == 0:
            if self._lost:
                effect()
            raise Died
        self._left -= 1
        effect()


@dataclass(frozen=True)
class Place:
    """Where a test keeps its runs."""

    directory: Path

    @contextmanager
    def process(self) -> Iterator[DurableRuns]:
        """A process that drives runs."""
        with Journal(self.directory / "journal.db") as journal, DurableRuns(journal, self.directory / "key") as runs:
            yield runs

    def raw(self) -> bytes:
        """Every byte of the journal's files."""
        return b"".join(path.read_bytes() for path in sorted(self.directory.glob("journal.db*")))


def planned(case: Case, texts: Mapping[str, str] | None = None) -> Planned:
    """A conformance case, planned."""
    found = {"case.yaml": json.dumps(document(case)), "api.yaml": (CASES / "api.yaml").read_text("utf-8")}
    found |= texts or {}
    library = Library(fetch=lambda url: found[url.rpartition("/")[2]].encode())
    linker = Linker(library)
    description = linker.description(library.entry("https://cases.example/case.yaml"))
    workbook = Workbook(description, (), linker)
    options = dict(case.get("options", {}))
    server = options.pop("server", None)
    servers = ServerOptions({"": server} if server else {}, options.pop("server_variables", {}))
    options["credentials"] = credentials(options.pop("credentials", {}))
    plan = workbook.plan("main", RunOptions(servers=servers, **options))
    setup = RunSetup("", "case.yaml", description.document.uri, "main", options=plan.options)
    return Planned(plan, workbook, setup)


def credentials(given: Mapping[str, str]) -> Credentials:
    return Credentials({scheme: parse_credential(text) for scheme, text in given.items()})


def taken_up(runs: DurableRuns, run_id: str, case: Case, inputs: Mapping[str, Any] | None = None) -> DurableRun:
    """A run, by another process, from nothing but the journal and what the user gives again."""
    row = runs.journal.take(run_id, runs.holder)
    setup = runs.setup(run_id)
    workbook = runs.workbook(run_id, setup)
    again = credentials(case.get("options", {}).get("credentials", {}))
    plan = workbook.plan(setup.workflow_id, replace(setup.options, credentials=again))
    given = given_of(plan, setup, case.get("inputs", {}) if inputs is None else inputs)
    return runs.resume(run_id, Planned(plan, workbook, setup), given, unsent=row.unsent)


def answers(case: Case) -> AnswerFor:
    """The case's answers."""

    def answer(number: int, _: Send, now: float) -> Answered | Failed:
        given = answer_to(case, number, now)
        assert isinstance(given, Answered | Failed)
        return given

    return answer


def start(runs: DurableRuns, case: Case, *listeners: Listener) -> DurableRun:
    """Keep a run of a case."""
    run = runs.start(planned(case), Row(case.get("inputs", {}), {}))
    run.session.listen(*listeners)
    return run


def left_behind(place: Place, case: Case, performs: int, *, lost: bool = False) -> str:
    """A run whose process has died after so many effects, or one more of which it did not hear; its id."""
    with place.process() as runs:
        run = start(runs, case)
        with suppress(Died):
            run.run(DyingWorld(answers(case), 1000.0, performs, lost=lost))
            raise AssertionError("the run has ended before")
    return run.id


def after(case: Case, number: int) -> AnswerFor:
    """The case's answers from that one on."""
    return lambda n, effect, at: answers(case)(number + n, effect, at)


def dying_at_every_effect(place: Place, case: Case) -> tuple[str, RunResult, list[DyingWorld]]:
    """Run a case, each effect by a process of its own, which dies before the next; also the worlds that there were."""
    worlds: list[DyingWorld] = []
    run_id, now, sent = "", 1000.0, 0
    while True:
        with place.process() as runs:
            run = taken_up(runs, run_id, case) if run_id else start(runs, case)
            run_id = run.id
            world = DyingWorld(after(case, sent), now, 1)
            worlds.append(world)
            try:
                return run_id, run.run(world, Decision(resend=True)), worlds
            except Died:
                now, sent = world.now(), sent + world.sent
