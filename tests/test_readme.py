"""The commands and examples of the README and of docs/ do what the pages say."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tests.support.repository import ROOT

if TYPE_CHECKING:
    import pytest

    from tests.conftest import Arazzo

README = (ROOT / "README.md").read_text("utf-8")
PAGES = "\n".join([README, *(page.read_text("utf-8") for page in sorted((ROOT / "docs").glob("*.md")))])


def block(marker: str) -> str:
    """Return the fenced block behind ``<!-- marker -->``, of whichever page."""
    found = re.search(rf"<!-- {re.escape(marker)} -->\n```\w*\n(.*?)```", PAGES, re.DOTALL)
    assert found is not None, marker
    return found[1]


def timeless(text: str) -> str:
    """Output without the times that a step took."""
    return re.sub(r" +[\d.]+ m?s\b", " 0 ms", text)


def test_the_main_job_prints_what_the_readme_shows(arazzo: Arazzo) -> None:
    command = block("main job").rpartition("&& .venv/bin/arazzo ")[2]
    result = arazzo(*shlex.split(command))
    assert result.status == 0
    assert timeless(result.err + result.out) == timeless(block("its output"))


def test_the_commands_stand_on_the_first_screen() -> None:
    head = README.splitlines()[:45]
    assert "<!-- main job -->" in head
    assert "<!-- tests -->" in head


def test_the_python_example_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    exec(compile(block("python"), "README.md", "exec"), {})  # noqa: S102 - the example itself is what is tested
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "RunStarted"
    assert printed[-1] == "https://my-gpt2.us-east-1.aws.endpoints.huggingface.cloud"


def test_every_verb_is_in_the_readme() -> None:
    from arazzo_runner.cli.main import VERBS

    for verb in VERBS:
        assert f"`arazzo {verb}" in README


def test_the_contract_tests_print_what_the_readme_shows(arazzo: Arazzo) -> None:
    result = arazzo("test", "-k", "becomes-running")
    assert result.status == 0
    assert timeless(result.err) == timeless(block("test output"))


def test_the_pytest_configuration_is_the_one_of_this_project() -> None:
    shown = tomllib.loads(block("pytest"))["tool"]["pytest"]["ini_options"]
    own = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]
    assert shown.items() <= own.items()


def test_the_pytest_example_passes(tmp_path: Path) -> None:
    test = tmp_path / "test_example.py"
    test.write_text(block("pytest test"), "utf-8")
    words = ["--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider", "-q", str(test)]
    done = subprocess.run([sys.executable, "-m", "pytest", *words], capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout


def test_the_github_workflow_calls_what_there_is(arazzo: Arazzo) -> None:
    workflow = yaml.safe_load(block("github"))
    runs = [step["run"] for step in workflow["jobs"]["contracts"]["steps"] if "run" in step]
    for command in runs[1:]:
        assert arazzo(*shlex.split(command)[1:]).status == 0
