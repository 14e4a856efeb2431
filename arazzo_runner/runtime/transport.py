"""The HTTP client, set up once: pool, limits, time-outs, TLS, proxies (H6). Whatever the network does is an answer."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import httpx2

from arazzo_runner.effects import Answered, Failed, Request, Response, Send
from arazzo_runner.errors import UsageError

MAX_REDIRECTS = 10
DEFAULT_MAX_RESPONSE = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """How requests are sent. Times in seconds, sizes in bytes.

    Attributes:
        max_response_bytes: of one response, decoded.
        proxy: URL of a proxy for all requests; the environment's (``HTTPS_PROXY``, ``NO_PROXY`` …) when None.
        ca_bundle: a PEM file with the authorities to trust instead of the usual ones.
        client_cert: a PEM file with certificate and key, or ``CERT:KEY``.
        insecure: do not verify TLS.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    max_response_bytes: int = DEFAULT_MAX_RESPONSE
    follow_redirects: bool = False
    proxy: str | None = None
    ca_bundle: str | None = None
    client_cert: str | None = None
    insecure: bool = False
    http2: bool = False


class _TooLarge(Exception):
    pass


def _user_agent() -> str:
    try:
        return f"arazzo-workflow-runner/{version('arazzo-workflow-runner')}"
    except PackageNotFoundError:
        return "arazzo-workflow-runner"


def _ssl_context(options: TransportOptions) -> ssl.SSLContext:
    """One context for all connections: loading the authorities costs more than a request.

    Raises:
        UsageError: a file that the options name cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=options.ca_bundle)
        if options.client_cert:
            certificate, _, key = options.client_cert.partition(":")
            context.load_cert_chain(certificate, key or None)
    except (OSError, ssl.SSLError) as error:
        what = "--client-cert" if options.client_cert else "--ca-bundle"
        raise UsageError(f"the TLS files cannot be used: {error}", hint=f"check {what}") from None
    if options.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _settings(options: TransportOptions) -> dict[str, Any]:
    return {
        "timeout": _timeouts(options, None),
        "follow_redirects": options.follow_redirects,
        "max_redirects": MAX_REDIRECTS,
        "proxy": options.proxy,
        "http2": options.http2,
        # No cookie jar (H6): a workflow sends what it means to send.
        "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        "headers": {"User-Agent": _user_agent()},
        "verify": _ssl_context(options),
    }


def _timeouts(options: TransportOptions, limit: float | None) -> httpx2.Timeout:
    read, connect = options.read_timeout, options.connect_timeout
    if limit is not None:
        read, connect = min(read, limit), min(connect, limit)
    return httpx2.Timeout(read, connect=connect)


def _failure(error: Exception, effect: Send, began: float, options: TransportOptions) -> Failed:
    """What went wrong, for a person; a time-out is the step's or the run's when their limit was reached (F6, F9)."""
    duration = time.monotonic() - began
    at = time.time()
    host = httpx2.URL(effect.request.url).host
    if isinstance(error, (httpx2.TimeoutException, TimeoutError)):
        if effect.timeout is not None and duration >= effect.timeout * 0.99:
            return Failed("timeout", f"no complete answer within {effect.timeout:g} s", at, duration)
        phase = "connection" if isinstance(error, httpx2.ConnectTimeout) else "answer"
        limit = options.connect_timeout if phase == "connection" else options.read_timeout
        return Failed("transport", f"no {phase} from {host} within {limit:g} s", at, duration)
    if isinstance(error, _TooLarge):
        message = f"the response is larger than {options.max_response_bytes:,} bytes (--max-response-bytes)"
        return Failed("transport", message, at, duration)
    if isinstance(error, httpx2.TooManyRedirects):
        return Failed("transport", f"more than {MAX_REDIRECTS} redirects", at, duration)
    reason = str(error) or type(error).__name__
    return Failed("transport", f"no answer from {host}: {reason}", at, duration)


def _request(client: Any, effect: Send, options: TransportOptions) -> httpx2.Request:
    request: Request = effect.request
    return client.build_request(  # type: ignore[no-any-return]  # both clients have it; they share no typed base
        request.method,
        request.url,
        headers=list(request.headers),
        content=request.body,
        timeout=_timeouts(options, effect.timeout),
    )


def _answered(response: httpx2.Response, body: bytes, began: float) -> Answered:
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
    duration = time.monotonic() - began
    return Answered(Response(response.status_code, headers, body), time.time(), duration)


class Transport:
    """The synchronous client (``drivers.World``). Make it with ``open_transport``."""

    def __init__(self, client: httpx2.Client, options: TransportOptions) -> None:
        self._client = client
        self._options = options

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def send(self, effect: Send) -> Answered | Failed:
        """Send a request; whatever happens is an answer."""
        began = time.monotonic()
        try:
            response = self._client.send(_request(self._client, effect, self._options), stream=True)
            try:
                return _answered(response, self._read(response, effect, began), began)
            finally:
                response.close()
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, _TooLarge) as error:
            return _failure(error, effect, began, self._options)

    def _read(self, response: httpx2.Response, effect: Send, began: float) -> bytes:
        chunks, size = [], 0
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > self._options.max_response_bytes:
                raise _TooLarge
            if effect.timeout is not None and time.monotonic() - began > effect.timeout:
                raise TimeoutError
            chunks.append(chunk)
        return b"".join(chunks)


class AsyncTransport:
    """The asynchronous client (``drivers.AsyncWorld``). Make it with ``open_async_transport``."""

    def __init__(self, client: httpx2.AsyncClient, options: TransportOptions) -> None:
        self._client = client
        self._options = options

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def send(self, effect: Send) -> Answered | Failed:
        """Send a request; whatever happens is an answer."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(effect.timeout):
                response = await self._client.send(_request(self._client, effect, self._options), stream=True)
                try:
                    return _answered(response, await self._read(response), began)
                finally:
                    await response.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, _TooLarge) as error:
            return _failure(error, effect, began, self._options)

    async def _read(self, response: httpx2.Response) -> bytes:
        chunks, size = [], 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > self._options.max_response_bytes:
                raise _TooLarge
            chunks.append(chunk)
        return b"".join(chunks)


@contextmanager
def open_transport(options: TransportOptions) -> Iterator[Transport]:
    """A synchronous client and its connections, closed at the end."""
    with httpx2.Client(**_settings(options)) as client:
        yield Transport(client, options)


@asynccontextmanager
async def open_async_transport(options: TransportOptions) -> AsyncIterator[AsyncTransport]:
    """An asynchronous client and its connections, closed at the end."""
    async with httpx2.AsyncClient(**_settings(options)) as client:
        yield AsyncTransport(client, options)


def fetch_document(url: str, options: TransportOptions, *, limit: int = 32 * 1024 * 1024) -> bytes:
    """Get a document for ``documents.sources``.

    Raises:
        OSError: it cannot be had; the text says why.
    """
    settings = _settings(options) | {"follow_redirects": True}
    accept = "application/yaml, application/json, */*;q=0.5"
    with httpx2.Client(**settings) as client:
        transport = Transport(client, TransportOptions(max_response_bytes=limit))
        answer = transport.send(Send(Request("GET", url, (("Accept", accept),))))
    if isinstance(answer, Failed):
        raise OSError(answer.message)
    if answer.response.status != 200:
        raise OSError(f"the server answers {answer.response.status}")
    return answer.response.body
