"""Requests as they go out: where to, with which header fields, and where a redirect leads (H6). No I/O."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection
from functools import cache
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit

from msgspec import Struct

from arazzo_runner.effects import Request, Response
from arazzo_runner.runtime.http.content_codings import accepted_codings
from arazzo_runner.runtime.http.errors import Refused
from arazzo_runner.runtime.http.metadata_services import is_metadata_host
from arazzo_runner.runtime.http.options import TransportOptions

MAX_REDIRECTS = 10

_PORTS = {"http": 80, "https": 443}
_ASCII = "".join(map(chr, range(0x21, 0x7F)))
_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SAY_NOTHING = frozenset(
    {"accept", "accept-encoding", "accept-language", "cache-control", "content-type", "range", "user-agent"}
)
"""Header fields that go along to another origin. Of any other it is not known that it is not a credential."""
_FRAMING = frozenset({"content-length", "transfer-encoding"})
"""What says where a body ends: always ours (H3), since a wrong one would make a second request of the rest."""
_OF_A_BODY = frozenset({"content-type", "content-encoding", "content-language", "content-location", "content-length"})


class Destination(Struct, frozen=True):
    """The destination of a request.

    Attributes:
        scheme: ``http`` or ``https``.
        host: in lower case and ASCII (IDNA), an IPv6 address without brackets.
        path: path and query, percent-encoded.
        userinfo: ``user:password`` of the URL, or None.
    """

    scheme: str
    host: str
    port: int
    path: str
    userinfo: bytes | None = None

    @property
    def origin(self) -> tuple[str, str, int]:
        """The origin that credentials are restricted to (RFC 6454)."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """The value of ``Host``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def target_of(url: str) -> Destination:
    """Return the destination of a URL.

    Raises:
        Refused: it is not an absolute http(s) URL.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Refused("the URL cannot be read: its host or its port is malformed") from None
    if not parts.scheme:
        raise Refused("the URL is relative: it says neither http: nor https:")
    if parts.scheme not in _PORTS:
        raise Refused(f"'{parts.scheme}:' URLs are not requested, only http: and https:")
    if not host:
        raise Refused("the URL names no host")
    path = quote(parts.path or "/", safe=_ASCII) + (f"?{quote(parts.query, safe=_ASCII)}" if parts.query else "")
    user, at, _ = parts.netloc.rpartition("@")
    userinfo = unquote_to_bytes(user) if at else None
    return Destination(parts.scheme, _ascii_host(host), port or _PORTS[parts.scheme], path, userinfo)


_LONGEST_LABEL = 63
"""Characters between two dots of a host's name (RFC 1035, 2.3.4)."""


def _ascii_host(host: str) -> str:
    if host.isascii():
        if any(len(label) > _LONGEST_LABEL for label in host.split(".")):
            raise Refused(f"{host} is not a host name")
        return host
    import idna

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise Refused(f"{host} is not a host name") from None


class Hosts:
    """The hosts that a run may reach.

    Args:
        allowed: those that the user allowed; None allows all but the metadata services of clouds.
        named: those that the command line and its documents name: allowed too, when they are not metadata services.
    """

    def __init__(self, allowed: Collection[str] | None, named: Collection[str] = ()) -> None:
        self.allowed = None if allowed is None else frozenset(map(_bare, allowed))
        self._named = frozenset(map(_bare, named))
        self._passed: set[str] = set()

    def check(self, host: str) -> None:
        """Refuse a host that may not be reached.

        Raises:
            Refused: with the option that would allow it.
        """
        if host in self._passed or (self.allowed is not None and host in self.allowed):
            return
        if is_metadata_host(host):
            raise Refused(f"{host} is a cloud's metadata service; name it to allow it: --allow-host {host}")
        if self.allowed is not None and host not in self._named:
            raise Refused(f"{host} is not among the hosts that this run may reach; to allow it: --allow-host {host}")
        self._passed.add(host)


def _bare(host: str) -> str:
    """A host as a target has it: lower case and ASCII, an IPv6 address without brackets."""
    try:
        return _ascii_host(host.strip("[]").lower())
    except Refused:
        return host  # no host name: nothing that could be asked for is like it


