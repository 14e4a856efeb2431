"""Exchanges that are checked against schemas which mean harm, or answers that do: each check ends, in little memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Result
from tests.support.api import Answer, api
from tests.support.confined import confined
from tests.support.small_documents import API, document, write


def checked(tmp_path: Path, schema: dict[str, Any], body: Any, **components: Any) -> Result:
    """Run a workflow whose one answer has that body, checked against that schema."""
    with api(lambda _: Answer(data=body)) as running:
        answers = {"200": {"description": "ok", "content": {"application/json": {"schema": schema}}}}
        paths = {"/a": {"get": {"operationId": "o", "responses": answers}}}
        described = {**API, "servers": [{"url": running.url}], "paths": paths, "components": {"schemas": components}}
        return confined("run", write(tmp_path, document(), described), "--check", "error")


def bomb(*names: str, levels: int = 12) -> dict[str, Any]:
    """Schemas, each of which refers to the next ten times, below those keywords."""
    schemas: dict[str, Any] = {}
    for level in range(levels):
        parts = [{"$ref": f"#/components/schemas/L{level + 1}"}] * 10
        schemas[f"L{level}"] = {name: False if name == "unevaluatedProperties" else parts for name in names}
    return {**schemas, f"L{levels}": {"properties": {"x": {"type": "integer"}}}}


def test_alternatives_of_every_element(tmp_path: Path) -> None:
    schema = {"type": "array", "items": {"oneOf": [{"properties": {"a": {"const": k}}} for k in range(50)]}}
    result = checked(tmp_path, schema, [{"a": number} for number in range(100, 40_000)])
    assert result.status == 1
    assert "body /0/a: 100 is not" in result.err


def test_alternatives_of_a_long_value(tmp_path: Path) -> None:
    schema = {"anyOf": [{"type": "object", "title": str(number)} for number in range(500)]}
    result = checked(tmp_path, schema, list(range(200_000)))
    assert "the response body" in result.err


@pytest.mark.parametrize("last", [{"a": 0}, {"a": -1}], ids=["doubled", "unique"])
def test_unique_elements(tmp_path: Path, last: dict[str, int]) -> None:
    schema = {"type": "array", "uniqueItems": True}
    result = checked(tmp_path, schema, [*({"a": number} for number in range(30_000)), last])
    assert result.status == (1 if last == {"a": 0} else 0)


def test_an_enum_of_many_values_and_many_elements(tmp_path: Path) -> None:
    schema = {"type": "array", "items": {"enum": [f"value {number}" for number in range(20_000)]}}
    result = checked(tmp_path, schema, ["value 19999"] * 20_000)
    assert "cannot be judged: more than 1,000,000 nodes were visited" in result.err


@pytest.mark.parametrize("keywords", [("allOf",), ("unevaluatedProperties", "allOf"), ("anyOf",)], ids=",".join)
def test_references_that_double(tmp_path: Path, keywords: tuple[str, ...]) -> None:
    result = checked(tmp_path, {"$ref": "#/components/schemas/L0"}, {"x": "text"}, **bomb(*keywords))
    assert "the response body" in result.err
