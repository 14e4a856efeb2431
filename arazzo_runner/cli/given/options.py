"""The options that several verbs share, in groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from arazzo_runner.cli.given.option_groups import OptionGroup, argument, completed_by, group, option
from arazzo_runner.cli.given.times import TIME, TIME_OR_NONE
from arazzo_runner.errors import UsageError

if TYPE_CHECKING:
    from arazzo_runner.engine.plan import Level


def _with_its_extra(_: click.Context, __: click.Parameter, engine: str | None) -> str | None:
    """Check that the library for a cluster is installed, before a verb imports anything of it.

    Raises:
        UsageError: it is not.
    """
    from importlib.util import find_spec

    if engine and find_spec("temporalio") is None:
        hint = "pip install 'arazzo-workflow-runner[temporal]'"
        raise UsageError("--engine needs the extra temporal", hint=hint)
    return engine


def check_option(default: Level) -> Any:
    """Declare ``--check``: exchanges checked against OpenAPI."""
    return option(
        "--check",
        type=click.Choice(["off", "warn", "error"]),
        default=default,
        show_default=True,
        help="Check every request and response against its description; error makes a breach a failure.",
    )


def concurrency_option(what: str) -> Any:
    """Declare ``--concurrency``."""
    return option("--concurrency", type=click.IntRange(min=1), default=10, show_default=True, metavar="N", help=what)


def cassettes_option() -> Any:
    """Declare ``--cassettes``: where cases are stored."""
    return option(
        "--cassettes",
        envvar="ARAZZO_CASSETTES",
        default="cassettes",
        show_default=True,
        metavar="DIR",
        help="Where cases are stored, in a directory for each workflow.",
    )


def json_option(what: str) -> Any:
    """Declare ``--json``."""
    return option("--json", is_flag=True, help=what)


class DirectoryWords(OptionGroup, frozen=True, kw_only=True):
    """The directory in which workflowIds are looked for."""

    directory: str = option(
        "--workflows",
        envvar="ARAZZO_WORKFLOWS",
        default="workflows",
        show_default=True,
        metavar="DIR",
        help="Where workflowIds are looked for.",
    )


class TargetWords(OptionGroup, frozen=True, kw_only=True):
    """``TARGET [WORKFLOW]``: the workflow to use."""

    target: str = argument(shell_complete=completed_by("targets"))
    workflow: str | None = argument(required=False, shell_complete=completed_by("workflows"))
    where: DirectoryWords = group(DirectoryWords)


class InputWords(OptionGroup, frozen=True, kw_only=True):
    """The workflow's inputs (V8)."""

    inputs: tuple[str, ...] = option(
        "-i",
        "--input",
        multiple=True,
        metavar="INPUT",
        help="name=value, name=@file, a JSON or YAML file, a JSON object, or - for JSON on stdin. Later ones win; "
        "ARAZZO_INPUT_<name> in the environment is lowest.",
    )


class ServerWords(OptionGroup, frozen=True, kw_only=True):
    """The servers of the APIs (H2)."""

    title = "Servers and sources"

    server: tuple[str, ...] = option(
        "--server",
        multiple=True,
        metavar="[SOURCE=]URL",
        help="Send to this server; of a source of messages its name or URL.",
    )
    server_var: tuple[str, ...] = option(
        "--server-var", multiple=True, metavar="[SOURCE.]NAME=VALUE", help="Set a server variable."
    )


class SourceWords(OptionGroup, frozen=True, kw_only=True):
    """The real places of source descriptions (H0)."""

    title = "Servers and sources"

    sources: tuple[str, ...] = option(
        "--source", multiple=True, metavar="NAME=PATH", help="Where a source description really is."
    )
    base_dir: str | None = option("--base-dir", metavar="DIR", help="The root of relative source URLs.")


class CredentialWords(OptionGroup, frozen=True, kw_only=True):
    """The credentials that operations ask for (H5)."""

    title = "Credentials"

    auth: tuple[str, ...] = option(
        "--auth",
        multiple=True,
        metavar="SCHEME=VALUE",
        help="Credential for a security scheme: a token, user:password, id:secret or env:NAME. "
        "Also ARAZZO_AUTH_<SCHEME> in the environment.",
    )
    credentials: str | None = option(
        "--credentials", metavar="FILE", help="Credentials as YAML: scheme, then value or its parts."
    )


