"""A reused connection that the server closed meanwhile (RFC 9112, section 9.3.1)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

import pytest

from arazzo_runner.effects import Answered, Failed, Request, Send
from tests.support.clients import CLIENTS, Client

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Closing:
    """A server that gives each connection a script: a letter a request.

    ``a`` answers, ``c`` closes without a byte, ``h`` sends half of a head and closes.
    """

    url: str = ""
    seen: list[str] = field(default_factory=list)


@contextmanager
def closing(*scripts: str) -> Iterator[Closing]:
    running = Closing()
    listener = socket.create_server(("127.0.0.1", 0))
    running.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def serve() -> None:
        for script in scripts:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                for letter in script:
                    head = b""
                    while b"\r\n\r\n" not in head:
                        piece = connection.recv(65536)
                        if not piece:
                            break
                        head += piece
                    if not head:
                        break
                    running.seen.append(f"{head.partition(b' ')[0].decode()} {letter}")
                    connection.sendall({"a": ANSWER, "c": b"", "h": b"HTTP/1.1 200"}[letter])

    thread = Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        listener.close()
        thread.join(5)


def send(method: str, url: str) -> Send:
    body = b"{}" if method in ("POST", "PUT") else None
    return Send(Request(method, url, (), body), None)


@pytest.fixture(params=CLIENTS.values(), ids=list(CLIENTS))
def client(request: pytest.FixtureRequest) -> Client:
    found: Client = request.param
    return found


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_get_on_a_reused_connection_that_is_closed_is_sent_once_more(client: Client, method: str) -> None:
    with closing("ac", "a") as server:
        first, second = client(send("GET", server.url), send(method, server.url))
    assert isinstance(first, Answered)
    assert isinstance(second, Answered) or method == "HEAD"
    assert server.seen == ["GET a", f"{method} c", f"{method} a"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_no_other_method_is_sent_again(client: Client, method: str) -> None:
    with closing("ac", "a") as server:
        _, second = client(send("GET", server.url), send(method, server.url))
        socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))).close()
    assert isinstance(second, Failed)
    assert server.seen == ["GET a", f"{method} c"]


def test_a_new_connection_that_is_closed_fails(client: Client) -> None:
    with closing("c", "a") as server:
        [only] = client(send("GET", server.url))
        socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))).close()
    assert isinstance(only, Failed)
    assert server.seen == ["GET c"]


def test_an_answer_that_has_begun_is_not_asked_for_again(client: Client) -> None:
    with closing("ah", "a") as server:
        _, second = client(send("GET", server.url), send("GET", server.url))
        socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))).close()
    assert isinstance(second, Failed)
    assert server.seen == ["GET a", "GET h"]


def test_it_is_sent_once_more_and_not_twice(client: Client) -> None:
    with closing("ac", "c", "a") as server:
        _, second = client(send("GET", server.url), send("GET", server.url))
        socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))).close()
    assert isinstance(second, Failed)
    assert server.seen == ["GET a", "GET c", "GET c"]
