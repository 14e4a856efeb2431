"""The HTTP client, set up once: pool, limits, time-outs, TLS, proxies (H6). Whatever the network does is an answer.

It stands on httpcore and not on httpx: what the latter adds (a cookie jar, its own header fields, redirects that take
credentials along, lenient decoding) is what H6 rules out or wants otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import httpcore2

from arazzo_runner.effects import Answered, Failed, Request, Response, Send
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.http.content_codings import IncomingBody
from arazzo_runner.runtime.http.deadlines import Allowance, AsyncStream, Backend, Patience, Stream
from arazzo_runner.runtime.http.errors import (
    NETWORK_ERRORS,
    AttemptOver,
    Progress,
    explain,
    socks_judged,
)
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.http.proxies import Proxies, Proxy, proxies_of, system_proxies
from arazzo_runner.runtime.http.requests import Destination, Hops, Hosts, header_fields, text_of
from arazzo_runner.runtime.http.tls import own_context, usual_context

KEEP_IDLE = 4.0
"""Seconds that an unused connection is kept: less than the 5 after which many servers close theirs, so that a request
is not sent on a connection that is just being closed."""

Pool = TypeVar("Pool")


class Pools(Generic[Pool]):
    """The connection pools of a client: direct ones and one for each proxy, with and without encryption.

    Raises:
        UsageError: an option cannot be used.
    """

    def __init__(self, options: TransportOptions, make: Callable[..., Pool], backend: Any) -> None:
        self.options = options
        self._make = make
        self.hosts = Hosts(options.allowed_hosts, options.named_hosts)
        self._backend = backend(self.hosts.allowed or ())
        self._proxies: Proxies = proxies_of(options.proxy, system_proxies() if options.proxy is None else {})
        self._own_context = own_context(options)
        self._opened: dict[tuple[Proxy | None, bool, int], Pool] = {}
        if options.http2:
            _require_http2()

    def of(self, target: Destination, proxy: Proxy | None, share: int = 0) -> Pool:
        """The pool of connections to such targets, through that proxy.

        Args:
            share: which of several like it.
        """
        encrypted = target.scheme == "https" or (proxy is not None and proxy.scheme == "https")
        pool = self._opened.get((proxy, encrypted, share))
        if pool is None:
            # Loading the authorities costs more than a request: a run that encrypts nothing does not.
            context = (self._own_context or usual_context()) if encrypted else None
            made = self._make(
                ssl_context=context,
                proxy=proxy.for_pool(context) if proxy else None,
                max_connections=None,  # how many runs there are at once is not decided here
                max_keepalive_connections=20,
                keepalive_expiry=KEEP_IDLE,
                http2=self.options.http2,
                network_backend=self._backend,
            )
            pool = self._opened.setdefault((proxy, encrypted, share), made)  # another thread may have been faster
        return pool

    def proxy_for(self, target: Destination) -> Proxy | None:
        """The proxy that a request goes through, or None."""
        return self._proxies.choose(target)

    def opened(self) -> list[Pool]:
        """The pools that were used."""
        return list(self._opened.values())


class RequestFlow(Generic[Pool]):
    """One request, and those that its redirects ask for: what both clients do between two operations on the network.

    Args:
        limit: seconds for the whole of it (F9), or None.
        share: which of the pools are used.
    """

    def __init__(self, pools: Pools[Pool], request: Request, limit: float | None, share: int = 0) -> None:
        self._pools = pools
        self._share = share
        self._options = pools.options
        self._hops = Hops(request, pools.options, pools.hosts)
        self._limit = limit
        self._began = time.monotonic()
        self._was_resent = False
        self._allowance = Allowance()
        self._progress = self._towards(None, None)

    def next(self) -> tuple[Pool, httpcore2.Request]:
        """The request to send now, and by which pool.

        Raises:
            Refused: it may not be sent, or cannot.
        """
        request, options = self._hops.request, self._options
        target = self._hops.target()
        proxy = self._pools.proxy_for(target)
        self._progress = self._towards(target, proxy)
        self._allowance = Allowance(
            end=None if self._limit is None else self._began + self._limit,
            tunnel=options.connect_timeout if proxy is not None and proxy.is_tunnel(target) else None,
        )
        connect = Patience(options.connect_timeout, self._allowance)
        read = Patience(options.read_timeout, self._allowance)
        message = httpcore2.Request(
            request.method.encode("utf-8"),
            httpcore2.URL(
                scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
            ),
            headers=header_fields(request, target),
            content=request.body or b"",
            extensions={"timeout": {"connect": connect, "read": read, "write": read}},
        )
        return self._pools.of(target, proxy, self._share), message

    def body(self, response: httpcore2.Response) -> IncomingBody:
        """Return the body to fill, now that the response's head is complete.

        Raises:
            Refused: it is announced as something that is not taken.
        """
        self._allowance.head = None
        self._headers = tuple((name.decode("latin-1"), text_of(value)) for name, value in response.headers)
        self._progress.answered = True
        if self._hops.request.method != "HEAD" and response.status not in (204, 304):
            length = next((value for name, value in self._headers if name.lower() == "content-length"), "")
            self._progress.expected = int(length) if length.isascii() and length.isdigit() else None
        return IncomingBody(self._headers, limit=self._options.max_response_bytes, progress=self._progress)

    def surplus(self, response: httpcore2.Response, body: IncomingBody) -> bool:
        """Return whether more came than the response, such as a body after 204: it would be taken for the next answer.

        httpcore does not look: the connection must be closed. What came last ends with the body's last bytes, or with
        the line break after a header or a chunk.
        """
        if response.extensions.get("http_version") != b"HTTP/1.1":
            return False
        return not self._allowance.last.endswith(body.last if self._progress.expected and body.last else b"\n")

    def answer(self, status: int, body: bytes) -> Answered | None:
        """The answer, or None when a redirect is to be followed: ``next`` again.

        Raises:
            Refused: there are too many redirects, or this one leads where none may.
        """
        response = Response(status, self._headers, body)
        if self._hops.follow(response):
            return None
        return Answered(response, time.time(), time.monotonic() - self._began)

    def resends(self, error: Exception) -> bool:
        """Return whether the request is sent again: a GET or HEAD whose reused connection was already closed.

        The server may close an idle connection at any time, and has not answered then (RFC 9112, section 9.3.1).
        """
        is_closed = isinstance(error, (httpcore2.RemoteProtocolError, httpcore2.ReadError, httpcore2.WriteError))
        is_reused = self._allowance.opened is None and not self._progress.answered and not self._allowance.start
        if self._was_resent or not is_closed or not is_reused or self._hops.request.method not in ("GET", "HEAD"):
            return False
        self._was_resent = True
        return True

    def without_tunnel(self) -> Stream | AsyncStream | None:
        """The connection on which a proxy has opened no tunnel, to be closed: httpcore loses track of it, or None."""
        stream = self._allowance.opened
        return stream if stream is not None and stream.tunnel.is_awaited else None

    def failed(self, error: Exception) -> Failed:
        """Return the failure for a person (C7); ``timeout`` only when the attempt's own limit was reached (F6, F9)."""
        duration = time.monotonic() - self._began
        if isinstance(error, AttemptOver):
            return Failed("timeout", f"no complete answer within {self._limit:g} s", time.time(), duration)
        self._progress.start = self._allowance.start
        return Failed("transport", explain(error, self._progress), time.time(), duration)

    def _towards(self, target: Destination | None, proxy: Proxy | None) -> Progress:
        times = self._options.connect_timeout, self._options.read_timeout
        if target is None:
            return Progress("the server", 0, "the server", 0, *times)
        if proxy is None:
            return Progress(target.host, target.port, target.host, target.port, *times)
        peer = f"the proxy {proxy.host}"
        return Progress(peer, proxy.port, f"{target.host} through {peer}", target.port, *times)