class SecretWords(OptionGroup, frozen=True, kw_only=True):
    """The names whose values are masked, beside those that say so themselves (S1)."""

    title = "Secrets"

    secret: tuple[str, ...] = option(
        "--secret",
        multiple=True,
        metavar="NAME",
        help="Mask the values of this name too: of inputs, members, headers, query parameters.",
    )
    not_secret: tuple[str, ...] = option(
        "--not-secret", multiple=True, metavar="NAME", help="Show the values of this name, although it sounds secret."
    )


class CertificateWords(OptionGroup, frozen=True, kw_only=True):
    """The certificate for mutual TLS (H5)."""

    title = "Credentials"

    client_cert: str | None = option(
        "--client-cert", metavar="FILE", help="Client certificate and key (PEM), or CERT:KEY."
    )


class BehaviourWords(OptionGroup, frozen=True, kw_only=True):
    """The behavior of a run where the document leaves it to the user (``RunOptions``)."""

    title = "Behavior"

    strict: bool = option("--strict", is_flag=True, help="Accept the specification's forms only.")
    force: bool = option("--force", is_flag=True, help="Run although a condition cannot be parsed; it then fails.")
    missing_output: Literal["warn", "error"] = option(
        "--missing-output",
        type=click.Choice(["warn", "error"]),
        default="warn",
        show_default=True,
        help="Where a step's output is missing: report it, or end the run as failed.",
    )
    expect: tuple[str, ...] = option(
        "--expect",
        multiple=True,
        metavar="CONDITION",
        help="A condition on $outputs and $inputs that must hold when the workflow has succeeded, else the run fails.",
    )
    poll_interval: float = option(
        "--poll-interval",
        type=TIME_OR_NONE,
        default=1.0,
        show_default=True,
        metavar="SECONDS",
        help="Wait before goto repeats the same request; 0 for none.",
    )
    max_steps: int = option(
        "--max-steps",
        type=click.IntRange(min=1),
        default=10_000,
        show_default=True,
        metavar="N",
        help="End the run after that many step attempts.",
    )
    timeout: float | None = option("--timeout", type=TIME, metavar="SECONDS", help="End the run after that time.")
    max_retry_after: float = option(
        "--max-retry-after",
        type=TIME_OR_NONE,
        default=300.0,
        show_default=True,
        metavar="SECONDS",
        help="The longest single wait, whoever asks for it.",
    )


class MessageWords(OptionGroup, frozen=True, kw_only=True):
    """Messages over brokers, as far as documents leave them to the user (M5, M9, M10, M17)."""

    title = "Messages"

    receive: Literal["first", "until-pass"] = option(
        "--receive",
        type=click.Choice(["first", "until-pass"]),
        default="first",
        show_default=True,
        help="Take the first message that matches, or wait on until the step's criteria pass.",
    )
    receive_timeout: float = option(
        "--receive-timeout",
        type=TIME,
        default=30.0,
        show_default=True,
        metavar="SECONDS",
        help="Wait that long for a message where the step has no timeout.",
    )
    from_earliest: bool = option(
        "--from-earliest", is_flag=True, help="Read logs of messages (Kafka) from their beginning."
    )
    consume: tuple[str, ...] = option(
        "--consume",
        multiple=True,
        metavar="SOURCE",
        help="Read this source's messages also where that takes them away from others (a queue of AMQP).",
    )


class ExtraWords(OptionGroup, frozen=True, kw_only=True):
    """Additions to requests that no document names (H6)."""

    title = "Transport"

    cookies: bool = option("--cookies", is_flag=True, help="Keep the cookies that answers set, and send them back.")
    headers: tuple[str, ...] = option(
        "--header",
        multiple=True,
        metavar="[SOURCE=]NAME:VALUE",
        help="Send a header field that neither the document nor the description has.",
    )


class HostWords(OptionGroup, frozen=True, kw_only=True):
    """The hosts that may be reached beside those that the command line and its documents name."""

    title = "Transport"

    allowed_hosts: tuple[str, ...] = option(
        "--allow-host",
        multiple=True,
        metavar="HOST",
        help="A further host, without port, that requests and sources may reach, redirects' included. Without: those "
        "that the command line and its documents name.",
    )


