"""Options that several verbs share, and what their values mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from arazzo_runner.errors import UsageError
from arazzo_runner.secrecy import MASK

Command = TypeVar("Command", bound=Callable[..., Any])

LONGEST = 100_000_000.0
"""Seconds: more than three years are a mistake, and more than a clock can wait."""


class Seconds(click.FloatRange):
    """A time in seconds that a clock can wait."""

    def __init__(self, *, zero: bool) -> None:
        super().__init__(min=0, min_open=not zero, max=LONGEST)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Refuse what is no time: ``nan`` compares with nothing."""
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is no time in seconds.", param, ctx)
        return seconds


TIME = Seconds(zero=False)
TIME_OR_NONE = Seconds(zero=True)


def _applied(command: Command, *options: Callable[[Any], Any]) -> Command:
    """A command with options, listed in ``--help`` in the order given."""
    for option in reversed(options):
        command = option(command)
    return command


def target_arguments(command: Command) -> Command:
    """``TARGET [WORKFLOW]`` and ``--workflows``: which workflow is meant."""
    return _applied(command, click.argument("target"), click.argument("workflow", required=False), workflows_option)


def workflows_option(command: Command) -> Command:
    """``--workflows``: where workflowIds are looked for."""
    return click.option(
        "--workflows",
        "directory",
        envvar="ARAZZO_WORKFLOWS",
        default="workflows",
        show_default=True,
        metavar="DIR",
        help="Where workflowIds are looked for.",
    )(command)


def input_option(command: Command) -> Command:
    """``--input`` (V8)."""
    return click.option(
        "-i",
        "--input",
        "inputs",
        multiple=True,
        metavar="INPUT",
        help="name=value, name=@file, a JSON or YAML file, a JSON object, or - for JSON on stdin. Later ones win; "
        "ARAZZO_INPUT_<name> in the environment is lowest.",
    )(command)


def server_options(command: Command) -> Command:
    """``--server`` and ``--server-var`` (H2)."""
    return _applied(
        command,
        click.option("--server", "server", multiple=True, metavar="[SOURCE=]URL", help="Send to this server."),
        click.option("--server-var", multiple=True, metavar="[SOURCE.]NAME=VALUE", help="Set a server variable."),
    )


def source_options(command: Command) -> Command:
    """``--source`` and ``--base-dir``: where source descriptions really are (H0)."""
    return _applied(
        command,
        click.option(
            "--source",
            "sources",
            multiple=True,
            metavar="NAME=PATH",
            help="Where a source description really is.",
        ),
        click.option("--base-dir", metavar="DIR", help="The root of relative source URLs."),
    )


def credential_options(command: Command) -> Command:
    """``--auth`` and ``--credentials`` (H5)."""
    return _applied(
        command,
        click.option(
            "--auth",
            multiple=True,
            metavar="SCHEME=VALUE",
            help="Credential for a security scheme: a token, user:password, id:secret or env:NAME. "
            "Also ARAZZO_AUTH_<SCHEME> in the environment.",
        ),
        click.option("--credentials", metavar="FILE", help="Credentials as YAML: scheme, then value or its parts."),
    )


def behaviour_options(command: Command) -> Command:
    """How a run behaves where the document leaves it to the user (``RunOptions``)."""
    return _applied(
        command,
        click.option("--strict", is_flag=True, help="Accept the specification's forms only."),
        click.option("--force", is_flag=True, help="Run although a condition cannot be parsed; it then fails."),
        click.option(
            "--poll-interval",
            type=TIME_OR_NONE,
            default=1.0,
            show_default=True,
            metavar="SECONDS",
            help="Wait before the same request is repeated by goto; 0 for none.",
        ),
        click.option(
            "--max-steps",
            type=click.IntRange(min=1),
            default=10_000,
            show_default=True,
            metavar="N",
            help="End the run after that many step attempts.",
        ),
        click.option("--timeout", type=TIME, metavar="SECONDS", help="End the run after that time."),
        click.option(
            "--max-retry-after",
            type=TIME_OR_NONE,
            default=300.0,
            show_default=True,
            metavar="SECONDS",
            help="The longest single wait, whoever asks for it.",
        ),
    )


def allow_host_option(command: Command) -> Command:
    """``--allow-host``: what may be reached beside what the command line and its documents name."""
    return click.option(
        "--allow-host",
        "allowed_hosts",
        multiple=True,
        metavar="HOST",
        help="A further host, without port, that requests and sources may reach, redirects' included. Without: those "
        "that the command line and its documents name.",
    )(command)


def transport_options(command: Command) -> Command:
    """How requests are sent (H6)."""
    return _applied(
        command,
        allow_host_option,
        click.option(
            "--follow-redirects", is_flag=True, help="Follow redirects, without credentials to another origin."
        ),
        click.option("--connect-timeout", type=TIME, default=10.0, show_default=True, metavar="SECONDS"),
        click.option("--read-timeout", type=TIME, default=60.0, show_default=True, metavar="SECONDS"),
        click.option(
            "--max-response-bytes", type=click.IntRange(min=1), default=64 * 1024 * 1024, show_default=True, metavar="N"
        ),
        click.option("--proxy", metavar="URL", help="Send everything through this proxy."),
        click.option("--ca-bundle", metavar="FILE", help="Authorities to trust instead of the usual ones (PEM)."),
        client_certificate_option,
        click.option("--insecure", is_flag=True, help="Do not verify TLS."),
        click.option("--http2", is_flag=True, help="Offer HTTP/2 to https servers."),
    )


