"""An operation that its source lacks: the error names the files near it that have it, and typing it works (H1)."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Arazzo


def description(**operations: str) -> dict[str, Any]:
    """A description with these operations, by operationId and path."""
    paths = {path: {"get": {"operationId": name, "responses": {}}} for name, path in operations.items()}
    info = {"title": "A", "version": "1"}
    return {"openapi": "3.0.3", "info": info, "servers": [{"url": "https://api.example"}], "paths": paths}


def written(directory: Path, files: dict[str, Any], *steps: dict[str, Any], sources: tuple[str, ...] = ("api",)) -> str:
    """A document whose sources are ``<name>.json``, beside further files."""
    for name, data in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(data if isinstance(data, str) else json.dumps(data), "utf-8")
    arazzo = {
        "arazzo": "1.0.1",
        "info": {"title": "A", "version": "1"},
        "sourceDescriptions": [{"name": name, "url": f"{name}.json", "type": "openapi"} for name in sources],
        "workflows": [{"workflowId": "w", "steps": [{"stepId": f"s{n}", **step} for n, step in enumerate(steps)]}],
    }
    (directory / "w.json").write_text(json.dumps(arazzo), "utf-8")
    return str(directory / "w.json")


def typed(err: str) -> list[str]:
    """The ``--source`` that the first hint gives."""
    found = re.search(r"hint: .*?(--source (?:'[^']*'|\S+?))(?:; or .*)?$", err, re.MULTILINE)
    assert found is not None, err
    return shlex.split(found[1])


@pytest.mark.parametrize(
    "step",
    [
        {"operationId": "listPets"},
        {"operationId": "$sourceDescriptions.api.listPets"},
        {"operationPath": "{$sourceDescriptions.api.url}#/paths/~1pets/get"},
        {"operationPath": "api#/paths/~1pets/get"},
    ],
    ids=["id", "qualified", "path", "short-path"],
)
def test_a_renamed_description_is_named_and_typing_it_works(
    arazzo: Arazzo, tmp_path: Path, step: dict[str, Any]
) -> None:
    files = {"api.json": description(listDogs="/dogs"), "openapi/pets api.json": description(listPets="/pets")}
    document = written(tmp_path, files, step)
    refused = arazzo("run", document, "--dry-run")
    assert refused.status == 2
    assert "it is in " in refused.err
    assert "pets api.json" in refused.err
    result = arazzo("run", document, "--dry-run", *typed(refused.err))
    assert result.status == 0, result.err
    assert "first request: GET https://api.example/pets" in result.out


def test_one_that_lacks_what_else_the_source_is_used_for_is_no_replacement(arazzo: Arazzo, tmp_path: Path) -> None:
    files = {"api.json": description(listDogs="/dogs"), "pets.json": description(listPets="/pets")}
    result = arazzo("run", written(tmp_path, files, {"operationId": "listDogs"}, {"operationId": "listPets"}))
    assert result.status == 2
    assert "pets.json" in result.err
    assert "--source" not in result.err
    assert "give it a source of its own" in result.err


def test_the_description_that_has_everything_comes_first(arazzo: Arazzo, tmp_path: Path) -> None:
    files = {
        "api.json": description(listDogs="/dogs"),
        "api2.json": description(listPets="/pets"),
        "whole.json": description(listPets="/pets", listDogs="/dogs"),
    }
    document = written(tmp_path, files, {"operationId": "listDogs"}, {"operationId": "listPets"})
    words = typed(arazzo("run", document, "--dry-run").err)
    assert words[1].endswith("whole.json")
    assert arazzo("run", document, "--dry-run", *words).status == 0


def test_of_several_sources_the_one_of_a_like_name_is_to_be_replaced(arazzo: Arazzo, tmp_path: Path) -> None:
    files = {
        "users.json": description(listUsers="/users"),
        "pet.json": description(listDogs="/dogs"),
        "pets.json": description(listPets="/pets"),
    }
    document = written(tmp_path, files, {"operationId": "listPets"}, sources=("users", "pet"))
    assert typed(arazzo("run", document, "--dry-run").err)[1].startswith("pet=")


def test_what_only_mentions_the_operation_is_not_named(arazzo: Arazzo, tmp_path: Path) -> None:
    files = {
        "api.json": description(listDogs="/dogs"),
        "notes.yaml": "openapi: 3.0.3\ninfo: {description: listPets}\npaths: {}\n",
        "broken.yaml": "openapi: 3.0.3\nlistPets: [",
    }
    result = arazzo("run", written(tmp_path, files, {"operationId": "listPets"}))
    assert result.status == 2
    assert "it is in" not in result.err
    assert "such as listDogs" in result.err or "did you mean listDogs" in result.err


def test_every_missing_source_is_named_at_once(arazzo: Arazzo, tmp_path: Path) -> None:
    files = {"openapi/a.json": description(one="/one"), "openapi/b.json": description(two="/two")}
    document = written(tmp_path, files, {"operationId": "one"}, {"operationId": "two"}, sources=("a", "b"))
    refused = arazzo("run", document, "--dry-run")
    words = [word for match in re.findall(r"--source \S+", refused.err) for word in match.split()]
    assert sorted(word.partition("=")[0] for word in words[1::2]) == ["a", "b"]
    assert arazzo("run", document, "--dry-run", *words).status == 0
