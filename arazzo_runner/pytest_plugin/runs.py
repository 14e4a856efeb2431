"""Runs of workflows in tests, and the text of one that fails: the workflow's steps and lines, none of our frames."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import pytest
from msgspec import Struct, field

from arazzo_runner.errors import ArazzoError, DocumentError, InvalidInputs
from arazzo_runner.pytest_plugin.applications import configured_application
from arazzo_runner.runtime.runners.runner import Runner

if TYPE_CHECKING:
    from arazzo_runner.engine.plan import Level, RunOptions
    from arazzo_runner.runtime.http.applications import Applications
    from arazzo_runner.runtime.http.clients import HttpClient
    from arazzo_runner.runtime.http.options import TransportOptions
    from arazzo_runner.runtime.run.session import RunResult, Session

NO_APPLICATION = (
    "there is no application to run it against: set arazzo_app = module:name,"
    " or send it to its servers with --arazzo-live"
)


class WorkflowFailed(Exception):
    """A workflow that a test runs has failed; the text is the run's, secrets masked."""


class Told:
    """The text of a run, as the console shows it."""

    def __init__(self, session: Session) -> None:
        from arazzo_runner.cli.driving.reporting import masked_line
        from arazzo_runner.reports.terminal.console import Console, ConsoleOptions

        self._stream = io.StringIO()
        console = Console(self._stream, ConsoleOptions(), lambda place: masked_line(session, place))
        session.listen(console, only=console.hears)

    @property
    def text(self) -> str:
        """The lines that were printed so far."""
        return self._stream.getvalue().rstrip()


class RunnerWords(TypedDict, total=False):
    """The options of ``arazzo_runner``.

    Attributes:
        replay: a cassette to answer from.
        record: a cassette to write.
        app: the application that answers; the one of ``arazzo_app`` where neither it nor a client is given.
        client: a client of ``httpx`` or ``httpx2`` that carries the requests.
        options: how the run behaves.
        transport: how requests are sent.
        check: ``error`` where it is left out: a breach of the description makes the run fail.
    """

    replay: str | Path | None
    record: str | Path | None
    app: Applications | None
    client: HttpClient | None
    options: RunOptions | None
    transport: TransportOptions | None
    check: Level


class ArazzoRunner:
    """Runs workflows in a test: the fixture ``arazzo_runner``."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request
        self._root = request.config.rootpath

    def __call__(
        self,
        document: str | Path,
        workflow_id: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        **words: Unpack[RunnerWords],
    ) -> RunResult:
        """Run a workflow to its end.

        Args:
            document: its path, from the project's root.
            words: see ``RunnerWords``.
        """
        __tracebackhide__ = True
        runner = self._runner(document, words)
        session = runner.session(workflow_id, inputs)
        told = Told(session)
        try:
            replay, record = self._placed(words.get("replay")), self._placed(words.get("record"))
            return self._noted(runner.run_session(session, replay=replay, record=record))
        finally:
            self._report(told)

    async def arun(
        self,
        document: str | Path,
        workflow_id: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        **words: Unpack[RunnerWords],
    ) -> RunResult:
        """Run a workflow to its end in the test's own event loop."""
        __tracebackhide__ = True
        runner = self._runner(document, words)
        session = runner.session(workflow_id, inputs)
        told = Told(session)
        try:
            replay, record = self._placed(words.get("replay")), self._placed(words.get("record"))
            return self._noted(await runner.arun_session(session, replay=replay, record=record))
        finally:
            self._report(told)

    def _runner(self, document: str | Path, words: RunnerWords) -> Runner:
        app, client = words.get("app"), words.get("client")
        if app is None and client is None:
            app = configured_application(self._request.config)
        return Runner(
            self._placed(document) or "",
            options=words.get("options"),
            transport=words.get("transport"),
            client=client,
            app=app,
            check=words.get("check", "error"),
        )

    def _placed(self, path: str | Path | None) -> str | Path | None:
        return path if path is None or "://" in str(path) else self._root / path

    def _report(self, told: Told) -> None:
        self._request.node.add_report_section("call", "arazzo run", told.text)

    def _noted(self, result: RunResult) -> RunResult:
        if result.problems:
            self._request.node.add_report_section("call", "arazzo", "\n".join(map(str, result.problems)))
        return result


class WorkflowUnderTest(Struct, frozen=True):
    """A workflow of a document, and the inputs that a test runs it with.

    Attributes:
        document: its path.
        inputs: those of the marker, of ``NAME.inputs.yaml``, and of the environment (``ARAZZO_INPUT_<name>``).
        app: the application that it runs against; None for the one of ``arazzo_app``.
        name: the workflow's id, with a number where it is run with several sets of inputs.
        lacking: required inputs that nothing gives.
    """

    config: pytest.Config
    document: Path
    workflow_id: str
    name: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    app: Applications | None = None
    lacking: tuple[str, ...] = ()

    def __repr__(self) -> str:
        # pytest shows the values of a failed test; the inputs may be secret (S1).
        return f"<workflow {self.name} of {self.document.name}>"

    def run(self, inputs: Mapping[str, Any] | None = None, *, options: RunOptions | None = None) -> RunResult:
        """Run it to its end, its exchanges checked against OpenAPI.

        Args:
            inputs: these go before those that it has.

        Raises:
            WorkflowFailed: it does not succeed; the text is the run's.
        """
        __tracebackhide__ = True
        given = {**self.inputs, **(inputs or {})}
        lacking = [name for name in self.lacking if name not in given]
        if lacking:
            pytest.skip(
                f"it needs {', '.join(lacking)}: write {self.document.stem.removesuffix('.arazzo')}.inputs.yaml"
            )
        app = self.app if self.app is not None else configured_application(self.config)
        if app is None and not self.config.getoption("--arazzo-live"):
            pytest.skip(NO_APPLICATION)
        told = None
        try:
            runner = Runner(self.document, options=options, app=app, check="error")
            session = runner.session(self.workflow_id, given)
            told = Told(session)
            result = runner.run_session(session)
        except ArazzoError as error:
            raise WorkflowFailed("\n".join([*([told.text] if told else []), *error_lines(error)])) from None
        if not result.succeeded:
            raise WorkflowFailed(told.text)
        return result


def error_lines(error: ArazzoError) -> list[str]:
    """An error as the command line shows it: what is wrong, where, and what to type instead."""
    from arazzo_runner.cli.errors import source_line

    lines = [f"error: {error.message}"]
    if isinstance(error, DocumentError):
        for problem in error.problems:
            lines.append(f"  {problem.place}: {problem.message} [{problem.rule}]")
            lines += [f"    in {problem.place.owner}"] if problem.place.owner else []
            text = source_line(problem.place)
            lines += [] if text is None else [f"    {text}", f"    {' ' * (problem.place.column - 1)}^"]
            lines += [f"    hint: {problem.hint}"] if problem.hint else []
    elif isinstance(error, InvalidInputs):
        lines += [f"  {sentence}" for sentence in error.errors]
    elif error.place is not None:
        lines.append(f"  at {error.place}")
    return [*lines, f"  hint: {error.hint}"] if error.hint else lines
