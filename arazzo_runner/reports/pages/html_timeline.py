"""Layout of a run as a timeline, a lane for each step. No markup is made here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

from msgspec import Struct, field

BAR = 7
"""Pixels that each bar of a long run gets at least; the drawing is then wider than the page and scrolls."""
MAX_TIMELINE = 16_000
THIN = 0.002
"""Part of the drawing that a bar gets at least."""
TICKS = 6
TICK = 160
"""Pixels that a tick of a wider drawing has, so that some are in sight wherever it is scrolled to."""
ROW = 28


class Span(Struct, frozen=True):
    """A part of a run's time: an attempt, or a wait when it has no number."""

    workflow: str
    step: str
    start: float
    seconds: float
    state: str
    title: str
    number: int | None = None
    depth: int = 0
    calls: bool = False

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """Return the layout of an entry of the page's list."""
        at = (entry["workflow"], entry["step"], entry["start"], entry["seconds"])
        if entry["kind"] == "wait":
            return cls(*at, "wait", f"waiting {entry['for']} before {entry['step']} ({entry['why']})")
        status = f", status {entry['response']['status']}" if entry["response"] else ""
        title = f"attempt {entry['number']}: {entry['step']} {entry['status']}{status}, {entry['for']}"
        return cls(*at, entry["status"], title, entry["number"], entry["depth"], entry["calls"])


class Bar(Struct, frozen=True):
    """A span in its place; ``x`` and ``width`` in percent. ``calls``: it called a workflow, whose steps it spans."""

    x: str
    width: str
    state: str
    title: str
    number: int | None
    calls: bool = False


class Lane(Struct):
    """The spans of a step; ``begun`` is when it was first attempted, ``depth`` how deep its workflow is nested."""

    workflow: str
    step: str
    begun: float
    depth: int = 0
    bars: list[Bar] = field(default_factory=list)


class Timeline(Struct, frozen=True):
    """A run's time, a lane for each step; ``ticks`` are places in percent with what stands there."""

    lanes: Sequence[Lane]
    ticks: Sequence[tuple[str, str]]
    width: int
    timed: bool

    @property
    def height(self) -> int:
        """Pixels, with a row for the ticks."""
        return (len(self.lanes) + 1) * ROW


def timeline(spans: Iterable[Span], started_at: float, seconds: float) -> Timeline:
    """Lay the spans of a run out. In a run that took no time, such as a replay, they stand in their order instead."""
    known = list(spans)
    total = max([seconds, *(span.start + span.seconds - started_at for span in known)])
    timed = total > 0
    lanes: dict[tuple[str, str], Lane] = {}
    for index, span in enumerate(known):
        x = (span.start - started_at) / total if timed else index / len(known)
        width = span.seconds / total if timed else 0.8 / len(known)
        # What took no time is seen anyway, also at the very end.
        at, broad = min(max(x, 0.0), 1 - THIN), max(width, THIN)
        bar = Bar(_percent(at), _percent(broad), span.state, span.title, span.number, span.calls)
        lane = lanes.setdefault((span.workflow, span.step), Lane(span.workflow, span.step, span.start))
        lane.begun, lane.depth = min(lane.begun, span.start), max(lane.depth, span.depth)
        lane.bars.append(bar)
    pixels = min(len(known) * BAR, MAX_TIMELINE)
    return Timeline(
        # A step that calls a workflow begins before that workflow's steps, and stands above them.
        lanes=sorted(lanes.values(), key=lambda lane: (lane.begun, lane.depth)),
        ticks=list(_ticks(total, max(TICKS, pixels // TICK))) if timed else [],
        width=pixels,
        timed=timed,
    )


_LONG_STEPS = (
    60,
    120,
    300,
    600,
    1200,
    1800,
    3600,
    7200,
    4 * 3600,
    12 * 3600,
    *(86_400 * 2**power for power in range(20)),
)


def _unit(step: float, total: float) -> tuple[float, str]:
    """Return the unit of the whole axis, in seconds, and its name."""
    if step >= 3600:
        return 3600.0, "h"
    if step >= 60:
        return 60.0, "min"
    return (1.0, "s") if total >= 1 else (0.001, "ms")


def _ticks(total: float, most: int) -> Iterator[tuple[str, str]]:
    """Round times, at most so many of them and the beginning."""
    size = 10.0**-6
    steps = (*(size * 10**power * digit for power in range(8) for digit in (1, 2, 5)), *_LONG_STEPS)
    step = next((step for step in steps if total / step <= most), total)
    scale, unit = _unit(step, total)
    for number in range(int(total / step + 1e-9) + 1):
        at = number * step
        # The last part of the drawing has no room for a text that begins there.
        if at / total <= 1 - 0.42 / most:
            yield _percent(at / total), f"{at / scale:.10g} {unit}"


def _percent(part: float) -> str:
    return f"{part * 100:.3f}%"
