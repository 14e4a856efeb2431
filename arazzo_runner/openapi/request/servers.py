"""The server of a request (H2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

from msgspec import Struct, field

from arazzo_runner.errors import StepError, as_typed
from arazzo_runner.openapi.operations import Operation
from arazzo_runner.openapi.references import base_uri
from arazzo_runner.openapi.server_objects import ServerSpec

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_VARIABLE = re.compile(r"\{([^{}]+)\}")


class ServerOptions(Struct, frozen=True):
    """The user's options about servers. A key is a source's name, or empty for all of them.

    Attributes:
        urls: URLs that replace the description's.
        variables: values of server variables, by source and then by name.
        bases: absolute URLs that relative servers, and those of descriptions that name none, are resolved against.
    """

    urls: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    bases: Mapping[str, str] = field(default_factory=dict)

    def url(self, source: str) -> str | None:
        """The URL given for a source, or None."""
        return self.urls.get(source, self.urls.get(""))

    def base(self, source: str) -> str | None:
        """The URL that a source's relative servers are resolved against, or None."""
        return self.bases.get(source, self.bases.get(""))

    def variable(self, source: str, name: str) -> str | None:
        """The value given for a source's server variable, or None."""
        return self.variables.get(source, {}).get(name, self.variables.get("", {}).get(name))


def server_url(operation: Operation, options: ServerOptions, *, source: str | None = None) -> str:
    """The base URL of an operation's requests, without a slash at its end.

    Args:
        source: the name by which the options know the source; the operation's own when None.

    Raises:
        StepError: ``request-invalid``: no server, a relative one that stays relative, or a variable without a value.
    """
    known_as = source or operation.source
    given = options.url(known_as)
    if given is not None:
        if flaw := _flaw(given):
            raise _no_server(operation, known_as, flaw)
        return given.rstrip("/")
    # OpenAPI's own default: a description without servers is served where it was found.
    server = operation.servers[0] if operation.servers else ServerSpec("/", base=base_uri(operation.api.document))
    url = _filled(server, options, known_as)
    base = server.base if server.base.startswith(("http://", "https://")) else options.base(known_as)
    if base and not _SCHEME.match(url):
        url = urljoin(base, url or ".")  # an empty URL would be the description's own
    if flaw := _flaw(url):
        raise _no_server(operation, known_as, flaw if operation.servers else "its description names none")
    return url.rstrip("/")


def variables_of(operation: Operation) -> frozenset[str]:
    """The variables of the operation's servers, described or only used."""
    return frozenset(
        name for server in operation.servers for name in (*server.variables, *_VARIABLE.findall(server.url))
    )


def _filled(server: ServerSpec, options: ServerOptions, known_as: str) -> str:
    """The URL of a server, its variables filled in.

    Raises:
        StepError: ``request-invalid``: a variable has no value, or one that the description does not allow.
    """

    def value_of(match: re.Match[str]) -> str:
        name = match[1]
        default, allowed = server.variables.get(name, (None, ()))
        given = options.variable(known_as, name)
        value = default if given is None else given
        if value is None:
            raise StepError(
                "request-invalid",
                f"the server URL {server.url} has a variable {name!r} without a value",
                hint=f"give it one: {as_typed('--server-var', f'{known_as}.{name}=VALUE')}",
            )
        if allowed and value not in allowed:
            raise StepError(
                "request-invalid",
                f"the server variable {name!r} is {value!r}; the description allows {', '.join(allowed)}",
                hint=f"give it one of these: {as_typed('--server-var', f'{known_as}.{name}={allowed[0]}')}",
            )
        return value

    return _VARIABLE.sub(value_of, server.url)


def _flaw(url: str) -> str:
    """Why paths cannot be appended to a URL; empty when they can."""
    absolute = f"{url!r} is not an absolute http(s) URL"
    try:
        parts = urlsplit(url)
    except ValueError:  # an unfinished IPv6 address
        return absolute
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return absolute
    return f"{url!r} has a query or fragment, behind which no path can stand" if parts.query or parts.fragment else ""


def _no_server(operation: Operation, known_as: str, why: str) -> StepError:
    return StepError(
        "request-invalid",
        f"the operation {operation.label} has no usable server: {why}",
        hint=f"say where the API is: {as_typed('--server', f'{known_as}=https://…')}",
    )
