"""Parameters to requests (H3): the specification's tables, and what may never happen."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_path import SchemaPath
from openapi_core import OpenAPI
from openapi_core.casting.schemas import oas31_schema_casters_factory
from openapi_core.contrib.werkzeug import WerkzeugOpenAPIRequest
from openapi_core.deserializing.styles import StyleDeserializersFactory, style_deserializers
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from arazzo_runner.errors import StepError
from arazzo_runner.openapi.request.parameters import Argument, SerializedParameters, serialize
from tests.support.descriptions import operation

BLUE, EMPTY, ARRAY, OBJECT = "blue", "", ["blue", "black", "brown"], {"R": 100, "G": 200, "B": 150}
NOT_SENT = None
ERROR = "<refused>"

FORM_OBJECT = "looks for a pair named after the parameter"
SPACES = "splits at '%20' what has been decoded by then"
COOKIE_STYLE = "does not know 3.2's style: cookie"
NO_EQUALS = "wants '=' after the name of an empty string"


class Cell(NamedTuple):
    """A cell of the table of Style Examples.

    Attributes:
        wire: what is sent: the segment of the path, the query, the header's value, or the ``Cookie`` header.
        unread: why openapi-core does not give the value back; empty when it does.
    """

    location: str
    style: str
    explode: bool
    value: Any
    wire: str | None
    unread: str = ""


CELLS = [
    # matrix
    Cell("path", "matrix", False, BLUE, ";color=blue"),
    Cell("path", "matrix", False, EMPTY, ";color", NO_EQUALS),
    Cell("path", "matrix", False, ARRAY, ";color=blue,black,brown"),
    Cell("path", "matrix", False, OBJECT, ";color=R,100,G,200,B,150"),
    Cell("path", "matrix", True, BLUE, ";color=blue"),
    Cell("path", "matrix", True, EMPTY, ";color", NO_EQUALS),
    Cell("path", "matrix", True, ARRAY, ";color=blue;color=black;color=brown"),
    Cell("path", "matrix", True, OBJECT, ";R=100;G=200;B=150"),
    # label; the versions before 3.0.4 print '.blue.black.brown' for both, against RFC 6570
    Cell("path", "label", False, BLUE, ".blue"),
    Cell("path", "label", False, EMPTY, ERROR),
    Cell("path", "label", False, ARRAY, ".blue,black,brown"),
    Cell("path", "label", False, OBJECT, ".R,100,G,200,B,150"),
    Cell("path", "label", True, BLUE, ".blue"),
    Cell("path", "label", True, EMPTY, ERROR),
    Cell("path", "label", True, ARRAY, ".blue.black.brown"),
    Cell("path", "label", True, OBJECT, ".R=100.G=200.B=150"),
    # simple
    Cell("path", "simple", False, BLUE, "blue"),
    Cell("path", "simple", False, EMPTY, ERROR),
    Cell("path", "simple", False, ARRAY, "blue,black,brown"),
    Cell("path", "simple", False, OBJECT, "R,100,G,200,B,150"),
    Cell("path", "simple", True, BLUE, "blue"),
    Cell("path", "simple", True, EMPTY, ERROR),
    Cell("path", "simple", True, ARRAY, "blue,black,brown"),
    Cell("path", "simple", True, OBJECT, "R=100,G=200,B=150"),
    Cell("header", "simple", False, BLUE, "blue"),
    Cell("header", "simple", False, EMPTY, ""),
    Cell("header", "simple", False, ARRAY, "blue,black,brown"),
    Cell("header", "simple", False, OBJECT, "R,100,G,200,B,150"),
    Cell("header", "simple", True, BLUE, "blue"),
    Cell("header", "simple", True, EMPTY, ""),
    Cell("header", "simple", True, ARRAY, "blue,black,brown"),
    Cell("header", "simple", True, OBJECT, "R=100,G=200,B=150"),
    # form
    Cell("query", "form", False, BLUE, "color=blue"),
    Cell("query", "form", False, EMPTY, "color="),
    Cell("query", "form", False, ARRAY, "color=blue,black,brown"),
    Cell("query", "form", False, OBJECT, "color=R,100,G,200,B,150"),
    Cell("query", "form", True, BLUE, "color=blue"),
    Cell("query", "form", True, EMPTY, "color="),
    Cell("query", "form", True, ARRAY, "color=blue&color=black&color=brown"),
    Cell("query", "form", True, OBJECT, "R=100&G=200&B=150", FORM_OBJECT),
    Cell("cookie", "form", False, BLUE, "color=blue"),
    Cell("cookie", "form", False, EMPTY, "color="),
    Cell("cookie", "form", False, ARRAY, "color=blue,black,brown"),
    Cell("cookie", "form", False, OBJECT, "color=R,100,G,200,B,150"),
    # cookies are separated by '; ': RFC 6570's '&' would be part of the value
    Cell("cookie", "form", True, BLUE, "color=blue"),
    Cell("cookie", "form", True, EMPTY, "color="),
    Cell("cookie", "form", True, ARRAY, "color=blue; color=black; color=brown"),
    Cell("cookie", "form", True, OBJECT, "R=100; G=200; B=150", FORM_OBJECT),
    # cookie, 3.2
    Cell("cookie", "cookie", False, BLUE, "color=blue", COOKIE_STYLE),
    Cell("cookie", "cookie", False, EMPTY, "color=", COOKIE_STYLE),
    Cell("cookie", "cookie", False, ARRAY, "color=blue,black,brown", COOKIE_STYLE),
    Cell("cookie", "cookie", False, OBJECT, "color=R,100,G,200,B,150", COOKIE_STYLE),
    Cell("cookie", "cookie", True, BLUE, "color=blue", COOKIE_STYLE),
    Cell("cookie", "cookie", True, EMPTY, "color=", COOKIE_STYLE),
    Cell("cookie", "cookie", True, ARRAY, "color=blue; color=black; color=brown", COOKIE_STYLE),
    Cell("cookie", "cookie", True, OBJECT, "R=100; G=200; B=150", COOKIE_STYLE),
    # delimited; with explode, and for a single value, the specification leaves it undefined
    Cell("query", "spaceDelimited", False, ARRAY, "color=blue%20black%20brown", SPACES),
    Cell("query", "spaceDelimited", False, OBJECT, "color=R%20100%20G%20200%20B%20150", SPACES),
    Cell("query", "pipeDelimited", False, ARRAY, "color=blue%7Cblack%7Cbrown"),
    Cell("query", "pipeDelimited", False, OBJECT, "color=R%7C100%7CG%7C200%7CB%7C150"),
    Cell("query", "spaceDelimited", True, ARRAY, "color=blue&color=black&color=brown", "undefined"),
    Cell("query", "pipeDelimited", True, ARRAY, "color=blue&color=black&color=brown", "undefined"),
    Cell("query", "pipeDelimited", False, BLUE, "color=blue", "undefined"),
    Cell("query", "deepObject", True, OBJECT, "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150"),
    Cell("query", "deepObject", False, OBJECT, "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150", "undefined"),
    Cell("query", "deepObject", True, ARRAY, "color%5B0%5D=blue&color%5B1%5D=black&color%5B2%5D=brown", "undefined"),
    Cell("query", "deepObject", True, BLUE, "color=blue", "undefined"),
]
STYLES = sorted({(cell.location, cell.style, cell.explode) for cell in CELLS})
# An empty array or object is RFC 6570's 'undefined', and so is null: not sent, and no path without it.
CELLS += [
    Cell(location, style, explode, nothing, ERROR if location == "path" else NOT_SENT)
    for location, style, explode in STYLES
    for nothing in ([], {}, [None], {"R": None}, None)
]


def name_of(cell: Cell) -> str:
    return f"{cell.location}-{cell.style}{'*' if cell.explode else ''}-{cell.value!r}"


def parameter(name: str = "color", location: str = "query", **fields: Any) -> dict[str, Any]:
    return {"name": name, "in": location, "required": location == "path", "schema": {}} | fields


def sent(
    location: str, value: Any, *, path: str = "/colors", version: str = "3.1.0", **fields: Any
) -> SerializedParameters:
    """What becomes of one declared parameter named ``color``."""
    path = f"{path}/{{color}}" if location == "path" and "{" not in path else path
    written = {"parameters": [parameter("color", location, **fields)]}
    return serialize(operation(written, path=path, version=version), [Argument("color", location, value)])


def wire(target: SerializedParameters, location: str) -> str | None:
    match location:
        case "path":
            return target.path.removeprefix("/colors/")
        case "query" | "querystring":
            return target.query or None
        case "header":
            return dict(target.headers).get("color")
        case _:
            return dict(target.headers).get("Cookie")


@pytest.mark.parametrize("version", ["3.0.3", "3.1.1", "3.2.0"])
@pytest.mark.parametrize("cell", CELLS, ids=name_of)
def test_a_cell_is_sent_as_the_specification_prints_it(cell: Cell, version: str) -> None:
    fields: dict[str, Any] = {"style": cell.style, "explode": cell.explode, "version": version}
    if cell.wire == ERROR:
        with pytest.raises(StepError):
            sent(cell.location, cell.value, **fields)
        return
    assert wire(sent(cell.location, cell.value, **fields), cell.location) == cell.wire


# A server's own reading


def schema_of(value: Any) -> dict[str, Any]:
    match value:
        case dict():
            return {"type": "object", "properties": {key: {"type": "integer"} for key in value}}
        case list():
            return {"type": "array", "items": {"type": "string"}}
        case _:
            return {"type": "string"}


def server_reads(cell: Cell) -> Any:
    """The value as openapi-core's deserialisation gives it back."""
    target = sent(cell.location, cell.value, style=cell.style, explode=cell.explode)
    schema = schema_of(cell.value)
    if cell.style in ("matrix", "label"):
        return read_path_style(cell, unquote(target.path.removeprefix("/colors/")), schema)
    declared = parameter("color", cell.location, style=cell.style, explode=cell.explode, schema=schema)
    if cell.value == EMPTY and cell.location == "query":
        declared["allowEmptyValue"] = True
    path = "/colors/{color}" if cell.location == "path" else "/colors"
    return getattr(unmarshal(target, path, declared), cell.location)["color"]


