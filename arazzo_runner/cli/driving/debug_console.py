"""The loop of ``arazzo debug``: commands from a person, a file or a pipe, and what they do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

import click

from arazzo_runner.cli.driving import debug_values as values
from arazzo_runner.cli.driving.debug_words import COMMANDS, Command, count_of, read_command
from arazzo_runner.errors import ArazzoError, ExpressionSyntaxError, UsageError
from arazzo_runner.reports import debug_views as views
from arazzo_runner.reports.evaluation import evaluated, evaluation_lines
from arazzo_runner.reports.text import label
from arazzo_runner.runtime.debugging.confirmation import ConfirmationNeeded
from arazzo_runner.runtime.debugging.debugger import Debugger
from arazzo_runner.runtime.debugging.points import OUTGOING, Point
from arazzo_runner.runtime.debugging.stops import read_stop

if TYPE_CHECKING:
    from arazzo_runner.cli.driving.debug_resumption import Resume


class CommandLines(Protocol):
    """A source of commands.

    Attributes:
        is_script: the first error ends it, and each command is shown.
    """

    is_script: bool

    def read(self, prompt: str) -> str | None:
        """The next line; None when there is none."""

    def confirms(self, question: str) -> bool:
        """Ask a question that is answered with yes or no; a script says no."""


class DebugConsole:
    """A debugger and the person, or the script, that uses it.

    Args:
        resume: continues a durable run from the point at hand; None where there is none.
    """

    def __init__(self, debugger: Debugger, lines: CommandLines, resume: Resume | None = None) -> None:
        self.debugger = debugger
        self._resume = resume
        self._resumed: int | None = None
        self._lines = lines
        self._last = ""
        self._number = 0
        self._warned = -1
        self._does: dict[str, Callable[[Command], None]] = {
            "next": lambda _: self._go(self._next),
            "step": lambda _: self._step(),
            "out": lambda _: self._go(self._out),
            "continue": lambda _: self._go(lambda _start, _point: False),
            "back": self._back,
            "forward": self._forward,
            "break": self._break,
            "delete": self._delete,
            "print": lambda command: self._say(*evaluation_lines(evaluated(debugger, command.rest))),
            "set": self._set,
            "edit": lambda _: self._edit(),
            "answer": self._answer,
            "resume": lambda _: self._go_on_by_itself(),
            "where": lambda _: self._say(*self._where()),
            "diff": lambda _: self._say(*views.difference_lines(debugger)),
            "list": lambda _: self._say(*views.source_lines(debugger)),
            "help": lambda _: self._say(*(f"  {name} {takes:14} {does}" for name, takes, does in _help())),
        }

    def add_stop(self, text: str) -> None:
        """Stop there.

        Raises:
            UsageError: nothing can stop there.
        """
        steps = [step.step_id for workflow in self.debugger.plan.workflows.values() for step in workflow.steps]
        self._number += 1
        self.debugger.stops[self._number] = read_stop(text, steps, strict=self.debugger.plan.options.strict)

    def run(self, *, go_on: bool = False) -> int:
        """Read commands until there are no more; return the exit status.

        Args:
            go_on: go on to the first stop before that.
        """
        self._here()
        if go_on:
            self._attempt(Command("continue"))
        while True:
            try:
                line = self._lines.read("(arazzo) ")
            except KeyboardInterrupt:
                continue
            if line is None:
                return self._status()
            line = line.strip() or self._last
            if not line or line.startswith("#"):
                continue
            if self._lines.is_script:
                self._say(f"(arazzo) {values.shown_command(self.debugger.redactor, line)}")
            try:
                command = read_command(line)
            except UsageError as error:
                self._tell(error)
                status = error.exit_status
            else:
                if command.name == "quit":
                    return self._status()
                self._last = line
                status = self._attempt(command)
                if self._resumed is not None:
                    return self._resumed
            if status and self._lines.is_script:
                return status

    def _attempt(self, command: Command) -> int:
        """Carry out a command, tell what is wrong with it, and return the exit status for that."""
        try:
            self._carry_out(command)
        except KeyboardInterrupt:
            self._say("interrupted; a request may have been sent, its answer is not known")
            self._here()
            return 130
        except ArazzoError as error:
            self._tell(error)
            return error.exit_status
        return 0

    def _status(self) -> int:
        outcome = self.debugger.kept.turn.outcome
        return 1 if outcome is not None and outcome.reason is not None else 0

    def _carry_out(self, command: Command) -> None:
        debugger, before = self.debugger, self.debugger.yes
        debugger.yes = before or command.yes
        try:
            self._does[command.name](command)
        except ConfirmationNeeded as needed:
            if self._lines.is_script or not self._lines.confirms(f"{needed.message}. Send it again?"):
                raise
            debugger.yes = True
            self._does[command.name](command)
        finally:
            debugger.yes = before

    def _say(self, *lines: str) -> None:
        for line in lines:
            click.echo(line)

    def _tell(self, error: ArazzoError) -> None:
        text = self.debugger.redactor.text
        self._say(f"error: {label(text(error.message))}")
        if isinstance(error, ExpressionSyntaxError) and error.text and "\n" not in error.text:
            self._say(f"  {label(text(error.text))}", f"  {' ' * error.position}^")
        if error.hint:
            self._say(f"  hint: {label(text(error.hint))}")

    def _warn(self) -> None:
        """Tell the warnings of the turn at hand, once."""
        if self.debugger.index > self._warned:
            self._warned = self.debugger.index
            self._say(*views.warning_lines(self.debugger))

    def _here(self) -> None:
        self._warn()
        self._say(views.position_line(self.debugger))
        outcome = self.debugger.kept.turn.outcome
        if self.debugger.has_ended and outcome is not None:
            shown = views.masked(self.debugger.redactor, "$outputs", outcome.outputs)
            self._say(
                *(label(line) for line in json.dumps(shown, ensure_ascii=False, indent=2, default=str).split("\n"))
            )

    # Forth and back

    def _go(self, until: Callable[[Point, Point], bool]) -> None:
        start = self.debugger.point

        def passed(point: Point) -> bool:
            self._warn()
            if line := views.passed_line(self.debugger, point):
                self._say(line)
            return until(start, point)

        stop = self.debugger.proceed(passed)
        if stop is not None:
            number = next(number for number, one in self.debugger.stops.items() if one is stop)
            self._say(f"stop {number}: {label(stop.text)}")
        self._here()

    def _next(self, start: Point, point: Point) -> bool:
        return (point.where in OUTGOING or point.where == "call") and level(point) <= level(start)

    def _out(self, start: Point, point: Point) -> bool:
        return point.depth < start.depth and (point.where in OUTGOING or point.where == "criteria")

    def _go_on_by_itself(self) -> None:
        if self._resume is None:
            raise UsageError(
                "only a durable run can be resumed", hint="continue goes on here; arazzo debug --run ID opens one"
            )
        self._resumed = self._resume(self.debugger)

    def _step(self) -> None:
        point = self.debugger.step_once()
        self._here()
        attempt = point.attempt
        if point.where == "answer" and attempt is not None and attempt.response is not None:
            self._say(*views.response_lines(self.debugger.redactor, attempt.response))
        if point.where == "answer" and attempt is not None and attempt.exchanged is not None:
            taken = attempt.exchanged.message
            self._say(*views.taken_lines(self.debugger.redactor, taken) if taken is not None else ())
        explanation = self.debugger.explanation
        if explanation is not None and point.where in ("criteria", "action"):
            show = views.criteria_lines if point.where == "criteria" else views.action_lines
            self._say(*show(self.debugger.redactor, explanation))

    def _back(self, command: Command) -> None:
        if not self.debugger.back(count_of(command.rest)):
            raise UsageError("this is the beginning of the run")
        self._here()

    def _forward(self, command: Command) -> None:
        if not self.debugger.forward(count_of(command.rest)):
            raise UsageError("there is no later turn", hint="next and continue perform what comes")
        self._here()

    # Stops

    def _break(self, command: Command) -> None:
        if command.rest:
            self.add_stop(command.rest)
            self._say(f"stop {self._number}: {label(self.debugger.redactor.text(command.rest))}")
        elif not self.debugger.stops:
            self._say("there are no stops; break STEP, break STEP:answer, break if $statusCode >= 400, break :failed")
        for number, stop in () if command.rest else self.debugger.stops.items():
            self._say(f"  {number}  {label(self.debugger.redactor.text(stop.text))}")

    def _delete(self, command: Command) -> None:
        if not command.rest:
            self.debugger.stops.clear()
        elif self.debugger.stops.pop(count_of(command.rest), None) is None:
            raise UsageError(f"there is no stop {command.rest}", hint="break lists them")

    # Changes

    def _set(self, command: Command) -> None:
        values.set_value(self.debugger, command.rest)
        self._here()

    def _edit(self) -> None:
        request = self.debugger.request
        if request is None:
            raise UsageError("no request is at hand here", hint="next goes to the next one, back to an earlier one")
        self.debugger.change_request(values.edited(request, self.debugger.redactor))
        self._here()

    def _answer(self, command: Command) -> None:
        is_message = self.debugger.point.where in ("subscribe", "send", "receive")
        self.debugger.answer((values.payload_of if is_message else values.answer_of)(command.rest))
        self._here()

    def _where(self) -> Iterator[str]:
        debugger = self.debugger
        yield views.position_line(debugger)
        yield from views.stack_lines(debugger)
        yield f"  turn {debugger.index + 1} of {debugger.length}"
        request = debugger.request
        if request is not None:
            yield from views.request_lines(debugger.redactor, request)
        yield from views.message_lines(debugger)
        explanation = debugger.led_here
        if explanation is not None:
            yield "because of the attempt before:" if debugger.point.attempt is None else "because:"
            yield from views.explanation_lines(debugger.redactor, explanation)


def level(point: Point) -> int:
    """The depth of a point's step: a call belongs to the workflow that calls."""
    return point.depth - 1 if point.where == "call" else point.depth


def _help() -> Iterator[tuple[str, str, str]]:
    for name, (takes, does) in COMMANDS.items():
        yield f"{name:9}", takes, does
