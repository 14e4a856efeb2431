"""The Debug Adapter Protocol: a debugged run in an editor."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import PurePath
from typing import TypeAlias

from msgspec import Struct

from arazzo_runner.cli.driving.dap_messages import Message, Messages
from arazzo_runner.cli.driving.dap_variables import Variables
from arazzo_runner.cli.driving.debug_console import level
from arazzo_runner.errors import ArazzoError, UsageError
from arazzo_runner.reports import debug_views as views
from arazzo_runner.reports.evaluation import evaluated, evaluation_lines
from arazzo_runner.runtime.debugging.confirmation import ConfirmationNeeded
from arazzo_runner.runtime.debugging.debugger import Debugger
from arazzo_runner.runtime.debugging.lines import anchor_at, path_of, place_of
from arazzo_runner.runtime.debugging.points import OUTGOING, Point
from arazzo_runner.runtime.debugging.stops import Stop, condition_of

Open: TypeAlias = Callable[[Message, ExitStack], tuple[Debugger, list[str]]]
THREAD = 1
CAPABILITIES = {
    "supportsConfigurationDoneRequest": True,
    "supportsConditionalBreakpoints": True,
    "supportsHitConditionalBreakpoints": True,
    "supportsLogPoints": True,
    "supportsStepBack": True,
    "supportsSetVariable": True,
    "supportsEvaluateForHovers": True,
    "exceptionBreakpointFilters": [
        {"filter": "failed", "label": "A criterion does not hold", "default": False},
        {"filter": "unmatched", "label": "There are actions, and none matches", "default": False},
    ],
}
_EMBEDDED = re.compile(r"\{([^{}]+)\}")


class LineStop(Struct, frozen=True):
    """A breakpoint of an editor.

    Attributes:
        log: what is said there instead of stopping; empty to stop.
    """

    stop: Stop
    log: str = ""


class DebugAdapter:
    """Serves one editor until it goes.

    Args:
        open_debugger: opens what the arguments of ``launch`` ask for.
    """

    def __init__(self, messages: Messages, open_debugger: Open) -> None:
        self._messages = messages
        self._open = open_debugger
        self._stack = ExitStack()
        self._debugger: Debugger | None = None
        self._variables: Variables | None = None
        self._lines: dict[str, list[LineStop]] = {}
        self._exceptions: list[LineStop] = []
        self._on_entry = False
        self._refused = -1

    def serve(self) -> int:
        """Answer requests; return the exit status."""
        with self._stack:
            while (request := self._messages.next()) is not None:
                command = request.get("command", "")
                try:
                    handler = getattr(self, f"do_{re.sub('[^a-zA-Z]', '', command)}", None)
                    if handler is None:
                        self._messages.refuse(request, f"{command} is not supported")
                    else:
                        handler(request, request.get("arguments") or {})
                except ArazzoError as error:
                    hint = f"; {error.hint}" if error.hint else ""
                    self._messages.refuse(request, self._safe(f"{error.message}{hint}"))
                if command in ("disconnect", "terminate"):
                    break
        return 0

    # Beginning and end

    def do_initialize(self, request: Message, _: Message) -> None:
        """Tell what there is."""
        self._messages.respond(request, CAPABILITIES)

    def do_launch(self, request: Message, arguments: Message) -> None:
        """Open the run; breakpoints follow."""
        self._debugger, warnings = self._open(arguments, self._stack)
        self._variables = Variables(self._debugger)
        self._on_entry = bool(arguments.get("stopOnEntry"))
        self._messages.respond(request)
        for warning in warnings:
            self._say(f"! {warning}")
        self._messages.event("initialized")

    def do_configurationDone(self, request: Message, _: Message) -> None:  # noqa: N802 - the protocol's name
        """Begin."""
        self._messages.respond(request)
        if self._on_entry:
            self._stopped("entry")
        elif not self._stops_here():
            self._move(lambda _point: False, "breakpoint")
        else:
            self._stopped("breakpoint")

    def do_disconnect(self, request: Message, _: Message) -> None:
        """End."""
        self._messages.respond(request)

    def do_terminate(self, request: Message, _: Message) -> None:
        """End."""
        self._messages.respond(request)
        self._messages.event("terminated")

    # Breakpoints

    def do_setBreakpoints(self, request: Message, arguments: Message) -> None:  # noqa: N802 - the protocol's name
        """Take the breakpoints of a file."""
        path = str(arguments.get("source", {}).get("path", ""))
        taken, shown = [], []
        for wanted in arguments.get("breakpoints", ()):
            anchor = anchor_at(self._run.plan, path, int(wanted["line"]))
            if anchor is None:
                shown.append({"verified": False, "line": wanted["line"], "message": "no step of this run stands there"})
                continue
            try:
                condition = condition_of(wanted["condition"]) if wanted.get("condition") else None
                hits = _hits_of(str(wanted.get("hitCondition") or "1"))
            except ArazzoError as error:
                shown.append({"verified": False, "line": wanted["line"], "message": self._safe(error.message)})
                continue
            stop = Stop("", anchor.step, anchor.where, condition, anchor.workflow, anchor.action, hits - 1)
            taken.append(LineStop(stop, str(wanted.get("logMessage") or "")))
            shown.append({"verified": True, "line": anchor.line})
        self._lines[path] = taken
        self._messages.respond(request, {"breakpoints": shown})

    def do_setExceptionBreakpoints(self, request: Message, arguments: Message) -> None:  # noqa: N802 - as above
        """Take the kinds of failure that hold the run."""
        self._exceptions = [
            LineStop(Stop("", place=name)) for name in arguments.get("filters", ()) if name in ("failed", "unmatched")
        ]
        self._messages.respond(request)

    # Moves

    def do_continue(self, request: Message, _: Message) -> None:
        """Go on to a breakpoint."""
        self._go(request, lambda _point: False, "breakpoint", {"allThreadsContinued": True})

    def do_next(self, request: Message, _: Message) -> None:
        """Go on to the next request of this workflow."""
        start = level(self._run.point)
        self._go(request, lambda point: point.where in (*OUTGOING, "call") and level(point) <= start, "step")

    def do_stepIn(self, request: Message, _: Message) -> None:  # noqa: N802 - the protocol's name
        """Go to the very next point."""
        self._go(request, lambda _point: True, "step")

    def do_stepOut(self, request: Message, _: Message) -> None:  # noqa: N802 - the protocol's name
        """Go on until this workflow has ended."""
        depth = self._run.point.depth
        self._go(request, lambda point: point.depth < depth, "step")

    def do_stepBack(self, request: Message, _: Message) -> None:  # noqa: N802 - the protocol's name
        """Go back by one turn; nothing is sent."""
        self._run.back()
        self._messages.respond(request)
        self._stopped("step")

    def do_reverseContinue(self, request: Message, _: Message) -> None:  # noqa: N802 - the protocol's name
        """Go back to a breakpoint, or to the beginning; nothing is sent."""
        while self._run.point_back():
            if any(not one.log for one in self._holding()):
                break
        self._messages.respond(request)
        self._stopped("breakpoint" if self._holding() else "entry")

    def do_pause(self, request: Message, _: Message) -> None:
        """Stop; a run that went on has stopped already when this is heard."""
        self._messages.respond(request)

    # Looking

    def do_threads(self, request: Message, _: Message) -> None:
        """Tell the one thread."""
        self._messages.respond(request, {"threads": [{"id": THREAD, "name": self._run.plan.workflow.workflow_id}]})

    def do_stackTrace(self, request: Message, _: Message) -> None:  # noqa: N802 - the protocol's name
        """Tell the workflows under way, the innermost first."""
        debugger = self._run
        frames = []
        state = debugger.state
        for number in range(len(state.frames) - 1, -1, -1):
            frame = state.frames[number]
            workflow = debugger.plan.workflows[frame.workflow]
            step = workflow.steps[frame.position] if frame.position < len(workflow.steps) else None
            innermost = number == len(state.frames) - 1
            place = place_of(debugger) if innermost else (step.spot if step is not None else workflow.spot).place
            name = (
                views.position_line(debugger)
                if innermost
                else f"{workflow.workflow_id}: {step.step_id if step else ''}"
            )
            source = {"name": PurePath(place.path).name, "path": path_of(place)}
            where = {"line": place.line, "column": place.column}
            frames.append({"id": number + 1, "name": name, "source": source, **where})
        if not frames:
            place = debugger.workflow.spot.place
            source = {"name": PurePath(place.path).name, "path": path_of(place)}
            where = {"line": place.line, "column": place.column}
            frames.append({"id": 1, "name": views.position_line(debugger), "source": source, **where})
        self._messages.respond(request, {"stackFrames": frames, "totalFrames": len(frames)})

    def do_scopes(self, request: Message, _: Message) -> None:
        """Tell the scopes of the point at hand."""
        self._messages.respond(request, {"scopes": self._seen.scopes()})

    def do_variables(self, request: Message, arguments: Message) -> None:
        """Tell what is in a variable."""
        self._messages.respond(request, {"variables": self._seen.within(int(arguments["variablesReference"]))})

    def do_setVariable(self, request: Message, arguments: Message) -> None:  # noqa: N802 - the protocol's name
        """Set an input, or an output of a step."""
        number, name, value = int(arguments["variablesReference"]), str(arguments["name"]), str(arguments["value"])
        self._messages.respond(request, self._seen.change(number, name, value))
        self._messages.event("invalidated", areas=["variables", "stacks"])

    def do_evaluate(self, request: Message, arguments: Message) -> None:
        """Evaluate an expression or condition."""
        lines = list(evaluation_lines(evaluated(self._run, str(arguments["expression"]))))
        self._messages.respond(request, {"result": "\n".join(lines), "variablesReference": 0})

    # What they share

    @property
    def _run(self) -> Debugger:
        if self._debugger is None:
            raise UsageError("nothing is launched")
        return self._debugger

    @property
    def _seen(self) -> Variables:
        if self._variables is None:
            raise UsageError("nothing is launched")
        return self._variables

    def _safe(self, text: str) -> str:
        return text if self._debugger is None else self._debugger.redactor.text(text)

    def _say(self, text: str) -> None:
        self._messages.event("output", category="console", output=f"{self._safe(text)}\n")

    def _holding(self) -> list[LineStop]:
        """The breakpoints that hold here."""
        run = self._run
        stops = [*self._exceptions, *(one for lines in self._lines.values() for one in lines)]
        run.stops = {number: one.stop for number, one in enumerate(stops)}
        holding = run.stops_here()
        return [one for one in stops if any(one.stop is stop for stop in holding)]

    def _stops_here(self) -> bool:
        """Say what log points say here; return whether the run is held."""
        holding = self._holding()
        for one in holding:
            if one.log:
                self._say(_EMBEDDED.sub(lambda found: " ".join(self._value(found[1])), one.log))
        return any(not one.log for one in holding)

    def _value(self, text: str) -> list[str]:
        try:
            return [line.strip() for line in evaluation_lines(evaluated(self._run, text))]
        except ArazzoError as error:
            return [f"({error.message})"]

    def _go(self, request: Message, until: Callable[[Point], bool], why: str, body: Message | None = None) -> None:
        run = self._run
        run.yes, before = run.yes or self._refused == run.index, run.yes
        try:
            if run.has_ended:
                raise UsageError("the run has ended", hint="step back, or end the session")
            run.step_once()
        except ConfirmationNeeded as needed:
            self._refused = run.index
            raise UsageError(needed.message, hint="do that again to send it again") from None
        finally:
            run.yes = before
        self._refused = -1
        self._messages.respond(request, body)
        self._move(until, why, moved=True)

    def _move(self, until: Callable[[Point], bool], why: str, *, moved: bool = False) -> None:
        """Go on until a breakpoint, a pause or the end, and tell where the run is held."""
        run = self._run
        try:
            while True:
                if moved:
                    if line := views.passed_line(run, run.point):
                        self._say(line)
                    if self._stops_here():
                        failed = any(one in self._exceptions for one in self._holding())
                        self._stopped("exception" if failed else "breakpoint")
                        return
                    if run.has_ended:
                        self._ended()
                        return
                    if until(run.point):
                        self._stopped(why)
                        return
                    if self._messages.is_interrupted():
                        self._stopped("pause")
                        return
                run.step_once()
                moved = True
        except ArazzoError as error:
            self._say(f"{error.message}{f'; {error.hint}' if error.hint else ''}")
            self._stopped("pause")

    def _ended(self) -> None:
        """The run is over: it is held there, so that one can look at it and go back."""
        self._say(views.position_line(self._run))
        self._stopped("step", description="the run has ended")

    def _stopped(self, reason: str, description: str = "") -> None:
        self._seen.forget()
        more = {"description": description} if description else {}
        self._messages.event("stopped", reason=reason, threadId=THREAD, allThreadsStopped=True, **more)


def _hits_of(text: str) -> int:
    """The number of times that a breakpoint has to be hit before it holds the run.

    Raises:
        UsageError: it is none.
    """
    text = text.strip().removeprefix(">=").strip()
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 10**9):
        raise UsageError(f"{text[:50]!r} is not a hit count", hint="write a whole number from 1")
    return int(text)
