"""What needs an extra says which, where it is not installed: no verb imports it before."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.repository import ROOT

WITHOUT = "import sys; sys.modules['temporalio'] = None; from arazzo_runner.__main__ import script; script()"
VERBS = ["run deploy-inference-endpoint", "resume abc", "runs", "runs show abc", "cancel abc", "worker"]


@pytest.mark.parametrize("verb", VERBS)
def test_a_cluster_needs_its_extra(verb: str) -> None:
    words = [*verb.split(), "--engine", "temporal://127.0.0.1:1"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: --engine needs the extra temporal",
        "  hint: pip install 'arazzo-workflow-runner[temporal]'",
    ]


@pytest.mark.parametrize("missing", ["mcp", "mcp_types"])
def test_tools_for_agents_need_their_extra(missing: str) -> None:
    """Also where an SDK of an older release is installed, which has no module of that name."""
    without = f"import sys; sys.modules[{missing!r}] = None; from arazzo_runner.__main__ import script; script()"
    done = subprocess.run(
        [sys.executable, "-c", without, "mcp", "workflows"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: arazzo mcp needs the extra mcp",
        "  hint: pip install 'arazzo-workflow-runner[mcp]'",
    ]
