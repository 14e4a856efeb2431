"""What the misbehaving server does, a function for each path: the path is the function's name with hyphens.

Whatever goes on without end stops by itself after `LIFETIME`, so that a client that waits forever fails a test and
does not stop it.
"""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

LIFETIME = 20.0
TICK = 0.05
TEXT = b"plain words, " * 50


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: list[tuple[str, str]]
    body: bytes
    connection: int

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def names(self) -> set[str]:
        return {name.lower() for name, _ in self.headers}


@dataclass
class Line:
    """The server's end of one connection."""

    socket: socket.socket
    number: int
    stopping: threading.Event
    rest: bytes = b""

    def send(self, *parts: bytes) -> None:
        self.socket.sendall(b"".join(parts))

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Close it so that the client's system sees a reset."""
        time.sleep(TICK)  # for what was sent to arrive
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def drip(self, data: bytes) -> None:
        """Send a byte at a time, and the last ones again and again."""
        end = time.monotonic() + LIFETIME
        for position in range(10**6):
            if self.stopping.wait(TICK) or time.monotonic() > end:
                return
            self.send(data[position : position + 1] or b"x")

    def flood(self, data: bytes) -> None:
        """Send the same without end."""
        end = time.monotonic() + LIFETIME
        while not self.stopping.is_set() and time.monotonic() < end:
            self.send(data)

    def wait_for_the_end(self) -> None:
        """Until the client closes its end."""
        self.socket.settimeout(TICK)
        end = time.monotonic() + LIFETIME
        while not self.stopping.is_set() and time.monotonic() < end:
            with suppress(TimeoutError):
                if not self.socket.recv(65536):
                    return


Behaviour = Callable[[Line, Received], bool]
BEHAVIOURS: dict[str, Behaviour] = {}


def behaviour(function: Callable[[Line, Received], Any]) -> Callable[[Line, Received], Any]:
    """Make a function the answer to its name's path; it gives True when another request may follow."""

    def call(line: Line, received: Received) -> bool:
        return function(line, received) is True

    BEHAVIOURS["/" + function.__name__.replace("_", "-")] = call
    return function


def answer(line: Line, body: bytes = b"", *headers: str, status: str = "200 OK") -> bool:
    """A proper response."""
    head = "".join(f"{header}\r\n" for header in headers)
    line.send(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode("latin-1"), body)
    return True


@behaviour
def ok(line: Line, received: Received) -> bool:
    return answer(line, b"ok")


@behaviour
def echo(line: Line, received: Received) -> bool:
    return answer(line, json.dumps(received.headers).encode(), "Content-Type: application/json")


@behaviour
def cookie(line: Line, received: Received) -> bool:
    return answer(line, b"ok", "Set-Cookie: session=crumbs; Path=/")


@behaviour
def redirect(line: Line, received: Received) -> bool:
    status = received.query.get("status", ["302"])[0]
    return answer(line, b"elsewhere", f"Location: {received.query['to'][0]}", status=f"{status} Redirect")


@behaviour
def redirect_loop(line: Line, received: Received) -> bool:
    return answer(line, b"", "Location: /redirect-loop", status="302 Found")


@behaviour
def close_without_answer(line: Line, received: Received) -> None:
    line.socket.close()


@behaviour
def close_in_header(line: Line, received: Received) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nContent-Le")


@behaviour
def reset_before_header(line: Line, received: Received) -> None:
    line.reset()


@behaviour
def reset_in_body(line: Line, received: Received) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"0123456789")
    line.reset()


@behaviour
def length_too_long(line: Line, received: Received) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"0123456789")


@behaviour
def length_too_short(line: Line, received: Received) -> bool:
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok and more")
    return True


@behaviour
def body_after_204(line: Line, received: Received) -> bool:
    line.send(b"HTTP/1.1 204 No Content\r\n\r\n", b'{"deleted": true}')
    return True


@behaviour
def two_answers(line: Line, received: Received) -> bool:
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo")
    return True


@behaviour
def more_after_the_last_chunk(line: Line, received: Received) -> bool:
    line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n", b"and more")
    return True


