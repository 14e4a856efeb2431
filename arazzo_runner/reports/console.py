"""The console: a line a step as it happens, and a failure in full at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TextIO
from urllib.parse import urlsplit

import click
from msgspec import Struct

from arazzo_runner.effects import Headers
from arazzo_runner.engine.events import (
    Attempt,
    AttemptFinished,
    AttemptStarted,
    Authenticated,
    Event,
    Outcome,
    Reason,
    RunFinished,
    RunStarted,
    Waiting,
    Warned,
    WorkflowEntered,
)
from arazzo_runner.errors import Place
from arazzo_runner.reports.text import duration, label, one_line, scalar

PATH_WIDTH = 40
NOTICEABLE_WAIT = 5.0
"""Waits from this many seconds on are shown even where the line of a step cannot be rewritten."""


class ConsoleOptions(Struct, frozen=True):
    """The amount of output.

    Attributes:
        quiet: nothing but errors.
        verbose: 1 for requests and responses, 2 for their bodies too.
        colour: whether to use it.
        live: whether lines can be rewritten, as on a terminal.
    """

    quiet: bool = False
    verbose: int = 0
    colour: bool = False
    live: bool = False


class Console:
    """A listener that writes to ``stream``.

    Args:
        source_line: gives the text of a document's line, for failures; None when it is not known.
    """

    def __init__(
        self, stream: TextIO, options: ConsoleOptions, source_line: Callable[[Place], str | None] = lambda _: None
    ) -> None:
        self._stream = stream
        self._options = options
        self._source_line = source_line
        self._last: tuple[str, str, int] | None = None
        self._count = 0
        self._held: str | None = None

    @property
    def hears(self) -> tuple[type[Any], ...]:
        """The kinds of event that it shows something of."""
        return (RunFinished,) if self._options.quiet else (object,)

    @property
    def shows_details(self) -> bool:
        """Return whether it shows header fields and bodies."""
        return self._options.verbose > 0

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if self._options.quiet:
            if isinstance(event, RunFinished) and event.outcome.reason is not None:
                self._failure(event.outcome.reason)
            return
        match event:
            case RunStarted(workflow_id):
                self._line(self._style(label(workflow_id), bold=True))
            case WorkflowEntered(workflow_id, depth, cause):
                self._flush()
                self._line(f"{'  ' * depth}{label(workflow_id)} ({cause})")
            case AttemptStarted() if self._options.verbose:
                self._flush()
                request = event.request
                self._line(f"    > {request.method} {label(request.url)}")
                self._headers(">", request.headers)
                self._body(">", request.body)
            case AttemptFinished(attempt):
                self._attempt(attempt)
            case Authenticated() if self._options.verbose:
                self._exchange(event)
            case Waiting(_, _, seconds, why):
                self._waiting(seconds, why)
            case Warned(message, _, hint, _, place):
                self._flush()
                where = f"{label(str(place))}: " if place is not None else ""
                self._line(self._style(f"  ! {where}{one_line(message, 500)}", fg="yellow"))
                if hint:
                    self._line(f"    {one_line(hint, 500)}")
            case RunFinished(outcome):
                self._finished(outcome)
            case _:
                pass

    def _exchange(self, event: Authenticated) -> None:
        self._flush()
        what = f" (for {label(event.scheme)})" if event.scheme else ""
        self._line(f"    > {event.request.method} {label(event.request.url)}{what}")
        self._headers(">", event.request.headers)
        self._body(">", event.request.body)
        if event.response is not None:
            self._line(f"    < {event.response.status}")
            self._headers("<", event.response.headers)
            self._body("<", event.response.body)

    # Attempts

    def _attempt(self, attempt: Attempt) -> None:
        if self._options.verbose and attempt.response is not None:
            self._line(f"    < {attempt.response.status}")
            self._headers("<", attempt.response.headers)
            self._body("<", attempt.response.body)
        key = (attempt.workflow_id, attempt.step_id, attempt.depth)
        loops = self._loops(attempt)
        if key != self._last:
            self._flush()
            self._last, self._count = key, 1
            self._line(self._describe(attempt, 1))
        else:
            self._count += 1
            text = self._describe(attempt, self._count)
            if loops:
                self._hold(text)
            else:
                self._held = None
                self._rewind()
                self._line(text)
        if not loops:
            self._last = None
        for problem in attempt.problems:
            self._flush()
            self._line(self._style(f"      ! {one_line(problem, 300)}", fg="yellow"))

    @staticmethod
    def _loops(attempt: Attempt) -> bool:
        action = attempt.action
        if action is None:
            return False
        return action.type == "retry" or (action.type == "goto" and action.step_id == attempt.step_id)

    def _describe(self, attempt: Attempt, count: int) -> str:
        good = attempt.verdict == "succeeded"
        mark = self._style("✓", fg="green") if good else self._style("✗", fg="red")
        step = label(attempt.step_id).ljust(16)
        what = self._what(attempt)
        times = f"×{count}" if count > 1 else ""
        status = str(attempt.response.status) if attempt.response is not None else "–" if attempt.request else ""
        took = duration(attempt.duration)
        line = f"{'  ' * (attempt.depth + 1)}{mark} {step} {what.ljust(PATH_WIDTH)} {times:>4} {status:>4} {took:>8}"
        return f"{line}   {self._what_follows(attempt)}".rstrip()

    @staticmethod
    def _what(attempt: Attempt) -> str:
        if attempt.request is None:
            return label(attempt.operation)
        path = urlsplit(attempt.request.url).path or "/"
        # The server's own prefix is the same on every line; the operation's path is what tells them apart.
        template = attempt.operation.partition(" ")[2].partition("?")[0]
        segments = len([part for part in template.split("/") if part])
        shown = "/" + "/".join([part for part in path.split("/") if part][-segments:]) if segments else path
        text = f"{attempt.request.method:<4} {label(shown)}"
        return text if len(text) <= PATH_WIDTH else text[: PATH_WIDTH - 1] + "…"

    @staticmethod
    def _what_follows(attempt: Attempt) -> str:
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

    def _waiting(self, seconds: float, why: str) -> None:
        if self._options.verbose:
            self._line(f"    waiting {duration(seconds)} ({why})")
        elif self._options.live:
            self._hold((self._held or "").partition("   waiting ")[0] + f"   waiting {duration(seconds)} ({why})")
        elif seconds >= NOTICEABLE_WAIT and self._count <= 1:
            self._line(f"    waiting {duration(seconds)} ({why})")

    # Ends

    def _finished(self, outcome: Outcome) -> None:
        self._flush()
        requests = f"{outcome.requests} request{'' if outcome.requests == 1 else 's'}"
        good = outcome.status == "succeeded"
        status = self._style(outcome.status, fg="green" if good else "red", bold=True)
        unjudged = f" · {outcome.unjudged} not judged" if outcome.unjudged else ""
        self._line(f"{status} in {duration(outcome.duration)} · {requests}{unjudged}")
        if outcome.reason is not None:
            self._failure(outcome.reason)

    def _failure(self, reason: Reason) -> None:
        step = f"step {label(reason.step_id)}: " if reason.step_id else ""
        self._line("")
        self._line(self._style(f"{reason.code}: ", fg="red") + step + label(reason.message))
        if reason.place is not None:
            self._line(f"  at {label(str(reason.place))}")
            text = self._source_line(reason.place)
            if text:
                number = str(reason.place.line)
                self._line(f"  {number} | {label(text)}")
                self._line(f"  {' ' * len(number)} | {' ' * (reason.place.column - 1)}^")
        if reason.hint:
            self._line(f"  hint: {label(reason.hint)}")

    # Lines

    def _headers(self, mark: str, headers: Headers) -> None:
        for name, value in headers:
            self._line(f"    {mark} {label(name)}: {label(value)}")

    def _body(self, mark: str, body: bytes | None) -> None:
        if self._options.verbose < 2 or not body:
            return
        for line in body.decode("utf-8", "replace").splitlines():
            self._line(f"    {mark} {label(line)}")

    def _style(self, text: str, **style: Any) -> str:
        return click.style(text, **style) if self._options.colour else text

    def _hold(self, text: str) -> None:
        """Keep a line that the next one may replace; on a terminal it is shown meanwhile."""
        self._held = text
        if self._options.live:
            self._write(f"\r\x1b[2K{text}")

    def _rewind(self) -> None:
        if self._options.live:
            self._write("\r\x1b[2K")

    def _flush(self) -> None:
        if self._held is None:
            return
        held, self._held = self._held.partition("   waiting ")[0], None
        self._rewind()
        if held:
            self._line(held)

    def _line(self, text: str) -> None:
        self._write(text + "\n")

    def _write(self, text: str) -> None:
        """Write at once. A stream that takes nothing any more must not end a run whose requests were sent."""
        with suppress(OSError):
            self._stream.write(text)
            self._stream.flush()


def describe_inputs(inputs: Mapping[str, Any]) -> str:
    """Inputs on one line, for ``--dry-run``."""
    return ", ".join(f"{label(name)}={scalar(value)}" for name, value in inputs.items())
