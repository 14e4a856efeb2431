"""URLs that were given with a password or a token: no error shows what lets in (S1)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Arazzo
from tests.servers.misbehaving import Misbehaving, refusing_port

SECRET = "hunter2-sEcReT"


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARAZZO_NO_CACHE", "1")
    monkeypatch.setenv("no_proxy", "*")


def document(tmp_path: Path, source: str, server: str = "https://api.example") -> str:
    api = {
        "openapi": "3.0.3",
        "info": {"title": "A", "version": "1"},
        "servers": [{"url": server}],
        "paths": {"/a": {"get": {"operationId": "read", "responses": {}}}},
    }
    arazzo = {
        "arazzo": "1.0.1",
        "info": {"title": "A", "version": "1"},
        "sourceDescriptions": [{"name": "api", "url": source, "type": "openapi"}],
        "workflows": [{"workflowId": "w", "steps": [{"stepId": "s", "operationId": "read"}]}],
    }
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "api.json").write_text(json.dumps(api), "utf-8")
    (tmp_path / "w.json").write_text(json.dumps(arazzo, indent=1), "utf-8")
    return str(tmp_path / "w.json")


@pytest.mark.parametrize("userinfo", [f"ann:{SECRET}@", f"{SECRET}@", f"ann:{SECRET}%40@"])
@pytest.mark.parametrize("query", ["", f"?token={SECRET}", f"?sig={SECRET}"])
def test_a_source_or_document_that_is_not_there(arazzo: Arazzo, tmp_path: Path, userinfo: str, query: str) -> None:
    with refusing_port() as port:
        url = f"http://{userinfo}127.0.0.1:{port}/api.yaml{query}"
        naming, usual = document(tmp_path / "naming", url), document(tmp_path / "usual", "api.json")
        for words in (
            ["run", naming],
            ["validate", naming],
            ["validate", naming, "--format", "json"],
            ["validate", naming, "--format", "sarif"],
            ["run", usual, "--source", f"api={url}"],
            ["auth", usual, "--source", f"api={url}"],
            ["run", url],
            ["show", url],
        ):
            result = arazzo(*words)
            assert result.status in (1, 2)
            assert "127.0.0.1" in result.out + result.err
            assert SECRET not in result.out + result.err, words


@pytest.mark.parametrize(
    "server",
    [
        f"ftp://ann:{SECRET}@api.example",
        f"ann:{SECRET}@api.example",
        f"https://ann:{SECRET}@api.example/a?token={SECRET}",
    ],
)
def test_a_server_that_is_refused(arazzo: Arazzo, tmp_path: Path, server: str) -> None:
    for given in (server, f"api={server}"):
        result = arazzo("run", document(tmp_path, "api.json"), "--server", given)
        assert result.status in (1, 2)
        assert SECRET not in result.out + result.err


def test_a_server_of_a_description_that_cannot_be_used(arazzo: Arazzo, tmp_path: Path) -> None:
    result = arazzo("run", document(tmp_path, "api.json", f"https://ann:{SECRET}@api.example/?token={SECRET}"))
    assert result.status == 1
    assert "has no usable server" in result.err
    assert SECRET not in result.out + result.err


def test_a_document_from_a_url_with_a_password_is_reported_without_it(arazzo: Arazzo, tmp_path: Path) -> None:
    with Misbehaving() as server:
        source = document(tmp_path, "api.json", f"http://127.0.0.1:{server.port}")
        url = f"{server.url.replace('//', f'//ann:{SECRET}@')}/echo-nothing?token={SECRET}"
        result = arazzo("run", source, "--source", f"api={url}", "--json", "--report", f"json={tmp_path / 'r.json'}")
    assert result.status == 2
    assert SECRET not in result.out + result.err
