"""``arazzo test --live``: what drifts, what is a value, and what the user may say about the runs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Arazzo
from tests.support.api import Answer, Asked, api, description, project, workflow

ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
PATHS: dict[str, Any] = {
    "/things": {"post": {"operationId": "make", "requestBody": {"content": {"application/json": {}}}}},
    "/things/{id}": {"get": {"operationId": "look", "parameters": [ID]}},
}
INPUTS = {"type": "object", "properties": {"password": {"type": "string"}}}
STEPS: list[dict[str, Any]] = [
    {
        "stepId": "make",
        "operationId": "make",
        "requestBody": {"payload": {"password": "$inputs.password"}},
        "outputs": {"id": "$response.body#/id"},
    },
    {
        "stepId": "look",
        "operationId": "look",
        "parameters": [
            {"name": "id", "in": "path", "value": "$steps.make.outputs.id"},
            {"name": "of", "in": "query", "value": "$steps.make.outputs.id"},
        ],
        "successCriteria": [{"condition": "$statusCode == 200"}],
        "onSuccess": [
            {
                "name": "again",
                "type": "goto",
                "stepId": "look",
                "criteria": [{"condition": "$response.body#/state == 'pending'"}],
            }
        ],
        "outputs": {"state": "$response.body#/state"},
    },
]


def things(prefix: str, more: dict[str, Any] | None = None, states: tuple[str, ...] = ()) -> Callable[[Asked], Answer]:
    numbers, coming = itertools.count(1), iter(states)

    def answer(asked: Asked) -> Answer:
        if asked.method == "POST":
            return Answer(data={"id": f"{prefix}{next(numbers)}", "echo": json.loads(asked.body).get("password")})
        return Answer(data={"id": asked.target, "state": next(coming, "ready"), **(more or {})})

    return answer


def recorded(arazzo: Arazzo, tmp_path: Path, *names: str) -> str:
    with api(things("a")) as server:
        document = project(
            tmp_path,
            description(server.url, PATHS),
            workflow(STEPS, inputs=INPUTS, outputs={"state": "$steps.look.outputs.state"}),
        )
        for name in names or ("c",):
            words = ["--case", name, "--cassettes", str(tmp_path / "cassettes"), "-i", "password=pw-recorded", "-q"]
            assert arazzo("record", document, *words).status == 0
    return str(tmp_path / "cassettes")


def test_ids_that_differ_are_reported_and_are_not_drift(arazzo: Arazzo, tmp_path: Path) -> None:
    cassettes = recorded(arazzo, tmp_path)
    with api(things("b")) as server:
        result = arazzo("test", cassettes, "--live", "--server", server.url, "-i", "password=pw-today")
    assert result.status == 0, result.err
    assert "the path is /things/b1, recorded /things/a1" in result.err
    assert "the query is of=b1, recorded of=a1" in result.err


def test_a_member_that_is_new_is_drift(arazzo: Arazzo, tmp_path: Path) -> None:
    cassettes = recorded(arazzo, tmp_path)
    with api(things("b", {"new": 1})) as server:
        result = arazzo("test", cassettes, "--live", "--server", server.url, "-i", "password=pw-today")
    assert result.status == 1
    assert "step look: response: the body /new is 1, recorded absent" in result.err


def test_each_case_has_its_own_secrets(arazzo: Arazzo, tmp_path: Path) -> None:
    cassettes = recorded(arazzo, tmp_path, "ann", "bob", "eve")
    (tmp_path / "bob.txt").write_text("pw-of-bob\n", "utf-8")
    secrets = tmp_path / "secrets.yaml"
    secrets.write_text(
        "'*': {password: pw-of-all}\nmain::ann: {password: pw-of-ann}\n'*::bob': {password: '@bob.txt'}\n"
    )
    with api(things("b")) as server:
        result = arazzo("test", cassettes, "--live", "--server", server.url, "--secrets", str(secrets))
        sent = [json.loads(asked.body)["password"] for asked in server.asked if asked.method == "POST"]
    assert result.status == 0, result.err
    assert sent == ["pw-of-ann", "pw-of-bob", "pw-of-all"]
    assert "pw-of" not in result.err


@pytest.mark.parametrize(
    ("content", "says"), [("[1]", "expected an object"), ("a: 1", "expected an object"), ("{", "is not JSON or YAML")]
)
def test_a_malformed_file_of_secrets_is_refused(arazzo: Arazzo, tmp_path: Path, content: str, says: str) -> None:
    cassettes = recorded(arazzo, tmp_path)
    (tmp_path / "s.yaml").write_text(content, "utf-8")
    result = arazzo("test", cassettes, "--live", "--secrets", str(tmp_path / "s.yaml"))
    assert result.status == 2
    assert says in result.err


def test_the_pace_of_live_cases_is_the_users(arazzo: Arazzo, tmp_path: Path) -> None:
    cassettes = recorded(arazzo, tmp_path)
    words = ["--live", "-i", "password=pw-today"]
    with api(things("b", states=("pending",) * 50)) as server:
        quick = arazzo("test", cassettes, *words, "--server", server.url, "--poll-interval", "0")
        assert len(server.asked) == 52
    assert quick.status == 0, quick.err
    with api(things("b", states=("pending",) * 10_000)) as server:
        ended = arazzo("test", cassettes, *words, "--server", server.url, "--timeout", "0.2")
    assert ended.status == 1
    assert "timeout" in ended.err


@pytest.mark.parametrize("how", ["--source", "--base-dir"])
def test_sources_may_be_elsewhere(arazzo: Arazzo, tmp_path: Path, how: str) -> None:
    cassettes = recorded(arazzo, tmp_path)
    moved = tmp_path / "moved"
    moved.mkdir()
    (tmp_path / "api.json").rename(moved / "api.json")
    with api(things("b")) as server:
        words = ["--live", "--server", server.url, "-i", "password=pw-today"]
        assert arazzo("test", cassettes, *words).status == 1
        place = f"api={moved / 'api.json'}" if how == "--source" else str(moved)
        result = arazzo("test", cassettes, *words, how, place)
    assert result.status == 0, result.err


@pytest.mark.parametrize("word", ["--secrets=x", "--poll-interval=0", "--timeout=1", "--source=a=b", "--base-dir=."])
def test_a_replay_refuses_what_it_has_no_use_for(arazzo: Arazzo, tmp_path: Path, word: str) -> None:
    cassettes = recorded(arazzo, tmp_path)
    result = arazzo("test", cassettes, word)
    assert result.status == 2
    assert "add --live" in result.err
