"""Completion: the words that shells get, and real shells that complete with them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from arazzo_runner.cli import main as command_line
from arazzo_runner.cli.given import shells
from tests.conftest import Arazzo
from tests.support.jobs import write_jobs
from tests.support.repository import ROOT
from tests.support.terminal import REQUIRED, terminal

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the command of these tests is a script of a POSIX shell")

SCHEMES = {"securitySchemes": {"jobToken": {"type": "http", "scheme": "bearer"}}}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with documents, files of inputs, and the command on the search path."""
    write_jobs(tmp_path)
    description = json.loads(tmp_path.joinpath("jobs.json").read_text("utf-8"))
    tmp_path.joinpath("jobs.json").write_text(json.dumps(description | {"components": SCHEMES}), "utf-8")
    workflows = tmp_path / "workflows"
    workflows.mkdir()
    write_jobs(workflows)
    tmp_path.joinpath("token file.txt").write_text("secret", "utf-8")
    tmp_path.joinpath("colours").mkdir()
    command = tmp_path / "bin" / "arazzo"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m arazzo_runner "$@"\n', "utf-8")
    command.chmod(0o755)
    return tmp_path


Ask = Callable[[str], list[tuple[str, str]]]


@pytest.fixture
def ask(project: Path) -> Ask:
    """Ask what the last word of a line can become, as zsh does: each answer's type and value."""

    def asked(line: str) -> list[tuple[str, str]]:
        environment = {**os.environ, shells.COMPLETE: "zsh_complete", "COMP_LINE": line}
        words = [str(project / "bin" / "arazzo")]
        done = subprocess.run(
            words, cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.stderr == ""
        parts = [answer.split("\t") for answer in done.stdout.splitlines() if answer]
        return [(kind, value) for kind, value, _ in parts]

    return asked


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("arazzo val", [("plain", "validate")]),
        ("arazzo run --concurr", [("plain", "--concurrency")]),
        ("arazzo run fetch", [("plain", "fetch-job"), ("file", "fetch")]),
        ("arazzo run jobs.arazzo.yaml ", [("plain", "run-job"), ("plain", "fetch-job")]),
        ("arazzo run jobs.arazzo.yaml run-job f", [("plain", "fetch-job")]),
        ("arazzo run jobs.arazzo.yaml fetch-job -i ", [("open", "id="), ("file", "")]),
        ("arazzo run fetch-job -i i", [("open", "id="), ("file", "i")]),
        ("arazzo run fetch-job -i id=@tok", [("plain", "id=@token file.txt")]),
        ("arazzo run fetch-job -i id=@col", [("open", "id=@colours/")]),
        ("arazzo run jobs.arazzo.yaml --auth ", [("open", "jobToken=")]),
        ("arazzo run jobs.arazzo.yaml --server ", [("open", "jobs=")]),
        ("arazzo run jobs.arazzo.yaml --source jobs=jobs.j", [("plain", "jobs=jobs.json")]),
        ("arazzo run x.yaml --report h", [("open", "html="), ("open", "har=")]),
        ("arazzo run x.yaml --report html=col", [("open", "html=colours/")]),
        ("arazzo run x.yaml --check ", [("plain", "off"), ("plain", "warn"), ("plain", "error")]),
        ("arazzo run x.yaml --check=w", [("plain", "--check=warn")]),
        ("arazzo run x.yaml --replay=tok", [("plain", "--replay=token file.txt")]),
        ("arazzo run x.yaml --replay ", [("file", "")]),
        ("arazzo list --workflows ", [("dir", "")]),
        ("arazzo validate jo", [("file", "jo")]),
        ("arazzo run nowhere.yaml nothing -i ", [("file", "")]),
        ("arazzo runs show ", []),
    ],
)
def test_a_word_becomes(ask: Ask, line: str, expected: list[tuple[str, str]]) -> None:
    assert ask(line) == expected


