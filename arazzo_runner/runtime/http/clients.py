"""The user's own client, of ``httpx`` or ``httpx2``, synchronous or not: it carries the requests, the rules stay ours.

Its auth, hooks, mounts, proxies, cookies, header fields and time-outs apply; hosts, redirects, limits and masks
are those of every run. A request that a redirect sends to another origin takes nothing of the client's along (H6).
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Mapping
from typing import Any, Protocol, Self

import httpcore2

from arazzo_runner.effects import Answered, Failed, Request, Send
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.http.carriage import Carriage, Notes
from arazzo_runner.runtime.http.errors import NETWORK_ERRORS, AttemptOver, Refused
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.http.requests import Destination, Hosts, own_fields, text_of

_LIBRARIES = ("httpx", "httpx2")
_KINDS = ("connect", "read", "write", "pool")
_USUAL = TransportOptions()


class HttpClient(Protocol):
    """A client of ``httpx`` or ``httpx2``: ``Client``, ``AsyncClient``, or what is used like them."""

    def build_request(self, method: str, url: Any, *, content: Any = ..., headers: Any = ...) -> Any:
        """Make a request with what the client adds to each."""

    def send(self, request: Any, *, stream: bool = ..., auth: Any = ..., follow_redirects: Any = ...) -> Any:
        """Send a request."""


def is_async_client(client: HttpClient) -> bool:
    """Return whether a client is asynchronous.

    Raises:
        UsageError: it is not a client.
    """
    if not callable(getattr(client, "build_request", None)) or not callable(getattr(client, "send", None)):
        found = type(client).__name__
        message = f"client= takes a Client or an AsyncClient of httpx or httpx2, not a value of the type {found}"
        raise UsageError(message, hint="for an application: app=")
    return inspect.iscoroutinefunction(client.send)


class _Carried(Carriage):
    """An attempt that a client carries."""

    def __init__(self, world: _ClientWorld, effect: Send) -> None:
        super().__init__(effect, world.options, world.hosts)
        self._world = world

    def request(self) -> tuple[Any, dict[str, Any]]:
        """The request to send now, and the options of sending it.

        Raises:
            Refused: it may not be sent, or cannot.
            AttemptOver: there is no time left.
        """
        request, client = self.hops.request, self._world.client
        target = self.next()
        fields = own_fields(request)
        if target.userinfo is not None and request.header("Authorization") is None:
            fields += own_fields(Request("", "", (_authorization(target),)))
        url = request.url if target.userinfo is None else _without_userinfo(target)
        built = client.build_request(request.method, url, content=request.body, headers=fields)
        times = self._times(built.extensions.get("timeout") or {})
        if self.hops.crossed:
            # Neither the client's header fields nor its cookies go to an origin that the user did not name.
            built = type(built)(request.method, url, content=request.body, headers=fields)
        built.extensions["timeout"] = times
        options: dict[str, Any] = {"stream": True, "follow_redirects": False}
        return built, options | ({"auth": None} if self.hops.crossed else {})

    def _times(self, own: Mapping[str, float | None]) -> dict[str, float | None]:
        """The time-outs of one request: the client's, or those that ``transport=`` sets; never more than is left."""
        times = {kind: own.get(kind) for kind in _KINDS}
        options = self._world.options
        if options.connect_timeout != _USUAL.connect_timeout:
            times |= dict.fromkeys(("connect", "pool"), options.connect_timeout)
        if options.read_timeout != _USUAL.read_timeout:
            times |= dict.fromkeys(("read", "write"), options.read_timeout)
        left = self.left()
        self.progress.connect_timeout = times["connect"] or self.progress.connect_timeout
        self.progress.read_timeout = times["read"] or self.progress.read_timeout
        return times if left is None else {kind: min(left, time or left) for kind, time in times.items()}

    def learn(self, response: Any) -> None:
        """Show the run what went out, with what the client has added (S1)."""
        for one in (*response.history, response):
            sent = one.request
            fields = tuple((name.decode("latin-1"), text_of(value)) for name, value in sent.headers.raw)
            self._world.notes.heed(Request(sent.method, str(sent.url), fields))

    def judged(self, error: BaseException) -> Failed:
        """Return the failure that an error of the client is.

        Raises:
            BaseException: the error itself, when it is not one of the network: a hook's, say.
        """
        if isinstance(error, (AttemptOver, *NETWORK_ERRORS)):
            return self.failed(error)
        known = _known(error)
        if known is None:
            raise error
        if isinstance(known, httpcore2.TimeoutException):
            try:
                self.left()
            except AttemptOver as over:
                return self.failed(over)
        return self.failed(known)


