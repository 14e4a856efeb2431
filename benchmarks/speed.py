"""How fast it is: whole processes against one loopback server, beside a bare client and, where there is one, respect.

::

    python benchmarks/speed.py [--respect PATH] [--rounds N]

Prints a table of ratios, each with its goal. The works of a row are run in turn, and the fastest of each is taken,
since what slows one down is what else the machine does; the last column is of the processors' time alone, and where a
goal is about that, it is what counts. Runs are as people run them: a line a step, to a file, or where the row says so,
to a terminal. All code is compiled first, as pip leaves what it installs. ``--respect`` names Redocly's command
(``npm i @redocly/cli@2.77.0``); by default it is looked for on the path and in ``node_modules``.
"""

from __future__ import annotations

import argparse
import compileall
import fcntl
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from documents import POLLS, STEPS, write_all, write_large

HERE = Path(__file__).parent
ROOT = HERE.parent
ARAZZO = str(Path(sys.executable).with_name("arazzo"))
RUN = ["--poll-interval", "0"]
RUNS, AT_ONCE = 500, 50
CASES = 2000

BARE_ONE = "import httpx2; httpx2.get('{url}/items/1').json()"
BARE_MANY = """\
import httpx2
with httpx2.Client() as client:
    for number in range({count}):
        client.get(f'{url}/items/{{number}}').json()
"""
BARE_ASYNC = """\
import asyncio, time, httpx2

async def main():
    limits = httpx2.Limits(max_connections={at_once}, max_keepalive_connections={at_once})
    async with httpx2.AsyncClient(limits=limits) as client:
        waiting = iter(range({runs}))

        async def work():
            for _ in waiting:
                for number in range(3):
                    (await client.get(f'{url}/items/{{number}}')).json()

        await asyncio.gather(*(work() for _ in range({at_once})))

asyncio.run(main())
"""


@dataclass(frozen=True)
class Measured:
    """A process that has ended.

    Attributes:
        seconds: from start to end.
        work: seconds of the processors, which other work on the machine changes less.
        peak: of its resident memory, in MiB.
    """

    seconds: float
    work: float
    peak: float


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        ratio: what was measured, in the goal's unit.
        goal: what it should be at most, or at least.
        of_work: the same of the processors' seconds, or None where it says nothing.
        by_work: whether the goal is about the processors' seconds.
    """

    work: str
    what: str
    ratio: float
    goal: float
    at_least: bool = False
    of_work: float | None = None
    by_work: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached."""
        counts = self.of_work if self.by_work and self.of_work is not None else self.ratio
        return counts >= self.goal if self.at_least else counts <= self.goal


class Bench:
    """Runs processes, and takes the fastest of each work.

    Args:
        rounds: how often each is run.
    """

    def __init__(self, directory: Path, url: str, rounds: int) -> None:
        self.directory = directory
        self.url = url
        self.rounds = rounds
        self._environment = {**os.environ, "XDG_CACHE_HOME": str(directory / "cache"), "NO_COLOR": "1"}
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def once(self, words: Sequence[str], *, terminal: bool = False, **environment: str) -> Measured:
        """A process, from start to end.

        Args:
            terminal: whether it writes to a terminal of 100 columns instead of a file.
        """
        with output_of(self.directory, terminal=terminal) as (output, said):
            began = time.perf_counter()
            process = subprocess.Popen(
                words, cwd=self.directory, env={**self._environment, **environment}, stdout=output, stderr=output
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                sys.exit(f"{' '.join(words[:4])} … ended with {process.returncode}: {said()[-2000:]}")
        return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)

    def fastest(self, works: Mapping[str, Callable[[], Measured]]) -> dict[str, Measured]:
        """Every work, in turn, a few times over."""
        found: dict[str, list[Measured]] = {name: [] for name in works}
        for _ in range(self.rounds):
            for name, work in works.items():
                found[name].append(work())
        return {
            name: Measured(
                min(m.seconds for m in all_),
                min(m.work for m in all_),
                max(m.peak for m in all_),
            )
            for name, all_ in found.items()
        }

    def polled(self) -> int:
        """How often the server was polled."""
        with urlopen(f"{self.url}/polled") as answer:  # noqa: S310 - the loopback server's URL
            return int(json.load(answer)["state"])

    def arazzo(self, *words: str, terminal: bool = False, **environment: str) -> Callable[[], Measured]:
        """Our own command."""
        return lambda: self.once([ARAZZO, *words], terminal=terminal, **environment)

    def python(self, code: str) -> Callable[[], Measured]:
        """A bare script."""
        return lambda: self.once([sys.executable, "-c", code])

    def respect(self, command: str, document: str) -> Callable[[], Measured]:
        """The peer. A workflow of many polls needs its limit of steps raised."""
        words = [command, "respect", document, "--max-steps", "100000", "--max-fetch-timeout", "600000"]
        return lambda: self.once(words, REDOCLY_TELEMETRY="off", REDOCLY_SUPPRESS_UPDATE_NOTICE="true")