def unmarshal(target: SerializedParameters, path: str, *declared: dict[str, Any]) -> Any:
    """The parameters of a request, unmarshalled against a description of one operation."""
    api = OpenAPI.from_dict(
        {
            "openapi": "3.1.0",
            "info": {"title": "colors", "version": "1"},
            "servers": [{"url": "http://colors.test"}],
            "paths": {path: {"get": {"parameters": [*declared], "responses": {"200": {"description": "ok"}}}}},
        }
    )
    environ = EnvironBuilder(
        path=target.path, base_url="http://colors.test", query_string=target.query, headers=target.headers
    ).get_environ()
    result = api.unmarshal_request(WerkzeugOpenAPIRequest(Request(environ)))
    result.raise_for_errors()
    return result.parameters


def read_path_style(cell: Cell, text: str, schema: dict[str, Any]) -> Any:
    """openapi-core finds these by RFC 6570's name (``;color*``), which no path key can have: asked for directly."""
    spec = SchemaPath.from_dict(schema)
    factory = StyleDeserializersFactory(oas31_schema_casters_factory, style_deserializers)
    name = {"matrix": ";", "label": "."}[cell.style] + "color" + ("*" if cell.explode else "")
    return factory.create(spec, spec, cell.style, cell.explode, "color").deserialize({name: text})


