"""Redirects are followed when asked, and take no credentials along; hosts are held to what the user allows (H6)."""

from __future__ import annotations

import asyncio
import socket
from unittest.mock import AsyncMock, Mock
from urllib.parse import quote

import pytest

from arazzo_runner.effects import Request, Response, Send
from arazzo_runner.runtime.http import metadata_services
from arazzo_runner.runtime.http.deadlines import AsyncBackend, Backend
from arazzo_runner.runtime.http.errors import Refused
from arazzo_runner.runtime.http.metadata_services import is_metadata_host
from arazzo_runner.runtime.http.requests import Hosts, redirected
from tests.servers.misbehaving import Misbehaving
from tests.support.clients import Client, answered, failed, get

pytestmark = pytest.mark.network

CREDENTIALS = [
    ("Authorization", "Bearer hunter2"),
    ("Cookie", "session=hunter2"),
    ("Proxy-Authorization", "Basic hunter2"),
    ("X-Api-Key", "hunter2"),
    ("X-Auth-Token", "hunter2"),
]


def to(server: Misbehaving, target: str, status: int = 302) -> str:
    return f"{server.url}/redirect?status={status}&to={quote(target, safe='')}"


def test_a_redirect_is_the_answer_by_default(client: Client, server: Misbehaving) -> None:
    [answer] = client(get(to(server, "/ok")))
    response = answered(answer).response
    assert (response.status, response.header("Location"), response.body) == (302, "/ok", b"elsewhere")


def test_a_redirect_is_followed_when_asked_and_keeps_credentials_at_home(client: Client, server: Misbehaving) -> None:
    [answer] = client(get(to(server, "/ok"), CREDENTIALS), follow_redirects=True)
    assert answered(answer).response.body == b"ok"
    assert server.requests[1].headers == server.requests[0].headers
    assert server.connections == 1


def test_credentials_do_not_go_to_another_origin(client: Client, server: Misbehaving, other: Misbehaving) -> None:
    target = other.url.replace("//", "//made:up@") + "/ok"
    own = [("X-Mine", "a key by another name"), ("Accept", "text/plain")]
    [answer] = client(get(to(server, target), [*CREDENTIALS, *own]), follow_redirects=True)
    assert answered(answer).response.body == b"ok"
    assert server.requests[0].names >= {name.lower() for name, _ in CREDENTIALS}
    assert other.requests[0].names == {"host", "user-agent", "accept-encoding", "accept"}
    assert other.requests[0].header("Host") == f"127.0.0.1:{other.port}"


@pytest.mark.parametrize("status", [307, 308])
def test_a_body_does_not_go_to_another_origin(
    client: Client, server: Misbehaving, other: Misbehaving, status: int
) -> None:
    request = Request("POST", to(server, f"{other.url}/ok", status), (), b'{"password": "hunter2"}')
    [answer] = client(Send(request), follow_redirects=True)
    assert answered(answer).response.status == status
    assert not other.requests


def test_a_urls_own_credentials_do_not_go_to_another_origin(
    client: Client, server: Misbehaving, other: Misbehaving
) -> None:
    url = to(server, f"{other.url}/ok").replace("//127", "//user:hunter2@127", 1)
    client(get(url), follow_redirects=True)
    assert server.requests[0].header("Authorization") is not None
    assert other.requests[0].header("Authorization") is None


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("file:///etc/passwd", "'file:' URLs are not requested, only http: and https:"),
        ("gopher://127.0.0.1/", "'gopher:' URLs are not requested, only http: and https:"),
        ("http://[broken/", "malformed"),
        ("http://127.0.0.1:99999/", "malformed"),
    ],
)
def test_a_redirect_to_something_else_is_refused(client: Client, server: Misbehaving, target: str, words: str) -> None:
    [answer] = client(get(to(server, target)), follow_redirects=True)
    failure = failed(answer)
    assert failure.code == "transport"
    assert failure.message.startswith("127.0.0.1 redirects to what cannot be followed: ")
    assert words in failure.message


def test_redirects_end(client: Client, server: Misbehaving) -> None:
    [answer] = client(get(f"{server.url}/redirect-loop"), follow_redirects=True)
    assert (failed(answer).code, failed(answer).message) == ("transport", "more than 10 redirects")
    assert len(server.requests) == 11
    assert server.all_closed()


def test_the_attempts_limit_covers_all_its_redirects(client: Client, server: Misbehaving) -> None:
    [answer] = client(get(to(server, "/slow-body"), timeout=0.4), follow_redirects=True)
    assert failed(answer).code == "timeout"


