"""The order in which the steps of a workflow are executed (F8; Step Object, "Step Dependencies and Execution Order").

Steps are numbers here, as they stand in the document; ``needs`` gives for each step those that have to come before it.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from typing import TypeAlias

Needs: TypeAlias = Sequence[Collection[int]]


def execution_order(depends_on: Needs, reads: Needs) -> list[int]:
    """The first order, nearest to the document's, in which every step comes after those that it needs.

    Of the steps that wait for nothing, the first of the document is always the next. A reference that is part of a
    circle makes no step wait. Where ``depends_on`` itself leads in a circle there is no order but the document's.

    Args:
        depends_on: by ``dependsOn``.
        reads: by references to outputs.
    """
    circles = circles_of([{*own, *read} for own, read in zip(depends_on, reads, strict=True)])
    needs = [
        {*own, *(other for other in reads[index] if circles[other] != circles[index])}
        for index, own in enumerate(depends_on)
    ]
    missing = [len(own) for own in needs]
    needed_by = _reversed(needs)
    ready = [index for index, count in enumerate(missing) if count == 0]
    order: list[int] = []
    while ready:
        index = heapq.heappop(ready)
        order.append(index)
        for other in needed_by[index]:
            missing[other] -= 1
            if missing[other] == 0:
                heapq.heappush(ready, other)
    return order if len(order) == len(needs) else list(range(len(needs)))


def circles_of(needs: Needs) -> list[int]:
    """For each step the number of its circle: steps that need one another, directly or through others, share one."""
    finished: list[int] = []
    seen: set[int] = set()
    for first in range(len(needs)):
        stack = [(first, False)]
        while stack:
            index, leaving = stack.pop()
            if leaving:
                finished.append(index)
            elif index not in seen:
                seen.add(index)
                stack.append((index, True))
                stack += [(other, False) for other in needs[index]]
    needed_by = _reversed(needs)
    circles = [-1] * len(needs)
    for number, first in enumerate(reversed(finished)):
        waiting = [first]
        while waiting:
            index = waiting.pop()
            if circles[index] < 0:
                circles[index] = number
                waiting += needed_by[index]
    return circles


def _reversed(needs: Needs) -> list[list[int]]:
    needed_by: list[list[int]] = [[] for _ in needs]
    for index, own in enumerate(needs):
        for other in own:
            needed_by[other].append(index)
    return needed_by
