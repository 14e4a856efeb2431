"""The public API."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import arazzo_runner
from arazzo_runner import InvalidInputs, PlanError, RunFailed, Runner, RunOptions, ServerOptions, UsageError
from arazzo_runner.runtime.cassettes.format import read_cassette
from arazzo_runner.runtime.cassettes.replay import Replay
from arazzo_runner.runtime.run.session import Session
from arazzo_runner.runtime.run.workbook import load
from tests.servers.inference_endpoints import InferenceEndpointsEmulator
from tests.servers.record_cassettes import CASSETTES, SIZED, WORKFLOWS

DEPLOY = WORKFLOWS / "hugging-face-deploy-inference-endpoint-workflow.yml"
CASSETTE = CASSETTES / "deploy-inference-endpoint"


def test_a_run_gives_outputs_counts_and_events() -> None:
    events: list[arazzo_runner.Event] = []
    result = Runner(DEPLOY, listeners=[events.append]).run(inputs=SIZED, replay=CASSETTE / "becomes-running.yaml")
    assert result.raise_for_failure() is result
    assert result.outputs["state"] == "running"
    assert (result.outcome.requests, result.outcome.attempts) == (4, 4)
    assert isinstance(events[0], arazzo_runner.RunStarted)
    assert isinstance(events[-1], arazzo_runner.RunFinished)


def test_a_listener_is_called_with_the_kinds_that_it_hears_secrets_masked() -> None:
    ended: list[arazzo_runner.Event] = []
    told: list[arazzo_runner.Event] = []
    secret = {**SIZED, "hfToken": "hf_ThisIsTheSecretOfTheTests"}
    session = Session(load(DEPLOY).plan(), secret)
    session.listen(ended.append, only=(arazzo_runner.RunFinished,))
    session.listen(told.append)
    session.run(Replay(read_cassette(CASSETTE / "becomes-running.yaml"), session.redactor))
    assert ended == told[-1:]
    assert len(told) > 1
    assert secret["hfToken"] not in repr(ended)


def test_the_asynchronous_run_is_the_same() -> None:
    runner = Runner(DEPLOY)
    result = asyncio.run(runner.arun(inputs=SIZED, replay=CASSETTE / "becomes-running.yaml"))
    assert result.outputs == runner.run(inputs=SIZED, replay=CASSETTE / "becomes-running.yaml").outputs


def test_both_clients_against_a_server_and_a_recording_of_either(tmp_path: Path) -> None:
    with InferenceEndpointsEmulator(token=SIZED["hfToken"]) as emulator:
        options = RunOptions(servers=ServerOptions({"": emulator.url}), poll_interval=0.01)
        runner = Runner(DEPLOY, options=options)
        one = runner.run(inputs=SIZED, record=tmp_path / "one.yaml")
        other = asyncio.run(runner.arun(inputs={**SIZED, "name": "my-other"}, record=tmp_path / "other.yaml"))
    assert one.succeeded
    assert other.succeeded
    assert Runner(DEPLOY).run(inputs=SIZED, replay=tmp_path / "one.yaml").outputs == one.outputs
    assert "hf_" not in (tmp_path / "other.yaml").read_text("utf-8")


def test_a_failed_run_raises_when_asked() -> None:
    result = Runner(DEPLOY).run(inputs=SIZED, replay=CASSETTE / "already-exists.yaml")
    assert result.status == "failed"
    with pytest.raises(RunFailed, match="already exists") as failed:
        result.raise_for_failure()
    assert failed.value.result is result


def test_problems_say_what_is_worth_knowing() -> None:
    result = Runner(DEPLOY).run(inputs=SIZED, replay=CASSETTE / "ends-failed.yaml")
    assert any("none of its actions matched" in str(problem) for problem in result.problems)


def test_wrong_inputs_are_all_named_and_no_secret_is_shown() -> None:
    with pytest.raises(InvalidInputs) as invalid:
        Runner(DEPLOY).run(inputs={"hfToken": 12345678, "nme": "x"}, replay=CASSETTE / "becomes-running.yaml")
    text = str(invalid.value)
    assert all(name in text for name in ("hfToken", "nme", "namespace", "repository"))
    assert "12345678" not in text


def test_a_document_with_several_workflows_wants_a_name(tmp_path: Path) -> None:
    text = DEPLOY.read_text("utf-8")
    first = text.index("- workflowId")
    path = tmp_path / "two.yml"
    path.write_text(text + text[first:].replace("deploy-inference-endpoint", "again"), "utf-8")
    workbook = arazzo_runner.load(path, sources={"inferenceEndpointsApi": str(WORKFLOWS.parent / "openapi" / OPENAPI)})
    assert workbook.workflow_ids == ["deploy-inference-endpoint", "again"]
    with pytest.raises(UsageError, match="has 2 workflows"):
        workbook.plan()
    assert workbook.plan("again").workflow.workflow_id == "again"
    with pytest.raises(arazzo_runner.ArazzoError, match="no workflow 'agian'"):
        workbook.plan("agian")


OPENAPI = "hugging-face-inference-endpoints-api.yml"


def test_a_dead_source_says_what_to_type(tmp_path: Path) -> None:
    path = tmp_path / "w.yml"
    path.write_bytes(DEPLOY.read_bytes())
    with pytest.raises(PlanError) as refused:
        arazzo_runner.load(path).plan()
    assert "--source inferenceEndpointsApi=" in refused.value.problems[0].hint


def test_a_state_of_another_plan_is_refused() -> None:
    plan = arazzo_runner.load(DEPLOY).plan()
    other = arazzo_runner.load(DEPLOY).plan(options=RunOptions(max_steps=5))
    turn = arazzo_runner.start(plan, SIZED, at=0.0)
    with pytest.raises(arazzo_runner.InvalidState, match="other documents or options"):
        arazzo_runner.advance(other, turn.state, answer())
    for text in ("", "[]", '{"format": "arazzo-state/0"}', turn.state.to_json().replace('"phase"', '"fase"')):
        with pytest.raises(arazzo_runner.InvalidState):
            arazzo_runner.RunState.from_json(text)


def answer() -> arazzo_runner.Answered:
    return arazzo_runner.Answered(arazzo_runner.Response(200), at=1.0)
