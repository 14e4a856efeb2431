"""Every code block of the README and of docs/ is carried out, or says why it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pages import ELSEWHERE, blocks, carry_out, name_of, pages, timeless

PAGES = pages()
SESSIONS = [page for page in PAGES if any(block.role == "run" for block in blocks(page))]
ROLES = {"serve", "file", "run", "output", "not run"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_says_what_it_is(page: Path) -> None:
    for block in blocks(page):
        where = f"{name_of(page)}:{block.line}"
        assert block.role in ROLES | ELSEWHERE, where
        assert block.role not in ("not run", "file") or block.detail, where


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("page", SESSIONS, ids=name_of)
def test_a_page_does_what_it_says(page: Path) -> None:
    shown = [(block, printed) for block, printed in carry_out(page)]
    for block, printed in shown:
        assert timeless(block.text).strip() == timeless(printed).strip(), f"{name_of(page)}:{block.line}"
