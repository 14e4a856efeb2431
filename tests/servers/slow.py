"""A server that takes its time: it answers when it is told to."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class SlowServer:
    """Things that can be made and looked at, on loopback, as a context manager.

    Attributes:
        asked: set when a request has come.
        answer: answers are held back until it is set.
        methods: of the requests, in order.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.asked = threading.Event()
        self.answer = threading.Event()
        self.methods: list[str] = []

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        slow = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

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

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
