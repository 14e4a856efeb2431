"""``arazzo test``."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from arazzo_runner.cli.given.options import (
    credential_options,
    input_option,
    server_options,
    transport_options,
    workflows_option,
)
from arazzo_runner.errors import UsageError

if TYPE_CHECKING:
    from arazzo_runner.cli.given.preparation import Options
    from arazzo_runner.reports.case_lines import Verdict
    from arazzo_runner.runtime.cases.judging import CaseResult, FindDocument

FORMATS = ("json", "junit", "html", "markdown")


@click.command(
    "test",
    short_help="Replay recorded cases and hold them against their contract.",
    epilog="Example: arazzo test cassettes -k deploy --report junit=results.xml",
)
@click.argument("paths", nargs=-1)
@click.option("-k", "words", multiple=True, metavar="TEXT", help="Only cases with this text in workflow::case.")
@click.option("-x", "--exitfirst", is_flag=True, help="Stop at the first case that fails.")
@click.option(
    "-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Processes to use; as many as the machine has cores."
)
@workflows_option
@click.option("--coverage", is_flag=True, help="Name what no case exercised.")
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
@click.option(
    "--report", "reports", multiple=True, metavar="FORMAT=PATH", help=f"Write a report: {', '.join(FORMATS)}."
)
@click.option("--live", is_flag=True, help="Run the cases against a real server and tell what has drifted.")
@input_option
@server_options
@credential_options
@transport_options
@click.option("-q", "--quiet", is_flag=True, help="Show only what failed, and the counts.")
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Replay recorded cases, without a network, and judge each of them.

    PATHS are cases or directories of them; without, ./cassettes (ARAZZO_CASSETTES). A case passes when the requests
    are the recorded ones, every interaction was asked for, each exchange is as OpenAPI describes it, the run ends as
    expected with the outputs expected, and no secret stands in it.

    With --live the same inputs go to a real server (secrets by -i, ARAZZO_INPUT_<name>, --auth): a case then fails when
    the run ends otherwise, breaks its contract, or an answer's structure has changed; values that differ are told.

    Exit status: 0 all pass, 1 one does not, 2 there are none, 130 interrupted.
    """
    ctx.exit(test(options))


def test(options: Options) -> int:
    """Test what the options ask for; gives the exit status."""
    from arazzo_runner.cli.driving.reporting import open_report, report_files
    from arazzo_runner.reports import case_files as casereports
    from arazzo_runner.reports.case_lines import Verdict

    asked = report_files(options["reports"], FORMATS)
    paths = _selected(options)
    verdict = Verdict()
    begun = time.perf_counter()
    with ExitStack() as stack:
        files = [(one.format, open_report(one.path, stack)) for one in asked]
        for result in _results(paths, options):
            verdict.take(result)
            _show(result, options)
        if not verdict.results:
            raise UsageError("there are only bare cassettes", hint="record a case: arazzo record TARGET --case NAME")
        verdict.duration = time.perf_counter() - begun
        _tell(verdict, options)
        for form, file in files:
            casereports.write(form, verdict, file.stream)
            file.keep()
    return 0 if verdict.passed else 1


def _selected(options: Options) -> list[Path]:
    """The files that are asked for."""
    from arazzo_runner.runtime.cases.files import case_files

    directory = os.environ.get("ARAZZO_CASSETTES", "cassettes")
    found = list(case_files(options["paths"] or [directory]))
    wanted = [path for path in found if _is_wanted(f"{path.parent.name}::{path.stem}", options["words"])]
    if not wanted:
        some = ", ".join(f"{path.parent.name}::{path.stem}" for path in found[:3])
        raise UsageError(f"none of {len(found)} cases has the text of -k", hint=f"cases are called such as {some}")
    return wanted


def _is_wanted(name: str, words: Sequence[str]) -> bool:
    return not words or any(word.lower() in name.lower() for word in words)


def _results(paths: Sequence[Path], options: Options) -> Iterator[CaseResult]:
    from arazzo_runner.cli.given.targets import document_of_case

    find = partial(document_of_case, options["directory"])
    if options["live"]:
        return _live(paths, find, options)
    from arazzo_runner.runtime.cases.judging import judge_cases

    jobs = options["jobs"] or os.cpu_count() or 1
    return judge_cases(paths, find, jobs=jobs, stop_at_failure=options["exitfirst"])


def _live(paths: Sequence[Path], find: FindDocument, options: Options) -> Iterator[CaseResult]:
    """Test the cases against a real server, one after the other."""
    from arazzo_runner.cli.given import preparation
    from arazzo_runner.runtime.cases.live import Given, judge_live

    given = Given(
        inputs=partial(preparation.given_inputs, options=options),
        servers=preparation.given_servers(options),
        credentials=preparation.given_credentials(options),
    )
    transport = preparation.transport_options(options)
    for result in judge_live(paths, find, given, partial(preparation.open_world, transport=transport)):
        yield result
        if options["exitfirst"] and not result.passed:
            return


def _show(result: CaseResult, options: Options) -> None:
    from arazzo_runner.reports.case_lines import case_line, failure_lines

    if options["form"] == "text" and not options["quiet"]:
        click.echo(case_line(result), err=True)
    if not result.passed and options["form"] != "json":
        _echo(failure_lines(result))


def _tell(verdict: Verdict, options: Options) -> None:
    from arazzo_runner.reports import case_files as casereports
    from arazzo_runner.reports.case_lines import as_github, as_markdown, missed_lines, verdict_lines

    match options["form"]:
        case "json":
            casereports.write("json", verdict, sys.stdout)
        case "github":
            click.echo(as_github(verdict), nl=False)
            if path := os.environ.get("GITHUB_STEP_SUMMARY"):
                with Path(path).open("a", encoding="utf-8") as summary:
                    summary.write(as_markdown(verdict))
        case _:
            pass
    _echo(verdict_lines(verdict))
    if options["coverage"]:
        _echo(missed_lines(verdict.coverage))


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line, err=True)
