"""``arazzo web``."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from arazzo_runner.cli.given.option_groups import GroupedCommand, OptionGroup, argument, group, option, takes
from arazzo_runner.cli.given.options import (
    BehaviourWords,
    CredentialWords,
    DirectoryWords,
    EngineWords,
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
    cassettes_option,
    check_option,
)

if TYPE_CHECKING:
    from arazzo_runner.engine.plan import Level
    from arazzo_runner.web.site import WebSite


class PageWords(OptionGroup, frozen=True, kw_only=True):
    """The address of the pages, and what they may do."""

    title = "Pages"

    allow_run: bool = option(
        "--allow-run", is_flag=True, help="Let the pages start, hold, resume and cancel runs, and record cases."
    )
    host: str = option(
        "--host", default="127.0.0.1", show_default=True, metavar="HOST", help="The address to listen at."
    )
    port: int = option(
        "--port",
        type=click.IntRange(0, 65535),
        default=0,
        metavar="PORT",
        help="The port to listen at.  [default: one that is free]",
    )
    token: str | None = option(
        "--token", metavar="FILE", help="The token that lets a browser in.  [default: a new one each time]"
    )
    open_browser: bool = option("--open", is_flag=True, help="Open the pages in your browser.")


class WebWords(OptionGroup, frozen=True, kw_only=True):
    """The options of ``arazzo web``."""

    targets: tuple[str, ...] = argument(nargs=-1, required=False, metavar="[TARGET|DIR]...")
    pages: PageWords = group(PageWords)
    where: DirectoryWords = group(DirectoryWords)
    cassettes: str = cassettes_option()
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
    engine: EngineWords = group(EngineWords)

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
    "web",
    cls=GroupedCommand,
    short_help="Show workflows, runs and cases in a browser, and run them there.",
    epilog="Example: arazzo web workflows --allow-run --open",
)
@takes(WebWords)
def command(words: WebWords) -> None:
    """Show workflows, runs and cases as pages in your browser.

    TARGET is a document, a workflowId or a directory of documents; without one, those of --workflows. The pages show
    only, until --allow-run lets them run: then a workflow is run from a form, watched live, held, continued and
    resumed. Its runs are durable ones.

    The address that is printed has a token in it; without that, nobody gets in. Ctrl-C ends the server: runs under way
    stop where nothing is lost, and can be resumed.
    """
    serve(words)


def serve(words: WebWords) -> None:
    """Serve until the process is asked to stop.

    Raises:
        UsageError: the extra is not installed, or an option is wrong.
        DocumentError: a document that was named cannot be used.
    """
    from arazzo_runner.errors import UsageError

    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        raise UsageError("arazzo web needs the extra web", hint="pip install 'arazzo-workflow-runner[web]'")
    import secrets

    from arazzo_runner.cli.given import offered
    from arazzo_runner.serving.listening import serve as listen
    from arazzo_runner.web.app import WebServer

    token = offered.client_token(words.pages.token) if words.pages.token else secrets.token_urlsafe(24)
    site = _site(words)
    site.redactor.learn(token)
    server = WebServer(site)

    def ready(url: str) -> None:
        address = f"{url}/?token={token}"
        click.echo(f"arazzo web is at {address}", err=True)
        if not words.pages.allow_run:
            click.echo("it only shows; with --allow-run it runs workflows too", err=True)
        if words.pages.open_browser:
            import webbrowser

            webbrowser.open(address)

    listen(
        lambda hosts, port: server.gated(hosts, token, port),
        words.pages.host,
        words.pages.port,
        ready,
        option="--host/--port",
        stopping=server.stop,
    )


def _site(words: WebWords) -> WebSite:
    """Return what the pages stand on."""
    from functools import partial
    from pathlib import Path

    from arazzo_runner.cli.given import offered, preparation
    from arazzo_runner.cli.given.engines import journal_engine, temporal_engine
    from arazzo_runner.cli.given.targets import document_of_case
    from arazzo_runner.documents.files import is_directory
    from arazzo_runner.runtime.secrets.redaction import Redactor
    from arazzo_runner.serving.catalogue import named_workflows
    from arazzo_runner.serving.offers import Grounds, Offer
    from arazzo_runner.web.site import WebSite

    live = words.live()
    targets = offered.offered_targets(words.targets, words.where.directory, verb="web")
    named = bool(words.targets) and not any(map(is_directory, words.targets))
    workflows, passed_over = offered.offered_workflows(targets, live, named=named)
    options = preparation.run_options(live)
    redactor = Redactor(options.secret_names)
    redactor.learn(*options.credentials.secrets())
    inputs = offered.PersonsInputs(words.given.inputs, redactor)
    grounds = Grounds(options, preparation.live_transport(live), inputs)
    on_cluster = bool(words.engine.engine)
    return WebSite(
        offers={name: Offer(name, workbook, found, grounds) for name, workbook, found in named_workflows(workflows)},
        passed_over=tuple(passed_over),
        engine=temporal_engine(words.engine) if on_cluster else journal_engine(words.journal),
        redactor=redactor,
        allow_run=words.pages.allow_run,
        cases=Path(words.cassettes),
        find_document=partial(document_of_case, words.where.directory),
        check=words.check,
        engine_name="the Temporal cluster" if on_cluster else "the journal of this machine",
    )
