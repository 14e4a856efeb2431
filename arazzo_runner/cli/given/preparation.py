"""From the options that verbs share to what they name: a workbook, a plan, inputs, a transport's options."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from arazzo_runner.cli.given.targets import Target, find_target
from arazzo_runner.cli.given.words import check_sources, headers, hosts, pairs, server_variables, servers
from arazzo_runner.errors import ArazzoError, UsageError
from arazzo_runner.secrecy import SecretNames

if TYPE_CHECKING:
    from arazzo_runner.cli.given.inputs import InputOrigin
    from arazzo_runner.cli.given.options import (
        CertificateWords,
        CredentialWords,
        ExtraWords,
        HostWords,
        LiveWords,
        MessageWords,
        SecretWords,
        ServerWords,
        SourceWords,
        TargetWords,
        TransportWords,
    )
    from arazzo_runner.engine.plan import Plan, RunOptions
    from arazzo_runner.openapi.auth.credentials import Credentials
    from arazzo_runner.openapi.request.servers import ServerOptions
    from arazzo_runner.runtime.brokers.mailroom import KeptPlaces
    from arazzo_runner.runtime.drivers import World
    from arazzo_runner.runtime.http.options import TransportOptions
    from arazzo_runner.runtime.run.workbook import Workbook


def named_target(words: TargetWords) -> Target:
    """Find what ``TARGET [WORKFLOW]`` means.

    Raises:
        UsageError: it is unknown or means several.
    """
    return find_target(words.target, words.workflow, words.where.directory)


def given_sources(words: SourceWords) -> dict[str, str]:
    """Return where source descriptions really are, by name (H0).

    Raises:
        UsageError: a ``--source`` has another form.
    """
    return pairs(words.sources, "--source", "NAME=PATH")


def load_target(
    target: Target,
    sources: SourceWords,
    transport: TransportOptions,
    servers_words: ServerWords | None = None,
    extra: ExtraWords | None = None,
    messages: MessageWords | None = None,
) -> Workbook:
    """Load the target's document, its sources as the options say.

    Raises:
        UsageError: an option names a source that the document does not have.
        DocumentError: the document cannot be used.
    """
    from arazzo_runner.runtime.run.workbook import load

    named = given_sources(sources)
    workbook = load(target.document, sources=named, base_dir=sources.base_dir, transport=transport)
    described = workbook.description.source_descriptions
    if not any(source.type == "arazzo" for source in described):
        # A misspelt name must not send the user's token to another server than the intended one.
        names = [source.name for source in described]
        check_sources(named, names)
        if servers_words is not None:
            given = servers(servers_words.server)
            check_sources([name for name in given if name], names, option="--server")
            over_http = {source.name for source in described if source.type == "openapi"}
            for name, url in given.items():
                if "://" not in url and name in over_http:
                    raise UsageError(
                        f"--server {name}={url}: expected an http(s) URL", hint=f"write --server {name}=https://…"
                    )
            variables = server_variables(servers_words.server_var)
            check_sources([name for name in variables if name], names, option="--server-var")
        if messages is not None:
            check_sources(messages.consume, names, option="--consume")
        if extra is not None:
            added = [source for source, _, _ in headers(extra.headers) if source]
            check_sources(added, names, option="--header")
    return workbook


def load_live(words: LiveWords) -> tuple[Target, Workbook]:
    """Find and load what a live run is asked for.

    Raises:
        UsageError: it is unknown or means several, or an option names a source that the document does not have.
        DocumentError: the document cannot be used.
    """
    target = named_target(words.target)
    return target, load_target(target, words.sources, live_transport(words), words.servers, words.extra, words.messages)


def run_options(words: LiveWords) -> RunOptions:
    """Return the options of a run.

    Raises:
        UsageError: a server, a server variable or a credential is malformed.
    """
    from arazzo_runner.engine.plan import RunOptions

    behaviour = words.behaviour
    secret, not_secret = secret_names(words.secrets)
    return RunOptions(
        strict=behaviour.strict,
        force=behaviour.force,
        missing_output=behaviour.missing_output,
        expect=behaviour.expect,
        poll_interval=behaviour.poll_interval,
        max_steps=behaviour.max_steps,
        timeout=behaviour.timeout,
        max_retry_after=behaviour.max_retry_after,
        servers=given_servers(words.servers),
        credentials=given_credentials(words.credentials, words.transport.certificate),
        cookies=words.extra.cookies,
        headers=headers(words.extra.headers),
        secret=secret,
        not_secret=not_secret,
        receive=words.messages.receive,
        receive_timeout=words.messages.receive_timeout,
        from_earliest=words.messages.from_earliest,
        consume=words.messages.consume,
    )


def secret_names(words: SecretWords) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names that are a secret's, and those that are none, as the user says (S1).

    Raises:
        UsageError: a name is both secret and not.
    """
    if both := [name for name in words.secret if SecretNames(not_secret=words.not_secret).denies(name)]:
        raise UsageError(f"--secret {both[0]} and --not-secret contradict each other", hint="leave one of them out")
    return words.secret, words.not_secret


