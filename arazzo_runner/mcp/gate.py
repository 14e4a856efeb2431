"""The gate of the HTTP transport: hosts, origins and the token, looked at before anything else."""

from __future__ import annotations

import hmac
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened at


def names_of(host: str, port: int) -> frozenset[str]:
    """Return the values of ``Host`` that mean this server: a page of another name may not reach it."""
    named = f"[{host}]" if ":" in host else host.lower()
    names = {named}
    if named in _LOOPBACK or host in _EVERYWHERE:
        names |= {*_LOOPBACK}
    if host in _EVERYWHERE:
        names.add(socket.gethostname().lower())
    return frozenset({f"{name}:{port}" for name in names} | (names if port == 80 else set()))


class Gate:
    """Lets through only requests to this server, from no other site, with the token.

    Args:
        app: answers what is let through.
        hosts: the values of ``Host`` that are this server.
        token: of the clients; None asks for none.
    """

    def __init__(self, app: Asgi, hosts: frozenset[str], token: str | None) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = frozenset(f"{scheme}://{host}" for host in hosts for scheme in ("http", "https"))
        self._token = None if token is None else token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and (refusal := self._refusal(scope)):
            status, text = refusal
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            headers += [(b"www-authenticate", b'Bearer realm="arazzo"')] if status == 401 else []
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": text.encode()})
            return
        if scope["type"] in ("http", "lifespan"):
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        fields: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            fields.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        if [host.lower() for host in fields.get("host", [])] not in [[host] for host in self._hosts]:
            return 421, "this server is not known by that Host\n"
        if any(origin.lower() not in self._origins for origin in fields.get("origin", [])):
            return 403, "requests of other sites are not answered\n"
        given = fields.get("authorization", [])
        if self._token is not None and not (len(given) == 1 and self._is_token(given[0])):
            return 401, "write Authorization: Bearer TOKEN, with the token of --token FILE\n"
        return None

    def _is_token(self, field: str) -> bool:
        scheme, _, value = field.partition(" ")
        given = value.strip().encode("latin-1", "replace")
        return scheme.lower() == "bearer" and self._token is not None and hmac.compare_digest(given, self._token)
