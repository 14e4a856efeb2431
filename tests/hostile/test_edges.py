"""Files, streams and machines that are not what they seem: each ends in a message, never in silence or a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from arazzo_runner.reports.problems import as_sarif
from tests.conftest import Arazzo
from tests.support.api import Answer, Asked, api, description, project, workflow
from tests.support.confined import confined
from tests.support.repository import ROOT
from tests.support.small_documents import API, document, write

OPERATION = {"operationId": "o", "responses": {"200": {"description": "ok"}}}
STEP = {"stepId": "s", "operationId": "o", "outputs": {"body": "$response.body"}}


@pytest.mark.parametrize("format_", ["sarif", "json", "github", "text"])
def test_a_source_url_with_a_password_has_its_problems_in_every_format(tmp_path: Path, format_: str) -> None:
    path = write(tmp_path, document())
    result = confined("validate", path, "--format", format_, "--source", "api=http://u:hunter2@127.0.0.1:9/x")
    assert result.status == 1
    assert "hunter2" not in result.out + result.err
    if format_ == "sarif":
        json.loads(result.out)


def test_a_masked_url_is_still_a_uri_in_sarif() -> None:
    from arazzo_runner.errors import Place, Problem, Severity

    problem = Problem(Severity.ERROR, "json-syntax", "m", Place("https://[redacted]@a.example/x.json"), "")
    (result,) = json.loads(as_sarif([problem]))["runs"][0]["results"]
    artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact == {"uri": "https://redacted@a.example/x.json"}


@pytest.mark.parametrize("name", ["w.yaml", "api.json", "inputs.json"])
def test_a_named_pipe_is_not_waited_for(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, document())
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    result = confined("run", path, "--dry-run", "-i", f"x=@{tmp_path / 'inputs.json'}")
    assert result.status == 2
    assert "named pipe" in result.err or "a pipe or a device" in result.err


def test_a_device_that_a_document_names_is_not_read(tmp_path: Path) -> None:
    made = document()
    made["sourceDescriptions"][0]["url"] = "/dev/tty"
    result = confined("run", write(tmp_path, made))
    assert result.status == 2
    assert "a pipe or a device, which only the command line may name" in result.err


def test_a_pipe_that_a_shell_makes_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, document())
    command = f"exec {sys.executable} -m arazzo_runner validate {path} --source api=<(cat {tmp_path}/api.json)"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


def workflow_at(tmp_path: Path, url: str, **operation: Any) -> str:
    return project(tmp_path, description(url, {"/a": {"get": {**OPERATION, **operation}}}), workflow([STEP]))


def in_shell(words: list[str], redirections: str) -> subprocess.CompletedProcess[str]:
    command = f"exec {sys.executable} -m arazzo_runner {' '.join(words)} {redirections}"
    return subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_report_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with api() as running:
        done = in_shell(["run", workflow_at(tmp_path, running.url), "--report", "json=/dev/full"], "")
    assert done.returncode == 1
    assert "error: No space left on device: /dev/full" in done.stderr


@pytest.mark.parametrize("words", [["run", "DOCUMENT"], ["validate", "DOCUMENT", "--format", "json"], ["--version"]])
def test_output_to_a_closed_stdout_is_an_error(tmp_path: Path, words: list[str]) -> None:
    with api() as running:
        path = workflow_at(tmp_path, running.url)
        done = in_shell([word.replace("DOCUMENT", path) for word in words], ">&-")
    assert done.returncode == 1
    assert "error: stdout is closed" in done.stderr


def test_too_little_memory_is_no_traceback(tmp_path: Path) -> None:
    made = {**document(), "x-long": ["text"] * 2_000_000}
    path = write(tmp_path, made, API)
    command = f"ulimit -v 120000; exec {sys.executable} -m arazzo_runner validate {path}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "there is not enough memory" in done.stderr


@pytest.mark.parametrize("values", [("one-value-1", "another-2"), ("same-value", "same-value")])
def test_api_keys_of_one_name_in_two_places_make_a_case_that_passes(
    arazzo: Arazzo, tmp_path: Path, values: tuple[str, str]
) -> None:
    schemes = {where: {"type": "apiKey", "in": where, "name": "key"} for where in ("query", "cookie")}
    described = description("", {"/a": {"get": {**OPERATION, "security": [{"query": [], "cookie": []}]}}})
    with api(lambda _: Answer(data={"key": 1})) as running:
        described |= {"servers": [{"url": running.url}], "components": {"securitySchemes": schemes}}
        path = project(tmp_path, described, workflow([STEP]))
        given = [
            word for scheme, value in zip(schemes, values, strict=True) for word in ("--auth", f"{scheme}={value}")
        ]
        recorded = arazzo("record", path, "--case", "one", "--cassettes", str(tmp_path / "cases"), *given)
    assert recorded.status == 0, recorded.err
    assert arazzo("test", str(tmp_path / "cases")).status == 0
    (case,) = (tmp_path / "cases").rglob("one.yaml")
    assert not any(value in case.read_text() for value in values)


def test_a_run_that_has_succeeded_is_resumed_by_its_outputs(arazzo: Arazzo, tmp_path: Path) -> None:
    asked: list[Asked] = []

    def answer(request: Asked) -> Answer:
        asked.append(request)
        return Answer(data={"n": 7, "token": "brought-by-a-login"})

    journal = ["--journal", str(tmp_path / "journal.db"), "--journal-key", str(tmp_path / "key")]
    with api(answer) as running:
        path = project(
            tmp_path,
            description(running.url, {"/a": {"get": OPERATION}}),
            workflow([STEP], outputs={"body": "$steps.s.outputs.body"}),
        )
        first = arazzo("run", path, "--durable", *journal)
        (run,) = json.loads(arazzo("runs", "--json", *journal).out)
        again = arazzo("resume", run["runId"], *journal)
        report = arazzo("resume", run["runId"], "--json", *journal)
    assert (first.status, again.status, len(asked)) == (0, 0, 1)
    assert json.loads(again.out) == {"body": {"n": 7, "token": "[redacted]"}}
    assert "has succeeded before; nothing is sent" in again.err
    assert json.loads(report.out)["status"] == "succeeded"
