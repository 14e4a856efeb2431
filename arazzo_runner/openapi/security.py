"""Credentials: what the security schemes of an operation add to its request (H5).

What needs no exchange of its own is applied here: API keys, ``basic`` and ``bearer``, plain tokens for OAuth2 and
OpenID Connect. What does is named (``Need``), for whoever can make that exchange.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from arazzo_runner.openapi.operations import Operation, SchemeSpec
from arazzo_runner.openapi.serialize import Target, header_text, with_cookies
from arazzo_runner.openapi.styles import encode

_BEARER = re.compile(r"bearer\s+(?=\S)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Credential:
    """What the user gives for a scheme: a token, a pair, or a text that the scheme decides to read as one of them.

    Nothing of it is shown: what looks like a user's name may be half of a key.

    Attributes:
        token: an API key or token.
        identity: a user's name or a client's id.
        secret: the password or client secret.
        client_id, client_secret: of the client on whose behalf a user's password is sent (OAuth 2's password flow).
    """

    token: str | None = field(default=None, repr=False)
    identity: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    client_id: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)

    @property
    def is_pair(self) -> bool:
        """Whether it has both halves of a pair."""
        return self.identity is not None and self.secret is not None


def parse_credential(text: str) -> Credential:
    """A credential as it is typed: ``TOKEN``, ``USER:PASSWORD`` or ``ID:SECRET``.

    The scheme decides which it is: the text of a pair is kept as a token too, since API keys may contain colons.
    """
    token = text.strip()
    identity, colon, secret = token.partition(":")
    return Credential(token, identity, secret) if colon else Credential(token)


def environment_variable(scheme: str) -> str:
    """The variable that holds a scheme's credential: upper case, ``_`` for what is no ASCII letter or digit."""
    return "ARAZZO_AUTH_" + re.sub(r"[^A-Z0-9]", "_", scheme.upper())


@dataclass(frozen=True, slots=True)
class Credentials:
    """Credentials by scheme name.

    Attributes:
        by_scheme: given by name (``--auth``, a credentials file); they come first.
        by_variable: given by environment variable, the key its whole name.
        certificate: whether the transport has a client certificate, which is all that mutual TLS asks for.
    """

    by_scheme: Mapping[str, Credential] = field(default_factory=dict)
    by_variable: Mapping[str, Credential] = field(default_factory=dict)
    certificate: bool = False

    def get(self, scheme: str) -> Credential | None:
        """The credential for a scheme, or None."""
        return self.by_scheme.get(scheme) or self.by_variable.get(environment_variable(scheme))

    def secrets(self) -> Iterator[str]:
        """Every value that nothing may show (S1)."""
        for credential in (*self.by_scheme.values(), *self.by_variable.values()):
            # Of a pair the token is its text as a whole; who somebody is says less than it would hide.
            given = (credential.token, credential.secret, credential.client_secret)
            yield from (value for value in given if value is not None)


class NeedKind(Enum):
    """What must be exchanged with a server before a scheme can be applied."""

    OAUTH2_TOKEN = "an OAuth2 token for a client or a user"
    OPENID_CONNECT_TOKEN = "a token from an OpenID Connect provider"
    DIGEST_ANSWER = "an answer to the server's digest challenge"


@dataclass(frozen=True, slots=True)
class Need:
    """A scheme whose credential is given, and which cannot be applied by it alone."""

    kind: NeedKind
    scheme: SchemeSpec
    credential: Credential
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """What credentials add to a request.

    Attributes:
        headers: header fields to add.
        query: pairs to add, not encoded yet.
        cookies: pairs to add.
        needs: what must be done first, for schemes that take more than their credential.
        warnings: what could not be applied, a sentence each; no secrets in them.
        secrets: every secret value in what was applied, in every form that it is sent in (S1).
    """

    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    cookies: tuple[tuple[str, str], ...] = ()
    needs: tuple[Need, ...] = ()
    warnings: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()

    def __add__(self, other: Applied) -> Applied:
        return Applied(
            self.headers + other.headers,
            self.query + other.query,
            self.cookies + other.cookies,
            self.needs + other.needs,
            self.warnings + other.warnings,
            self.secrets + other.secrets,
        )

    def add_to(self, target: Target) -> None:
        """Add headers, query, cookies and warnings to a request's.

        Raises:
            StepError: ``request-invalid``: a cookie or header would end itself and begin another.
        """
        target.headers += [(name, header_text(name, value)) for name, value in self.headers]
        target.headers = with_cookies(target.headers, self.cookies)
        added = [f"{encode(name)}={encode(value)}" for name, value in self.query]
        target.query = "&".join(part for part in (target.query, *added) if part)
        target.warnings += self.warnings