def check_option(default: str) -> Callable[[Command], Command]:
    """``--check``: hold every exchange against OpenAPI."""
    return click.option(
        "--check",
        type=click.Choice(["off", "warn", "error"]),
        default=default,
        show_default=True,
        help="Hold every request and response against its description; error makes a breach a failure.",
    )


def cassettes_option(command: Command) -> Command:
    """``--cassettes``: where cases are kept."""
    return click.option(
        "--cassettes",
        envvar="ARAZZO_CASSETTES",
        default="cassettes",
        show_default=True,
        metavar="DIR",
        help="Where cases are kept, in a directory for each workflow.",
    )(command)


def client_certificate_option(command: Command) -> Command:
    """``--client-cert``: all that mutual TLS asks for (H5)."""
    return click.option("--client-cert", metavar="FILE", help="Client certificate and key (PEM), or CERT:KEY.")(command)


def journal_options(command: Command) -> Command:
    """``--journal`` and ``--journal-key``: where durable runs are kept."""
    return _applied(
        command,
        click.option(
            "--journal",
            envvar="ARAZZO_JOURNAL",
            metavar="PATH",
            help="The journal of durable runs.  [default: in the user's state directory]",
        ),
        click.option(
            "--journal-key",
            envvar="ARAZZO_JOURNAL_KEY",
            metavar="FILE",
            help="The key that its secrets are sealed with.  [default: in the user's data directory]",
        ),
    )


def _with_its_extra(_: click.Context, __: click.Parameter, engine: str | None) -> str | None:
    """The cluster, when the library for it is installed: before anything of any verb imports that.

    Raises:
        UsageError: it is not.
    """
    from importlib.util import find_spec

    if engine and find_spec("temporalio") is None:
        hint = "pip install 'arazzo-workflow-runner[temporal]'"
        raise UsageError("--engine needs the extra temporal", hint=hint)
    return engine


def engine_options(command: Command) -> Command:
    """``--engine``, its key and its store: a Temporal cluster that drives the runs."""
    return _applied(
        command,
        click.option(
            "--engine",
            envvar="ARAZZO_ENGINE",
            metavar="URL",
            callback=_with_its_extra,
            help="A Temporal cluster that drives the run: temporal://HOST:PORT/NAMESPACE.",
        ),
        click.option(
            "--engine-key",
            envvar="ARAZZO_ENGINE_KEY",
            metavar="FILE",
            help="The key that all that goes to the cluster is sealed with.  [default: in the user's data directory]",
        ),
        click.option(
            "--engine-store",
            envvar="ARAZZO_ENGINE_STORE",
            metavar="DIR",
            help="A directory that all workers share, for what is too large for the cluster.",
        ),
    )


def verbosity_options(command: Command) -> Command:
    """How much is shown on stderr."""
    return _applied(
        command,
        click.option("-q", "--quiet", is_flag=True, help="Show only the result."),
        click.option("-v", "--verbose", count=True, help="Show requests and responses; -vv their bodies too."),
    )


def pairs(words: Iterable[str], option: str, form: str) -> dict[str, str]:
    """``NAME=VALUE`` words as a mapping.

    Raises:
        UsageError: a word has another form.
    """
    result = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name or not value:
            raise UsageError(f"{option} {word!r}: expected {form}", hint=f"write {option} {form}")
        result[name] = value
    return result


def servers(words: Iterable[str]) -> dict[str, str]:
    """``--server [SOURCE=]URL`` by source; empty for all."""
    result = {}
    for word in words:
        source, equals, url = word.partition("=")
        if not equals or "://" in source:
            source, url = "", word
        if not url.startswith(("http://", "https://")):
            # What stands before an @ may be a password, whatever else is missing of a URL (S1).
            _, at, host = word.rpartition("@")
            shown = f"{MASK}@{host}" if at else word
            raise UsageError(f"--server {shown!r}: expected an http(s) URL", hint="write --server [SOURCE=]https://…")
        result[source] = url
    return result


def server_variables(words: Iterable[str]) -> dict[str, Mapping[str, str]]:
    """``--server-var [SOURCE.]NAME=VALUE`` by source and name; the source is empty for all."""
    result: dict[str, dict[str, str]] = {}
    for name, value in pairs(words, "--server-var", "[SOURCE.]NAME=VALUE").items():
        source, _, variable = name.rpartition(".")
        result.setdefault(source, {})[variable] = value
    return dict(result)


def hosts(words: Iterable[str]) -> frozenset[str]:
    """``--allow-host HOST``: names and addresses, without scheme, port or path.

    Raises:
        UsageError: a word is a URL or has a port.
    """
    for word in words:
        host = urlsplit(word if "://" in word else f"//{word}").hostname or ""
        is_address = word.count(":") > 1 and "/" not in word
        if not is_address and (not host or host != word.lower()):
            hint = f"write --allow-host {host or 'api.example.com'}"
            raise UsageError("--allow-host takes a host's name or address, without scheme, port or path", hint=hint)
    return frozenset(words)


def check_sources(sources: Iterable[str], known: Iterable[str], *, option: str = "--source") -> None:
    """Refuse an option for a source whose name the document does not have.

    Raises:
        UsageError: with the names that it has.
    """
    from arazzo_runner.cli.given.targets import nearest

    names = list(known)
    for name in sources:
        if name not in names:
            hint = nearest(name, names, "source descriptions")
            raise UsageError(f"{option} {name}=…: the document has no source description {name!r}", hint=hint)
