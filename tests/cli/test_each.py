"""``--each``: a run for each row, results as they end, and a batch that goes on after its process has died."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Arazzo, Result
from tests.servers.inference_endpoints import InferenceEndpointsEmulator
from tests.support.repository import ROOT

pytestmark = [pytest.mark.usefixtures("journal"), pytest.mark.network]

TOKEN = "hf_ThisIsTheSecretOfTheTests"
SHARED = ["namespace=acme", "repository=gpt2", "instanceType=intel-icl", "instanceSize=x1"]


@pytest.fixture
def emulator() -> Iterator[InferenceEndpointsEmulator]:
    with InferenceEndpointsEmulator(token=TOKEN, public_url="https://{name}.example") as running:
        yield running


def words(emulator: InferenceEndpointsEmulator, file: Path, *more: str, token: str | None = TOKEN) -> list[str]:
    given = [*SHARED, *([f"hfToken={token}"] if token else [])]
    inputs = [word for item in given for word in ("-i", item)]
    server = ["--server", emulator.url, "--poll-interval", "0.01"]
    return ["run", "deploy-inference-endpoint", *inputs, *server, "--each", str(file), *more]


def rows_of(directory: Path, *rows: dict[str, Any]) -> Path:
    path = directory / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def results(result: Result) -> dict[int, dict[str, Any]]:
    """The results by row."""
    found = [json.loads(line) for line in result.out.splitlines()]
    by_row = {entry["row"]: entry for entry in found}
    assert len(by_row) == len(found)
    return by_row


def created(emulator: InferenceEndpointsEmulator) -> Counter[str]:
    """How often each endpoint was asked for."""
    return Counter(exchange.body["name"] for exchange in emulator.requests if exchange.method == "POST")


@pytest.mark.parametrize("durable", [(), ("--durable",)], ids=["plain", "durable"])
def test_each_row_is_a_run_and_failures_stop_no_other(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, tmp_path: Path, durable: tuple[str, ...]
) -> None:
    emulator.add("acme", "taken")
    file = rows_of(tmp_path, {"name": "one"}, {"name": "taken"}, {"name": "three", "repository": "bert"})
    result = arazzo(*words(emulator, file, *durable))
    found = results(result)
    assert result.status == 1
    assert {row: entry["status"] for row, entry in found.items()} == {1: "succeeded", 2: "failed", 3: "succeeded"}
    assert found[1]["outputs"]["inferenceUrl"] == "https://one.example"
    assert found[2]["reason"]["code"] == "step-failed"
    assert bool(found[1]["runId"]) == bool(durable)
    assert "3 of 3 runs in" in result.err
    assert "2 succeeded, 1 failed" in result.err
    assert "1 × step-failed" in result.err
    assert TOKEN not in result.out + result.err
    repositories = [e.body["model"]["repository"] for e in emulator.requests if e.method == "POST"]
    assert sorted(repositories) == ["bert", "gpt2", "gpt2"]


def test_csv_gives_inputs_by_name_and_an_empty_cell_none(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, tmp_path: Path
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text('\ufeffname,task\none,"text,\nclassification"\ntwo,\n', "utf-8")
    found = results(arazzo(*words(emulator, file)))
    assert {row: entry["outputs"]["endpointName"] for row, entry in found.items()} == {2: "one", 4: "two"}
    tasks = {e.body["name"]: e.body["model"].get("task") for e in emulator.requests if e.method == "POST"}
    assert tasks == {"one": "text,\nclassification", "two": "text-generation"}


def test_a_cell_may_be_long(arazzo: Arazzo, emulator: InferenceEndpointsEmulator, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(f"name,task\none,{'x' * 200_000}\n", "utf-8")
    assert results(arazzo(*words(emulator, file)))[2]["status"] == "succeeded"


@pytest.mark.parametrize(
    ("name", "wrong"), [("rows.jsonl", '{"name": \n'), ("rows.jsonl", "7\n"), ("rows.csv", "a,b,c\n")]
)
def test_every_row_that_cannot_be_read_is_named_so_many_at_most(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, tmp_path: Path, name: str, wrong: str
) -> None:
    head = "name,task\n" if name.endswith(".csv") else '{"name": "one"}\n'
    (tmp_path / name).write_text(head + wrong * 2, "utf-8")
    few = arazzo(*words(emulator, tmp_path / name))
    assert few.status == 2
    assert f"2 rows of {tmp_path / name} cannot be read" in few.err
    assert all(f"{name}:{line}:" in few.err for line in (2, 3))
    (tmp_path / f"more-{name}").write_text(head + wrong * 30, "utf-8")
    many = arazzo(*words(emulator, tmp_path / f"more-{name}")).err
    assert many.count(f"{name}:") == 20
    assert "… and 10 more rows" in many


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("rows.jsonl", '{"name": "one"}\n{"name": \n', "rows.jsonl:2:"),
        ("rows.jsonl", '{"name": "one"}\n\n["two"]\n', "rows.jsonl:3: expected an object"),
        ("rows.jsonl", '{"name": "one"}\n{"nme": "two"}\n', "rows.jsonl:2: input nme"),
        ("rows.jsonl", "\n\n", "there are no rows"),
        ("rows.csv", "name,name\na,b\n", "rows.csv:1: the first line names the inputs, each once"),
        ("rows.csv", "name,task\na\n", "rows.csv:2: expected 2 cells, found 1"),
        ("rows.csv", 'name\n"a\n', "no CSV"),
        ("rows.csv", "nme\na\n", "rows.csv:2: input nme"),
    ],
)
def test_a_wrong_row_is_named_before_anything_is_sent(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, tmp_path: Path, name: str, text: str, says: str
) -> None:
    file = tmp_path / name
    file.write_text(text, "utf-8")
    result = arazzo(*words(emulator, file, "--durable"))
    assert result.status == 2
    assert says in result.err
    assert result.out == ""
    assert emulator.requests == []
    assert arazzo("runs", "--json").out in ("", "[]\n")


def test_a_file_that_is_not_there_is_named(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, tmp_path: Path
) -> None:
    result = arazzo(*words(emulator, tmp_path / "nowhere.jsonl"))
    assert (result.status, "nowhere.jsonl cannot be read" in result.err) == (2, True)


@pytest.mark.slow
def test_a_batch_that_was_killed_goes_on_and_no_run_is_made_twice(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, tmp_path: Path
) -> None:
    count = 120
    token = tmp_path / "token.txt"
    token.write_text(TOKEN, "utf-8")
    file = rows_of(tmp_path, *({"name": f"e{index}"} for index in range(count)))
    command = words(emulator, file, "--durable", "--concurrency", "20", "-i", f"hfToken=@{token}", token=None)
    with subprocess.Popen(
        [sys.executable, "-m", "arazzo_runner", *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        for _ in range(20):
            process.stdout.readline()
        process.kill()
        process.wait()
    runs = json.loads(arazzo("runs", "--json").out)
    assert len(runs) == count
    assert {run["status"] for run in runs} == {"succeeded", "stopped"}
    batch = runs[0]["batch"]
    first = arazzo("resume", batch, "--concurrency", "20")
    # What may have been created or not is left to the user, who looks at the server.
    for entry in results(first).values():
        if entry["status"] != "succeeded":
            assert entry["reason"]["code"] == "ambiguous-request"
            name = f"e{entry['row'] - 1}"
            done = [e for e in emulator.requests if e.method == "POST" and e.body["name"] == name]
            body = tmp_path / f"{name}.json"
            body.write_text(json.dumps(done[0].answer) if done else "{}", "utf-8")
            decision = ("--skip", f"201=@{body}") if done else ("--resend",)
            assert arazzo("resume", entry["runId"], *decision).status == 0
    runs = json.loads(arazzo("runs", "--json", "--batch", batch).out)
    assert [(run["row"], run["status"]) for run in runs] == [(row, "succeeded") for row in range(1, count + 1)]
    assert set(created(emulator).values()) == {1}
    assert len(created(emulator)) == count
    again = arazzo("resume", batch)
    assert (again.status, again.out, "nothing to resume" in again.err) == (0, "", True)


def test_an_interrupted_batch_stops_between_effects_and_goes_on(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARAZZO_INPUT_hfToken", TOKEN)
    file = rows_of(tmp_path, *({"name": f"e{index}"} for index in range(40)))
    command = words(emulator, file, "--durable", "--concurrency", "5", "--poll-interval", "0.1", token=None)
    with subprocess.Popen(
        [sys.executable, "-m", "arazzo_runner", *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"not finished" in err
    runs = json.loads(arazzo("runs", "--json").out)
    assert all(run["status"] in ("succeeded", "stopped") for run in runs)
    assert sum(run["status"] == "stopped" for run in runs) >= 30
    result = arazzo("resume", runs[0]["batch"])
    assert result.status == 0, result.err  # nothing was under way that could be ambiguous
    assert set(created(emulator).values()) == {1}
    assert len(created(emulator)) == 40


def test_a_secret_of_a_row_is_read_from_its_row_again(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, tmp_path: Path
) -> None:
    file = rows_of(tmp_path, {"name": "one", "hfToken": TOKEN}, {"name": "two", "hfToken": TOKEN})
    command = words(emulator, file, "--durable", "--poll-interval", "30", token=None)
    with subprocess.Popen(
        [sys.executable, "-m", "arazzo_runner", *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        batch = process.stderr.readline().split()[1].decode()
        process.kill()
        process.wait()
    raw = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())
    assert TOKEN.encode() not in raw
    runs = json.loads(arazzo("runs", "--json", "--batch", batch).out)
    assert [run["row"] for run in runs] == [1, 2]
    assert arazzo("cancel", f"{batch}-1").status == 0
    file.write_text(json.dumps({"name": "one"}) + "\n", "utf-8")
    gone = arazzo("resume", batch)
    (entry,) = results(gone).values()
    assert (entry["row"], entry["status"], entry["reason"]["code"]) == (2, "failed", "usage")
    assert f"{file}:2" in entry["reason"]["message"]


@contextmanager
def waiting_batch(
    emulator: InferenceEndpointsEmulator, directory: Path
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A process with a batch of three durable runs, each of which waits, and the batch's id."""
    file = rows_of(directory, *({"name": f"e{index}"} for index in range(3)))
    command = words(emulator, file, "--durable", "--poll-interval", "30")
    with subprocess.Popen(
        [sys.executable, "-m", "arazzo_runner", *command], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        yield process, process.stderr.readline().split()[1].decode()


def test_cancelling_a_batch_passes_over_the_runs_that_have_ended(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, tmp_path: Path
) -> None:
    with waiting_batch(emulator, tmp_path) as (process, batch):
        process.kill()
        process.wait()
    assert arazzo("cancel", f"{batch}-1").status == 0
    rest = arazzo("cancel", batch)
    assert (rest.status, rest.err) == (0, f"batch {batch}: 2 runs cancelled\n")
    runs = json.loads(arazzo("runs", "--json", "--batch", batch).out)
    assert [run["status"] for run in runs] == ["cancelled"] * 3
    again = arazzo("cancel", batch)
    assert (again.status, f"every run of the batch {batch} has ended" in again.err) == (2, True)


def test_a_batch_is_cancelled_while_its_process_runs_it(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, tmp_path: Path
) -> None:
    with waiting_batch(emulator, tmp_path) as (process, batch):
        result = arazzo("cancel", batch)
        said = "3 runs cancelled, 3 of them still to be ended by the process that drives them"
        assert (result.status, said in result.err) == (0, True)
        assert process.wait(timeout=60) == 1
    runs = json.loads(arazzo("runs", "--json", "--batch", batch).out)
    assert [run["status"] for run in runs] == ["cancelled"] * 3


@pytest.mark.slow
def test_a_thousand_durable_runs_at_fifty_at_once_all_finish_and_none_twice(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, tmp_path: Path
) -> None:
    file = rows_of(tmp_path, *({"name": f"e{index}"} for index in range(1000)))
    result = arazzo(*words(emulator, file, "--durable", "--concurrency", "50"))
    assert result.status == 0, result.err
    found = results(result)
    assert sorted(found) == list(range(1, 1001))
    assert {entry["outputs"]["state"] for entry in found.values()} == {"running"}
    assert set(created(emulator).values()) == {1}
    runs = json.loads(arazzo("runs", "--json").out)
    assert Counter(run["status"] for run in runs) == {"succeeded": 1000}
