"""Proxies: the option's, the environment's, and what NO_PROXY excepts (H6)."""

from __future__ import annotations

import pytest

from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.proxies import Proxies, proxies_of
from arazzo_runner.runtime.wire import target_of
from tests.runtime.clients import Client, answered, failed, get
from tests.servers.misbehaving import Misbehaving, refusing_port
from tests.servers.misbehaviours import Line, Received, answer

SECRET = "hunter2"


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


@pytest.mark.parametrize("url", ["ftp://user:hunter2@proxy", "http://user:hunter2@proxy:port", "http://", "http://["])
def test_a_url_that_is_no_proxys_is_a_usage_error_without_its_password(client: Client, url: str) -> None:
    with pytest.raises(UsageError) as error:
        client(proxy=url)
    assert error.value.message == "--proxy: this is no proxy URL"
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
