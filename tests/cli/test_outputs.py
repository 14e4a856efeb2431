"""Where the command line writes: reports, devices, streams that are closed or full, and signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.conftest import Arazzo
from tests.servers.inference_endpoints import Behaviour, InferenceEndpointsEmulator
from tests.servers.record_cassettes import SIZED
from tests.support.repository import ROOT

INPUTS = [word for name, value in SIZED.items() for word in ("-i", f"{name}={value}")]
CASSETTE = "cassettes/deploy-inference-endpoint/becomes-running.yaml"
REPLAY = ["run", "deploy-inference-endpoint", *INPUTS, "--replay", CASSETTE]


def shell(words: list[str], redirections: str) -> subprocess.CompletedProcess[str]:
    """Call ``arazzo`` in a process of its own, its streams redirected by a shell."""
    line = f'exec "$@" {redirections}'
    command = ["sh", "-c", line, "sh", sys.executable, "-m", "arazzo_runner", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)


def test_every_report_in_one_run(arazzo: Arazzo, tmp_path: Path) -> None:
    words = [w for form in ("json", "junit", "html", "har") for w in ("--report", f"{form}={tmp_path / form}")]
    assert arazzo(*REPLAY, *words).status == 0
    assert json.loads((tmp_path / "json").read_text("utf-8"))["status"] == "succeeded"
    assert ET.parse(tmp_path / "junit").getroot().get("tests") == "2"  # noqa: S314 - our own
    assert len(json.loads((tmp_path / "har").read_text("utf-8"))["log"]["entries"]) == 4
    assert "<svg" in (tmp_path / "html").read_text("utf-8")
    assert {path.name for path in tmp_path.iterdir()} == {"har", "html", "json", "junit"}
    for form in ("json", "junit", "html", "har"):
        assert SIZED["hfToken"] not in (tmp_path / form).read_text("utf-8")


@pytest.mark.parametrize("option", ["--report", "--record"])
def test_what_cannot_be_written_is_found_before_the_first_request(arazzo: Arazzo, tmp_path: Path, option: str) -> None:
    with InferenceEndpointsEmulator(token=SIZED["hfToken"]) as emulator:
        word = f"json={tmp_path}" if option == "--report" else str(tmp_path)
        words = ["run", "deploy-inference-endpoint", *INPUTS, "--server", emulator.url, option, word]
        result = arazzo(*words)
    assert result.status == 2
    assert "cannot be written: Is a directory" in result.err
    assert emulator.requests == []


def test_two_reports_in_one_file_are_refused(arazzo: Arazzo, tmp_path: Path) -> None:
    path = tmp_path / "report"
    result = arazzo(*REPLAY, "--report", f"json={path}", "--report", f"har={tmp_path}/./report")
    assert result.status == 2
    assert "another report" in result.err


@pytest.mark.parametrize("name", ["report", "w.yaml", "api.json", ""])
def test_a_recording_takes_no_other_files_place(arazzo: Arazzo, tmp_path: Path, name: str) -> None:
    api = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "servers": [{"url": "http://127.0.0.1:9"}]}
    operation = {"operationId": "o", "responses": {"200": {"description": "ok"}}}
    (tmp_path / "api.json").write_text(json.dumps({**api, "paths": {"/a": {"get": operation}}}), "utf-8")
    text = (
        "arazzo: 1.0.1\ninfo: {title: t, version: '1'}\nsourceDescriptions: [{name: a, url: api.json, type: openapi}]\n"
        "workflows: [{workflowId: w, steps: [{stepId: s, operationId: o}]}]\n"
    )
    (tmp_path / "w.yaml").write_text(text, "utf-8")
    words = ["--report", f"json={tmp_path / 'report'}", "--record", str(tmp_path / name) if name else ""]
    assert arazzo("run", str(tmp_path / "w.yaml"), *words).status == 2
    assert (tmp_path / "w.yaml").read_text("utf-8") == text


def test_a_target_may_be_a_pipe_and_a_directory_is_said_to_be_one(arazzo: Arazzo) -> None:
    document = "workflows/hugging-face-deploy-inference-endpoint-workflow.yml"
    done = shell(["show", "/dev/stdin", "--format", "json"], f"< {document}")
    piped = subprocess.run(
        ["sh", "-c", f'cat {document} | exec "$@"', "sh", sys.executable, "-m", "arazzo_runner", "show", "/dev/stdin"],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=60,
    )  # fmt: skip
    assert (done.returncode, piped.returncode) == (0, 0)
    assert "workflows is a directory" in arazzo("run", "workflows").err


def test_a_device_as_a_report_and_as_a_recording(tmp_path: Path) -> None:
    done = shell([*REPLAY, "-q", "--report", "json=/dev/stderr"], "")
    assert done.returncode == 0
    assert json.loads(done.stderr)["workflowId"] == "deploy-inference-endpoint"


@pytest.mark.parametrize(
    "words",
    [[*REPLAY, "--report", "json=FIFO"], [*REPLAY[: 2 + len(INPUTS)], "--record", "FIFO"]],
    ids=["report", "recording"],
)
def test_ctrl_c_ends_the_wait_for_the_other_end_of_a_pipe(tmp_path: Path, words: list[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    command = [word.replace("FIFO", str(tmp_path / "pipe")) for word in words]
    process = subprocess.Popen(
        [sys.executable, "-m", "arazzo_runner", *command], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    time.sleep(2)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, "interrupted" in said) == (130, True)


@pytest.mark.parametrize(
    ("redirections", "status"),
    [(">&-", 1), ("2>&-", 0), ("<&-", 0), (">/dev/full", 1), ("2>/dev/full", 0), (">&- 2>&- <&-", 1)],
)
def test_streams_that_are_closed_or_full(redirections: str, status: int) -> None:
    done = shell(REPLAY, redirections)
    assert done.returncode == status
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("word", ["task=\udcff", "\udcff=1"], ids=["value", "name"])
def test_an_input_that_is_no_unicode_is_no_traceback(word: str) -> None:
    done = shell(["run", "deploy-inference-endpoint", *INPUTS, "-i", word, "--dry-run"], "")
    assert "Traceback" not in done.stderr
    assert done.returncode == (2 if word.endswith("1") else 0)


def test_a_mistake_has_its_status_when_nobody_can_be_told() -> None:
    assert shell(["run", "deploy-inference-endpoint", "-i", "nam=x"], "2>/dev/full").returncode == 2


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_a_run_with_its_report_and_its_recording(tmp_path: Path, sent: signal.Signals) -> None:
    report, cassette = tmp_path / "report.json", tmp_path / "cassette.yaml"
    with InferenceEndpointsEmulator(token=SIZED["hfToken"], behaviour=Behaviour(polls_pending=10_000)) as emulator:
        words = ["run", "deploy-inference-endpoint", *INPUTS, "--server", emulator.url, "--poll-interval", "30"]
        words += ["--report", f"json={report}", "--record", str(cassette)]
        run = subprocess.Popen([sys.executable, "-m", "arazzo_runner", *words], cwd=ROOT, stdout=subprocess.PIPE)
        while len(emulator.requests) < 2:
            assert run.poll() is None
            time.sleep(0.02)
        time.sleep(0.3)
        run.send_signal(sent)
        out, _ = run.communicate(timeout=30)
    assert run.returncode == 130
    assert json.loads(out)
    told = json.loads(report.read_text("utf-8"))
    assert (told["status"], told["reason"]["code"]) == ("stopped", "interrupted")
    assert cassette.read_text("utf-8").count("- request:") == 2


@pytest.mark.parametrize("seconds", ["nan", "inf", "1e300", "-1"])
def test_a_time_that_no_clock_can_wait_is_refused(arazzo: Arazzo, seconds: str) -> None:
    for option in ("--timeout", "--poll-interval", "--read-timeout"):
        assert arazzo(*REPLAY, option, seconds).status == 2


def test_a_dry_run_as_data(arazzo: Arazzo) -> None:
    result = arazzo("run", "deploy-inference-endpoint", *INPUTS, "--dry-run", "--json")
    plan = json.loads(result.out)
    assert result.status == 0
    assert plan["firstRequest"]["url"] == "https://api.endpoints.huggingface.cloud/v2/endpoint/acme"
    assert [step["stepId"] for step in plan["workflows"][0]["steps"]] == ["createEndpoint", "pollStatus"]
    assert SIZED["hfToken"] not in result.out


@pytest.mark.parametrize(
    "schema",
    [
        "{type: object, properties: [1]}",
        "{type: object, properties: {a: {type: 5, description: [1]}, b: 7}, required: x}",
        "{type: [string, 4], properties: {a: {enum: 3, anyOf: 4}}}",
        "[1, 2]",
    ],
)
@pytest.mark.parametrize("verb", ["list", "show", "run"])
def test_an_odd_inputs_schema_is_no_traceback(arazzo: Arazzo, tmp_path: Path, schema: str, verb: str) -> None:
    document = tmp_path / "w.arazzo.yaml"
    document.write_text(
        f"""\
arazzo: 1.0.1
info: {{title: t, version: '1'}}
sourceDescriptions: [{{name: api, url: api.yaml, type: openapi}}]
workflows:
  - workflowId: w
    inputs: {schema}
    steps: [{{stepId: s, operationId: o}}]
""",
        "utf-8",
    )
    words = ["list", "--workflows", str(tmp_path)] if verb == "list" else [verb, str(document), "--", "w"]
    arazzo(*words)  # holds that there is no traceback
