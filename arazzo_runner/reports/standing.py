"""The status of a run, in the words for people."""

from __future__ import annotations

from arazzo_runner.engine.events import Outcome

STOPPED = frozenset({"interrupted", "ambiguous-request", "messages-missed"})
"""The reasons of a run that somebody or something stopped: no line of its document is wrong."""


def reported(outcome: Outcome) -> str:
    """Return the status of a run for programs: ``succeeded``, ``failed`` or ``stopped``."""
    return "stopped" if standing(outcome) == "stopped" else outcome.status


def standing(outcome: Outcome) -> str:
    """Return the status of a run for people: ``stopped`` and ``cancelled`` are not failures of its workflow."""
    code = outcome.reason.code if outcome.reason is not None else ""
    return "stopped" if code in STOPPED else "cancelled" if code == "cancelled" else outcome.status
