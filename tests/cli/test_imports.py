"""What each verb loads, so that start-up cannot rot: ``imports.json`` says what it may, and how much.

A verb that loads more fails here with the names; when it has to, write them there. Counts have a margin of a twentieth,
since other releases of the libraries have other modules. Our packages are not counted: they hold a docstring.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.http_server import answering
from tests.support.repository import ROOT

BUDGETS: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("imports.json").read_text("utf-8"))
HEAVY = frozenset({"asyncio", "concurrent", "difflib", "email", "sqlite3", "unittest", "urllib.request", "xml"})
"""What of the standard library takes milliseconds to load."""
MARGIN = 1.05

LOADED = """\
import json, sys
from arazzo_runner.cli.main import main
sys.argv = ["arazzo", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    status = end.code
loaded = sorted(
    name for name, module in sys.modules.items()
    if not (name.startswith("arazzo_runner.") and hasattr(module, "__path__"))
)
sys.stderr.write("\\n" + json.dumps({"status": status, "loaded": loaded}))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with a workflow of one step, in JSON and in YAML, a case and a run of it, and a server for it."""
    directory = tmp_path_factory.mktemp("project")
    with answering(b"{}", "application/json") as url:
        operation = {"operationId": "getItem", "responses": {"200": {"description": "there"}}}
        description = {
            "openapi": "3.1.0",
            "info": {"title": "items", "version": "1"},
            "servers": [{"url": url}],
            "paths": {"/item": {"get": operation}},
        }
        step = {"stepId": "read", "operationId": "getItem", "successCriteria": [{"condition": "$statusCode == 200"}]}
        arazzo = {
            "arazzo": "1.0.1",
            "info": {"title": "items", "version": "1"},
            "sourceDescriptions": [{"name": "api", "url": "api.json", "type": "openapi"}],
            "workflows": [{"workflowId": "one", "steps": [step]}],
        }
        directory.joinpath("api.json").write_text(json.dumps(description), "utf-8")
        directory.joinpath("one.json").write_text(json.dumps(arazzo), "utf-8")
        directory.joinpath("one.yaml").write_text(f"# YAML\n{json.dumps(arazzo)}", "utf-8")
        directory.joinpath("rows.jsonl").write_text("{}\n{}\n", "utf-8")
        directory.joinpath("commands.txt").write_text("continue\n", "utf-8")
        loaded(["record", "one.json", "--case", "kept"], directory)
        loaded(["run", "one.json", "--durable", "--journal", "j.db", "--journal-key", "j.key"], directory)
        yield directory


def loaded(words: list[str], directory: Path) -> set[str]:
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment |= {"ARAZZO_NO_CACHE": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    found = json.loads(done.stderr.splitlines()[-1])
    assert not found["status"], done.stderr
    return set(found["loaded"])


@pytest.mark.parametrize("verb", BUDGETS)
def test_a_verb_loads_what_it_may(verb: str, project: Path) -> None:
    budget = BUDGETS[verb]
    modules = loaded(budget["words"], project)
    ours = {name for name in modules if name.partition(".")[0] == "arazzo_runner"}
    foreign = {name for name in modules if name.partition(".")[0] not in {*sys.stdlib_module_names, "arazzo_runner"}}
    packages = {name.partition(".")[0] for name in foreign if not name.startswith("_")} - {"cython_runtime"}
    assert packages <= set(budget["libraries"])
    assert modules & HEAVY <= set(budget["heavy"])
    assert len(ours) <= budget["ours"] * MARGIN, sorted(ours)
    assert len(foreign) <= budget["foreign"] * MARGIN, sorted(foreign)


def test_a_module_that_is_loaded_is_seen(project: Path) -> None:
    assert "yaml" in loaded(["run", "one.yaml", "-q"], project)
