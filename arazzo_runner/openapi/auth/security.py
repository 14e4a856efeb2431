"""Credentials: what the security schemes of an operation add to its request (H5).

What needs no exchange of its own is applied here: API keys, ``basic`` and ``bearer``, plain tokens for OAuth2 and
OpenID Connect. What does is named (``Need``), for whoever can make that exchange.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from msgspec import Struct

from arazzo_runner.errors import as_typed
from arazzo_runner.openapi.auth.credentials import Credential, Credentials, environment_variable
from arazzo_runner.openapi.operations import Operation, SchemeSpec
from arazzo_runner.openapi.request.parameters import SerializedParameters, header_text, with_cookies
from arazzo_runner.openapi.request.styles import encode

_BEARER = re.compile(r"bearer\s+(?=\S)", re.IGNORECASE)


class NeedKind(Enum):
    """The kind of exchange with a server that must happen before a scheme can be applied."""

    OAUTH2_TOKEN = "an OAuth2 token for a client or a user"
    OPENID_CONNECT_TOKEN = "a token from an OpenID Connect provider"
    DIGEST_ANSWER = "an answer to the server's digest challenge"


class Need(Struct, frozen=True):
    """A scheme whose credential is given, and which cannot be applied by it alone."""

    kind: NeedKind
    scheme: SchemeSpec
    credential: Credential
    scopes: tuple[str, ...] = ()


class Applied(Struct, frozen=True):
    """The additions of credentials to a request.

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

    def add_to(self, target: SerializedParameters) -> None:
        """Add headers, query, cookies and warnings to a request's.

        Raises:
            StepError: ``request-invalid``: a cookie or header would end itself and begin another.
        """
        target.headers += [(name, header_text(name, value)) for name, value in self.headers]
        target.headers = with_cookies(target.headers, self.cookies)
        added = [f"{encode(name)}={encode(value)}" for name, value in self.query]
        target.query = "&".join(part for part in (target.query, *added) if part)
        target.warnings += self.warnings


class _Slot(Struct, frozen=True):
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

    def is_filled(self, sent: SerializedParameters) -> bool:
        """Return whether the step itself already sends it."""
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


def _cookie_names(sent: SerializedParameters) -> Iterator[str]:
    for name, value in sent.headers:
        if name.lower() == "cookie":
            yield from (pair.partition("=")[0].strip() for pair in value.split(";"))


def apply_security(operation: Operation, credentials: Credentials, sent: SerializedParameters) -> Applied:
    """Return what to add to a request so that its operation's ``security`` is met (H5).

    The alternatives are tried in order; the first for which every scheme has a credential is applied. A scheme whose
    header, query parameter or cookie the step itself sends has all that it needs; nothing is added when that meets a
    whole alternative. A scheme that the description does not define is skipped, with a warning, when no alternative
    without such a scheme can be met.

    Args:
        sent: what the step itself sends.

    Returns:
        What to add. When no alternative can be met: nothing, and a warning that says what to type.
    """
    if not operation.security:
        return Applied()
    asked = alternatives_of(operation, credentials, sent)
    chosen = choose_alternative(asked)
    if chosen is not None:
        return chosen.applied()
    warnings = [*_undefined_warnings(operation, asked)]
    if any(alternative.missing for alternative in asked):
        warnings.append(_nothing_given(operation, asked))
    return Applied(warnings=tuple(warnings))


def filled_by(operation: Operation, credentials: Credentials) -> frozenset[tuple[str, str]]:
    """The locations and names, header names in lower case, that credentials fill when the step does not (H5)."""
    if not operation.security:
        return frozenset()
    chosen = choose_alternative(alternatives_of(operation, credentials, SerializedParameters("", "")))
    if chosen is None:
        return frozenset()
    definitions = [operation.schemes[name].definition for name in chosen.schemes if name in operation.schemes]
    slots = [slot for slot in map(_Slot.of, definitions) if slot is not None]
    return frozenset((s.location, s.name.lower() if s.location == "header" else s.name) for s in slots)


class CredentialStatus(Enum):
    """The status of the credential for a scheme."""

    SENT = "sent"
    """The step itself sends it."""
    GIVEN = "given"
    MISSING = "missing"
    UNDEFINED = "undefined"
    """The description asks for it and does not define it."""


