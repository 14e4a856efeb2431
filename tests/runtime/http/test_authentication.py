"""Credentials that take an exchange (H5), against servers that others wrote."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from arazzo_runner import RunOptions, RunResult, ServerOptions, load
from arazzo_runner.engine.events import Authenticated, Event
from arazzo_runner.openapi.auth.credentials import Credential, Credentials
from arazzo_runner.runtime.cassettes.format import read_cassette
from arazzo_runner.runtime.cassettes.recording import Recording
from arazzo_runner.runtime.cassettes.replay import Replay
from arazzo_runner.runtime.http.async_transport import open_async_transport
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.http.transport import open_transport
from arazzo_runner.runtime.run.session import Session
from arazzo_runner.runtime.run.workbook import Workbook
from tests.servers.secured import CLIENT, USER, SecuredApi

pytestmark = pytest.mark.network

CLIENT_CREDENTIAL = Credential(None, *CLIENT)
SECRETS = (CLIENT[1], USER[1])


@pytest.fixture
def api() -> Iterator[SecuredApi]:
    with SecuredApi() as running:
        yield running


def document(tmp_path: Path, scheme: Mapping[str, Any], path: str = "/items", steps: int = 1) -> Workbook:
    description = {
        "openapi": "3.1.0",
        "info": {"title": "Secured", "version": "1"},
        "paths": {path: {"get": {"operationId": "read", "security": [{"auth": ["read"]}], "responses": {}}}},
        "components": {"securitySchemes": {"auth": scheme}},
    }
    arazzo = {
        "arazzo": "1.0.1",
        "info": {"title": "Read", "version": "1"},
        "sourceDescriptions": [{"name": "api", "url": "api.json", "type": "openapi"}],
        "workflows": [
            {
                "workflowId": "read",
                "steps": [
                    {
                        "stepId": f"s{index}",
                        "operationId": "read",
                        "successCriteria": [{"condition": "$statusCode == 200"}],
                        "outputs": {"body": "$response.body"},
                    }
                    for index in range(steps)
                ],
                "outputs": {"body": f"$steps.s{steps - 1}.outputs.body"},
            }
        ],
    }
    (tmp_path / "api.json").write_text(json.dumps(description), "utf-8")
    (tmp_path / "read.json").write_text(json.dumps(arazzo), "utf-8")
    return load(tmp_path / "read.json")


def session(workbook: Workbook, api: SecuredApi, credential: Credential, told: list[Event], **more: Any) -> Session:
    options = RunOptions(servers=ServerOptions({"": api.url}), credentials=Credentials({"auth": credential}), **more)
    return Session(workbook.plan(options=options), {}, [told.append])


def run(workbook: Workbook, api: SecuredApi, credential: Credential, **more: Any) -> tuple[RunResult, list[Event]]:
    told: list[Event] = []
    with open_transport(TransportOptions()) as transport:
        result = session(workbook, api, credential, told, **more).run(transport)
    shown = repr(told) + repr(result.problems)
    assert not [secret for secret in (*SECRETS, *api.tokens) if secret in shown]
    return result, told


def oauth2(api: SecuredApi, flow: str = "clientCredentials", url: str | None = None) -> dict[str, Any]:
    token_url = f"{api.url}/token" if url is None else url
    return {"type": "oauth2", "flows": {flow: {"tokenUrl": token_url, "scopes": {"read": ""}}}}


def test_client_credentials_get_one_token_for_all_steps(api: SecuredApi, tmp_path: Path) -> None:
    result, told = run(document(tmp_path, oauth2(api), steps=3), api, CLIENT_CREDENTIAL, max_steps=3)
    assert result.succeeded, result.reason
    assert api.log == ["POST /token", "GET /items", "GET /items", "GET /items"]
    assert (result.outcome.attempts, result.outcome.requests) == (3, 3)
    (exchange,) = [event for event in told if isinstance(event, Authenticated)]
    assert exchange.scheme == "auth"
    assert exchange.request.header("Authorization") == "[redacted]"


def test_a_relative_token_url_starts_from_the_server(api: SecuredApi, tmp_path: Path) -> None:
    result, _ = run(document(tmp_path, oauth2(api, url="token")), api, CLIENT_CREDENTIAL)
    assert result.succeeded, result.reason


def test_the_password_flow(api: SecuredApi, tmp_path: Path) -> None:
    credential = Credential(None, *USER, client_id=CLIENT[0], client_secret=CLIENT[1])
    result, _ = run(document(tmp_path, oauth2(api, "password")), api, credential)
    assert result.succeeded, result.reason


def test_discovery_names_the_token_endpoint(api: SecuredApi, tmp_path: Path) -> None:
    scheme = {"type": "openIdConnect", "openIdConnectUrl": f"{api.url}/.well-known/openid-configuration"}
    result, _ = run(document(tmp_path, scheme, steps=2), api, CLIENT_CREDENTIAL)
    assert result.succeeded, result.reason
    assert api.log == ["GET /.well-known/openid-configuration", "POST /token", "GET /items", "GET /items"]


def test_an_expired_token_is_fetched_anew(tmp_path: Path) -> None:
    with SecuredApi(lifetime=11) as api:  # all but used up: a token is given up ten seconds before its end
        workbook = document(tmp_path, oauth2(api), steps=2)
        told: list[Event] = []
        with open_transport(TransportOptions()) as transport:

            class Later:
                """A world in which every answer comes two seconds later than the one before."""

                passed = 0.0
                sleep = staticmethod(transport.sleep)

                def now(self) -> float:
                    return transport.now() + self.passed

                def send(self, effect: Any) -> Any:
                    self.passed += 2.0
                    answer: Any = transport.send(effect)
                    return type(answer)(answer.response, answer.at + self.passed, answer.duration)

            result = session(workbook, api, CLIENT_CREDENTIAL, told).run(Later())
        assert result.succeeded, result.reason
        assert api.log == ["POST /token", "GET /items", "POST /token", "GET /items"]


def test_a_401_renews_the_token_once(api: SecuredApi, tmp_path: Path) -> None:
    workbook = document(tmp_path, oauth2(api), steps=2)
    told: list[Event] = []

    def revoke_before_the_second(event: Event) -> None:
        told.append(event)
        if type(event).__name__ == "AttemptFinished" and len(api.log) == 2:
            api.revoke()

    options = RunOptions(servers=ServerOptions({"": api.url}), credentials=Credentials({"auth": CLIENT_CREDENTIAL}))
    with open_transport(TransportOptions()) as transport:
        result = Session(workbook.plan(options=options), {}, [revoke_before_the_second]).run(transport)
    assert result.succeeded, result.reason
    assert api.log == ["POST /token", "GET /items", "GET /items", "POST /token", "GET /items"]
    assert result.outcome.attempts == 2


def test_a_token_that_is_refused_again_fails_the_step(tmp_path: Path) -> None:
    with SecuredApi(lifetime=1) as api:
        api.tokens = {}  # what is issued goes to another table than the one that is asked
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tests.servers.secured.IssuedToken.is_revoked", lambda _: True)
            result, _ = run(document(tmp_path, oauth2(api)), api, CLIENT_CREDENTIAL)
    assert result.reason is not None
    assert result.reason.code == "step-failed"


def test_a_refused_secret_ends_the_run_with_the_servers_words(api: SecuredApi, tmp_path: Path) -> None:
    wrong = Credential(None, CLIENT[0], "not the secret at all")
    result, _ = run(document(tmp_path, oauth2(api)), api, wrong)
    assert result.reason is not None
    assert result.reason.code == "authentication"
    assert "invalid_client" in result.reason.message
    assert "--auth auth=" in result.reason.hint
    assert "not the secret" not in repr(result)


def test_a_flow_for_people_says_what_to_give_instead(api: SecuredApi, tmp_path: Path) -> None:
    scheme = {
        "type": "oauth2",
        "flows": {"authorizationCode": {"tokenUrl": "x", "authorizationUrl": "y", "scopes": {}}},
    }
    result, _ = run(document(tmp_path, scheme), api, CLIENT_CREDENTIAL)
    assert result.reason is not None
    assert (result.reason.code, api.log) == ("authentication", [])
    assert "--auth auth=TOKEN" in result.reason.hint


def test_digest_answers_the_challenge(api: SecuredApi, tmp_path: Path) -> None:
    result, _ = run(document(tmp_path, {"type": "http", "scheme": "digest"}, "/digest"), api, Credential(None, *USER))
    assert result.succeeded, result.reason
    assert result.outputs["body"] == {"user": "ann"}
    assert api.log == ["GET /digest", "GET /digest"]
    assert result.outcome.attempts == 1


def test_a_wrong_digest_password_fails_the_step(api: SecuredApi, tmp_path: Path) -> None:
    wrong = Credential(None, USER[0], "wrong password")
    result, _ = run(document(tmp_path, {"type": "http", "scheme": "digest"}, "/digest"), api, wrong)
    assert result.reason is not None
    assert result.reason.code == "step-failed"


def test_token_requests_are_recorded_masked_and_replayed(api: SecuredApi, tmp_path: Path) -> None:
    workbook = document(tmp_path, oauth2(api), steps=2)
    path = tmp_path / "cassette.yaml"
    one = session(workbook, api, CLIENT_CREDENTIAL, [])
    with open_transport(TransportOptions()) as transport, one.recorder(path) as recorder:
        recorded = one.run(Recording(transport, recorder))
    text = path.read_text("utf-8")
    assert not [secret for secret in (*SECRETS, "s3cret+of+the+client", *api.tokens) if secret in text]
    again = session(workbook, api, CLIENT_CREDENTIAL, [])
    replayed = again.run(Replay(read_cassette(path), again.redactor))
    assert replayed.succeeded, replayed.reason
    assert replayed.outputs == recorded.outputs
    assert len(read_cassette(path).interactions) == 3


def test_the_asynchronous_client_does_the_same(api: SecuredApi, tmp_path: Path) -> None:
    async def arun() -> RunResult:
        async with open_async_transport(TransportOptions()) as transport:
            return await session(document(tmp_path, oauth2(api)), api, CLIENT_CREDENTIAL, []).arun(transport)

    assert asyncio.run(arun()).succeeded
