"""The cookies of a run (``--cookies``, H6): those that answers set, and those that a request is sent (RFC 6265, 5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from arazzo_runner.effects import Headers

_ATTRIBUTES = re.compile(r";\s*(?:path|domain|expires|max-age|samesite)\s*=|;\s*(?:secure|httponly)\b", re.IGNORECASE)
_NOT_SENT = re.compile(r"[\x00-\x20\x7f;]|^$")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_MOST = 1000
"""How many cookies a run keeps."""


class StoredCookie(Struct, frozen=True):
    """A cookie of the jar.

    Attributes:
        domain: the host that set it, or the domain that it is for.
        host_only: whether it is for that host alone.
        expires: seconds since the epoch; None ends with the run.
    """

    name: str
    value: str
    domain: str
    host_only: bool
    path: str
    secure: bool
    expires: float | None = None


def stored(jar: Sequence[StoredCookie], url: str, headers: Headers, now: float) -> tuple[StoredCookie, ...]:
    """The jar after an answer (RFC 6265, section 5.3)."""
    kept = {(one.name, one.domain, one.path): one for one in jar}
    for name, value in headers:
        if name.lower() == "set-cookie" and (cookie := _cookie(value, url, now)) is not None:
            key = (cookie.name, cookie.domain, cookie.path)
            if cookie.expires is not None and cookie.expires <= now:
                kept.pop(key, None)
            else:
                kept[key] = cookie
    return tuple(kept.values())[-_MOST:]


def cookies_for(jar: Iterable[StoredCookie], url: str, now: float) -> list[tuple[str, str]]:
    """The cookies that a request to a URL is sent, those of longer paths first (RFC 6265, section 5.4)."""
    target = urlsplit(url)
    host, path = (target.hostname or "").lower(), target.path or "/"
    fitting = [
        one
        for one in jar
        if (one.expires is None or one.expires > now)
        and (host == one.domain or (not one.host_only and _is_below(host, one.domain)))
        and _covers(one.path, path)
        and (not one.secure or target.scheme == "https")
    ]
    return [(one.name, one.value) for one in sorted(fitting, key=lambda one: -len(one.path))]


def looks_like_set_cookie(value: object) -> bool:
    """Tell if a value is that of a ``Set-Cookie`` header: a cookie together with its attributes."""
    return isinstance(value, str) and _ATTRIBUTES.search(value) is not None


def _cookie(text: str, url: str, now: float) -> StoredCookie | None:
    """The cookie of one ``Set-Cookie`` header; None when it is to be ignored (RFC 6265, section 5.2)."""
    pair, *rest = text.split(";")
    name, equals, value = (part.strip() for part in pair.partition("="))
    if not equals or _NOT_SENT.search(name) or _CONTROL.search(value):
        return None
    attributes = {key.strip().lower(): given.strip() for key, _, given in (one.partition("=") for one in rest)}
    target = urlsplit(url)
    host = (target.hostname or "").lower()
    domain = attributes.get("domain", "").lower().removeprefix(".")
    if domain and domain != host and (not _is_below(host, domain) or "." not in domain):
        return None
    path = attributes.get("path", "")
    return StoredCookie(
        name,
        value,
        domain or host,
        not domain,
        path if path.startswith("/") else _default_path(target.path),
        "secure" in attributes,
        _expiry(attributes, now),
    )


def _expiry(attributes: dict[str, str], now: float) -> float | None:
    """``Max-Age`` in seconds, else ``Expires``; either may lie in the past, which removes the cookie."""
    age = attributes.get("max-age", "")
    if re.fullmatch(r"-?[0-9]{1,15}", age):
        return now + int(age) if int(age) > 0 else 0.0
    if "expires" not in attributes:
        return None
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(attributes["expires"].replace("-", " ")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _default_path(path: str) -> str:
    return path[: path.rindex("/")] or "/" if path.startswith("/") else "/"


def _covers(path: str, asked: str) -> bool:
    return asked == path or (asked.startswith(path) and (path.endswith("/") or asked[len(path)] == "/"))


def _is_below(host: str, domain: str) -> bool:
    """Tell if a host is in a domain; an address is in none."""
    if not host.endswith(f".{domain}"):
        return False
    from ipaddress import ip_address

    try:
        ip_address(host)
    except ValueError:
        return True
    return False