@dataclass(frozen=True, slots=True)
class _Slot:
    """The place in a request that a scheme fills; None for one outside of it."""

    location: str
    name: str

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> _Slot | None:
        match definition:
            case {"type": "apiKey", "in": str(location), "name": str(name)}:
                return cls(location, name)
            case {"type": "http" | "oauth2" | "openIdConnect"}:
                return cls("header", "Authorization")
            case _:
                return None

    def is_filled(self, sent: Target) -> bool:
        """Whether the step itself already sends it."""
        match self.location:
            case "header":
                return any(name.lower() == self.name.lower() for name, _ in sent.headers)
            case "query":
                return any(name == self.name for name, _ in parse_qsl(sent.query, keep_blank_values=True))
            case "cookie":
                return self.name in set(_cookie_names(sent))
            case _:
                return False

    def fill(self, value: str) -> Applied:
        pair = ((self.name, value),)
        match self.location:
            case "query":
                return Applied(query=pair)
            case "cookie":
                return Applied(cookies=pair)
            case _:
                return Applied(headers=pair)


def _cookie_names(sent: Target) -> Iterator[str]:
    for name, value in sent.headers:
        if name.lower() == "cookie":
            yield from (pair.partition("=")[0].strip() for pair in value.split(";"))


def apply_security(operation: Operation, credentials: Credentials, sent: Target) -> Applied:
    """What to add to a request so that its operation's ``security`` is met (H5).

    The alternatives are tried in order; the first for which every scheme has a credential is applied. A scheme whose
    header, query parameter or cookie the step itself sends has all that it needs; nothing is added when that meets a
    whole alternative. A scheme that the description does not define is skipped, with a warning, when no alternative
    without such a scheme can be met.

    Args:
        sent: what the step itself sends.

    Returns:
        What to add. When no alternative can be met: nothing, and a warning that says what to type.
    """
    asked = [_Alternative(operation, credentials, sent, schemes) for schemes in operation.security]
    if not asked or any(alternative.is_sent for alternative in asked):
        return Applied()
    for alternative in asked:
        if not alternative.missing and not alternative.undefined:
            return alternative.applied()
    for alternative in asked:
        if not alternative.missing and len(alternative.undefined) < len(alternative.names):
            return alternative.applied()
    warnings = [*_undefined_warnings(operation, asked)]
    if any(alternative.missing for alternative in asked):
        warnings.append(_nothing_given(operation, asked))
    return Applied(warnings=tuple(warnings))


