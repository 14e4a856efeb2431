"""``arazzo dap``, driven by the client that the adapters of VS Code are tested with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_debug import CASE, DOCUMENT, SECRET
from tests.support.repository import ROOT

pytestmark = pytest.mark.slow
PLACES = [ROOT / "node_modules", *map(Path, filter(None, os.environ.get("NODE_PATH", "").split(os.pathsep)))]
REQUIRED = os.environ.get("ARAZZO_TEST_REQUIRE") == "all"


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """What the client saw in its sessions."""
    there = [place for place in PLACES if (place / "@vscode" / "debugadapter-testsupport").is_dir()]
    if not REQUIRED and (not there or shutil.which("node") is None):
        pytest.skip("the client is not installed: npm install --no-save @vscode/debugadapter-testsupport@1.68.0")
    given = {"python": sys.executable, "document": str(ROOT / DOCUMENT), "cassette": str(CASE), "secret": SECRET}
    done = subprocess.run(
        ["node", str(ROOT / "tests" / "cli" / "dap_client.js"), json.dumps(given)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=ROOT,
        env={**os.environ, "NODE_PATH": os.pathsep.join(map(str, there))},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_breakpoint_is_a_line(seen: dict[str, Any]) -> None:
    assert seen["line"]["reason"] == "breakpoint"
    first, second = seen["line"]["taken"]
    assert first == {"verified": True, "line": 110}
    assert second["verified"] is False
    assert (seen["at"], seen["source"]) == (110, str(ROOT / DOCUMENT))
    assert seen["line"]["capabilities"]["supportsStepBack"] is True


def test_steps_go_forth_and_back(seen: dict[str, Any]) -> None:
    assert seen["back"]["name"].startswith("createEndpoint, before the request: POST")
    assert seen["next"]["name"].startswith("pollStatus, before the request: GET")
    assert seen["in"]["name"] == "pollStatus, the answer is here, nothing is judged yet: 200"
    assert seen["reverse"] == {**seen["next"], "reason": "breakpoint"}


def test_expressions_are_evaluated_and_refused_in_words(seen: dict[str, Any]) -> None:
    assert seen["status"] == "200"
    assert seen["condition"].startswith("true\n")
    assert "is not a runtime expression" in seen["wrong"]
    assert "frobnicate is not supported" in seen["unknown"]


def test_a_log_point_says_and_does_not_stop(seen: dict[str, Any]) -> None:
    assert seen["logging"]["reason"] == "step"
    assert seen["said"].count('polls "my-gpt2" "[redacted]"\n') == 3
    assert any(line == "the run has ended: succeeded\n" for line in seen["said"])


def test_a_conditional_breakpoint_stops_where_it_holds(seen: dict[str, Any]) -> None:
    assert seen["conditional"]["reason"] == "breakpoint"
    assert seen["state"] == '"initializing"'


def test_a_variable_that_is_set_changes_the_request(seen: dict[str, Any]) -> None:
    assert (seen["changed"], seen["body"]) == ('"other"', '"other"')
    assert seen["refused"]


def test_a_failed_criterion_is_an_exception(seen: dict[str, Any]) -> None:
    assert seen["ended"].startswith("the run has ended: failed at createEndpoint")


def test_kinds_of_failure_hold_the_run_where_they_happen(seen: dict[str, Any]) -> None:
    failed, not_unmatched, unmatched, not_failed, well = seen["exceptions"]
    assert (failed["reason"], failed["name"]) == ("exception", "createEndpoint, the criteria are judged: 401, failed")
    # A failure that no actions were written down for is not one that none of them matched, and the other way round.
    assert not_unmatched["reason"] == "step"
    assert not_unmatched["name"].startswith("the run has ended: failed at createEndpoint")
    assert unmatched["reason"] == "exception"
    assert unmatched["name"].startswith("pollStatus, the action is chosen: 200, succeeded")
    assert (not_failed["reason"], not_failed["name"][:17]) == ("step", "the run has ended")
    assert (well["reason"], well["name"]) == ("step", "the run has ended: succeeded")


def test_a_breakpoint_holds_when_it_was_hit_often_enough(seen: dict[str, Any]) -> None:
    assert seen["hits"]["reason"] == "breakpoint"
    first, second = seen["hits"]["taken"]
    assert first == {"verified": True, "line": 110}
    assert second["verified"] is False
    assert "is not a hit count" in second["message"]
    assert seen["third"] == '"initializing"'
    # A place that is passed again after going back counts once.
    assert seen["once"] == {**seen["once"], "reason": "breakpoint", "line": 110}


def test_a_launch_that_cannot_be_says_why(seen: dict[str, Any]) -> None:
    assert "/nowhere.yaml" in seen["missing"]
    assert "--nope" in seen["option"]


def test_no_secret_goes_to_the_editor(seen: dict[str, Any]) -> None:
    assert seen["leaked"] is False
    (token,) = (one for one in seen["inputs"] if one["name"] == "hfToken")
    assert token["value"] == '"[redacted]"'
