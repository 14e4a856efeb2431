"""``arazzo mcp``."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from arazzo_runner.cli.given.option_groups import GroupedCommand, OptionGroup, argument, group, option, takes
from arazzo_runner.cli.given.options import (
    BehaviourWords,
    CredentialWords,
    DirectoryWords,
    ExtraWords,
    InputWords,
    JournalWords,
    LiveWords,
    MessageWords,
    SecretWords,
    ServerWords,
    SourceWords,
    TargetWords,
    TransportWords,
    check_option,
)
from arazzo_runner.cli.given.times import Seconds

if TYPE_CHECKING:
    from arazzo_runner.engine.plan import Level
    from arazzo_runner.runtime.secrets.redaction import Redactor
    from arazzo_runner.serving.catalogue import Catalogue
    from arazzo_runner.serving.offers import Terms


class OfferWords(OptionGroup, frozen=True, kw_only=True):
    """The workflows that are offered, and the limits."""

    only: tuple[str, ...] = option("--only", metavar="PATTERN", multiple=True, help="Offer only these workflows.")
    exclude: tuple[str, ...] = option("--exclude", metavar="PATTERN", multiple=True, help="Do not offer these.")
    read_only: bool = option(
        "--read-only", is_flag=True, help="Offer only workflows that send nothing but GET and HEAD, nested ones too."
    )
    confirm: str = option(
        "--confirm",
        type=click.Choice(["never", "writes"]),
        default="never",
        show_default=True,
        help="Ask the person, by the client, before a workflow that may change something.",
    )
    tools: int = option(
        "--tools",
        type=click.IntRange(min=0),
        default=20,
        show_default=True,
        metavar="N",
        help="Up to N workflows are a tool each; more are found by words.",
    )
    wait: float = option(
        "--wait",
        type=Seconds(zero=True),
        default=25.0,
        show_default=True,
        metavar="SECONDS",
        help="A call answers after that time at the latest; the run continues.",
    )
    max_output: int = option(
        "--max-output",
        type=click.IntRange(min=200),
        default=20_000,
        show_default=True,
        metavar="N",
        help="Characters of what APIs answered, in one answer.",
    )

    def terms(self) -> Terms:
        """The terms of the server."""
        from arazzo_runner.serving.offers import Terms

        return Terms(
            self.tools, self.only, self.exclude, self.read_only, self.confirm == "writes", self.wait, self.max_output
        )


class HttpWords(OptionGroup, frozen=True, kw_only=True):
    """The transport of the clients."""

    http: str | None = option("--http", metavar="HOST:PORT", help="Serve HTTP instead of standard input and output.")
    token: str | None = option("--token", metavar="FILE", help="The token that clients of --http have to send.")


class McpWords(OptionGroup, frozen=True, kw_only=True):
    """The options of ``arazzo mcp``."""

    targets: tuple[str, ...] = argument(nargs=-1, required=False, metavar="[TARGET|DIR]...")
    where: DirectoryWords = group(DirectoryWords)
    offer: OfferWords = group(OfferWords)
    http: HttpWords = group(HttpWords)
    check: Level = check_option("off")
    given: InputWords = group(InputWords)
    servers: ServerWords = group(ServerWords)
    sources: SourceWords = group(SourceWords)
    credentials: CredentialWords = group(CredentialWords)
    secrets: SecretWords = group(SecretWords)
    behaviour: BehaviourWords = group(BehaviourWords)
    messages: MessageWords = group(MessageWords)
    extra: ExtraWords = group(ExtraWords)
    transport: TransportWords = group(TransportWords)
    journal: JournalWords = group(JournalWords)

    def live(self) -> LiveWords:
        """The words of a live run, of whichever document."""
        return LiveWords(
            target=TargetWords(target="", workflow=None, where=self.where),
            given=self.given,
            servers=self.servers,
            sources=self.sources,
            credentials=self.credentials,
            secrets=self.secrets,
            behaviour=self.behaviour,
            messages=self.messages,
            extra=self.extra,
            transport=self.transport,
        )


@click.command(
    "mcp",
    cls=GroupedCommand,
    short_help="Offer workflows to agents as tools (Model Context Protocol).",
    epilog="Example: arazzo mcp workflows --auth bearerAuth=env:TOKEN --confirm writes",
)
@takes(McpWords)
def command(words: McpWords) -> None:
    """Offer workflows to an agent as tools, over standard input and output, or over HTTP.

    TARGET is a document, a workflowId or a directory of documents; without one, those of --workflows. Secrets are never
    an agent's to give: they come from --auth, --credentials, -i and ARAZZO_INPUT_<name>, and what is given so is not in
    any tool's schema.

    A call is a durable run: it answers within --wait seconds, with the outputs or with the handle of a run that
    continues. A server that was killed continues its runs when it is started again.
    """
    serve(words)


def serve(words: McpWords) -> None:
    """Serve until the client leaves.

    Raises:
        UsageError: the extra is not installed, or an option is wrong.
        DocumentError: a document that was named cannot be used.
    """
    from arazzo_runner.errors import UsageError

    if find_spec("mcp") is None or find_spec("mcp_types") is None:
        raise UsageError("arazzo mcp needs the extra mcp", hint="pip install 'arazzo-workflow-runner[mcp]'")
    from arazzo_runner.cli.given import offered

    if bool(words.http.http) != bool(words.http.token):
        missing = "--token FILE" if words.http.http else "--http HOST:PORT"
        raise UsageError("--http and --token belong together", hint=f"add {missing}")
    address = offered.http_address(words.http.http) if words.http.http else None
    token = offered.client_token(words.http.token) if words.http.token else ""
    catalogue, redactor = _catalogue(words)
    redactor.learn(token)
    _start(words, catalogue, redactor, address, token)


def _catalogue(words: McpWords) -> tuple[Catalogue, Redactor]:
    """Return what is offered, and a redactor that knows every secret that was given."""
    from arazzo_runner.cli.given import offered, preparation
    from arazzo_runner.documents.files import is_directory
    from arazzo_runner.runtime.secrets.redaction import Redactor
    from arazzo_runner.serving.catalogue import Catalogue
    from arazzo_runner.serving.offers import Grounds

    live = words.live()
    targets = offered.offered_targets(words.targets, words.where.directory, verb="mcp")
    named = bool(words.targets) and not any(map(is_directory, words.targets))
    workflows, passed_over = offered.offered_workflows(targets, live, named=named)
    options = preparation.run_options(live)
    redactor = Redactor(options.secret_names)
    redactor.learn(*options.credentials.secrets())
    inputs = offered.PersonsInputs(words.given.inputs, redactor)
    catalogue = Catalogue(workflows, words.offer.terms(), Grounds(options, preparation.live_transport(live), inputs))
    for text in passed_over:
        _tell(text)
    return catalogue, redactor


def _start(
    words: McpWords, catalogue: Catalogue, redactor: Redactor, address: tuple[str, int] | None, token: str
) -> None:
    import sys
    import threading

    from arazzo_runner.cli.given.engines import journal_engine
    from arazzo_runner.mcp.server import WorkflowServer
    from arazzo_runner.mcp.tool_calls import ToolCalls
    from arazzo_runner.mcp.transports import serve_http, serve_stdio

    calls = ToolCalls(
        journal_engine(words.journal), catalogue, check=words.check, tell=lambda text: _tell(redactor.text(text))
    )
    server = WorkflowServer(catalogue, calls, redactor)
    server.prepare(_tell)
    threading.Thread(target=calls.continue_all, name="arazzo mcp: earlier runs", daemon=True).start()
    if address is None:
        if sys.stdin.isatty():
            _tell("serving on standard input and output: a client starts this command; Ctrl-C ends it")
        serve_stdio(server)
    else:
        serve_http(server, *address, token, ready=lambda url: _tell(f"serving at {url}"))


def _tell(text: str) -> None:
    """Tell the person who runs the server something; standard output belongs to the client."""
    from arazzo_runner.reports.text import label

    click.echo(label(text), err=True)
