"""Every code block of the README and of docs/ is carried out, or says why it is not."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pages import ELSEWHERE, blocks, carry_out, name_of, pages, timeless
from tests.support.repository import ROOT

PAGES = pages()
SESSIONS = [page for page in PAGES if any(block.role == "run" for block in blocks(page))]
ROLES = {"serve", "file", "run", "output", "not run"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_says_what_it_is(page: Path) -> None:
    for block in blocks(page):
        where = f"{name_of(page)}:{block.line}"
        assert block.role in ROLES | ELSEWHERE, where
        assert block.role not in ("not run", "file") or block.detail, where


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "tutorials" / "first-workflow" / "index.html").exists()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150


def test_every_picture_is_there_and_is_one() -> None:
    for page in PAGES:
        for name in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text("utf-8")):
            picture = (page.parent / name).read_bytes()
            assert picture.startswith((b"<svg ", b"\x89PNG")), f"{name_of(page)}: {name}"


def test_the_cast_ends_as_the_readme_says() -> None:
    cast = (ROOT / "docs" / "images" / "run.svg").read_text("utf-8")
    last = re.findall(r"<text [^>]*>(.*?)</text>", cast.rpartition("<g ")[2])
    lines = [" ".join(html.unescape("".join(re.findall(r"<tspan[^>]*>(.*?)</tspan>", line))).split()) for line in last]
    assert "deploy-inference-endpoint" in lines
    assert any(line.startswith("✓ createEndpoint POST /endpoint/acme 201") for line in lines)
    assert any(line.startswith("✓ pollStatus GET /endpoint/acme/my-gpt2 try ") for line in lines)
    assert '"state": "running",' in lines


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("page", SESSIONS, ids=name_of)
def test_a_page_does_what_it_says(page: Path) -> None:
    shown = [(block, printed) for block, printed in carry_out(page)]
    for block, printed in shown:
        assert timeless(block.text).strip() == timeless(printed).strip(), f"{name_of(page)}:{block.line}"
