"""No usable server: the error says which option gives one, and typing it works (H2)."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Arazzo
from tests.servers.misbehaving import refusing_port

REGIONS = {"region": {"enum": ["eu", "us"]}}


def written(directory: Path, servers: Any) -> str:
    """A document whose one step calls an operation of a description with these servers."""
    api: dict[str, Any] = {"openapi": "3.0.3", "info": {"title": "A", "version": "1"}, "paths": {}}
    api["paths"]["/a"] = {"get": {"operationId": "read", "responses": {}}}
    api |= {} if servers is None else {"servers": servers}
    arazzo_document = {
        "arazzo": "1.0.1",
        "info": {"title": "A", "version": "1"},
        "sourceDescriptions": [{"name": "our api", "url": "api.json", "type": "openapi"}],
        "workflows": [{"workflowId": "w", "steps": [{"stepId": "s", "operationId": "read"}]}],
    }
    (directory / "api.json").write_text(json.dumps(api), "utf-8")
    (directory / "w.json").write_text(json.dumps(arazzo_document), "utf-8")
    return str(directory / "w.json")


@pytest.mark.parametrize(
    ("servers", "given", "value"),
    [
        (None, [], "https://api.example"),
        ([{"url": "/v1"}], [], "https://api.example"),
        ([{"url": "//"}], [], "https://api.example"),
        ([{"url": "https://{region}.example"}], [], "eu"),
        ([{"url": "https://{region}.example", "variables": REGIONS}], ["--server-var", "our api.region=xx"], "eu"),
        ([{"url": "https://a.example"}], ["--server", "our api=https://a.example/?x=1"], "https://api.example"),
    ],
    ids=["none", "relative", "no-host", "no-value", "not-allowed", "given-with-query"],
)
def test_typing_what_the_error_says_gives_a_server(
    arazzo: Arazzo, tmp_path: Path, servers: Any, given: list[str], value: str
) -> None:
    document = written(tmp_path, servers)
    refused = arazzo("run", document, "--dry-run", *given)
    assert refused.status == 1
    option = re.search(r"hint: .*?(--server(?:-var)? .*)$", refused.err, re.MULTILINE)
    assert option is not None, refused.err
    name, _, _ = shlex.split(option[1])[1].partition("=")
    typed = [shlex.split(option[1])[0], f"{name}={value}"]
    result = arazzo("run", document, "--dry-run", *typed)
    assert result.status == 0, result.err
    assert re.search(r"^first request: GET https://(api|eu|a)\.example\S*/a$", result.out, re.MULTILINE)


@pytest.mark.parametrize(("word", "name"), [("regoin=eu", "regoin"), ("our api.regoin=eu", "our api.regoin")])
def test_a_misspelt_server_variable_is_warned_of(arazzo: Arazzo, tmp_path: Path, word: str, name: str) -> None:
    with refusing_port() as port:
        url = f"http://127.0.0.1:{port}/{{region}}"
        document = written(tmp_path, [{"url": url, "variables": {"region": {"default": "us"}}}])
        result = arazzo("run", document, "--server-var", word)
        assert (
            f"--server-var {name}=…: no server that is used has a variable 'regoin'; did you mean region?" in result.err
        )
        assert "no server that is used" not in arazzo("run", document, "--server-var", "region=eu").err
