"""The pytest plugin, in projects that only install the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.contract_cases import edit, record

TEST = """
from arazzo_runner import RunOptions

INPUTS = {"password": "pw-1", "id": 7}


def test_by_hand(arazzo_runner, arazzo_cassette):
    result = arazzo_runner(
        "workflows/things.arazzo.yaml", "fetch", INPUTS, replay=arazzo_cassette("fetch/usual"), options=RunOptions()
    )
    assert result.raise_for_failure().outputs["made"] == "2026-01-01T00:00:00Z"


def test_of_no_cassette(arazzo_cassette):
    arazzo_cassette("fetch/usal")
"""


def run_pytest(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # Whatever this test runs under must not reach into the project's own run.
    command = [sys.executable, "-I", "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:cov", *words]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    record(tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n", "utf-8")
    return tmp_path


def test_cases_are_items_by_workflow_and_case(project: Path) -> None:
    done = run_pytest(project, "--arazzo", "cassettes", "-v")
    assert done.returncode == 0, done.stdout
    assert "cassettes/fetch/usual.yaml::fetch::usual PASSED" in done.stdout
    chosen = run_pytest(project, "cassettes/fetch/usual.yaml::fetch::usual", "--arazzo", "cassettes", "-q")
    assert "1 passed" in chosen.stdout


def test_the_configuration_may_name_the_directory(project: Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\narazzo_cases = cassettes\n", "utf-8")
    (project / "test_other.py").write_text("def test_it():\n    pass\n", "utf-8")
    assert "2 passed" in run_pytest(project, "-q").stdout
    assert "1 passed" in run_pytest(project, "-q", "test_other.py").stdout


def test_a_configured_directory_may_not_be_there_yet(project: Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\narazzo_cases = later cassettes\n", "utf-8")
    done = run_pytest(project)
    assert "1 passed" in done.stdout
    assert "warning: arazzo_cases names later, which does not exist" in done.stdout


def test_a_configured_directory_does_not_get_in_the_way_elsewhere_in_the_project(project: Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\narazzo_cases = cassettes\n", "utf-8")
    (project / "tests").mkdir()
    (project / "tests" / "test_other.py").write_text("def test_it():\n    pass\n", "utf-8")
    assert "1 passed" in run_pytest(project / "tests", "-q").stdout
    assert "2 passed" in run_pytest(project / "tests", "-q", "--arazzo", "../cassettes").stdout


def test_a_failure_is_shown_as_the_command_line_shows_it(project: Path) -> None:
    edit(project / "cassettes" / "fetch" / "usual.yaml", lambda data: data["case"].update(outputs={}))
    done = run_pytest(project, "--arazzo", "cassettes")
    assert done.returncode == 1
    assert "FAILED fetch::usual  (" in done.stdout
    assert "outputs: the outputs are not those expected" in done.stdout
    assert 'the output /made is "2026-01-01T00:00:00Z", expected absent' in done.stdout
    assert "Traceback" not in done.stdout


def test_cases_run_in_several_processes(project: Path) -> None:
    text = (project / "cassettes" / "fetch" / "usual.yaml").read_text("utf-8")
    for number in range(5):
        (project / "cassettes" / "fetch" / f"c{number}.yaml").write_text(text, "utf-8")
    done = run_pytest(project, "--arazzo", "cassettes", "-q", "-n", "2")
    assert "6 passed" in done.stdout


def test_fixtures_for_tests_written_in_python(project: Path) -> None:
    (project / "test_things.py").write_text(TEST, "utf-8")
    done = run_pytest(project, "-q")
    assert "1 failed, 1 passed" in done.stdout
    assert "there is no cassette 'fetch/usal'" in done.stdout
    assert "did you mean fetch/usual?" in done.stdout


def test_a_project_that_uses_none_of_it_imports_none_of_it(project: Path) -> None:
    (project / "test_other.py").write_text(
        "import sys\n\n\ndef test_it():\n"
        "    ours = [name for name in sys.modules if name.startswith('arazzo_runner.')]\n"
        "    assert ours == ['arazzo_runner.pytest_plugin']\n",
        "utf-8",
    )
    assert "1 passed" in run_pytest(project, "-q", "test_other.py").stdout
