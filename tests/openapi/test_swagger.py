"""Swagger 2.0 descriptions as the OpenAPI 3.0 that they are converted to when they are read."""

from __future__ import annotations

from typing import Any

import pytest

from arazzo_runner.effects import Request, Response
from arazzo_runner.openapi.contract.judge import Contract
from arazzo_runner.openapi.operations import Operation
from arazzo_runner.openapi.responses import response_types
from tests.support.descriptions import description


def operation(written: dict[str, Any], *, uri: str = "file:///api.json", **root: Any) -> Operation:
    data = {
        "swagger": "2.0",
        "info": {"title": "t", "version": "1"},
        "host": "api.example.com",
        "paths": {"/things/{id}": {"post": {"operationId": "op", "responses": {}, **written}}},
        **root,
    }
    found = description(data, uri=uri).find("op")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("root", "uri", "urls"),
    [
        ({"basePath": "/v1", "schemes": ["http", "https"]}, "file:///a", ["https://h/v1", "http://h/v1"]),
        ({}, "file:///a", ["https://h"]),
        ({"basePath": "/"}, "http://x/a", ["http://h"]),
        ({"host": "", "basePath": "/v1"}, "https://x/a", ["/v1"]),
        ({"schemes": ["ws"]}, "file:///a", ["https://h"]),
    ],
)
def test_servers(root: dict[str, Any], uri: str, urls: list[str]) -> None:
    found = operation({}, uri=uri, **{"host": "h", **root})
    assert [server.url for server in found.servers] == urls


def test_parameters_have_schemas_and_styles() -> None:
    parameters = [
        {"name": "id", "in": "path", "required": True, "type": "integer", "minimum": 1},
        {"name": "csv", "in": "query", "type": "array", "items": {"type": "string"}},
        {"name": "multi", "in": "query", "type": "array", "items": {}, "collectionFormat": "multi"},
        {"name": "pipes", "in": "query", "type": "array", "items": {}, "collectionFormat": "pipes"},
        {"$ref": "#/parameters/Trace"},
    ]
    trace = {"name": "X-Trace", "in": "header", "type": "string", "format": "uuid"}
    found = operation({"parameters": parameters}, parameters={"Trace": trace})
    styles = {spec.name: (spec.location, spec.style, spec.explode) for spec in found.parameters}
    assert styles == {
        "id": ("path", "simple", False),
        "csv": ("query", "form", False),
        "multi": ("query", "form", True),
        "pipes": ("query", "pipeDelimited", False),
        "X-Trace": ("header", "simple", False),
    }
    request = Request("POST", "https://api.example.com/things/0?csv=a,b", (("X-Trace", "no"),))
    judgement = Contract().judge(found, request, None)
    assert [str(one) for one in judgement.breaches] == [
        "request path parameter id: 0 is less than 1",
        'request header parameter X-Trace: "no" is not a uuid',
    ]


def test_a_body_and_responses_take_the_types_that_are_consumed_and_produced() -> None:
    pet: dict[str, Any] = {
        "type": "object",
        "required": ["name"],
        "properties": {"next": {"$ref": "#/definitions/Pet"}},
    }
    pet["properties"]["note"] = {"type": "string", "x-nullable": True}
    written = {
        "parameters": [{"in": "body", "name": "b", "required": True, "schema": {"$ref": "#/definitions/Pet"}}],
        "responses": {
            "200": {"description": "", "schema": {"$ref": "#/definitions/Pet"}},
            "4XX": {"$ref": "#/responses/No"},
        },
    }
    root: dict[str, Any] = {
        "consumes": ["application/vnd.pet+json"],
        "produces": ["application/json"],
        "definitions": {"Pet": pet},
        "responses": {"No": {"description": "no", "schema": {"type": "string"}}},
    }
    found = operation(written, **root)
    assert (found.body_required, [body.content_type for body in found.bodies]) == (True, ["application/vnd.pet+json"])
    assert response_types(found) == ["application/json"]
    headers = (("Content-Type", "application/vnd.pet+json"),)
    request = Request("POST", "https://api.example.com/things/1", headers, b'{"next": {}, "name": "a", "note": null}')
    answer = Response(200, (("Content-Type", "application/json"),), b"{}")
    assert [str(one) for one in Contract().judge(found, request, answer).breaches] == [
        "request body /next: the required member name is not there",
        "response body: the required member name is not there",
    ]


@pytest.mark.parametrize(
    ("consumes", "kind", "content_type"),
    [
        ([], "file", "multipart/form-data"),
        ([], "string", "application/x-www-form-urlencoded"),
        (["multipart/form-data"], "string", "multipart/form-data"),
    ],
)
def test_form_parameters_are_a_body(consumes: list[str], kind: str, content_type: str) -> None:
    parameters = [
        {"in": "formData", "name": "f", "required": True, "type": kind},
        {"in": "formData", "name": "tags", "type": "array", "items": {"type": "string"}, "collectionFormat": "csv"},
    ]
    found = operation({"parameters": parameters, "consumes": consumes})
    [body] = found.bodies
    assert (body.content_type, found.body_required, found.parameters) == (content_type, True, ())
    assert body.schema is not None
    assert body.schema.member("f").value("type") == "string"
    assert (body.schema.member("f").value("format") == "binary") is (kind == "file")
    assert body.encoding["tags"]["explode"] is False


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        ({"type": "basic"}, {"type": "http", "scheme": "basic"}),
        ({"type": "apiKey", "in": "header", "name": "X"}, {"type": "apiKey", "in": "header", "name": "X"}),
        (
            {"type": "oauth2", "flow": "application", "tokenUrl": "https://t", "scopes": {"a": ""}},
            {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "https://t", "scopes": {"a": ""}}}},
        ),
        (
            {"type": "oauth2", "flow": "accessCode", "tokenUrl": "https://t", "authorizationUrl": "https://a"},
            {
                "type": "oauth2",
                "flows": {
                    "authorizationCode": {"tokenUrl": "https://t", "authorizationUrl": "https://a", "scopes": {}}
                },
            },
        ),
    ],
)
def test_security(scheme: dict[str, Any], expected: dict[str, Any]) -> None:
    found = operation({}, security=[{"s": ["a"]}], securityDefinitions={"s": scheme})
    assert found.security == ({"s": ("a",)},)
    assert found.schemes["s"].definition == expected


def test_what_a_path_item_shares_counts_for_its_operations() -> None:
    data = {
        "swagger": "2.0",
        "info": {"title": "t", "version": "1"},
        "paths": {
            "/x": {
                "parameters": [
                    {"in": "body", "name": "b", "schema": {"type": "object"}},
                    {"in": "query", "name": "q", "type": "string"},
                ],
                "put": {"operationId": "op", "responses": {}},
            }
        },
    }
    found = description(data).find("op")
    assert found is not None
    assert [spec.name for spec in found.parameters] == ["q"]
    assert [body.content_type for body in found.bodies] == ["application/json"]


def test_an_older_swagger_is_refused() -> None:
    with pytest.raises(Exception, match="cannot be used"):
        description({"swagger": "1.2"})
