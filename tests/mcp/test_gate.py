"""The HTTP transport's gate: Host, Origin and token are looked at before anything else."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import httpx2
import pytest

from arazzo_runner.serving.gate import BearerToken, Gate, Receive, Scope, Send, names_of
from tests.support.mcp_servers import TOKEN, http_process
from tests.support.notes import write_notes

pytestmark = pytest.mark.network

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}
ACCEPT = {"Accept": "application/json, text/event-stream"}
RIGHT = {**ACCEPT, "Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> object:
    directory = tmp_path_factory.mktemp("gate")
    with http_process(directory, str(write_notes(directory, "http://127.0.0.1:9"))) as (where, _):
        yield where


def test_a_request_with_the_token_is_answered(url: str) -> None:
    answer = httpx2.post(url, json=INITIALIZE, headers=RIGHT)
    assert answer.status_code == 200
    assert "arazzo" in answer.text
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (ACCEPT, 401),
        ({**ACCEPT, "Authorization": f"Bearer {TOKEN[:-1]}"}, 401),
        ({**ACCEPT, "Authorization": f"Bearer {TOKEN}x"}, 401),
        ({**ACCEPT, "Authorization": f"Basic {TOKEN}"}, 401),
        ({**ACCEPT, "Authorization": "Bearer"}, 401),
        ({**ACCEPT, "Authorization": "Bearer \xe9"}, 401),
        ({**RIGHT, "Host": "evil.example"}, 421),
        ({**RIGHT, "Host": "127.0.0.1"}, 421),
        ({**RIGHT, "Host": "localhost:1"}, 421),
        ({**RIGHT, "Origin": "https://evil.example"}, 403),
        ({**RIGHT, "Origin": "null"}, 403),
        ({**RIGHT, "Origin": "http://127.0.0.1:1"}, 403),
        ({**RIGHT, "Origin": "http://127.0.0.1.evil.example"}, 403),
    ],
)
@pytest.mark.parametrize("message", [INITIALIZE, LIST])
def test_other_requests_are_refused(headers: dict[str, str], status: int, message: object, url: str) -> None:
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = httpx2.post(url, json=message, headers=list(encoded.items()))  # type: ignore[arg-type]
    assert answer.status_code == status
    assert "read-note" not in answer.text
    assert TOKEN not in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(b"host", b"here:1"), (b"authorization", b"Bearer t")], 200),
        ([(b"host", b"HERE:1"), (b"authorization", b"bearer t")], 200),
        ([(b"host", b"there:1"), (b"authorization", b"Bearer t")], 421),
        ([(b"host", b"here:1"), (b"host", b"there:1"), (b"authorization", b"Bearer t")], 421),
        ([(b"authorization", b"Bearer t")], 421),
        ([(b"host", b"here:1"), (b"authorization", b"Bearer t"), (b"origin", b"http://there:1")], 403),
        ([(b"host", b"here:1"), (b"authorization", b"Bearer t"), (b"origin", b"http://here:1")], 200),
        ([(b"host", b"here:1"), (b"authorization", b"Bearer t"), (b"authorization", b"Bearer u")], 401),
        ([(b"host", b"here:1")], 401),
    ],
)
def test_the_gate_needs_no_help_of_what_is_behind_it(headers: list[tuple[bytes, bytes]], status: int) -> None:
    """Whatever the application behind it looks at."""
    sent: list[MutableMapping[str, Any]] = []

    async def behind(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    gate = Gate(behind, frozenset({"here:1"}), BearerToken("t"))
    asyncio.run(gate({"type": "http", "headers": headers}, receive, send))
    assert sent[0]["status"] == status


def test_nothing_but_http_gets_through() -> None:
    async def behind(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("a socket got through")

    async def nothing(*_: object) -> Any:
        raise AssertionError

    asyncio.run(Gate(behind, frozenset({"here:1"}), None)({"type": "websocket", "headers": []}, nothing, nothing))


def test_every_path_is_behind_the_gate(url: str) -> None:
    for path in ("/", "/mcp/", "/sse", "/docs", "/.well-known/oauth-protected-resource"):
        assert httpx2.get(httpx2.URL(url).copy_with(path=path)).status_code == 401


def test_the_own_page_of_the_server_may_ask(url: str) -> None:
    origin = str(httpx2.URL(url).copy_with(path="/")).rstrip("/")
    assert httpx2.post(url, json=INITIALIZE, headers={**RIGHT, "Origin": origin}).status_code == 200


@pytest.mark.parametrize(
    ("host", "port", "names"),
    [
        ("127.0.0.1", 8080, {"127.0.0.1:8080", "localhost:8080", "[::1]:8080"}),
        ("::1", 8080, {"127.0.0.1:8080", "localhost:8080", "[::1]:8080"}),
        ("api.example", 8080, {"api.example:8080"}),
        ("192.0.2.1", 80, {"192.0.2.1:80", "192.0.2.1"}),
    ],
)
def test_the_names_of_a_server_are_those_of_its_address(host: str, port: int, names: set[str]) -> None:
    assert names_of(host, port) == names


def test_everywhere_means_this_machine_by_its_names() -> None:
    names = names_of("0.0.0.0", 8080)  # noqa: S104 - nothing listens
    assert {"127.0.0.1:8080", "localhost:8080"} < names
    assert "evil.example:8080" not in names
