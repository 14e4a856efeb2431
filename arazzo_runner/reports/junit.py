"""A run as JUnit XML, as CI systems read it: a suite for the run, a case for each step that ran."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import deque
from collections.abc import Collection
from typing import TextIO

from msgspec import Struct, field

from arazzo_runner.engine.events import Attempt, CriterionOutcome, Event, Outcome, Reason, RunFinished, Warned
from arazzo_runner.reports.jsonreport import timestamp
from arazzo_runner.reports.standing import reported
from arazzo_runner.reports.summary import Attempts

MAX_LINES = 100
"""The number of attempts of a step that are shown, the last ones: a case's output is read by people."""

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Case(Struct):
    """A step: what is known of its attempts so far."""

    last: Attempt | None = None
    attempts: int = 0
    duration: float = 0.0
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_LINES))

    def take(self, attempt: Attempt) -> None:
        self.last = attempt
        self.attempts += 1
        self.duration += attempt.duration
        self.lines.append(_line(attempt, self.attempts))


class JunitReport:
    """A listener that collects a run; ``write`` returns the report once it has ended.

    A step whose last attempt failed is a failure only when the run failed and no action led on from it: a check that
    may fail and is caught by an action is part of a run that succeeded.

    Args:
        document: what was run, as the user named it.
    """

    def __init__(self, document: str) -> None:
        self._document = document
        self._attempts = Attempts()
        self._cases: dict[tuple[str, str], _Case] = {}
        self._warnings: deque[str] = deque(maxlen=MAX_LINES)
        self._outcome: Outcome | None = None

    def __call__(self, event: Event) -> None:
        """Take an event."""
        attempt = self._attempts.of(event)
        if attempt is not None:
            self._cases.setdefault((attempt.workflow_id, attempt.step_id), _Case()).take(attempt)
        match event:
            case RunFinished(outcome):
                self._outcome = outcome
            case Warned(message, _, hint, _, place):
                where = f" ({place})" if place is not None else ""
                self._warnings.append(f"{message}{where}{f'; {hint}' if hint else ''}")

    def write(self, stream: TextIO) -> None:
        """Write the report.

        Raises:
            RuntimeError: the run has not ended.
        """
        suite = self.suite()
        counts = {name: suite.get(name, "0") for name in ("name", "time", "tests", "failures", "errors")}
        root = ET.Element("testsuites", counts)
        root.append(suite)
        stream.write(as_xml(root))

    def suite(self) -> ET.Element:
        """Return the suite of the run.

        Raises:
            RuntimeError: the run has not ended.
        """
        if self._outcome is None:
            raise RuntimeError("the run has not ended")
        return _suite(self._outcome, self._document, self._cases, self._warnings)


def _suite(outcome: Outcome, document: str, ran: dict[tuple[str, str], _Case], warnings: Collection[str]) -> ET.Element:
    cases = dict(ran)
    failures = {key: reason for key, case in cases.items() if (reason := _failure(case, outcome)) is not None}
    if outcome.reason is not None:
        key = _failed_case(outcome, outcome.reason, failures)
        cases.setdefault(key, _Case())
        failures[key] = outcome.reason
    counts = {"tests": str(len(cases)), "failures": str(len(failures)), "errors": "0"}
    seconds = _seconds(outcome.duration)
    started = timestamp(outcome.started_at)[:19]
    names = {"name": outcome.workflow_id, "timestamp": started, "time": seconds}
    suite = ET.Element("testsuite", safe({**names, **counts, "skipped": "0"}))
    properties = ET.SubElement(suite, "properties")
    for name, value in (("document", document), ("status", reported(outcome))):
        ET.SubElement(properties, "property", safe({"name": name, "value": value}))
    for key, case in cases.items():
        _write_case(suite, key, case, failures.get(key))
    if warnings:
        ET.SubElement(suite, "system-err").text = xml_text("\n".join(warnings))
    return suite


def _failure(case: _Case, outcome: Outcome) -> Reason | None:
    """Why a step counts as failed, or None."""
    last = case.last
    if outcome.reason is None or last is None or last.reason is None:
        return None
    return None if last.action is not None and last.action.type in ("goto", "retry") else last.reason


def _failed_case(outcome: Outcome, reason: Reason, failures: dict[tuple[str, str], Reason]) -> tuple[str, str]:
    """Return the case that shows a run's own reason: its step, even when that step was never attempted (V1, F6)."""
    if reason.step_id is None:
        return outcome.workflow_id, "(run)"
    same_step = (key for key in failures if key[1] == reason.step_id)
    return next(same_step, (outcome.workflow_id, reason.step_id))


def _write_case(suite: ET.Element, key: tuple[str, str], case: _Case, failure: Reason | None) -> None:
    workflow_id, step_id = key
    names = {"classname": workflow_id, "name": step_id, "time": _seconds(case.duration)}
    element = ET.SubElement(suite, "testcase", safe(names))
    if failure is not None:
        failed = ET.SubElement(element, "failure", safe({"type": failure.code, "message": failure.message}))
        failed.text = xml_text(_failure_text(failure, case.last))
    lines = list(case.lines)
    if case.attempts > len(lines):
        lines.insert(0, f"({case.attempts - len(lines)} earlier attempts are not shown)")
    if lines:
        ET.SubElement(element, "system-out").text = xml_text("\n".join(lines))


def _failure_text(reason: Reason, last: Attempt | None) -> str:
    """The message, where it comes from, and the criteria that said no."""
    parts = [reason.message]
    if reason.place is not None:
        parts.append(f"at {reason.place}")
    if reason.hint:
        parts.append(f"hint: {reason.hint}")
    criteria = last.criteria if last is not None else ()
    parts += [_criterion(criterion) for criterion in criteria if not criterion.passed]
    return "\n".join(parts)


def _criterion(criterion: CriterionOutcome) -> str:
    return f"not true: {criterion.condition}" + (f" ({criterion.detail})" if criterion.detail else "")


def _line(attempt: Attempt, number: int) -> str:
    """An attempt on one line."""
    sent = attempt.operation if attempt.request is None else f"{attempt.request.method} {attempt.request.url}"
    if attempt.exchanged is not None:
        sent = f"{attempt.exchanged.title} at {attempt.exchanged.url}"
    parts = [f"attempt {number} at {timestamp(attempt.started_at)}: {sent}"]
    if attempt.response is not None:
        parts.append(f"answered {attempt.response.status}")
    if attempt.exchanged is not None and attempt.exchanged.others:
        parts.append(f"after {attempt.exchanged.others} that did not match,")
    parts.append(f"{attempt.verdict} in {attempt.duration:.3f} s")
    if attempt.reason is not None:
        parts.append(f"({attempt.reason.code}: {attempt.reason.message})")
    action = attempt.action
    if action is not None and action.name is not None:
        target = action.step_id or action.workflow_id
        parts.append(f"{action.name}: {action.type}" + (f" {target}" if target else ""))
    return " ".join(" ".join(parts).split())


def _seconds(seconds: float) -> str:
    return f"{max(seconds, 0):.3f}"


def as_xml(root: ET.Element) -> str:
    """A document, laid out."""
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def safe(attributes: dict[str, str]) -> dict[str, str]:
    """Attributes as XML 1.0 can say them."""
    return {name: xml_text(value) for name, value in attributes.items()}


def xml_text(text: str) -> str:
    """Text that XML 1.0 can say: what it cannot is written out."""
    return _NOT_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
