"""HTTP digest (RFC 7616): the answer to a server's challenge (H5)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from arazzo_runner.effects import Request, Response
from arazzo_runner.openapi.auth.credentials import Credential

_PAIR = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_HASHES: dict[str, Callable[[bytes], str]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "SHA-512-256": lambda data: hashlib.new("sha512_256", data).hexdigest(),
}
"""What the protocol offers, the strongest last."""


def challenge_of(response: Response) -> str | None:
    """The strongest digest challenge of a 401 answer that can be met, or None."""
    found: dict[str, str] = {}
    for name, value in response.headers:
        if name.lower() != "www-authenticate":
            continue
        for challenge in re.split(r",\s*(?=[Dd]igest\s)", value):
            if challenge.strip().lower().startswith("digest "):
                parameters = _parameters(challenge)
                algorithm = parameters.get("algorithm", "MD5").upper().removesuffix("-SESS")
                if algorithm in _HASHES and "nonce" in parameters and "realm" in parameters:
                    found[algorithm] = challenge.strip()
    return next((found[algorithm] for algorithm in reversed(_HASHES) if algorithm in found), None)


def _parameters(challenge: str) -> dict[str, str]:
    pairs = _PAIR.findall(challenge.strip()[len("digest ") :])
    return {name.lower(): re.sub(r"\\(.)", r"\1", quoted) or plain for name, quoted, plain in pairs}


def digest_answer(challenge: str, credential: Credential, request: Request) -> str:
    """The ``Authorization`` header that answers a challenge for a request.

    The client's nonce is made from what the server cannot know, so that equal runs send equal requests and no source of
    random numbers is needed.
    """
    given = _parameters(challenge)
    algorithm = given.get("algorithm", "MD5")
    digest = _HASHES[algorithm.upper().removesuffix("-SESS")]

    def hashed(*parts: str) -> str:
        return digest(":".join(parts).encode())

    user, password = credential.identity or "", credential.secret or ""
    parts = urlsplit(request.url)
    uri = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    nonce, realm = given["nonce"], given["realm"]
    client_nonce = hashlib.sha256(f"{password}:{nonce}:{request.method}:{uri}".encode()).hexdigest()[:32]
    secret = hashed(user, realm, password)
    if algorithm.upper().endswith("-SESS"):
        secret = hashed(secret, nonce, client_nonce)
    offered = [word.strip() for word in given.get("qop", "").split(",")]
    quality = "auth" if "auth" in offered else "auth-int" if "auth-int" in offered else ""
    action = [request.method, uri]
    if quality == "auth-int":
        action.append(digest(request.body or b""))
    fields = [f'username="{_quoted(user)}"', f'realm="{_quoted(realm)}"', f'nonce="{_quoted(nonce)}"', f'uri="{uri}"']
    if quality:
        answer = hashed(secret, nonce, "00000001", client_nonce, quality, hashed(*action))
        fields += [f"qop={quality}", "nc=00000001", f'cnonce="{client_nonce}"']
    else:
        answer = hashed(secret, nonce, hashed(*action))
    fields += [f'response="{answer}"', f"algorithm={algorithm}"]
    if "opaque" in given:
        fields.append(f'opaque="{_quoted(given["opaque"])}"')
    return "Digest " + ", ".join(fields)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
