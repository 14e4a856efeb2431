"""The documentation: generated pages are current, and links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

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


@pytest.mark.parametrize("name", ["command-line.md", "rules.md", "reports.md", "python.md"])
def test_a_generated_page_is_current(name: str) -> None:
    if name == "python.md" and sys.version_info[:2] != (3, 11):
        pytest.skip("signatures are written in another way by other releases of Python")
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