class Transport:
    """The synchronous client (``drivers.World``). Make it with ``open_transport``."""

    def __init__(self, pools: Pools[httpcore2.ConnectionPool]) -> None:
        self._pools = pools

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def send(self, effect: Send) -> Answered | Failed:
        """Send a request; whatever happens is an answer."""
        attempt = RequestFlow(self._pools, effect.request, effect.timeout)
        try:
            while True:
                pool, request = attempt.next()
                try:
                    with socks_judged():
                        response = pool.handle_request(request)
                except NETWORK_ERRORS as error:
                    if attempt.resends(error):
                        continue
                    raise
                try:
                    body = attempt.body(response)
                    for chunk in response.iter_stream():
                        body.feed(chunk)
                    if attempt.surplus(response, body):
                        response.extensions["network_stream"].close()
                finally:
                    response.close()
                if answer := attempt.answer(response.status, body.finish()):
                    return answer
        except (AttemptOver, *NETWORK_ERRORS) as error:
            if isinstance(stream := attempt.without_tunnel(), Stream):
                stream.close()
            return attempt.failed(error)


@contextmanager
def open_transport(options: TransportOptions) -> Iterator[Transport]:
    """A synchronous client and its connections, closed at the end.

    Raises:
        UsageError: an option cannot be used: a file that is not there, no proxy URL, an extra that is not installed.
    """
    pools = Pools(options, httpcore2.ConnectionPool, Backend)
    try:
        yield Transport(pools)
    finally:
        for pool in pools.opened():
            pool.close()


def _require_http2() -> None:
    try:
        import h2.connection  # noqa: F401 - httpcore imports it when the first connection is made
    except ImportError:
        raise UsageError(
            "HTTP/2 needs an extra that is not installed", hint="pip install 'arazzo-workflow-runner[http2]'"
        ) from None
