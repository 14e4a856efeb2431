"""Type checkers of users: mypy and pyright in their strict modes, against the installed package."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repository import ROOT

HERE = Path(__file__).parent
FILES = ("public_types.py", "users_project.py")
REQUIRED = os.environ.get("ARAZZO_TEST_REQUIRE") == "all"

pytestmark = pytest.mark.slow


def pyright_command() -> str | None:
    """Where the command is: in the checkout's ``node_modules``, else on the path; None when it is not there."""
    return shutil.which("pyright", path=str(ROOT / "node_modules" / ".bin")) or shutil.which("pyright")


needs_mypy = pytest.mark.skipif(
    importlib.util.find_spec("mypy") is None and not REQUIRED, reason="mypy is not installed: pip install -e '.[dev]'"
)
needs_pyright = pytest.mark.skipif(
    pyright_command() is None and not REQUIRED,
    reason="pyright is not installed: npm install --no-save --no-package-lock pyright@1.1.411",
)


@pytest.fixture(params=FILES)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A directory that holds the one file: nothing of the checkout is beside it."""
    shutil.copy(HERE / request.param, tmp_path / request.param)
    return tmp_path


def mypy(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(project / ".cache"), *words, "."]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=400)


def pyright(project: Path) -> subprocess.CompletedProcess[str]:
    settings = {"typeCheckingMode": "strict", "pythonVersion": "3.11"}
    (project / "pyrightconfig.json").write_text(json.dumps(settings), "utf-8")
    command = pyright_command()
    assert command is not None, "pyright is not installed"
    words = [command, "--pythonpath", sys.executable, "."]
    return subprocess.run(words, cwd=project, capture_output=True, text=True, check=False, timeout=400)


@needs_mypy
def test_mypy_accepts_it_strictly(project: Path) -> None:
    done = mypy(project)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_pyright
def test_pyright_accepts_it_strictly(project: Path) -> None:
    done = pyright(project)
    assert done.returncode == 0, done.stdout + done.stderr


WRONG = """
from arazzo_runner import Runner

Runner("w.yaml", check="always")
Runner("w.yaml", client=7)
x: int = Runner("w.yaml").run().outputs
"""


@needs_mypy
def test_mypy_sees_the_types_and_not_any(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(WRONG, "utf-8")
    done = mypy(tmp_path)
    assert [f"wrong.py:{line}: error" in done.stdout for line in (4, 5, 6)] == [True] * 3, done.stdout


@needs_pyright
def test_pyright_sees_the_types_and_not_any(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(WRONG, "utf-8")
    done = pyright(tmp_path)
    assert [f"wrong.py:{line}:" in done.stdout for line in (4, 5, 6)] == [True] * 3, done.stdout


@pytest.mark.skipif(not REQUIRED, reason="asks the package registry: ARAZZO_TEST_REQUIRE=all does")
def test_a_users_project_passes_where_the_package_is_installed_as_a_wheel(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    install: list[str | Path] = [python, "-m", "pip", "install", "-q", str(ROOT), "httpx", "mypy"]
    installed = subprocess.run(install, capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stderr[-2000:]
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(HERE / "users_project.py", project)
    done = subprocess.run(
        [python, "-m", "mypy", "--strict", "."], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    command = pyright_command()
    assert command is not None, "pyright is not installed"
    (project / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}', "utf-8")
    words = [command, "--pythonpath", str(python), "."]
    checked = subprocess.run(words, cwd=project, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_users_project_has_forty_lines() -> None:
    assert len((HERE / "users_project.py").read_text("utf-8").splitlines()) in range(40, 50)
