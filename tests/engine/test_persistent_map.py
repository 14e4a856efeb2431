"""The map that grows: its versions stay as they are, and an entry costs the same in a large one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

from hypothesis import given
from hypothesis import strategies as st

from arazzo_runner.engine.persistent_map import PersistentMap

NAMES = st.sampled_from("abcdef")
WRITES = st.lists(st.tuples(st.integers(0, 1000), NAMES, st.integers()), max_size=200)


@given(WRITES)
def test_every_version_stays_as_it_was(writes: list[tuple[int, str, int]]) -> None:
    versions: list[tuple[PersistentMap[int], dict[str, int]]] = [(PersistentMap(), {})]
    for version, name, value in writes:
        made, model = versions[version % len(versions)]
        versions.append((made.having(name, value), {**model, name: value}))
    for made, model in versions:
        assert dict(made) == model
        assert (len(made), set(made)) == (len(model), set(model))
        assert [made.get(name) for name in "abcdef"] == [model.get(name) for name in "abcdef"]
        assert [name in made for name in "abcdef"] == [name in model for name in "abcdef"]


@given(st.lists(st.tuples(NAMES, st.integers()), max_size=60), st.integers(0, 60))
def test_what_was_added_since_a_version_is_known(writes: list[tuple[str, int]], at: int) -> None:
    versions: list[PersistentMap[int]] = [PersistentMap()]
    for name, value in writes:
        versions.append(versions[-1].having(name, value))
    before, last = versions[min(at, len(writes))], versions[-1]
    if before.history is last.history:
        assert {**before, **dict(last.changes(before.length))} == dict(last)


def test_what_was_replaced_is_not_held_for_ever() -> None:
    polled: PersistentMap[int] = PersistentMap()
    longest = 0
    for number in range(10_000):
        polled = polled.having("poll", number)
        longest = max(longest, len(polled.history.changes))
    assert polled["poll"] == 9_999
    assert longest < 50


def test_a_large_map_is_copied_once_in_as_many_entries_as_it_has() -> None:
    grown: PersistentMap[int] = PersistentMap()
    histories = set()
    for number in range(2_000):
        grown = grown.having(f"step{number}", number)
        histories.add(id(grown.history))
    assert len(histories) == 1


def test_two_threads_that_go_on_from_one_version_do_not_see_one_another() -> None:
    for _ in range(200):
        start: PersistentMap[int] = PersistentMap({"a": 0})
        barrier = Barrier(2)
        with ThreadPoolExecutor(2) as threads:
            made = list(threads.map(partial(_go_on, start, barrier), (1, 2)))
        assert sorted(each["b"] for each in made) == [1, 2]
        assert dict(start) == {"a": 0}


def _go_on(start: PersistentMap[int], barrier: Barrier, number: int) -> PersistentMap[int]:
    barrier.wait()
    return start.having("b", number)
