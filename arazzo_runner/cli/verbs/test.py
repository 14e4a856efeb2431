"""``arazzo test``."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from arazzo_runner.cli.given.option_groups import (
    GroupedCommand,
    OptionGroup,
    argument,
    completed_by,
    group,
    option,
    takes,
)
from arazzo_runner.cli.given.options import (
    CredentialWords,
    DirectoryWords,
    InputWords,
    ServerWords,
    SourceWords,
    TransportWords,
)
from arazzo_runner.cli.given.times import TIME, TIME_OR_NONE
from arazzo_runner.errors import UsageError

if TYPE_CHECKING:
    from arazzo_runner.engine.plan import Plan
    from arazzo_runner.reports.case_lines import SuiteVerdict
    from arazzo_runner.runtime.cases.files import Case
    from arazzo_runner.runtime.cases.judging import CaseResult, FindDocument

FORMATS = ("json", "junit", "html", "markdown")


class LiveCaseWords(OptionGroup, frozen=True, kw_only=True):
    """The behavior of cases that are sent to a real server, instead of what they were recorded with."""

    title = "Behavior"

    secrets: str | None = option(
        "--secrets",
        metavar="FILE",
        help="Secret inputs of single cases as YAML: workflow::case, or a pattern of it, then input and value.",
    )
    poll_interval: float | None = option(
        "--poll-interval", type=TIME_OR_NONE, metavar="SECONDS", help="Wait before goto repeats the same request."
    )
    timeout: float | None = option("--timeout", type=TIME, metavar="SECONDS", help="End each run after that time.")

    @property
    def options(self) -> dict[str, float]:
        """The options of runs that are given."""
        given = {"poll_interval": self.poll_interval, "timeout": self.timeout}
        return {name: value for name, value in given.items() if value is not None}


class TestWords(OptionGroup, frozen=True, kw_only=True):
    """The options of ``arazzo test``."""

    paths: tuple[str, ...] = argument(nargs=-1, shell_complete=completed_by("files"))
    words: tuple[str, ...] = option(
        "-k", multiple=True, metavar="TEXT", help="Only cases with this text in workflow::case."
    )
    exitfirst: bool = option("-x", "--exitfirst", is_flag=True, help="Stop at the first case that fails.")
    jobs: int | None = option(
        "-j",
        "--jobs",
        type=click.IntRange(min=1),
        metavar="N",
        help="Processes to use; as many as the machine has cores.",
    )
    where: DirectoryWords = group(DirectoryWords)
    coverage: bool = option("--coverage", is_flag=True, help="Name what no case exercised.")
    form: Literal["text", "json", "github"] = option(
        "--format",
        type=click.Choice(["text", "json", "github"]),
        default="text",
        show_default=True,
        help="How results are printed.",
    )
    reports: tuple[str, ...] = option(
        "--report", multiple=True, metavar="FORMAT=PATH", help=f"Write a report: {', '.join(FORMATS)}."
    )
    quiet: bool = option("-q", "--quiet", is_flag=True, help="Show only what failed, and the counts.")
    live: bool = option("--live", is_flag=True, help="Run the cases against a real server and report what has drifted.")
    given: InputWords = group(InputWords)
    servers: ServerWords = group(ServerWords)
    credentials: CredentialWords = group(CredentialWords)
    transport: TransportWords = group(TransportWords)
    sources: SourceWords = group(SourceWords)
    pace: LiveCaseWords = group(LiveCaseWords)


@click.command(
    "test",
    cls=GroupedCommand,
    short_help="Replay recorded cases and check them against their contract.",
    epilog="Example: arazzo test cassettes -k deploy --report junit=results.xml",
)
@click.pass_context
@takes(TestWords)
def command(ctx: click.Context, words: TestWords) -> None:
    """Replay recorded cases, without a network, and judge each of them.

    PATHS are cases or directories of them; without, ./cassettes (ARAZZO_CASSETTES). A case passes when the requests
    are the recorded ones, every interaction was asked for, each exchange is as OpenAPI describes it, the run ends as
    expected with the outputs expected, and no secret stands in it.

    With --live the same inputs go to a real server (secrets by -i, ARAZZO_INPUT_<name>, --secrets, --auth): a case then
    fails when the run ends otherwise, breaks its contract, or an answer's structure has changed; values that differ,
    ids in paths among them, are reported.

    Exit status: 0 all pass, 1 one does not, 2 there are none, 130 interrupted.
    """
    ctx.exit(test(words))


def test(words: TestWords) -> int:
    """Test what the words ask for; return the exit status."""
    from arazzo_runner.cli.driving.reporting import open_report, report_files
    from arazzo_runner.reports import case_files as casereports
    from arazzo_runner.reports.case_lines import SuiteVerdict

    if not words.live:
        _refuse_live_words(words)
    asked = report_files(words.reports, FORMATS)
    paths = _selected(words)
    verdict = SuiteVerdict()
    begun = time.perf_counter()
    with ExitStack() as stack:
        files = [(one.format, open_report(one.path, stack)) for one in asked]
        for result in _results(paths, words):
            verdict.take(result)
            _show(result, words)
        if not verdict.results:
            raise UsageError("there are only bare cassettes", hint="record a case: arazzo record TARGET --case NAME")
        verdict.duration = time.perf_counter() - begun
        _tell(verdict, words)
        for form, file in files:
            casereports.write(form, verdict, file.stream)
            file.keep()
    return 0 if verdict.passed else 1


def _refuse_live_words(words: TestWords) -> None:
    """Refuse options that a replay has no use for.

    Raises:
        UsageError: with the first.
    """
    given = {
        "--secrets": words.pace.secrets,
        "--poll-interval": words.pace.poll_interval,
        "--timeout": words.pace.timeout,
        "--source": words.sources.sources,
        "--base-dir": words.sources.base_dir,
    }
    for name, value in given.items():
        if value not in (None, ()):
            raise UsageError(f"{name} is for cases that are sent to a server", hint="add --live")


def _selected(words: TestWords) -> list[Path]:
    """The files that are asked for."""
    from arazzo_runner.runtime.cases.files import case_files

    directory = os.environ.get("ARAZZO_CASSETTES", "cassettes")
    found = list(case_files(words.paths or [directory]))
    wanted = [path for path in found if _is_wanted(f"{path.parent.name}::{path.stem}", words.words)]
    if not wanted:
        some = ", ".join(f"{path.parent.name}::{path.stem}" for path in found[:3])
        raise UsageError(f"none of {len(found)} cases has the text of -k", hint=f"cases are called such as {some}")
    return wanted


def _is_wanted(name: str, words: Sequence[str]) -> bool:
    return not words or any(word.lower() in name.lower() for word in words)


def _results(paths: Sequence[Path], words: TestWords) -> Iterator[CaseResult]:
    from arazzo_runner.cli.given.targets import document_of_case

    find = partial(document_of_case, words.where.directory)
    if words.live:
        return _live(paths, find, words)
    from arazzo_runner.runtime.cases.many_cases import judge_cases

    jobs = words.jobs or os.cpu_count() or 1
    wanted = _wants_attempts(words)
    return judge_cases(paths, find, jobs=jobs, stop_at_failure=words.exitfirst, attempts=wanted)


def _wants_attempts(words: TestWords) -> bool:
    """Return whether a report shows the exchanges of cases."""
    return any(word.startswith("html=") for word in words.reports)


def _live(paths: Sequence[Path], find: FindDocument, words: TestWords) -> Iterator[CaseResult]:
    """Test the cases against a real server, one after the other."""
    from arazzo_runner.cli.given import preparation
    from arazzo_runner.cli.given.case_secrets import read_case_secrets, secrets_of
    from arazzo_runner.runtime.cases.live import LiveValues, judge_live

    secrets = words.pace.secrets
    by_case = {} if secrets is None else read_case_secrets(secrets)
    directory = Path(secrets or ".").parent

    def inputs(case: Case, plan: Plan) -> dict[str, Any]:
        own = secrets_of(case.id, by_case, plan.workflow.input_schema, directory)
        return {**preparation.given_inputs(plan, words.given.inputs), **own}

    given = LiveValues(
        inputs=inputs,
        sources=preparation.given_sources(words.sources),
        base_dir=words.sources.base_dir,
        options=words.pace.options,
        servers=preparation.given_servers(words.servers),
        credentials=preparation.given_credentials(words.credentials, words.transport.certificate),
    )
    transport = preparation.transport_options(words.transport).naming(
        *preparation.named_servers(words.servers), *given.sources.values()
    )
    world = partial(preparation.open_world, transport=transport)
    for result in judge_live(paths, find, given, world, attempts=_wants_attempts(words)):
        yield result
        if words.exitfirst and not result.passed:
            return


def _show(result: CaseResult, words: TestWords) -> None:
    from arazzo_runner.reports.case_lines import case_line, failure_lines

    if words.form == "text" and not words.quiet:
        click.echo(case_line(result), err=True)
    if not result.passed and words.form != "json":
        _echo(failure_lines(result))


def _tell(verdict: SuiteVerdict, words: TestWords) -> None:
    from arazzo_runner.reports import case_files as casereports
    from arazzo_runner.reports.case_lines import as_github, as_markdown, missed_lines, verdict_lines

    match words.form:
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
    if words.coverage:
        _echo(missed_lines(verdict.coverage))


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line, err=True)