@pytest.mark.filterwarnings("ignore:Use of allowEmptyValue:DeprecationWarning")
@pytest.mark.parametrize("cell", [c for c in CELLS if c.wire not in (NOT_SENT, ERROR) and not c.unread], ids=name_of)
def test_a_server_reads_the_value_that_was_sent(cell: Cell) -> None:
    assert server_reads(cell) == cell.value


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(TEXTS)
def test_a_query_gives_any_text_back(text: str) -> None:
    assert unmarshal(sent("query", text), "/colors", parameter(schema={"type": "string"})).query == {"color": text}


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
def test_a_path_value_stays_one_segment(text: str) -> None:
    if text in (".", ".."):
        return
    path = sent("path", text).path
    assert path.count("/") == 2
    assert unquote(path.removeprefix("/colors/")) == text
    assert urlsplit(f"https://h{path}") == ("https", "h", path, "", "")


@given(TEXTS)
def test_a_header_is_one_line_or_refused(text: str) -> None:
    try:
        target = sent("header", text)
    except StepError:
        return
    assert not set(target.headers[0][1]) & set("\r\n\0")


# Content, reserved characters, query strings


def test_a_parameter_with_content_is_written_in_its_media_type() -> None:
    content: dict[str, Any] = {"application/json": {}}
    assert wire(sent("query", {"lat": 1.5}, content=content), "query") == "color=%7B%22lat%22%3A1.5%7D"
    assert wire(sent("path", ["a/b"], content=content), "path") == "%5B%22a%2Fb%22%5D"
    assert wire(sent("header", {"é": 1}, content=content), "header") == '{"\\u00e9":1}'
    assert wire(sent("cookie", {"a": ";"}, content=content), "cookie") == "color={%22a%22:%22%3B%22}"
    assert wire(sent("query", "a b", content={"text/plain": {}}), "query") == "color=a%20b"


