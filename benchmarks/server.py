"""A loopback server that costs as little as it can: every request gets the same small JSON answer.

``python benchmarks/server.py`` prints its port and serves until its stdin closes. ``GET /poll/N`` says ``pending`` N
times to each run of polls, then ``done``; ``GET /polled`` how often it was asked.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

POLLS: Counter[bytes] = Counter()


class Answers(asyncio.Protocol):
    """HTTP/1.1, kept alive; bodies are skipped."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # a TCP server gives no other
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            length = 0
            for line in head.split(b"\r\n")[1:]:
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if len(self._buffer) < end + 4 + length:
                return
            self._buffer = self._buffer[end + 4 + length :]
            self._transport.write(answer(head.split(b" ", 2)[1]))


def answer(path: bytes) -> bytes:
    """The answer to a request for a path."""
    state = b"done"
    if path.startswith(b"/poll/"):
        POLLS[path] += 1
        limit = int(path.split(b"/")[2])
        state = b"done" if POLLS[path] % (limit + 1) == 0 else b"pending"
    if path == b"/polled":
        state = b"%d" % sum(POLLS.values())
    body = b'{"id": 7, "state": "%b", "items": [{"name": "one", "price": 1.5}]}' % state
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head + body


async def main() -> None:
    """Serve until stdin closes."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answers, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
