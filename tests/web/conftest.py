"""The browser of the tests of pages: of one module, since the loop that drives it is in the way of others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser; without one its tests are skipped."""
    with chromium() as started:
        yield started
