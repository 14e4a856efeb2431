"""Admission to the pages: the token of the printed address once, and from then on a cookie."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from urllib.parse import parse_qs

from arazzo_runner.serving.gate import Fields, GateAnswer, Scope

_READING = ("GET", "HEAD")
_WELCOME = (
    '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">'
    '<meta http-equiv="refresh" content="0;url=/">'
    '<title>arazzo web</title><p><a href="/">Continue to arazzo web</a></p></html>\n'
)
"""Continues from a page of ours: a cookie that is SameSite=Strict is not sent after a redirect from another site."""


class CookieAdmission:
    """Lets in browsers that have come with the token before.

    Args:
        token: of the address that was printed.
        port: of the server; cookies do not tell ports apart, so their name has to.
    """

    def __init__(self, token: str, port: int) -> None:
        self._token = token.encode()
        self._name = f"arazzo-web-{port}"
        # Of the token alone: a server that is started again with the same one knows the browsers that it has let in.
        self._cookie = hmac.digest(self._token, b"the cookie of arazzo web", "sha256").hex().encode()

    def answer(self, scope: Scope, fields: Fields) -> GateAnswer | None:
        """Refuse strangers, and requests that change something and do not say which page they come from."""
        if self._brings_token(scope):
            cookie = f"{self._name}={self._cookie.decode()}; Path=/; HttpOnly; SameSite=Strict"
            headers = (
                ("content-type", "text/html; charset=utf-8"),
                ("set-cookie", cookie),
                ("cache-control", "no-store"),
                ("referrer-policy", "no-referrer"),
                ("content-security-policy", "default-src 'none'; img-src data:"),
            )
            return GateAnswer(200, _WELCOME, headers)
        if not any(hmac.compare_digest(given, self._cookie) for given in self._given(fields)):
            text = "open the address that arazzo web has printed: the token in it lets you in\n"
            return GateAnswer(401, text, (("cache-control", "no-store"),))
        if scope["method"] not in _READING and not fields.get("origin"):
            return GateAnswer(403, "requests that change something have to name their Origin\n")
        return None

    def _brings_token(self, scope: Scope) -> bool:
        if scope["method"] not in _READING or scope["path"] != "/":
            return False
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        return len(given) == 1 and hmac.compare_digest(given[0].encode("utf-8", "replace"), self._token)

    def _given(self, fields: Fields) -> Iterator[bytes]:
        for field in fields.get("cookie", ()):
            for pair in field.split(";"):
                name, _, value = pair.strip().partition("=")
                if name == self._name:
                    yield value.encode("latin-1", "replace")
