"""Reports of runs that have ended, as functions: ``report.html(result)``. Every secret is masked (S1).

They show what ``RunResult`` has stored of a run: of one with thousands of attempts the first and the last.
"""

from __future__ import annotations

import io
import json as json_module
from collections.abc import Callable
from typing import Any

from arazzo_runner.errors import Place, UsageError
from arazzo_runner.runtime.run.history import RunHistory
from arazzo_runner.runtime.run.session import RunResult


def html(result: RunResult) -> str:
    """The HTML report: one page that needs nothing else.

    Raises:
        UsageError: the result has nothing to report on.
    """
    from arazzo_runner.reports.flow_graph import diagram_of
    from arazzo_runner.reports.pages.html import HtmlReport

    history = _history(result)
    page = HtmlReport(
        history.document,
        diagram=diagram_of(history.plan),
        problems=history.plan.problems,
        source_line=_line_of(history),
    )
    with page:
        return _written(history, page, page.write)


def junit(result: RunResult) -> str:
    """The JUnit report, as XML: a test case for each step.

    Raises:
        UsageError: the result has nothing to report on.
    """
    from arazzo_runner.reports.junit import JunitReport

    history = _history(result)
    listener = JunitReport(history.document)
    return _written(history, listener, listener.write)


def json(result: RunResult) -> dict[str, Any]:
    """The run report as data, as ``arazzo run --report json=…`` writes it.

    Raises:
        UsageError: the result has nothing to report on.
    """
    from arazzo_runner.reports.jsonreport import JsonReport

    history = _history(result)
    with JsonReport(history.document, history.identity, history.plan.problems) as listener:
        made: dict[str, Any] = json_module.loads(_written(history, listener, listener.write))
    return made


def har(result: RunResult) -> dict[str, Any]:
    """The exchanges as an HTTP archive (HAR 1.2), as data.

    Raises:
        UsageError: the result has nothing to report on.
    """
    from arazzo_runner.reports.har import HarReport

    history = _history(result)
    with HarReport() as listener:
        made: dict[str, Any] = json_module.loads(_written(history, listener, listener.write))
    return made


def text(result: RunResult) -> str:
    """The lines that the command line shows of a run: one for each step, and a failure in full.

    Raises:
        UsageError: the result has nothing to report on.
    """
    from arazzo_runner.reports.terminal.console import Console, ConsoleOptions

    history = _history(result)
    stream = io.StringIO()
    console = Console(stream, ConsoleOptions(), _line_of(history))
    for event in history.events():
        if isinstance(event, console.hears):
            console(event)
    return stream.getvalue()


def _history(result: RunResult) -> RunHistory:
    if result.history is None:
        message = "the result has kept no events to report on: it is one of many, or another process drove the run"
        raise UsageError(message, hint="listen to the run: Runner(…, listeners=[…])")
    return result.history


def _written(history: RunHistory, listener: Callable[[Any], None], write: Callable[[io.StringIO], None]) -> str:
    for event in history.events():
        listener(event)
    stream = io.StringIO()
    write(stream)
    return stream.getvalue()


def _line_of(history: RunHistory) -> Callable[[Place], str | None]:
    """Give lines of the documents that the plan was made from, secrets masked."""
    documents = {workflow.spot.document.path: workflow.spot.document for workflow in history.plan.workflows.values()}

    def line(place: Place) -> str | None:
        document = documents.get(place.path)
        if document is None or not place.line:
            return None
        lines = document.text.splitlines()
        return history.redactor.text(lines[place.line - 1].expandtabs(1)) if place.line <= len(lines) else None

    return line
