"""Each kind of check that libraries get wrong: a breach that must be found, a correct exchange that must pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from arazzo_runner.effects import MASK, Request, Response
from arazzo_runner.openapi.contract.judge import Contract, Judgement
from arazzo_runner.openapi.responses import response_types
from tests.support.descriptions import operation

URL = "https://api.example/v1/things/7"
JSON = (("Content-Type", "application/json"),)

pytestmark = pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])


def judged(
    version: str,
    declared: Mapping[str, Any],
    request: Request | None = None,
    response: Response | None = None,
    components: Mapping[str, Any] | None = None,
) -> Judgement:
    declared = {"responses": {"200": {"description": "ok"}}, **declared}
    target = operation(declared, path="/things/{id}", version=version, components=components or {})
    return Contract().judge(target, request or Request("GET", URL), response)


def breaches(*args: Any, **more: Any) -> list[str]:
    judgement = judged(*args, **more)
    assert judgement.remarks == ()
    return [str(breach) for breach in judgement.breaches]


def nullable(version: str, kind: str) -> dict[str, Any]:
    return {"type": kind, "nullable": True} if version == "3.0.3" else {"type": [kind, "null"]}


# Several types, one of them null


def test_a_parameter_that_may_be_null_is_judged_and_silences_no_other(version: str) -> None:
    parameters = [
        {"name": "limit", "in": "query", "schema": {**nullable(version, "integer"), "minimum": 1}},
        {"name": "sort", "in": "query", "schema": {"type": "string", "enum": ["asc", "desc"]}},
    ]
    declared = {"parameters": parameters}
    assert breaches(version, declared, Request("GET", f"{URL}?limit=3&sort=asc")) == []
    assert breaches(version, declared, Request("GET", f"{URL}?limit=&sort=asc")) == []
    assert breaches(version, declared, Request("GET", f"{URL}?limit=0&sort=sideways")) == [
        "request query parameter limit: 0 is less than 1",
        'request query parameter sort: "sideways" is not one of "asc", "desc"',
    ]
    [not_a_number] = breaches(version, declared, Request("GET", f"{URL}?limit=seven"))
    assert not_a_number.startswith('request query parameter limit: "seven" is not of type')


def test_a_response_header_that_may_be_null_is_judged(version: str) -> None:
    declared = {
        "responses": {"200": {"description": "", "headers": {"X-Total": {"schema": nullable(version, "integer")}}}}
    }
    assert breaches(version, declared, response=Response(200, (("X-Total", "7"),), b"")) == []
    assert len(breaches(version, declared, response=Response(200, (("X-Total", "seven"),), b""))) == 1


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({"anyOf": [{"type": "integer", "maximum": 9}, {"type": "boolean"}]}, ("7", "true"), ("10", "yes")),
        ({"oneOf": [{"type": "string", "enum": ["all"]}, {"type": "integer"}]}, ("all", "3"), ("some",)),
        ({"allOf": [{"type": "number"}, {"minimum": 0.5}]}, ("1", "0.5", "5e-1"), ("0.4", "-1", "x")),
        ({"$ref": "#/components/schemas/Size"}, ("4",), ("0", "big")),
    ],
    ids=["anyOf", "oneOf", "allOf", "$ref"],
)
def test_combined_schemas_of_a_parameter(
    version: str, schema: Mapping[str, Any], right: Sequence[str], wrong: Sequence[str]
) -> None:
    declared = {"parameters": [{"name": "p", "in": "query", "schema": schema}]}
    components = {"schemas": {"Size": {"type": "integer", "minimum": 1}}}
    for text in right:
        assert breaches(version, declared, Request("GET", f"{URL}?p={text}"), components=components) == []
    for text in wrong:
        assert len(breaches(version, declared, Request("GET", f"{URL}?p={text}"), components=components)) == 1


# JSON behind references


def problem_declared() -> tuple[dict[str, Any], dict[str, Any]]:
    schema = {"type": "object", "required": ["title"], "properties": {"title": {"type": "string"}}}
    content = {"application/problem+json": {"schema": schema}}
    declared = {
        "requestBody": {"$ref": "#/components/requestBodies/Thing"},
        "responses": {"200": {"$ref": "#/components/responses/Problem"}},
    }
    components = {
        "requestBodies": {"Thing": {"required": True, "content": content}},
        "responses": {"Problem": {"description": "", "content": content}},
    }
    return declared, components


def test_json_types_of_referenced_responses_and_bodies_are_json(version: str) -> None:
    declared, components = problem_declared()
    headers = (("Content-Type", "application/problem+json; charset=utf-8"),)
    request = Request("POST", URL, headers, b'{"title": "a"}')
    assert breaches(version, declared, request, Response(200, headers, b'{"title": "a"}'), components) == []
    request = Request("POST", URL, headers, b'{"title": 7}')
    assert breaches(version, declared, request, Response(200, headers, b"{}"), components) == [
        "request body /title: 7 is not of type string",
        "response body: the required member title is not there",
    ]


def test_the_types_of_referenced_responses_are_accepted(version: str) -> None:
    declared, components = problem_declared()
    target = operation(declared, version=version, components=components)
    assert response_types(target) == ["application/problem+json"]


def test_a_response_that_refers_to_nothing_is_accepted_as_absent(version: str) -> None:
    declared = {"responses": {"200": {"$ref": "#/components/responses/Gone"}}}
    assert response_types(operation(declared, version=version)) == []


def test_json_is_read_in_the_charset_that_it_declares(version: str) -> None:
    schema = {"type": "string", "enum": ["é"]}
    declared = {"responses": {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}}
    headers = (("Content-Type", "application/json; charset=iso-8859-1"),)
    assert breaches(version, declared, response=Response(200, headers, '"é"'.encode("latin-1"))) == []
    assert len(breaches(version, declared, response=Response(200, headers, '"è"'.encode("latin-1")))) == 1


# Parts of a form


def form(parts: Sequence[tuple[str, str, bytes]]) -> Request:
    lines = [
        b'--b\r\nContent-Disposition: form-data; name="%b"\r\n%b\r\n%b\r\n'
        % (name.encode(), f"Content-Type: {kind}\r\n".encode() if kind else b"", content)
        for name, kind, content in parts
    ]
    body = b"".join(lines) + b"--b--\r\n"
    return Request("POST", URL, (("Content-Type", "multipart/form-data; boundary=b"),), body)


PARTS: dict[str, Any] = {
    "scale": {"type": "integer"},
    "ratio": {"type": "number"},
    "public": {"type": "boolean"},
    "ids": {"type": "array", "items": {"type": "integer"}},
    "meta": {"type": "object", "properties": {"n": {"type": "integer"}}},
    "note": {"type": "string"},
    "file": {"type": "string", "format": "binary"},
}


def multipart(encoding: Mapping[str, Any] | None = None) -> dict[str, Any]:
    media = {"schema": {"type": "object", "properties": PARTS}, "encoding": encoding or {}}
    return {"requestBody": {"content": {"multipart/form-data": media}}}


def test_parts_that_are_text_are_the_numbers_and_booleans_of_their_schemas(version: str) -> None:
    right = form(
        [
            ("scale", "", b"2"),
            ("ratio", "text/plain", b"1.5"),
            ("public", "text/plain; charset=utf-8", b"true"),
            ("ids", "", b"1"),
            ("ids", "", b"2"),
            ("note", "", b"7"),
            ("file", "image/png", b"\x89PNG\xff"),
        ]
    )
    assert breaches(version, multipart(), right) == []
    wrong = form([("scale", "", b"2.5"), ("public", "", b"yes"), ("ids", "", b"one"), ("note", "", MASK.encode())])
    assert breaches(version, multipart(), wrong) == [
        "request body /scale: 2.5 is not of type integer",
        'request body /public: "yes" is not of type boolean',
        'request body /ids/0: "one" is not of type integer',
    ]


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "application/vnd.a+json"])
def test_a_part_that_is_json_is_judged_as_json(version: str, kind: str) -> None:
    declared = multipart({"meta": {"contentType": kind}})
    assert breaches(version, declared, form([("meta", kind, b'{"n": 1}')])) == []
    assert breaches(version, declared, form([("meta", "", b'{"n": 1}')])) == []
    assert breaches(version, declared, form([("meta", kind, b'{"n": "1"}')])) == [
        'request body /meta/n: "1" is not of type integer'
    ]
    assert breaches(version, declared, form([("ids", kind, b"[1, 2]")])) == []
    [unreadable] = breaches(version, declared, form([("meta", kind, b"{")]))
    assert unreadable == f"request body: it cannot be read as {kind.partition(';')[0]}"


def test_a_part_that_may_be_null_and_a_part_behind_a_reference(version: str) -> None:
    schema = {
        "type": "object",
        "required": ["size"],
        "properties": {"size": nullable(version, "integer"), "kind": {"$ref": "#/components/schemas/Kind"}},
    }
    declared = {"requestBody": {"content": {"multipart/form-data": {"schema": schema}}}}
    components = {"schemas": {"Kind": {"type": "boolean"}}}
    right = form([("size", "", b"3"), ("kind", "", b"false")])
    assert breaches(version, declared, right, components=components) == []
    wrong = form([("kind", "", b"small")])
    assert breaches(version, declared, wrong, components=components) == [
        "request body: the required member size is not there",
        'request body /kind: "small" is not of type boolean',
    ]


def test_a_body_without_its_boundary_is_not_multipart(version: str) -> None:
    request = Request("POST", URL, (("Content-Type", "multipart/form-data"),), b"--b\r\n")
    assert breaches(version, multipart(), request) == ["request body: it cannot be read as multipart/form-data"]


# Decimals


@pytest.mark.parametrize(
    ("factor", "right", "wrong"),
    [
        (0.01, (0.07, 19.99, 4.35, 1, 0), (0.075, 19.999)),
        (0.1, (0.3, 1.1, -0.7), (0.35,)),
        (1e-9, (1.1e-8, 3), (1.5e-9,)),
        (3, (9, -3.0, 9007199254740993 * 3), (10, 9.5)),
        (2.5, (1e300, 5), (1,)),
    ],
)
def test_decimals_are_multiples_as_they_are_written(
    version: str, factor: float, right: Sequence[float], wrong: Sequence[float]
) -> None:
    schema = {"type": "number", "multipleOf": factor}
    declared = {"responses": {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}}
    for number in right:
        assert breaches(version, declared, response=Response(200, JSON, str(number).encode())) == []
    for number in wrong:
        [breach] = breaches(version, declared, response=Response(200, JSON, str(number).encode()))
        assert breach.endswith(f"{number} is not a multiple of {factor}")


# deepObject


DEEP = {
    "type": "object",
    "properties": {
        "a": {"type": "integer"},
        "range": {"type": "object", "properties": {"from": {"type": "integer"}}, "required": ["from"]},
        "tags": {"type": "array", "items": {"type": "integer"}},
    },
    "additionalProperties": {"type": "boolean"},
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("p[a]=1&p[range][from]=2&p[tags][]=3&p[tags][]=4&p[x]=true", []),
        ("p%5Ba%5D=1&p%5Btags%5D%5B0%5D=3&p[tags]=5", []),
        ("p[tags]=1&p[tags]=2", []),
        ("p[a]=one", ['request query parameter p /a: "one" is not of type integer']),
        ("p[range][from]=x", ['request query parameter p /range/from: "x" is not of type integer']),
        ("p[range][to]=1", ["request query parameter p /range: the required member from is not there"]),
        ("p[tags][1]=x", ['request query parameter p /tags/0: "x" is not of type integer']),
        ("p[x]=7", ['request query parameter p /x: "7" is not of type boolean']),
        ("q=1", ["request query parameter p: it is required, and was not sent"]),
    ],
)
def test_maps_and_nested_values_of_a_deep_object(version: str, query: str, expected: list[str]) -> None:
    declared = {"parameters": [{"name": "p", "in": "query", "required": True, "style": "deepObject", "schema": DEEP}]}
    assert breaches(version, declared, Request("GET", f"{URL}?{query}")) == expected


def test_a_map_of_numbers_as_a_deep_object(version: str) -> None:
    schema = {"type": "object", "additionalProperties": {"type": "integer"}}
    declared = {"parameters": [{"name": "p", "in": "query", "style": "deepObject", "schema": schema}]}
    assert breaches(version, declared, Request("GET", f"{URL}?p[any]=1&p[other]=2")) == []
    assert len(breaches(version, declared, Request("GET", f"{URL}?p[any]=x"))) == 1


def test_deep_objects_and_objects_of_an_array_in_a_form(version: str) -> None:
    schema = {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
            "address": {"type": "object", "properties": {"zip": {"type": "integer"}}},
        },
    }
    media = {"schema": schema, "encoding": {"address": {"style": "deepObject", "explode": True}}}
    declared = {"requestBody": {"content": {"application/x-www-form-urlencoded": media}}}
    headers = (("Content-Type", "application/x-www-form-urlencoded"),)
    right = Request("POST", URL, headers, b"items%5B0%5D%5Bn%5D=1&items[1][n]=2&address[zip]=12345")
    assert breaches(version, declared, right) == []
    wrong = Request("POST", URL, headers, b"items[0][n]=x&address[zip]=y")
    assert breaches(version, declared, wrong) == [
        'request body /items/0/n: "x" is not of type integer',
        'request body /address/zip: "y" is not of type integer',
    ]


# readOnly and writeOnly


@pytest.mark.parametrize("how", ["plain", "$ref", "allOf"])
def test_what_is_read_only_behind_a_reference_may_be_absent_from_a_request(version: str, how: str) -> None:
    components = {"schemas": {"Id": {"type": "string", "readOnly": True}, "Name": {"type": "string"}}}
    reference = {"$ref": "#/components/schemas/Id"}
    own = {"plain": components["schemas"]["Id"], "$ref": reference, "allOf": {"allOf": [reference]}}[how]
    schema = {
        "type": "object",
        "required": ["id", "name"],
        "properties": {"id": own, "name": {"$ref": "#/components/schemas/Name"}},
    }
    content = {"application/json": {"schema": schema}}
    declared = {"requestBody": {"content": content}, "responses": {"200": {"description": "", "content": content}}}
    request, response = Request("POST", URL, JSON, b'{"name": "a"}'), Response(200, JSON, b'{"id": "1", "name": "a"}')
    assert breaches(version, declared, request, response, components) == []
    request, response = Request("POST", URL, JSON, b"{}"), Response(200, JSON, b'{"name": "a"}')
    assert breaches(version, declared, request, response, components) == [
        "request body: the required member name is not there",
        "response body: the required member id is not there",
    ]


def test_what_is_write_only_behind_a_reference_may_be_absent_from_a_response(version: str) -> None:
    components = {"schemas": {"Secret": {"type": "string", "writeOnly": True}}}
    schema = {"type": "object", "required": ["pin"], "properties": {"pin": {"$ref": "#/components/schemas/Secret"}}}
    content = {"application/json": {"schema": schema}}
    declared = {"requestBody": {"content": content}, "responses": {"200": {"description": "", "content": content}}}
    request = Request("POST", URL, JSON, b'{"pin": "1"}')
    assert breaches(version, declared, request, Response(200, JSON, b"{}"), components) == []
    [breach] = breaches(version, declared, Request("POST", URL, JSON, b"{}"), None, components)
    assert breach == "request body: the required member pin is not there"


# What cannot be judged


def test_what_cannot_be_judged_is_named_and_leaves_the_rest_judged(version: str) -> None:
    odd = {"name": "odd", "in": "query", "schema": {"type": "string", "pattern": "(?<broken"}}
    sort = {"name": "sort", "in": "query", "schema": {"type": "string", "enum": ["asc"]}}
    found = judged(version, {"parameters": [odd, sort]}, Request("GET", f"{URL}?odd=1&sort=up"))
    assert [str(breach) for breach in found.breaches] == ['request query parameter sort: "up" is not one of "asc"']
    [remark] = found.remarks
    assert remark.startswith("the request query parameter odd of anOperation cannot be judged: ")


@pytest.mark.parametrize("kind", ["application/xml", "text/event-stream", "application/x-protobuf"])
def test_content_that_is_no_instance_is_not_judged(version: str, kind: str) -> None:
    content = {kind: {"schema": {"type": "object"}}}
    declared = {"responses": {"200": {"description": "", "content": content}}}
    found = judged(version, declared, response=Response(200, (("Content-Type", kind),), b"<a/>"))
    assert found.breaches == ()
    [remark] = found.remarks
    assert remark.startswith("the response body of anOperation cannot be judged: its media type has no agreed reading")
