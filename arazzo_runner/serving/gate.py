"""The gate of a server: hosts, origins and the token, looked at before anything else."""

from __future__ import annotations

import hmac
import socket
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

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


class GateAnswer(Struct, frozen=True):
    """The gate's own answer to a request that is not let through.

    Attributes:
        headers: beside the type of the text, which is plain.
    """

    status: int
    text: str
    headers: tuple[tuple[str, str], ...] = ()


Fields: TypeAlias = Mapping[str, Sequence[str]]
"""Header fields of a request by name, lower case."""


class Admission(Protocol):
    """Says who may come in."""

    def answer(self, scope: Scope, fields: Fields) -> GateAnswer | None:
        """Return the answer to a request that is not let through; None for one that is."""


class BearerToken:
    """Lets in clients that send the token in ``Authorization``."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def answer(self, scope: Scope, fields: Fields) -> GateAnswer | None:  # noqa: ARG002 - of the protocol
        """Refuse a request without the token."""
        given = fields.get("authorization", ())
        if len(given) == 1 and self._is_token(given[0]):
            return None
        text = "write Authorization: Bearer TOKEN, with the token of --token FILE\n"
        return GateAnswer(401, text, (("www-authenticate", 'Bearer realm="arazzo"'),))

    def _is_token(self, field: str) -> bool:
        scheme, _, value = field.partition(" ")
        given = value.strip().encode("latin-1", "replace")
        return scheme.lower() == "bearer" and hmac.compare_digest(given, self._token)


class Gate:
    """Lets through only requests to this server, from no other site, of whom the admission lets in.

    Args:
        app: answers what is let through.
        hosts: the values of ``Host`` that are this server.
        admission: None lets everybody in.
    """

    def __init__(self, app: Asgi, hosts: frozenset[str], admission: Admission | None) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = frozenset(f"{scheme}://{host}" for host in hosts for scheme in ("http", "https"))
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and (answer := self._answer(scope)):
            named = (("content-type", "text/plain; charset=utf-8"), *answer.headers)
            headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in dict(named).items()]
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.text.encode()})
            return
        if scope["type"] in ("http", "lifespan"):
            await self._app(scope, receive, send)

    def _answer(self, scope: Scope) -> GateAnswer | None:
        fields: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            fields.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        if [host.lower() for host in fields.get("host", [])] not in [[host] for host in self._hosts]:
            return GateAnswer(421, "this server is not known by that Host\n")
        if any(origin.lower() not in self._origins for origin in fields.get("origin", [])):
            return GateAnswer(403, "requests of other sites are not answered\n")
        return None if self._admission is None else self._admission.answer(scope, fields)