class _Alternative:
    """A Security Requirement Object, with what there is for each of its schemes."""

    def __init__(
        self,
        operation: Operation,
        credentials: Credentials,
        sent: Target,
        schemes: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.operation = operation
        self.names = tuple(schemes)
        self.undefined = [name for name in schemes if name not in operation.schemes]
        self.missing: list[str] = []
        self.reasons: list[str] = []
        self._additions: list[Applied] = []
        filled = []
        for name, scopes in schemes.items():
            if name in self.undefined:
                continue
            scheme = operation.schemes[name]
            slot = _Slot.of(scheme.definition)
            if slot is not None and slot.is_filled(sent):
                filled.append(name)
                continue
            credential = credentials.get(name)
            addition: Applied | str | None = None
            if scheme.definition.get("type") == "mutualTLS":
                addition = (
                    Applied() if credentials.certificate else f"{name} takes a client certificate (--client-cert)"
                )
            elif credential is not None:
                addition = _apply(scheme, credential, scopes)
            if isinstance(addition, Applied):
                self._additions.append(addition)
            else:
                self.missing.append(name)
                self.reasons += [addition] if addition else []
        self.is_sent = bool(schemes) and filled == list(schemes)

    def applied(self) -> Applied:
        result = Applied(warnings=tuple(_undefined_warnings(self.operation, [self])))
        for addition in self._additions:
            result += addition
        return result


def _undefined_warnings(operation: Operation, asked: list[_Alternative]) -> Iterator[str]:
    for name in dict.fromkeys(name for alternative in asked for name in alternative.undefined):
        yield f"{operation.label} asks for the security scheme {name!r}, which its description does not define; skipped"


def _nothing_given(operation: Operation, asked: list[_Alternative]) -> str:
    wanted = " or ".join(dict.fromkeys(" and ".join(item.missing) for item in asked if item.missing))
    missing = dict.fromkeys(name for alternative in asked for name in alternative.missing)
    first = [name for name in missing if operation.schemes[name].definition.get("type") != "mutualTLS"] or missing
    options = ", ".join(f"--auth {name}=VALUE (or {environment_variable(name)})" for name in first)
    reasons = "".join(f"; {reason}" for alternative in asked for reason in alternative.reasons)
    return f"{operation.label} asks for credentials for {wanted}, and is sent without{reasons}; give them: {options}"


_Scheme: TypeAlias = Callable[[SchemeSpec, Credential, tuple[str, ...]], "Applied | str"]


def _apply(scheme: SchemeSpec, credential: Credential, scopes: tuple[str, ...]) -> Applied | str:
    """What a scheme adds, or why its credential does not fit it."""
    apply = _SCHEMES.get(str(scheme.definition.get("type")))
    if apply is None:
        return f"{scheme.name} is of an unknown type {scheme.definition.get('type')!r}"
    return apply(scheme, credential, scopes)


def _api_key(scheme: SchemeSpec, credential: Credential, _scopes: tuple[str, ...]) -> Applied | str:
    slot = _Slot.of(scheme.definition)
    if slot is None or slot.location not in ("header", "query", "cookie"):
        return f"{scheme.name} does not say in which header, query parameter or cookie its key goes"
    if not credential.token:
        return f"{scheme.name} takes a key, not a pair"
    return slot.fill(credential.token) + Applied(secrets=(credential.token,))


def _http(scheme: SchemeSpec, credential: Credential, scopes: tuple[str, ...]) -> Applied | str:
    word = str(scheme.definition.get("scheme", "")).lower()
    match word:
        case "basic":
            if not credential.is_pair:
                return f"{scheme.name} takes USER:PASSWORD"
            return _basic(credential)
        case "digest":
            if not credential.is_pair:
                return f"{scheme.name} takes USER:PASSWORD"
            return _needs(NeedKind.DIGEST_ANSWER, scheme, credential, scopes)
        case "bearer":
            return _bearer(scheme, credential)
        case _:
            return f"{scheme.name} is of the http scheme {word!r}, which is not known"


def _basic(credential: Credential) -> Applied:
    pair = f"{credential.identity}:{credential.secret}"
    encoded = base64.b64encode(pair.encode()).decode()
    header = ("Authorization", f"Basic {encoded}")
    secrets = tuple(secret for secret in (credential.secret, pair, encoded) if secret)
    return Applied(headers=(header,), secrets=secrets)


def _bearer(scheme: SchemeSpec, credential: Credential) -> Applied | str:
    if not credential.token:
        return f"{scheme.name} takes a token, not a pair"
    # The word is often copied with the token.
    token = _BEARER.sub("", credential.token, count=1)
    return Applied(headers=(("Authorization", f"Bearer {token}"),), secrets=(token,))


def _token_or_flow(kind: NeedKind) -> _Scheme:
    def apply(scheme: SchemeSpec, credential: Credential, scopes: tuple[str, ...]) -> Applied | str:
        if credential.is_pair and not _BEARER.match(credential.token or ""):
            return _needs(kind, scheme, credential, scopes)
        return _bearer(scheme, credential)

    return apply


def _needs(kind: NeedKind, scheme: SchemeSpec, credential: Credential, scopes: tuple[str, ...]) -> Applied:
    secrets = tuple(secret for secret in (credential.secret, credential.token) if secret)
    return Applied(needs=(Need(kind, scheme, credential, scopes),), secrets=secrets)


_SCHEMES: Mapping[str, _Scheme] = {
    "apiKey": _api_key,
    "http": _http,
    "oauth2": _token_or_flow(NeedKind.OAUTH2_TOKEN),
    "openIdConnect": _token_or_flow(NeedKind.OPENID_CONNECT_TOKEN),
}
"""By ``type``: what a scheme adds, or a sentence that says why its credential does not fit."""