class TransportWords(OptionGroup, frozen=True, kw_only=True):
    """The transport of requests (H6)."""

    title = "Transport"

    hosts: HostWords = group(HostWords)
    follow_redirects: bool = option(
        "--follow-redirects", is_flag=True, help="Follow redirects, without credentials to another origin."
    )
    connect_timeout: float = option(
        "--connect-timeout", type=TIME, default=10.0, show_default=True, metavar="SECONDS", help="To connect."
    )
    read_timeout: float = option(
        "--read-timeout", type=TIME, default=60.0, show_default=True, metavar="SECONDS", help="To read an answer."
    )
    max_response_bytes: int = option(
        "--max-response-bytes",
        type=click.IntRange(min=1),
        default=64 * 1024 * 1024,
        show_default=True,
        metavar="N",
        help="The longest body of an answer.",
    )
    proxy: str | None = option("--proxy", metavar="URL", help="Send everything through this proxy.")
    ca_bundle: str | None = option(
        "--ca-bundle", metavar="FILE", help="Authorities to trust instead of the usual ones (PEM)."
    )
    certificate: CertificateWords = group(CertificateWords)
    insecure: bool = option("--insecure", is_flag=True, help="Do not verify TLS.")
    http2: bool = option("--http2", is_flag=True, help="Offer HTTP/2 to https servers.")


class LiveWords(OptionGroup, frozen=True, kw_only=True):
    """All that a run against servers needs to know."""

    target: TargetWords = group(TargetWords)
    given: InputWords = group(InputWords)
    servers: ServerWords = group(ServerWords)
    sources: SourceWords = group(SourceWords)
    credentials: CredentialWords = group(CredentialWords)
    secrets: SecretWords = group(SecretWords)
    behaviour: BehaviourWords = group(BehaviourWords)
    messages: MessageWords = group(MessageWords)
    extra: ExtraWords = group(ExtraWords)
    transport: TransportWords = group(TransportWords)


class JournalWords(OptionGroup, frozen=True, kw_only=True):
    """The journal of durable runs."""

    title = "Durable runs"

    journal: str | None = option(
        "--journal",
        envvar="ARAZZO_JOURNAL",
        metavar="PATH",
        help="The journal of durable runs.  [default: in the user's state directory]",
    )
    journal_key: str | None = option(
        "--journal-key",
        envvar="ARAZZO_JOURNAL_KEY",
        metavar="FILE",
        help="The key that its secrets are sealed with.  [default: in the user's data directory]",
    )
    trust_journal: bool = option(
        "--trust-journal",
        is_flag=True,
        help="Use a journal that has lost turns as it is: what it has forgotten may be sent again.",
    )

    def or_else(self, other: JournalWords) -> JournalWords:
        """These words, those that are missing taken from others."""
        return JournalWords(
            journal=self.journal or other.journal,
            journal_key=self.journal_key or other.journal_key,
            trust_journal=self.trust_journal or other.trust_journal,
        )


class EngineWords(OptionGroup, frozen=True, kw_only=True):
    """A Temporal cluster that drives the runs, its key and its store."""

    title = "Durable runs"

    engine: str | None = option(
        "--engine",
        envvar="ARAZZO_ENGINE",
        metavar="URL",
        callback=_with_its_extra,
        help="A Temporal cluster that drives the run: temporal://HOST:PORT/NAMESPACE.",
    )
    engine_key: str | None = option(
        "--engine-key",
        envvar="ARAZZO_ENGINE_KEY",
        metavar="FILE",
        help="The key that all that goes to the cluster is sealed with.  [default: in the user's data directory]",
    )
    engine_store: str | None = option(
        "--engine-store",
        envvar="ARAZZO_ENGINE_STORE",
        metavar="DIR",
        help="A directory that all workers share, for what is too large for the cluster.",
    )

    def or_else(self, other: EngineWords) -> EngineWords:
        """These words, those that are missing taken from others."""
        return EngineWords(
            engine=self.engine or other.engine,
            engine_key=self.engine_key or other.engine_key,
            engine_store=self.engine_store or other.engine_store,
        )


class DecisionWords(OptionGroup, frozen=True, kw_only=True):
    """The decision about a request whose answer is unknown, and about messages that may have been missed."""

    resend: bool = option("--resend", is_flag=True, help="Send the request whose answer is unknown again.")
    skip: str | None = option(
        "--skip",
        metavar="STATUS[=@FILE]",
        help="Take that status for its answer, and the file's content, when one is named, for the body.",
    )
    accept_missed: bool = option(
        "--accept-missed",
        is_flag=True,
        help="Continue a run over messages although some may have come while nobody listened.",
    )