@behaviour
def chunks(line: Line, received: Received) -> bool:
    line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
    time.sleep(TICK)
    line.send(b"0\r\n\r\n")
    return True


@behaviour
def two_lengths(line: Line, received: Received) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\nokay!")


@behaviour
def cut_chunks(line: Line, received: Received) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")


@behaviour
def bad_chunks(line: Line, received: Received) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnumber?\r\nhello\r\n")
    line.wait_for_the_end()


@behaviour
def silent(line: Line, received: Received) -> None:
    line.wait_for_the_end()


@behaviour
def silent_in_body(line: Line, received: Received) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"0123456789")
    line.wait_for_the_end()


@behaviour
def slow_header(line: Line, received: Received) -> None:
    line.drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")


@behaviour
def slow_body(line: Line, received: Received) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    line.drip(b"")


@behaviour
def endless_body(line: Line, received: Received) -> None:
    line.send(b"HTTP/1.1 200 OK\r\n\r\n")
    line.flood(b"x" * 65536)


@behaviour
def announced_as_large(line: Line, received: Received) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
    line.wait_for_the_end()


@behaviour
def header_flood(line: Line, received: Received) -> None:
    line.send(b"HTTP/1.1 200 OK\r\n")
    line.flood(b"X-Flood: water\r\n" * 100)


@behaviour
def endless_informational(line: Line, received: Received) -> None:
    line.flood(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" * 10)


@behaviour
def some_informational(line: Line, received: Received) -> bool:
    line.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" * 20)
    return answer(line, b"ok")


@behaviour
def not_http(line: Line, received: Received) -> None:
    line.send(b"SSH-2.0-OpenSSH_9.6 at your service, hunter2\r\n")


@behaviour
def not_a_header(line: Line, received: Received) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nthis is not a header field\r\n\r\n")


@behaviour
def invalid_utf8(line: Line, received: Received) -> bool:
    return answer(line, b'{"name": "\xff\xfe"}', "X-Name: caf\xe9", "X-City: " + "Zürich".encode().decode("latin-1"))


def relay_to(port: int) -> Behaviour:
    """What a proxy does after CONNECT: pass on what either side says."""

    def relay(line: Line, received: Received) -> bool:
        with socket.create_connection(("127.0.0.1", port)) as onward:
            line.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pass_on, args=(onward, line.socket), daemon=True)
            back.start()
            _pass_on(line.socket, onward)
            back.join(LIFETIME)
        return False

    return relay


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@cache
def _bomb() -> bytes:
    return gzip.compress(b"\0" * (64 * 1024 * 1024), compresslevel=9)


@cache
def _coded() -> dict[str, tuple[str, bytes]]:
    """Bodies of `TEXT` by name, with the coding that they claim."""
    bare = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return {
        "gzip": ("gzip", gzip.compress(TEXT)),
        "x-gzip": ("x-gzip", gzip.compress(TEXT)),
        "gzip-members": ("gzip", gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:])),
        "gzip-padded": ("gzip", gzip.compress(TEXT) + b"\0" * 20),
        "deflate": ("deflate", zlib.compress(TEXT)),
        "deflate-bare": ("deflate", bare.compress(TEXT) + bare.flush()),
        "twice": ("deflate, gzip", gzip.compress(zlib.compress(TEXT))),
        "identity": ("identity", TEXT),
        "unknown": ("aws-chunked", TEXT),
        "gzip-cut": ("gzip", gzip.compress(TEXT)[:-10]),
        "gzip-damaged": ("gzip", gzip.compress(TEXT)[:-6] + b"\0\0\0\0\0\0"),
        "gzip-not": ("gzip", TEXT),
        "deflate-not": ("deflate", TEXT),
        "br-not": ("br", TEXT),
        "zstd-not": ("zstd", TEXT),
        "five-times": ("gzip, gzip, gzip, gzip, gzip", TEXT),
        "bomb": ("gzip", _bomb()),
    }


@behaviour
def coded(line: Line, received: Received) -> bool:
    name = received.query["as"][0]
    if name in ("br", "zstd"):
        coding, body = name, bytes.fromhex(received.query["hex"][0])
    else:
        coding, body = _coded()[name]
    return answer(line, body, f"Content-Encoding: {coding}")
