"""Ctrl-C at any moment: status 130, no traceback, a report of what happened, and how a durable run goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.servers.inference_endpoints import Behaviour, InferenceEndpointsEmulator

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