@contextmanager
def output_of(directory: Path, *, terminal: bool) -> Iterator[tuple[int, Callable[[], str]]]:
    """Where a process writes to, and what it has written."""
    if not terminal:
        with directory.joinpath("output").open("w+b") as file:
            yield file.fileno(), lambda: directory.joinpath("output").read_text("utf-8", "replace")
        return
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    read: list[bytes] = []

    def drain() -> None:
        with suppress(OSError):  # what reading a terminal ends with
            while piece := os.read(master, 65536):
                read.append(piece)

    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    try:
        yield slave, lambda: b"".join(read).decode("utf-8", "replace")
    finally:
        os.close(slave)
        reader.join(10)
        os.close(master)


def compared(
    work: str,
    what: str,
    took: Mapping[str, Measured],
    figure: Callable[[Mapping[str, float]], float],
    goal: float,
    *,
    at_least: bool = False,
    by_work: bool = False,
) -> Row:
    """A row whose figure is made of what several processes took."""
    seconds = figure({name: measured.seconds for name, measured in took.items()})
    of_work = figure({name: measured.work for name, measured in took.items()})
    return Row(work, what, seconds, goal, at_least, of_work, by_work)


def rows(bench: Bench, respect: str | None) -> Iterator[Row]:
    """Every row of the table, as it is measured."""
    yield from _steps(bench, respect)
    yield from _polls(bench, respect)
    yield from _large(bench, respect)
    yield from _many(bench)
    yield from _cases(bench)
    yield from _durable(bench)
    yield from _growth()
    helps = bench.fastest({"ours": bench.arazzo("--help"), "bare": bench.python("import click")})
    yield compared(
        "arazzo --help", "× a script that imports click", helps, lambda took: took["ours"] / took["bare"], 1.2
    )


def _steps(bench: Bench, respect: str | None) -> Iterator[Row]:
    works = {
        "ours": bench.arazzo("run", "one.arazzo.json", *RUN),
        "ours many": bench.arazzo("run", "many.arazzo.json", *RUN),
        "terminal": bench.arazzo("run", "one.arazzo.json", *RUN, terminal=True),
        "terminal many": bench.arazzo("run", "many.arazzo.json", *RUN, terminal=True),
        "bare": bench.python(BARE_ONE.format(url=bench.url)),
        "bare client": bench.python(BARE_MANY.format(url=bench.url, count=1)),
        "bare many": bench.python(BARE_MANY.format(url=bench.url, count=STEPS)),
    }
    if respect:
        works["respect"] = bench.respect(respect, "one.arazzo.json")
        works["respect many"] = bench.respect(respect, "many.arazzo.json")
    took = bench.fastest(works)
    one, further = "one step, whole process", f"{STEPS} steps, a further step"
    yield compared(one, "× a bare script", took, lambda took: took["ours"] / took["bare"], 1.15, by_work=True)
    yield compared(
        f"{one}, terminal", "× a bare script", took, lambda took: took["terminal"] / took["bare"], 1.15, by_work=True
    )
    if respect:
        yield compared(one, "× respect", took, lambda took: took["ours"] / took["respect"], 0.7)
    yield compared(
        further,
        "× the bare client's request",
        took,
        lambda took: (took["ours many"] - took["ours"]) / (took["bare many"] - took["bare client"]),
        1.4,
    )
    yield compared(
        f"{further}, terminal",
        "× the bare client's request",
        took,
        lambda took: (took["terminal many"] - took["terminal"]) / (took["bare many"] - took["bare client"]),
        1.4,
    )
    if respect:
        yield compared(
            further,
            "× respect",
            took,
            lambda took: (took["ours many"] - took["ours"]) / (took["respect many"] - took["respect"]),
            0.4,
        )


def _polls(bench: Bench, respect: str | None) -> Iterator[Row]:
    works = {"ours": bench.arazzo("run", "poll.arazzo.json", *RUN)}
    if respect:
        works["respect"] = bench.respect(respect, "poll.arazzo.json")
    before = bench.polled()
    took = bench.fastest(works)
    if (asked := bench.polled() - before) != len(works) * bench.rounds * (POLLS + 1):
        sys.exit(f"a run polled another number of times than {POLLS + 1}: {asked} in all")
    if respect:
        yield compared(f"{POLLS} polls", "× respect", took, lambda took: took["ours"] / took["respect"], 0.35)
    long = bench.once([ARAZZO, "run", "poll-long.arazzo.json", *RUN])
    yield Row(f"{POLLS * 10} polls", "× the memory of a tenth", long.peak / took["ours"].peak, 1.1)


