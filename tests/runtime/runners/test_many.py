"""Many runs from Python, so many at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from arazzo_runner import InvalidInputs, JournalEngine, Runner, UsageError
from tests.support.shop import GET_ORDER, write_shop

SERVER = "http://api.shop.example"


class Counting:
    """An API that knows how many requests it has at once."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            return httpx.Response(200, json={"name": request.url.path.rpartition("/")[2]})
        finally:
            with self._lock:
                self.now -= 1


@pytest.fixture
def api() -> Counting:
    return Counting()


@pytest.fixture
def runner(api: Counting, tmp_path: Path) -> Runner:
    document = write_shop(tmp_path, GET_ORDER, servers=(SERVER,))
    engine = JournalEngine(tmp_path / "journal.db", key=tmp_path / "journal.key")
    return Runner(document, client=httpx.Client(transport=httpx.MockTransport(api)), engine=engine)


ROWS = [{"name": f"n{number}"} for number in range(20)]


def names(results: Any) -> dict[int, str]:
    return {result.row: result.result.raise_for_failure().outputs["get_order"]["name"] for result in results}


@pytest.mark.parametrize("durable", [False, True])
def test_each_row_is_one_run(durable: bool, runner: Runner, api: Counting) -> None:
    results = list(runner.run_each(ROWS, concurrency=3, durable=durable))
    assert names(results) == {number: f"n{number - 1}" for number in range(1, 21)}
    assert api.most <= 3
    if durable:
        batches = {run.batch for run in runner.runs()}
        assert len(batches) == 1
        assert [run.row for run in runner.runs(batch=batches.pop())] == list(range(1, 21))
        assert all(result.run_id for result in results)


@pytest.mark.parametrize("durable", [False, True])
def test_it_is_the_same_asynchronously_over_an_asynchronous_iterable(durable: bool, runner: Runner) -> None:
    async def rows() -> AsyncIterator[dict[str, Any]]:
        for row in ROWS:
            await asyncio.sleep(0)
            yield row

    async def test() -> list[Any]:
        return [result async for result in runner.arun_each(rows(), concurrency=3, durable=durable)]

    assert names(asyncio.run(test())) == {number: f"n{number - 1}" for number in range(1, 21)}


def test_an_endless_iterable_is_taken_as_there_is_room(runner: Runner) -> None:
    taken = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal taken
        while True:
            taken += 1
            yield {"name": "x"}

    results = runner.run_each(rows(), concurrency=2)
    assert next(results).succeeded
    assert next(results).succeeded
    results.close()  # type: ignore[attr-defined]  # it is a generator
    assert taken < 20


def test_a_wrong_row_is_a_result_and_of_a_durable_batch_an_error(runner: Runner) -> None:
    rows: list[dict[str, Any]] = [{"name": "a"}, {"name": 7}, {"name": "b"}]
    results = {result.row: result for result in runner.run_each(rows)}
    assert [results[number].succeeded for number in (1, 2, 3)] == [True, False, True]
    assert isinstance(results[2].error, InvalidInputs)
    with pytest.raises(InvalidInputs, match="1 of 3 rows are wrong") as invalid:
        list(runner.run_each(rows, durable=True))
    assert invalid.value.errors[0].startswith("row 2: ")
    assert not [run for run in runner.runs() if run.batch]


def test_an_iterable_that_raises_raises_where_its_results_are_taken(runner: Runner) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        yield {"name": "a"}
        raise LookupError("no more rows")

    with pytest.raises(LookupError, match="no more rows"):
        list(runner.run_each(rows()))

    async def test() -> None:
        async for _ in runner.arun_each(rows()):
            pass

    with pytest.raises(LookupError, match="no more rows"):
        asyncio.run(test())


def test_a_bound_below_one_is_refused(runner: Runner) -> None:
    with pytest.raises(UsageError, match="0 runs at once are none"):
        list(runner.run_each(ROWS, concurrency=0))
