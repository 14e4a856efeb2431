"""The proxy of a request: the option's, otherwise the environment's, ``NO_PROXY`` respected (H6)."""

from __future__ import annotations

import ipaddress
import os
import ssl
import sys
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

import httpcore2
from msgspec import Struct

from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.http.requests import Destination

_SCHEMES = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


class Proxy(Struct, frozen=True):
    """A proxy that was asked for.

    Attributes:
        url: without credentials.
        auth: user and password, or None.
    """

    scheme: str
    host: str
    port: int
    auth: tuple[str, str] | None = None

    def is_tunnel(self, target: Destination) -> bool:
        """Return whether it passes on whatever is sent to a target, and is asked to first."""
        return target.scheme == "https" or self.scheme.startswith("socks")

    def for_pool(self, context: ssl.SSLContext | None) -> httpcore2.Proxy:
        """Return the arguments of a connection pool."""
        url = httpcore2.URL(scheme=self.scheme.encode(), host=self.host.encode("idna"), port=self.port, target=b"/")
        return httpcore2.Proxy(url, self.auth, ssl_context=context if self.scheme == "https" else None)


class Proxies(Struct, frozen=True):
    """The proxies of a client, by the scheme of what is requested.

    Attributes:
        exceptions: hosts that are reached without one, in the form of ``NO_PROXY``.
    """

    by_scheme: Mapping[str, Proxy]
    exceptions: tuple[str, ...] = ()

    def choose(self, target: Destination) -> Proxy | None:
        """The proxy for a request, or None for none."""
        proxy = self.by_scheme.get(target.scheme)
        if proxy is None or any(_excepts(entry, target) for entry in self.exceptions):
            return None
        return proxy


def proxies_of(option: str | None, settings: Mapping[str, str]) -> Proxies:
    """The proxies to use.

    Args:
        option: a URL for all requests; the settings do not count then.
        settings: as ``urllib.request.getproxies()`` gives them: URLs by ``http``, ``https`` and ``all``, and ``no``.

    Raises:
        UsageError: one is not a proxy URL.
    """
    if option is not None:
        proxy = _proxy(option, "--proxy")
        return Proxies({"http": proxy, "https": proxy})
    found = {}
    for scheme in ("http", "https"):
        for name in (scheme, "all"):
            if url := settings.get(name):
                found[scheme] = _proxy(url, f"{name.upper()}_PROXY")
                break
    exceptions = settings.get("no", "").replace(" ", ",").split(",")
    return Proxies(found, tuple(entry.lower() for entry in exceptions if entry))


def system_proxies() -> Mapping[str, str]:
    """The proxies of this machine, as ``urllib.request.getproxies`` gives them.

    They are variables, and on macOS and Windows also settings; that module takes as long to load as a step takes.
    """
    if sys.platform not in ("darwin", "win32") and not any(name.lower().endswith("_proxy") for name in os.environ):
        return {}
    from urllib.request import getproxies

    return getproxies()


def _proxy(url: str, origin: str) -> Proxy:
    """A proxy URL's parts; an error never shows the URL, which may hold a password."""
    hint = "write http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ if it needs them"
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port
    except ValueError:
        raise UsageError(f"{origin}: this is not a proxy URL", hint=hint) from None
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise UsageError(f"{origin}: this is not a proxy URL", hint=hint)
    if parts.scheme.startswith("socks"):
        try:
            import socksio  # noqa: F401 - httpcore imports it when the first connection is made
        except ImportError:
            hint = "pip install 'arazzo-workflow-runner[socks]'"
            raise UsageError(f"{origin}: a SOCKS proxy needs an extra", hint=hint) from None
    auth = (unquote(parts.username or ""), unquote(parts.password or "")) if parts.username else None
    return Proxy(parts.scheme, parts.hostname, port or _SCHEMES[parts.scheme], auth)


def _excepts(entry: str, target: Destination) -> bool:
    """Return whether an entry of ``NO_PROXY`` means a host: ``*``, a domain, an address, a network."""
    if entry == "*":
        return True
    try:
        return ipaddress.ip_address(target.host) in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except (ValueError, TypeError):
        pass
    name, colon, port = entry.partition(":")
    if colon and port.isdigit() and int(port) != target.port:
        return False
    domain = name.removeprefix("*").removeprefix(".")
    return target.host == domain or target.host.endswith(f".{domain}")
