"""Operations: found, and resolved with their references (H1)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from arazzo_runner.errors import DocumentError
from arazzo_runner.openapi.operations import ApiDescription, Operation, OperationLocation
from tests.support.descriptions import URI, description

BASE = URI.rpartition("/")[0]


def api(paths: Any, *, version: str = "3.1.0", others: dict[str, Any] | None = None, **root: Any) -> ApiDescription:
    by_uri = {f"{BASE}/{name}" if "://" not in name else name: data for name, data in (others or {}).items()}
    return description({"openapi": version, "paths": paths, **root}, others=by_uri)


def found(described: ApiDescription, operation_id: str = "list") -> Operation:
    operation = described.find(operation_id)
    assert operation is not None
    return operation


def parameter(name: str, location: str = "query", **fields: Any) -> dict[str, Any]:
    return {"name": name, "in": location, "schema": {}, **fields}


# Versions


@pytest.mark.parametrize("version", ["3.0", "3.0.3", "3.1.0", "3.1.2", "3.2.0", "3.2.0-rc1"])
def test_openapi_3_is_read(version: str) -> None:
    assert api({}, version=version).index == ()


@pytest.mark.parametrize(
    ("data", "what", "hint"),
    [
        ({"swagger": "1.2"}, "is Swagger 1.2", "convert it to OpenAPI 3"),
        ({"openapi": "3.3.0"}, "is openapi 3.3.0", ""),
        ({"openapi": 3.1}, "is openapi 3.1", ""),
        ({"asyncapi": "3.0.0"}, "is not an OpenAPI description", ""),
        ([], "is not an OpenAPI description", ""),
    ],
)
def test_anything_else_is_refused_by_name(data: Any, what: str, hint: str) -> None:
    with pytest.raises(DocumentError) as caught:
        description(data)
    (problem,) = caught.value.problems
    assert what in problem.message
    assert problem.hint == hint


# Lookup


PATHS = {
    "/pets": {"get": {"operationId": "pets.list"}, "post": {"operationId": "addPet"}},
    "/pets/{id}": {"get": {"operationId": "getPet"}, "delete": {}, "parameters": [], "x-note": {"get": 1}},
    "x-internal": {"get": {"operationId": "hidden"}},
}


def test_every_operation_is_indexed_in_document_order() -> None:
    assert [(entry.method, entry.path, entry.operation_id) for entry in api(PATHS).index] == [
        ("GET", "/pets", "pets.list"),
        ("POST", "/pets", "addPet"),
        ("GET", "/pets/{id}", "getPet"),
        ("DELETE", "/pets/{id}", None),
    ]


def test_an_id_is_found_exactly_dots_and_case_included() -> None:
    assert found(api(PATHS), "pets.list").label == "pets.list"
    for other in ("list", "PETS.LIST", "hidden", ""):
        assert api(PATHS).find(other) is None


def test_an_operation_is_found_by_its_pointer() -> None:
    operation = api(PATHS).at("/paths/~1pets~1{id}/delete")
    assert operation is not None
    assert (operation.label, operation.pointer) == ("DELETE /pets/{id}", "/paths/~1pets~1{id}/delete")
    for other in ("/paths/~1pets", "/paths/~1pets/put", "/paths/~1pets/parameters", "", "/info"):
        assert api(PATHS).at(other) is None


def test_the_nearest_ids_are_found_without_letter_case() -> None:
    assert api(PATHS).nearest("GETPETS") == ["getPet"]
    assert api(PATHS).nearest("pets.List")[0] == "pets.list"
    assert api(PATHS).nearest("zzz") == []


def test_of_a_doubled_id_the_first_is_taken_and_all_are_known() -> None:
    described = api({"/a": {"get": {"operationId": "x"}}, "/b": {"get": {"operationId": "x"}, "put": {}}})
    assert found(described, "x").path == "/a"
    assert described.duplicates == {
        "x": (
            OperationLocation("x", "GET", "/a", "/paths/~1a/get"),
            OperationLocation("x", "GET", "/b", "/paths/~1b/get"),
        )
    }


def test_3_2_has_query_and_other_methods() -> None:
    item = {"query": {"operationId": "q"}, "additionalOperations": {"COPY": {"operationId": "c"}, "Link": {}}}
    described = api({"/a": item}, version="3.2.0")
    assert [(entry.method, entry.pointer) for entry in described.index] == [
        ("QUERY", "/paths/~1a/query"),
        ("COPY", "/paths/~1a/additionalOperations/COPY"),
        ("Link", "/paths/~1a/additionalOperations/Link"),
    ]
    assert found(described, "c").method == "COPY"


def test_a_large_description_is_indexed_at_once() -> None:
    paths = {
        f"/things{number}/{{id}}": {
            method: {"operationId": f"{method}.{number}"} for method in ("get", "put", "delete")
        }
        for number in range(1_000)
    }
    described = api(paths)
    started = time.perf_counter()
    assert len(described.by_id) == 3_000
    assert found(described, "put.999").path == "/things999/{id}"
    # about 0.02 s; what is held here is that it does not grow with the square of the operations
    assert time.perf_counter() - started < 1


# Resolving


def test_an_operations_parameters_replace_the_path_items_of_the_same_name_and_place() -> None:
    item = {
        "parameters": [parameter("a"), parameter("a", "header"), parameter("b")],
        "get": {"operationId": "list", "parameters": [parameter("a", required=True), parameter("c")]},
    }
    operation = found(api({"/pets": item}))
    assert [(p.name, p.location, p.required) for p in operation.parameters] == [
        ("a", "query", True),
        ("a", "header", False),
        ("b", "query", False),
        ("c", "query", False),
    ]


@pytest.mark.parametrize(
    ("written", "style", "explode"),
    [
        (parameter("a"), "form", True),
        (parameter("a", "path"), "simple", False),
        (parameter("a", "header"), "simple", False),
        (parameter("a", "cookie"), "form", True),
        (parameter("a", "cookie", style="cookie"), "cookie", True),
        (parameter("a", style="deepObject"), "deepObject", False),
        (parameter("a", style="form", explode=False), "form", False),
    ],
)
def test_a_parameter_has_the_defaults_of_its_place(written: dict[str, Any], style: str, explode: bool) -> None:
    (spec,) = found(api({"/{a}": {"get": {"operationId": "list", "parameters": [written]}}})).parameters
    assert (spec.style, spec.explode, spec.required) == (style, explode, spec.location == "path")


def test_header_names_are_compared_without_case() -> None:
    written = {"operationId": "list", "parameters": [parameter("X-A", "header"), parameter("q")]}
    operation = found(api({"/": {"get": written}}))
    assert operation.parameter("x-a", "header") is operation.parameters[0]
    assert operation.parameter("Q", "query") is None


def test_security_is_the_operations_else_the_descriptions() -> None:
    paths = {
        "/a": {
            "get": {"operationId": "own", "security": [{"key": [], "flow": ["read"]}, {}]},
            "put": {"operationId": "none", "security": []},
            "post": {"operationId": "inherited"},
        }
    }
    schemes = {"key": {"$ref": "#/components/securitySchemes/other"}, "other": {"type": "apiKey"}}
    described = api(paths, security=[{"key": []}, {"missing": []}], components={"securitySchemes": schemes})
    assert found(described, "own").security == ({"key": (), "flow": ("read",)}, {})
    assert found(described, "none").security == ()
    assert found(described, "inherited").security == ({"key": ()}, {"missing": ()})
    assert {name: scheme.definition for name, scheme in found(described, "none").schemes.items()} == {
        "key": {"type": "apiKey"},
        "other": {"type": "apiKey"},
    }


def test_a_broken_security_scheme_matters_only_to_who_asks_for_it() -> None:
    paths = {"/a": {"get": {"operationId": "list", "security": [{"a": []}]}, "put": {"operationId": "put"}}}
    described = api(paths, components={"securitySchemes": {"a": {"$ref": "#/nowhere"}, "b": None}})
    assert found(described, "put").schemes == {}
    assert "there is no 'nowhere'" in problem_of(described).message
    assert found(described).schemes == {}


def test_a_broken_request_body_is_absent_and_known() -> None:
    described = api({"/a": {"post": {"operationId": "list", "requestBody": {"$ref": "#/nowhere"}}}})
    operation = found(described)
    assert (operation.bodies, operation.body_required, operation.unresolved) == ((), False, ())
    assert [problem.rule for problem in operation.unresolved_body] == ["unresolved-reference"]


@pytest.mark.parametrize("keyword", ["type", "items", "properties"])
def test_a_schema_whose_reference_leads_nowhere_is_absent(keyword: str) -> None:
    content = {"application/json": {"schema": {"$ref": "gone.yaml#/Pet"}}}
    described = api({"/a": {"post": {"operationId": "list", "requestBody": {"content": content}}}})
    schema = found(described).bodies[0].schema
    assert schema is not None
    assert schema.value(keyword) is None


def test_3_2_may_name_a_security_scheme_by_its_uri() -> None:
    paths = {"/a": {"get": {"operationId": "list", "security": [{"schemes.yaml#/key": []}]}}}
    described = api(paths, version="3.2.0", others={"schemes.yaml": {"key": {"type": "apiKey"}}})
    assert found(described).schemes["schemes.yaml#/key"].definition == {"type": "apiKey"}


# References


def test_references_are_followed_wherever_they_may_stand() -> None:
    components = {
        "pathItems": {"pets": {"get": {"operationId": "list", "parameters": [{"$ref": "#/components/parameters/p"}]}}},
        "parameters": {"p": {"$ref": "#/components/parameters/q"}, "q": parameter("q")},
        "requestBodies": {"b": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}},
    }
    paths = {
        "/pets": {"$ref": "#/components/pathItems/pets"},
        "/b": {"post": {"operationId": "b", "requestBody": {"$ref": "#/components/requestBodies/b"}}},
    }
    described = api(paths, components=components)
    assert [p.name for p in found(described).parameters] == ["q"]
    assert described.by_id["list"].pointer == "/paths/~1pets/get"
    body = found(described, "b")
    assert (body.body_required, [media.content_type for media in body.bodies]) == (True, ["application/json"])


def test_relative_references_start_from_the_document_that_holds_them() -> None:
    described = api(
        {"/pets": {"$ref": "paths/pets.yaml#/items/pets"}},
        others={
            "paths/pets.yaml": {
                "items": {
                    "pets": {
                        "parameters": [{"$ref": "../parameters.yaml#/limit"}, {"$ref": "#/offset"}],
                        "post": {"operationId": "list", "requestBody": {"$ref": "bodies/pet.yaml"}},
                    }
                },
                "offset": parameter("offset"),
            },
            "parameters.yaml": {"limit": {"$ref": "#/a~1b%20c"}, "a/b c": parameter("limit")},
            "paths/bodies/pet.yaml": {"content": {"application/json": {"schema": {"$ref": "../../schemas.yaml#/Pet"}}}},
            "schemas.yaml": {"Pet": {"properties": {"id": {"$ref": "#/Id"}}}, "Id": {"format": "uuid"}},
        },
    )
    operation = found(described)
    assert [p.name for p in operation.parameters] == ["limit", "offset"]
    schema = operation.bodies[0].schema
    assert schema is not None
    assert schema.member("id").value("format") == "uuid"


def test_a_reference_back_to_the_description_does_not_open_it_again() -> None:
    described = api(
        {"/pets": {"$ref": "pets-item.yaml"}},
        others={
            "pets-item.yaml": {"get": {"operationId": "list", "parameters": [{"$ref": "pets.yaml#/components/p"}]}}
        },
        components={"p": parameter("p")},
    )
    assert [p.name for p in found(described).parameters] == ["p"]


def test_members_beside_a_path_items_reference_come_first() -> None:
    described = api(
        {"/pets": {"$ref": "item.yaml", "get": {"operationId": "mine"}, "parameters": [parameter("outer")]}},
        others={
            "item.yaml": {
                "get": {"operationId": "theirs"},
                "put": {"operationId": "put", "parameters": [{"$ref": "#/p"}]},
                "parameters": [parameter("inner")],
                "p": parameter("p"),
            }
        },
    )
    assert sorted(described.by_id) == ["mine", "put"]
    assert [p.name for p in found(described, "put").parameters] == ["outer", "p"]


def test_split_descriptions_may_refer_to_paths_and_operations() -> None:
    described = description(
        {"openapi": "3.1.0", "paths": {"$ref": "paths.yaml"}},
        others={
            f"{BASE}/paths.yaml": {"/pets": {"get": {"$ref": "list.yaml"}}},
            f"{BASE}/list.yaml": {"operationId": "list", "parameters": [parameter("a")]},
        },
    )
    assert [p.name for p in found(described).parameters] == ["a"]


def test_a_description_that_names_itself_is_where_its_references_start() -> None:
    described = api(
        {"/pets": {"$ref": "item.yaml"}},
        version="3.2.0",
        others={"https://self.example/item.yaml": {"get": {"operationId": "list"}}},
        **{"$self": "https://self.example/pets.yaml"},
    )
    assert found(described).path == "/pets"


def problem_of(described: ApiDescription, operation_id: str = "list") -> Any:
    """The one broken ``$ref`` of an operation, which is known and refuses nothing by itself (D1)."""
    (problem,) = found(described, operation_id).unresolved
    return problem


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("#/components/parameters/a", "it leads in a circle"),
        ("#/components/parameters/nowhere", "there is no 'nowhere'"),
        ("#anchor", "not a JSON Pointer"),
        ("gone.yaml#/x", "gone.yaml cannot be read: No such file or directory"),
        ("file:///etc/passwd", "may name no files of this machine"),
    ],
)
def test_a_reference_that_cannot_be_followed_is_named_with_its_place(reference: str, why: str) -> None:
    components = {
        "parameters": {"a": {"$ref": "#/components/parameters/b"}, "b": {"$ref": "#/components/parameters/a"}}
    }
    written = {"get": {"operationId": "list", "parameters": [{"$ref": reference}]}}
    problem = problem_of(api({"/pets": written}, components=components))
    assert problem.rule == "unresolved-reference"
    assert "the $ref '" in problem.message
    assert why in problem.message
    assert problem.place.path == "pets.yaml"
    assert problem.place.line > 1
    assert problem.place.pointer.endswith("/$ref")


def test_a_broken_reference_in_another_file_is_placed_there() -> None:
    described = api(
        {"/pets": {"$ref": "item.yaml"}},
        others={"item.yaml": {"get": {"operationId": "list", "parameters": [{"$ref": "#/nowhere"}]}}},
    )
    assert str(problem_of(described).place) == "item.yaml:6:13"


def test_a_broken_path_item_matters_only_to_who_looks_for_what_it_may_hold() -> None:
    described = api({"/broken": {"$ref": "gone.yaml"}, "/pets": {"get": {"operationId": "list"}}})
    assert found(described).path == "/pets"
    with pytest.raises(DocumentError, match="cannot be used"):
        described.find("other")
    with pytest.raises(DocumentError):
        described.at("/paths/~1broken/get")
    assert described.at("/paths/~1other/get") is None


def test_a_schema_may_well_contain_itself() -> None:
    node: dict[str, Any] = {"properties": {"children": {"items": {"$ref": "#/components/schemas/Node"}}}}
    node["allOf"] = [{"$ref": "#/components/schemas/Node"}]
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}
    described = api(
        {"/": {"post": {"operationId": "list", "requestBody": body}}}, components={"schemas": {"Node": node}}
    )
    schema = found(described).bodies[0].schema
    assert schema is not None
    assert schema.member("children").items().member("children").items().value("type") is None


@pytest.mark.parametrize(
    "item",
    [
        None,
        "text",
        {"get": "text"},
        {"get": {"operationId": 1, "parameters": ["x", {"name": 1, "in": "query"}, None]}},
        {"get": {"requestBody": "x", "servers": "x", "security": [None], "responses": None}, "servers": [{"url": 1}]},
    ],
)
def test_a_description_that_breaks_the_specification_breaks_nothing_else(item: Any) -> None:
    described = api({"/odd": item, "/pets": {"get": {"operationId": "list"}}})
    assert found(described).path == "/pets"
    described.at("/paths/~1odd/get")
