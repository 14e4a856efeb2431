"""What a run and its documents may reach: the hosts that the command line and the documents name, and --allow-host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.conftest import Arazzo
from tests.servers.secured import CLIENT, SecuredApi
from tests.support.http_server import serving

pytestmark = pytest.mark.network


@dataclass
class Site:
    """A server on loopback that answers paths from a table; to a client its name is another host than its address.

    Attributes:
        pages: what is at a path: a body, or a URL to be redirected to.
        asked: the paths, in order.
    """

    by_address: str = ""
    pages: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def by_name(self) -> str:
        return self.by_address.replace("127.0.0.1", "localhost")


class Handler(BaseHTTPRequestHandler):
    site: ClassVar[Site]

    def do_GET(self) -> None:
        self.site.asked.append(self.path)
        page = self.site.pages.get(self.path)
        self.send_response(404 if page is None else 302 if page.startswith("http") else 200)
        if page is not None and page.startswith("http"):
            self.send_header("Location", page)
        body = (page or "").encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("ARAZZO_NO_CACHE", "1")
    monkeypatch.setenv("no_proxy", "*")
    there = Site()

    class Answering(Handler):
        site = there

    with serving(Answering) as url:
        there.by_address = url
        yield there


def description(server: str, scheme: dict[str, Any] | None = None) -> str:
    operation = {"operationId": "read", "responses": {}, "security": [{"auth": []}] if scheme else []}
    api = {
        "openapi": "3.1.0",
        "info": {"title": "A", "version": "1"},
        "servers": [{"url": server}],
        "paths": {"/items": {"get": operation}},
        "components": {"securitySchemes": {"auth": scheme} if scheme else {}},
    }
    return json.dumps(api)


def document(source: str) -> str:
    arazzo = {
        "arazzo": "1.0.1",
        "info": {"title": "A", "version": "1"},
        "sourceDescriptions": [{"name": "api", "url": source, "type": "openapi"}],
        "workflows": [{"workflowId": "read", "steps": [{"stepId": "first", "operationId": "read"}]}],
    }
    return json.dumps(arazzo)


def written(tmp_path: Path, api: str) -> str:
    (tmp_path / "api.json").write_text(api, "utf-8")
    (tmp_path / "a.json").write_text(document("api.json"), "utf-8")
    return str(tmp_path / "a.json")


def test_a_redirect_reaches_another_host_only_when_it_is_allowed(arazzo: Arazzo, site: Site, tmp_path: Path) -> None:
    site.pages = {"/items": f"{site.by_name}/there", "/there": "{}"}
    words = ["run", written(tmp_path, description(site.by_address)), "--follow-redirects"]
    refused = arazzo(*words)
    assert refused.status == 1
    assert "to allow it: --allow-host localhost" in refused.err
    assert site.asked == ["/items"]
    typed = arazzo(*words, "--allow-host", "localhost")
    assert typed.status == 0, typed.err
    assert site.asked == ["/items", "/items", "/there"]


def test_a_redirect_to_another_server_of_the_description_is_followed(
    arazzo: Arazzo, site: Site, tmp_path: Path
) -> None:
    site.pages = {"/items": f"{site.by_name}/there", "/there": "{}"}
    api = json.loads(description(site.by_address))
    api["servers"].append({"url": f"{site.by_name}/v2"})
    assert arazzo("run", written(tmp_path, json.dumps(api)), "--follow-redirects").status == 0


def test_the_server_of_the_command_line_is_reached(arazzo: Arazzo, site: Site, tmp_path: Path) -> None:
    site.pages = {"/items": f"{site.by_name}/there", "/there": "{}"}
    words = ["run", written(tmp_path, description("https://api.example")), "--follow-redirects"]
    assert arazzo(*words, "--server", site.by_name).status == 0


@pytest.mark.parametrize("verb", ["run", "validate", "auth", "show"])
def test_every_verb_that_fetches_holds_redirects_to_the_hosts_named(arazzo: Arazzo, site: Site, verb: str) -> None:
    site.pages = {
        "/a.json": f"{site.by_name}/moved.json",
        "/moved.json": document(f"{site.by_address}/api.json"),
        "/api.json": description(site.by_address),
        "/items": "{}",
    }
    refused = arazzo(verb, f"{site.by_address}/a.json")
    assert refused.status == 2
    assert "--allow-host localhost" in refused.err
    assert "/moved.json" not in site.asked
    typed = arazzo(verb, f"{site.by_address}/a.json", "--allow-host", "localhost")
    assert typed.status == 0, typed.err


def test_a_source_that_moved_to_another_host_says_how_to_allow_it(arazzo: Arazzo, site: Site, tmp_path: Path) -> None:
    site.pages = {"/api.json": f"{site.by_name}/moved.json", "/moved.json": description(site.by_address), "/items": ""}
    file = tmp_path / "a.json"
    file.write_text(document(f"{site.by_address}/api.json"), "utf-8")
    refused = arazzo("run", str(file))
    assert refused.status == 2
    assert "--allow-host localhost" in refused.err
    assert arazzo("run", str(file), "--allow-host", "localhost").status == 0


@pytest.mark.parametrize("host", ["169.254.169.254", "[fd00:ec2::254]", "metadata.google.internal"])
def test_a_metadata_service_is_not_reached_because_a_document_names_it(
    arazzo: Arazzo, tmp_path: Path, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    words = ["run", written(tmp_path, description(f"http://{host}"))]
    for more in ([], ["--server", f"http://{host}"]):
        result = arazzo(*words, *more)
        assert result.status == 1
        assert f"is a cloud's metadata service; name it to allow it: --allow-host {host.strip('[]')}" in result.err


def test_a_token_is_not_asked_for_where_only_a_discovery_document_says(arazzo: Arazzo, tmp_path: Path) -> None:
    with SecuredApi() as api:
        by_name = api.url.replace("127.0.0.1", "localhost")
        scheme = {"type": "openIdConnect", "openIdConnectUrl": f"{by_name}/.well-known/openid-configuration"}
        words = ["run", written(tmp_path, description(by_name, scheme)), "--auth", f"auth={':'.join(CLIENT)}"]
        refused = arazzo(*words)  # the discovery document names the token endpoint by its address
        assert refused.status == 1
        assert "--allow-host 127.0.0.1" in refused.err
        assert "POST /token" not in api.log
        arazzo(*words, "--allow-host", "127.0.0.1")
        assert "POST /token" in api.log


def test_the_token_endpoint_of_a_description_is_reached(arazzo: Arazzo, tmp_path: Path) -> None:
    with SecuredApi() as api:
        by_name = api.url.replace("127.0.0.1", "localhost")
        flows = {"clientCredentials": {"tokenUrl": f"{by_name}/token", "scopes": {"read": ""}}}
        words = ["run", written(tmp_path, description(api.url, {"type": "oauth2", "flows": flows}))]
        arazzo(*words, "--auth", f"auth={':'.join(CLIENT)}")
        assert api.log[:2] == ["POST /token", "GET /items"]


def test_a_document_from_the_network_names_no_files_of_this_machine(arazzo: Arazzo, site: Site, tmp_path: Path) -> None:
    (tmp_path / "api.json").write_text(description(site.by_address), "utf-8")
    site.pages = {"/a.json": document((tmp_path / "api.json").as_uri())}
    result = arazzo("run", f"{site.by_address}/a.json")
    assert result.status == 2
    assert "came from the network, and names the file" in result.err


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("https://api.example/v1", "--allow-host api.example"),
        ("api.example:8080", "--allow-host api.example"),
        ("api.example/", "--allow-host api.example"),
        ("", "--allow-host api.example.com"),
    ],
)
def test_a_host_is_neither_a_url_nor_has_a_port(arazzo: Arazzo, tmp_path: Path, word: str, hint: str) -> None:
    result = arazzo("run", written(tmp_path, description("https://api.example")), "--allow-host", word)
    assert result.status == 2
    assert f"write {hint}" in result.err


def test_http2_is_offered_and_not_forced(arazzo: Arazzo, site: Site, tmp_path: Path) -> None:
    site.pages = {"/items": "{}"}
    assert arazzo("run", written(tmp_path, description(site.by_address)), "--http2").status == 0
