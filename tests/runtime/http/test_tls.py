"""TLS is verified, and a failure says what is wrong with which certificate, and what to type (H6)."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import pytest
import trustme

from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.http.requests import target_of
from arazzo_runner.runtime.http.transport import Transport, open_transport
from tests.conftest import Arazzo
from tests.servers.misbehaving import Misbehaving
from tests.servers.misbehaviours import Line, relay_to
from tests.support.clients import Client, answered, failed, get

pytestmark = pytest.mark.network


class Authority:
    """An authority of our own, and servers with its certificates."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self._ca = trustme.CA()
        self._directory = directory
        self._stack = stack
        self.bundle = str(directory / "ca.pem")
        self._ca.cert_pem.write_to_path(self.bundle)

    def server(self, *names: str, expired: bool = False, asks_for_certificate: bool = False) -> Misbehaving:
        end = datetime.now(UTC) + timedelta(days=-1 if expired else 1)
        certificate = self._ca.issue_cert(*names, not_after=end)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(context)
        if asks_for_certificate:
            context.verify_mode = ssl.CERT_REQUIRED
            self._ca.configure_trust(context)
        return self._stack.enter_context(Misbehaving(tls=context))

    def client_certificate(self) -> str:
        path = self._directory / "client.pem"
        self._ca.issue_cert("me@example.com").private_key_and_cert_chain_pem.write_to_path(str(path))
        return str(path)


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    with ExitStack() as stack:
        yield Authority(tmp_path, stack)


def test_a_certificate_of_a_trusted_authority_is_taken(client: Client, authority: Authority) -> None:
    server = authority.server("127.0.0.1")
    [answer] = client(get(f"{server.url}/ok"), ca_bundle=authority.bundle)
    assert answered(answer).response.body == b"ok"
    assert server.all_closed()


def test_a_certificate_for_another_name(client: Client, authority: Authority) -> None:
    server = authority.server("other.example")
    [answer] = client(get(f"{server.url}/ok"), ca_bundle=authority.bundle)
    assert (failed(answer).code, failed(answer).message) == (
        "transport",
        "the TLS certificate of 127.0.0.1 is for another name (--insecure takes it, for a test)",
    )
    assert server.all_closed()


def test_a_certificate_that_has_expired(client: Client, authority: Authority) -> None:
    server = authority.server("127.0.0.1", expired=True)
    [answer] = client(get(f"{server.url}/ok"), ca_bundle=authority.bundle)
    assert "the TLS certificate of 127.0.0.1 has expired" in failed(answer).message


def test_a_certificate_of_an_unknown_authority(client: Client, authority: Authority) -> None:
    [answer] = client(get(f"{authority.server('127.0.0.1').url}/ok"))
    message = failed(answer).message
    assert message.startswith("the TLS certificate of 127.0.0.1 is ")
    assert "--ca-bundle FILE" in message
    assert "--insecure" in message


def test_insecure_takes_any_certificate(client: Client, authority: Authority) -> None:
    [answer] = client(get(f"{authority.server('other.example').url}/ok"), insecure=True)
    assert answered(answer).response.body == b"ok"


def test_a_server_that_asks_for_a_certificate_gets_it(client: Client, authority: Authority) -> None:
    server = authority.server("127.0.0.1", asks_for_certificate=True)
    certificate = authority.client_certificate()
    [answer] = client(get(f"{server.url}/ok"), ca_bundle=authority.bundle, client_cert=certificate)
    assert answered(answer).response.body == b"ok"


def test_a_server_that_asks_for_a_certificate_in_vain(client: Client, authority: Authority) -> None:
    server = authority.server("127.0.0.1", asks_for_certificate=True)
    [answer] = client(get(f"{server.url}/ok"), ca_bundle=authority.bundle)
    assert failed(answer).code == "transport"
    assert server.requests == []


def test_https_where_http_is_spoken(client: Client, server: Misbehaving) -> None:
    def refuse(line: Line) -> None:
        line.socket.recv(65536)
        line.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    server.speak = refuse
    [answer] = client(get(f"{server.url.replace('http', 'https')}/ok"))
    assert failed(answer).message == (
        f"127.0.0.1 does not speak TLS on port {server.port}: is its URL http:// instead of https://?"
    )
    assert server.all_closed()


def test_http_where_tls_is_spoken(client: Client, authority: Authority) -> None:
    server = authority.server("127.0.0.1")
    [answer] = client(get(f"{server.url.replace('https', 'http')}/ok"))
    failure = failed(answer)
    assert failure.code == "transport"
    assert server.all_closed()


def test_a_tunnel_through_a_proxy(client: Client, authority: Authority, server: Misbehaving) -> None:
    there = authority.server("127.0.0.1")
    server.also[f"127.0.0.1:{there.port}"] = relay_to(there.port)
    good, slow = client(
        get(f"{there.url}/ok"), get(f"{there.url}/slow-body", timeout=0.5), ca_bundle=authority.bundle, proxy=server.url
    )
    assert answered(good).response.body == b"ok"
    assert failed(slow).code == "timeout"
    assert [received.method for received in server.requests] == ["CONNECT"]
    [untrusted] = client(get(f"{there.url}/ok"), proxy=server.url)
    assert failed(untrusted).message.startswith("the TLS certificate of 127.0.0.1 through the proxy 127.0.0.1 is ")
    assert there.all_closed()
    assert server.all_closed()


