"""``--check``: what the contract says of a run, wherever it is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Arazzo
from tests.support.api import Answer, Asked, api, description, project, workflow

SCHEMA = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
ITEMS: dict[str, Any] = {
    "/items": {
        "get": {
            "operationId": "list",
            "parameters": [
                {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1}},
                {"name": "q", "in": "query", "schema": {"type": "string", "pattern": "(?<broken"}},
            ],
            "responses": {
                "200": {"description": "ok", "content": {"application/json": {"schema": SCHEMA}}},
                "400": {"description": "no"},
            },
        }
    }
}


def step(limit: int, name: str = "s", **more: Any) -> dict[str, Any]:
    return {
        "stepId": name,
        "operationId": "list",
        "parameters": [{"name": "limit", "in": "query", "value": limit}],
        **more,
    }


def test_a_run_that_fails_by_contract_is_red_everywhere_and_shows_all_its_breaches(
    arazzo: Arazzo, tmp_path: Path
) -> None:
    with api(lambda _: Answer(data={"id": "x"})) as server:
        document = project(tmp_path, description(server.url, ITEMS), workflow([step(0), step(0, "t")]))
        page, report = tmp_path / "r.html", tmp_path / "r.json"
        words = ["--check", "error", "--report", f"html={page}", "--report", f"json={report}"]
        result = arazzo("run", document, *words)
    assert result.status == 1
    assert "✗ s " in result.err
    assert "✗ t " in result.err
    assert "✓" not in result.err
    reason = json.loads(report.read_text("utf-8"))["reason"]
    assert reason["code"] == "contract"
    for name in ("s", "t"):
        for breach in ("query parameter limit: 0 is less than 1", 'body /id: "x" is not of type integer'):
            assert breach in reason["message"]
        assert f"step {name}: " in f"step s: {reason['message']}"
    html = page.read_text("utf-8")
    assert html.count('class="attempt failed ') == 2
    assert 'class="attempt succeeded"' not in html
    assert html.count('class="bar failed"') == 2
    assert "step failed" in html
    assert "step succeeded" not in html


def test_breaches_that_only_warn_leave_the_run_green(arazzo: Arazzo, tmp_path: Path) -> None:
    with api(lambda _: Answer(data={"id": "x"})) as server:
        document = project(tmp_path, description(server.url, ITEMS), workflow([step(1)]))
        result = arazzo("run", document, "--check", "warn")
    assert result.status == 0
    assert "✓ s " in result.err
    assert "contract: response body /id" in result.err


def test_the_request_that_an_api_refuses_is_explained(arazzo: Arazzo, tmp_path: Path) -> None:
    with api(lambda _: Answer(400)) as server:
        document = project(
            tmp_path,
            description(server.url, ITEMS),
            workflow([step(0, successCriteria=[{"condition": "$statusCode == 400"}])]),
        )
        result = arazzo("run", document, "--check", "error")
    assert result.status == 0
    assert "contract (request): query parameter limit: 0 is less than 1" in result.err
    assert "✓ s " in result.err


@pytest.mark.parametrize(("level", "limit", "status"), [("error", 0, 1), ("warn", 0, 0), ("error", 1, 0)])
def test_a_dry_run_judges_its_first_request(
    arazzo: Arazzo, tmp_path: Path, level: str, limit: int, status: int
) -> None:
    with api() as server:
        document = project(tmp_path, description(server.url, ITEMS), workflow([step(limit)]))
        result = arazzo("run", document, "--dry-run", "--check", level)
        as_json = arazzo("run", document, "--dry-run", "--check", level, "--json")
        assert server.asked == []
    assert (result.status, as_json.status) == (status, status)
    found = ["contract: request query parameter limit: 0 is less than 1"] if limit == 0 else []
    assert json.loads(as_json.out)["contract"] == found
    assert ("0 is less than 1" in result.err) is (limit == 0)


def test_what_cannot_be_judged_is_counted_as_not_judged(arazzo: Arazzo, tmp_path: Path) -> None:
    def answer(_: Asked) -> Answer:
        return Answer(data={"id": 1})

    unjudged = {"name": "q", "in": "query", "value": "x"}
    asked = {"stepId": "s", "operationId": "list", "parameters": [unjudged]}
    with api(answer) as server:
        document = project(tmp_path, description(server.url, ITEMS), workflow([asked]))
        result = arazzo("run", document, "--check", "error")
        cassettes = str(tmp_path / "cassettes")
        recorded = arazzo("record", document, "--case", "c", "--cassettes", cassettes)
    assert (result.status, recorded.status) == (0, 0)
    assert "the request query parameter q of list cannot be judged" in result.err
    assert "1 request · 1 not judged" in result.err
    tested = arazzo("test", cassettes)
    assert tested.status == 0
    assert "1 passed, 1 part of exchanges not judged" in tested.err
    assert "not judged: the request query parameter q of list" in tested.err
