"""The deployment workflow on the command line, against the emulator and from its cassettes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from arazzo_runner.reports.jsonreport import report_schema
from tests.conftest import Arazzo, Result
from tests.servers.inference_endpoints import Behaviour, InferenceEndpointsEmulator

pytestmark = pytest.mark.network

TOKEN = "hf_ThisIsTheSecretOfTheTests"
REQUIRED = ["namespace=acme", "name=my-gpt2", "repository=gpt2", f"hfToken={TOKEN}"]
SIZED = [*REQUIRED, "instanceType=intel-icl", "instanceSize=x1"]
CASSETTES = Path("cassettes/deploy-inference-endpoint")


@pytest.fixture
def emulator() -> Iterator[InferenceEndpointsEmulator]:
    with InferenceEndpointsEmulator(token=TOKEN) as running:
        yield running


def words(inputs: list[str]) -> list[str]:
    return [word for item in inputs for word in ("--input", item)]


def deploy(arazzo: Arazzo, emulator: InferenceEndpointsEmulator, inputs: list[str], *more: str) -> Result:
    server = ["--server", emulator.url, "--poll-interval", "0.01"]
    return arazzo("run", "deploy-inference-endpoint", *words(inputs), *server, *more)


def test_only_the_required_inputs_create_an_endpoint_and_print_its_url(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator
) -> None:
    emulator.require_instance = False
    result = deploy(arazzo, emulator, REQUIRED)
    assert result.status == 0, result.err
    outputs = json.loads(result.out)
    assert outputs["endpointName"] == "my-gpt2"
    assert outputs["state"] == "running"
    assert outputs["inferenceUrl"].endswith("/endpoints/my-gpt2")
    posts = [exchange for exchange in emulator.requests if exchange.method == "POST"]
    assert len(posts) == 1
    compute = posts[0].body["compute"]
    assert "instanceType" not in compute
    assert "instanceSize" not in compute
    states = [e.answer["status"]["state"] for e in emulator.requests if e.method == "GET"]
    assert states == ["pending", "initializing", "running"]
    assert "succeeded in" in result.err


def test_a_failed_endpoint_ends_the_workflow_with_a_warning(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator
) -> None:
    emulator.behaviour = Behaviour(fail=True)
    result = deploy(arazzo, emulator, SIZED)
    assert result.status == 0
    assert json.loads(result.out)["state"] == "failed"
    assert "none of its actions matched" in result.err


def test_a_name_taken_fails_with_the_criterion_the_status_and_the_servers_words(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator
) -> None:
    emulator.add("acme", "my-gpt2")
    result = deploy(arazzo, emulator, SIZED)
    assert result.status == 1
    assert "$statusCode == 201 ($statusCode is 409)" in result.err
    assert "already exists" in result.err
    assert "hugging-face-deploy-inference-endpoint-workflow.yml:100:18" in result.err
    assert json.loads(result.out) == {"endpointName": None, "state": None, "inferenceUrl": None}


def test_a_wrong_token_fails_with_the_servers_words_and_is_never_shown(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator
) -> None:
    wrong = "hf_SomebodyElsesSecretToken"
    result = deploy(arazzo, emulator, [*SIZED, f"hfToken={wrong}"], "-vv")
    assert result.status == 1
    assert "$statusCode is 401" in result.err
    assert "Invalid credentials" in result.err
    assert wrong not in result.out + result.err
    assert "Authorization: [redacted]" in result.err


def test_the_report_holds_every_attempt_and_no_secret(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, tmp_path: Path
) -> None:
    written = tmp_path / "report.json"
    result = deploy(arazzo, emulator, SIZED, "--json", "--report", f"json={written}")
    assert result.status == 0
    report = json.loads(result.out)
    for one in (report, json.loads(written.read_text("utf-8"))):
        jsonschema.Draft202012Validator(report_schema()).validate(one)
        assert [step["stepId"] for step in one["steps"]] == ["createEndpoint", *["pollStatus"] * 3]
        assert one["inputs"]["hfToken"] == "[redacted]"
        assert one["steps"][0]["action"] == {
            "name": "created",
            "type": "goto",
            "stepId": "pollStatus",
            "workflowId": None,
        }
    assert TOKEN not in result.out + result.err + written.read_text("utf-8")


def test_a_recording_holds_no_secret_and_replays(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, tmp_path: Path
) -> None:
    cassette = tmp_path / "deep" / "cassette.yaml"
    recorded = deploy(arazzo, emulator, SIZED, "--record", str(cassette))
    assert recorded.status == 0
    assert TOKEN not in cassette.read_text("utf-8")
    assert not list(cassette.parent.glob("*.part"))
    replayed = arazzo("run", "deploy-inference-endpoint", *words(SIZED), "--replay", str(cassette))
    assert (replayed.status, replayed.out) == (0, recorded.out)


@pytest.mark.parametrize(
    ("name", "status", "says"),
    [
        ("becomes-running", 0, "running · ready → end"),
        ("already-exists", 1, "already exists"),
        ("unauthorised", 1, "$statusCode is 401"),
        ("ends-failed", 0, "none of its actions matched"),
        ("slow-start", 0, "try 19"),
        ("without-instance", 1, "recorded absent"),
    ],
)
def test_each_cassette_replays_without_waiting(arazzo: Arazzo, name: str, status: int, says: str) -> None:
    result = arazzo("run", "deploy-inference-endpoint", *words(SIZED), "--replay", str(CASSETTES / f"{name}.yaml"))
    assert result.status == status
    assert says in result.err


def test_without_instance_type_and_size_the_servers_words_are_shown(arazzo: Arazzo) -> None:
    cassette = str(CASSETTES / "without-instance.yaml")
    result = arazzo("run", "deploy-inference-endpoint", *words(REQUIRED), "--replay", cassette)
    assert result.status == 1
    assert "instanceType" in result.err
    assert "$statusCode is 400" in result.err


def test_a_dry_run_shows_the_first_request_and_sends_nothing(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator
) -> None:
    result = deploy(arazzo, emulator, REQUIRED, "--dry-run")
    assert result.status == 0
    assert f"first request: POST {emulator.url}/endpoint/acme" in result.out
    assert "instanceType" not in result.out
    assert TOKEN not in result.out + result.err
    assert emulator.requests == []


def test_the_limits_end_the_run_with_its_outputs(arazzo: Arazzo, emulator: InferenceEndpointsEmulator) -> None:
    emulator.behaviour = Behaviour(polls_pending=100)
    result = deploy(arazzo, emulator, SIZED, "--max-steps", "4")
    assert result.status == 1
    assert "max-steps" in result.err
    assert json.loads(result.out)["state"] == "pending"


@pytest.mark.parametrize(
    ("workflow", "behaviour", "expected"),
    [
        ("pause-and-resume-endpoint", Behaviour(), "state"),
        ("delete-endpoint", Behaviour(polls_deleting=2), "statusCode"),
    ],
)
def test_the_other_workflows_run_too(
    arazzo: Arazzo,
    emulator: InferenceEndpointsEmulator,
    monkeypatch: pytest.MonkeyPatch,
    workflow: str,
    behaviour: Behaviour,
    expected: str,
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    emulator.behaviour = behaviour
    emulator.add("acme", "my-gpt2", state="running")
    inputs = words(["namespace=acme", "name=my-gpt2", f"hfToken={TOKEN}"])
    result = arazzo("run", workflow, *inputs, "--server", emulator.url)
    assert result.status == 0, result.err
    assert json.loads(result.out)[expected] in ("running", 404)