def test_a_server_reads_json_content_back() -> None:
    content = {"application/json": {"schema": {"type": "object"}}}
    declared = {"name": "color", "in": "query", "content": content}
    target = sent("query", {"lat": 1.5, "text": "a&b=c"}, content=content)
    assert unmarshal(target, "/colors", declared).query == {"color": {"lat": 1.5, "text": "a&b=c"}}


def test_json_text_is_taken_for_the_json_it_writes() -> None:
    assert wire(sent("query", '{"a": 1}', content={"application/json": {}}), "query") == "color=%7B%22a%22%3A1%7D"
    assert wire(sent("query", "{a", content={"application/json": {}}), "query") == "color=%22%7Ba%22"


def test_without_allow_reserved_everything_reserved_is_encoded() -> None:
    assert wire(sent("query", "/a?b&c=d#%41"), "query") == "color=%2Fa%3Fb%26c%3Dd%23%2541"


def test_allow_reserved_keeps_what_cannot_change_the_query() -> None:
    assert wire(sent("query", "/a?b:c@d,e=f%41 %", allowReserved=True), "query") == "color=/a?b:c@d,e=f%41%20%25"
    assert wire(sent("query", "a&b=1#[x]+", allowReserved=True), "query") == "color=a%26b=1%23%5Bx%5D%2B"


def test_allow_reserved_in_a_path_cannot_change_the_route() -> None:
    assert wire(sent("path", "a:b@c/d?e#%2F", allowReserved=True, version="3.2.0"), "path") == "a:b@c%2Fd%3Fe%23%252F"


@pytest.mark.parametrize(
    ("content_type", "value", "expected"),
    [
        ("application/x-www-form-urlencoded", "filter=active&sort=desc&limit=50", "filter=active&sort=desc&limit=50"),
        ("application/x-www-form-urlencoded", "?q=a b&c=%20#", "q=a%20b&c=%20%23"),
        ("application/x-www-form-urlencoded", {"q": "a b", "tag": ["x", "y"], "n": None}, "q=a%20b&tag=x&tag=y"),
        ("application/x-www-form-urlencoded", {}, None),
        ("application/json", '{"filter":"active"}', "%7B%22filter%22%3A%22active%22%7D"),
        ("application/json", {"limit": 50}, "%7B%22limit%22%3A50%7D"),
        ("application/jsonpath", "$.a.b[1:1]", "%24.a.b%5B1%3A1%5D"),
    ],
)
def test_a_querystring_is_the_whole_query(content_type: str, value: Any, expected: str | None) -> None:
    assert wire(sent("querystring", value, version="3.2.0", content={content_type: {}}), "querystring") == expected


def test_a_cookie_of_form_style_is_encoded_where_a_cookie_must_be() -> None:
    assert wire(sent("cookie", 'a b;c,d"%'), "cookie") == "color=a%20b%3Bc%2Cd%22%25"
    assert wire(sent("cookie", "dGVzdA+/=="), "cookie") == "color=dGVzdA+/=="


def test_a_cookie_of_cookie_style_is_sent_as_it_is() -> None:
    assert wire(sent("cookie", "s%3Aabc", style="cookie", version="3.2.0"), "cookie") == "color=s%3Aabc"
    with pytest.raises(StepError, match="semicolon"):
        sent("cookie", "a; admin=1", style="cookie", version="3.2.0")


