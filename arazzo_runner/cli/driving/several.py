"""``arazzo run`` of several workflows: one after another, a line each on stderr and on stdout, and a summary."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from arazzo_runner.cli.driving.reporting import bytes_as_text, console, progress, warn_of
from arazzo_runner.reports.standing import reported, standing
from arazzo_runner.reports.text import duration, label, whole_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arazzo_runner.cli.driving.reporting import ReportFile
    from arazzo_runner.cli.given.run_words import RunWords
    from arazzo_runner.cli.given.selection import Chosen
    from arazzo_runner.engine.events import Outcome
    from arazzo_runner.runtime.run.session import RunResult, Session


def run_several(chosen: Sequence[Chosen], words: RunWords, asked: list[ReportFile]) -> int:
    """Run workflows one after another; return the exit status: 1 when one failed, 130 when they were interrupted."""
    from arazzo_runner.cli.driving.many_reports import ManyReports
    from arazzo_runner.runtime.interruption import Interruption
    from arazzo_runner.runtime.run.session import Session, contract_checks

    interruption = Interruption()
    with ExitStack() as stack:
        reports = ManyReports(asked, stack)
        shown = stack.enter_context(closing(SeveralRuns(chosen, words)))
        signals = stack.enter_context(interruption.listening())
        for one in chosen:
            session = Session(one.plan, one.inputs, checks=contract_checks(one.plan, words.check))
            with reports.listening(session, one.document, one.plan.workflow.workflow_id):
                result = shown.run(one, session, signals)
            if result.reason is not None and result.reason.code == "interrupted":
                break
        shown.close()
        reports.write()
    return shown.status


class SeveralRuns:
    """The display of several runs.

    Args:
        chosen: all that are to be run.
    """

    def __init__(self, chosen: Sequence[Chosen], words: RunWords) -> None:
        self._chosen = chosen
        self._words = words
        self._verbosity = words.output.verbosity
        self._began = time.monotonic()
        self._statuses: Counter[str] = Counter()
        self._failed: list[str] = []
        self._current = ""
        self._width = max((len(one.plan.workflow.workflow_id) for one in chosen), default=0)
        self._documents = len({one.document for one in chosen}) > 1
        self._progress = progress(self._standing)
        self._closed = False
        self._whole: Any = None
        if words.output.as_json:
            from arazzo_runner.reports.many_runs import ManyRunsJson

            self._whole = ManyRunsJson(sys.stdout)
        if not self._verbosity.quiet and not self._verbosity.verbose:
            self._progress.start()

    @property
    def status(self) -> int:
        """The exit status."""
        return 130 if self._statuses["stopped"] else 1 if self._failed else 0

    def run(self, one: Chosen, session: Session, interruption: Any) -> RunResult:
        """Run a workflow and show it."""
        from arazzo_runner.cli.driving import execution
        from arazzo_runner.cli.given.preparation import live_transport
        from arazzo_runner.reports.jsonreport import JsonReport

        self._current = one.plan.workflow.workflow_id
        # Steps are shown with -v; without, only why a run failed.
        steps = replace(self._verbosity, quiet=not self._verbosity.verbose, verbose=max(self._verbosity.verbose - 1, 0))
        with ExitStack() as held:
            with self._progress.aside():
                warn_of(one.plan.problems, quiet=steps.quiet)
            if self._verbosity.verbose:
                shown = held.enter_context(closing(console(session, steps)))
                session.listen(shown, only=shown.hears, details=shown.shows_details)
            report = None
            if self._whole is not None:
                report = held.enter_context(JsonReport(one.document, session.identity, session.plan.problems))
                session.listen(report)
            transport = live_transport(replace_target(self._words, one.document).live)
            drive = execution.through(execution.sending(session, transport, record=None), execution.breakable(session))
            result = drive(interruption)
            outputs = session.redactor.outputs(dict(result.outputs))
            with self._progress.aside():
                self._line(result.outcome)
                if not self._verbosity.verbose and result.reason is not None:
                    failure = console(session, replace(steps, quiet=True))
                    failure.show_failure(session.redactor.event(result.outcome))
                    click.echo("", err=True)
                if report is not None:
                    self._whole.add(report, label_of(one), result.outcome, outputs=outputs)
                else:
                    self._entry(one, result, outputs, session)
        return result

    def _entry(self, one: Chosen, result: RunResult, outputs: dict[str, Any], session: Session) -> None:
        reason = session.redactor.event(result.reason)
        entry = {
            "document": one.document,
            "workflowId": one.plan.workflow.workflow_id,
            "status": reported(result.outcome),
            "outputs": outputs,
            "reason": reason and {"code": reason.code, "message": reason.message, "stepId": reason.step_id},
            "durationMs": round(result.outcome.duration * 1000),
        }
        sys.stdout.write(json.dumps(entry, default=bytes_as_text) + "\n")
        sys.stdout.flush()

    def _line(self, outcome: Outcome) -> None:
        status = standing(outcome)
        self._statuses[status] += 1
        if status != "succeeded":
            self._failed.append(outcome.workflow_id)
        if self._verbosity.quiet or self._verbosity.verbose:
            return
        mark = "✓" if status == "succeeded" else "✗"
        name = label(outcome.workflow_id).ljust(self._width)
        click.echo(f"  {mark} {name}  {outcome.exchanged:>12}  {duration(outcome.duration):>8}", err=True)

    def close(self) -> None:
        """Show the summary."""
        if self._closed:
            return
        self._closed = True
        self._progress.close()
        if self._whole is not None:
            self._whole.finish()
        if self._verbosity.quiet:
            return
        done, count = self._statuses.total(), len(self._chosen)
        counts = ", ".join(f"{number} {status}" for status, number in self._statuses.most_common()) or "none"
        left = f" · {count - done} not started" if done < count else ""
        took = duration(time.monotonic() - self._began)
        click.echo(f"{done} of {count} workflows in {took}: {counts}{left}", err=True)
        if self._failed:
            click.echo(f"  not succeeded: {', '.join(map(label, self._failed))}", err=True)

    def _standing(self, seconds: float) -> str:
        done = self._statuses.total()
        return f"{done} of {len(self._chosen)} workflows · {label(self._current)} · {whole_duration(seconds)}"


def replace_target(words: RunWords, document: str) -> RunWords:
    """Return the words with one document as their target."""
    target = replace(words.live.target, target=document)
    return replace(words, live=replace(words.live, target=target))


def label_of(one: Chosen) -> Any:
    """Return what tells a run from the others."""
    from arazzo_runner.reports.many_runs import RunLabel

    return RunLabel(0, one.plan.workflow.workflow_id, one.document)
