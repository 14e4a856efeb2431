"""No usable server: the error says which option gives one, and typing it works (H2)."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Arazzo

REGIONS = {"region": {"enum": ["eu", "us"]}}


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
    api: dict[str, Any] = {"openapi": "3.0.3", "info": {"title": "A", "version": "1"}, "paths": {}}
    api["paths"]["/a"] = {"get": {"operationId": "read", "responses": {}}}
    api |= {} if servers is None else {"servers": servers}
    arazzo_document = {
        "arazzo": "1.0.1",
        "info": {"title": "A", "version": "1"},
        "sourceDescriptions": [{"name": "our api", "url": "api.json", "type": "openapi"}],
        "workflows": [{"workflowId": "w", "steps": [{"stepId": "s", "operationId": "read"}]}],
    }
    (tmp_path / "api.json").write_text(json.dumps(api), "utf-8")
    (tmp_path / "w.json").write_text(json.dumps(arazzo_document), "utf-8")
    refused = arazzo("run", str(tmp_path / "w.json"), "--dry-run", *given)
    assert refused.status == 1
    option = re.search(r"hint: .*?(--server(?:-var)? .*)$", refused.err, re.MULTILINE)
    assert option is not None, refused.err
    name, _, _ = shlex.split(option[1])[1].partition("=")
    typed = [shlex.split(option[1])[0], f"{name}={value}"]
    result = arazzo("run", str(tmp_path / "w.json"), "--dry-run", *typed)
    assert result.status == 0, result.err
    assert re.search(r"^first request: GET https://(api|eu|a)\.example\S*/a$", result.out, re.MULTILINE)