# Defaults and undeclared parameters


@pytest.mark.parametrize(
    ("location", "expected"),
    [("query", "a=1&a=2"), ("header", "1,2"), ("cookie", "a=1; a=2")],
)
def test_an_undeclared_parameter_is_sent_by_the_defaults_of_its_location(location: str, expected: str) -> None:
    target = serialize(operation(), [Argument("a", location, [1, 2])])
    headers = dict(target.headers)
    assert {"query": target.query, "header": headers.get("a"), "cookie": headers.get("Cookie")}[location] == expected


def test_an_undeclared_cookie_keeps_what_its_server_encoded() -> None:
    target = serialize(operation(), [Argument("connect.sid", "cookie", "s%3Aabc.d+e")])
    assert target.headers == [("Cookie", "connect.sid=s%3Aabc.d+e")]


def test_cookies_join_the_header_that_the_step_gives() -> None:
    target = serialize(operation(), [Argument("a", "cookie", 1), Argument("cookie", "header", "b=2")])
    assert target.headers == [("Cookie", "b=2; a=1")]


def test_headers_are_found_without_case_and_sent_as_the_step_writes_them() -> None:
    written = {"parameters": [parameter("X-Ids", "header", explode=True)]}
    target = serialize(operation(written), [Argument("x-ids", "header", {"a": 1})])
    assert target.headers == [("x-ids", "a=1")]


@pytest.mark.parametrize("name", ["Authorization", "Accept", "Content-Type"])
def test_headers_whose_declaration_openapi_ignores_are_sent(name: str) -> None:
    written = {"parameters": [parameter(name, "header", required=True)]}
    assert serialize(operation(written), [Argument(name, "header", "x")]).headers == [(name, "x")]
    assert serialize(operation(written), []).warnings == []


@pytest.mark.parametrize("name", ["Host", "content-length", "Connection", "Transfer-Encoding"])
def test_headers_of_the_transport_are_ignored_with_a_warning(name: str) -> None:
    target = serialize(operation(), [Argument(name, "header", "x")])
    assert target.headers == []
    assert target.warnings == [f"the header {name} belongs to the transport; the step's value is ignored"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "true"),
        (1, "1"),
        (1.5, "1.5"),
        ({"a": {"b": [1]}}, "a=%7B%22b%22%3A%5B1%5D%7D"),
        ([[1], None], "color=%5B1%5D"),
    ],
)
def test_values_are_written_as_json_writes_them(value: Any, expected: str) -> None:
    assert wire(sent("query", value), "query") in (expected, f"color={expected}")


def test_a_deep_object_nests() -> None:
    value = {"a": {"b": 1, "c": None}, "tags": ["x", "y z"], "k&": "v"}
    expected = "color%5Ba%5D%5Bb%5D=1&color%5Btags%5D=x&color%5Btags%5D=y%20z&color%5Bk%26%5D=v"
    assert wire(sent("query", value, style="deepObject", explode=True), "query") == expected


def test_values_are_kept_for_expressions_as_the_step_gave_them() -> None:
    arguments = [Argument("color", "query", ["a"]), Argument("n", "query", 1), Argument("none", "query", None)]
    assert serialize(operation(), arguments).sent == {"query": {"color": ["a"], "n": 1}}


# Path keys


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("/files/{+color}", "a/b c?", "/files/a/b%20c%3F"),
        ("/files/{color*}", "a/b", "/files/a%2Fb"),
        ("/files/{color}.json", "..", "/files/...json"),
        ("/sp ace/é/{color}", "x", "/sp%20ace/%C3%A9/x"),
        ("/already%20encoded/{color}", "x", "/already%20encoded/x"),
        ("files/{color}", "x", "/files/x"),
        ("/{color}:{color}", "x", "/x:x"),
        ("/{color}#one-of-two", "x", "/x"),
    ],
)
def test_a_path_key_is_filled_and_encoded(key: str, value: str, expected: str) -> None:
    assert sent("path", value, path=key).path == expected


