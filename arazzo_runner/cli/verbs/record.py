"""``arazzo record``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from arazzo_runner.cli.given.options import (
    behaviour_options,
    cassettes_option,
    check_option,
    credential_options,
    input_option,
    server_options,
    source_options,
    target_arguments,
    transport_options,
    verbosity_options,
)
from arazzo_runner.documents.files import exists
from arazzo_runner.errors import UsageError
from arazzo_runner.secrecy import without_credentials

if TYPE_CHECKING:
    from arazzo_runner.cli.given.preparation import Options
    from arazzo_runner.runtime.cases.files import Case

LOST = frozenset({"transport", "timeout", "interrupted", "max-steps", "depth"})
"""Reasons for which a run ends without the API having had its say, or that a replay could not reach: no case."""


@click.command(
    "record",
    short_help="Keep a live run as a test case.",
    epilog="Example: arazzo record deploy-inference-endpoint --case becomes-running -i namespace=acme "
    "-i hfToken=@token.txt",
)
@target_arguments
@click.option("--case", "case_name", required=True, metavar="NAME", help="What the case is called.")
@cassettes_option
@click.option("--update", is_flag=True, help="Record an existing case anew, and show what changed.")
@click.option("--description", default="", metavar="TEXT", help="What the case shows, in a sentence.")
@input_option
@server_options
@source_options
@credential_options
@check_option("error")
@behaviour_options
@transport_options
@verbosity_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Run a workflow and keep the run as a case for `arazzo test`: its inputs, its exchanges and what it gave.

    The case goes to CASSETTES/<workflowId>/NAME.yaml, secrets masked. It expects what the run did, be it to fail. With
    --update its inputs are those of the case, but for what is given anew; secrets have to be.

    Exit status: 0 the case is kept and passes, 1 it does not pass or the run did not come to its end, 2 could not
    start, 130 interrupted.
    """
    ctx.exit(record(options))


def record(options: Options) -> int:
    """Record what the options ask for; gives the exit status."""
    from arazzo_runner.cli.driving.reporting import console, warn_of
    from arazzo_runner.cli.given import preparation
    from arazzo_runner.runtime.cases.files import case_entry, case_of, read_case
    from arazzo_runner.runtime.cassettes.recording import Recording
    from arazzo_runner.runtime.interruption import InterruptibleWorld, Interruption
    from arazzo_runner.runtime.run.session import Session

    target = preparation.named_target(options)
    workbook = preparation.load_target(target, options)
    workflow_id = workbook.chosen(target.workflow_id)
    path = Path(options["cassettes"], _directory_name(workflow_id), f"{_file_name(options['case_name'])}.yaml")
    old = _existing(path, options)
    if old is not None:
        options = _completed(options, old)
        workbook = preparation.load_target(target, options)
    plan = workbook.plan(workflow_id, preparation.run_options(options))
    inputs = {**(_unmasked(old.inputs) if old else {}), **preparation.given_inputs(plan, options)}
    session = Session(plan, inputs)
    shown = console(session, options)
    session.listen(shown, only=shown.hears)
    warn_of(plan.problems, preparation.unknown_names(workbook, plan), quiet=options["quiet"])
    with ExitStack() as stack, Interruption().listening() as interruption:
        with interruption.at_once():  # a pipe that nobody reads is waited for
            recorder = stack.enter_context(session.recorder(path, comment="Recorded by `arazzo record`."))
        recorder.drop()  # until there is a case to keep
        world = stack.enter_context(preparation.open_world(plan, preparation.transport_options(options)))
        result = session.run(InterruptibleWorld(Recording(world, recorder), interruption))
        lost = result.reason is not None and result.reason.code in LOST
        if not lost:
            made = case_of(session, result, path, document=workbook.description.document.path)
            made = replace(
                made,
                description=options["description"] or (old.description if old else ""),
                sources={name: without_credentials(url) for name, url in preparation.given_sources(options).items()},
                base_dir=options["base_dir"] or "",
                check=options["check"],
            )
            recorder.describe(case_entry(made))
    if lost:
        kept = "the case is as it was" if old else "no case was kept"
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
        click.echo("the case is kept, and does not pass:", err=True)
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
        raise UsageError(f"--case {name!r} is no name of a file", hint="write --case becomes-running")
    return name


def _existing(path: Path, options: Options) -> Case | None:
    from arazzo_runner.runtime.cases.files import read_case

    if exists(path) and not options["update"]:
        raise UsageError(f"there is a case {path} already", hint="record it with --update, or name another")
    if options["update"] and not exists(path):
        raise UsageError(f"there is no case {path} to update", hint="leave --update out to make it")
    return read_case(path) if exists(path) else None


def _completed(options: Options, old: Case) -> dict[str, Any]:
    """The options, with the case's own sources and servers where none are given."""
    completed = dict(options)
    completed["base_dir"] = options["base_dir"] or old.base_dir or None
    if not options["sources"]:
        completed["sources"] = tuple(f"{name}={path}" for name, path in old.sources.items())
    if not options["server"]:
        completed["server"] = tuple(f"{name}={url}" if name else url for name, url in old.servers.items())
    return completed


def _unmasked(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of a case that nothing of is masked; the others have to be given again."""
    from arazzo_runner.effects import MASK

    return {name: value for name, value in inputs.items() if MASK not in _texts(value)}


def _texts(value: Any) -> Iterator[Any]:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending += item.values()
        elif isinstance(item, list):
            pending += item
        else:
            yield item
