"""A server that takes its time: it answers when it is told to."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from typing import Self

from tests.support.http_server import serving


class SlowServer:
    """Things that can be made and looked at, on loopback, as a context manager.

    Attributes:
        asked: set when a request has come.
        answer: answers are held back until it is set.
        methods: of the requests, in order.
        url: the base URL.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._stack = ExitStack()
        self.asked = threading.Event()
        self.answer = threading.Event()
        self.methods: list[str] = []

    def __enter__(self) -> Self:
        slow = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def _answer(self) -> None:
                slow.methods.append(self.command)
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                slow.asked.set()
                slow.answer.wait(60)
                try:
                    self.send_response(201 if self.command == "POST" else 200)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    pass  # whoever asked has gone

        self.url = self._stack.enter_context(serving(Handler, port=self.port))
        self.port = int(self.url.rpartition(":")[2])
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.set()
        self._stack.close()
