"""Tokens of OAuth 2 and OpenID Connect (H5): the requests that get them and what the answers mean. Pure, as ever.

The engine sends these requests by the same effects as a step's; this module says what to send, and reads the answer.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from math import isfinite
from typing import Any
from urllib.parse import quote, urlencode, urljoin

from msgspec import Struct

from arazzo_runner.documents.text.json_reader import json_value
from arazzo_runner.effects import Request, Response
from arazzo_runner.errors import StepError, as_typed
from arazzo_runner.openapi.auth.security import Need, NeedKind
from arazzo_runner.secrecy import shown

EARLY = 10.0
"""Seconds before its end from which a token is not used: it would expire on the way."""
DEFAULT_LIFETIME = 3600.0
"""How long a token is used whose answer does not say, in seconds; a 401 ends it before."""


class Token(Struct, frozen=True):
    """An access token.

    Attributes:
        value: a secret.
        expires_at: seconds since the epoch.
    """

    value: str
    expires_at: float = 0.0

    def __repr__(self) -> str:
        return shown(self, without=("value",))


class Endpoint(Struct, frozen=True):
    """The endpoint that a token comes from.

    Attributes:
        url: of the token endpoint, or of the discovery document that names it.
        discovery: whether it is the latter.
        grant: ``client_credentials`` or ``password``.
    """

    url: str
    discovery: bool
    grant: str


def token_key(source: str, need: Need) -> str:
    """Return the key of a token: one serves all operations that ask for the same scheme and scopes."""
    return " ".join([source, need.scheme.name, *sorted(need.scopes)])


def endpoint_of(need: Need, server: str) -> Endpoint:
    """Return the endpoint to ask for a token.

    Args:
        server: the base URL of the API, which relative URLs start from.

    Raises:
        StepError: ``authentication``: the description names no flow that a credential alone can run.
    """
    definition = need.scheme.definition
    if need.kind is NeedKind.OPENID_CONNECT_TOKEN:
        url = definition.get("openIdConnectUrl")
        if not isinstance(url, str) or not url:
            raise _impossible(need, "the description does not say where its provider is")
        return Endpoint(urljoin(f"{server}/", url), discovery=True, grant="client_credentials")
    flows = definition.get("flows")
    for name, grant in (("clientCredentials", "client_credentials"), ("password", "password")):
        flow = flows.get(name) if isinstance(flows, Mapping) else None
        if isinstance(flow, Mapping) and isinstance(flow.get("tokenUrl"), str):
            return Endpoint(urljoin(f"{server}/", flow["tokenUrl"]), discovery=False, grant=grant)
    known = ", ".join(flows) if isinstance(flows, Mapping) and flows else "none"
    raise _impossible(need, f"of its flows ({known}) none can be run with an id and a secret alone")


def _impossible(need: Need, why: str) -> StepError:
    return StepError(
        "authentication",
        f"no token for the scheme {need.scheme.name!r}: {why}",
        hint=f"give a token instead: {as_typed('--auth', f'{need.scheme.name}=TOKEN')}",
    )


def discovery_request(endpoint: Endpoint) -> Request:
    """The request for a provider's discovery document (OpenID Connect Discovery, section 4)."""
    return Request("GET", endpoint.url, (("Accept", "application/json"),))


def discovered(need: Need, response: Response) -> str:
    """The token endpoint that a discovery document names.

    Raises:
        StepError: ``authentication``: it names none.
    """
    data = _object(response)
    url = data.get("token_endpoint") if response.status == 200 else None
    if not isinstance(url, str):
        raise _refused(need, response, "the provider's discovery document names no token endpoint")
    return url


def token_request(need: Need, url: str, grant: str) -> Request:
    """The request for a token (RFC 6749, sections 4.3 and 4.4): the client's own credentials by HTTP basic."""
    credential = need.credential
    form = {"grant_type": grant}
    headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")]
    client = (credential.identity, credential.secret)
    if grant == "password":
        form |= {"username": credential.identity or "", "password": credential.secret or ""}
        client = (credential.client_id, credential.client_secret or "")
    if need.scopes:
        form["scope"] = " ".join(need.scopes)
    if client[0] is not None:
        pair = f"{quote(client[0], safe='')}:{quote(client[1] or '', safe='')}"
        headers.append(("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"))
    return Request("POST", url, tuple(headers), urlencode(form).encode())


def read_token(need: Need, response: Response, now: float) -> Token:
    """The token in an answer.

    Raises:
        StepError: ``authentication``: there is none; the server's words are shown.
    """
    data = _object(response)
    value = data.get("access_token")
    if response.status >= 400 or not isinstance(value, str) or not value:
        raise _refused(need, response, "the answer has no access token")
    lifetime = data.get("expires_in", DEFAULT_LIFETIME)
    try:
        seconds = float(lifetime)
    except (TypeError, ValueError, OverflowError):
        seconds = DEFAULT_LIFETIME
    if not isfinite(seconds):
        seconds = DEFAULT_LIFETIME
    return Token(value, now + max(0.0, seconds - EARLY))


def _object(response: Response) -> Mapping[str, Any]:
    try:
        data = json_value(response.body)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _refused(need: Need, response: Response, otherwise: str) -> StepError:
    data = _object(response)
    words = [str(data[name]) for name in ("error", "error_description") if data.get(name)]
    said = f"the server says: {': '.join(words)}" if words else otherwise
    return StepError(
        "authentication",
        f"no token for the scheme {need.scheme.name!r}: the status is {response.status}; {said}",
        hint=f"check {as_typed('--auth', f'{need.scheme.name}=ID:SECRET')}, or give a token: "
        f"{as_typed('--auth', f'{need.scheme.name}=TOKEN')}",
    )
