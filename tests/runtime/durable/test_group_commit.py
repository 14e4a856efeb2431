"""The turns of many runs in one transaction."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from arazzo_runner.errors import JournalLost
from arazzo_runner.runtime.durable import database as journal_file
from arazzo_runner.runtime.durable import journal as journals
from arazzo_runner.runtime.durable.rows import Entry, NewRun
from arazzo_runner.runtime.durable.runs import DurableRuns
from tests.support.durable_runs import Place


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[DurableRuns]:
    with Place(tmp_path).process() as runs:
        runs.journal.add([NewRun(f"r{index}", "w", "d", b"setup", []) for index in range(20)], [], runs.holder)
        yield runs


async def written(runs: DurableRuns, *entries: Entry) -> list[BaseException | None]:
    async with runs.group_commit() as group:
        return await asyncio.gather(*(group.write(entry) for entry in entries), return_exceptions=True)


def test_turns_that_come_together_are_one_transaction(runs: DurableRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = 0

    @contextmanager
    def counted(database: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
        nonlocal commits
        commits += 1
        with journal_file.transaction(database, path) as inside:
            yield inside

    monkeypatch.setattr(journals, "transaction", counted)
    assert asyncio.run(written(runs, *(Entry(f"r{i}", 0, b"told", b"state") for i in range(20)))) == [None] * 20
    assert commits < 20
    assert [list(runs.journal.turns(f"r{i}")) for i in range(20)] == [[(0, b"told")]] * 20


def test_a_run_whose_lease_is_lost_stops_and_no_other(runs: DurableRuns) -> None:
    runs.journal._database.execute("UPDATE runs SET holder = 'somebody' WHERE id = 'r1'")
    results = asyncio.run(written(runs, *(Entry(f"r{index}", 0, b"told", b"state") for index in range(3))))
    assert [type(result) for result in results] == [type(None), JournalLost, type(None)]
    assert list(runs.journal.turns("r1")) == []


def test_what_cannot_be_written_stops_every_run_that_waits_for_it(runs: DurableRuns) -> None:
    first = Entry("r0", 0, b"told", b"state")
    assert asyncio.run(written(runs, first)) == [None]
    results = asyncio.run(written(runs, Entry("r1", 0, b"told", b"state"), first))  # a turn is written once
    assert [type(result) for result in results] == [JournalLost, JournalLost]
    assert list(runs.journal.turns("r1")) == []