class Alternative:
    """A Security Requirement Object, with what there is for each of its schemes.

    Attributes:
        schemes: the scopes by scheme.
        standings: what there is, by scheme.
        reasons: why the credential that is given does not fit, by scheme.
    """

    def __init__(
        self,
        operation: Operation,
        credentials: Credentials,
        sent: SerializedParameters,
        schemes: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.operation = operation
        self.schemes = schemes
        self.standings: dict[str, CredentialStatus] = {}
        self.reasons: dict[str, str] = {}
        self._additions: list[Applied] = []
        for name, scopes in schemes.items():
            self.standings[name] = self._standing(name, scopes, credentials, sent)

    def _standing(
        self, name: str, scopes: tuple[str, ...], credentials: Credentials, sent: SerializedParameters
    ) -> CredentialStatus:
        scheme = self.operation.schemes.get(name)
        if scheme is None:
            return CredentialStatus.UNDEFINED
        slot = _Slot.of(scheme.definition)
        if slot is not None and slot.is_filled(sent):
            return CredentialStatus.SENT
        credential = credentials.get(name)
        if scheme.definition.get("type") == "mutualTLS":
            addition = Applied() if credentials.certificate else f"{name} takes a client certificate (--client-cert)"
        elif credential is not None:
            addition = _apply(scheme, credential, scopes)
        else:
            return CredentialStatus.MISSING
        if isinstance(addition, str):
            self.reasons[name] = addition
            return CredentialStatus.MISSING
        self._additions.append(addition)
        return CredentialStatus.GIVEN

    def _of(self, standing: CredentialStatus) -> list[str]:
        return [name for name, found in self.standings.items() if found is standing]

    @property
    def missing(self) -> list[str]:
        """The schemes without a credential that fits."""
        return self._of(CredentialStatus.MISSING)

    @property
    def undefined(self) -> list[str]:
        """The schemes that the description does not define."""
        return self._of(CredentialStatus.UNDEFINED)

    @property
    def is_sent(self) -> bool:
        """Return whether the step itself sends all of it."""
        return bool(self.schemes) and len(self._of(CredentialStatus.SENT)) == len(self.schemes)

    def applied(self) -> Applied:
        """The additions to a request."""
        result = Applied(warnings=tuple(_undefined_warnings(self.operation, [self])))
        for addition in self._additions:
            result += addition
        return result


def alternatives_of(operation: Operation, credentials: Credentials, sent: SerializedParameters) -> list[Alternative]:
    """The alternatives of an operation's ``security``, in order."""
    return [Alternative(operation, credentials, sent, schemes) for schemes in operation.security]


def choose_alternative(asked: Sequence[Alternative]) -> Alternative | None:
    """The alternative that is applied, or None when none can be: see ``apply_security``."""
    for fits in (
        lambda alternative: alternative.is_sent,
        lambda alternative: not alternative.missing and not alternative.undefined,
        lambda alternative: not alternative.missing and len(alternative.undefined) < len(alternative.schemes),
    ):
        if (found := next(filter(fits, asked), None)) is not None:
            return found
    return None


def _undefined_warnings(operation: Operation, asked: Sequence[Alternative]) -> Iterator[str]:
    for name in dict.fromkeys(name for alternative in asked for name in alternative.undefined):
        yield f"{operation.label} asks for the security scheme {name!r}, which its description does not define; skipped"


def _nothing_given(operation: Operation, asked: Sequence[Alternative]) -> str:
    wanted = " or ".join(dict.fromkeys(" and ".join(item.missing) for item in asked if item.missing))
    missing = dict.fromkeys(name for alternative in asked for name in alternative.missing)
    first = [name for name in missing if operation.schemes[name].definition.get("type") != "mutualTLS"] or missing
    options = ", ".join(f"{as_typed('--auth', f'{name}=VALUE')} (or {environment_variable(name)})" for name in first)
    reasons = "".join(f"; {reason}" for alternative in asked for reason in alternative.reasons.values())
    return f"{operation.label} asks for credentials for {wanted}, and is sent without{reasons}; give them: {options}"


_Scheme: TypeAlias = Callable[[SchemeSpec, Credential, tuple[str, ...]], "Applied | str"]


def _apply(scheme: SchemeSpec, credential: Credential, scopes: tuple[str, ...]) -> Applied | str:
    """Apply a scheme, or return why its credential does not fit it."""
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
