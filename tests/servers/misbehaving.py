"""A server that gets HTTP wrong, on plain sockets over loopback: what it does is chosen by the path.

It keeps what it was sent, and knows which of its connections the client has closed.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.servers.misbehaviours import BEHAVIOURS, LIFETIME, TICK, Behaviour, Line, Received, answer


@dataclass
class Misbehaving:
    """The server: a context manager.

    Args:
        tls: encrypts what it does.
        also: further behaviours by path.
        speak: another protocol, on each connection.
    """

    tls: ssl.SSLContext | None = None
    also: dict[str, Behaviour] = field(default_factory=dict)
    speak: Callable[[Line], None] | None = None
    requests: list[Received] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: set[int] = set()
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(LIFETIME)
        self._listener.close()
        for thread in self._threads:
            thread.join(LIFETIME)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many were made."""
        return len(self._threads)

    def all_closed(self, within: float = LIFETIME) -> bool:
        """Whether the client has closed all its connections, or does in that time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, within)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            number = len(self._threads)
            with self._changed:
                self._open.add(number)
            thread = threading.Thread(target=self._serve, args=(connection, number), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with ExitStack() as stack:
            stack.callback(self._closed, number)
            line = Line(connection, number, self._stopping)
            stack.callback(line.close)
            connection.settimeout(LIFETIME)
            with suppress(OSError):  # the client went away: that is its right
                if self.tls is not None:
                    line.socket = self.tls.wrap_socket(connection, server_side=True)
                (self.speak or self._speak_http)(line)

    def _speak_http(self, line: Line) -> None:
        while (received := self._receive(line)) is not None:
            self.requests.append(received)
            act = self.also.get(received.path) or BEHAVIOURS.get(received.path)
            if act is None:
                answer(line, b"no such behaviour", status="404 Not Found")
            elif not act(line, received):
                return

    def _closed(self, number: int) -> None:
        with self._changed:
            self._open.discard(number)
            self._changed.notify_all()

    def _receive(self, line: Line) -> Received | None:
        """The next request, or None when the client closes the connection."""
        line.socket.settimeout(TICK)
        data = line.rest
        while b"\r\n\r\n" not in data:
            more = self._more(line)
            if not more:
                return None
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        first, *fields = head.decode("utf-8", "surrogateescape").split("\r\n")
        headers = [(name, value.strip()) for name, _, value in (text.partition(":") for text in fields)]
        length = int(next((value for name, value in headers if name.lower() == "content-length"), "0"))
        while len(body) < length:
            more = self._more(line)
            if not more:
                return None
            body += more
        line.rest = body[length:]
        line.socket.settimeout(LIFETIME)
        method, target, _ = first.split(" ")
        parts = urlsplit(target)
        path = target if method == "CONNECT" else parts.path
        return Received(method, path, parse_qs(parts.query), headers, body[:length], line.number)

    def _more(self, line: Line) -> bytes:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                return line.socket.recv(65536)
        return b""


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port of loopback that nothing listens on, and that nothing else can take."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port whose queue of connections is full: another one is neither made nor refused."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        time.sleep(TICK)
        yield listener.getsockname()[1]
