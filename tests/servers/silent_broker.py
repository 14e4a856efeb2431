"""An MQTT broker of the tests, in version 5, that takes what is published and does not say so."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import ExitStack
from typing import Self

_CONNECT, _PUBLISH, _PINGREQ = 1, 3, 12
# Version 5 has properties at the end, of which there are none.
_CONNACK = bytes((0x20, 3, 0, 0, 0))


class SilentBroker:
    """The broker, as a context manager.

    Attributes:
        published: is set when something was.
        count: how much.
        confirms: whether it says that it has it (PUBACK).
    """

    def __init__(self) -> None:
        self.published = threading.Event()
        self.count = 0
        self.confirms = False
        self.port = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        broker = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                while True:
                    packet, body = _packet(self.request)
                    if not packet:
                        return
                    if packet == _CONNECT:
                        self.request.sendall(_CONNACK)
                    elif packet == _PUBLISH:
                        broker.count += 1
                        broker.published.set()
                        if broker.confirms:
                            length = int.from_bytes(body[:2], "big")
                            self.request.sendall(bytes((0x40, 2)) + body[2 + length : 4 + length])
                    elif packet == _PINGREQ:
                        self.request.sendall(bytes((0xD0, 0)))

        server = self._stack.enter_context(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler))
        server.daemon_threads = True
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(server.shutdown)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _packet(connection: socket.socket) -> tuple[int, bytes]:
    """The kind of the next packet, and what is in it; 0 at the end."""
    first = _exactly(connection, 1)
    if not first:
        return 0, b""
    length, shift = 0, 0
    while True:
        [byte] = _exactly(connection, 1) or b"\0"
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            break
    return first[0] >> 4, _exactly(connection, length)


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        try:
            more = connection.recv(count - len(data))
        except OSError:
            return b""
        if not more:
            return b""
        data += more
    return data
