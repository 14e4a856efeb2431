"""Reasons for which runs went on as they did: each criterion of each action, asked again of what the journal tells."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from arazzo_runner.engine.explanation import ActionSeen, CriterionSeen, Explanation
from arazzo_runner.errors import ArazzoError, UsageError
from arazzo_runner.reports.debug_views import value_text
from arazzo_runner.reports.evaluation import SELECTORS, Evaluation, evaluated, selected
from arazzo_runner.runtime.debugging.debugger import Debugger
from arazzo_runner.runtime.debugging.retracing import Retracing, told_run
from arazzo_runner.runtime.runners.journal_engine import JournalEngine, reading_runs
from arazzo_runner.runtime.secrets.redaction import Redactor
from arazzo_runner.web.site import WebSite
from arazzo_runner.web.steering import SecretsOfForm

KEPT = 4
"""Runs that stay retraced."""
Result = TypeVar("Result")


class Reasons:
    """Explains attempts of the runs of a site."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, Retracing] = OrderedDict()

    def of(self, run_id: str, number: int) -> tuple[Mapping[str, Any] | None, str]:
        """Return why an attempt went on as it did, for its page; or None and why that is not known."""

        def explained(debugger: Debugger) -> Mapping[str, Any] | None:
            found = debugger.explanation
            return None if found is None else explanation_view(debugger.redactor, found)

        try:
            return self._at(run_id, number, explained), ""
        except ArazzoError as error:
            return None, error.message

    def evaluate(self, run_id: str, number: int, text: str, kind: str = "", context: str = "") -> Evaluation:
        """Evaluate an expression, a condition or a selector as of the end of an attempt.

        Args:
            kind: one of ``SELECTORS``; empty for an expression or a condition.
            context: of a selector: the expression that it is applied to.

        Raises:
            ArazzoError: it cannot be read, or the run cannot be gone through again.
        """
        if kind in SELECTORS:
            return self._at(run_id, number, lambda debugger: selected(debugger, kind, context, text))
        return self._at(run_id, number, lambda debugger: evaluated(debugger, text))

    def _at(self, run_id: str, number: int, look: Callable[[Debugger], Result]) -> Result:
        with self._lock:
            found = self._runs.get(run_id)
            if found is None or not found.reach(number):
                found = self._begin(run_id)  # it may have gone on since
            self._runs.move_to_end(run_id)
            if not found.reach(number):
                raise UsageError(f"the run has no finished attempt {number}")
            found.debugger.go_to(*found.places[number - 1])
            return look(found.debugger)

    def _begin(self, run_id: str) -> Retracing:
        engine = self._site.engine
        if not isinstance(engine, JournalEngine):
            raise UsageError("a cluster does not tell the values that decided; the attempt's own criteria are below")
        with reading_runs(engine) as runs:
            run = told_run(runs, run_id, SecretsOfForm(self._site, {}, mask=True))
        made = Retracing(run)
        if (old := self._runs.pop(run_id, None)) is not None:
            old.debugger.close()
        self._runs[run_id] = made
        while len(self._runs) > KEPT:
            self._runs.popitem(last=False)[1].debugger.close()
        return made


def explanation_view(redactor: Redactor, explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as plain data, masked (S1)."""
    return {
        "succeeded": explanation.succeeded,
        "criteria": [_criterion(redactor, one) for one in explanation.criteria],
        "kind": explanation.kind,
        "actions": [_action(redactor, one) for one in explanation.actions],
        "unmatched": explanation.unmatched,
        "absent": [
            {"name": name, "why": redactor.text(absence.sentence), "hint": absence.hint}
            for name, absence in explanation.absent.items()
        ],
    }


def _criterion(redactor: Redactor, seen: CriterionSeen) -> dict[str, Any]:
    return {
        "condition": redactor.text(seen.condition),
        "type": seen.type,
        "passed": seen.passed,
        "why": redactor.text(seen.why),
        "operands": [{"text": one.text, "value": value_text(redactor, one.text, one.value)} for one in seen.operands],
    }


def _action(redactor: Redactor, seen: ActionSeen) -> dict[str, Any]:
    return {
        "name": seen.name,
        "type": seen.type,
        "target": seen.leads_to or "",
        "fate": seen.fate,
        "why": redactor.text(seen.why),
        "criteria": [_criterion(redactor, one) for one in seen.criteria],
    }
