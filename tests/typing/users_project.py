"""A user's project: deploys each of a list of models, and keeps what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx

from arazzo_runner import ArazzoError, Event, Runner, RunOptions, RunResult, ServerOptions, Waiting, report


def told(event: Event) -> None:
    if isinstance(event, Waiting):
        print(f"{event.step_id} waits {event.seconds:.1f} s")


def runner_of(client: httpx.Client, server: str) -> Runner:
    options = RunOptions(servers=ServerOptions({"": server}), timeout=600.0)
    return Runner(Path("workflows/deploy.yaml"), client=client, options=options, listeners=[told], check="warn")


def deployed(runner: Runner, names: list[str]) -> Iterator[tuple[str, RunResult]]:
    rows = ({"name": name} for name in names)
    for row in runner.run_each(rows, "deploy", concurrency=2):
        if row.result is not None and row.row is not None:
            yield names[row.row - 1], row.result


def main(names: list[str]) -> int:
    failed = 0
    with httpx.Client(auth=("ann", "secret")) as client:
        try:
            for name, result in deployed(runner_of(client, "https://api.example"), names):
                Path(f"{name}.json").write_text(json.dumps(dict(result.outputs)), "utf-8")
                if not result.succeeded:
                    failed += 1
                    print(name, result.reason.message if result.reason is not None else "")
            last = runner_of(client, "https://api.example").run("deploy", {"name": names[-1]})
            Path("last.html").write_text(report.html(last), "utf-8")
        except ArazzoError as error:
            print(error, error.hint)
            return 2
    return 1 if failed else 0
