"""Requests beyond the description: ``x-operation`` and ``x-security`` (H1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Arazzo
from tests.support.api import Answer, Asked, api, description, project, workflow

PATHS: dict[str, Any] = {
    "/start": {"get": {"operationId": "start", "security": [{"key": []}]}},
}
SCHEMES = {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}}
START: dict[str, Any] = {
    "stepId": "start",
    "operationId": "start",
    "outputs": {"url": "$response.body#/url", "location": "$response.header.Location"},
}
INPUTS = {"type": "object", "properties": {"k": {"type": "string"}, "u": {"type": "string"}}}
UPLOAD = {
    "stepId": "upload",
    "x-operation": {"url": "$steps.start.outputs.url", "method": "put"},
    "parameters": [{"name": "part", "in": "query", "value": 1}],
    "requestBody": {"contentType": "text/plain", "payload": "hello"},
}


def answer_with(url: str) -> Any:
    def answer(asked: Asked) -> Answer:
        return Answer(data={"url": url.format(asked.header("Host"))}, headers=[("Location", "jobs/7")])

    return answer


def test_a_step_sends_to_a_url_that_an_answer_gave_without_credentials(arazzo: Arazzo, tmp_path: Path) -> None:
    with api(answer_with("http://{}/signed a?sig=s1gnatur3")) as server:
        document = project(tmp_path, description(server.url, PATHS, components=SCHEMES), workflow([START, UPLOAD]))
        result = arazzo("run", document, "--auth", "key=k3y-s3cr3t", "--check", "error")
        first, second = server.asked
    assert result.status == 0, result.err
    assert first.header("X-Key") == "k3y-s3cr3t"
    assert (second.method, second.target, second.body) == ("PUT", "/signed%20a?sig=s1gnatur3&part=1", b"hello")
    assert second.header("X-Key") is None
    assert "s1gnatur3" not in result.err


def test_a_relative_location_starts_from_the_last_request(arazzo: Arazzo, tmp_path: Path) -> None:
    poll = {"stepId": "poll", "x-operation": {"url": "$steps.start.outputs.location", "method": "get"}}
    with api(answer_with("x")) as server:
        document = project(tmp_path, description(f"{server.url}/v1", PATHS), workflow([START, poll]))
        assert arazzo("run", document).status == 0
        assert [asked.target for asked in server.asked] == ["/v1/start", "/v1/jobs/7"]


def test_a_host_that_nobody_names_is_not_reached_unless_allowed(arazzo: Arazzo, tmp_path: Path) -> None:
    with api(answer_with("http://localhost:1/x")) as server:
        document = project(tmp_path, description(server.url, PATHS), workflow([START, UPLOAD]))
        refused = arazzo("run", document)
        allowed = arazzo("run", document, "--allow-host", "localhost")
    assert refused.status == 1
    assert "--allow-host localhost" in refused.err
    assert "--allow-host" not in allowed.err


def test_a_literal_url_is_named_by_its_document(arazzo: Arazzo, tmp_path: Path) -> None:
    with api() as server:
        step = {"stepId": "s", "x-operation": {"url": f"{server.url}/here"}}
        document = project(tmp_path, description("https://api.example", PATHS), workflow([step]))
        assert arazzo("run", document).status == 0
        assert server.asked[0].target == "/here"


def test_a_url_on_the_command_line_names_its_host(arazzo: Arazzo, tmp_path: Path) -> None:
    with api() as server:
        step = {"stepId": "s", "x-operation": {"url": "$inputs.u", "method": "get"}}
        document = project(tmp_path, description("https://api.example", PATHS), workflow([step], inputs=INPUTS))
        assert arazzo("run", document, "-i", f"u={server.url}/here").status == 0
        assert server.asked[0].target == "/here"


def test_auth_knows_the_credentials_of_x_security(arazzo: Arazzo, tmp_path: Path) -> None:
    security = [{"schemeName": "key", "values": {"apiKey": "$inputs.k"}}]
    steps = [{**START, "x-security": security}]
    described = description("https://api.example", PATHS, components=SCHEMES)
    assert arazzo("auth", project(tmp_path, described, workflow(steps, inputs=INPUTS))).status == 0
    assert arazzo("auth", project(tmp_path, described, workflow([START], inputs=INPUTS))).status == 1


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ({"method": "get"}, "x-operation has a url"),
        ({"url": "https://a", "method": "fetch"}, "the method of x-operation is 'fetch'"),
        ("https://a", "x-operation has a url"),
    ],
)
def test_a_malformed_direct_call_refuses_the_run(arazzo: Arazzo, tmp_path: Path, written: Any, says: str) -> None:
    with api() as server:
        step = {"stepId": "s", "x-operation": written}
        document = project(tmp_path, description(server.url, PATHS), workflow([START, step]))
        result = arazzo("run", document)
        assert server.asked == []
    assert result.status == 2
    assert result.err.count(says) == 1


@pytest.mark.parametrize(
    ("url", "says"), [("$steps.start.outputs.none", "has no value"), ("ftp://a/b", "not an http(s) URL")]
)
def test_a_url_that_cannot_be_sent_to_ends_the_run(arazzo: Arazzo, tmp_path: Path, url: str, says: str) -> None:
    step = {"stepId": "s", "x-operation": {"url": url}}
    start = {**START, "outputs": {"none": "$response.body#/none"}}
    with api() as server:
        document = project(tmp_path, description(server.url, PATHS), workflow([start, step]))
        result = arazzo("run", document)
        assert len(server.asked) == 1
    assert result.status == 1
    assert says in result.err


def test_a_step_without_a_target_is_one_error_and_not_one_of_messages(arazzo: Arazzo, tmp_path: Path) -> None:
    with api() as server:
        document = project(tmp_path, description(server.url, PATHS), workflow([{"stepId": "wait", "description": "w"}]))
        result = arazzo("run", document)
    assert result.status == 2
    assert result.err.count("the step calls nothing") == 1
    assert "AsyncAPI" not in result.err


@pytest.mark.parametrize(
    ("security", "header", "value"),
    [
        ([{"schemeName": "key", "values": {"apiKey": "$inputs.k"}}], "X-Key", "k3y-s3cr3t"),
        ([{"schemeName": "$sourceDescriptions.api.key", "values": {"apiKey": "$inputs.k"}}], "X-Key", "k3y-s3cr3t"),
        (
            [
                {
                    "scheme": {"type": "http", "scheme": "basic"},
                    "values": {"username": "$inputs.u", "password": "$inputs.k"},
                }
            ],
            "Authorization",
            "Basic YW5uOmszeS1zM2NyM3Q=",
        ),
        (
            [{"scheme": {"type": "http", "scheme": "bearer"}, "values": {"token": "$inputs.k"}}],
            "Authorization",
            "Bearer k3y-s3cr3t",
        ),
        (
            [{"scheme": {"type": "apiKey", "in": "header", "name": "X-Other"}, "values": {"apiKey": "$inputs.k"}}],
            "X-Other",
            "k3y-s3cr3t",
        ),
    ],
)
@pytest.mark.parametrize("holder", ["step", "workflow"])
def test_x_security_gives_credentials(
    arazzo: Arazzo, tmp_path: Path, security: Any, header: str, value: str, holder: str
) -> None:
    own, shared = ({"x-security": security}, {}) if holder == "step" else ({}, {"x-security": security})
    with api() as server:
        document = project(
            tmp_path,
            description(server.url, PATHS, components=SCHEMES),
            workflow([{**START, **own}], inputs=INPUTS, **shared),
        )
        result = arazzo("run", document, "-i", "k=k3y-s3cr3t", "-i", "u=ann", "-vv")
        [asked] = server.asked
    assert result.status == 0
    assert asked.header(header) == value
    assert "k3y-s3cr3t" not in result.err
    assert "no credential" not in result.err


@pytest.mark.parametrize(
    ("security", "says"),
    [
        ([{"schemeName": "nope", "values": {}}], "no security scheme 'nope'; it has key"),
        ([{"values": {}}], "a schemeName or a scheme"),
        ([{"schemeName": "key", "values": {"pin": "1"}}], "x-security knows no value 'pin'"),
    ],
)
def test_malformed_x_security_refuses_the_run(arazzo: Arazzo, tmp_path: Path, security: Any, says: str) -> None:
    with api() as server:
        steps = [{**START, "x-security": security}]
        document = project(tmp_path, description(server.url, PATHS, components=SCHEMES), workflow(steps))
        result = arazzo("run", document)
        assert server.asked == []
    assert result.status == 2
    assert says in result.err
