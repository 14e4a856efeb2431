"""Sockets that know when an attempt must be over: httpcore's network streams, with the limits of H6 and F9.

A socket's own time-out starts again with every read, so a server that sends a byte a second is never too slow for it.
httpcore hands a request's time-outs, and nothing else of the request, to the stream that serves it: so what the whole
attempt may still use travels in them (``Patience``), and the stream applies it. No threads, no context variables.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import httpcore2
from msgspec import Struct

from arazzo_runner.runtime.http.errors import AttemptOver, ProxySilent, Refused
from arazzo_runner.runtime.http.metadata_services import is_metadata_host

MAX_HEAD = 1024 * 1024
"""Bytes before a response's head is complete: enough for any, and an end to informational responses without one."""

_TO_PROXY = (b"CONNECT ", b"\x05", b"\x01")
"""First bytes that are addressed to the proxy itself: a request for a tunnel, and SOCKS (RFC 1928, RFC 1929)."""
AnyStream = TypeVar("AnyStream", "Stream", "AsyncStream")
_SLICE = 16 * 1024  # a write of more could wait for the peer several times over


class Allowance(Struct):
    """The remaining time and bytes of one attempt.

    Attributes:
        end: on the monotonic clock, or None.
        head: bytes that may still come before the response's head is complete; None when it is.
        start: the first bytes that came.
        last: what came last.
        tunnel: seconds for a proxy to open a tunnel on a new connection to it; None when none is asked for.
        opened: the connection that was made for the attempt, or None.
    """

    end: float | None = None
    head: int | None = MAX_HEAD
    start: bytes = b""
    last: bytes = b""
    tunnel: float | None = None
    opened: Stream | AsyncStream | None = None

    def came(self, data: bytes) -> None:
        """Count what a socket brought."""
        self.last = data or self.last
        if self.head is not None:
            self.start = self.start or data[:5]
            self.head -= len(data)
            if self.head < 0:
                raise Refused(f"the server sent more than {MAX_HEAD:,} bytes and no complete response header")


class Patience(float):
    """Seconds for one operation, and the ``Allowance`` of the attempt that it belongs to."""

    allowance: Allowance

    def __new__(cls, seconds: float, allowance: Allowance) -> Self:
        """A number of seconds that takes its attempt's allowance along."""
        patience = super().__new__(cls, seconds)
        patience.allowance = allowance
        return patience


@contextmanager
def _within(timeout: float | None) -> Iterator[float | None]:
    """The seconds for one operation; ``AttemptOver`` instead of a time-out when the attempt's end came first (F9)."""
    end = timeout.allowance.end if isinstance(timeout, Patience) else None
    if timeout is None or end is None:
        yield timeout
        return
    left = end - time.monotonic()
    if left <= 0:
        raise AttemptOver
    try:
        yield min(float(timeout), left)
    except httpcore2.TimeoutException:
        if left <= timeout:
            raise AttemptOver from None
        raise


class Tunnel:
    """The tunnel that a proxy is asked for on a connection: until it is open, the proxy answers, and not the target.

    httpcore waits for the proxy as long as for a target's answer, which is not what --connect-timeout promises.

    Args:
        timeout: what the connection was made with.
    """

    def __init__(self, timeout: float | None) -> None:
        seconds = timeout.allowance.tunnel if isinstance(timeout, Patience) else None
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def is_awaited(self) -> bool:
        """Return whether it was asked for, and is not open."""
        return self._end is not None

    def says(self, data: memoryview) -> None:
        """Take note of what is sent: the tunnel is open when it is no longer addressed to the proxy."""
        if self._end is not None and data and not data[:8].tobytes().startswith(_TO_PROXY):
            self._end = None

    @contextmanager
    def waiting(self, timeout: float | None) -> Iterator[float | None]:
        """The seconds for an answer; ``ProxySilent`` instead of a time-out when it was the proxy's."""
        if self._end is None or not isinstance(timeout, Patience):
            yield timeout
            return
        left = self._end - time.monotonic()
        if left <= 0:
            raise ProxySilent
        try:
            yield Patience(min(timeout, left), timeout.allowance)
        except httpcore2.TimeoutException:
            raise ProxySilent from None


def _count(timeout: float | None, data: bytes) -> bytes:
    if isinstance(timeout, Patience):
        timeout.allowance.came(data)
    return data