def _large(bench: Bench, respect: str | None) -> Iterator[Row]:
    run = ["run", "large.arazzo.json", *RUN]
    works = {
        "first": bench.arazzo(*run, ARAZZO_NO_CACHE="1"),
        "cached": bench.arazzo(*run),
        "one": bench.arazzo("run", "one.arazzo.json", *RUN),
    }
    if respect:
        works["respect"] = bench.respect(respect, "large.arazzo.json")
    bench.once([ARAZZO, *run])  # fills the cache
    took = bench.fastest(works)
    if respect:
        yield compared(
            "5 MB description, first time", "× respect", took, lambda took: took["first"] / took["respect"], 0.5
        )
    yield compared(
        "5 MB description, from the cache", "× one step", took, lambda took: took["cached"] / took["one"], 1.15
    )
    yield Row("5 MB description, first time", "MiB at most", took["first"].peak, 150)
    validated = bench.fastest({"ours": bench.arazzo("validate", "larger.arazzo.json", ARAZZO_NO_CACHE="1")})
    yield Row("10 MB description, validated", "seconds", validated["ours"].seconds, 2.0)


def _many(bench: Bench) -> Iterator[Row]:
    bench.directory.joinpath("rows.jsonl").write_text("{}\n" * RUNS, "utf-8")
    each = ["--each", "rows.jsonl", "--concurrency", str(AT_ONCE)]
    took = bench.fastest(
        {
            "ours": bench.arazzo("run", "three.arazzo.json", *each, *RUN),
            "bare": bench.python(BARE_ASYNC.format(url=bench.url, runs=RUNS, at_once=AT_ONCE)),
        }
    )
    yield compared(
        f"{RUNS} runs of 3, {AT_ONCE} at once",
        "× a bare asynchronous client",
        took,
        lambda took: took["bare"] / took["ours"],
        0.85,
        at_least=True,
    )


def _cases(bench: Bench) -> Iterator[Row]:
    recorded = bench.directory / "cassettes" / "three" / "case.yaml"
    bench.once([ARAZZO, "record", "three.arazzo.json", "--case", "case"])
    text = recorded.read_text("utf-8")
    for number in range(CASES - 1):
        recorded.with_name(f"case{number}.yaml").write_text(text, "utf-8")
    took = bench.once([ARAZZO, "test", "-q"])
    alone = CASES / took.work * (os.cpu_count() or 1)
    yield Row(f"{CASES} cases replayed", "cases a second", CASES / took.seconds, 500, at_least=True, of_work=alone)


def _durable(bench: Bench) -> Iterator[Row]:
    memory = Path("/dev/shm")  # noqa: S108 - what a disk's sync takes is not ours
    directory = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    journal = ["--durable", "--journal", f"{directory}/j.db", "--journal-key", f"{directory}/j.key"]
    took = bench.fastest(
        {
            "one": bench.arazzo("run", "one.arazzo.json", *RUN),
            "polls": bench.arazzo("run", "poll.arazzo.json", *RUN),
            "durable one": bench.arazzo("run", "one.arazzo.json", *RUN, *journal),
            "durable polls": bench.arazzo("run", "poll.arazzo.json", *RUN, *journal),
        }
    )
    yield compared(
        "a durable poll",
        "× one without a journal",
        took,
        lambda took: (took["durable polls"] - took["durable one"]) / (took["polls"] - took["one"]),
        1.5,
        by_work=True,
    )
    shutil.rmtree(directory)


def _growth() -> Iterator[Row]:
    code = subprocess.run([sys.executable, str(HERE / "growth.py")], capture_output=True, text=True, check=True).stdout
    found = json.loads(code)
    yield Row("10,000 polls, the last 1,000", "× the first 1,000", found["polls"], 1.05)
    yield Row("1,000 steps with outputs, the last 100", "× the first 100", found["steps"], 1.05)


@contextmanager
def server() -> Iterator[str]:
    """The loopback server's URL."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "server.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:  # closes its stdin, which ends it
        yield f"http://127.0.0.1:{process.stdout.readline().strip() if process.stdout else ''}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    usual = shutil.which("redocly") or shutil.which("redocly", path="node_modules/.bin")
    parser.add_argument("--respect", default=usual, metavar="PATH")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    options = parser.parse_args()
    if not options.respect:
        print("respect is not installed: its rows are left out", file=sys.stderr)
    compileall.compile_dir(ROOT / "arazzo_runner", quiet=1)
    with server() as url, tempfile.TemporaryDirectory() as name:
        directory, port = Path(name), int(url.rpartition(":")[2])
        write_all(directory, port)
        write_large(directory / "large.yaml", port, 5)
        write_large(directory / "larger.yaml", port, 10)
        found = []
        print(f"  {'work':34} {'measured':>8} {'':32} {'goal':>6}   of the processors' time", file=sys.stderr)
        for row in rows(Bench(directory, url, options.rounds), options.respect):
            found.append(row)
            sign, mark = "≥" if row.at_least else "≤", "✓" if row.is_met else "✗"
            work = "" if row.of_work is None else f"{row.of_work:.2f}"
            goal = f"{sign} {row.goal:g}"
            print(f"{mark} {row.work:34} {row.ratio:8.2f} {row.what:32} {goal:>6}   {work:>6}", file=sys.stderr)
    if options.json:
        print(json.dumps([vars(row) | {"met": row.is_met} for row in found], indent=2))
    sys.exit(0 if all(row.is_met for row in found) else 1)


if __name__ == "__main__":
    main()
