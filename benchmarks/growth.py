"""Whether a run becomes slower: the processor's time of its last turns against that of its first, in one process.

::

    python benchmarks/growth.py

Prints JSON: ``polls`` is the last 1,000 of 10,000 polls against the first 1,000, ``steps`` the last 100 of 1,000 steps
with outputs against the first 100. The server is a function of this process, so that nothing else is measured; each
figure is the best of three runs.
"""

from __future__ import annotations

import gc
import json
import os
import tempfile
import time
from pathlib import Path

from documents import arazzo, description, polling, step

from arazzo_runner import Answered, Failed, Response, RunOptions, Send, Session, load
from arazzo_runner.reports.terminal.console import Console, ConsoleOptions

POLLS, STEPS = 10_000, 1_000


class Timed:
    """A world that answers at once, and notes the processor's time at each request."""

    def __init__(self, requests: int) -> None:
        self._requests = requests
        self.asked: list[float] = []

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing is waited for, not even {seconds} s")

    def send(self, _: Send) -> Answered | Failed:
        self.asked.append(time.process_time())
        state = "done" if len(self.asked) == self._requests else "pending"
        body = {"id": 7, "state": state, "items": [{"name": "one", "price": 1.5}]}
        headers = (("Content-Type", "application/json"),)
        return Answered(Response(200, headers, json.dumps(body).encode()), time.time())


def ratio(directory: Path, name: str, requests: int, part: int) -> float:
    """The time of the last requests of a run against that of as many first ones."""
    plan = load(directory / f"{name}.json").plan(options=RunOptions(poll_interval=0, max_steps=POLLS + 10))
    found = []
    for _ in range(3):
        world = Timed(requests)
        session = Session(plan, {})
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            console = Console(nowhere, ConsoleOptions())
            session.listen(console, only=console.hears, details=console.shows_details)
            gc.collect()
            session.run(world)
        if len(world.asked) != requests:
            raise SystemExit(f"{name}: {len(world.asked)} requests instead of {requests}")
        first, last = world.asked[part] - world.asked[0], world.asked[-1] - world.asked[-1 - part]
        found.append(last / first)
    return min(found)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.joinpath("api.json").write_text(json.dumps(description(1)), "utf-8")
        for workflow, steps in (("polls", [polling(POLLS)]), ("steps", [step(number) for number in range(STEPS)])):
            document = arazzo([{"workflowId": workflow, "steps": steps}], "api.json")
            directory.joinpath(f"{workflow}.json").write_text(json.dumps(document), "utf-8")
        print(
            json.dumps(
                {"polls": ratio(directory, "polls", POLLS, 1000), "steps": ratio(directory, "steps", STEPS, 100)}
            )
        )


if __name__ == "__main__":
    main()
