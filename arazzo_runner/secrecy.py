"""Text that gives itself away (S1): names of secrets, and credentials in URLs.

It stands below everything, so that no error, wherever it is raised, holds what a URL was given to log in with.
"""

from __future__ import annotations

import re
from itertools import pairwise
from urllib.parse import unquote

MASK = "[redacted]"
"""What stands in a secret's place; the same for all, so that it tells nothing, not even equality."""

CUT = "…"
"""What stands where a text that was too long to show has been cut: before it, the beginning of a secret may stand."""

SECRET_WORDS = frozenset(
    {"token", "secret", "password", "passwd", "passphrase", "credential", "credentials", "authorization", "apikey"}
)
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})
"""The header fields, in lower case, whose values are secrets whatever they are."""
SIGNATURES = frozenset({"sig", "signature", "key"})
"""Parameters of URLs that let whoever has them in, beside those whose names say that they are secrets."""
_NOT_THE_SECRET = frozenset(
    {
        *("endpoint", "endpoints", "uri", "url", "urls", "type", "types", "count", "counts", "supported", "method"),
        *("methods", "length", "limit", "limits", "expires", "expiry", "expiration", "at", "in", "policy", "name"),
        *("names", "hint", "strength", "required", "enabled", "status", "scope", "scopes", "format", "lifetime", "ttl"),
    }
)
"""Last words of names that tell about a secret and do not name one: ``token_count``, ``tokenEndpoint``."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_USER = re.compile(r"""(?<=://)[^/\s"'<>]+@""")
_PARAMETER = re.compile(r"""([?&;#])([^=&;#?\s"'<>]+)=([^&;#\s"'<>]+)""")


def cut(text: str, limit: int) -> str:
    """A text of so many characters at most, and a sign that more was there."""
    return text if len(text) <= limit else f"{text[:limit]}{CUT}"


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(name)]


def is_secret_name(name: str) -> bool:
    """Return whether a name says that its value is secret: ``hfToken``, but not ``maxTokens``."""
    words = _words(name)
    return any(word in SECRET_WORDS for word in words) or ("api", "key") in pairwise(words)


def names_a_secret(name: str) -> bool:
    """Return whether the name of a member of an answer says that its value is a secret: ``access_token``."""
    last = next((word for word in reversed(_words(name)) if not word.isdigit()), "")
    return is_secret_name(name) and last not in _NOT_THE_SECRET


def without_credentials(text: str) -> str:
    """Text with user and password of every URL in it masked, and parameters that say that they are secret."""
    if "://" not in text:
        return text
    return _PARAMETER.sub(_parameter, _USER.sub(f"{MASK}@", text))


def _parameter(match: re.Match[str]) -> str:
    name = unquote(match[2])
    is_secret = is_secret_name(name) or any(word in SIGNATURES for word in _words(name))
    return f"{match[1]}{match[2]}={MASK}" if is_secret else match[0]
