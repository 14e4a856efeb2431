"""What others wrote to look at servers of the protocol: npm's inspector, and the published conformance runner."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.repository import ROOT

INSPECTOR, CONFORMANCE, NODE = "2.12.0", "0.1.16", "22.23.3"
"""The releases that the tests know; the conformance runner needs a Node of 22 or later."""

REQUIRED = os.environ.get("ARAZZO_TEST_REQUIRE") == "all"
_BIN = ROOT / "node_modules" / ".bin"


def inspector_command() -> list[str] | None:
    """The inspector's command line; None when it is not installed."""
    found = shutil.which("mcp-inspector", path=str(_BIN))
    return None if found is None else [found, "--cli"]


def conformance_command() -> list[str] | None:
    """The conformance runner; None when it is not installed."""
    runner = ROOT / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    node = ROOT / "node_modules" / "node" / "bin" / "node"
    return [str(node if node.exists() else Path("node")), str(runner)] if runner.exists() else None


def _needs(command: list[str] | None, *packages: str) -> pytest.MarkDecorator:
    install = f"npm install --no-save --no-package-lock {' '.join(packages)}"
    return pytest.mark.skipif(command is None and not REQUIRED, reason=f"not installed: {install}")


needs_inspector = _needs(inspector_command(), f"@modelcontextprotocol/inspector@{INSPECTOR}")
needs_conformance = _needs(conformance_command(), f"@modelcontextprotocol/conformance@{CONFORMANCE}", f"node@{NODE}")
