"""Inputs schemas that mean harm: whether inputs fit is known within seconds, or said not to be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Result
from tests.support.confined import confined
from tests.support.small_documents import document, write


def given(tmp_path: Path, schema: dict[str, Any], inputs: Any, **components: Any) -> Result:
    made = document()
    made["workflows"][0]["inputs"] = schema
    made["components"] = {"inputs": components}
    (tmp_path / "inputs.json").write_text(json.dumps(inputs), "utf-8")
    return confined("run", write(tmp_path, made), "-i", str(tmp_path / "inputs.json"), "--dry-run")


def bomb(keyword: str, last: dict[str, Any], *, levels: int = 14) -> dict[str, Any]:
    """Schemas, each of which refers to the next ten times."""
    parts = {f"l{n}": {keyword: [{"$ref": f"#/components/inputs/l{n + 1}"}] * 10} for n in range(levels)}
    return {**parts, f"l{levels}": last}


@pytest.mark.parametrize("keyword", ["allOf", "anyOf"])
def test_inputs_fit_references_that_double(tmp_path: Path, keyword: str) -> None:
    last = {"type": "object", "properties": {"a": {"type": "integer"}}}
    result = given(tmp_path, {"$ref": "#/components/inputs/l0"}, {"a": 1}, **bomb(keyword, last))
    assert result.status == 0, result.err


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf"])
def test_inputs_do_not_fit_references_that_double(tmp_path: Path, keyword: str) -> None:
    last = {"type": "object", "properties": {"a": {"type": "integer"}}}
    result = given(tmp_path, {"$ref": "#/components/inputs/l0"}, {"a": "text"}, **bomb(keyword, last))
    assert result.status == 2
    assert "of its schema, and there may be more" in result.err


def test_alternatives_of_every_element(tmp_path: Path) -> None:
    items = {"oneOf": [{"properties": {"a": {"const": number}}, "required": ["a"]} for number in range(50)]}
    schema = {"properties": {"list": {"type": "array", "items": items}}}
    result = given(tmp_path, schema, {"list": [{"a": number} for number in range(40_000)]})
    assert result.status == 2
    assert "input list.50: this does not fit 'oneOf' of its schema" in result.err


def test_defaults_in_defaults_without_end(tmp_path: Path) -> None:
    tree = {"type": "object", "properties": {name: {"$ref": "#/components/inputs/t", "default": {}} for name in "ab"}}
    result = given(tmp_path, {"properties": {"t": {"$ref": "#/components/inputs/t"}}}, {"t": {}}, t=tree)
    assert result.status == 2
    assert "has more than 200,000 defaults in defaults" in result.err
