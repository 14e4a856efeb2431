"""ASGI applications, called in this process: lifespan and requests, as a server would (ASGI 3.0)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Self
from urllib.parse import unquote

from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.http.carriage import Carriage, Notes
from arazzo_runner.runtime.http.content_codings import IncomingBody
from arazzo_runner.runtime.http.errors import AttemptOver, Refused
from arazzo_runner.runtime.http.requests import header_fields

Message = dict[str, Any]
AsgiCallable = Callable[[Message, Callable[..., Any], Callable[..., Any]], Coroutine[Any, Any, None]]

LOGGER = "arazzo_runner.application"
"""The logger of what goes wrong in an application, as a server would log it."""
INTERNAL_ERROR = b"Internal Server Error"
"""The body of the answer for an application that raised before it answered, as servers send it."""
_PLAIN = ((b"content-type", b"text/plain; charset=utf-8"),)
_CLIENT = ("127.0.0.1", 123)


class Asgi:
    """An ASGI application in the running loop; its lifespan lasts as long as the context.

    Background tasks of a request are waited for, as in Starlette's test client, unless the attempt's time is over.

    Raises:
        UsageError: the application does not start.
    """

    def __init__(self, app: AsgiCallable) -> None:
        self._app = app
        self._state: Message = {}
        self._lifespan: _Lifespan | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._lifespan = _Lifespan(self._app, self._state)
        await self._lifespan.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._lifespan is not None:
            await self._lifespan.stop()

    async def exchange(self, attempt: Carriage, notes: Notes) -> tuple[int, bytes]:
        """Let the application answer the attempt's request; return status and body.

        Raises:
            Refused: the request may not be sent, or the answer is not taken.
            AttemptOver: the time is over.
        """
        call = _Call(attempt, self._state)
        task = asyncio.create_task(call.run(self._app))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            done, _ = await asyncio.wait([task], timeout=attempt.left())
        except BaseException:
            task.cancel()
            raise
        if not done and not call.complete.is_set():
            task.cancel()
            raise AttemptOver
        if done and (error := None if task.cancelled() else task.exception()) is not None:
            said = f"{attempt.hops.request.method} {attempt.hops.request.url}"
            if not isinstance(error, Exception):
                raise error
            if call.refused is not error:
                notes.troubled(said, error)
        return call.answer()


class _Call:
    """One request and what the application sends for it."""

    def __init__(self, attempt: Carriage, state: Message) -> None:
        request, target = attempt.hops.request, attempt.next()
        path, _, query = target.path.partition("?")
        self._attempt = attempt
        self._body: IncomingBody | None = None
        self._status = 0
        self._asked = False
        self._request_body = request.body or b""
        self.complete = asyncio.Event()
        self.refused: Refused | None = None
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": target.scheme,
            "path": unquote(path),
            "raw_path": path.encode("ascii"),
            "query_string": query.encode("ascii"),
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in header_fields(request, target)],
            "client": _CLIENT,
            "server": (target.host, target.port),
            "state": state.copy(),
        }

    async def run(self, app: AsgiCallable) -> None:
        await app(self._scope, self._receive, self._send)

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self._request_body, "more_body": False}
        await self.complete.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self.refused is not None:
            raise self.refused
        try:
            self._take(message)
        except Refused as error:
            self.refused = error
            raise

    def _take(self, message: Message) -> None:
        match message["type"]:
            case "http.response.start" if self._body is None:
                self._status = message["status"]
                headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
                self._body = self._attempt.body(self._status, headers)
            case "http.response.body" if self._body is not None:
                if (data := message.get("body", b"")) and self._attempt.hops.request.method != "HEAD":
                    self._body.feed(data)
                if not message.get("more_body", False):
                    self.complete.set()
            case _:
                pass

    def answer(self) -> tuple[int, bytes]:
        if self.refused is not None:
            raise self.refused
        if self._body is None:
            body = self._attempt.body(500, _PLAIN)
            body.feed(INTERNAL_ERROR)
            return 500, body.finish()
        if not self.complete.is_set():
            received = self._attempt.progress.received
            raise Refused(f"the application broke off after {received:,} bytes of its answer")
        return self._status, self._body.finish()


class _Lifespan:
    """The lifespan of an application, in a task of its own; one that knows of none is served anyway."""

    def __init__(self, app: AsgiCallable, state: Message) -> None:
        self._app = app
        self._state = state
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())
        said = await self._ask("startup")
        if said is not None and said["type"] == "lifespan.startup.failed":
            await asyncio.gather(self._task, return_exceptions=True)
            message = _last_line(said.get("message", "")) or "it gave no reason"
            raise UsageError(f"the application did not start: {message}")

    async def stop(self) -> None:
        said = await self._ask("shutdown")
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        if said is not None and said["type"] == "lifespan.shutdown.failed":
            message = _last_line(said.get("message", "")) or "it gave no reason"
            logging.getLogger(LOGGER).warning("the application did not shut down: %s", message)

    async def _ask(self, what: str) -> Message | None:
        """Tell the application, and return what it says; None when it does not know lifespans, or has ended."""
        if self._task is None or self._task.done():
            return None
        self._to_app.put_nowait({"type": f"lifespan.{what}"})
        answer = asyncio.create_task(self._from_app.get())
        await asyncio.wait([answer, self._task], return_when=asyncio.FIRST_COMPLETED)
        if not answer.done() and not self._from_app.empty():
            await answer
        if answer.done():
            return answer.result()
        answer.cancel()
        return None

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
        await self._app(scope, self._to_app.get, self._from_app.put)


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]
