"""Many cases: tested in their order, a few in this process, more in several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from arazzo_runner.runtime.cases.judging import Bench, CaseResult, FindDocument

BATCH = 25
"""How many cases a process takes at once; fewer are not worth a process of their own."""


def judge_cases(
    paths: Sequence[Path],
    find: FindDocument,
    *,
    jobs: int,
    stop_at_failure: bool = False,
    attempts: bool = False,
) -> Iterator[CaseResult]:
    """Test cases, in their order; bare cassettes are passed over.

    Args:
        find: for cases that do not name their document; what processes can hand over.
        jobs: how many processes may work at once; a few cases are tested in this one.
        stop_at_failure: end after the first case that fails.
        attempts: whether results have the attempts of their runs.
    """
    for results in _batches(paths, find, jobs, attempts=attempts):
        for result in results:
            yield result
            if stop_at_failure and not result.passed:
                return


def _batches(paths: Sequence[Path], find: FindDocument, jobs: int, *, attempts: bool) -> Iterator[Iterable[CaseResult]]:
    if jobs < 2 or len(paths) <= BATCH:
        bench = Bench(find, attempts=attempts)
        for path in paths:
            result = bench.test(path)
            yield () if result is None else (result,)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    batches = [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]
    pool = ProcessPoolExecutor(min(jobs, len(batches)), get_context("spawn"), _begin, (find, attempts))
    try:
        yield from pool.map(_test_batch, batches)
    finally:
        pool.shutdown(cancel_futures=True)


_BENCHES: list[Bench] = []
"""Of a worker process, its one bench."""


def _begin(find: FindDocument, attempts: bool) -> None:  # noqa: FBT001 - what a pool hands over has no names
    _BENCHES.append(Bench(find, attempts=attempts))


def _test_batch(paths: Sequence[Path]) -> list[CaseResult]:
    results = (_BENCHES[0].test(path) for path in paths)
    return [result for result in results if result is not None]
