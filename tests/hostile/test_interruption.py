"""Ctrl-C at any moment: status 130, no traceback, a report of what happened, and how a durable run goes on."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.servers.inference_endpoints import Behaviour, InferenceEndpointsEmulator
from tests.support.repository import ROOT

pytestmark = pytest.mark.slow

TOKEN = "hf_ThisIsTheSecretOfTheTests"
INPUTS = ["namespace=acme", "name=my-gpt2", "repository=gpt2", "instanceType=intel-icl", "instanceSize=x1"]
MOMENTS = [0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1.2, 1.6]
"""Seconds after the start of the process: while it loads, plans, sends, waits."""


def interrupted(after: float, words: list[str], directory: Path) -> tuple[int, str]:
    journal = {"ARAZZO_JOURNAL": str(directory / "j.db"), "ARAZZO_JOURNAL_KEY": str(directory / "j.key")}
    command = [sys.executable, "-m", "arazzo_runner", "run", "deploy-inference-endpoint", *words]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **journal}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


@pytest.mark.parametrize("durable", [False, True], ids=["plain", "durable"])
@pytest.mark.parametrize("after", MOMENTS)
def test_an_interruption_at_any_moment(tmp_path: Path, after: float, *, durable: bool) -> None:
    report = tmp_path / "report.json"
    with InferenceEndpointsEmulator(token=TOKEN, behaviour=Behaviour(polls_pending=100_000)) as emulator:
        words = ["--server", emulator.url, "--poll-interval", "0.2", "--report", f"json={report}"]
        words += [word for item in (*INPUTS, f"hfToken={TOKEN}") for word in ("-i", item)]
        status, said = interrupted(after, [*words, *(["--durable"] if durable else [])], tmp_path)
        requests = len(emulator.requests)
    if status == 130:
        assert "Traceback (most recent call last)" not in said
    else:
        # Python itself was beginning: the signal ended it, which a shell tells as 130, or its own start failed.
        assert status in (1, -signal.SIGINT)
        assert "cli/main.py" not in said
        assert not requests
    if report.exists():
        steps = json.loads(report.read_text("utf-8"))["steps"]
        assert len(steps) in (requests, requests + 1)
    elif requests:
        pytest.fail("what was sent is in no report")
    if durable and requests:
        assert "arazzo resume " in said
    assert TOKEN not in said
    assert not list(tmp_path.glob("*.part"))


def test_a_request_whose_answer_never_came_is_in_every_report(tmp_path: Path) -> None:
    """It was sent, and may have done its work: whoever reads the report must know of it."""
    reports = {name: tmp_path / f"report.{name}" for name in ("json", "junit", "html", "har")}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        words = ["--server", f"http://127.0.0.1:{silent.getsockname()[1]}"]
        words += [word for name, path in reports.items() for word in ("--report", f"{name}={path}")]
        words += [word for item in (*INPUTS, f"hfToken={TOKEN}") for word in ("-i", item)]
        command = [sys.executable, "-m", "arazzo_runner", "run", "deploy-inference-endpoint", *words]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        connection, _ = silent.accept()
        with connection:
            assert connection.recv(65536).startswith(b"POST /endpoint/acme")
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "createEndpoint" in said
    (step,) = json.loads(reports["json"].read_text("utf-8"))["steps"]
    assert (step["stepId"], step["status"], step["problems"]) == (
        "createEndpoint",
        "failed",
        ["the run ended before an answer came"],
    )
    (entry,) = json.loads(reports["har"].read_text("utf-8"))["log"]["entries"]
    assert entry["request"]["method"] == "POST"
    assert entry["response"]["status"] == 0
    assert "attempt 1 at" in reports["junit"].read_text("utf-8")
    assert "the run ended before an answer came" in reports["html"].read_text("utf-8")
    assert not [path for path in reports.values() if TOKEN in path.read_text("utf-8")]


@pytest.mark.parametrize(
    "half_made",
    ["tempfile.SpooledTemporaryFile", "HalfMade"],
)
def test_an_interrupted_constructor_leaves_no_traceback(half_made: str) -> None:
    """Its object is finalised after all that is said, and fails at what it does not have yet."""
    program = f"""
import tempfile
from arazzo_runner.cli import main

class HalfMade:
    def __del__(self):
        raise RuntimeError("half made")

def interrupted(**_):
    half = {half_made}.__new__({half_made})
    raise KeyboardInterrupt

main.cli.main = interrupted
main.main()
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (130, "interrupted\n")