def given_servers(words: ServerWords) -> ServerOptions:
    """Return where the APIs are, instead of where their descriptions say (H2).

    Raises:
        UsageError: a server or a server variable is malformed.
    """
    from arazzo_runner.openapi.request.servers import ServerOptions

    return ServerOptions(servers(words.server), server_variables(words.server_var))


def named_servers(words: ServerWords) -> list[str]:
    """Return the servers' URLs, each of which may be reached."""
    return list(servers(words.server).values())


def given_credentials(words: CredentialWords, certificate: CertificateWords) -> Credentials:
    """Gather the credentials of the command line, its file and the environment (H5).

    Raises:
        UsageError: one is malformed, or cannot be read.
    """
    from arazzo_runner.cli.given.credentials import gather_credentials

    return gather_credentials(words.auth, words.credentials, os.environ, certificate=bool(certificate.client_cert))


def unknown_names(workbook: Workbook, plan: Plan) -> list[str]:
    """Warnings about names in the options that a plan has no use for: of security schemes and of server variables.

    Raises:
        UsageError: ``--auth`` names a scheme that no source has.
    """
    return [*unknown_schemes(workbook, [plan], plan.options.credentials), *_unknown_variables(plan)]


def unknown_schemes(workbook: Workbook, plans: Iterable[Plan], given: Credentials) -> list[str]:
    """Warnings about credentials for schemes that no description of the document has: a file may be for many documents.

    Raises:
        UsageError: ``--auth`` gives one, which can only be a mistake.
    """
    from arazzo_runner.documents.near_names import did_you_mean
    from arazzo_runner.engine.demands.required_credentials import scheme_names

    known = {name for plan in plans for name in scheme_names(plan)}
    if known.issuperset(given.by_scheme):
        return []
    others, all_read = _other_schemes(workbook)
    known |= others
    warnings = []
    for name, credential in given.by_scheme.items():
        if name in known:
            continue
        hint = did_you_mean(name, sorted(known), "security schemes")
        message = f"no source of {workbook.description.document.path} has a security scheme {name!r}"
        if credential.origin == "--auth" and all_read:
            raise UsageError(f"--auth {name}=…: {message}", hint=hint)
        warnings.append(f"{credential.origin}: {message}; {hint}")
    return warnings


def _other_schemes(workbook: Workbook) -> tuple[set[str], bool]:
    """The schemes of sources that a plan may not have used, and whether all of them could be read."""
    from arazzo_runner.engine.demands.required_credentials import broker_schemes, defined_schemes

    found: set[str] = set()
    all_read = True
    for source in workbook.description.source_descriptions:
        try:
            if workbook.linker.kind(workbook.description, source.name) == "asyncapi":
                found |= broker_schemes(workbook.linker.messages.api(workbook.description, source.name))
            else:
                found |= defined_schemes(workbook.linker.api(workbook.description, source.name))
        except ArazzoError:
            all_read = False
    return found, all_read


