"""A durable run whose process is killed at every point of its journal, and resumed: nothing twice, none lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Arazzo, Result
from tests.servers.inference_endpoints import InferenceEndpointsEmulator
from tests.servers.secured import CLIENT, SecuredApi
from tests.support.repository import ROOT

pytestmark = [pytest.mark.usefixtures("journal"), pytest.mark.slow, pytest.mark.network]

TOKEN = "hf_ThisIsTheSecretOfTheTests"
POINTS = ("before", "after")


@dataclass(frozen=True)
class Change:
    """A request that asks for a change, as a server saw it, and its answer."""

    what: str
    body: Any
    status: int
    answer: bytes


@dataclass
class Scene:
    """A workflow on a server.

    Attributes:
        words: of ``arazzo run``, without ``--durable``.
        changes: what the server saw so far.
        reset: makes the server forget.
    """

    words: Sequence[str]
    changes: Callable[[], list[Change]]
    reset: Callable[[], None]
    environment: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Scene]:
    """The deployment workflow against its emulator."""
    token = tmp_path / "token.txt"
    token.write_text(f"{TOKEN}\n", "utf-8")
    inputs = ["namespace=acme", "name=my-gpt2", "repository=gpt2", "instanceType=intel-icl", "instanceSize=x1"]
    with InferenceEndpointsEmulator(token=TOKEN, public_url="https://endpoint.example") as emulator:
        words = ["deploy-inference-endpoint", "--server", emulator.url, "--poll-interval", "0.05"]
        words += [word for item in (*inputs, f"hfToken=@{token}") for word in ("-i", item)]

        def changes() -> list[Change]:
            return [
                Change(f"{e.method} {e.path}", e.body, e.status, json.dumps(e.answer).encode())
                for e in emulator.requests
                if e.method != "GET"
            ]

        def reset() -> None:
            emulator.requests.clear()
            emulator.deployments.clear()

        yield Scene(words, changes, reset)


@pytest.fixture
def orders(tmp_path: Path) -> Iterator[Scene]:
    """Retries, nested workflows and OAuth: an order is refused twice before it is taken, then shipped by a workflow."""
    with SecuredApi(busy=2) as api:
        write_orders(tmp_path, api)
        words = [str(tmp_path / "orders.json"), "main", "--server", api.url, "--auth", "auth=env:TEST_CLIENT"]

        def changes() -> list[Change]:
            return [Change(f"{m} {path}", body, status, answer) for m, path, body, status, answer in api.changes]

        yield Scene(words, changes, api.changes.clear, {"TEST_CLIENT": ":".join(CLIENT)})


def write_orders(directory: Path, api: SecuredApi) -> None:
    responses = {"201": {"description": "made", "content": {"application/json": {}}}}
    made = {"security": [{"auth": ["read"]}], "responses": responses}
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
    flow = {"tokenUrl": f"{api.url}/token", "scopes": {"read": ""}}
    description = {
        "openapi": "3.1.0",
        "info": {"title": "Orders", "version": "1"},
        "paths": {
            "/orders": {"post": {"operationId": "order", **made}},
            "/orders/{name}/shipments": {"post": {"operationId": "ship", "parameters": [name], **made}},
            "/items": {"get": {"operationId": "items", **made}},
        },
        "components": {"securitySchemes": {"auth": {"type": "oauth2", "flows": {"clientCredentials": flow}}}},
    }
    created = [{"condition": "$statusCode == 201"}]
    retry = {"name": "busy", "type": "retry", "retryAfter": 0.05, "retryLimit": 3}
    order = {"stepId": "order", "operationId": "order", "successCriteria": created, "onFailure": [retry]}
    ship = {
        "stepId": "ship",
        "operationId": "ship",
        "parameters": [{"name": "name", "in": "path", "value": "$inputs.order"}],
        "successCriteria": created,
        "outputs": {"shipped": "$response.body#/shipped"},
    }
    nested = {"stepId": "send", "workflowId": "shipping", "outputs": {"shipped": "$outputs.shipped"}}
    arazzo = {
        "arazzo": "1.0.1",
        "info": {"title": "Orders", "version": "1"},
        "sourceDescriptions": [{"name": "api", "url": "api.json", "type": "openapi"}],
        "workflows": [
            {
                "workflowId": "main",
                "steps": [
                    {**order, "outputs": {"id": "$response.body#/id"}},
                    {**nested, "parameters": [{"name": "order", "value": "$steps.order.outputs.id"}]},
                ],
                "outputs": {"order": "$steps.order.outputs.id", "shipped": "$steps.send.outputs.shipped"},
            },
            {
                "workflowId": "shipping",
                "inputs": {"type": "object", "properties": {"order": {"type": "string"}}},
                "steps": [{"stepId": "items", "operationId": "items"}, ship],
                "outputs": {"shipped": "$steps.ship.outputs.shipped"},
            },
        ],
    }
    (directory / "api.json").write_text(json.dumps(description), "utf-8")
    (directory / "orders.json").write_text(json.dumps(arazzo), "utf-8")


@pytest.mark.parametrize("name", ["deployment", "orders"])
def test_a_run_killed_at_any_point_ends_as_if_it_had_not_been(
    name: str, request: pytest.FixtureRequest, arazzo: Arazzo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene: Scene = request.getfixturevalue(name)
    for variable, value in scene.environment.items():
        monkeypatch.setenv(variable, value)
    whole = arazzo("run", *scene.words)
    assert whole.status == 0, whole.err
    expected = [(change.what, change.body, change.status) for change in scene.changes()]
    assert expected
    attempts = steps_of(arazzo("run", *again(scene), "--json"))

    points = 0
    decided: set[str] = set()
    for number in range(1, 100):
        for when in POINTS:
            scene.reset()
            for file in Path(os.environ["ARAZZO_JOURNAL"]).parent.glob("journal.db*"):
                file.unlink()
            if crash(when, number, scene.words) == 0:
                assert points >= 2 * len(attempts)
                assert decided == {"", "--resend", "--skip"}
                return
            points += 1
            result, decision = taken_up(arazzo, scene, tmp_path)
            decided.add(decision)
            where = f"killed {when} write {number}"
            assert result.status == 0, f"{where}: {result.err}"
            assert json.loads(result.out) == json.loads(whole.out), where
            seen = [(change.what, change.body, change.status) for change in scene.changes()]
            assert seen == expected, where
            (run,) = json.loads(arazzo("runs", "--json").out)
            assert steps_of(arazzo("runs", "show", run["runId"], "--json")) == attempts, where
    pytest.fail("the run never came to its end")


def crash(when: str, number: int, words: Sequence[str]) -> int:
    """Run in another process that kills itself there; its exit status."""
    command = [sys.executable, "-m", "tests.support.crashing", when, str(number), "run", *words, "--durable"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in (0, -9), done.stderr
    return done.returncode


def again(scene: Scene) -> Sequence[str]:
    """The words of a scene, its server as if nothing had been sent."""
    scene.reset()
    return scene.words


def steps_of(result: Result) -> list[tuple[str, int, str]]:
    """The attempts of a report, repeated polls as one: one whose answer was lost is sent again, and counts."""
    steps = [(step["stepId"], step["attempt"], step["status"]) for step in json.loads(result.out)["steps"]]
    return [step for step, _ in groupby(steps)]


def taken_up(arazzo: Arazzo, scene: Scene, tmp_path: Path) -> tuple[Result, str]:
    """Go on with the run, or begin it when it was not kept yet; also what had to be decided about its request."""
    listed = arazzo("runs", "--json")
    runs = json.loads(listed.out) if listed.status == 0 else []
    if not runs:
        assert not scene.changes(), "something was sent before anything was kept"
        return arazzo("run", *scene.words, "--durable"), ""
    (run,) = runs
    if run["status"] == "succeeded":
        return printed_again(arazzo, run["runId"]), ""
    assert run["status"] == "stopped"
    result = arazzo("resume", run["runId"])
    if "ambiguous-request" not in result.err:
        return result, ""
    assert result.status == 1
    assert "Authorization: [redacted]" in result.err
    # What a person does: look at the server, and say what was found.
    report = json.loads(arazzo("runs", "show", run["runId"], "--json").out)
    known = sum(step["request"] is not None and step["request"]["method"] != "GET" for step in report["steps"])
    if len(scene.changes()) == known:
        return arazzo("resume", run["runId"], "--resend"), "--resend"
    (lost,) = scene.changes()[known:]
    body = tmp_path / "answer.json"
    body.write_bytes(lost.answer)
    return arazzo("resume", run["runId"], "--skip", f"{lost.status}=@{body}"), "--skip"


def printed_again(arazzo: Arazzo, run_id: str) -> Result:
    """The outputs of a run that had ended before its process was killed."""
    shown = arazzo("runs", "show", run_id, "--json")
    return Result(shown.status, json.dumps(json.loads(shown.out)["outputs"]), shown.err)
