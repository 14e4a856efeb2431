"""What the pages say: problems at their lines, filters, batches, files to download, errors, hostile answers."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from arazzo_runner.engine.plan import RunOptions
from arazzo_runner.runtime.durable.journal import Journal
from arazzo_runner.runtime.durable.runs import DurableRuns, Row, planned_of
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.run.workbook import load
from tests.support.notes import WORKFLOWS, Notes, step, write_notes
from tests.support.web_servers import WebProcess, until, web_process

if TYPE_CHECKING:
    import httpx2

pytestmark = pytest.mark.network

HOSTILE = '<img src=x onerror="alert(1)">'
MORE: dict[str, dict[str, Any]] = {
    "cannot-run": {"summary": "Calls what there is not.", "steps": [step("call", "noSuchOperation")]},
    "takes-all": {
        "summary": f"Shows {HOSTILE}.",
        "inputs": {
            "type": "object",
            "required": ["size", HOSTILE],
            "properties": {
                "size": {"type": "integer", "minimum": 1, "description": f"How large. {HOSTILE}"},
                "kind": {"type": "string", "enum": ["green", "black"], "default": "black"},
                "quick": {"type": "boolean"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "password": {"type": "string"},
                HOSTILE: {"type": "string"},
            },
        },
        "steps": [
            step(
                "add",
                "addNote",
                requestBody={"contentType": "application/json", "payload": "$inputs"},
                outputs={"text": "$response.body#/text"},
            )
        ],
        "outputs": {"text": "$steps.add.outputs.text"},
    },
    "twice": {
        "summary": "Reads, and reads in another workflow.",
        "steps": [
            step("first", "getNote", outputs={"gone": "$response.body#/nothing"}),
            {"stepId": "nested", "workflowId": "read-note"},
        ],
    },
}
FORM = {"input.size": "3", "input.tags": '["a"]', "input.quick": "true", f"input.{HOSTILE}": HOSTILE}


@pytest.fixture(scope="module")
def notes() -> Notes:
    return Notes(answer={"text": f"said {HOSTILE}", "id": 1, HOSTILE: HOSTILE})


@pytest.fixture(scope="module")
def server(notes: Notes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    """A server with runs of a batch in its journal."""
    directory: Path = tmp_path_factory.mktemp("pages")
    with notes.serving() as url:
        document = write_notes(directory, url, {**WORKFLOWS, **MORE})
        workbook = load(document)
        planned = planned_of(workbook, workbook.plan("read-note", RunOptions()), transport=TransportOptions())
        with Journal(directory / "journal.db") as journal, DurableRuns(journal, directory / "journal.key") as runs:
            runs.start_batch(planned, [Row({}, {}, line) for line in (1, 2, 3)])
        with web_process(directory, str(document), "--allow-run") as started:
            yield started


@pytest.fixture
def client(server: WebProcess) -> Iterator[httpx2.Client]:
    with server.client() as made:
        yield made


def ran(client: httpx2.Client, name: str, form: dict[str, str] | None = None) -> str:
    """Run a workflow to its end; return the path of its page."""
    started = client.post(f"/workflows/{name}/run", data={"action": "run", **(form or {})})
    assert started.status_code == 303, re.sub("<[^>]*>", "", started.text)
    path = started.headers["location"]
    until(lambda: "badge running" not in client.get(path).text)
    return str(path)


def test_a_workflow_that_cannot_be_run_says_why_at_its_line(client: httpx2.Client) -> None:
    assert "It cannot be run: 1 error" in client.get("/").text
    page = client.get("/workflows/cannot-run").text
    assert "there is no operation" in page
    assert 'value="run"' not in page
    shown = client.get("/workflows/cannot-run/document").text
    line = re.search(r'<tr id="line-(\d+)">(?:(?!</tr>).)*there is no operation', shown, re.DOTALL)
    assert line is not None
    assert client.post("/workflows/cannot-run/run", data={"action": "run"}).status_code == 422


def test_every_tab_of_every_workflow_opens(client: httpx2.Client) -> None:
    for name in {**WORKFLOWS, **MORE}:
        for tab in ("", "/steps", "/document", "/cases"):
            assert client.get(f"/workflows/{name}{tab}").status_code == 200


def test_a_form_is_made_from_the_schema(client: httpx2.Client) -> None:
    page = client.get("/workflows/takes-all").text
    assert re.search(
        r'<select[^>]*name="input.kind"[^>]*>\s*<option value="">.*<option value="black" selected>', page, re.DOTALL
    ) or ('<option value="black" selected>black</option>' in page)
    assert re.search(r'name="input.password" type="password" autocomplete="off"', page)
    assert '<textarea id="input-tags" name="input.tags"' in page
    assert "whole number, from 1" in page


def test_what_was_typed_is_sent_by_its_type(client: httpx2.Client, notes: Notes) -> None:
    path = ran(client, "takes-all", FORM)
    report = client.get(f"{path}/report.json").json()
    assert report["status"] == "succeeded"
    assert report["inputs"] == {"size": 3, "tags": ["a"], "quick": True, "kind": "black", HOSTILE: HOSTILE}
    archive = client.get(f"{path}/archive.har")
    assert archive.headers["content-disposition"].startswith("attachment")
    assert archive.json()["log"]["entries"][0]["request"]["method"] == "POST"


def test_wrong_values_are_named_and_nothing_is_sent(client: httpx2.Client, notes: Notes) -> None:
    before = len(notes.requests)
    answer = client.post(
        "/workflows/takes-all/run", data={"action": "run", "input.size": "0", "input.password": "pw-typed-1"}
    )
    assert answer.status_code == 422
    text = html.unescape(answer.text)
    assert "size" in text
    assert f"{HOSTILE}" in text
    assert "pw-typed-1" not in text
    assert len(notes.requests) == before


def test_nothing_of_an_answer_or_document_is_markup(client: httpx2.Client) -> None:
    path = ran(client, "takes-all", FORM)
    pages = [path, f"{path}/attempts/1", f"{path}/attempts/1/reasons", "/", "/runs", f"{path}/explain"]
    pages += [f"/workflows/takes-all{tab}" for tab in ("", "/steps", "/document")]
    pages.append(f"/workflows/takes-all?again={path.rpartition('/')[2]}")
    for page in pages:
        text = client.get(page).text
        assert "<img" not in text, page
    explained = client.post(f"{path}/explain", data={"attempt": "1", "expression": HOSTILE})
    assert "<img" not in explained.text
    assert explained.status_code == 422
    with client.stream("GET", f"{path}/live?known=0") as stream:
        first = next(line for line in stream.iter_lines() if line.startswith("data:"))
    assert "<img" not in json.dumps(json.loads(first[5:]))


def test_nested_workflows_and_warnings_are_on_the_page(client: httpx2.Client) -> None:
    path = ran(client, "twice")
    until(lambda: "Warning:" in client.get(path).text)
    page = html.unescape(client.get(path).text)
    assert "workflow <b>read-note</b> begins" in page
    assert "has no value" in page
    reasons = html.unescape(client.get(f"{path}/attempts/1/reasons").text)
    assert "The output gone has no value" in reasons
    for number in (1, 2, 3):
        assert client.get(f"{path}/attempts/{number}").status_code == 200


def test_runs_are_filtered_and_batches_show_their_progress(client: httpx2.Client) -> None:
    ran(client, "read-note")
    everything = client.get("/runs").text
    batch = re.search(r'href="/runs\?batch=(\w+)"', everything)
    assert batch is not None
    assert "0 of 3 over" in everything
    assert "3 runs" in client.get("/runs", params={"batch": batch[1]}).text
    assert "3 runs" in client.get("/runs", params={"status": "stopped"}).text
    succeeded = client.get("/runs", params={"status": "succeeded", "workflow": "read-note", "since": "hour"}).text
    assert re.search(r"[1-9] runs?\b", succeeded)
    assert "badge stopped" not in succeeded
    assert "0 runs" in client.get("/runs", params={"workflow": "nothing"}).text
    assert client.get("/runs", params={"page": "7", "status": HOSTILE, "since": "x"}).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/runs/nothing", 404),
        ("/runs/nothing/report.json", 404),
        ("/workflows/nothing", 404),
        ("/workflows/read-note/nothing", 404),
        ("/cases/nothing", 404),
        ("/nothing", 404),
        ("/runs/nothing/attempts/1", 404),
    ],
)
def test_what_there_is_not_is_said_in_words(client: httpx2.Client, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert "That did not work" in answer.text
    assert "Traceback" not in answer.text


def test_a_run_that_has_ended_is_neither_held_nor_cancelled(client: httpx2.Client) -> None:
    path = ran(client, "read-note")
    for action in ("pause", "step", "continue"):
        assert client.post(f"{path}/{action}", data={"a": "b"}).status_code == 409
    assert client.post(f"{path}/cancel", data={"a": "b"}).status_code == 404
    assert client.post(f"{path}/explode", data={"a": "b"}).status_code == 404
    assert client.post(f"{path}/branch", data={"attempt": "9"}).status_code == 409
    assert client.get(f"{path}/attempts/9").status_code == 404


def test_a_failure_is_shown_with_what_to_do(client: httpx2.Client) -> None:
    page = html.unescape(client.get(ran(client, "read-refused")).text)
    assert "step-failed" in page
    assert "$statusCode is 403" in page
    assert 'href="#attempt-1"' in page


def test_a_stream_ends_when_nothing_can_change_any_more(client: httpx2.Client) -> None:
    path = ran(client, "read-note")
    with client.stream("GET", f"{path}/live?known=0") as stream:
        lines = [line for line in stream.iter_lines() if line]
    assert lines[-2:] == ["event: end", "data: {}"]
    first = json.loads(lines[0].removeprefix("data:"))
    assert set(first["regions"]) == {"standing", "decision", "flow", "time", "ends", "inputs"}
    assert 'id="attempt-1"' in first["entries"]["html"]
