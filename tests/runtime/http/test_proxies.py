"""Proxies: the option's, the environment's, and what NO_PROXY excepts (H6)."""

from __future__ import annotations

import time

import pytest

from arazzo_runner.effects import Request, Send
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.http.proxies import Proxies, proxies_of
from arazzo_runner.runtime.http.requests import target_of
from tests.servers.misbehaving import Misbehaving, refusing_port
from tests.servers.misbehaviours import Line, Received, answer
from tests.support.clients import Client, answered, failed, get

pytestmark = pytest.mark.network

SECRET = "hunter2"


def keep_quiet(line: Line) -> None:
    line.wait_for_the_end()


def dribble(line: Line) -> None:
    line.drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")


def open_tunnel(line: Line) -> None:
    """A SOCKS proxy, and what it leads to: that takes its time to answer."""
    line.socket.recv(64)
    line.send(b"\x05\x00")
    line.socket.recv(64)
    line.send(b"\x05\x00\x00\x01" + bytes(6))
    line.socket.recv(65536)
    time.sleep(1)
    answer(line, b"ok")


def test_the_options_proxy_gets_the_requests(client: Client, server: Misbehaving) -> None:
    proxy = server.url.replace("//", f"//user:{SECRET}@")
    [there] = client(get("http://api.example/ok"), proxy=proxy)
    assert answered(there).response.body == b"ok"
    [received] = server.requests
    assert received.header("Host") == "api.example"
    assert received.header("Proxy-Authorization") is not None


def test_the_environments_proxy_gets_the_requests_but_for_its_exceptions(
    client: Client, server: Misbehaving, other: Misbehaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.0/8")
    client(get("http://api.example/ok"), get(f"{other.url}/ok"))
    assert [received.header("Host") for received in server.requests] == ["api.example"]
    assert len(other.requests) == 1


def test_a_proxy_that_refuses_to_connect_is_named(client: Client, server: Misbehaving) -> None:
    def refuse(line: Line, _received: Received) -> bool:
        return answer(line, status="407 Proxy Authentication Required")

    server.also["api.example:443"] = refuse
    [refused] = client(get(f"https://api.example/{SECRET}"), proxy=server.url.replace("//", f"//user:{SECRET}@"))
    assert (failed(refused).code, failed(refused).message) == (
        "transport",
        "the proxy 127.0.0.1 refused to pass the request on: 407 Proxy Authentication Required",
    )
    assert server.all_closed()


def test_a_proxy_that_is_not_there_is_named(client: Client) -> None:
    with refusing_port() as port:
        [refused] = client(get("http://api.example/"), proxy=f"http://user:{SECRET}@127.0.0.1:{port}")
    assert failed(refused).message == (
        f"the proxy 127.0.0.1 refused the connection on port {port}: nothing listens there"
    )


@pytest.mark.parametrize("target", ["http://api.example/", "https://api.example/"])
@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_says_nothing_is_named_within_the_time_for_a_connection(
    client: Client, scheme: str, target: str
) -> None:
    with Misbehaving(speak=keep_quiet) as silent:
        proxy = f"{scheme}://127.0.0.1:{silent.port}"
        [failure] = client(get(target), proxy=proxy, connect_timeout=0.3, read_timeout=2.0)
        assert silent.all_closed()
    tunnel = "the proxy 127.0.0.1 opened no tunnel within 0.3 s (--connect-timeout)"
    passed_on = "no answer from api.example through the proxy 127.0.0.1 within 2 s (--read-timeout)"
    assert failed(failure).message == (passed_on if (scheme, target[:5]) == ("http", "http:") else tunnel)


def test_a_proxy_that_speaks_slowly_has_the_time_for_a_connection_in_all(client: Client) -> None:
    with Misbehaving(speak=dribble) as slow:
        [failure] = client(get("https://api.example/"), proxy=slow.url, connect_timeout=0.5)
    assert "opened no tunnel within 0.5 s" in failed(failure).message


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x05", b"\x05\x00"])
def test_a_proxy_that_does_not_speak_socks_is_named(client: Client, said: bytes) -> None:
    def speak(line: Line) -> None:
        line.socket.recv(64)
        line.send(said)
        if said == b"\x05\x00":
            line.socket.recv(64)  # what is not read when a connection is closed resets it, sooner or later

    with Misbehaving(speak=speak) as other:
        [failure] = client(get("http://api.example/"), proxy=f"socks5://127.0.0.1:{other.port}")
        assert other.all_closed()
    assert failed(failure).message == (
        f"the proxy 127.0.0.1 does not speak SOCKS on port {other.port}: is its URL http:// instead of socks5://?"
    )


@pytest.mark.parametrize("content", [b"", b"\x05 and more", b"CONNECT me"])
def test_an_answer_through_an_open_tunnel_has_the_time_for_an_answer(client: Client, content: bytes) -> None:
    with Misbehaving(speak=open_tunnel) as socks:
        proxy = f"socks5://127.0.0.1:{socks.port}"
        post = Send(Request("POST", "http://api.example/", (), content))
        [there] = client(post, proxy=proxy, connect_timeout=0.3)
    assert answered(there).response.body == b"ok"


@pytest.mark.parametrize("url", ["ftp://user:hunter2@proxy", "http://user:hunter2@proxy:port", "http://", "http://["])
def test_a_url_that_is_no_proxys_is_a_usage_error_without_its_password(client: Client, url: str) -> None:
    with pytest.raises(UsageError) as error:
        client(proxy=url)
    assert error.value.message == "--proxy: this is not a proxy URL"
    assert SECRET not in error.value.hint


@pytest.mark.parametrize(
    ("exception", "url", "excepted"),
    [
        ("*", "http://any.example/", True),
        ("a.example", "http://a.example/", True),
        ("a.example", "http://www.a.example/", True),
        ("a.example", "http://wwwa.example/", False),
        (".a.example", "http://www.a.example/", True),
        ("*.a.example", "https://www.a.example/", True),
        ("A.Example", "http://a.example/", True),
        ("a.example:8080", "http://a.example:8080/", True),
        ("a.example:8080", "http://a.example/", False),
        ("b.example, a.example", "http://a.example/", True),
        ("10.0.0.0/8", "http://10.1.2.3/", True),
        ("10.0.0.0/8", "http://11.1.2.3/", False),
        ("10.1.2.3", "http://10.1.2.3:81/", True),
        ("::1", "http://[::1]/", True),
        ("[::1]", "http://[::1]:81/", True),
        ("", "http://a.example/", False),
    ],
)
def test_no_proxy_excepts_hosts_domains_and_networks(exception: str, url: str, excepted: bool) -> None:
    proxies = proxies_of(None, {"all": "proxy.example:3128", "no": exception})
    chosen = proxies.choose(target_of(url))
    assert (chosen is None) == excepted
    if chosen is not None:
        assert (chosen.scheme, chosen.host, chosen.port, chosen.auth) == ("http", "proxy.example", 3128, None)


def test_each_scheme_has_its_own_proxy() -> None:
    proxies = proxies_of(None, {"http": "http://one", "https": "https://user@two:4443"})
    one, two = (proxies.choose(target_of(f"{scheme}://a.example/")) for scheme in ("http", "https"))
    assert one is not None
    assert two is not None
    assert (one.host, one.port, two.host, two.port, two.auth) == ("one", 80, "two", 4443, ("user", ""))
    assert proxies_of(None, {}) == Proxies({}, ())