def _known(error: BaseException) -> Exception | None:
    """An error of a client's library as ours, which ``explain`` has words for; None for any other error."""
    names = [kind.__name__ for kind in type(error).__mro__ if kind.__module__.partition(".")[0] in _LIBRARIES]
    if not names:
        return None
    for name in names:
        kind = getattr(httpcore2, name, None)
        if isinstance(kind, type) and issubclass(kind, NETWORK_ERRORS):
            known: Exception = kind(name)
            known.__cause__ = error
            return known
    if "HTTPStatusError" in names:
        return Refused(f"a hook of the client raised HTTPStatusError for the status {_status_of(error)}")
    return Refused(f"the client gave up: {names[0]}")  # its own text may quote the URL


def _status_of(error: Any) -> str:
    return str(getattr(getattr(error, "response", None), "status_code", "of the answer"))


def _authorization(target: Destination) -> tuple[str, str]:
    import base64

    return "Authorization", f"Basic {base64.b64encode(target.userinfo or b'').decode('ascii')}"


def _without_userinfo(target: Destination) -> str:
    return f"{target.scheme}://{target.authority}{target.path}"


class _ClientWorld:
    """A client, and the rules for what it carries.

    Args:
        options: hosts, redirects, limits; time-outs that are not the usual ones replace the client's.
    """

    def __init__(self, client: HttpClient, options: TransportOptions, notes: Notes | None = None) -> None:
        self.client = client
        self.options = options
        self.hosts = Hosts(options.allowed_hosts, options.named_hosts)
        self.notes = notes or Notes()

    def noting(self, notes: Notes) -> Self:
        """Return the same world, with the notes of one run."""
        return type(self)(self.client, self.options, notes)

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()


class ClientWorld(_ClientWorld):
    """A synchronous client (``drivers.World``)."""

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def send(self, effect: Send) -> Answered | Failed:
        """Send a request; whatever the network does is an answer."""
        attempt = _Carried(self, effect)
        try:
            while True:
                request, options = attempt.request()
                response = self.client.send(request, **options)
                attempt.learn(response)
                try:
                    if response.is_stream_consumed:  # by a hook, or made with its content
                        body = attempt.whole_body(response.headers.raw, response.content)
                    else:
                        coming = attempt.body(response.status_code, response.headers.raw)
                        for chunk in response.iter_raw():
                            coming.feed(chunk)
                            attempt.left()
                        body = coming.finish()
                finally:
                    response.close()
                if answer := attempt.answer(response.status_code, body):
                    return answer
        except Exception as error:  # noqa: BLE001 - what is not the network's is raised again
            return attempt.judged(error)


class AsyncClientWorld(_ClientWorld):
    """An asynchronous client (``drivers.AsyncWorld``)."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def send(self, effect: Send) -> Answered | Failed:
        """Send a request; whatever the network does is an answer."""
        attempt = _Carried(self, effect)
        limit = asyncio.timeout(effect.timeout)
        try:
            async with limit:
                while True:
                    request, options = attempt.request()
                    response = await self.client.send(request, **options)
                    attempt.learn(response)
                    try:
                        if response.is_stream_consumed:
                            body = attempt.whole_body(response.headers.raw, response.content)
                        else:
                            coming = attempt.body(response.status_code, response.headers.raw)
                            async for chunk in response.aiter_raw():
                                coming.feed(chunk)
                            body = coming.finish()
                    finally:
                        await response.aclose()
                    if answer := attempt.answer(response.status_code, body):
                        return answer
        except Exception as error:  # noqa: BLE001 - what is not the network's is raised again
            return attempt.judged(AttemptOver() if limit.expired() else error)


def refuse_client_options(options: TransportOptions | None) -> None:
    """Refuse options of our own transport that a client has of its own.

    Raises:
        UsageError: with the first.
    """
    if options is None:
        return
    for name in ("proxy", "ca_bundle", "client_cert", "insecure", "http2"):
        if getattr(options, name) != getattr(_USUAL, name):
            hint = "set it where the client is made"
            raise UsageError(f"TransportOptions({name}=…) has no effect on a client of your own", hint=hint)
