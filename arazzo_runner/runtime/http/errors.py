"""Why no response came, in words for a person (C7). URLs are named by their host alone: the rest may be secret (S1)."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import h11
import httpcore2
from msgspec import Struct


class Refused(Exception):
    """We will not send this, or not take that; the text says why."""


class TooLarge(Refused):
    """The response passed the limit."""

    OPTION = " (--max-response-bytes)"

    def __init__(self, limit: int) -> None:
        super().__init__(f"the response is larger than the limit of {limit:,} bytes{self.OPTION}")


class AttemptOver(Exception):
    """The attempt's own limit was reached (F9)."""


class ProxySilent(httpcore2.ConnectTimeout):
    """The proxy has not opened a tunnel in the time for a connection."""


class NoSocks(httpcore2.ProxyError):
    """The proxy's answer is not SOCKS."""


@contextmanager
def socks_judged() -> Iterator[None]:
    """``NoSocks`` instead of an error of socksio's, which is an extra and cannot be named here."""
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] == "socksio":
            raise NoSocks from error
        raise


NETWORK_ERRORS = (
    Refused,
    OSError,
    h11.ProtocolError,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.TimeoutException,
    httpcore2.UnsupportedProtocol,
)


_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
_UNREACHABLE = {
    errno.EACCES,
    errno.EADDRNOTAVAIL,
    errno.EHOSTUNREACH,
    errno.EMFILE,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.ENFILE,
    errno.ENOBUFS,
    errno.EPERM,
}


class Progress(Struct):
    """The progress of an attempt.

    Attributes:
        peer: whom it connects to: ``api.example.com``, or ``the proxy proxy.example.com``.
        peer_port: of the peer.
        host: whom it talks to: ``api.example.com``, or ``api.example.com through the proxy proxy.example.com``.
        port: of the host.
        connect_timeout: in seconds.
        read_timeout: in seconds.
        answered: whether the response's head is complete.
        received: bytes of its body so far, as they came.
        expected: bytes of its body as announced, or None.
        start: the first bytes that came at all.
        schemes: of URLs with and without TLS, for what to write instead.
    """

    peer: str
    peer_port: int
    host: str
    port: int
    connect_timeout: float
    read_timeout: float
    answered: bool = False
    received: int = 0
    expected: int | None = None
    start: bytes = b""
    schemes: tuple[str, str] = ("https", "http")


def explain(error: BaseException, progress: Progress) -> str:
    """Explain an error, with what to do about it when there is something."""
    if isinstance(error, Refused):
        return str(error)
    if words := system_words(error, progress):
        return words
    peer, host = progress.peer, progress.host
    match error:
        case ProxySilent():
            return f"{peer} opened no tunnel within {progress.connect_timeout:g} s (--connect-timeout)"
        case httpcore2.ConnectTimeout():
            return f"no connection to {peer} within {progress.connect_timeout:g} s (--connect-timeout)"
        case httpcore2.TimeoutException() if progress.answered:
            return f"{host} sent nothing more for {progress.read_timeout:g} s, {_so_far(progress)} (--read-timeout)"
        case httpcore2.TimeoutException():
            return f"no answer from {host} within {progress.read_timeout:g} s (--read-timeout)"
        case httpcore2.ConnectError():
            return f"no connection to {peer}, port {progress.peer_port}"
        case NoSocks():
            return f"{peer} does not speak SOCKS on port {progress.peer_port}: is its URL http:// instead of socks5://?"
        case httpcore2.ProxyError():
            return f"{peer} refused to pass the request on: {error}"
        case httpcore2.LocalProtocolError() | h11.LocalProtocolError():
            # Its own text quotes the header field, secrets and all.
            return "the request cannot be sent: its method, its URL or a header field has a character that HTTP forbids"
        case httpcore2.RemoteProtocolError() if not progress.answered and "disconnected" in str(error):
            return _ended_early(progress)
        case httpcore2.ProtocolError():
            return f"{host} broke the rules of HTTP"
        case _ if progress.answered:
            return f"{host} broke the connection off, {_so_far(progress)}"
    return f"{host} broke the connection off before it answered"


