"""The output of a run: the console, and the reports that ``--report`` asks for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from arazzo_runner.cli.given.output_words import REPORT_FORMATS
from arazzo_runner.errors import Problem, Severity, UsageError
from arazzo_runner.runtime.atomic_file import WholeFile

if TYPE_CHECKING:
    from arazzo_runner.cli.given.output_words import VerbosityWords
    from arazzo_runner.reports.terminal.console import Console
    from arazzo_runner.reports.terminal.progress import RunsProgress
    from arazzo_runner.runtime.run.session import Session


class ReportFile(Struct, frozen=True):
    """One ``--report FORMAT=PATH``."""

    format: str
    path: str


def report_files(words: Iterable[str], formats: tuple[str, ...] = REPORT_FORMATS) -> list[ReportFile]:
    """Read the words of ``--report``.

    Raises:
        UsageError: a word has another form, or two would write the same file.
    """
    asked: list[ReportFile] = []
    for word in words:
        form, _, path = word.partition("=")
        if form not in formats or not path:
            spelled = ", ".join(f"{one}=PATH" for one in formats)
            hint = f"write --report {_proposal(form, path, formats)}"
            raise UsageError(f"--report {word!r}: expected one of {spelled}", hint=hint)
        if any(os.path.realpath(path) == os.path.realpath(other.path) for other in asked):
            raise UsageError(f"--report {word!r}: another report is written to {path} already")
        asked.append(ReportFile(form, path))
    return asked


def _proposal(form: str, path: str, formats: tuple[str, ...]) -> str:
    """Return the option that a word probably stands for: ``html`` and ``report.html`` name their format."""
    endings = {one: "xml" if one == "junit" else one for one in formats}
    if form in formats:
        return f"{form}=report.{endings[form]}"
    ending = form.rpartition(".")[2].lower() if not path else ""
    meant = next((one for one in formats if ending == endings[one]), None)
    return f"{formats[0]}=PATH" if meant is None else f"{meant}={form}"


def open_report(path: str, stack: ExitStack) -> WholeFile:
    """A file for a report, found writable before anything is sent.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        return stack.enter_context(WholeFile(path))
    except OSError as error:
        raise UsageError(f"the report {path} cannot be written: {error.strerror or error}") from None


class Reports:
    """The reports of one run; they listen to its session, and are written when it has ended.

    Args:
        asked: what ``--report`` asks for.
        stack: closes what they hold, and leaves no half-written file.
    """

    def __init__(self, asked: Iterable[ReportFile], session: Session, document: str, stack: ExitStack) -> None:
        self._writers: list[tuple[WholeFile, Any]] = []
        for one in asked:
            file = open_report(one.path, stack)
            report = listener_of(one.format, session, document, stack)
            session.listen(report)
            self._writers.append((file, report))

    def write(self) -> None:
        """Write them all.

        Raises:
            OSError: one cannot be written; an older file of its name is untouched.
        """
        for file, report in self._writers:
            with file.named_in_errors():
                report.write(file.stream)
            file.keep()


def listener_of(form: str, session: Session, document: str, stack: ExitStack) -> Any:
    """Return a report of a run in a format, which listens to it."""
    match form:
        case "junit":
            from arazzo_runner.reports.junit import JunitReport

            return JunitReport(document)
        case "har":
            from arazzo_runner.reports.har import HarReport

            return stack.enter_context(HarReport())
        case "html":
            from arazzo_runner.reports.flow_graph import diagram_of
            from arazzo_runner.reports.pages.html import HtmlReport

            page = HtmlReport(
                document,
                diagram=diagram_of(session.plan),
                problems=session.plan.problems,
                source_line=lambda place: masked_line(session, place),
            )
            return stack.enter_context(page)
        case _:
            from arazzo_runner.reports.jsonreport import JsonReport

            return stack.enter_context(JsonReport(document, session.identity, session.plan.problems))


def masked_line(session: Session, place: Any) -> str | None:
    """A document's line, with whatever is secret in this run masked (S1)."""
    from arazzo_runner.cli.errors import source_line

    line = source_line(place)
    return None if line is None else session.redactor.text(line)


def bytes_as_text(value: Any) -> str:
    """An output that JSON has no form for, as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def console(session: Session, verbosity: VerbosityWords) -> Console:
    """Return the console on stderr: live and in color only on a terminal."""
    from arazzo_runner.reports.terminal.console import Console, ConsoleOptions
    from arazzo_runner.reports.terminal.live_line import columns_of

    terminal = sys.stderr.isatty()
    live = terminal and os.environ.get("TERM") != "dumb"
    show = ConsoleOptions(
        quiet=verbosity.quiet,
        verbose=verbosity.verbose,
        curl=verbosity.curl,
        colour=live and not os.environ.get("NO_COLOR"),
        live=live and not verbosity.verbose,
        columns=partial(columns_of, sys.stderr) if terminal else None,
    )
    return Console(sys.stderr, show, lambda place: masked_line(session, place))


def progress(text: Callable[[float], str]) -> RunsProgress:
    """Return the progress of many runs on stderr, live only on a terminal."""
    from arazzo_runner.reports.terminal.live_line import columns_of
    from arazzo_runner.reports.terminal.progress import RunsProgress

    live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    return RunsProgress(sys.stderr, text, partial(columns_of, sys.stderr) if live else None)


def warn_of(problems: Iterable[Problem], sentences: Iterable[str] = (), *, quiet: bool) -> None:
    """Show what is worth knowing before a run: of the plan, and of the options in a sentence each."""
    from arazzo_runner.reports.text import label, located

    if quiet:
        return
    for problem in problems:
        if problem.severity is Severity.WARNING:
            click.echo(f"  ! {label(located(problem.place))}: {label(problem.message)} [{problem.rule}]", err=True)
            if problem.hint:
                click.echo(f"    {label(problem.hint)}", err=True)
    for sentence in sentences:
        click.echo(f"  ! {label(sentence)}", err=True)
