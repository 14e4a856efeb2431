"""What a workflow reaches, nested workflows too, and the annotations and offers that follow from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from arazzo_runner.mcp.tools import tools_of
from arazzo_runner.serving.offers import Terms
from tests.support.mcp_servers import catalogue_of
from tests.support.notes import WORKFLOWS, step, write_notes

HINTS = {
    "read-note": (True, False, True, True),
    "add-note": (False, False, False, True),
    "delete-note": (False, True, True, True),
    "read-through": (True, False, True, True),
    "write-through": (False, False, False, True),
    "middle": (False, False, False, True),
    "read-refused": (True, False, True, True),
}


@pytest.mark.parametrize("name", HINTS)
def test_annotations_follow_the_operations_that_are_reached(name: str, tmp_path: Path) -> None:
    catalogue = catalogue_of([write_notes(tmp_path, "http://127.0.0.1:9")])
    tool = next(tool for tool in tools_of(catalogue) if tool.name == name)
    hints = tool.annotations
    assert hints is not None
    found = (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint)
    assert found == HINTS[name]


def test_the_description_says_what_is_called_and_whether_it_changes_data(tmp_path: Path) -> None:
    catalogue = catalogue_of([write_notes(tmp_path, "http://127.0.0.1:9")])
    described = {name: offer.description for name, offer in catalogue.offers.items()}
    assert described["write-through"].endswith("Changes data. Calls POST /note.")
    assert described["read-note"].endswith("Reads only. Calls GET /note.")
    assert described["delete-note"].endswith("Deletes data. Calls DELETE /note.")
    assert described["read-note"].startswith("Read the note of the day.")


def test_read_only_offers_nothing_that_reaches_a_post_through_nested_workflows_and_actions(tmp_path: Path) -> None:
    led = step("look", "getNote", onFailure=[{"name": "mend", "type": "goto", "workflowId": "add-note"}])
    after = {"steps": [step("look", "getNote")], "dependsOn": ["delete-note"]}
    workflows = {**WORKFLOWS, "led-on": {"steps": [led]}, "after": after, "head": {"steps": [step("h", "headNote")]}}
    catalogue = catalogue_of([write_notes(tmp_path, "http://127.0.0.1:9", workflows)], Terms(read_only=True))
    assert set(catalogue.offers) == {"read-note", "read-through", "read-refused", "head"}
    tools = {tool.name for tool in tools_of(catalogue)}
    assert not tools & {"add-note", "delete-note", "write-through", "middle", "led-on", "after"}


def test_read_only_holds_for_workflows_that_are_searched(tmp_path: Path) -> None:
    catalogue = catalogue_of([write_notes(tmp_path, "http://127.0.0.1:9")], Terms(read_only=True, tools=1))
    assert catalogue.is_searched
    assert "add-note" not in [offer.name for offer in catalogue.find("write a new note", 50)]
    assert "add-note" not in catalogue.offers


@pytest.mark.parametrize(
    ("terms", "left"),
    [
        (Terms(only=("read-*",)), {"read-note", "read-through", "read-refused"}),
        (Terms(only=("*note",), exclude=("delete-*", "add-note")), {"read-note"}),
        (Terms(exclude=("*",)), set()),
    ],
)
def test_only_and_exclude_are_patterns(terms: Terms, left: set[str], tmp_path: Path) -> None:
    assert set(catalogue_of([write_notes(tmp_path, "http://127.0.0.1:9")], terms).offers) == left


def test_a_workflow_that_cannot_be_planned_is_not_offered_and_says_why(tmp_path: Path) -> None:
    workflows = {"good": WORKFLOWS["read-note"], "bad": {"steps": [step("s", "noSuchOperation")]}}
    catalogue = catalogue_of([write_notes(tmp_path, "http://127.0.0.1:9", workflows)])
    assert set(catalogue.offers) == {"good"}
    assert "noSuchOperation" in str(catalogue.refused["bad"])


def test_workflows_of_one_name_in_two_documents_and_of_a_tools_name_have_names_of_their_own(tmp_path: Path) -> None:
    for directory in ("a", "b"):
        tmp_path.joinpath(directory).mkdir()
    one = {"read-note": WORKFLOWS["read-note"], "list_runs": WORKFLOWS["read-refused"]}
    documents = [write_notes(tmp_path / name, "http://127.0.0.1:9", one) for name in ("a", "b")]
    names = [tool.name for tool in tools_of(catalogue_of(documents))]
    assert len(names) == len(set(names))
    assert "read-note" in names
    assert "notes_read-note" in names
    assert "notes_list_runs" in names
