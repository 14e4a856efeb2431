"""Words of options taken apart: ``NAME=VALUE`` pairs, servers and hosts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from arazzo_runner.errors import StepError, UsageError
from arazzo_runner.secrecy import MASK

_SERVER_NAME = re.compile(r"[A-Za-z0-9_-]+")
_HOST = re.compile(r"(?P<name>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?P<port>:[0-9]{1,5})?(?:/|$)")


def pairs(words: Iterable[str], option: str, form: str) -> dict[str, str]:
    """``NAME=VALUE`` words as a mapping.

    Raises:
        UsageError: a word has another form.
    """
    result = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name or not value:
            raise UsageError(f"{option} {word!r}: expected {form}", hint=f"write {option} {form}")
        result[name] = value
    return result


def servers(words: Iterable[str]) -> dict[str, str]:
    """``--server [SOURCE=]URL`` by source; empty for all. Of a source over messages a name may stand for the URL (M19).

    Raises:
        UsageError: a word is neither.
    """
    result = {}
    for word in words:
        source, equals, url = word.partition("=")
        if not equals or "://" in source:
            source, url = "", word
        url = _with_scheme(url)
        is_name = bool(source) and _SERVER_NAME.fullmatch(url) is not None
        if not is_name and not url.startswith(("http://", "https://")) and not _is_of_broker(url):
            # What stands before an @ may be a password, whatever else is missing of a URL (S1).
            _, at, host = word.rpartition("@")
            shown = f"{MASK}@{host}" if at else word
            raise UsageError(f"--server {shown!r}: expected an http(s) URL", hint="write --server [SOURCE=]https://…")
        result[source] = url
    return result


def _is_of_broker(url: str) -> bool:
    """Tell if a URL is one that messages go to."""
    from arazzo_runner.asyncapi.protocols import PROTOCOLS

    scheme, _, rest = url.partition("://")
    return bool(rest) and scheme.lower() in PROTOCOLS


def _with_scheme(url: str) -> str:
    """Return a URL for ``localhost:9400`` and ``api.example.com/v2``: http on this machine, https elsewhere."""
    host = _HOST.match(url)
    if host is None or not (host["port"] or "." in host["name"] or host["name"] == "localhost"):
        return url
    local = host["name"] in ("localhost", "[::1]") or host["name"].startswith("127.")
    return f"{'http' if local else 'https'}://{url}"


def headers(words: Iterable[str]) -> tuple[tuple[str, str, str], ...]:
    """``--header [SOURCE=]NAME:VALUE``: the source, empty for all, the name and the value.

    Raises:
        UsageError: a word has another form, or a field that belongs to the transport.
    """
    from arazzo_runner.openapi.request.parameters import IGNORED_HEADERS, header_text

    result = []
    for word in words:
        left, colon, value = word.partition(":")
        source, _, name = left.rpartition("=")
        if not colon or not name:
            raise UsageError("--header takes [SOURCE=]NAME:VALUE", hint="write --header 'X-Name: value'")
        if name.lower() in IGNORED_HEADERS:
            raise UsageError(f"--header {name}: this field belongs to the transport")
        try:
            result.append((source, name, header_text(name, value)))
        except StepError as error:
            raise UsageError(f"--header {name}: {error.message}") from None
    return tuple(result)


def server_variables(words: Iterable[str]) -> dict[str, Mapping[str, str]]:
    """``--server-var [SOURCE.]NAME=VALUE`` by source and name; the source is empty for all."""
    result: dict[str, dict[str, str]] = {}
    for name, value in pairs(words, "--server-var", "[SOURCE.]NAME=VALUE").items():
        source, _, variable = name.rpartition(".")
        result.setdefault(source, {})[variable] = value
    return dict(result)


def hosts(words: Iterable[str]) -> frozenset[str]:
    """``--allow-host HOST``: names and addresses, without scheme, port or path.

    Raises:
        UsageError: a word is a URL or has a port.
    """
    for word in words:
        host = urlsplit(word if "://" in word else f"//{word}").hostname or ""
        is_address = word.count(":") > 1 and "/" not in word
        if not is_address and (not host or host != word.lower()):
            hint = f"write --allow-host {host or 'api.example.com'}"
            raise UsageError("--allow-host takes a host's name or address, without scheme, port or path", hint=hint)
    return frozenset(words)


def check_sources(sources: Iterable[str], known: Iterable[str], *, option: str = "--source") -> None:
    """Refuse an option for a source whose name the document does not have.

    Raises:
        UsageError: with the names that it has.
    """
    from arazzo_runner.documents.near_names import did_you_mean

    names = list(known)
    for name in sources:
        if name not in names:
            hint = did_you_mean(name, names, "source descriptions")
            raise UsageError(f"{option} {name}=…: the document has no source description {name!r}", hint=hint)