def _opened(stream: AnyStream, timeout: float | None) -> AnyStream:
    """A connection that the attempt was made to know."""
    if isinstance(timeout, Patience):
        timeout.allowance.opened = stream
    return stream


def _check_address(address: str, host: str, allowed: Collection[str]) -> None:
    """Refuse a name that leads to a metadata service, before anything is sent: names can lead anywhere."""
    if host.lower() not in allowed and is_metadata_host(address):
        raise Refused(f"{host} leads to a cloud's metadata service; name it to allow it: --allow-host {host}")


def _peer(stream: httpcore2.AsyncNetworkStream) -> str:
    """The address that a connection leads to."""
    return str((stream.get_extra_info("server_addr") or ("",))[0])


class Stream(httpcore2.NetworkStream):
    """A connection; what it does ends when the attempt does."""

    def __init__(self, stream: httpcore2.NetworkStream, tunnel: Tunnel) -> None:
        self._stream = stream
        self.tunnel = tunnel

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the bytes that have come; empty at the end."""
        with self.tunnel.waiting(timeout) as patience, _within(patience) as seconds:
            return _count(timeout, self._stream.read(max_bytes, seconds))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        view = memoryview(buffer)
        self.tunnel.says(view)
        for start in range(0, len(view), _SLICE):
            with _within(timeout) as seconds:
                self._stream.write(view[start : start + _SLICE], seconds)  # type: ignore[arg-type]  # any buffer will do

    def close(self) -> None:
        """Close it at once."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Stream:
        """Encrypt the connection; it is closed when that fails or is cancelled."""
        try:
            with _within(timeout) as seconds:
                return Stream(self._stream.start_tls(ssl_context, server_hostname, seconds), self.tunnel)
        except BaseException:
            self.close()
            raise

    def get_extra_info(self, info: str) -> Any:
        """Answer what httpcore asks about the socket."""
        return self._stream.get_extra_info(info)


class Backend(httpcore2.NetworkBackend):
    """Opens connections for the synchronous client.

    One thing takes the time that it takes: the system's look-up of a name, which cannot be interrupted.

    Args:
        allowed: hosts that the user named.
    """

    def __init__(self, allowed: Collection[str] = ()) -> None:
        self._backend = httpcore2.SyncBackend()
        self._allowed = allowed

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> Stream:
        """Connect to the first address of the host that answers, each within what is left of the attempt."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(str(error)) from error
        failure: Exception = httpcore2.ConnectError("no address")
        for address in dict.fromkeys(str(entry[4][0]) for entry in found):
            _check_address(address, host, self._allowed)
            try:
                with _within(timeout) as seconds:
                    stream = self._backend.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
                continue
            return _opened(Stream(stream, Tunnel(timeout)), timeout)
        raise failure


class AsyncStream(httpcore2.AsyncNetworkStream):
    """A connection of the asynchronous client, whose attempts end by cancellation; only the head is counted here."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream, tunnel: Tunnel) -> None:
        self._stream = stream
        self.tunnel = tunnel

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's interface
        """Return the bytes that have come; empty at the end."""
        with self.tunnel.waiting(timeout) as seconds:
            return _count(timeout, await self._stream.read(max_bytes, seconds))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Send all of it."""
        self.tunnel.says(memoryview(buffer))
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close it."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> AsyncStream:
        """Encrypt the connection; it is closed when that fails or is cancelled."""
        try:
            stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
            return AsyncStream(stream, self.tunnel)
        except BaseException:
            await self.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        """Answer what httpcore asks about the socket."""
        return self._stream.get_extra_info(info)


class AsyncBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections for the asynchronous client.

    Args:
        allowed: hosts that the user named.
    """

    def __init__(self, allowed: Collection[str] = ()) -> None:
        self._backend = httpcore2.AnyIOBackend()
        self._allowed = allowed

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncStream:
        """Connect to the host: to several of its addresses at once, if the first is slow (RFC 8305)."""
        try:
            stream = await self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        except UnicodeError as error:
            raise httpcore2.ConnectError(str(error)) from error
        try:
            _check_address(_peer(stream), host, self._allowed)
        except Refused:
            await stream.aclose()
            raise
        return _opened(AsyncStream(stream, Tunnel(timeout)), timeout)