@pytest.mark.parametrize("path", ["/slow-header", "/slow-body", "/silent"])
def test_the_attempts_limit_holds_inside_tls(client: Client, authority: Authority, path: str) -> None:
    server = authority.server("127.0.0.1")
    [answer] = client(get(server.url + path, timeout=0.5), ca_bundle=authority.bundle)
    assert failed(answer).code == "timeout"
    assert server.all_closed()


@pytest.mark.parametrize("option", ["ca_bundle", "client_cert"])
def test_a_file_that_is_not_there_is_named_with_its_option(client: Client, tmp_path: Path, option: str) -> None:
    with pytest.raises(UsageError) as error:
        client(**{option: str(tmp_path / "none.pem")})
    assert error.value.message == f"--{option.replace('_', '-')} {tmp_path}/none.pem: there is no such file"


@pytest.mark.parametrize("option", ["ca_bundle", "client_cert"])
def test_a_file_that_is_no_certificate_is_named_with_its_option(client: Client, tmp_path: Path, option: str) -> None:
    (tmp_path / "some.pem").write_text("nothing here")
    with pytest.raises(UsageError, match=f"--{option.replace('_', '-')} .*some.pem: "):
        client(**{option: str(tmp_path / "some.pem")})


@pytest.mark.parametrize("form", ["{0}", "{0}:{0}"])
def test_a_client_certificate_without_its_key_is_told_so(client: Client, authority: Authority, form: str) -> None:
    bundle = authority.bundle
    with pytest.raises(UsageError) as error:
        client(client_cert=form.format(bundle))
    assert error.value.message == f"--client-cert {form.format(bundle)}: there is no key in {bundle}"
    assert error.value.hint is not None
    assert f"--client-cert {bundle}:KEY" in error.value.hint


def test_the_hint_about_a_bundle_of_authorities_names_no_key(client: Client, tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text("openapi: 3.1.0\n")
    with pytest.raises(UsageError, match="no certificate") as error:
        client(ca_bundle=str(tmp_path / "api.yaml"))
    assert error.value.hint == "it must have the certificates of authorities in PEM form"


def trusted(transport: Transport, url: str) -> ssl.SSLContext | None:
    pool = transport._pools.of(target_of(url), None)
    return pool._ssl_context


def test_clients_without_tls_options_share_what_they_trust() -> None:
    with open_transport(TransportOptions()) as one, open_transport(TransportOptions(read_timeout=1)) as two:
        context = trusted(one, "https://one.test/")
        assert context is not None
        assert context is trusted(two, "https://two.test/")


def test_a_client_that_encrypts_nothing_loads_no_authorities() -> None:
    with open_transport(TransportOptions()) as transport:
        assert trusted(transport, "http://one.test/") is None


def test_what_the_options_trust_is_used_for_what_is_encrypted() -> None:
    with open_transport(TransportOptions(insecure=True)) as transport:
        context = trusted(transport, "https://one.test/")
        assert context is not None
        assert context.verify_mode is ssl.CERT_NONE


def test_http2_is_spoken_where_both_can(client: Client, authority: Authority) -> None:
    server = authority.server("127.0.0.1")
    assert server.tls is not None
    server.tls.set_alpn_protocols(["h2"])
    server.speak = speak_http2
    answers = client(
        get(f"{server.url}/one", [("X-City", "Zürich")]),
        get(f"{server.url}/two"),
        ca_bundle=authority.bundle,
        http2=True,
    )
    assert [answered(answer).response.body for answer in answers] == [b"GET /one", b"GET /two"]
    assert server.connections == 1
    assert server.all_closed()


def test_the_command_line_offers_http2(arazzo: Arazzo, authority: Authority, tmp_path: Path) -> None:
    server = authority.server("127.0.0.1")
    assert server.tls is not None
    server.tls.set_alpn_protocols(["h2"])
    server.speak = speak_http2
    operation = {"operationId": "read", "responses": {}}
    info = {"title": "A", "version": "1"}
    step = {"stepId": "s", "operationId": "read", "outputs": {"body": "$response.body"}}
    documents = {
        "api.json": {"openapi": "3.1.0", "info": info, "paths": {"/one": {"get": operation}}},
        "w.json": {
            "arazzo": "1.0.1",
            "info": info,
            "sourceDescriptions": [{"name": "api", "url": "api.json"}],
            "workflows": [{"workflowId": "w", "steps": [step], "outputs": {"body": "$steps.s.outputs.body"}}],
        },
    }
    for name, data in documents.items():
        (tmp_path / name).write_text(json.dumps(data), "utf-8")
    result = arazzo(
        "run", str(tmp_path / "w.json"), "--server", server.url, "--ca-bundle", authority.bundle, "--http2", "-q"
    )
    assert json.loads(result.out) == {"body": "GET /one"}, result.err


def speak_http2(line: Line) -> None:
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
    connection.initiate_connection()
    line.send(connection.data_to_send())
    line.socket.settimeout(20)
    while data := line.socket.recv(65536):
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                headers = dict(event.headers)
                connection.send_headers(event.stream_id, [(":status", "200")])
                connection.send_data(event.stream_id, headers[b":method"] + b" " + headers[b":path"], end_stream=True)
        line.send(connection.data_to_send())
