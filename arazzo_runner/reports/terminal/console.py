"""The console: a line a step as it happens, and a failure in full at the end.

On a terminal the last line is live: a request that is under way shows its time, a wait counts down, and of a step that
is attempted again and again the latest attempt is shown. Elsewhere a line in half a minute says what a run waits for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TextIO, TypeAlias

import click
from msgspec import Struct

from arazzo_runner.effects import SAFE, Message, Request, Response
from arazzo_runner.engine.events import (
    Attempt,
    AttemptFinished,
    AttemptStarted,
    Authenticated,
    Event,
    MessageAwaited,
    Outcome,
    Reason,
    RunFinished,
    RunStarted,
    Waiting,
    Warned,
    WorkflowEntered,
)
from arazzo_runner.errors import Place
from arazzo_runner.reports.terminal.live_line import FRAME, HEARTBEAT, LiveLine, Ticker
from arazzo_runner.reports.terminal.step_line import COLOURS, UNDER_WAY, attempt_line, repeats, request_line
from arazzo_runner.reports.text import duration, label, located, one_line, scalar, whole_duration

_STATUS_COLOURS = {"succeeded": "green", "stopped": "yellow", "cancelled": "yellow"}
Pending: TypeAlias = AttemptStarted | MessageAwaited | Waiting
"""What may be under way while nothing else is told."""

NOTICEABLE_WAIT = 5.0
"""Waits from this many seconds on are shown even where the line of a step cannot be rewritten."""
ROOM_FOR_REASONS = 80
"""The columns from which on a wait that counts down says why."""
NOTICEABLE_REQUEST = 0.2
"""Seconds until a request that is under way is shown."""


class ConsoleOptions(Struct, frozen=True):
    """The amount of output.

    Attributes:
        quiet: nothing but errors.
        verbose: 1 for requests and responses, 2 for their bodies too.
        curl: show each request as a cURL command.
        colour: whether to use it.
        live: whether lines can be rewritten, as on a terminal.
        columns: returns the terminal's width; None where lines may have any.
        heartbeat: seconds without a line until one says what is waited for; None for never.
    """

    quiet: bool = False
    verbose: int = 0
    curl: bool = False
    colour: bool = False
    live: bool = False
    columns: Callable[[], int] | None = None
    heartbeat: float | None = HEARTBEAT


class Console:
    """A listener that writes to ``stream``. Close it when the run has ended: it has a thread.

    Args:
        source_line: returns the text of a document's line, for failures; None when it is not known.
        clock: seconds, for what is under way.
    """

    def __init__(
        self,
        stream: TextIO,
        options: ConsoleOptions,
        source_line: Callable[[Place], str | None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._options = options
        self._source_line = source_line
        self._clock = clock
        self._last: tuple[str, str, int] | None = None
        self._count = 0
        self._held: tuple[Attempt, int] | None = None
        self._pending: Pending | None = None
        self._since = 0.0
        self._sent: AttemptStarted | None = None
        self._latest: Attempt | None = None
        self._lock = threading.RLock()
        self._began = self._spoke = clock()
        columns = options.columns
        self._live = LiveLine(self._write, columns) if options.live and columns else None
        self._ticker = Ticker(self._tick)
        self._silent_requests = not (options.quiet or options.verbose or options.curl)

    @property
    def hears(self) -> tuple[type[Any], ...]:
        """The kinds of event that it shows something of."""
        return (RunFinished,) if self._options.quiet else (object,)

    @property
    def shows_details(self) -> bool:
        """Return whether it shows header fields and bodies."""
        return self._options.verbose > 0 or self._options.curl

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if self._silent_requests and isinstance(event, AttemptStarted | MessageAwaited):
            # Every step has one: it is only remembered, the time before what it is the time of.
            self._since = self._clock()
            self._pending = event
            self._sent = event if isinstance(event, AttemptStarted) else None
            if not self._ticker.started:
                self._begin_ticking()
            return
        with self._lock:
            self._show(event)

    def say(self, text: str) -> None:
        """Show a line beside those of the run."""
        with self._lock:
            self._line(text)

    def show_failure(self, outcome: Outcome) -> None:
        """Show why a run did not succeed."""
        with self._lock:
            if outcome.reason is not None:
                self._failure(outcome, outcome.reason)

    def close(self) -> None:
        """Show no more: the live line goes, and the thread ends."""
        self._ticker.stop()
        with self._lock:
            self._pending = None
            self._flush()

    def _show(self, event: Event) -> None:
        if self._options.quiet:
            if isinstance(event, RunFinished) and event.outcome.reason is not None:
                self._failure(event.outcome, event.outcome.reason)
            return
        match event:
            case RunStarted(workflow_id):
                self._line(self._style(label(workflow_id), bold=True))
            case WorkflowEntered(workflow_id, depth, cause):
                self._flush()
                self._line(f"{'  ' * depth}{label(workflow_id)} ({cause})")
            case AttemptStarted():
                self._sending(event)
            case MessageAwaited():
                self._exchanging(event)
            case AttemptFinished(attempt):
                self._pending = self._sent = None
                self._attempt(attempt)
            case Authenticated() if self._options.verbose:
                self._exchange(event)
            case Waiting():
                self._waiting(event)
            case Warned(message, _, hint, _, place):
                self._flush()
                where = f"{label(located(place))}: " if place is not None else ""
                self._line(self._style(f"  ! {where}{one_line(message, 500)}", fg="yellow"))
                if hint:
                    self._line(f"    {one_line(hint, 500)}")
            case RunFinished(outcome):
                self._ticker.stop()
                self._pending = None
                self._finished(outcome)
            case _:
                pass

    def _exchange(self, event: Authenticated) -> None:
        self._flush()
        what = f" (for {label(event.scheme)})" if event.scheme else ""
        self._line(f"    > {event.request.method} {label(event.request.url)}{what}")
        self._content(">", event.request)
        if event.response is not None:
            self._line(f"    < {event.response.status}")
            self._content("<", event.response)

    # Attempts

    def _sending(self, started: AttemptStarted) -> None:
        self._sent = started
        if self._options.verbose:
            self._flush()
            request = started.request
            self._line(f"    > {request.method} {label(request.url)}")
            self._content(">", request)
        if self._options.curl or self._options.verbose > 1:
            from arazzo_runner.reports.curl import curl_command

            self._flush()
            self._line(self._style(f"    $ {curl_command(started.request)}", dim=True))
        self._await(started)

    def _exchanging(self, event: MessageAwaited) -> None:
        if self._options.verbose:
            self._flush()
            exchanged = event.exchanged
            mark = ">" if exchanged.action == "send" else "<"
            matching = (
                "" if exchanged.correlation_id is None else f" (correlation id {label(exchanged.correlation_id)})"
            )
            self._line(f"    {mark} {label(exchanged.title)} at {label(exchanged.url)}{matching}")
            if exchanged.message is not None:
                self._content(mark, exchanged.message)
        self._await(event)

    def _attempt(self, attempt: Attempt) -> None:
        if self._options.verbose and attempt.response is not None:
            self._line(f"    < {attempt.response.status}")
            self._content("<", attempt.response)
        exchanged = attempt.exchanged
        if self._options.verbose and exchanged is not None and exchanged.action == "receive":
            if exchanged.others:
                self._line(f"    < {exchanged.others:,} not for this step")
            if exchanged.message is not None:
                self._content("<", exchanged.message)
        self._latest = attempt
        key = (attempt.workflow_id, attempt.step_id, attempt.depth)
        again = repeats(attempt)
        if key != self._last:
            self._flush()
            self._last, self._count = key, 1
            self._step(attempt_line(attempt, 1, self._columns))
        else:
            self._count += 1
            self._held = (attempt, self._count)
            if not again:
                self._flush()
            elif self._live is not None:
                self._live.draw(attempt_line(*self._held, self._columns), style=self._styled_step)
        if not again:
            self._last = None
        for problem in attempt.problems:
            self._flush()
            self._line(self._style(f"      ! {one_line(problem, 300)}", fg="yellow"))

    def _waiting(self, wait: Waiting) -> None:
        seconds, why = wait.seconds, wait.why
        if self._options.verbose or (self._live is None and seconds >= NOTICEABLE_WAIT and self._count <= 1):
            self._line(f"    waiting {duration(seconds)} ({why})")
        self._await(wait)

    # What is under way

    def _await(self, pending: Pending) -> None:
        self._pending, self._since = pending, self._clock()
        if self._live is not None and isinstance(pending, Waiting):
            self._draw(self._live, pending, self._since)
        self._begin_ticking()

    def _begin_ticking(self) -> None:
        first = FRAME if self._live is not None else self._options.heartbeat
        if first is not None:
            self._ticker.start(first)

    def _tick(self) -> float:
        """Show how far it is; return the seconds until it is looked at again."""
        with self._lock:
            pending, now = self._pending, self._clock()
            if self._live is not None:
                if pending is not None and (isinstance(pending, Waiting) or now - self._since >= NOTICEABLE_REQUEST):
                    self._draw(self._live, pending, now)
                return FRAME
            period, silence = self._options.heartbeat or HEARTBEAT, now - self._spoke
            if pending is None or silence < period:
                return max(period - silence, FRAME)
            line = " ".join("".join(self._pending_line(pending, now)).split()).removeprefix(f"{UNDER_WAY} ")
            self._line(f"    {UNDER_WAY} {line} · {whole_duration(now - self._began)} so far")
            return period

    def _draw(self, live: LiveLine, pending: Pending, now: float) -> None:
        text, tail = self._pending_line(pending, now)
        live.draw(text, tail, style=self._styled_step)

    def _pending_line(self, pending: Pending, now: float) -> tuple[str, str]:
        """The line of what a run waits for, and what stands at its end: the time so far, or the time left."""
        passed = now - self._since
        if isinstance(pending, AttemptStarted | MessageAwaited):
            again = self._last == (pending.workflow_id, pending.step_id, pending.depth)
            operation = self._latest.operation if again and self._latest is not None else ""
            text = request_line(pending, operation, self._count + 1 if again else 1, self._columns)
            if isinstance(pending, MessageAwaited) and pending.seconds is not None:
                return text, f"   waiting {whole_duration(pending.seconds - passed, up=True)}"
            return text, f"   {whole_duration(passed)}" if passed >= 1 else ""
        left = whole_duration(pending.seconds - passed, up=True)
        before = "   " if self._live is not None else f"    {label(pending.step_id)}"
        text = attempt_line(*self._held, self._columns) if self._held else before
        why = "" if self._columns is not None and self._columns < ROOM_FOR_REASONS else f" ({pending.why})"
        return text, f"   waiting {left}{why}"

    # Ends

    def _finished(self, outcome: Outcome) -> None:
        from arazzo_runner.reports.standing import standing

        self._flush()
        shown = standing(outcome)
        status = self._style(shown, fg=_STATUS_COLOURS.get(shown, "red"), bold=True)
        unjudged = f" · {outcome.unjudged} not judged" if outcome.unjudged else ""
        self._line(f"{status} in {duration(outcome.duration)} · {outcome.exchanged}{unjudged}")
        if outcome.reason is not None:
            self._failure(outcome, outcome.reason)

    def _failure(self, outcome: Outcome, reason: Reason) -> None:
        from arazzo_runner.reports.standing import standing
        from arazzo_runner.reports.terminal.source_excerpt import MAX_LINE, excerpt

        place = reason.place
        workflow = place.workflow if place is not None and place.workflow else outcome.workflow_id
        step = f", step {label(reason.step_id)}" if reason.step_id else ""
        stopped = standing(outcome) != outcome.status
        self._line("")
        code = self._style(f"{reason.code}: ", fg="yellow" if stopped else "red")
        self._line(f"{code}workflow {label(workflow)}{step}: {label(reason.message)}")
        if place is not None:
            self._line(f"  at {label(str(place))}")
            text = None if stopped else self._source_line(place)
            if text:
                lead = f"  {place.line} | "
                room = MAX_LINE if self._columns is None else max(self._columns - len(lead) - 2, 20)
                for line in excerpt(text, place.column, lead=lead, room=room):
                    self._line(line)
        if stopped and self._sent is not None and self._sent.request.method not in SAFE:
            request = self._sent.request
            self._line(f"  {request.method} {label(request.url)} was under way: it may have changed something")
        if reason.hint:
            self._line(f"  hint: {label(reason.hint)}")

    # Lines

    def _content(self, mark: str, sent: Request | Response | Message) -> None:
        """Show header fields and the body."""
        for name, value in sent.headers:
            self._line(f"    {mark} {label(name)}: {label(value)}")
        if isinstance(sent, Message):
            self._body(mark, sent.payload, sent.content_type)
        else:
            self._body(mark, sent.body, sent.header("Content-Type"))

    def _body(self, mark: str, body: bytes | None, content_type: str | None) -> None:
        if self._options.verbose < 2 or not body:
            return
        from arazzo_runner.reports.terminal.body_lines import body_lines

        for line in body_lines(body, content_type, colour=self._options.colour):
            self._line(f"    {mark} {line}")

    def _style(self, text: str, **style: Any) -> str:
        return click.style(text, **style) if self._options.colour else text

    def _styled_step(self, text: str) -> str:
        """Colour the mark of a step's line."""
        mark = text.lstrip()[:1]
        return text.replace(mark, self._style(mark, fg=COLOURS[mark]), 1) if mark in COLOURS else text

    def _step(self, text: str) -> None:
        self._line(self._styled_step(text) if self._options.colour else text)

    @property
    def _columns(self) -> int | None:
        return None if self._options.columns is None else self._options.columns()

    def _flush(self) -> None:
        """Let what the next line may replace stand."""
        held, self._held = self._held, None
        if held is not None:
            self._step(attempt_line(*held, self._columns))
        elif self._live is not None:
            self._live.clear()

    def _line(self, text: str) -> None:
        if self._live is not None:
            self._live.clear()
        self._spoke = self._clock()
        self._write(text + "\n")

    def _write(self, text: str) -> None:
        """Write at once. A stream that takes nothing any more must not end a run whose requests were sent."""
        with suppress(OSError):
            self._stream.write(text)
            self._stream.flush()


def describe_inputs(inputs: Mapping[str, Any]) -> str:
    """Inputs on one line, for ``--dry-run``."""
    return ", ".join(f"{label(name)}={scalar(value)}" for name, value in inputs.items())
