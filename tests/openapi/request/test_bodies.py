"""Payloads to bodies (H4), read back by parsers that have nothing to do with the encoder."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from contextlib import closing
from typing import Any
from urllib.parse import parse_qsl

import pytest
from lxml import etree
from openapi_core import OpenAPI
from openapi_core.contrib.werkzeug import WerkzeugOpenAPIRequest
from werkzeug.datastructures import MultiDict
from werkzeug.formparser import parse_form_data
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from arazzo_runner.documents.file_contents import FileContent
from arazzo_runner.errors import StepError
from arazzo_runner.openapi.media_types import media_type_parameter
from arazzo_runner.openapi.request.bodies import Body, choose_content_type, encode_body
from tests.support.descriptions import description, operation, operation_with_body

JSON, FORM, MULTIPART, XML = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "application/xml",
)


def encoded(
    content_type: str,
    payload: Any,
    media: Mapping[str, Any] | None = None,
    *,
    version: str = "3.1.0",
    **components: Any,
) -> Body:
    """A payload as the body of an operation that describes its media type so."""
    return encode_body(
        operation_with_body({content_type.partition(";")[0]: media or {}}, version=version, **components),
        content_type,
        payload,
    )


def refused(content_type: str, payload: Any, media: Mapping[str, Any] | None = None) -> StepError:
    with pytest.raises(StepError) as caught:
        encoded(content_type, payload, media)
    assert caught.value.code == "request-invalid"
    return caught.value


@pytest.mark.parametrize("payload", [{"a": "\ud800"}, {"\ud800": "a"}])
def test_half_of_a_surrogate_pair_is_sent_in_no_part(payload: Any) -> None:
    assert "surrogate" in refused(MULTIPART, payload).message


# Which media type


@pytest.mark.parametrize(
    ("declared", "wanted", "payload", "expected"),
    [
        ([XML, JSON], None, {}, JSON),
        ([XML, "application/vnd.pets+json"], None, {}, "application/vnd.pets+json"),
        ([XML, FORM], None, {}, XML),
        ([JSON], "text/plain", "x", "text/plain"),
        (["text/plain", JSON], None, "x", JSON),
        (["*/*"], None, {}, JSON),
        ([], None, {"a": 1}, JSON),
        ([], None, "x", "text/plain"),
        ([], None, b"x", "application/octet-stream"),
        (["image/*"], None, b"x", "application/octet-stream"),
        ([JSON, "image/png"], None, b"x", "image/png"),
        ([JSON, MULTIPART], None, {"files": [b"x"]}, MULTIPART),
        ([JSON], None, {"file": b"x"}, JSON),
    ],
)
def test_the_media_type_is_the_steps_or_the_operations_json_first(
    declared: list[str], wanted: str | None, payload: Any, expected: str
) -> None:
    described = operation_with_body({content_type: {} for content_type in declared})
    assert choose_content_type(described, wanted, payload) == expected


@pytest.mark.parametrize("declared", [FORM, "APPLICATION/X-WWW-FORM-URLENCODED; charset=utf-8", "application/*", "*/*"])
def test_a_body_is_encoded_as_its_media_type_or_range_is_described(declared: str) -> None:
    described = operation_with_body({"text/plain": {}, declared: {"encoding": {"v": {"explode": False}}}})
    assert encode_body(described, FORM, {"v": [1, 2]}).content == b"v=1,2"


def test_a_body_that_the_operation_does_not_describe_has_the_defaults() -> None:
    assert encode_body(operation(), FORM, {"v": [1, 2]}).content == b"v=1&v=2"


# JSON, text, bytes


@pytest.mark.parametrize("payload", [{"a": [1, 1.5, None, True, "é"]}, [], "text", None, 0, {}])
@pytest.mark.parametrize("content_type", [JSON, "application/problem+json", "application/json; charset=utf-16"])
def test_json_is_sent_as_it_is(payload: Any, content_type: str) -> None:
    body = encoded(content_type, payload)
    assert body.content_type == content_type
    assert json.loads(body.content) == payload


def test_json_escapes_what_its_charset_cannot_hold() -> None:
    assert encoded("application/json; charset=latin-1", "é€").content == b'"\\u00e9\\u20ac"'
    assert encoded("application/json; charset=latin-1", "é").content == '"é"'.encode("latin-1")
    assert json.loads(encoded(JSON, "\ud800").content) == "\ud800"


@pytest.mark.parametrize("payload", [{"a": b"x"}, {"a": float("nan")}, float("inf")])
def test_what_json_cannot_hold_is_refused(payload: Any) -> None:
    assert "multipart/form-data" in refused(JSON, payload).hint


def test_text_respects_the_charset_of_its_media_type() -> None:
    assert encoded("text/plain; charset=ISO-8859-1", "é").content == b"\xe9"
    assert encoded('text/csv; charset="utf-16-le"', "a").content == b"a\0"
    assert encoded("text/plain", 1.5).content == b"1.5"
    assert "charset=utf-8" in refused("text/plain; charset=ascii", "é").hint
    assert "not known" in refused("text/plain; charset=klingon", "x").message


@pytest.mark.parametrize("content_type", ["image/png", JSON, FORM, XML])
def test_bytes_are_sent_as_they_are(content_type: str) -> None:
    assert encoded(content_type, b"\x89PNG").content == b"\x89PNG"


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", "text/csv", "application/x-own"])
@pytest.mark.parametrize(("payload", "text"), [({"a": "é"}, '{"a":"é"}'), ([1, None], "[1,null]")])
def test_data_for_a_type_of_text_is_its_json_text_with_a_warning(content_type: str, payload: Any, text: str) -> None:
    body = encoded(content_type, payload)
    assert (body.content_type, body.content.decode()) == (content_type, text)
    assert f"{content_type} is text: its JSON text was sent" in body.warning
    assert encoded(content_type, "a").warning == ""


@pytest.mark.parametrize(
    ("wanted", "declared", "payload", "expected"),
    [
        ("*/*", "*/*", {"a": 1}, JSON),
        (None, "*/*", {"a": 1}, JSON),
        ("text/*", "text/*", "a", "text/plain"),
        (None, "text/*", ["a"], JSON),
        ("*/*", "*/*", b"a", "application/octet-stream"),
        ("application/*", XML, "<a/>", XML),
        ("*/*", XML, {"a": 1}, XML),
        ("image/*", "image/*", FileContent(b"a", "a.png"), "image/png"),
        (None, "image/*", FileContent(b"a", "a.txt"), "application/octet-stream"),
    ],
)
def test_a_media_range_stands_for_what_the_payload_is(
    wanted: str | None, declared: str, payload: Any, expected: str
) -> None:
    assert choose_content_type(operation_with_body({declared: {}}), wanted, payload) == expected


FILE_SCHEMA = {"type": "object", "properties": {"f": {"type": "string", "format": "binary"}}}
TYPED = {"f": {"contentType": "text/csv"}}


@pytest.mark.parametrize(
    ("value", "encoding", "filename", "content_type", "content"),
    [
        (FileContent(b"\xff\n", "a.png"), {}, "a.png", "image/png", b"\xff\n"),
        (FileContent(b"a", "batch.unknown"), {}, "batch.unknown", "application/octet-stream", b"a"),
        (FileContent(b"a", "a.png"), TYPED, "a.png", "text/csv", b"a"),
        (FileContent(b"a", "a.png"), {"f": {"contentType": "image/*, text/csv"}}, "a.png", "image/png", b"a"),
        (FileContent(b"a", "a.gz"), {}, "a.gz", "application/octet-stream", b"a"),
        (b"a", {}, "f", "application/octet-stream", b"a"),
        (
            {"filename": "b.jsonl", "contentType": "application/jsonl", "content": b"a"},
            {},
            "b.jsonl",
            "application/jsonl",
            b"a",
        ),
        ({"filename": "b.txt", "content": "é"}, {}, "b.txt", "text/plain", "é".encode()),
        ({"contentType": "text/x", "content": FileContent(b"a", "a.png")}, TYPED, "a.png", "text/x", b"a"),
        ({"filename": "b.json", "content": {"a": 1}}, {}, "b.json", JSON, b'{"a":1}'),
    ],
)
def test_a_file_is_sent_with_its_own_name_and_type(
    value: Any, encoding: Any, filename: str, content_type: str, content: bytes
) -> None:
    body = encoded(MULTIPART, {"f": value}, {"schema": FILE_SCHEMA, "encoding": encoding})
    assert parts(body)["f"] == (filename, content_type, content)


def test_each_file_of_an_array_keeps_its_name() -> None:
    body = encoded(MULTIPART, {"f": [FileContent(b"1", "a.txt"), {"filename": "b.txt", "content": "2"}]})
    assert b'filename="a.txt"' in body.content
    assert b'filename="b.txt"' in body.content


def test_an_object_that_its_schema_declares_is_no_file() -> None:
    schema = {"type": "object", "properties": {"f": {"type": "object", "properties": {"content": {}, "filename": {}}}}}
    body = encoded(MULTIPART, {"f": {"filename": "a", "content": "b"}}, {"schema": schema})
    assert b'{"filename":"a","content":"b"}' in body.content
    assert b"filename=" not in body.content


# Forms


def form(payload: Any, encoding: Mapping[str, Any] | None = None) -> str:
    return encoded(FORM, payload, {"encoding": encoding or {}}).content.decode()


def test_a_form_is_the_specifications_example() -> None:
    address = {"streetAddress": "123 Example Dr.", "city": "Somewhere", "state": "CA", "zip": "99999+1234"}
    sent = form({"id": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "address": address})
    # the example leaves ':' and ',' as they are, which decodes to the same
    assert sent.replace("%3A", ":").replace("%2C", ",") == (
        "id=f81d4fae-7dec-11d0-a765-00a0c91e6bf6&address=%7B%22streetAddress%22:%22123+Example+Dr.%22,%22city%22:"
        "%22Somewhere%22,%22state%22:%22CA%22,%22zip%22:%2299999%2B1234%22%7D"
    )


@pytest.mark.parametrize(
    ("value", "encoding", "expected"),
    [
        ("a b&c=d+é", None, "v=a+b%26c%3Dd%2B%C3%A9"),
        (True, None, "v=true"),
        ("", None, "v="),
        (None, None, ""),
        ([], None, ""),
        ([1, None, "x y"], None, "v=1&v=x+y"),
        ([{"a": 1, "b": [2]}, None, "x"], None, "v%5B0%5D%5Ba%5D=1&v%5B0%5D%5Bb%5D=2&v%5B2%5D=x"),
        ([[1]], None, "v%5B0%5D=1"),
        ([{"a": 1}], {"contentType": JSON}, "v=%5B%7B%22a%22%3A1%7D%5D"),
        ({"a": 1}, None, "v=%7B%22a%22%3A1%7D"),
        ([1, 2], {"style": "form", "explode": False}, "v=1,2"),
        ([1, 2], {"style": "spaceDelimited"}, "v=1+2"),
        ([1, 2], {"style": "pipeDelimited", "explode": False}, "v=1%7C2"),
        ({"a": 1, "b": 2}, {"style": "form"}, "a=1&b=2"),
        ({"a": {"b": 1}}, {"style": "deepObject", "explode": True}, "v%5Ba%5D%5Bb%5D=1"),
        ([{"p": 1, "q": 2}], {"style": "deepObject", "explode": True}, "v%5B0%5D%5Bp%5D=1&v%5B0%5D%5Bq%5D=2"),
        (["x", "y"], {"style": "deepObject", "explode": True}, "v%5B0%5D=x&v%5B1%5D=y"),
        ({"i": [{"p": 1}], "t": ["a", "b"]}, {"style": "deepObject"}, "v%5Bi%5D%5B0%5D%5Bp%5D=1&v%5Bt%5D=a&v%5Bt%5D=b"),
        ("/a?b&c", {"allowReserved": True}, "v=/a?b%26c"),
        ("json", {"contentType": JSON}, "v=%22json%22"),
        ([1, 2], {"contentType": JSON}, "v=%5B1%2C2%5D"),
        ("x y", {"contentType": "text/plain"}, "v=x+y"),
        ([1, 2], {"contentType": JSON, "explode": False}, "v=1,2"),
    ],
)
def test_a_forms_members_are_encoded_as_declared(value: Any, encoding: Any, expected: str) -> None:
    assert form({"v": value}, {"v": encoding} if encoding else {}) == expected


def test_a_form_is_read_back_as_it_was_given() -> None:
    payload = {"page[size]": "1 2", "é": "a=b&c", "+": "100%"}
    assert dict(parse_qsl(form(payload), strict_parsing=True)) == payload


def test_a_form_may_be_given_as_text() -> None:
    assert form("a=1&b=%20") == "a=1&b=%20"
    assert "made of an object" in refused(FORM, [1]).hint


def test_an_empty_form_is_sent() -> None:
    assert encoded(FORM, {}) == Body(FORM, b"")


# Multipart


def parts(body: Body) -> MultiDict[str, Any]:
    """The parts as werkzeug reads them: fields as text, files as (filename, type, bytes)."""
    environ = {
        "wsgi.input": io.BytesIO(body.content),
        "CONTENT_LENGTH": str(len(body.content)),
        "CONTENT_TYPE": body.content_type,
        "REQUEST_METHOD": "POST",
    }
    _, fields, files = parse_form_data(environ, silent=False)
    found: MultiDict[str, Any] = MultiDict(fields)
    for name, file in files.items(multi=True):
        with closing(file):
            found.add(name, (file.filename, file.mimetype, file.read()))
    return found


def multipart(payload: Any, media: Mapping[str, Any] | None = None, **components: Any) -> MultiDict[str, Any]:
    return parts(encoded(MULTIPART, payload, media, **components))


def raw_part(payload: Any, media: Mapping[str, Any]) -> tuple[dict[str, str], bytes]:
    """The headers and content of the only part, as they stand in the body."""
    body = encoded(MULTIPART, payload, media)
    boundary = media_type_parameter(body.content_type, "boundary")
    assert boundary is not None
    _, part, end = body.content.split(b"--" + boundary.encode())
    assert end == b"--\r\n"
    head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    return dict(line.split(": ", 1) for line in head.decode().split("\r\n")), content.removesuffix(b"\r\n")


def test_each_member_is_a_part_and_each_item_of_an_array_one() -> None:
    found = multipart(
        {"text": "a\r\nb é", "n": 1.5, "yes": True, "tags": ["x", None, "y"], "none": None, "o": {"a": 1}}
    )
    assert found.to_dict(flat=False) == {
        "text": ["a\r\nb é"],
        "n": ["1.5"],
        "yes": ["true"],
        "tags": ["x", "y"],
        "o": ['{"a":1}'],
    }


def test_bytes_are_files() -> None:
    found = multipart({"file": b"\0\r\n--x", "more": [b"1", b"2"]})
    assert found.getlist("file") == [("file", "application/octet-stream", b"\0\r\n--x")]
    assert [content for _, _, content in found.getlist("more")] == [b"1", b"2"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "format": "binary"},
        {"type": "string", "contentMediaType": "text/csv"},
        {"anyOf": [{"type": "string", "format": "binary"}, {"type": "null"}]},
        {"allOf": [{"$ref": "#/components/schemas/File"}]},
    ],
)
def test_text_that_the_schema_calls_a_file_is_one(schema: dict[str, Any]) -> None:
    media = {"schema": {"properties": {"file": schema, "files": {"type": "array", "items": schema}}}}
    found = multipart({"file": "a,b", "files": ["c"]}, media, schemas={"File": {"format": "binary"}})
    assert found["file"][0] == "file"
    assert found["file"][2] == b"a,b"
    assert found["files"][2] == b"c"


def test_a_parts_media_type_is_the_one_that_is_declared() -> None:
    media = {"encoding": {"v": {"contentType": "image/*, image/png, image/jpeg"}}}
    assert multipart({"v": b"x"}, media)["v"] == ("v", "image/png", b"x")
    headers, content = raw_part({"v": "text"}, {"encoding": {"v": {"contentType": JSON}}})
    assert (headers["Content-Type"], content) == (JSON, b'"text"')
    headers, content = raw_part({"v": {"a": 1}}, {})
    assert (headers["Content-Type"], content) == (JSON, b'{"a":1}')
    assert "Content-Type" not in raw_part({"v": "text"}, {})[0]


def test_a_part_has_the_headers_whose_value_the_description_settles() -> None:
    headers = {
        "X-Const": {"schema": {"const": "c"}},
        "X-Default": {"schema": {"default": 1}},
        "X-Only": {"schema": {"enum": ["o"]}},
        "X-Open": {"schema": {"type": "string"}},
        "Content-Type": {"schema": {"const": "text/evil"}},
    }
    found, _ = raw_part({"v": "x"}, {"encoding": {"v": {"headers": headers}}})
    assert found == {
        "Content-Disposition": 'form-data; name="v"',
        "X-Const": "c",
        "X-Default": "1",
        "X-Only": "o",
    }


def test_a_part_that_is_declared_as_base64_is_base64() -> None:
    headers = {"Content-Transfer-Encoding": {"schema": {"const": "base64"}}}
    assert raw_part({"v": b"\xff"}, {"encoding": {"v": {"headers": headers}}})[1] == b"/w=="


@pytest.mark.parametrize(
    ("value", "encoding", "expected"),
    [
        ({"a": 1, "b": "x y"}, {"style": "deepObject", "explode": True}, {"v[a]": ["1"], "v[b]": ["x y"]}),
        ([1, 2], {"style": "form", "explode": False}, {"v": ["1,2"]}),
        ([1, 2], {"explode": True}, {"v": ["1", "2"]}),
        ({"a": 1}, {"style": "form"}, {"a": ["1"]}),
    ],
)
def test_a_style_takes_the_place_of_the_media_type(value: Any, encoding: Any, expected: Any) -> None:
    assert multipart({"v": value}, {"encoding": {"v": encoding}}).to_dict(flat=False) == expected


@pytest.mark.parametrize("payload", [{"a": "\ud800"}, {"a": {"b": b"x"}}])
def test_what_no_part_can_hold_is_refused(payload: Any) -> None:
    refused(MULTIPART, payload)


def test_names_cannot_add_a_header_to_their_part() -> None:
    found = multipart({'a"; filename="x\r\nX-Evil: 1': "v"})
    assert list(found.values()) == ["v"]
    assert b"\r\nX-Evil" not in encoded(MULTIPART, {"a\r\nX-Evil: 1": "v"}).content


def test_equal_payloads_have_equal_bodies() -> None:
    assert encoded(MULTIPART, {"a": b"1"}) == encoded(MULTIPART, {"a": b"1"})
    assert encoded(MULTIPART, {"a": b"1"}).content_type != encoded(MULTIPART, {"a": b"2"}).content_type


def test_a_boundary_that_the_step_gives_is_used() -> None:
    body = encoded("multipart/form-data; boundary=xyz", {"a": "1"})
    assert body.content_type == "multipart/form-data; boundary=xyz"
    assert parts(body)["a"] == "1"
    assert "occurs in a part" in refused("multipart/form-data; boundary=xyz", {"a": "--xyz"}).message


def test_multipart_may_be_given_as_text_with_its_boundary() -> None:
    text = '--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--xyz--\r\n'
    assert parts(encoded(MULTIPART, text))["a"] == "1"
    assert "boundary" in refused(MULTIPART, "a=1").message
    assert "made of an object" in refused(MULTIPART, [1]).message


def test_a_server_unmarshals_multipart_to_the_values_that_were_sent() -> None:
    # no number among them: openapi-core takes the text of a part for what it is
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "owner": {"type": "object", "properties": {"id": {"type": "integer"}}},
        },
    }
    payload = {"name": "é", "tags": ["a", "b"], "owner": {"id": 7}}
    assert unmarshalled(MULTIPART, payload, schema) == payload


def test_a_server_unmarshals_a_form_to_the_values_that_were_sent() -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "count": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
    }
    payload = {"name": "a b&c+é", "count": 3, "tags": ["a", "b"]}
    assert unmarshalled(FORM, payload, schema) == payload


def unmarshalled(content_type: str, payload: Any, schema: dict[str, Any]) -> Any:
    """A body as openapi-core reads it."""
    content = {content_type: {"schema": schema}}
    api = OpenAPI.from_dict(
        {
            "openapi": "3.1.0",
            "info": {"title": "pets", "version": "1"},
            "servers": [{"url": "http://pets.test"}],
            "paths": {
                "/pets": {"post": {"requestBody": {"content": content}, "responses": {"200": {"description": "ok"}}}}
            },
        }
    )
    body = encoded(content_type, payload, {"schema": schema})
    environ = EnvironBuilder(
        path="/pets", method="POST", base_url="http://pets.test", data=body.content, content_type=body.content_type
    ).get_environ()
    result = api.unmarshal_request(WerkzeugOpenAPIRequest(Request(environ)))
    result.raise_for_errors()
    return result.body


# XML


def xml(payload: Any, schema: Mapping[str, Any] | None = None, **schemas: Any) -> str:
    body = encoded(XML, payload, {"schema": schema} if schema else {}, version="3.2.0", schemas=schemas)
    etree.fromstring(body.content)  # well-formed, to another parser
    return body.content.decode()


def prop(name: str, schema: Mapping[str, Any], **root: Any) -> dict[str, Any]:
    return {"type": "object", "xml": {"name": "root"}, "properties": {name: schema}, **root}


STRINGS = {"type": "array", "items": {"type": "string"}}
NAMED = {"type": "array", "items": {"type": "string", "xml": {"name": "animal"}}}


@pytest.mark.parametrize(
    ("value", "schema", "expected"),
    [
        # the XML Object's own examples
        ("v", {"type": "string"}, "<animals>v</animals>"),
        ("v", {"type": "string", "xml": {"name": "animal"}}, "<animal>v</animal>"),
        (["v", "w"], STRINGS, "<animals>v</animals><animals>w</animals>"),
        (["v"], NAMED, "<animal>v</animal>"),
        (["v"], {**NAMED, "xml": {"name": "aliens"}}, "<animal>v</animal>"),
        (["v"], {**STRINGS, "xml": {"wrapped": True}}, "<animals><animals>v</animals></animals>"),
        (["v"], {**NAMED, "xml": {"wrapped": True}}, "<animals><animal>v</animal></animals>"),
        (["v"], {**STRINGS, "xml": {"name": "aliens", "wrapped": True}}, "<aliens><aliens>v</aliens></aliens>"),
        (["v"], {**NAMED, "xml": {"name": "aliens", "wrapped": True}}, "<aliens><animal>v</animal></aliens>"),
        # the name beside an array counts for the wrapping element only
        (["v"], {**STRINGS, "xml": {"name": "aliens"}}, "<animals>v</animals>"),
        ("v", {"xml": {"prefix": "s", "namespace": "urn:s"}}, '<s:animals xmlns:s="urn:s">v</s:animals>'),
        ("v", {"xml": {"namespace": "urn:s"}}, '<animals xmlns="urn:s">v</animals>'),
        # 3.2's node types
        (["v"], {**NAMED, "xml": {"nodeType": "element"}}, "<animals><animal>v</animal></animals>"),
        ("a<b", {"xml": {"nodeType": "text"}}, "a&lt;b"),
        ("a<b]]>", {"xml": {"nodeType": "cdata"}}, "<![CDATA[a<b]]]]><![CDATA[>]]>"),
        ({"a": 1}, {"type": "object", "xml": {"nodeType": "none"}}, "<a>1</a>"),
        # values
        (None, {}, ""),
        ("", {}, "<animals/>"),
        (True, {}, "<animals>true</animals>"),
        ('a & <b> "c"', {}, '<animals>a &amp; &lt;b&gt; "c"</animals>'),
        ({"a": [1, 2], "none": None}, {}, "<animals><a>1</a><a>2</a></animals>"),
        ({"a": 1, "none": None}, {"xml": {"nodeType": "none"}}, "<a>1</a>"),
        (
            [[1, None], [2]],
            {"items": {}},
            "<animals><animals>1</animals><animals/></animals><animals><animals>2</animals></animals>",
        ),
    ],
)
def test_a_member_becomes_an_element_by_its_hints(value: Any, schema: Mapping[str, Any], expected: str) -> None:
    written = xml({"animals": value}, prop("animals", schema))
    assert written == (f"<root>{expected}</root>" if expected else "<root/>")


@pytest.mark.parametrize("hint", [{"attribute": True}, {"nodeType": "attribute"}])
def test_a_member_may_be_an_attribute(hint: dict[str, Any]) -> None:
    written = xml({"id": '1"<', "name": "x"}, prop("id", {"xml": {**hint, "name": "ID"}}))
    root = etree.fromstring(written.encode())
    assert {str(k): str(v) for k, v in root.attrib.items()} == {"ID": '1"<'}
    assert [child.tag for child in root] == ["name"]


def test_the_specifications_person_has_its_namespace_prefix_and_attribute() -> None:
    schema = {
        "type": "object",
        "properties": {
            "id": {"type": "integer", "xml": {"attribute": True}},
            "name": {"type": "string", "xml": {"namespace": "https://example.com/schema/sample", "prefix": "sample"}},
        },
    }
    written = xml({"id": 123, "name": "example"}, {"$ref": "#/components/schemas/Person"}, Person=schema)
    root = etree.fromstring(written.encode())
    assert (root.tag, {str(k): str(v) for k, v in root.attrib.items()}) == ("Person", {"id": "123"})
    assert [(child.tag, child.text) for child in root] == [("{https://example.com/schema/sample}name", "example")]


def test_the_root_is_named_by_its_hints_or_its_component() -> None:
    assert xml({}, {"$ref": "#/components/schemas/Pet"}, Pet={}) == "<Pet/>"
    assert xml({}, {"$ref": "#/components/schemas/Pet"}, Pet={"xml": {"name": "pet"}}) == "<pet/>"
    assert xml({}, {"$ref": "#/components/schemas/Pet", "xml": {"name": "animal"}}, Pet={}) == "<animal/>"
    assert xml({"a": 1}) == "<root><a>1</a></root>"
    assert xml([1], {"xml": {"name": "list"}, "items": {"xml": {"name": "n"}}}) == "<list><n>1</n></list>"


def test_hints_are_found_through_references_and_combinators() -> None:
    pet = {"allOf": [{"$ref": "#/components/schemas/Base"}, {"properties": {"tag": {"xml": {"name": "label"}}}}]}
    base = {"properties": {"id": {"xml": {"attribute": True}}}}
    assert xml({"id": 1, "tag": "x"}, {"$ref": "#/components/schemas/Pet"}, Pet=pet, Base=base) == (
        '<Pet id="1"><label>x</label></Pet>'
    )


def test_xml_text_is_sent_as_it_is_in_its_charset() -> None:
    assert encoded(XML, "<a>é</a>").content == "<a>é</a>".encode()
    assert encoded("text/xml; charset=iso-8859-1", "<a>é</a>").content == b"<a>\xe9</a>"
    assert encoded("application/soap+xml; charset=ascii", {"a": "é"}).content == b"<root><a>&#233;</a></root>"


@pytest.mark.parametrize("payload", [{"a b": 1}, {"<a>": 1}, {"a": "\0"}, {"1": 2}])
def test_what_xml_cannot_hold_is_refused(payload: Any) -> None:
    refused(XML, payload)


def test_a_schema_in_another_document_keeps_its_own_references() -> None:
    media = {XML: {"schema": {"$ref": "schemas/pet.yaml#/Pet"}}}
    others = {
        "https://example.com/apis/schemas/pet.yaml": {"Pet": {"properties": {"id": {"$ref": "parts/id.yaml"}}}},
        "https://example.com/apis/schemas/parts/id.yaml": {"xml": {"attribute": True}},
    }
    written = operation({"requestBody": {"content": media}}, method="post", others=others)
    assert encode_body(written, XML, {"id": 1}).content == b'<Pet id="1"/>'


def test_before_3_1_what_stands_beside_a_reference_does_not_count() -> None:
    schema = {"$ref": "#/components/schemas/Pet", "xml": {"name": "animal"}}
    for version, name in (("3.0.3", "Pet"), ("3.1.0", "animal")):
        data = {
            "openapi": version,
            "paths": {"/": {"post": {"operationId": "o", "requestBody": {"content": {XML: {"schema": schema}}}}}},
            "components": {"schemas": {"Pet": {}}},
        }
        found = description(data).find("o")
        assert found is not None
        assert encode_body(found, XML, {}).content == f"<{name}/>".encode()
