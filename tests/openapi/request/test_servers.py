"""Which server a request goes to (H2)."""

from __future__ import annotations

from typing import Any

import pytest

from arazzo_runner.errors import StepError
from arazzo_runner.openapi.request.servers import ServerOptions, server_url
from tests.support.descriptions import URI, description


def servers(*urls: str) -> list[dict[str, Any]]:
    return [{"url": url} for url in urls]


def url_of(
    *,
    root: Any = None,
    item: Any = None,
    operation: Any = None,
    options: ServerOptions | None = None,
    source: str | None = None,
    uri: str = URI,
    others: Any = None,
) -> str:
    """The server of an operation, given the ``servers`` of document, path item and operation."""
    levels = {"root": root, "item": item, "operation": operation}
    written = {level: {"servers": value} if value is not None else {} for level, value in levels.items()}
    path_item = item if isinstance(item, dict) else written["item"]
    data = {
        "openapi": "3.2.0",
        **written["root"],
        "paths": {"/pets": {**path_item, "get": {"operationId": "list", **written["operation"]}}},
    }
    found = description(data, uri=uri, others=others).find("list")
    assert found is not None
    return server_url(found, options or ServerOptions(), source=source)


def refused(**levels: Any) -> StepError:
    with pytest.raises(StepError) as caught:
        url_of(**levels)
    assert caught.value.code == "request-invalid"
    return caught.value


ROOT, ITEM, OPERATION = servers("https://root/v1", "https://second"), servers("https://item/"), servers("http://op/a/")


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ({"root": ROOT}, "https://root/v1"),
        ({"root": ROOT, "item": ITEM}, "https://item"),
        ({"root": ROOT, "item": ITEM, "operation": OPERATION}, "http://op/a"),
        ({"root": ROOT, "item": [], "operation": []}, "https://root/v1"),
    ],
)
def test_the_nearest_level_with_servers_wins(levels: dict[str, Any], expected: str) -> None:
    assert url_of(**levels) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/v1", "https://example.com/v1"),
        ("v1/", "https://example.com/apis/v1"),
        ("../v1", "https://example.com/v1"),
        ("//other.example/v1", "https://other.example/v1"),
        ("/", "https://example.com"),
        (".", "https://example.com/apis"),
        ("", "https://example.com/apis"),
    ],
)
def test_a_relative_url_starts_from_the_description(url: str, expected: str) -> None:
    assert url_of(root=servers(url)) == expected


def test_a_description_from_the_network_without_servers_is_served_where_it_was_found() -> None:
    assert url_of() == "https://example.com"


def test_a_relative_url_of_a_referenced_path_item_starts_from_its_own_document() -> None:
    others = {"https://other.example/items/pets.yaml": {"servers": servers("v2")}}
    assert url_of(root=ROOT, item={"$ref": "https://other.example/items/pets.yaml"}, others=others) == (
        "https://other.example/items/v2"
    )


@pytest.mark.parametrize("levels", [{}, {"root": servers("/v1")}, {"root": servers("v1")}])
def test_a_description_in_a_file_has_no_server_to_be_relative_to(levels: dict[str, Any]) -> None:
    error = refused(uri="file:///apis/pets.yaml", **levels)
    assert "has no usable server" in error.message
    assert error.hint == "say where the API is: --server pets=https://…"


@pytest.mark.parametrize(
    "url", ["ftp://h/x", "https://", "api.example.com/v1:x", "https://h/?a=b", "http://[::1", "urn:x"]
)
def test_what_no_path_can_be_added_to_is_no_server(url: str) -> None:
    assert "--server pets=" in refused(root=servers(url), uri="file:///apis/pets.yaml").hint


# Variables


VARIABLES = [
    {
        "url": "{scheme}://{region}.example.com:{port}/{base}",
        "variables": {
            "scheme": {"default": "https", "enum": ["https", "http"]},
            "region": {"default": "eu"},
            "port": {"default": 8443},
            "base": {"default": ""},
        },
    }
]


def test_variables_have_their_defaults() -> None:
    assert url_of(root=VARIABLES) == "https://eu.example.com:8443"


def test_variables_can_be_set_for_all_sources_or_for_one() -> None:
    variables = {"": {"region": "us", "base": "v0"}, "pets": {"base": "v2"}, "shop": {"region": "ap"}}
    assert url_of(root=VARIABLES, options=ServerOptions(variables=variables)) == "https://us.example.com:8443/v2"


def test_an_empty_value_is_a_value() -> None:
    variables = {"pets": {"region": ""}}
    assert url_of(root=VARIABLES, options=ServerOptions(variables=variables)) == "https://.example.com:8443"


def test_a_value_that_the_description_does_not_allow_names_those_that_it_does() -> None:
    error = refused(root=VARIABLES, options=ServerOptions(variables={"": {"scheme": "ws"}}))
    assert error.message == "the server variable 'scheme' is 'ws'; the description allows https, http"
    assert error.hint == "give it one of these: --server-var pets.scheme=https"


@pytest.mark.parametrize("variables", [{}, {"host": {"description": "no default"}}])
def test_a_variable_without_a_value_says_what_to_type(variables: dict[str, Any]) -> None:
    error = refused(root=[{"url": "https://{host}/v1", "variables": variables}])
    assert error.hint == "give it one: --server-var pets.host=VALUE"
    options = ServerOptions(variables={"pets": {"host": "h"}})
    assert url_of(root=[{"url": "https://{host}/v1", "variables": variables}], options=options) == "https://h/v1"


# What the user says


def test_the_users_url_replaces_the_descriptions() -> None:
    everywhere = ServerOptions(urls={"": "http://localhost:8080/"})
    assert url_of(root=ROOT, options=everywhere) == "http://localhost:8080"
    assert url_of(uri="file:///pets.yaml", options=everywhere) == "http://localhost:8080"
    one = ServerOptions(urls={"": "http://all", "pets": "http://one", "a.pets": "http://nested"})
    assert url_of(root=ROOT, options=one) == "http://one"
    assert url_of(root=ROOT, options=one, source="a.pets") == "http://nested"
    assert url_of(root=ROOT, options=ServerOptions(urls={"shop": "http://shop"})) == "https://root/v1"


@pytest.mark.parametrize("url", ["localhost:8080", "example.com", ""])
def test_the_users_url_must_be_one(url: str) -> None:
    assert "is not an absolute http(s) URL" in refused(root=ROOT, options=ServerOptions(urls={"": url})).message


def test_self_is_what_a_relative_url_starts_from() -> None:
    data = {
        "openapi": "3.2.0",
        "$self": "https://self.example/d/pets.yaml",
        "servers": servers("v1"),
        "paths": {"/pets": {"get": {"operationId": "list"}}},
    }
    found = description(data, uri="file:///pets.yaml").find("list")
    assert found is not None
    assert server_url(found, ServerOptions()) == "https://self.example/d/v1"