@pytest.mark.usefixtures("journal")
@pytest.mark.network
def test_run_ids_are_completed(ask: Ask, arazzo: Arazzo, project: Path) -> None:
    arazzo("run", str(project / "jobs.arazzo.yaml"), "fetch-job", "--durable", "-i", "id=1", "--server", "localhost:9")
    (kept,) = json.loads(arazzo("runs", "--json").out)
    for verb in ("runs show", "resume", "cancel"):
        assert ask(f"arazzo {verb} {kept['runId'][:2]}") == [("plain", kept["runId"])]


def test_both_names_of_the_variable_are_one() -> None:
    assert shells.COMPLETE == command_line.COMPLETE


def test_bash_gets_what_follows_its_word_breaks(project: Path) -> None:
    environment = {**os.environ, shells.COMPLETE: "bash_complete", "COMP_WORDBREAKS": " \t\n\"'@><=;|&(:"}
    environment["COMP_LINE"] = "arazzo run fetch-job -i id=@tok"
    words = [str(project / "bin" / "arazzo")]
    done = subprocess.run(words, cwd=project, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == ["plain\ttoken file.txt\t"]


STARTS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
SETUPS = {
    "bash": 'eval "$(arazzo completion bash)"',
    "zsh": 'autoload -Uz compinit; compinit -u; eval "$(arazzo completion zsh)"',
    "fish": "arazzo completion fish | source",
}


@pytest.mark.slow
@pytest.mark.parametrize("shell", STARTS)
@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        ("arazzo valid", "arazzo validate "),
        ("arazzo run fetch", "arazzo run fetch-job "),
        ("arazzo run jobs.ar", "arazzo run jobs.arazzo.yaml "),
        ("arazzo run jobs.arazzo.yaml fetch", "arazzo run jobs.arazzo.yaml fetch-job "),
        ("arazzo run fetch-job -i i", "arazzo run fetch-job -i id="),
        ("arazzo run jobs.arazzo.yaml --auth job", "arazzo run jobs.arazzo.yaml --auth jobToken="),
        ("arazzo run jobs.arazzo.yaml --check wa", "arazzo run jobs.arazzo.yaml --check warn "),
    ],
)
def test_a_real_shell_completes(project: Path, shell: str, typed: str, becomes: str) -> None:
    if not REQUIRED and shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    path = f"{project / 'bin'}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(project), "TERM": "xterm-256color", "PS1": "> "}
    with terminal(project, STARTS[shell], columns=200, environment=environment) as opened:
        opened.type(f"{SETUPS[shell]}; echo re''ady\n")
        opened.until(lambda lines: "ready" in lines)
        opened.type(typed)
        opened.until(lambda lines: lines[-1].rstrip().endswith(typed))
        opened.press("Tab")
        # What follows shows whether there is a space behind the word.
        opened.until(lambda lines: lines[-1].rstrip().endswith(becomes.rstrip()))
        opened.type("x")
        opened.until(lambda lines: lines[-1].rstrip().endswith(f"{becomes}x"))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pwsh") is None, reason="pwsh is not installed, and no registry of the tests has it")
def test_powershell_completes(project: Path) -> None:
    script = (
        "arazzo completion powershell | Out-String | Invoke-Expression; "
        "foreach ($line in 'arazzo valid', 'arazzo run fetch-job -i i') { "
        "(TabExpansion2 $line $line.Length).CompletionMatches | ForEach-Object CompletionText }"
    )
    environment = {**os.environ, "PATH": f"{project / 'bin'}:{os.environ['PATH']}"}
    words = ["pwsh", "-NoProfile", "-Command", script]
    done = subprocess.run(words, cwd=project, env=environment, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["validate", "id="]


def test_the_script_of_powershell_asks_as_the_others_do(arazzo: Arazzo) -> None:
    script = arazzo("completion", "powershell").out
    assert "Register-ArgumentCompleter -Native -CommandName arazzo" in script
    assert "$env:_ARAZZO_COMPLETE = 'powershell_complete'" in script
    assert script.count("{") == script.count("}")
