"""What the journal costs an effect: the same polling run with and without it, its server a function of this process.

::

    python benchmarks/journal.py [POLLS] [DIRECTORY]

Prints the median and the 95th percentile of the time from one request to the next, in milliseconds, and the difference
of the medians: two effects, since each poll is a wait and a request. DIRECTORY is where the journal is written, so that
a disk can be chosen; each effect is one commit with full sync.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from arazzo_runner import Answered, Failed, Response, RunOptions, Send, Session, load
from arazzo_runner.runtime.durable.journal import Journal
from arazzo_runner.runtime.durable.runs import DurableRuns, Planned, Row
from arazzo_runner.runtime.durable.setup import RunSetup

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "workflows" / "hugging-face-deploy-inference-endpoint-workflow.yml"
INPUTS = {"namespace": "acme", "name": "my-gpt2", "repository": "gpt2", "hfToken": "hf_benchmark"}
EFFECTS_PER_POLL = 2


class Polled:
    """A world that answers at once, waits at once, and notes when it was asked."""

    def __init__(self, polls: int) -> None:
        self._polls = polls
        self._now = time.time()
        self.asked: list[float] = []

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds

    def send(self, effect: Send) -> Answered | Failed:
        self.asked.append(time.perf_counter())
        state = "running" if len(self.asked) > self._polls else "pending"
        body = {"name": "my-gpt2", "status": {"state": state, "url": "https://example.org", "message": "x" * 500}}
        status = 201 if effect.request.method == "POST" else 200
        headers = (("Content-Type", "application/json"),)
        return Answered(Response(status, headers, json.dumps(body).encode()), self._now)


def times(world: Polled) -> list[float]:
    return [1000 * (after - before) for before, after in zip(world.asked, world.asked[1:], strict=False)]


def main() -> None:
    polls = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    workbook = load(DEPLOY)
    plan = workbook.plan(options=RunOptions(max_steps=polls + 10, poll_interval=0.4))
    plain = Polled(polls)
    Session(plan, INPUTS).run(plain)
    kept = Polled(polls)
    setup = RunSetup(
        "", str(DEPLOY), workbook.description.document.uri, plan.workflow.workflow_id, options=plan.options
    )
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as name:
        directory = Path(name)
        with Journal(directory / "journal.db") as journal, DurableRuns(journal, directory / "key") as runs:
            began = time.perf_counter()
            runs.start(Planned(plan, workbook, setup), Row(INPUTS, {})).run(kept)
            took = time.perf_counter() - began
        size = sum(file.stat().st_size for file in directory.iterdir())
    medians = []
    for name, world in (("without", plain), ("journal", kept)):
        found = times(world)
        medians.append(statistics.median(found))
        print(f"{name:8} {medians[-1]:7.3f} ms a poll (95 %: {statistics.quantiles(found, n=20)[18]:.3f})")
    print(f"an effect costs {(medians[1] - medians[0]) / EFFECTS_PER_POLL:.3f} ms more")
    print(f"{polls} polls took {took:.1f} s and {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
