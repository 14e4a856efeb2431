"""Transport options as data: the command line uses them without loading the client (H6)."""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

DEFAULT_MAX_RESPONSE = 64 * 1024 * 1024


class TransportOptions(Struct, frozen=True):
    """The options of the transport. Times in seconds, sizes in bytes.

    Attributes:
        read_timeout: for the next bytes to come, or to be taken.
        max_response_bytes: of one response, as sent and decoded.
        proxy: URL of a proxy for all requests; the environment's (``HTTPS_PROXY``, ``NO_PROXY`` …) when None.
        ca_bundle: a PEM file with the authorities to trust instead of the usual ones.
        client_cert: a PEM file with certificate and key, or ``CERT:KEY``.
        insecure: do not verify TLS.
        http2: offer HTTP/2 to https servers; needs the extra ``http2``.
        allowed_hosts: hosts, without ports, that may be reached, by redirects too (``--allow-host``); None allows all.
            The metadata services of clouds are reached only when they are named here.
        named_hosts: further hosts that may be reached, since the command line and its documents name them.
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
    allowed_hosts: frozenset[str] | None = None
    named_hosts: frozenset[str] = frozenset()

    def naming(self, *urls: str) -> TransportOptions:
        """Return the options with the hosts of these URLs among those that may be reached."""
        return replace(self, named_hosts=self.named_hosts.union(*map(_hosts, urls)))


def _hosts(url: str) -> frozenset[str]:
    try:
        host = urlsplit(url).hostname
    except ValueError:  # no URL, which whoever uses it will say
        return frozenset()
    return frozenset([host] if host else ())