def system_words(error: BaseException, progress: Progress) -> str | None:
    """Explain what the system, TLS or the HTTP parser said, whatever wrapped it; None when they said nothing."""
    return next((words for cause in _causes(error) if (words := _cause(cause, progress))), None)


def _ended_early(progress: Progress) -> str:
    if not progress.start:
        return f"{progress.host} closed the connection without an answer"
    if progress.start.startswith(b"HTTP/"):
        return f"{progress.host} closed the connection in the middle of the response header"
    return f"{progress.host} does not speak HTTP on port {progress.port}"


def _so_far(progress: Progress) -> str:
    if progress.expected is None:
        return f"after {progress.received:,} bytes of the body"
    return f"after {progress.received:,} of {progress.expected:,} bytes of the body"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and those behind it, the members of groups too: clients wrap what the system said."""
    seen: list[BaseException] = [error]
    for found in seen:
        yield found
        members = found.exceptions if isinstance(found, BaseExceptionGroup) else ()
        behind = (found.__cause__, found.__context__, *members)
        seen.extend(cause for cause in behind if cause is not None and cause not in seen)


def _cause(cause: BaseException, progress: Progress) -> str | None:
    """Words for what the system, TLS or the HTTP parser said, or None."""
    peer = progress.peer
    match cause:
        case ssl.SSLCertVerificationError():
            return _certificate(cause, progress.host)
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return None  # the connection broke off: said as such
        case ssl.SSLError():
            return _tls(cause, progress)
        case socket.gaierror() if cause.errno in _NO_SUCH_NAME:
            return f"there is no host named {peer}"
        case socket.gaierror():
            return f"the name {peer} could not be looked up: {cause.strerror}"
        case UnicodeError():
            return f"{peer} is not a host name"
        case ConnectionRefusedError():
            return f"{peer} refused the connection on port {progress.peer_port}: nothing listens there"
        case OSError(errno=code) if code in _UNREACHABLE:
            return f"{peer} cannot be reached: {os.strerror(code).lower()}"
        case h11.RemoteProtocolError():
            return _protocol(str(cause), progress)
    return None


def _certificate(error: ssl.SSLCertVerificationError, host: str) -> str:
    match error.verify_code:
        case 62 | 64:
            return f"the TLS certificate of {host} is for another name (--insecure takes it, for a test)"
        case 10:
            return f"the TLS certificate of {host} has expired (--insecure takes it, for a test)"
        case 9:
            return f"the TLS certificate of {host} is not valid yet: is this machine's clock right?"
        case 18 | 19:
            why = "is self-signed"
        case 20 | 21:
            why = "is by an authority that is not known here"
        case _:
            why = f"is not valid: {error.verify_message}"
    return f"the TLS certificate of {host} {why} (--ca-bundle FILE trusts its authority; --insecure takes any)"


def _tls(error: ssl.SSLError, progress: Progress) -> str:
    host, (secure, plain) = progress.host, progress.schemes
    reason = (error.reason or "no reason given").replace("_", " ").lower()
    if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        return f"{host} does not speak TLS on port {progress.port}: is its URL {plain}:// instead of {secure}://?"
    if "CERTIFICATE_REQUIRED" in (error.reason or "") or "HANDSHAKE_FAILURE" in (error.reason or ""):
        return f"{host} ended the TLS handshake: {reason} (--client-cert gives it a certificate)"
    return f"TLS with {host} failed: {reason}"


def _protocol(said: str, progress: Progress) -> str:
    """Return h11's message without what it quotes: that is the server's, and could be anything."""
    host = progress.host
    if "peer closed" in said or "unexpected EOF" in said:
        return f"{host} broke the connection off, {_so_far(progress)}"
    if progress.answered:
        return f"{host} broke the rules of HTTP, {_so_far(progress)}"
    if "too long" in said:
        return f"{host} sent a response header that is too large"
    if "status line" in said:
        return f"{host} does not speak HTTP on port {progress.port}"
    return f"{host} sent a response header that is not HTTP"
