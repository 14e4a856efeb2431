"""The screen of a real terminal, line for line: of every width, while it is resized, and without colour or cursor."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.http_server import serving
from tests.support.jobs import Jobs, write_jobs
from tests.support.repository import ROOT
from tests.support.terminal import PATIENCE, terminal

pytestmark = [pytest.mark.network, pytest.mark.slow]

GATE = 10
"""The poll that is answered when the test says so."""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_jobs(tmp_path)
    return tmp_path


def words(url: str, *more: str) -> list[str]:
    interpreter = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "arazzo_runner"]
    target = ["run", "jobs.arazzo.yaml", "run-job", "--server", url, "--poll-interval", "0.01"]
    return [*interpreter, *target, *more]


def ended(screen: list[str]) -> bool:
    return any(line.startswith("status ") for line in screen)


def timeless(lines: list[str]) -> list[str]:
    """The lines without the times, whose columns are kept."""
    ends = [re.sub(r"in [\d.]+ m?s", "in 0 ms", line) for line in lines]
    return [re.sub(r" +[\d.]+ m?s(?= |$)", lambda found: "0 ms".rjust(len(found[0])), line) for line in ends]


WARNING = "  ! the step 'waitForIt' succeeded and none of its actions matched; the next step follows"
END = ["succeeded in 0 ms · 22 requests", "{", '  "state": "done"', "}", "status 0"]
FINAL = {
    60: [
        "run-job",
        "  ✓ create           POST /jobs            201     0 ms",
        "  ↻ waitForIt        GET  /jobs/…          404     0 ms   n…",
        "  ✓ waitForIt        GET  /jobs/…  try 20  200     0 ms   d…",
        "  ! the step 'waitForIt' succeeded and none of its actions m",
        "atched; the next step follows",
        "  fetch-job (step)",
        "    ✓ fetchOnce        GET  /jobs/…          200     0 ms",
        "  ✓ fetch            workflow fe…                  0 ms",
    ],
    80: [
        "run-job",
        "  ✓ create           POST /jobs                  201     0 ms",
        "  ↻ waitForIt        GET  /jobs/j1/a-p…          404     0 ms   notThere → again",
        "  ✓ waitForIt        GET  /jobs/j1/a-p…  try 20  200     0 ms   done",
        "  ! the step 'waitForIt' succeeded and none of its actions matched; the next ste",
        "p follows",
        "  fetch-job (step)",
        "    ✓ fetchOnce        GET  /jobs/j1/a-p…          200     0 ms",
        "  ✓ fetch            workflow fetch-job                  0 ms",
    ],
    100: [
        "run-job",
        "  ✓ create           POST /jobs                             201     0 ms",
        "  ↻ waitForIt        GET  /jobs/j1/a-path-that-is…          404     0 ms   notThere → again",
        "  ✓ waitForIt        GET  /jobs/j1/a-path-that-is…  try 20  200     0 ms   done",
        WARNING,
        "  fetch-job (step)",
        "    ✓ fetchOnce        GET  /jobs/j1/a-path-that-is…          200     0 ms",
        "  ✓ fetch            workflow fetch-job                             0 ms",
    ],
    140: [
        "run-job",
        "  ✓ create           POST /jobs                                        201     0 ms",
        "  ↻ waitForIt        GET  /jobs/j1/a-path-that-is-longer-tha…          404     0 ms   notThere → again",
        "  ✓ waitForIt        GET  /jobs/j1/a-path-that-is-longer-tha…  try 20  200     0 ms   done",
        WARNING,
        "  fetch-job (step)",
        "    ✓ fetchOnce        GET  /jobs/j1/a-path-that-is-longer-tha…          200     0 ms",
        "  ✓ fetch            workflow fetch-job                                        0 ms",
    ],
}


@pytest.mark.parametrize("columns", sorted(FINAL))
def test_after_twenty_polls_the_screen_has_two_lines_for_them(directory: Path, columns: int) -> None:
    with serving(Jobs().handler()) as url, terminal(directory, words(url), columns=columns) as screen:
        assert timeless(screen.until(ended)) == [*FINAL[columns], *END]


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_the_screen_is_the_same_without_colour(directory: Path, setting: dict[str, str]) -> None:
    with (
        serving(Jobs().handler()) as url,
        terminal(directory, words(url), columns=100, environment=setting) as screen,
    ):
        screen.until(ended)
        assert timeless(screen.screen(escapes=True)) == [*FINAL[100], *END]


def test_marks_are_coloured_on_a_terminal(directory: Path) -> None:
    with serving(Jobs().handler()) as url, terminal(directory, words(url), columns=100) as screen:
        screen.until(ended)
        shown = "\n".join(screen.screen(escapes=True))
        assert "\x1b[32m✓\x1b[39m create" in shown
        assert "\x1b[33m↻\x1b[39m waitForIt" in shown


def test_a_pipe_gets_no_cursor_movements(directory: Path) -> None:
    with serving(Jobs().handler()) as url:
        done = subprocess.run(words(url), cwd=directory, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert "\x1b" not in done.stderr
    assert "\r" not in done.stderr
    assert timeless(done.stderr.splitlines()) == [*FINAL[140], END[0]]


def test_a_terminal_that_is_resized_keeps_no_remains(directory: Path) -> None:
    jobs = Jobs(gate=GATE)
    with serving(jobs.handler()) as url, terminal(directory, words(url), columns=100) as screen:
        assert jobs.reached.wait(PATIENCE)
        under_way = "  … waitForIt        GET  /jobs/j1/a-path-that-is…  try 10"
        screen.until(lambda lines: lines[-1].startswith(under_way))
        screen.resize(50)
        under_way = "  … waitForIt        GET  /jobs/…  try 10"
        screen.until(lambda lines: lines[-1].startswith(under_way))
        screen.resize(120)
        under_way = "  … waitForIt        GET  /jobs/j1/a-path-that-is-longer-tha…  try 10"
        screen.until(lambda lines: lines[-1].startswith(under_way))
        screen.resize(100)
        under_way = "  … waitForIt        GET  /jobs/j1/a-path-that-is…  try 10"
        screen.until(lambda lines: lines[-1].startswith(under_way))
        jobs.answer.set()
        assert timeless(screen.until(ended)) == [*FINAL[100], *END]


def test_ctrl_c_leaves_no_live_line_and_says_that_the_run_was_stopped(directory: Path) -> None:
    jobs = Jobs(gate=GATE)
    with serving(jobs.handler()) as url, terminal(directory, words(url), columns=100) as screen:
        assert jobs.reached.wait(PATIENCE)
        screen.until(lambda lines: " try 10" in lines[-1])
        screen.press("C-c")
        shown = timeless(screen.until(ended))
        jobs.answer.set()
    assert shown[:3] == FINAL[100][:3]
    assert shown[3].startswith("  ✓ waitForIt        GET  /jobs/j1/a-path-that-is…   try 9  200 ")
    assert "stopped in 0 ms · 11 requests" in shown
    assert "interrupted: workflow run-job, step waitForIt: the run was interrupted" in shown
    assert shown[-1] == "status 130"
    assert not [line for line in shown if "try 10" in line or line.startswith("^C")]


def test_a_request_that_is_under_way_shows_its_time(directory: Path) -> None:
    jobs = Jobs(gate=GATE)
    with serving(jobs.handler()) as url, terminal(directory, words(url), columns=100) as screen:
        screen.until(lambda lines: lines[-1:] != [] and lines[-1].endswith("try 10   1 s"))
        jobs.answer.set()
        screen.until(ended)


def test_many_runs_show_their_progress_from_the_first_second(directory: Path) -> None:
    directory.joinpath("rows.jsonl").write_text("{}\n{}\n", "utf-8")
    jobs = Jobs(gate=1)
    with serving(jobs.handler()) as url:
        each = words(url, "--each", "rows.jsonl", "--concurrency", "1")
        with terminal(directory, each, columns=60) as screen:
            assert jobs.reached.wait(PATIENCE)
            screen.until(lambda lines: lines[-1:] != [] and lines[-1].startswith("0 of 2 runs · none ·"))
            jobs.answer.set()
            shown = screen.until(ended)
    assert [line for line in shown if line.startswith(("0 of", "1 of", "2 of"))] == [shown[-2]]
    assert shown[-2].startswith("2 of 2 runs in ")
