"""An API on loopback that answers from a function and remembers what it was asked, and workflows that ask it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request that came."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True)
class Answer:
    """One response to give; data is sent as JSON, bytes as they are."""

    status: int = 200
    data: Any = field(default_factory=dict)
    headers: Sequence[tuple[str, str]] = ()

    @property
    def body(self) -> bytes:
        return self.data if isinstance(self.data, bytes) else json.dumps(self.data).encode()


@dataclass
class Api:
    """A running API."""

    url: str
    asked: list[Asked] = field(default_factory=list)

    @property
    def host(self) -> str:
        return self.url.partition("://")[2]


@contextmanager
def api(answer: Callable[[Asked], Answer] = lambda _: Answer()) -> Iterator[Api]:
    """Serve on loopback until the block ends."""
    running = Api("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            length = int(self.headers.get("Content-Length") or 0)
            asked = Asked(self.command, self.path, tuple(self.headers.items()), self.rfile.read(length))
            running.asked.append(asked)
            given = answer(asked)
            body = b"" if given.status in (204, 304) else given.body
            self.send_response(given.status)
            names = {name.lower() for name, _ in given.headers}
            defaults = (("Content-Type", "application/json"), ("Content-Length", str(len(body))))
            for name, value in (*given.headers, *(pair for pair in defaults if pair[0].lower() not in names)):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    running.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def description(url: str, paths: Mapping[str, Any], *, version: str = "3.0.3", **root: Any) -> dict[str, Any]:
    """An OpenAPI description of an API at that URL."""
    return {
        "openapi": version,
        "info": {"title": "t", "version": "1"},
        "servers": [{"url": url}],
        "paths": paths,
        **root,
    }


def workflow(steps: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    """A workflow ``main`` of those steps."""
    return {"workflowId": "main", "steps": list(steps), **more}


def project(directory: Path, api_description: Any, *workflows: Mapping[str, Any], version: str = "1.0.1") -> str:
    """Write a description ``api.json`` and a document of those workflows; return the document's path."""
    (directory / "api.json").write_text(json.dumps(api_description), "utf-8")
    document = directory / "w.arazzo.json"
    sources = [{"name": "api", "url": "./api.json", "type": "openapi"}]
    info = {"title": "t", "version": "1"}
    data = {"arazzo": version, "info": info, "sourceDescriptions": sources, "workflows": list(workflows)}
    document.write_text(json.dumps(data, indent=1), "utf-8")
    return str(document)
