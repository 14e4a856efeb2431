"""Exchanges against their operations: what is a breach, what it says, and what is none."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from arazzo_runner.effects import MASK, Request, Response
from arazzo_runner.openapi.contract.excerpts import excerpt
from arazzo_runner.openapi.contract.judge import Contract, Judgement
from tests.support.descriptions import operation

JSON = (("Content-Type", "application/json"),)


def judged(
    declared: dict[str, Any],
    request: Request | None = None,
    response: Response | None = None,
    *,
    path: str = "/things/{id}",
    version: str = "3.1.0",
    components: dict[str, Any] | None = None,
) -> Judgement:
    declared = {"responses": {"200": {"description": "ok"}}, **declared}
    target = operation(declared, path=path, version=version, components=components or {})
    return Contract().judge(target, request or Request("GET", "https://api.example/v1/things/7"), response)


def said(judgement: Judgement) -> list[str]:
    assert not judgement.remarks
    return [str(breach) for breach in judgement.breaches]


def answers(schema: Any, **response: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}}
    return {"responses": {"200": {"description": "ok", "content": content, **response}}}


def answer(data: Any, status: int = 200, headers: Any = JSON) -> Response:
    return Response(status, headers, json.dumps(data).encode())


STATUS = {
    "type": "object",
    "required": ["state"],
    "properties": {"state": {"enum": ["on", "off"]}, "at": {"format": "date-time", "type": "string"}},
}


@pytest.mark.parametrize(
    ("response", "breaches"),
    [
        (answer({"state": "on", "at": "2026-01-01T00:00:00Z"}), []),
        (answer({"state": "up"}), ['response body /state: "up" is not one of "on", "off"']),
        (answer({}), ["response body: the required member state is not there"]),
        (answer([]), ["response body: [] is not of type object"]),
        (answer({"state": "on", "at": "noon"}), ['response body /at: "noon" is not a date-time']),
        (answer({"state": MASK, "at": MASK}), []),
        (Response(200, JSON, b""), ["response body: it is empty; a body is documented"]),
        (Response(418, JSON, b"{}"), ["response status: 418 is not documented; documented are 200"]),
        (
            Response(200, (("Content-Type", "text/html"),), b"<p>"),
            ["response content type: text/html is not documented; documented are application/json"],
        ),
        (
            Response(200, (), b"{}"),
            ["response content type: none is not documented; documented are application/json"],
        ),
    ],
)
def test_a_response_against_its_schema(response: Response, breaches: list[str]) -> None:
    assert said(judged(answers(STATUS), response=response)) == breaches


def test_a_body_that_is_not_the_json_it_claims_to_be() -> None:
    [breach] = said(judged(answers(STATUS), response=Response(200, JSON, b"{")))
    assert breach == "response body: it cannot be read as application/json"


@pytest.mark.parametrize(("key", "status"), [("2XX", 201), ("default", 503), ("204", 204)])
def test_a_status_may_be_documented_by_its_range_or_by_default(key: str, status: int) -> None:
    declared = {"responses": {key: {"description": "any"}}}
    assert said(judged(declared, response=Response(status, (), b""))) == []


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_needs_none(status: int) -> None:
    declared = {"responses": {str(status): answers(STATUS)["responses"]["200"]}}
    assert said(judged(declared, response=Response(status, (), b""))) == []


def test_the_answer_to_a_head_has_no_body() -> None:
    request = Request("HEAD", "https://api.example/things/7")
    assert said(judged(answers(STATUS), request, Response(200, JSON, b""))) == []


def test_a_header_that_was_refused_for_its_line_break_is_no_traceback() -> None:
    request = Request("GET", "https://api.example/v1/things/7", (("Content-Type", "a\r\nb"),))
    assert said(judged({}, request, Response(200, (("X-A", "a\nb"),)))) == []


def test_response_headers() -> None:
    headers = {
        "X-Count": {"required": True, "schema": {"type": "integer"}},
        "X-Next": {"schema": {"type": "string", "format": "uri"}},
    }
    declared = answers({}, headers=headers)
    assert said(judged(declared, response=answer({}, headers=(*JSON, ("x-count", "3"))))) == []
    assert said(judged(declared, response=answer({}))) == ["response header X-Count: it is required, and is not there"]
    [wrong] = said(judged(declared, response=answer({}, headers=(*JSON, ("X-Count", "3"), ("X-Next", "not one")))))
    assert wrong == 'response header X-Next: "not one" is not a uri'


def test_path_query_header_and_cookie_parameters() -> None:
    parameters = [
        {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
        {"name": "limit", "in": "query", "required": True, "schema": {"type": "integer", "maximum": 10}},
        {"name": "X-Trace", "in": "header", "required": True, "schema": {"type": "string", "format": "uuid"}},
        {"name": "lang", "in": "cookie", "schema": {"enum": ["de", "en"]}},
    ]
    headers = (("X-Trace", "0b9d2f3e-8a55-4b5e-9a34-3f6b8f5a2c11"), ("Cookie", "a=b; lang=de"))
    right = Request("GET", "https://api.example/v1/things/7?limit=3", headers)
    assert said(judged({"parameters": parameters}, right)) == []
    bare = Request("GET", "https://api.example/v1/things/7")
    assert said(judged({"parameters": parameters}, bare)) == [
        "request query parameter limit: it is required, and was not sent",
        "request header parameter X-Trace: it is required, and was not sent",
    ]
    wrong = Request("GET", "https://api.example/things/7?limit=30", (("X-Trace", "x"), ("Cookie", "lang=fr")))
    assert said(judged({"parameters": parameters}, wrong)) == [
        "request query parameter limit: 30 is more than 10",
        'request header parameter X-Trace: "x" is not a uuid',
        'request cookie parameter lang: "fr" is not one of "de", "en"',
    ]


@pytest.mark.parametrize(
    ("parameter", "query"),
    [
        ({"schema": {"type": "array", "items": {"type": "integer"}}}, "p=1&p=2"),
        ({"explode": False, "schema": {"type": "array", "items": {"type": "integer"}}}, "p=1,2"),
        ({"style": "spaceDelimited", "explode": False, "schema": {"type": "array", "minItems": 2}}, "p=1%202"),
        ({"style": "pipeDelimited", "explode": False, "schema": {"type": "array", "minItems": 2}}, "p=1%7C2"),
        ({"style": "deepObject", "schema": {"type": "object", "required": ["a"]}}, "p[a]=1"),
        ({"schema": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}}, "a=1"),
        ({"content": {"application/json": {"schema": {"type": "object", "required": ["a"]}}}}, "p=%7B%22a%22%3A1%7D"),
        ({"allowEmptyValue": True, "schema": {"type": "string"}}, "p=x"),
        ({"deprecated": True, "schema": {"type": "string"}}, "p=x"),
    ],
)
def test_every_style_is_read_as_it_was_sent(parameter: dict[str, Any], query: str) -> None:
    declared = {"parameters": [{"name": "p", "in": "query", "required": True, **parameter}]}
    assert said(judged(declared, Request("GET", f"https://api.example/things/7?{query}"))) == []


@pytest.mark.parametrize(("style", "segment"), [("simple", "1,2"), ("label", ".1,2"), ("matrix", ";id=1,2")])
def test_path_styles(style: str, segment: str) -> None:
    schema = {"type": "array", "items": {"type": "integer"}, "minItems": 2}
    declared = {"parameters": [{"name": "id", "in": "path", "required": True, "style": style, "schema": schema}]}
    assert said(judged(declared, Request("GET", f"https://api.example/v1/things/{segment}"))) == []


def test_request_bodies() -> None:
    schema = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "minLength": 2}}}
    declared = {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
    url = "https://api.example/things/7"
    assert said(judged(declared, Request("POST", url, JSON, b'{"name": "ab"}'))) == []
    assert said(judged(declared, Request("POST", url))) == ["request body: it is required, and was not sent"]
    assert said(judged(declared, Request("POST", url, JSON, b'{"name": "a"}'))) == [
        'request body /name: "a" is shorter than 2'
    ]
    assert said(judged(declared, Request("POST", url, (("Content-Type", "text/csv"),), b"a"))) == [
        "request content type: text/csv is not documented; documented are application/json"
    ]


@pytest.mark.parametrize(
    ("content_type", "schema", "body"),
    [
        ("application/vnd.thing+json", {"type": "object"}, b"{}"),
        ("application/problem+json; charset=utf-8", {"type": "object"}, b"{}"),
        ("Application/JSON", {"type": "object"}, b"{}"),
        ("application/xml", {"type": "string"}, b"<a/>"),
        ("text/event-stream", {"type": "string"}, b"data: 1\n\n"),
        ("image/png", {"type": "string"}, b"\x89PNG"),
        ("text/plain", {"type": "string", "maxLength": 3}, b"abc"),
    ],
)
def test_media_types_are_compared_as_they_are_meant(content_type: str, schema: Any, body: bytes) -> None:
    documented = content_type.partition(";")[0]
    declared = {"responses": {"200": {"description": "ok", "content": {documented: {"schema": schema}}}}}
    assert said(judged(declared, response=Response(200, (("Content-Type", content_type.lower()),), body))) == []


def test_a_range_of_media_types_is_judged_by_what_came() -> None:
    declared = {"responses": {"200": {"description": "ok", "content": {"*/*": {"schema": {"type": "object"}}}}}}
    assert said(judged(declared, response=answer({}))) == []
    assert said(judged(declared, response=answer([]))) == ["response body: [] is not of type object"]


def test_nullable_of_3_0_and_null_of_3_1() -> None:
    old = answers(
        {"type": "object", "properties": {"a": {"type": "string", "nullable": True}, "b": {"type": "string"}}}
    )
    assert said(judged(old, response=answer({"a": None}), version="3.0.3")) == []
    assert len(said(judged(old, response=answer({"b": None}), version="3.0.3"))) == 1
    new = answers({"type": "object", "properties": {"a": {"type": ["string", "null"]}}})
    assert said(judged(new, response=answer({"a": None}))) == []


def test_a_write_only_member_is_no_part_of_an_answer() -> None:
    schema = {"type": "object", "properties": {"secret": {"type": "string", "writeOnly": True}}}
    assert said(judged(answers(schema), response=answer({"secret": "x"}), version="3.0.3")) != []


def test_references_discriminators_and_schemas_that_contain_themselves() -> None:
    components = {
        "schemas": {
            "Pet": {
                "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
                "discriminator": {"propertyName": "kind", "mapping": {"cat": "Cat", "dog": "#/components/schemas/Dog"}},
            },
            "Cat": {"type": "object", "required": ["lives"], "properties": {"kind": {}, "lives": {"type": "integer"}}},
            "Dog": {
                "type": "object",
                "properties": {"kind": {}, "puppies": {"type": "array", "items": {"$ref": "#/components/schemas/Dog"}}},
            },
            "Unrelated": {"type": "string"},
        }
    }
    declared = answers({"$ref": "#/components/schemas/Pet"})
    assert said(judged(declared, response=answer({"kind": "cat", "lives": 9}), components=components)) == []
    puppy = {"kind": "dog", "puppies": [{"kind": "dog", "puppies": 3}]}
    assert said(judged(declared, response=answer(puppy), components=components)) == [
        "response body /puppies/0/puppies: 3 is not of type array"
    ]
    wrong = said(judged(declared, response=answer({"kind": "cat"}), components=components))
    assert wrong == ["response body: the required member lives is not there"]
    made = excerpt(operation({"responses": declared["responses"]}, components=components))
    assert set(made["components"]["schemas"]) == {"Pet", "Cat", "Dog"}


def test_what_cannot_be_judged_is_a_remark_and_no_breach() -> None:
    judgement = judged(answers({"type": "string", "pattern": "(?<broken"}), response=answer("x"))
    assert not judgement.breaches
    assert "cannot be judged" in judgement.remarks[0]


@pytest.mark.parametrize(
    ("schema", "data", "says"),
    [
        ({"type": ["object", None]}, {}, 'type is ["object", null], expected one of array, boolean, integer'),
        ({"properties": {"a": {"properties": []}}}, {"a": {}}, "properties is [], expected an object of schemas"),
        ({"minimum": "a"}, 1, 'minimum is "a", expected a number'),
        ({"$ref": 7}, 1, "$ref is 7, expected text"),
        ({"allOf": [{"pattern": 7}]}, "a", "pattern is 7, expected text"),
        ({"required": True}, {}, "required is true, expected a list of names"),
        ({"type": "objekt"}, {}, 'type is "objekt", expected one of'),
        ({"multipleOf": 0}, 3, "multipleOf is 0, expected a number above 0"),
        ({"items": 7}, [1], "items is 7, expected a schema"),
    ],
)
def test_an_odd_description_is_named_by_its_keyword_and_place(schema: Any, data: Any, says: str) -> None:
    components = {"schemas": {"Odd": schema}}
    declared = answers({"$ref": "#/components/schemas/Odd"})
    found = judged(declared, response=answer(data), version="3.0.3", components=components)
    assert not found.breaches
    (remark,) = found.remarks
    assert re.search(r"the response body of anOperation cannot be judged: pets.yaml:\d+:\d+: ", remark)
    assert says in remark
    assert "Error" not in remark


def test_a_link_that_leads_nowhere_hides_no_odd_keyword() -> None:
    declared = answers({"minimum": "a"}, links={"next": {"$ref": "#/components/links/Nowhere"}})
    (remark,) = judged(declared, response=answer(1)).remarks
    assert 'minimum is "a"' in remark


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0", "3.2.0"])
@pytest.mark.parametrize(
    ("schema", "data"),
    [
        ({"type": "string", "pattern": "^(a|aa)+$"}, "a" * 60 + "!"),
        ({"type": "object", "properties": {"x": {"type": "string", "pattern": "^(a|aa)+$"}}}, {"x": "a" * 60 + "!"}),
    ],
)
def test_no_pattern_can_hang_a_check(version: str, schema: Any, data: Any) -> None:
    judgement = judged(answers(schema), response=answer(data), version=version)
    assert not judgement.breaches
    assert "the pattern '^(a|aa)+$' searched for more than 1 s" in judgement.remarks[0]


def test_no_pattern_of_a_member_name_can_hang_a_check() -> None:
    schema = {"type": "object", "patternProperties": {"^(a|aa)+$": {"type": "integer"}}}
    assert "searched for more than 1 s" in judged(answers(schema), response=answer({"a" * 60 + "!": 1})).remarks[0]
    assert said(judged(answers(schema), response=answer({"aa": "x"}))) == [
        'response body /aa: "x" is not of type integer'
    ]


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0", "3.2.0"])
def test_no_pattern_beside_additional_members_can_hang_a_check(version: str) -> None:
    schema = {"type": "object", "additionalProperties": False, "patternProperties": {"^(a|aa)+$": {}}}
    for more in ({}, {"propertyNames": {"pattern": "^(a|aa)+$"}}):
        found = judged(answers({**schema, **more}), response=answer({"a" * 60 + "!": 1}), version=version)
        assert "searched for more than 1 s" in found.remarks[0]


@pytest.mark.parametrize("inner", [{}, {"allOf": [{"patternProperties": {"^(a|aa)+$": {}}}]}])
def test_no_pattern_beside_unevaluated_members_can_hang_a_check(inner: Any) -> None:
    schema = {"type": "object", "unevaluatedProperties": False, "patternProperties": {} if inner else {"^(a|aa)+$": {}}}
    schema |= inner
    found = judged(answers(schema), response=answer({"a" * 60 + "!": 1}))
    assert "searched for more than 1 s" in found.remarks[0]
    assert not judged(answers(schema), response=answer({"aa": 1})).breaches
    assert said(judged(answers(schema), response=answer({"b": 1})))


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0", "3.2.0"])
@pytest.mark.parametrize("additional", [False, {"type": "string"}])
def test_members_that_a_pattern_names_are_not_additional(version: str, additional: Any) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "patternProperties": {r"^\p{L}-": {"type": "integer"}},
        "additionalProperties": additional,
    }
    assert said(judged(answers(schema), response=answer({"a": 1, "é-1": 2}), version=version)) == []
    (breach,) = said(judged(answers(schema), response=answer({"a": 1, "7-1": 2}), version=version))
    assert ("'7-1' was unexpected" if additional is False else "/7-1: 2 is not of type string") in breach


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_a_long_array_of_referenced_items_is_judged(version: str) -> None:
    schema = {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}
    things = {"schemas": {"Thing": {"type": "object", "required": ["id"]}}}
    data = [{"id": number} for number in range(50_000)]
    assert said(judged(answers(schema), response=answer(data), version=version, components=things)) == []


def test_a_pattern_may_name_classes_of_characters() -> None:
    schema = {"type": "string", "pattern": r"^\p{L}+$"}
    assert said(judged(answers(schema), response=answer("été"))) == []
    assert said(judged(answers(schema), response=answer("7"))) == [r'response body: "7" does not match ^\p{L}+$']


@pytest.mark.parametrize("content_type", ["application/json;", 'application/json; profile="a=b"; charset=utf-8'])
def test_a_content_type_may_have_any_parameters(content_type: str) -> None:
    found = judged(answers({"type": "string"}), response=answer(7, headers=[("Content-Type", content_type)]))
    assert said(found) == ["response body: 7 is not of type string"]


@pytest.mark.parametrize("version", ["3.1.0", "3.2.0"])
def test_a_schema_may_be_true_or_false(version: str) -> None:
    assert said(judged(answers(schema=True), response=answer(7), version=version)) == []
    assert said(judged(answers(schema=False), response=answer(7), version=version)) == [
        "response body: 7 should not be valid under {}"
    ]


def test_a_value_is_shown_as_json_whatever_is_wrong_with_it() -> None:
    (breach,) = said(judged(answers({"not": {"type": "object"}}), response=answer({"kind": None})))
    assert breach.startswith('response body: {"kind": null} should not be valid under')


@pytest.mark.parametrize("responses", [None, "ok"])
def test_without_documented_responses_any_is_right_and_the_request_is_judged(responses: Any) -> None:
    declared = {
        "responses": responses,
        "requestBody": {"content": {"application/json": {"schema": {"type": "string"}}}},
    }
    request = Request("POST", "https://api.example/v1/things/7", JSON, b"7")
    assert said(judged(declared, request, answer(7))) == ["request body: 7 is not of type string"]


def test_a_reference_to_nothing_is_a_remark() -> None:
    judgement = judged(answers({"$ref": "#/components/schemas/Gone"}), response=answer("x"))
    assert not judgement.breaches
    assert "#/components/schemas/Gone" in judgement.remarks[0]


def part_judged(schema: Any, content: bytes, version: str = "3.1.0", **more: Any) -> list[str]:
    """What is said of a form with that content as its one part."""
    media = {"schema": {"type": "object", "properties": {"file": schema}, **more}}
    form = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n--b--\r\n"
    )
    headers = (("Content-Type", "multipart/form-data; boundary=b"),)
    request = Request("POST", "https://api.example/v1/things", headers, form)
    declared = {"requestBody": {"content": {"multipart/form-data": media}}}
    return said(judged(declared, request, path="/things", version=version))


@pytest.mark.parametrize("content", [b"data", b"\x89PNG\x00\xff"], ids=["text", "bytes"])
@pytest.mark.parametrize("version", ["3.0.3", "3.1.0", "3.2.0"])
@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "format": "binary"},
        {"anyOf": [{"type": "string", "format": "binary"}]},
        {"type": "string", "contentMediaType": "image/png"},
        {"type": "string"},
        {"contentMediaType": "image/png"},
        {"type": "array", "items": {"type": "string", "format": "binary"}},
    ],
    ids=str,
)
def test_the_bytes_of_a_part_are_a_string(schema: Any, version: str, content: bytes) -> None:
    assert part_judged(schema, content, version) == []


def test_the_bytes_of_a_part_are_compared_and_shown_as_text() -> None:
    binary = {"type": "string", "format": "binary"}
    assert part_judged({**binary, "enum": ["data"]}, b"data") == []
    assert part_judged({**binary, "const": "data"}, b"data") == []
    assert part_judged({**binary, "enum": ["on", "off"]}, b"up") == [
        'request body /file: "up" is not one of "on", "off"'
    ]
    assert part_judged({"not": {"type": "string"}, "contentMediaType": "image/png"}, b"up") == [
        'request body /file: "up" should not be valid under {"type": "string"}'
    ]
    assert part_judged({**binary, "enum": ["on"]}, MASK.encode()) == []
