"""The documentation: generated pages are current, and links lead somewhere."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

import arazzo_runner
from tests.support.repository import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["command-line.md", "rules.md", "reports.md", "python-api.md"])
def test_a_generated_page_is_current(name: str) -> None:
    written = (ROOT / "docs" / "reference" / name).read_text("utf-8")
    assert written == generator().PAGES[name](), "run: python docs/generate.py"


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(FENCED.sub("", page.read_text("utf-8"))):
        path, _, fragment = target.partition("#")
        if ":" in path:
            continue  # the web is not asked
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if fragment and there.suffix == ".md":
            assert fragment in anchors(there), target


def test_every_page_is_linked_from_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").as_posix()
        assert name == "README.md" or f"]({name})" in index, name


def test_only_pages_of_the_repository_are_cited() -> None:
    named = re.compile(r"\b[\w./-]+\.md\b")
    known = {page.name for page in PAGES}
    for path in sorted((ROOT / "arazzo_runner").rglob("*.py")):
        for name in named.findall(path.read_text("utf-8")):
            assert Path(name).name in known, f"{path}: {name}"


def test_the_tests_that_the_security_page_names_exist() -> None:
    paths = re.findall(r"`([\w/]+\.py)`", (ROOT / "docs" / "security.md").read_text("utf-8"))
    assert len(paths) > 10
    for path in paths:
        assert (ROOT / "tests" / path).exists(), path


def test_the_reference_describes_everything_public() -> None:
    page = (ROOT / "docs" / "reference" / "python-api.md").read_text("utf-8")
    for name in arazzo_runner.__all__:
        assert f"### `{name}`" in page or f"`{name}`" in page.partition("## Opaque types")[2], name


def test_the_code_of_the_page_on_python_is_python_and_names_what_there_is() -> None:
    text = (ROOT / "docs" / "from-python.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 4
    for block in blocks:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module == "arazzo_runner":
                assert {alias.name for alias in node.names} <= set(arazzo_runner.__all__)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                kinds = {"runner": arazzo_runner.Runner, "report": arazzo_runner.report, "row": arazzo_runner.RowResult}
                if node.value.id in kinds:
                    assert hasattr(kinds[node.value.id], node.attr), node.attr
