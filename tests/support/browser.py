"""A browser for the pages of reports, and axe, which finds what keeps people from reading them."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.repository import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = "/usr/bin/chromium"
REQUIRED = os.environ.get("ARAZZO_TEST_REQUIRE") == "all"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser; without one the test is skipped, or fails where everything is required."""
    if not REQUIRED:
        if importlib.util.find_spec("playwright") is None:
            pytest.skip("playwright is not installed: pip install -e '.[test]'")
        if not Path(CHROMIUM).exists():
            pytest.skip(f"there is no {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


def axe_violations(browser: Browser, file: Path, *, open_all: bool, **options: Any) -> list[str]:
    """Return what axe finds on a page, a line each.

    Args:
        open_all: look at it with everything unfolded.
        options: of the browser's context.
    """
    script = axe_script()
    # The page's own policy lets nothing in, not even what looks at it.
    context = browser.new_context(bypass_csp=True, **options)
    page = context.new_page()
    page.goto(file.as_uri())
    if open_all:
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    violations = axe_of(page, script)
    context.close()
    return violations


def axe_script() -> Path:
    """Return the script of axe; without one the test is skipped, or fails where everything is required."""
    places = [ROOT / "node_modules", *map(Path, filter(None, os.environ.get("NODE_PATH", "").split(os.pathsep)))]
    script = next((found for place in places if (found := place / "axe-core" / "axe.min.js").exists()), None)
    if script is None:
        assert not REQUIRED, "axe-core is not installed"
        pytest.skip("axe-core is not installed: npm install --no-save axe-core")
    return script


def axe_of(page: Page, script: Path) -> list[str]:
    """Return what axe finds on a page as it stands, a line each. Its policy has to be bypassed."""
    page.add_script_tag(path=script)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
