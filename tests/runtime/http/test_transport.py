"""What the network does is an answer, in words, in time, and with its connections closed (C7, F9, H6)."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading

import pytest

from arazzo_runner.effects import Request, Send
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.http.async_transport import open_async_transport
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.http.transport import Transport, open_transport
from tests.servers.misbehaving import Misbehaving, deaf_port, refusing_port
from tests.servers.misbehaviours import LIFETIME, Line, Received
from tests.support.clients import Client, answered, failed, get

pytestmark = pytest.mark.network

SECRET = "hunter2"

FAILURES = {
    "/close-without-answer": "127.0.0.1 closed the connection without an answer",
    "/close-in-header": "127.0.0.1 closed the connection in the middle of the response header",
    "/reset-before-header": "127.0.0.1 broke the connection off before it answered",
    "/reset-in-body": "127.0.0.1 broke the connection off, after 10 of 1,000 bytes of the body",
    "/length-too-long": "127.0.0.1 broke the connection off, after 10 of 1,000 bytes of the body",
    "/two-lengths": "127.0.0.1 sent a response header that is not HTTP",
    "/cut-chunks": "127.0.0.1 broke the connection off, after 5 bytes of the body",
    "/bad-chunks": "127.0.0.1 broke the rules of HTTP, after 0 bytes of the body",
    "/endless-body": "the response is larger than the limit of 100,000 bytes (--max-response-bytes)",
    "/announced-as-large": "the response is larger than the limit of 100,000 bytes (--max-response-bytes)",
    "/coded?as=bomb": "the response is larger than the limit of 100,000 bytes (--max-response-bytes)",
    "/header-flood": "127.0.0.1 sent a response header that is too large",
    "/endless-informational": "the server sent more than 1,048,576 bytes and no complete response header",
    "/not-http": "127.0.0.1 does not speak HTTP on port {port}",
    "/not-a-header": "127.0.0.1 sent a response header that is not HTTP",
}


@pytest.mark.parametrize("path", FAILURES)
def test_a_broken_answer_is_a_transport_failure_in_words(client: Client, server: Misbehaving, path: str) -> None:
    url = f"{server.url.replace('//', f'//user:{SECRET}@')}{path}{'&' if '?' in path else '?'}token={SECRET}"
    headers = [("Authorization", f"Bearer {SECRET}"), ("Cookie", f"session={SECRET}")]
    [answer] = client(get(url, headers, timeout=LIFETIME), max_response_bytes=100_000)
    failure = failed(answer)
    assert (failure.code, failure.message) == ("transport", FAILURES[path].format(port=server.port))
    assert failure.duration < LIFETIME / 2
    assert server.all_closed()


@pytest.mark.parametrize("path", ["/slow-header", "/slow-body", "/silent", "/silent-in-body", "/endless-body"])
def test_the_attempts_own_limit_ends_it_as_a_timeout(client: Client, server: Misbehaving, path: str) -> None:
    [answer] = client(get(server.url + path, timeout=0.4), max_response_bytes=10**12)
    failure = failed(answer)
    assert (failure.code, failure.message) == ("timeout", "no complete answer within 0.4 s")
    assert 0.4 <= failure.duration < LIFETIME / 2
    assert server.all_closed()


def test_a_limit_holds_while_connecting_and_while_sending(client: Client, server: Misbehaving) -> None:
    def take_nothing(line: Line, _received: Received) -> bool:
        return line.stopping.wait(LIFETIME)

    server.also["/deaf"] = take_nothing
    body = b"x" * 20_000_000
    large = Send(Request("POST", f"{server.url}/deaf", (("Content-Length", "0"),), body), 0.4)
    with deaf_port() as port:
        answers = client(get(f"http://127.0.0.1:{port}/", timeout=0.4), large)
    assert [failed(answer).code for answer in answers] == ["timeout", "timeout"]


def test_a_wait_longer_than_read_timeout_is_no_timeout_of_the_step(client: Client, server: Misbehaving) -> None:
    answers = client(
        get(f"{server.url}/silent", timeout=LIFETIME), get(f"{server.url}/silent-in-body"), read_timeout=0.3
    )
    assert [(failed(answer).code, failed(answer).message) for answer in answers] == [
        ("transport", "no answer from 127.0.0.1 within 0.3 s (--read-timeout)"),
        (
            "transport",
            "127.0.0.1 sent nothing more for 0.3 s, after 10 of 1,000 bytes of the body (--read-timeout)",
        ),
    ]
    assert server.all_closed()


def test_a_wait_longer_than_connect_timeout_says_so(client: Client) -> None:
    with deaf_port() as port:
        [answer] = client(get(f"http://127.0.0.1:{port}/", timeout=LIFETIME), connect_timeout=0.3)
    failure = failed(answer)
    assert failure.code == "transport"
    assert failure.message == "no connection to 127.0.0.1 within 0.3 s (--connect-timeout)"


def test_a_port_that_nothing_listens_on(client: Client) -> None:
    with refusing_port() as port:
        [answer] = client(get(f"http://127.0.0.1:{port}/"))
    assert failed(answer).message == f"127.0.0.1 refused the connection on port {port}: nothing listens there"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://" + "long" * 20 + ".example/", "is not a host name"),
        ("ftp://example.com/", "'ftp:' URLs are not requested, only http: and https:"),
        ("/only/a/path", "the URL is relative: it says neither http: nor https:"),
        ("http:///path", "the URL names no host"),
        ("http://example.com:port/", "the URL cannot be read: its host or its port is malformed"),
    ],
)
def test_a_url_that_leads_nowhere(client: Client, url: str, message: str) -> None:
    [answer] = client(get(url, timeout=LIFETIME))
    failure = failed(answer)
    assert failure.code == "transport"
    assert message in failure.message


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (socket.EAI_NONAME, "there is no host named nowhere.example"),
        (socket.EAI_AGAIN, "the name nowhere.example could not be looked up: try again"),
    ],
)
def test_a_host_that_is_not_found(client: Client, monkeypatch: pytest.MonkeyPatch, code: int, message: str) -> None:
    def look_up(*_args: object, **_options: object) -> None:
        raise socket.gaierror(code, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    [answer] = client(get(f"http://user:{SECRET}@nowhere.example/{SECRET}"))
    assert (failed(answer).code, failed(answer).message) == ("transport", message)


@pytest.mark.parametrize(
    ("name", "value"), [("X-Key", f"{SECRET}\r\nX-More: 1"), ("X-Key", f"{SECRET}\0"), (f"X {SECRET}", "v")]
)
def test_a_header_field_that_would_break_the_header_is_not_sent(
    client: Client, server: Misbehaving, name: str, value: str
) -> None:
    [answer] = client(get(f"{server.url}/ok", [(name, value)]))
    failure = failed(answer)
    assert failure.code == "transport"
    assert SECRET not in failure.message
    assert server.requests == []


def test_only_what_the_protocol_needs_is_added(client: Client, server: Misbehaving) -> None:
    client(
        get(f"{server.url}/ok"), Send(Request("POST", f"{server.url}/ok")), Send(Request("PUT", server.url, (), b"x"))
    )
    first, second, third = server.requests
    assert first.names == {"host", "user-agent", "accept-encoding"}
    assert second.names == third.names == {"host", "user-agent", "accept-encoding", "content-length"}
    assert (second.header("Content-Length"), third.header("Content-Length")) == ("0", "1")
    assert (first.header("User-Agent") or "").startswith("arazzo-workflow-runner")
    assert third.body == b"x"


def test_what_the_step_sends_is_sent_as_it_is(client: Client, server: Misbehaving) -> None:
    mine = [
        ("user-agent", "mine"),
        ("X-City", "Zürich"),
        ("x-Twice", "a"),
        ("x-Twice", "b"),
        ("Accept-Encoding", "gzip"),
    ]
    [answer] = client(get(f"{server.url}/echo", mine))
    sent = json.loads(answered(answer).response.body)
    assert [tuple(field) for field in sent if field[0].lower() != "host"] == mine


def test_the_path_is_sent_as_the_step_wrote_it(client: Client, server: Misbehaving) -> None:
    client(get(f"{server.url}/a%2Fb/./%c3%a9?q=%20a+b&é=1#fragment"))
    assert server.requests[0].path == "/a%2Fb/./%c3%a9"
    assert server.requests[0].query == {"q": [" a b"], "é": ["1"]}


def test_a_urls_user_and_password_are_sent_unless_the_step_sends_others(client: Client, server: Misbehaving) -> None:
    url = server.url.replace("//", "//user:p%40ss@") + "/ok"
    client(get(url), get(url, [("Authorization", "Bearer mine")]))
    assert [received.header("Authorization") for received in server.requests] == ["Basic dXNlcjpwQHNz", "Bearer mine"]


def test_bytes_that_are_no_utf8_come_as_they_are(client: Client, server: Misbehaving) -> None:
    [answer] = client(get(f"{server.url}/invalid-utf8"))
    response = answered(answer).response
    assert response.body == b'{"name": "\xff\xfe"}'
    assert (response.header("X-Name"), response.header("X-City")) == ("café", "Zürich")


def test_informational_responses_are_passed_over(client: Client, server: Misbehaving) -> None:
    [answer] = client(get(f"{server.url}/some-informational"))
    assert answered(answer).response.body == b"ok"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/length-too-short", b"ok"),
        ("/body-after-204", b""),
        ("/two-answers", b"one"),
        ("/more-after-the-last-chunk", b"one"),
    ],
)
def test_what_comes_after_an_answer_is_not_the_next_one(
    client: Client, server: Misbehaving, path: str, body: bytes
) -> None:
    answers = client(get(server.url + path), get(f"{server.url}/ok"))
    assert [answered(answer).response.body for answer in answers] == [body, b"ok"]
    assert server.connections == 2


def test_there_is_no_cookie_jar(client: Client, server: Misbehaving) -> None:
    client(get(f"{server.url}/cookie"), get(f"{server.url}/ok"))
    assert server.requests[1].header("Cookie") is None


def test_a_connection_is_used_again_and_closed_at_the_end(client: Client, server: Misbehaving) -> None:
    paths = ("/ok", "/chunks", "/redirect?to=/", "/coded?as=bomb", "/nothing-here", "/ok")
    client(*(get(server.url + path) for path in paths))
    assert server.connections == 1
    assert server.all_closed()


def test_an_answer_of_exactly_the_limit_is_taken(client: Client, server: Misbehaving) -> None:
    [answer] = client(get(f"{server.url}/coded?as=gzip"), max_response_bytes=650)
    assert len(answered(answer).response.body) == 650


def test_a_head_request_has_no_body_whatever_its_length(client: Client, server: Misbehaving) -> None:
    def head(line: Line, _received: Received) -> bool:
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\nContent-Encoding: gzip\r\n\r\n")
        return True

    server.also["/head"] = head
    [answer] = client(Send(Request("HEAD", f"{server.url}/head")))
    assert answered(answer).response.body == b""


def test_one_client_serves_many_threads(server: Misbehaving) -> None:
    codes: list[int] = []

    def work(transport: Transport) -> None:
        codes.extend(answered(transport.send(get(f"{server.url}/ok"))).response.status for _ in range(10))

    with open_transport(TransportOptions()) as transport:
        threads = [threading.Thread(target=work, args=(transport,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert codes == [200] * 80
    assert server.all_closed()


def test_a_send_that_is_cancelled_closes_its_connection(server: Misbehaving) -> None:
    async def cancel() -> None:
        async with open_async_transport(TransportOptions()) as transport:
            tasks = [asyncio.create_task(transport.send(get(server.url + path))) for path in ("/silent", "/slow-body")]
            while len(server.requests) < 2:  # noqa: ASYNC110 - the server is in another thread
                await asyncio.sleep(0.01)
            for task in tasks:
                task.cancel()
            assert [type(end) for end in await asyncio.gather(*tasks, return_exceptions=True)] == [
                asyncio.CancelledError
            ] * 2
            assert await asyncio.to_thread(server.all_closed)

    asyncio.run(cancel())


def test_http2_names_its_extra_when_it_is_not_installed(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h2.connection", None)
    with pytest.raises(UsageError) as error:
        client(http2=True)
    assert error.value.hint == "pip install 'arazzo-workflow-runner[http2]'"
