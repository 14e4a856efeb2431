"""Messages against schemas that mean harm, and messages that are hard to judge (M8, M13)."""

from __future__ import annotations

from typing import Any

import pytest

from arazzo_runner.asyncapi.bundled_schemas import DRAFT_7
from arazzo_runner.engine.messages.schemas import breaches, fits


def doubling(keyword: str, levels: int = 30) -> dict[str, Any]:
    """A schema, each part of which refers to the next twice."""
    parts: dict[str, Any] = {str(level): {keyword: [{"$ref": f"#/$defs/{level + 1}"}] * 2} for level in range(levels)}
    return {"$schema": DRAFT_7, keyword: [{"$ref": "#/$defs/0"}], "$defs": {**parts, str(levels): {"type": "integer"}}}


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf"])
def test_references_that_double_are_judged_and_end(keyword: str) -> None:
    schemas = {"payload": doubling(keyword)}

    assert [pointer for _, pointer, _ in breaches(schemas, {"payload": {"x": 1}})] == [""]
    assert not fits(schemas, {"payload": "text"})


@pytest.mark.parametrize("keyword", ["allOf", "anyOf"])
def test_what_conforms_to_references_that_double_fits(keyword: str) -> None:
    assert fits({"payload": doubling(keyword)}, {"payload": 1})


@pytest.mark.parametrize("odd", [{"x": "\ud800"}, {"x": "a", "\udfff": 1}, {"x": ["\udc00"]}])
def test_half_of_a_surrogate_pair_excuses_nothing(odd: dict[str, Any]) -> None:
    schemas = {"payload": {"properties": {"x": {"type": "integer"}}}}

    assert [pointer for _, pointer, _ in breaches(schemas, {"payload": odd})] == ["/x"]


@pytest.mark.parametrize("schema", [{"const": "\ud800"}, {"required": ["\udc00"]}, {"enum": ["\udfff", "b"]}])
def test_half_of_a_surrogate_pair_in_a_schema_is_judged(schema: dict[str, Any]) -> None:
    assert not fits({"payload": schema}, {"payload": {}})


def test_bytes_are_judged_by_no_schema() -> None:
    assert fits({"payload": {"type": "object"}}, {"payload": b"\xff"})


@pytest.mark.parametrize("properties", [5, ["x"], "text"])
def test_headers_whose_schema_is_not_one_are_accepted(properties: Any) -> None:
    assert fits({"headers": {"properties": properties}}, {"headers": {"x": "1"}})