@cache
def user_agent() -> str:
    """Name and version of this package."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"arazzo-workflow-runner/{version('arazzo-workflow-runner')}"
    except PackageNotFoundError:
        return "arazzo-workflow-runner"


_accepted_codings = cache(accepted_codings)


def header_fields(request: Request, target: Destination) -> list[tuple[bytes, bytes]]:
    """The header fields as they are sent: the request's own, and what is missing of those that the protocol needs.

    Raises:
        Refused: a name or a value would break the header.
    """
    given = {name.lower() for name, _ in request.headers}
    added = [("Host", target.authority), ("User-Agent", user_agent()), ("Accept-Encoding", _accepted_codings())]
    if target.userinfo is not None:
        added.append(("Authorization", f"Basic {base64.b64encode(target.userinfo).decode('ascii')}"))
    if request.body is not None or request.method in ("POST", "PUT", "PATCH"):
        added.append(("Content-Length", str(len(request.body or b""))))
    missing = [(name, value) for name, value in added if name.lower() not in given - _FRAMING]
    return [*(_field(name, value) for name, value in missing), *own_fields(request)]


def own_fields(request: Request) -> list[tuple[bytes, bytes]]:
    """The request's own header fields as they are sent, without those that say where its body ends.

    Raises:
        Refused: a name or a value would break the header.
    """
    return [_field(name, value) for name, value in request.headers if name.lower() not in _FRAMING]


def _field(name: str, value: str) -> tuple[bytes, bytes]:
    if not name.isascii() or _FORBIDDEN.search(name):
        raise Refused(f"{name!r} is not a name for a header field")
    if _FORBIDDEN.search(value):
        raise Refused(f"the value of the header field '{name}' has a line break or another control character")
    try:
        return name.encode("ascii"), value.strip(" \t").encode("utf-8")
    except UnicodeEncodeError:
        raise Refused(f"the value of the header field '{name}' has half of a surrogate pair") from None


def text_of(value: bytes) -> str:
    """A header field's value: UTF-8 when it is, as it would be sent; else Latin-1, which anything is."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def redirected(request: Request, response: Response) -> Request | None:
    """The request that a redirect asks for, or None when the response is none.

    Credentials stay with their origin: of the header fields those that say nothing go to another one, and a request
    that would take its body there is not made. 303 always, and 301 and 302 after a POST, become GET without a body, as
    in browsers.

    Raises:
        Refused: it leads to something that is not http(s).
    """
    location = response.header("Location")
    if response.status not in (301, 302, 303, 307, 308) or location is None:
        return None
    before = target_of(request.url)
    try:
        url = urljoin(request.url, location)
        after = target_of(url)
    except ValueError:  # its text can quote the URL
        raise Refused(f"{before.host} redirects to what cannot be followed: the URL is malformed") from None
    except Refused as error:
        raise Refused(f"{before.host} redirects to what cannot be followed: {error}") from None
    headers, method, body = request.headers, request.method, request.body
    if (response.status == 303 and method != "HEAD") or (response.status in (301, 302) and method == "POST"):
        method, body = "GET", None
        headers = tuple(field for field in headers if field[0].lower() not in _OF_A_BODY)
    if after.origin != before.origin:
        if body:
            return None
        headers = tuple(field for field in headers if field[0].lower() in _SAY_NOTHING)
        url = urlsplit(url)._replace(netloc=after.authority).geturl()  # without credentials that the server made up
    return Request(method, url, headers, body)


class Hops:
    """A request, and those that its redirects ask for: the same rules, whatever carries them.

    Attributes:
        request: the one to send now.
        crossed: whether a redirect has led to another origin, which no credential goes to.
    """

    def __init__(self, request: Request, options: TransportOptions, hosts: Hosts) -> None:
        self.request = request
        self.crossed = False
        self._options = options
        self._hosts = hosts
        self._count = 0

    def target(self) -> Destination:
        """Return where the request goes.

        Raises:
            Refused: it may not go there, or cannot.
        """
        target = target_of(self.request.url)
        self._hosts.check(target.host)
        return target

    def follow(self, response: Response) -> bool:
        """Go on to the request that a redirect asks for; tell if there is one to be sent.

        Raises:
            Refused: there are too many redirects, or this one leads where none may.
        """
        if not self._options.follow_redirects or (request := redirected(self.request, response)) is None:
            return False
        self._count += 1
        if self._count > MAX_REDIRECTS:
            raise Refused(f"more than {MAX_REDIRECTS} redirects")
        self.crossed = self.crossed or target_of(request.url).origin != target_of(self.request.url).origin
        self.request = request
        return True
