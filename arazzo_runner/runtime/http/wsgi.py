"""WSGI applications, called in this process and in the caller's thread, as a server would (PEP 3333)."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

from arazzo_runner.runtime.http.asgi import INTERNAL_ERROR
from arazzo_runner.runtime.http.carriage import Carriage, Notes
from arazzo_runner.runtime.http.content_codings import IncomingBody
from arazzo_runner.runtime.http.errors import AttemptOver, Refused
from arazzo_runner.runtime.http.requests import header_fields

WsgiCallable = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_PLAIN = ((b"Content-Type", b"text/plain; charset=utf-8"),)
_LISTS = {b"cookie": b"; "}
"""What joins the values of a field that is sent more than once; a comma for any other."""


def exchange(app: WsgiCallable, attempt: Carriage, notes: Notes) -> tuple[int, bytes]:
    """Let the application answer the attempt's request; return status and body.

    Nothing can stop it in between: one that takes longer than the attempt may is answered for when it returns.

    Raises:
        Refused: the request may not be sent, or the answer is not taken.
        AttemptOver: the time is over.
    """
    attempt.left()
    answer = _Answer(attempt)
    try:
        answer.run(app, _environ(attempt))
    except (Refused, AttemptOver):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it raises, a server answers
        notes.troubled(f"{attempt.hops.request.method} {attempt.hops.request.url}", error)
        return answer.failed()
    return answer.finished()


class _Answer:
    """The answer that an application gives for one request."""

    def __init__(self, attempt: Carriage) -> None:
        self._attempt = attempt
        self._head: tuple[int, list[tuple[bytes, bytes]]] | None = None
        self._body: IncomingBody | None = None

    def run(self, app: WsgiCallable, environ: dict[str, Any]) -> None:
        pieces = app(environ, self._start)
        try:
            for piece in pieces:
                self._write(piece)
                self._attempt.left()
        finally:
            if close := getattr(pieces, "close", None):
                close()

    def _start(self, status: str, headers: Iterable[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        if exc_info and self._body is not None:
            raise exc_info[1].with_traceback(exc_info[2])
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        self._head = int(status[:3]), fields
        return self._write

    def _write(self, data: bytes) -> None:
        if data:
            body = self._begun()
            if self._attempt.hops.request.method != "HEAD":
                body.feed(data)

    def _begun(self) -> IncomingBody:
        if self._body is None:
            if self._head is None:
                raise RuntimeError("the application has a body before it has called start_response")
            self._body = self._attempt.body(*self._head)
        return self._body

    def finished(self) -> tuple[int, bytes]:
        if self._head is None:
            return self.failed()
        return self._head[0], self._begun().finish()

    def failed(self) -> tuple[int, bytes]:
        """The answer for an application that raised."""
        if self._body is not None:
            received = self._attempt.progress.received
            raise Refused(f"the application broke off after {received:,} bytes of its answer")
        body = self._attempt.body(500, _PLAIN)
        body.feed(INTERNAL_ERROR)
        return 500, body.finish()


def _environ(attempt: Carriage) -> dict[str, Any]:
    target, request = attempt.next(), attempt.hops.request
    path, _, query = target.path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": target.path,
        "REQUEST_URI": target.path,
        "SERVER_NAME": target.host,
        "SERVER_PORT": str(target.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": target.scheme,
        "wsgi.input": io.BytesIO(request.body or b""),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    fields: dict[bytes, list[bytes]] = {}
    for name, value in header_fields(request, target):
        fields.setdefault(name.lower(), []).append(value)
    for name, values in fields.items():
        variable = name.decode("ascii").upper().replace("-", "_")
        variable = variable if variable in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{variable}"
        environ[variable] = _LISTS.get(name, b",").join(values).decode("latin-1")
    return environ
