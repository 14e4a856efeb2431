"""The console's lines: tries, waits, what is under way and what is said in silence; and their widths."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import pytest

from arazzo_runner.effects import Request, Response
from arazzo_runner.engine.events import (
    ActionTaken,
    Attempt,
    AttemptFinished,
    AttemptStarted,
    Event,
    RunStarted,
    Waiting,
)
from arazzo_runner.reports.terminal.cells import cells, cut, padded
from arazzo_runner.reports.terminal.console import Console, ConsoleOptions
from arazzo_runner.reports.terminal.live_line import LiveLine, columns_of
from arazzo_runner.reports.terminal.progress import RunsProgress
from arazzo_runner.reports.terminal.step_line import attempt_line

REQUEST = Request("GET", "http://localhost/v2/jobs/1")
RETRY = ActionTaken("notThere", "retry")
AGAIN = ActionTaken("pending", "goto", "poll")
NEXT = ActionTaken(None, "next")


def attempt(action: ActionTaken = NEXT, *, status: Any = "succeeded", answer: int = 200, step: str = "poll") -> Attempt:
    answered = Response(answer)
    return Attempt("jobs", step, 1, 0, "GET /jobs/{id}", status, REQUEST, answered, (), action, {}, (), None, 0.0, 0.02)


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Shown:
    """A console whose clock stands still, and what it has written."""

    options: ConsoleOptions
    stream: io.StringIO = field(default_factory=io.StringIO)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.console = Console(self.stream, self.options, clock=self.clock)

    def tell(self, *events: Event) -> None:
        for event in events:
            self.console(event)

    def after(self, seconds: float) -> str:
        """What the console writes when that time has passed."""
        before = len(self.stream.getvalue())
        self.clock.now += seconds
        self.console._tick()
        return self.stream.getvalue()[before:]

    @property
    def lines(self) -> list[str]:
        self.console.close()
        return self.stream.getvalue().splitlines()


DRAWN = "\x1b[?7h\r"
PIPE = ConsoleOptions()
TERMINAL = ConsoleOptions(live=True, columns=lambda: 80)


def finished(*attempts: Attempt) -> list[Event]:
    return [AttemptFinished(one, 0.0) for one in attempts]


def test_a_retry_is_a_wait_and_the_last_one_a_failure() -> None:
    shown = Shown(PIPE)
    failed = attempt(RETRY, status="failed", answer=404)
    shown.tell(*finished(failed, failed, attempt(status="failed", answer=404)))
    first, last = shown.lines
    assert first.startswith("  ↻ poll ")
    assert first.endswith("notThere → again")
    assert last.startswith("  ✗ poll ")
    assert " try 3 " in last


def test_a_poll_that_is_stopped_in_its_course_keeps_its_last_line() -> None:
    shown = Shown(PIPE)
    shown.tell(*finished(attempt(AGAIN), attempt(AGAIN)))
    assert [" try 2 " in line for line in shown.lines] == [False, True]


def test_a_wait_counts_down_behind_the_last_attempt() -> None:
    shown = Shown(TERMINAL)
    shown.tell(*finished(attempt(AGAIN), attempt(AGAIN)), Waiting("jobs", "poll", 8.0, "pacing", 0.0))
    assert "try 2" in shown.stream.getvalue().splitlines()[-1]
    assert shown.stream.getvalue().endswith("   waiting 8 s (pacing)" + DRAWN)
    assert shown.after(2.5).endswith("   waiting 6 s (pacing)" + DRAWN)
    assert shown.after(0.1) == ""
    assert shown.after(60).endswith("   waiting 0 s (pacing)" + DRAWN)
    assert "waiting" not in shown.lines[-1].rpartition("\x1b[K")[2]


def test_a_request_under_way_is_shown_after_a_moment() -> None:
    shown = Shown(TERMINAL)
    shown.tell(AttemptStarted("jobs", "poll", 1, 0, REQUEST, 0.0))
    assert shown.after(0.1) == ""
    assert shown.after(0.2).startswith("\x1b[?7l  … poll             GET  /v2/jobs/1")
    assert shown.after(65).endswith("   1 min 5 s" + DRAWN)


def test_silence_in_a_pipe_is_broken_every_half_minute() -> None:
    shown = Shown(PIPE)
    shown.tell(RunStarted("jobs", {}, 0.0), *finished(attempt(AGAIN), attempt(AGAIN)))
    shown.tell(Waiting("jobs", "poll", 100.0, "pacing", 0.0))
    assert shown.after(29) == ""
    assert shown.after(1) == (
        "    … ✓ poll GET /jobs/1 try 2 200 20 ms pending → poll waiting 1 min 10 s (pacing) · 30 s so far\n"
    )
    assert shown.after(29) == ""
    shown.tell(AttemptStarted("jobs", "poll", 1, 0, REQUEST, 0.0))
    assert shown.after(1) == "    … poll GET /jobs/1 try 3 1 s · 1 min 0 s so far\n"


def test_a_quiet_console_and_a_history_say_nothing_in_silence() -> None:
    shown = Shown(ConsoleOptions(heartbeat=None))
    shown.tell(AttemptStarted("jobs", "poll", 1, 0, REQUEST, 0.0))
    assert shown.console._ticker._thread is None


def test_what_is_said_beside_a_run_erases_the_live_line_first() -> None:
    shown = Shown(TERMINAL)
    shown.tell(Waiting("jobs", "poll", 8.0, "retry", 0.0))
    shown.console.say("stopping")
    assert shown.stream.getvalue().endswith("\x1b[Kstopping\n")


@pytest.mark.parametrize(
    ("text", "room", "expected"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301"),
        ("👩‍👩‍👧 family", 4, "👩‍👩‍👧…"),
        ("abc", 0, ""),
        ("abc", None, "abc"),
    ],
)
def test_text_is_cut_by_the_cells_that_it_takes(text: str, room: int | None, expected: str) -> None:
    assert cut(text, room) == expected
    assert room is None or cells(cut(text, room)) <= room


def test_wide_steps_stay_in_their_columns() -> None:
    wide, plain = attempt_line(attempt(step="作成"), 1, 80), attempt_line(attempt(step="make"), 1, 80)
    assert cells(wide) == cells(plain)
    assert cells(padded("作成", 6)) == 6


@pytest.mark.parametrize("columns", [1, 20, 60, 80, 100, 140])
def test_no_line_of_a_step_is_wider_than_the_terminal(columns: int) -> None:
    for depth_action in (NEXT, RETRY, AGAIN):
        assert cells(attempt_line(attempt(depth_action, step="作成" * 10), 123, columns)) <= columns


class Rows:
    """What a live line writes to a terminal whose width changes."""

    def __init__(self, columns: int) -> None:
        self.columns, self.written = columns, ""

    def write(self, text: str) -> None:
        self.written = text


def test_a_line_is_erased_from_its_start() -> None:
    rows = Rows(40)
    line = LiveLine(rows.write, lambda: rows.columns)
    line.draw("x" * 100)
    assert rows.written == f"\x1b[?7l{'x' * 38}…\x1b[?7h\r"
    rows.columns = 10
    line.draw("y")
    assert rows.written == "\r\x1b[C\x1b[J\r\x1b[K\x1b[?7ly\x1b[?7h\r"
    line.clear()
    assert rows.written == "\r\x1b[C\x1b[J\r\x1b[K"


def test_the_tail_of_a_live_line_is_kept() -> None:
    rows = Rows(20)
    LiveLine(rows.write, lambda: rows.columns).draw("a long line that is cut", "  8 s")
    assert "a long line t…  8 s" in rows.written


def test_what_has_no_width_has_eighty_columns() -> None:
    assert columns_of(io.StringIO()) == 80


def test_the_progress_of_many_runs_is_a_line_in_a_pipe_now_and_then() -> None:
    stream = io.StringIO()
    progress = RunsProgress(stream, lambda _: "1 of 9", None, heartbeat=0.01)
    assert progress._tick() == 0.01
    with progress.aside():
        stream.write("{}\n")
    progress.close()
    progress._tick()
    assert stream.getvalue() == "  … 1 of 9\n{}\n"
