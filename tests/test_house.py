"""The tools that hold the house together: lint, format, types and the import contracts, as tests."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import arazzo_runner
from tests.support.repository import ROOT

pytestmark = pytest.mark.house

REQUIRED = os.environ.get("ARAZZO_TEST_REQUIRE") == "all"


def run(module: str, *words: str) -> None:
    """Run a tool of this environment; skip when it is not installed."""
    if importlib.util.find_spec(module) is None and not REQUIRED:
        pytest.skip(f"{module} is not installed: pip install -e '.[dev]'")
    program = Path(sys.executable).with_name(words[0])
    done = subprocess.run([program, *words[1:]], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_lint() -> None:
    run("ruff", "ruff", "check", ".")


def test_format() -> None:
    run("ruff", "ruff", "format", "--check", ".")


def test_types() -> None:
    run("mypy", "mypy")


def test_types_of_the_tests() -> None:
    run("mypy", "mypy", "--explicit-package-bases", "tests")


def test_import_contracts() -> None:
    run("importlinter", "lint-imports")


def test_every_public_name_is_there_and_documented() -> None:
    for name in arazzo_runner.__all__:
        value = getattr(arazzo_runner, name)
        is_alias = not isinstance(value, type) and not inspect.isfunction(value)
        assert is_alias or value.__doc__, name
    assert sorted(arazzo_runner.__all__) == list(arazzo_runner.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(arazzo_runner, "nothing")  # noqa: B009 - the type checker knows that it is not there


def test_modules_stay_small() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "arazzo_runner").rglob("*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > 400
    }
    assert not long


def test_no_public_class_name_means_two_things() -> None:
    modules: dict[str, list[str]] = {}
    for path in sorted((ROOT / "arazzo_runner").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: places for name, places in modules.items() if len(places) > 1} == {}


def test_docstrings_begin_with_a_verb_or_a_noun_phrase() -> None:
    vague = re.compile(r"(What|Whether|How|Which|Where|Who|When)\b")
    found = [
        f"{path.relative_to(ROOT)}: {text.splitlines()[0]}"
        for path in sorted((ROOT / "arazzo_runner").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and (text := ast.get_docstring(node))
        and vague.match(text)
    ]
    assert not found
