"""``--secret`` and ``--not-secret``: what a user says about names, in runs, durable runs and cases (S1)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from arazzo_runner import RunOptions, load
from arazzo_runner.runtime.durable.setup import RunSetup
from arazzo_runner.runtime.secrets.placeholders import asked_inputs
from tests.conftest import Arazzo
from tests.support.api import Answer, Api, Asked, api, description, project, workflow

STEP = {
    "stepId": "ask",
    "operationId": "ask",
    "requestBody": {"contentType": "application/json", "payload": {"d": "$inputs.deviceId", "p": "$inputs.pinColor"}},
    "outputs": {"device": "$response.body#/d"},
}
INPUTS = {"properties": {"deviceId": {"type": "string"}, "pinColor": {"type": "string"}}}
GIVEN = ["-i", "deviceId=device-4711", "-i", "pinColor=dark-green"]


@pytest.fixture
def echo() -> Iterator[Api]:
    def answer(asked: Asked) -> Answer:
        return Answer(data=json.loads(asked.body))

    with api(answer) as running:
        yield running


@pytest.fixture
def document(echo: Api, tmp_path: Path) -> str:
    operation = {
        "operationId": "ask",
        "requestBody": {"content": {"application/json": {}}},
        "responses": {"200": {"description": "ok"}},
    }
    return project(tmp_path, description(echo.url, {"/": {"post": operation}}), workflow([STEP], inputs=INPUTS))


def test_a_name_becomes_a_secret_and_another_none(arazzo: Arazzo, document: str) -> None:
    plain = arazzo("run", document, *GIVEN, "-vv")
    assert "device-4711" in plain.err
    assert "dark-green" not in plain.err
    told = arazzo("run", document, *GIVEN, "-vv", "--secret", "device_id", "--not-secret", "pinColor")
    assert told.status == 0
    assert "device-4711" not in told.err
    assert "dark-green" in told.err


def test_a_name_that_is_said_to_be_both_is_refused(arazzo: Arazzo, document: str) -> None:
    result = arazzo("run", document, *GIVEN, "--secret", "deviceId", "--not-secret", "device-id")
    assert result.status == 2
    assert "--secret deviceId and --not-secret contradict each other" in result.err


def test_a_durable_run_asks_again_for_what_the_user_calls_a_secret(document: str) -> None:
    inputs = {"deviceId": "device-4711", "pinColor": "dark-green"}
    plan = load(document).plan(options=RunOptions(secret=("device-id",), not_secret=("pinColor",)))
    assert asked_inputs(plan, inputs) == {"deviceId"}
    kept = RunSetup("n", document, "file:///w", "main", options=plan.options).to_json()
    assert RunSetup.from_json(kept).options.secret_names == plan.options.secret_names


def test_a_case_remembers_what_the_user_calls_a_secret(arazzo: Arazzo, document: str, tmp_path: Path) -> None:
    cases = str(tmp_path / "cases")
    recorded = arazzo("record", document, *GIVEN, "--case", "one", "--cassettes", cases, "--secret", "deviceId")
    assert recorded.status == 0, recorded.err
    (file,) = Path(cases).rglob("one.yaml")
    assert "device-4711" not in file.read_text()
    assert arazzo("test", cases).status == 0
    exposed = file.read_text().replace("[redacted]", "device-4711")
    file.write_text(exposed)
    assert "holds a secret that is not masked" in arazzo("test", cases).err


@pytest.mark.parametrize("word", ["hunter2-is-my-token", "=hunter2-is-my-token", "@hunter2-is-my-token"])
def test_an_input_without_its_name_is_not_shown(arazzo: Arazzo, document: str, word: str) -> None:
    result = arazzo("run", document, "-i", word)
    assert result.status == 2
    assert "hunter2" not in result.err
    assert "is not a name=value" in result.err


def test_an_input_without_a_value_says_what_to_type(arazzo: Arazzo, document: str) -> None:
    assert "write -i deviceId=VALUE or deviceId=@FILE" in arazzo("run", document, "-i", "deviceId").err
    assert "'inputz.json' is not a name=value" in arazzo("run", document, "-i", "inputz.json").err