def _unknown_variables(plan: Plan) -> list[str]:
    """Warnings about server variables that no server of the plan's operations has: another workflow's may have them."""
    from arazzo_runner.documents.near_names import did_you_mean
    from arazzo_runner.engine.demands.reachable_urls import server_variables_of

    known = server_variables_of(plan)
    warnings = []
    for source, values in plan.options.servers.variables.items():
        there = sorted(known.get(source, ()))
        for name in values:
            if name not in there:
                word = f"{source}.{name}" if source else name
                hint = did_you_mean(name, there, "server variables")
                warnings.append(f"--server-var {word}=…: no server that is used has a variable {name!r}; {hint}")
    return warnings


def given_inputs(plan: Plan, words: Iterable[str]) -> dict[str, Any]:
    """Read the inputs that the command line and the environment give (V8).

    Raises:
        UsageError: one cannot be read.
    """
    return traced_inputs(plan, words)[0]


def traced_inputs(plan: Plan, words: Iterable[str]) -> tuple[dict[str, Any], dict[str, InputOrigin]]:
    """Read the inputs, and return with them where each came from.

    Raises:
        UsageError: one cannot be read.
    """
    from arazzo_runner.cli.given.inputs import trace_inputs

    names = plan.options.secret_names
    return trace_inputs(plan.workflow.input_schema, tuple(words), os.environ, sys.stdin, names)


def fetching_options(words: HostWords) -> TransportOptions:
    """Return how documents are fetched by verbs that send no request.

    Raises:
        UsageError: ``--allow-host`` gives no host.
    """
    from arazzo_runner.runtime.http.options import TransportOptions

    return TransportOptions(allowed_hosts=hosts(words.allowed_hosts))


def transport_options(words: TransportWords) -> TransportOptions:
    """Return how documents are fetched and requests are sent.

    Raises:
        UsageError: ``--allow-host`` gives no host.
    """
    from arazzo_runner.runtime.http.options import TransportOptions

    return TransportOptions(
        connect_timeout=words.connect_timeout,
        read_timeout=words.read_timeout,
        max_response_bytes=words.max_response_bytes,
        follow_redirects=words.follow_redirects,
        proxy=words.proxy,
        ca_bundle=words.ca_bundle,
        client_cert=words.certificate.client_cert,
        insecure=words.insecure,
        http2=words.http2,
        allowed_hosts=hosts(words.hosts.allowed_hosts),
    )


def live_transport(words: LiveWords) -> TransportOptions:
    """Return the transport of a live run, which may reach every host that the command line names.

    Hosts that documents name are added when they are known.

    Raises:
        UsageError: ``--allow-host`` gives no host, or a server or source is malformed.
    """
    typed = (word.partition("=")[2] for word in words.given.inputs)
    urls = [value for value in typed if value.startswith(("http://", "https://"))]
    named = [words.target.target, *urls, *named_servers(words.servers), *given_sources(words.sources).values()]
    return transport_options(words.transport).naming(*named)


@contextmanager
def open_world(plan: Plan, transport: TransportOptions, kept: KeptPlaces | None = None) -> Iterator[World]:
    """The client of a run: it reaches the hosts that the plan's documents name, too.

    Args:
        kept: of a run that continues in later processes (M20).

    Raises:
        UsageError: an option cannot be used.
    """
    from arazzo_runner.runtime.http.transport import open_transport
    from arazzo_runner.runtime.run.carriers import messaging

    options = reaching(plan, transport)
    with open_transport(options) as client, messaging(plan, client, options, kept) as world:
        yield world


def reaching(plan: Plan, transport: TransportOptions) -> TransportOptions:
    """The options with the hosts that the plan's documents name among those that may be reached."""
    from arazzo_runner.engine.demands.reachable_urls import destinations

    return transport.naming(*destinations(plan))