@pytest.mark.parametrize(
    ("status", "method", "after", "body"),
    [
        (301, "POST", "GET", b""),
        (302, "POST", "GET", b""),
        (303, "PUT", "GET", b""),
        (303, "HEAD", "HEAD", b"{}"),
        (302, "PUT", "PUT", b"{}"),
        (307, "POST", "POST", b"{}"),
        (308, "POST", "POST", b"{}"),
    ],
)
def test_the_method_after_a_redirect_is_that_of_browsers(
    client: Client, server: Misbehaving, status: int, method: str, after: str, body: bytes
) -> None:
    headers = (("Content-Type", "application/json"),)
    client(Send(Request(method, to(server, "/ok", status), headers, b"{}")), follow_redirects=True)
    second = server.requests[1]
    assert (second.method, second.body) == (after, body)
    assert ("content-type" in second.names) == bool(body)


def test_no_location_is_no_redirect() -> None:
    assert redirected(Request("GET", "http://a.example/"), Response(302)) is None
    assert redirected(Request("GET", "http://a.example/"), Response(304, (("Location", "/"),))) is None


def test_only_allowed_hosts_are_reached(client: Client, server: Misbehaving) -> None:
    [there, elsewhere] = client(
        get(f"{server.url}/ok"),
        get(f"http://localhost:{server.port}/ok?token=hunter2"),
        allowed_hosts=frozenset({"127.0.0.1"}),
    )
    assert answered(there).response.status == 200
    failure = failed(elsewhere)
    assert failure.code == "transport"
    assert failure.message == (
        "localhost is not among the hosts that this run may reach; to allow it: --allow-host localhost"
    )
    assert len(server.requests) == 1


def test_redirects_do_not_lead_past_the_allowed_hosts(client: Client, server: Misbehaving) -> None:
    allowed = frozenset({"127.0.0.1"})
    [answer] = client(
        get(to(server, f"http://localhost:{server.port}/ok")), allowed_hosts=allowed, follow_redirects=True
    )
    assert "--allow-host localhost" in failed(answer).message
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "fd00:ec2::254",
        "FD00:EC2:0::254",
        "::ffff:169.254.169.254",
        "Metadata.Google.Internal.",
        "169.254.170.2",
        "100.100.100.200",
        "::169.254.169.254",
        "::ffff:0:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:FF9B::A9FE:A9FE",
        "64:ff9b:1::a9fe:aa02",
        "64:ff9b:1:a9fe:a9:fe00::",
        "2002:a9fe:a9fe::1",
        "2001:0:1234:5678:0:0:5601:5601",
        "2001:db8::5efe:169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.43518",
    ],
)
def test_metadata_services_are_reached_only_by_name(host: str) -> None:
    assert is_metadata_host(host)
    with pytest.raises(Refused, match="--allow-host"):
        Hosts(None).check(host)
    with pytest.raises(Refused, match="--allow-host"):
        Hosts(frozenset(), {host}).check(host)
    Hosts(frozenset({host})).check(host.lower())


@pytest.mark.parametrize(
    "host",
    ["169.254.169.253", "64:ff9b::1.2.3.4", "2002:102:304::a9fe:a9fe", "2001:db8::a9fe:a9fe", "::1", "10", "api"],
)
def test_other_addresses_are_not_taken_for_metadata_services(host: str) -> None:
    Hosts(None).check(host)


@pytest.mark.parametrize(
    "address", ["64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "::a9fe:a9fe", "::ffff:a9fe:a9fe", "fd00:ec2::254"]
)
def test_a_name_that_leads_to_an_address_of_a_metadata_service_is_refused(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, 80, 0, 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(Refused, match=r"^rebound\.example leads to a cloud's metadata service"):
        Backend().connect_tcp("rebound.example", 80, 1.0)


@pytest.mark.parametrize("address", ["64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "::a9fe:a9fe"])
def test_an_asynchronous_connection_to_an_address_of_a_metadata_service_is_closed(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Mock(aclose=AsyncMock(), get_extra_info=lambda _: (address, 80, 0, 0))
    backend = AsyncBackend()
    monkeypatch.setattr(backend, "_backend", Mock(connect_tcp=AsyncMock(return_value=opened)))
    with pytest.raises(Refused, match=r"^rebound\.example leads to a cloud's metadata service"):
        asyncio.run(backend.connect_tcp("rebound.example", 80, 1.0))
    opened.aclose.assert_awaited_once()


def test_a_request_to_a_metadata_service_is_not_sent(client: Client) -> None:
    [answer] = client(get("http://169.254.169.254/latest/meta-data/", timeout=5))
    assert failed(answer).message == (
        "169.254.169.254 is a cloud's metadata service; name it to allow it: --allow-host 169.254.169.254"
    )


def test_a_name_that_leads_to_a_metadata_service_is_refused_before_anything_is_sent(
    client: Client, server: Misbehaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata_services, "METADATA_HOSTS", frozenset({"127.0.0.1"}))
    url = f"http://localhost:{server.port}/ok"
    [refused] = client(get(url))
    assert failed(refused).message.startswith("localhost leads to a cloud's metadata service")
    assert server.all_closed()
    assert server.requests == []
    [named] = client(get(url), allowed_hosts=frozenset({"localhost"}))
    assert answered(named).response.status == 200
