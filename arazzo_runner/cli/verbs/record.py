"""``arazzo record``."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click
from msgspec.structs import replace

from arazzo_runner.cli.given.option_groups import GroupedCommand, OptionGroup, group, option, takes
from arazzo_runner.cli.given.options import LiveWords, cassettes_option, check_option
from arazzo_runner.cli.given.output_words import VerbosityWords
from arazzo_runner.documents.files import exists
from arazzo_runner.errors import UsageError
from arazzo_runner.secrecy import without_credentials

if TYPE_CHECKING:
    from arazzo_runner.engine.plan import Level
    from arazzo_runner.runtime.cases.files import Case


class RecordWords(OptionGroup, frozen=True, kw_only=True):
    """The options of ``arazzo record``."""

    case_name: str = option("--case", required=True, metavar="NAME", help="The name of the case.")
    cassettes: str = cassettes_option()
    update: bool = option("--update", is_flag=True, help="Record an existing case again, and show what changed.")
    description: str = option("--description", default="", metavar="TEXT", help="What the case shows, in a sentence.")
    check: Level = check_option("error")
    live: LiveWords = group(LiveWords)
    verbosity: VerbosityWords = group(VerbosityWords)


@click.command(
    "record",
    cls=GroupedCommand,
    short_help="Store a live run as a test case.",
    epilog="Example: arazzo record deploy-inference-endpoint --case becomes-running -i namespace=acme "
    "-i hfToken=@token.txt",
)
@click.pass_context
@takes(RecordWords)
def command(ctx: click.Context, words: RecordWords) -> None:
    """Run a workflow and keep the run as a case for `arazzo test`: its inputs, its exchanges and what it gave.

    The case goes to CASSETTES/<workflowId>/NAME.yaml, secrets masked. It expects what the run did, be it to fail. With
    --update its inputs are those of the case, but for what is given again; secrets have to be.

    Exit status: 0 the case is stored and passes, 1 it does not pass or the run did not come to its end, 2 could not
    start, 130 interrupted.
    """
    ctx.exit(record(words))


def record(words: RecordWords) -> int:
    """Record what the words ask for; return the exit status."""
    from arazzo_runner.cli.driving.reporting import console, warn_of
    from arazzo_runner.cli.given import preparation
    from arazzo_runner.runtime.cases.files import LOST, case_entry, case_of, read_case, unmasked
    from arazzo_runner.runtime.cassettes.recording import Recording
    from arazzo_runner.runtime.interruption import InterruptibleWorld, Interruption
    from arazzo_runner.runtime.run.session import Session

    target, workbook = preparation.load_live(words.live)
    workflow_id = workbook.chosen(target.workflow_id)
    path = Path(words.cassettes, _directory_name(workflow_id), f"{_file_name(words.case_name)}.yaml")
    old = _existing(path, update=words.update)
    live = words.live
    if old is not None:
        live = _completed(live, old)
        _, workbook = preparation.load_live(live)
    plan = workbook.plan(workflow_id, preparation.run_options(live))
    inputs = {**(unmasked(old.inputs) if old else {}), **preparation.given_inputs(plan, live.given.inputs)}
    session = Session(plan, inputs)
    shown = console(session, words.verbosity)
    session.listen(shown, only=shown.hears, details=shown.shows_details)
    warn_of(plan.problems, preparation.unknown_names(workbook, plan), quiet=words.verbosity.quiet)
    with ExitStack() as stack, closing(shown), Interruption().listening() as interruption:
        with interruption.at_once():  # a pipe that nobody reads is waited for
            recorder = stack.enter_context(session.recorder(path, comment="Recorded by `arazzo record`."))
        recorder.drop()  # until there is a case to keep
        world = stack.enter_context(preparation.open_world(plan, preparation.live_transport(live)))
        result = session.run(InterruptibleWorld(Recording(world, recorder), interruption))
        lost = result.reason is not None and result.reason.code in LOST
        if not lost:
            made = case_of(session, result, path, document=workbook.description.document.path)
            named = preparation.given_sources(live.sources)
            made = replace(
                made,
                description=words.description or (old.description if old else ""),
                sources={name: without_credentials(url) for name, url in named.items()},
                base_dir=live.sources.base_dir or "",
                check=words.check,
            )
            recorder.describe(case_entry(made))
    if lost:
        kept = "the case is as it was" if old else "no case was stored"
        click.echo(f"{kept}: the run did not come to its end", err=True)
        return 130 if result.reason and result.reason.code == "interrupted" else 1
    new = read_case(path)
    if new is None:
        raise RuntimeError("what was just written is a case")
    return _tell(old, new)


def _tell(old: Case | None, new: Case) -> int:
    """Say what was recorded, what changed, and whether the case passes."""
    from arazzo_runner.reports.case_lines import failure_lines
    from arazzo_runner.reports.text import label
    from arazzo_runner.runtime.cases.drift import changes
    from arazzo_runner.runtime.cases.judging import Bench

    click.echo(new.path)
    if old is not None:
        lines = list(changes(old, new))
        for line in lines or ["nothing changed"]:
            click.echo(f"  {label(line)}", err=True)
    verdict = Bench().judge(new)
    if not verdict.passed:
        click.echo("the case is stored, and does not pass:", err=True)
        for line in failure_lines(verdict):
            click.echo(line, err=True)
    return 0 if verdict.passed else 1


def _directory_name(workflow_id: str) -> str:
    """A workflowId may be any text, a directory's name may not: ``.`` and ``..`` are other directories."""
    name = quote(workflow_id, safe=" ")
    return name if name.strip(".") else name.replace(".", "%2E")


def _file_name(name: str) -> str:
    if (
        not name
        or name.startswith(".")
        or any(character in name for character in '/\\:*?"<>|')
        or not name.isprintable()
    ):
        raise UsageError(f"--case {name!r} is not a name of a file", hint="write --case becomes-running")
    return name


def _existing(path: Path, *, update: bool) -> Case | None:
    from arazzo_runner.runtime.cases.files import read_case

    if exists(path) and not update:
        raise UsageError(f"there is a case {path} already", hint="record it with --update, or name another")
    if update and not exists(path):
        raise UsageError(f"there is no case {path} to update", hint="leave --update out to make it")
    return read_case(path) if exists(path) else None


def _completed(live: LiveWords, old: Case) -> LiveWords:
    """The words, with the case's own sources and servers where none are given."""
    sources = live.sources.sources or tuple(f"{name}={path}" for name, path in old.sources.items())
    base_dir = live.sources.base_dir or old.base_dir or None
    server = live.servers.server or tuple(f"{name}={url}" if name else url for name, url in old.servers.items())
    return replace(
        live,
        sources=replace(live.sources, sources=sources, base_dir=base_dir),
        servers=replace(live.servers, server=server),
    )
