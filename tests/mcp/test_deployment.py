"""The deployment workflow by a tool call: a handle, progress, typed outputs; a server killed by -9 in between."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from tests.conftest import Arazzo
from tests.servers.inference_endpoints import Behaviour, InferenceEndpointsEmulator
from tests.support.mcp_servers import ERAS, Person, Progress, by_stdio, http_client, http_process, run, run_id_of
from tests.support.notes import Notes, write_notes
from tests.support.repository import ROOT

pytestmark = [pytest.mark.network, pytest.mark.slow]

TOKEN = "hf_ThisIsTheSecretOfTheTests"
DEPLOY = "deploy-inference-endpoint"
ARGUMENTS = {"namespace": "acme", "name": "my-gpt2", "repository": "gpt2", "idempotencyKey": "deploy gpt2"}
GIVEN = {
    "ARAZZO_INPUT_hfToken": TOKEN,
    "ARAZZO_INPUT_instanceType": "intel-icl",
    "ARAZZO_INPUT_instanceSize": "x1",
}
WORKFLOWS = str(ROOT / "workflows")
FOREVER = Behaviour(polls_pending=1_000_000)


def emulator() -> InferenceEndpointsEmulator:
    return InferenceEndpointsEmulator(token=TOKEN, public_url="https://endpoint.example", behaviour=FOREVER)


def words(api: InferenceEndpointsEmulator, wait: str) -> tuple[str, ...]:
    return (WORKFLOWS, "--server", api.url, "--poll-interval", "0.05", "--wait", wait)


def created(api: InferenceEndpointsEmulator) -> int:
    return sum(request.method == "POST" for request in api.requests)


async def polls(api: InferenceEndpointsEmulator, count: int) -> None:
    begun = len(api.requests)
    while len(api.requests) < begun + count:  # noqa: ASYNC110 - the server of the API is in another thread
        await anyio.sleep(0.01)


def let_it_run(api: InferenceEndpointsEmulator) -> None:
    api.behaviour = Behaviour()
    for deployment in api.deployments.values():
        deployment._phases = tuple(phase for phase in deployment._phases if phase.state != "pending")


async def outputs_of(client: Client, run_id: str) -> dict[str, Any]:
    while True:
        answer = await client.call_tool("await_run", {"runId": run_id})
        assert not answer.is_error, answer
        if answer.structured_content.get("status") != "running":
            return dict(answer.structured_content)


OUTPUTS = {"endpointName": "my-gpt2", "state": "running", "inferenceUrl": "https://endpoint.example"}


@pytest.mark.parametrize("era", ERAS)
def test_a_deployment_gives_a_handle_progress_and_typed_outputs(era: str, tmp_path: Path) -> None:
    async def used() -> None:
        with emulator() as api:
            async with Client(by_stdio(tmp_path, *words(api, "0.5"), **GIVEN), mode=era) as client:
                tool = next(tool for tool in (await client.list_tools()).tools if tool.name == DEPLOY)
                assert set(tool.input_schema["required"]) == {"namespace", "name", "repository"}
                progress = Progress()
                answer = await client.call_tool(DEPLOY, ARGUMENTS, progress_callback=progress)
                assert answer.structured_content["status"] == "running"
                assert progress.messages[0] == "createEndpoint: POST /endpoint/{namespace} 201 succeeded → pollStatus"
                assert len(progress.heard) > 1
                let_it_run(api)
                run_id = answer.structured_content["runId"]
                assert await outputs_of(client, run_id) == OUTPUTS
                # The call itself, repeated, gives them too, checked by the client against their types.
                assert (await client.call_tool(DEPLOY, ARGUMENTS)).structured_content == OUTPUTS
                assert created(api) == 1

    run(used)


@pytest.mark.parametrize("era", ERAS)
def test_a_server_killed_in_between_finds_the_run_and_continues_it(era: str, tmp_path: Path) -> None:
    async def used() -> None:
        with emulator() as api:
            parameters = by_stdio(tmp_path, *words(api, "0.3"), **GIVEN)
            run_id = ""
            try:
                async with Client(parameters, mode=era) as client:
                    answer = await client.call_tool(DEPLOY, ARGUMENTS)
                    run_id = answer.structured_content["runId"]
                    await polls(api, 2)
                    os.kill(int(tmp_path.joinpath("pid").read_text()), signal.SIGKILL)
            except Exception:  # noqa: BLE001 - the client says in its own way that its server has gone
                assert run_id
            async with Client(parameters, mode=era) as client:
                await polls(api, 2)  # it is continued before anybody asks for it
                let_it_run(api)
                # A repeated call is the same run.
                assert await outputs_of(client, run_id) == OUTPUTS
                again = await client.call_tool(DEPLOY, ARGUMENTS)
                assert again.structured_content == OUTPUTS
                assert run_id_of(again) == run_id
                listed = (await client.call_tool("list_runs", {})).structured_content["runs"]
                assert [entry["runId"] for entry in listed] == [run_id]
            assert created(api) == 1
            assert f"continues the run {run_id}" in tmp_path.joinpath("stderr").read_text("utf-8")

    run(used)


def test_a_server_of_http_killed_in_the_middle_of_a_call_loses_nothing(tmp_path: Path) -> None:
    """The client never had an answer: all it has is its key."""

    async def used() -> None:
        with emulator() as api:
            with http_process(tmp_path, *words(api, "60"), **GIVEN) as (url, process):
                answers = []

                async def killed() -> None:
                    await polls(api, 4)
                    process.kill()

                async def called() -> None:
                    async with http_client(url, ERAS[1]) as client:
                        answers.append(await client.call_tool(DEPLOY, ARGUMENTS))

                done = await asyncio.gather(called(), killed(), return_exceptions=True)
                assert isinstance(done[0], BaseException)
                assert answers == []
            let_it_run(api)
            with http_process(tmp_path, *words(api, "20"), **GIVEN) as (url, _):
                async with http_client(url, ERAS[1]) as client:
                    assert (await client.call_tool(DEPLOY, ARGUMENTS)).structured_content == OUTPUTS
            assert created(api) == 1

    run(used)


def test_a_client_that_leaves_ends_nothing(tmp_path: Path) -> None:
    async def used() -> None:
        with emulator() as api:
            parameters = by_stdio(tmp_path, *words(api, "0.2"), **GIVEN)
            async with Client(parameters) as client:
                run_id = (await client.call_tool(DEPLOY, ARGUMENTS)).structured_content["runId"]
            let_it_run(api)
            async with Client(parameters) as client:
                assert await outputs_of(client, run_id) == OUTPUTS
            assert created(api) == 1

    run(used)


def test_a_missing_token_says_to_the_person_where_to_put_it(tmp_path: Path) -> None:
    async def used() -> None:
        with emulator() as api:
            without = {name: value for name, value in GIVEN.items() if name != "ARAZZO_INPUT_hfToken"}
            async with Client(by_stdio(tmp_path, *words(api, "5"), **without)) as client:
                tool = next(tool for tool in (await client.list_tools()).tools if tool.name == DEPLOY)
                assert "Not ready" in (tool.description or "")
                assert "hfToken" not in json.dumps(tool.input_schema)
                refused = await client.call_tool(DEPLOY, ARGUMENTS)
                assert refused.structured_content["code"] == "needs-secret"
                assert "ARAZZO_INPUT_hfToken" in refused.structured_content["hint"]
                assert "do not ask for its value" in refused.structured_content["hint"]
                typed = await client.call_tool(DEPLOY, {**ARGUMENTS, "hfToken": "hf_typedByTheAgent"})
                assert typed.is_error
            assert api.requests == []
        told = tmp_path.joinpath("stderr").read_text("utf-8")
        assert f"{DEPLOY} needs the input hfToken: set ARAZZO_INPUT_hfToken" in told
        assert "-i hfToken=@FILE" in told
        assert f"{DEPLOY} was called" in told

    run(used)


@pytest.mark.parametrize(("action", "made"), [("accept", 1), ("decline", 0)])
def test_a_deployment_is_confirmed_by_the_person(action: str, made: int, tmp_path: Path) -> None:
    person = Person(action)

    async def used() -> None:
        with emulator() as api:
            parameters = by_stdio(tmp_path, *words(api, "0.2"), "--confirm", "writes", **GIVEN)
            async with Client(parameters, elicitation_callback=person) as client:
                await client.call_tool(DEPLOY, ARGUMENTS)
            assert created(api) == made
        assert "POST /endpoint/{namespace}" in person.asked[0]
        assert 'name = "my-gpt2"' in person.asked[0]
        assert TOKEN not in person.asked[0]
        assert "hfToken" not in person.asked[0]

    run(used)


def test_a_request_whose_answer_was_lost_is_not_sent_again_and_a_person_decides(tmp_path: Path, arazzo: Arazzo) -> None:
    notes = Notes()

    async def killed(url: str) -> str:
        parameters = by_stdio(tmp_path, str(write_notes(tmp_path, url)), "--wait", "0.1")
        run_id = ""
        try:
            async with Client(parameters) as client:
                answer = await client.call_tool("add-note", {"text": "t", "idempotencyKey": "k"})
                run_id = answer.structured_content["runId"]
                await anyio.to_thread.run_sync(notes.reached.wait)
                os.kill(int(tmp_path.joinpath("pid").read_text()), signal.SIGKILL)
        except Exception:  # noqa: BLE001 - the client says in its own way that its server has gone
            assert run_id
        return run_id

    async def asked(run_id: str) -> Any:
        parameters = by_stdio(tmp_path, str(tmp_path / "notes.arazzo.json"), "--wait", "20")
        async with Client(parameters) as client:
            return await client.call_tool("await_run", {"runId": run_id})

    with notes.serving() as url:
        notes.gate.clear()
        run_id = run(lambda: killed(url))
        notes.gate.set()
        stopped = run(lambda: asked(run_id))
        assert stopped.structured_content["code"] == "ambiguous-request"
        assert f"arazzo resume {run_id} --resend" in stopped.structured_content["hint"]
        body = tmp_path / "body.json"
        body.write_text('{"id": 9}', "utf-8")
        journal = ["--journal", str(tmp_path / "mcp.db"), "--journal-key", str(tmp_path / "mcp.key")]
        decided = arazzo("resume", run_id, "--skip", f"201=@{body}", *journal)
        assert decided.status == 0
        outputs = run(lambda: asked(run_id)).structured_content
    assert outputs == {"id": 9}
    assert notes.requests == ["POST /note"]
