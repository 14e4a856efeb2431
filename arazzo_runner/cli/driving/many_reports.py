"""``--report`` for several runs: each run is listened to, and written when it has ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from arazzo_runner.cli.driving.reporting import ReportFile, listener_of, open_report
from arazzo_runner.engine.events import Event, Outcome, RunFinished

if TYPE_CHECKING:
    from arazzo_runner.reports.many_runs import ManyRunsReport
    from arazzo_runner.runtime.atomic_file import WholeFile
    from arazzo_runner.runtime.run.session import Session


class ManyReports:
    """The reports of several runs.

    Args:
        asked: what ``--report`` asks for.
        stack: closes what they hold, and leaves no half-written file.
    """

    def __init__(self, asked: Iterable[ReportFile], stack: ExitStack) -> None:
        self._combined: list[tuple[ReportFile, WholeFile, ManyRunsReport]] = []
        for one in asked:
            file = open_report(one.path, stack)
            self._combined.append((one, file, _combined(one, file)))
        self._begun = 0
        self._error: OSError | None = None

    @contextmanager
    def listening(self, session: Session, document: str, name: str) -> Iterator[None]:
        """Listen to a run, and write it when it has ended. One that is broken off without an end is left out.

        Args:
            name: of the run, for people: the workflow, or the row of a file.
        """
        if not self._combined:
            yield
            return
        from arazzo_runner.reports.many_runs import RunLabel

        self._begun += 1
        label = RunLabel(self._begun, name, document)
        with ExitStack() as held:
            ended = _Ended()
            reports = [listener_of(one.format, session, document, held) for one, _, _ in self._combined]
            session.listen(ended, only=(RunFinished,))
            session.listen(*reports)
            yield
            if ended.outcome is None:
                return
            try:
                for (_, file, combined), report in zip(self._combined, reports, strict=True):
                    with file.named_in_errors():
                        combined.add(report, label, ended.outcome)
            except OSError as error:
                # The runs continue: a full disk is no reason to leave the others half done.
                self._error = self._error or error

    def write(self) -> None:
        """Write what is left to write.

        Raises:
            OSError: one cannot be written; an older file of its name is untouched.
        """
        if self._error is not None:
            raise self._error
        for _, file, combined in self._combined:
            with file.named_in_errors():
                combined.finish()
            file.keep()


class _Ended:
    """A listener that keeps how a run ended."""

    def __init__(self) -> None:
        self.outcome: Outcome | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunFinished):
            self.outcome = event.outcome


def _combined(asked: ReportFile, file: WholeFile) -> Any:
    from arazzo_runner.reports import many_runs

    match asked.format:
        case "junit":
            return many_runs.ManyRunsJunit(file.stream)
        case "har":
            return many_runs.ManyRunsHar(file.stream)
        case "html":
            from arazzo_runner.reports.pages.many_runs_html import ManyRunsHtml

            return ManyRunsHtml(file.stream, asked.path)
        case _:
            return many_runs.ManyRunsJson(file.stream)