def test_a_query_in_a_path_key_is_kept() -> None:
    target = sent("path", "k", path="/{color}?uploads")
    assert (target.path, target.query) == ("/k", "uploads")
    written = {"parameters": [parameter("Action", "query"), parameter("id", "query")]}
    target = serialize(
        operation(written, path="/?Action=Create&id={id}"),
        [Argument("Action", "query", "Create"), Argument("id", "query", "a b")],
    )
    assert (target.path, target.query) == ("/", "Action=Create&id=a%20b")


def test_a_variable_of_a_query_in_a_path_key_may_be_a_path_parameter() -> None:
    assert sent("path", "a&b", path="/list?n={color}").query == "n=a%26b"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("/{color}", "."),
        ("/{color}", ".."),
        ("/{color}/pets", ""),
        ("/a/.{color}", "."),
        ("/{+color}", "a/../b"),
        ("/{+color}", ".."),
    ],
)
def test_a_value_that_would_change_the_route_is_refused(key: str, value: str) -> None:
    with pytest.raises(StepError, match="change") as caught:
        sent("path", value, path=key)
    assert caught.value.code == "request-invalid"


@pytest.mark.parametrize("value", ["/", "?", "#", "\r\n", "a\\b", "%2e%2e", "%2F"])
def test_what_could_change_the_route_is_encoded(value: str) -> None:
    path = sent("path", f"x{value}").path
    assert not set(path.removeprefix("/colors/")) & set("/?#\r\n\\")
    assert unquote(path) == f"/colors/x{value}"


def test_a_template_variable_left_unfilled_is_an_error_that_says_what_to_give() -> None:
    with pytest.raises(StepError, match=r"no value for \{id\}") as caught:
        serialize(operation(path="/pets/{id}"), [])
    assert caught.value.hint == "give the step a parameter named 'id' in path"


def test_a_path_parameter_that_the_path_does_not_have_is_ignored_with_a_warning() -> None:
    target = serialize(operation(), [Argument("id", "path", 1)])
    assert target.path == "/pets"
    assert "has no {id}" in target.warnings[0]


# Required parameters and refused values


@pytest.mark.parametrize("location", ["query", "header", "cookie"])
def test_a_required_parameter_that_is_not_mentioned_gives_a_warning(location: str) -> None:
    written = {"parameters": [parameter("who", location, required=True)]}
    target = serialize(operation(written), [])
    assert target.warnings == [
        f"the operation anOperation requires the {location} parameter 'who', which the step does not give; sent without"
    ]


def test_a_required_parameter_that_is_null_is_missing() -> None:
    with pytest.raises(StepError) as caught:
        sent("query", None, required=True)
    assert caught.value.code == "missing-value"


@pytest.mark.parametrize("value", ["a\r\nX-Admin: 1", "a\nb", "a\rb", "a\0b", "a\x7f"])
@pytest.mark.parametrize("location", ["header", "cookie"])
def test_a_value_can_never_add_a_header(value: str, location: str) -> None:
    fields = {"style": "cookie"} if location == "cookie" else {}
    with pytest.raises(StepError) as caught:
        sent(location, value, **fields)
    assert caught.value.code == "request-invalid"


@pytest.mark.parametrize(
    ("name", "location"), [("a b", "header"), ("a:\r\nb", "header"), ("a=b", "cookie"), ("", "cookie")]
)
def test_a_name_can_never_add_a_header(name: str, location: str) -> None:
    with pytest.raises(StepError, match="is no"):
        serialize(operation(), [Argument(name, location, "x")])


def test_an_unknown_place_names_the_known_ones() -> None:
    with pytest.raises(StepError, match="unknown place 'body'") as caught:
        serialize(operation(), [Argument("a", "body", 1)])
    assert caught.value.hint == "one of path, query, querystring, header, cookie"


@pytest.mark.parametrize("value", ["\ud800", float("nan"), {"a": {"b": b"x"}}])
def test_what_no_request_can_hold_is_refused(value: Any) -> None:
    with pytest.raises(StepError) as caught:
        sent("query", value)
    assert caught.value.code == "request-invalid"


def test_bytes_are_percent_encoded() -> None:
    assert wire(sent("query", b"\xff\x00a"), "query") == "color=%FF%00a"
