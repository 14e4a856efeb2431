"""A step on one line: its mark, the request, the answer, the time it took and what follows."""

from __future__ import annotations

from urllib.parse import urlsplit

from arazzo_runner.effects import Request
from arazzo_runner.engine.events import Attempt, AttemptStarted, MessageAwaited
from arazzo_runner.reports.terminal.cells import cut, fitted, padded
from arazzo_runner.reports.text import duration, label, scalar

STEP_WIDTH = 16
REQUEST_WIDTH = 40
NARROWEST_REQUEST = 12
BESIDE_REQUEST = 46
"""The cells of a line that neither the request nor what follows takes; the request gets rather more of the others."""
REQUEST_SHARE = 0.55

SUCCEEDED, FAILED, AGAIN, UNDER_WAY = "✓", "✗", "↻", "…"
COLOURS = {SUCCEEDED: "green", FAILED: "red", AGAIN: "yellow", UNDER_WAY: "cyan"}


def mark_of(attempt: Attempt) -> str:
    """Return the mark of an attempt: one that is retried is a wait and not yet a failure."""
    if attempt.verdict == "succeeded":
        return SUCCEEDED
    return AGAIN if attempt.action is not None and attempt.action.type == "retry" else FAILED


def repeats(attempt: Attempt) -> bool:
    """Return whether the same step comes next."""
    action = attempt.action
    if action is None:
        return False
    return action.type == "retry" or (action.type == "goto" and action.step_id == attempt.step_id)


def attempt_line(attempt: Attempt, tries: int, columns: int | None) -> str:
    """Return the line of an attempt that is over.

    Args:
        tries: how often in a row the step was attempted.
        columns: the terminal's width; None for a file.
    """
    exchanged = attempt.exchanged
    unanswered = attempt.request is not None or (exchanged is not None and exchanged.message is None)
    status = str(attempt.response.status) if attempt.response is not None else "–" if unanswered else ""
    what = _request(attempt.request, attempt.operation) if attempt.request else label(attempt.operation)
    if exchanged is not None:
        what = label(exchanged.title)
    head = _head(mark_of(attempt), attempt.step_id, attempt.depth, what, tries, columns)
    line = f"{head} {status:>4} {duration(attempt.duration):>8}   {what_follows(attempt)}".rstrip()
    return line if columns is None else cut(line, columns)


def request_line(started: AttemptStarted | MessageAwaited, operation: str, tries: int, columns: int | None) -> str:
    """Return the line of what is under way; the operation of a request is known from the second attempt on."""
    if isinstance(started, MessageAwaited):
        what = label(started.exchanged.title)
    else:
        what = _request(started.request, operation)
    return _head(UNDER_WAY, started.step_id, started.depth, what, tries, columns)


def _head(mark: str, step_id: str, depth: int, what: str, tries: int, columns: int | None) -> str:
    room = REQUEST_WIDTH if columns is None else _request_width(columns)
    times = f"try {tries}" if tries > 1 else ""
    return f"{'  ' * (depth + 1)}{mark} {padded(label(step_id), STEP_WIDTH)} {fitted(what, room)} {times:>7}"


def _request_width(columns: int) -> int:
    return max(NARROWEST_REQUEST, min(REQUEST_WIDTH, int((columns - BESIDE_REQUEST) * REQUEST_SHARE)))


def _request(request: Request, operation: str) -> str:
    path = urlsplit(request.url).path or "/"
    # The server's own prefix is the same on every line; the operation's path is what tells them apart.
    template = operation.partition(" ")[2].partition("?")[0]
    segments = len([part for part in template.split("/") if part])
    shown = "/" + "/".join([part for part in path.split("/") if part][-segments:]) if segments else path
    return f"{request.method:<4} {label(shown)}"


def what_follows(attempt: Attempt) -> str:
    """Return the state that a step has seen, and the action that follows it."""
    parts = []
    state = next((v for k, v in attempt.outputs.items() if k.lower() in ("state", "status")), None)
    if isinstance(state, (str, int)):
        parts.append(scalar(state, 30))
    action = attempt.action
    if action is not None and action.name is not None:
        target = action.step_id or action.workflow_id or ("again" if action.type == "retry" else action.type)
        parts.append(f"{label(action.name)} → {label(target)}")
    elif attempt.reason is not None:
        parts.append(attempt.reason.code)
    if attempt.breaks_contract:
        parts.append("contract")
    return " · ".join(parts)
