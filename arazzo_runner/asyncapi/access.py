"""Credentials for brokers, by the security schemes of their servers (M18, H5)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.asyncapi.specs import BrokerSpec
from arazzo_runner.effects import Access
from arazzo_runner.openapi.auth.credentials import Credential, Credentials

_PAIRS = frozenset({"userPassword", "plain", "scramSha256", "scramSha512"})
_MECHANISMS = frozenset({"plain", "scramSha256", "scramSha512"})
_CERTIFICATES = frozenset({"X509", "mutualTLS"})


class BrokerAccess(Struct, frozen=True):
    """The credentials of a server's connections.

    Attributes:
        scheme: the scheme that is met; empty when none is asked for, or none can be met.
        reasons: why each scheme cannot be met, by name.
    """

    access: Access
    scheme: str = ""
    reasons: Mapping[str, str] = {}


def access_to(server: BrokerSpec, credentials: Credentials) -> BrokerAccess:
    """The access that the first scheme gives for which there is a credential."""
    reasons: dict[str, str] = {}
    for name in server.security:
        definition = server.schemes.get(name, {})
        credential = credentials.get(name)
        if definition.get("type") in _CERTIFICATES:
            if credentials.certificate:
                return BrokerAccess(Access(), name)
            reasons[name] = "there is no client certificate"
        elif credential is None:
            reasons[name] = "there is no credential for it"
        elif (made := _access(definition, credential)) is None:
            reasons[name] = why_not(definition, credential)
        else:
            return BrokerAccess(made, name)
    return BrokerAccess(Access(), "", reasons)


def why_not(definition: Mapping[str, Any], credential: Credential) -> str:
    """Return why a credential does not fit a scheme."""
    kind = definition.get("type")
    if kind in _PAIRS and not credential.is_pair:
        return f"{kind} takes USER:PASSWORD"
    return f"schemes of the type {kind} are not supported" if kind else "the description does not define it"


def _access(definition: Mapping[str, Any], credential: Credential) -> Access | None:
    match definition:
        case {"type": str(kind)} if kind in _PAIRS and credential.is_pair:
            mechanism = kind if kind in _MECHANISMS else ""
            return Access(mechanism, credential.identity, credential.secret)
        case {"type": "apiKey", "in": "user"}:
            return Access(username=credential.token)
        case {"type": "apiKey", "in": "password"}:
            return Access(username=credential.identity or "", password=credential.secret or credential.token)
        case {"type": "httpApiKey" | "apiKey", "in": str(place), "name": str(name)} if credential.token is not None:
            return _placed(place, name, credential.token)
        case {"type": "http", "scheme": str(scheme)} if scheme.lower() == "basic" and credential.is_pair:
            pair = f"{credential.identity}:{credential.secret}".encode()
            access = _authorization(f"Basic {base64.b64encode(pair).decode()}")
            return replace(access, username=credential.identity, password=credential.secret)
        case {"type": "http" | "oauth2" | "openIdConnect"} if credential.token is not None:
            return replace(_authorization(f"Bearer {credential.token}"), mechanism="oauth2", token=credential.token)
        case _:
            return None


def _placed(place: str, name: str, value: str) -> Access | None:
    match place:
        case "header":
            return Access(token=value, headers=((name, value),))
        case "query":
            return Access(token=value, queries=((name, value),))
        case "cookie":
            return Access(token=value, headers=(("Cookie", f"{name}={value}"),))
        case _:
            return None


def _authorization(value: str) -> Access:
    return Access(headers=(("Authorization", value),))
