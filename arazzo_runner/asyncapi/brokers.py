"""The server of a step's messages (M19): the user's choice, else the first that the channel allows."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.asyncapi.access import BrokerAccess, access_to
from arazzo_runner.asyncapi.descriptions import AsyncDescription
from arazzo_runner.asyncapi.protocols import PROTOCOLS, bindings_for, protocol_of
from arazzo_runner.asyncapi.specs import BrokerSpec, ChannelSpec
from arazzo_runner.documents.near_names import did_you_mean
from arazzo_runner.effects import Broker
from arazzo_runner.errors import StepError, as_typed
from arazzo_runner.openapi.auth.credentials import Credentials
from arazzo_runner.openapi.request.servers import ServerOptions
from arazzo_runner.secrecy import cut

_VARIABLE = re.compile(r"\{([^{}]+)\}")


class ChosenBroker(Struct, frozen=True):
    """The server of a step's messages.

    Attributes:
        spec: the description's, by which security and bindings go.
        passed_over: the names of other servers that could have been taken and were not chosen by the user.
    """

    broker: Broker
    spec: BrokerSpec
    access: BrokerAccess
    passed_over: tuple[str, ...] = ()


def choose_broker(
    api: AsyncDescription, channel: ChannelSpec | None, options: ServerOptions, credentials: Credentials, *, source: str
) -> ChosenBroker:
    """Choose the server of a channel's messages.

    Args:
        source: the name by which the options know the description's source.

    Raises:
        StepError: ``message-server``: there is none, or the user names one that there is not; ``message-protocol``:
            its protocol is not one that messages can be exchanged over.
    """
    servers = api.servers
    allowed = [servers[name] for name in (channel.servers if channel else ()) if name in servers] or [*servers.values()]
    given = _given(options, source)
    spec: BrokerSpec
    if given is not None and "://" in given:
        spec = _like(given, allowed)
    elif given is not None:
        if given not in servers:
            message = f"the source {source!r} has no server {given!r}"
            raise StepError("message-server", message, hint=did_you_mean(given, list(servers), "servers"))
        spec = servers[given]
    elif allowed:
        supported = [one for one in allowed if one.protocol in PROTOCOLS]
        spec = (supported or allowed)[0]
    else:
        hint = f"say where the broker is: {as_typed('--server', f'{source}=mqtt://HOST:PORT')}"
        raise StepError("message-server", f"{api.document.path} names no server", hint=hint)
    protocol = protocol_of(spec.protocol, spec.version)
    if protocol is None:
        message = f"messages over {spec.protocol} cannot be exchanged here (the server {spec.name!r} of {source!r})"
        known = ", ".join(PROTOCOLS)
        raise StepError("message-protocol", message, hint=f"choose another server by --server; supported are {known}")
    access = access_to(spec, credentials)
    url = _reachable(_filled(spec, options, source), source)
    bindings = bindings_for(protocol, spec.bindings)
    broker = Broker(source, url, spec.protocol, spec.version, bindings, access.access)
    others = tuple(one.name for one in allowed if one is not spec) if given is None else ()
    return ChosenBroker(broker, spec, access, others)


def _given(options: ServerOptions, source: str) -> str | None:
    """The user's choice; one for all sources is meant for brokers when its scheme is one of theirs."""
    own = options.urls.get(source)
    if own is not None:
        return own
    shared = options.urls.get("", "")
    return shared if urlsplit(shared).scheme in PROTOCOLS else None


def _like(url: str, allowed: list[BrokerSpec]) -> BrokerSpec:
    """A server at another address, otherwise the one that is described for its protocol, or the first."""
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    if scheme in ("http", "https") and allowed:
        # A host and port alone, which the command line has given the scheme of most.
        return replace(allowed[0], url=f"{allowed[0].protocol}://{rest}")
    same = [one for one in allowed if one.protocol == scheme] or [
        one for one in allowed if protocol_of(one.protocol) is protocol_of(scheme)
    ]
    if same:
        return replace(same[0], url=url, protocol=scheme)
    return (
        BrokerSpec(url, url, scheme, security=allowed[0].security, schemes=allowed[0].schemes)
        if allowed
        else (BrokerSpec(url, url, scheme))
    )


def _reachable(url: str, source: str) -> str:
    """A URL that names a host, and a port from 0 to 65535 if any.

    Raises:
        StepError: ``message-server``: it does not.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None:
        scheme, _, rest = url.partition("://")
        shown = cut(f"{scheme}://{rest.rpartition('@')[2]}", 200)
        message = f"the server {shown} of {source!r} cannot be reached: its host or its port is malformed"
        hint = f"say where the broker is: {as_typed('--server', f'{source}={scheme}://HOST:PORT')}"
        raise StepError("message-server", message, hint=hint)
    return url


def _filled(spec: BrokerSpec, options: ServerOptions, source: str) -> str:
    """The URL of a server, its variables filled in.

    Raises:
        StepError: ``message-server``: a variable has no value, or one that the description does not allow.
    """

    def value_of(match: re.Match[str]) -> str:
        name = match[1]
        default, allowed = spec.variables.get(name, (None, ()))
        given = options.variable(source, name)
        value = default if given is None else given
        if value is None or (allowed and value not in allowed):
            what = "has no value" if value is None else f"is {value!r}; allowed are {', '.join(allowed)}"
            hint = f"give it one: {as_typed('--server-var', f'{source}.{name}=VALUE')}"
            raise StepError("message-server", f"the variable {name!r} of the server {spec.url} {what}", hint=hint)
        return value

    return _VARIABLE.sub(value_of, spec.url)
