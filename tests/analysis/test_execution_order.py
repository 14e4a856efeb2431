"""The order of execution, for whatever steps depend on and read (F8)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arazzo_runner.analysis.execution_order import Needs, circles_of, execution_order

MOST = 7
needs = st.lists(st.sets(st.integers(0, MOST - 1), max_size=3), min_size=MOST, max_size=MOST)


@pytest.mark.parametrize(
    ("depends_on", "reads", "order"),
    [
        ([[], [], []], [[], [], []], [0, 1, 2]),
        ([[], [0], [0, 1]], [[], [], []], [0, 1, 2]),
        ([[2], [], []], [[], [], []], [1, 2, 0]),
        ([[], [], [1]], [[1], [], []], [1, 0, 2]),
        ([[], [], []], [[1], [0], []], [0, 1, 2]),
        ([[1], [], []], [[], [0], []], [1, 0, 2]),
        ([[1], [0], []], [[], [], [0]], [0, 1, 2]),
        ([[], [2], [2], []], [[], [], [], []], [0, 1, 2, 3]),
    ],
)
def test_orders(depends_on: Needs, reads: Needs, order: list[int]) -> None:
    assert execution_order(depends_on, reads) == order


@given(needs, needs)
def test_every_step_comes_once_and_after_what_it_depends_on(depends_on: list[set[int]], reads: list[set[int]]) -> None:
    order = execution_order(depends_on, reads)
    place = {index: number for number, index in enumerate(order)}
    assert sorted(order) == list(range(MOST))
    circles = circles_of(depends_on)
    if any(circles[index] == circles[other] for index, own in enumerate(depends_on) for other in own):
        assert order == list(range(MOST))
        return
    assert all(place[other] < place[index] for index, own in enumerate(depends_on) for other in own)
    both = circles_of([one | other for one, other in zip(depends_on, reads, strict=True)])
    free = [(index, other) for index, own in enumerate(reads) for other in own if both[index] != both[other]]
    assert all(place[other] < place[index] for index, other in free)


@given(needs)
def test_a_document_whose_order_will_do_keeps_it(drawn: list[set[int]]) -> None:
    earlier = [{other for other in own if other < index} for index, own in enumerate(drawn)]
    assert execution_order(earlier, earlier) == list(range(MOST))
