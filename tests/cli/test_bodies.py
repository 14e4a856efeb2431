"""Bodies, files and credentials from the command line to the wire (H4, V1, V7)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.conftest import Arazzo
from tests.support.api import Answer, api, description, project, workflow


def posts(content: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"/x": {"post": {"operationId": "send", "requestBody": {"content": content}, "responses": {}, **more}}}


def sends(payload: Any, content_type: str | None = None, **more: Any) -> dict[str, Any]:
    body = {"payload": payload, **({"contentType": content_type} if content_type else {})}
    return {"stepId": "s", "operationId": "send", "requestBody": body, **more}


BINARY = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}


@pytest.mark.parametrize("words", [[], ["--durable"]])
def test_a_file_is_uploaded_byte_for_byte_under_its_own_name(
    arazzo: Arazzo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("ARAZZO_JOURNAL", str(tmp_path / "journal.db"))
    monkeypatch.setenv("ARAZZO_JOURNAL_KEY", str(tmp_path / "journal.key"))
    file = tmp_path / "my batch.csv"
    file.write_bytes(b"\xef\xbb\xbfa,b\r\n\xff\n\n")
    with api() as server:
        paths = posts({"multipart/form-data": {"schema": BINARY}})
        document = project(
            tmp_path, description(server.url, paths), workflow([sends({"file": "$inputs.file"})], inputs=BINARY)
        )
        assert arazzo("run", document, "-i", f"file=@{file}", *words).status == 0
        [asked] = server.asked
    assert b'name="file"; filename="my batch.csv"\r\nContent-Type: text/csv\r\n\r\n' + file.read_bytes() in asked.body


def test_a_text_file_is_sent_byte_for_byte_and_a_secret_loses_its_line_break(arazzo: Arazzo, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(b"\xef\xbb\xbfa\r\nb\n")
    (tmp_path / "token.txt").write_bytes(b"tok-1234567\n")
    inputs = {"type": "object", "properties": {"text": {"type": "string"}, "token": {"type": "string"}}}
    with api() as server:
        steps = [sends("$inputs.text", "text/plain"), sends("$inputs.token", "text/plain") | {"stepId": "t"}]
        document = project(tmp_path, description(server.url, posts({"text/plain": {}})), workflow(steps, inputs=inputs))
        words = ["-i", f"text=@{tmp_path}/text.txt", "-i", f"token=@{tmp_path}/token.txt"]
        assert arazzo("run", document, *words).status == 0
        assert [asked.body for asked in server.asked] == [b"\xef\xbb\xbfa\r\nb\n", b"tok-1234567"]


def test_an_object_for_text_is_sent_as_json_text_with_a_warning(arazzo: Arazzo, tmp_path: Path) -> None:
    with api() as server:
        document = project(tmp_path, description(server.url, posts({"text/plain": {}})), workflow([sends({"a": 1})]))
        result = arazzo("run", document)
        [asked] = server.asked
    assert (result.status, asked.body, asked.header("Content-Type")) == (0, b'{"a":1}', "text/plain")
    assert "its JSON text was sent" in result.err


def test_arrays_of_objects_in_a_form_are_bracketed_and_linted(arazzo: Arazzo, tmp_path: Path) -> None:
    content = {"application/x-www-form-urlencoded": {"encoding": {"deep": {"style": "deepObject", "explode": True}}}}
    payload = {"deep": [{"price": "p1"}], "plain": [{"price": "p2"}], "tags": ["a", "b"]}
    with api() as server:
        step = sends(payload, "application/x-www-form-urlencoded")
        document = project(tmp_path, description(server.url, posts(content)), workflow([step]))
        assert arazzo("run", document).status == 0
        [asked] = server.asked
    assert parse_qsl(asked.body.decode()) == [
        ("deep[0][price]", "p1"),
        ("plain[0][price]", "p2"),
        ("tags", "a"),
        ("tags", "b"),
    ]
    found = json.loads(arazzo("validate", document, "--format", "json").out)
    places = [one["pointer"] for one in found if one["rule"] == "bracketed-array"]
    pointer = "/workflows/0/steps/0/requestBody/payload"
    assert places == [f"{pointer}/deep", f"{pointer}/plain"]


@pytest.mark.parametrize(
    ("scheme", "name", "location"),
    [
        ({"type": "http", "scheme": "bearer"}, "Authorization", "header"),
        ({"type": "apiKey", "in": "header", "name": "X-Key"}, "x-key", "header"),
        ({"type": "apiKey", "in": "query", "name": "key"}, "key", "query"),
        ({"type": "apiKey", "in": "cookie", "name": "key"}, "key", "cookie"),
    ],
)
def test_what_a_credential_fills_is_never_missing(
    arazzo: Arazzo, tmp_path: Path, scheme: dict[str, Any], name: str, location: str
) -> None:
    parameter = {"name": name, "in": location, "required": True, "schema": {"type": "string"}}
    operation = {"operationId": "get", "security": [{"o": []}], "parameters": [parameter], "responses": {}}
    given = {"name": name, "in": location, "value": "$inputs.given"}
    inputs = {"type": "object", "properties": {"given": {"type": "string"}}}
    with api() as server:
        components = {"securitySchemes": {"o": scheme}}
        document = project(
            tmp_path,
            description(server.url, {"/x": {"get": operation}}, components=components),
            workflow([{"stepId": "s", "operationId": "get", "parameters": [given]}], inputs=inputs),
        )
        without = arazzo("run", document)
        filled = arazzo("run", document, "--auth", "o=tok1234567")
        sent = [f"{asked.target} {asked.headers}" for asked in server.asked]
    assert without.status == (0 if name == "Authorization" else 1)
    assert filled.status == 0
    assert "tok1234567" in sent[-1]
    assert "which the step does not give" not in filled.err


def test_one_element_of_xml_is_a_list_where_the_schema_has_an_array(arazzo: Arazzo, tmp_path: Path) -> None:
    pet = {"type": "object", "properties": {"name": {"type": "string"}, "tag": {"type": "array", "items": {}}}}
    schema = {
        "type": "object",
        "properties": {
            "pet": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}},
            "photos": {"type": "array", "xml": {"wrapped": True, "name": "Photos"}, "items": {"xml": {"name": "url"}}},
            "owner": {"type": "object", "properties": {"id": {"type": "string"}}},
        },
    }
    paths = {
        "/x": {
            "get": {
                "operationId": "get",
                "responses": {"200": {"description": "", "content": {"application/xml": {"schema": schema}}}},
            }
        }
    }
    outputs = {
        "first": "$response.body#/pet/0/name",
        "tags": "$response.body#/pet/0/tag",
        "photo": "$response.body#/Photos/url/0",
        "owner": "$response.body#/owner/id",
        "rooted": "$response.body#/pets/pet/0/name",
    }
    answers = iter(
        [
            b"<pets><pet><name>a</name><tag>x</tag></pet><Photos><url>u</url></Photos><owner><id>1</id></owner></pets>",
            b"<pets><pet><name>a</name></pet><pet><name>b</name></pet><Photos/></pets>",
        ]
    )
    with api(lambda _: Answer(data=next(answers), headers=[("Content-Type", "application/xml")])) as server:
        step = {"stepId": "s", "operationId": "get", "outputs": outputs}
        names = {name: f"$steps.s.outputs.{name}" for name in outputs}
        document = project(
            tmp_path,
            description(server.url, paths, components={"schemas": {"Pet": pet}}),
            workflow([step], outputs=names),
        )
        one = json.loads(arazzo("run", document).out)
        two = json.loads(arazzo("run", document).out)
    assert one == {"first": "a", "tags": ["x"], "photo": "u", "owner": "1", "rooted": "a"}
    assert two == {"first": "a", "tags": [], "photo": None, "owner": None, "rooted": "a"}


def test_json_answers_are_read_in_their_declared_charset(arazzo: Arazzo, tmp_path: Path) -> None:
    headers = [("Content-Type", "application/json; charset=iso-8859-1")]
    with api(lambda _: Answer(data='{"a": "é"}'.encode("latin-1"), headers=headers)) as server:
        step = sends({"a": "b"}, outputs={"a": "$response.body#/a"})
        document = project(
            tmp_path,
            description(server.url, posts({"application/json": {}})),
            workflow([step], outputs={"a": "$steps.s.outputs.a"}),
        )
        assert json.loads(arazzo("run", document).out) == {"a": "é"}


@pytest.mark.parametrize("name", ["my api.json", "größe.json"])
def test_sources_have_names_with_spaces_and_letters_of_any_script(arazzo: Arazzo, tmp_path: Path, name: str) -> None:
    with api(lambda asked: Answer(data=described if asked.method == "GET" else {})) as server:
        described = description(server.url, posts({"application/json": {}}))
        document = project(tmp_path, described, workflow([sends({"a": 1})]))
        (tmp_path / name).write_text(json.dumps(described), "utf-8")
        for url in (str(tmp_path / name), f"{server.url}/{name}"):
            assert arazzo("run", document, "--source", f"api={url}").status == 0


def test_a_swagger_description_is_converted_and_that_is_reported_once(arazzo: Arazzo, tmp_path: Path) -> None:
    parameter = {"in": "body", "name": "b", "schema": {"type": "object"}}
    with api() as server:
        described = {
            "swagger": "2.0",
            "info": {"title": "t", "version": "1"},
            "host": server.host,
            "schemes": ["http"],
            "basePath": "/v1",
            "paths": {"/x": {"post": {"operationId": "send", "parameters": [parameter], "responses": {}}}},
        }
        steps = [sends({"a": 1}), sends({"a": 2}) | {"stepId": "t"}]
        document = project(tmp_path, described, workflow(steps))
        result = arazzo("run", document)
        validated = arazzo("validate", document)
        assert [asked.target for asked in server.asked] == ["/v1/x", "/v1/x"]
    assert result.status == 0
    assert result.err.count("is Swagger 2.0") == 1
    assert (validated.status, validated.out.count("is Swagger 2.0")) == (0, 1)
