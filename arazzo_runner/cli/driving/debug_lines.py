"""Sources of commands for ``arazzo debug``: a file or a pipe, or a person at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from arazzo_runner.cli.driving.debug_words import COMMANDS
from arazzo_runner.expressions.evaluate import Scope
from arazzo_runner.runtime.debugging.debugger import Debugger
from arazzo_runner.runtime.debugging.stops import PLACES

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document


class ScriptLines:
    """Commands of a file or a pipe.

    Args:
        lines: of the script; empty ones repeat nothing there, but for a pipe's.
    """

    is_script = True

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)

    def read(self, prompt: str) -> str | None:  # noqa: ARG002 - of the protocol
        """The next line."""
        return next(self._lines, None)

    def confirms(self, question: str) -> bool:  # noqa: ARG002 - of the protocol
        """Say no: there is nobody to ask."""
        return False


class TerminalLines:
    """A person at a terminal, with history and completion. The history stays in memory: it may hold a secret (S1)."""

    is_script = False

    def __init__(self, debugger: Debugger) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.completion import Completer, Completion
        from prompt_toolkit.history import InMemoryHistory

        class Completing(Completer):
            def get_completions(
                self,
                document: Document,
                complete_event: CompleteEvent,  # noqa: ARG002 - of the library
            ) -> Iterator[Completion]:
                before = document.text_before_cursor
                word = before.rpartition(" ")[2]
                for candidate in completions(debugger, before):
                    if candidate.startswith(word) and candidate != word:
                        yield Completion(candidate, -len(word))

        self._session: PromptSession[str] = PromptSession(
            history=InMemoryHistory(), completer=Completing(), complete_while_typing=False
        )

    def read(self, prompt: str) -> str | None:
        """Ask for a line; None at the end of input (Ctrl-D)."""
        try:
            return self._session.prompt(prompt)
        except EOFError:
            return None

    def confirms(self, question: str) -> bool:
        """Ask; anything but y and yes is no."""
        from prompt_toolkit import prompt

        try:
            return prompt(f"{question} [y/N] ").strip().lower() in ("y", "yes")
        except EOFError:
            return False


def completions(debugger: Debugger, before: str) -> Iterator[str]:
    """Yield what the last word of a line can become."""
    words = before.split(" ")
    if len(words) == 1:
        yield from COMMANDS
        return
    command = next((name for name in COMMANDS if name.startswith(words[0])), "")
    if command == "break" and "if" not in words[1:-1]:
        for workflow in debugger.plan.workflows.values():
            for step in workflow.steps:
                yield step.step_id
                if words[-1].startswith(f"{step.step_id}:"):
                    yield from (f"{step.step_id}:{place}" for place in PLACES)
        yield from (*(f":{place}" for place in PLACES), "if")
    elif command in ("print", "break"):
        yield from expressions(debugger.scope)
    elif command == "set" and len(words) == 2:
        settable = ("$inputs.", "$steps.")
        yield from (one for one in expressions(debugger.scope) if one.startswith(settable))


def expressions(scope: Scope) -> Iterator[str]:
    """Yield the expressions that have a value in a scope, a level into bodies."""
    yield from (f"$inputs.{name}" for name in scope.inputs)
    yield from (f"$outputs.{name}" for name in scope.outputs)
    yield from (f"$steps.{step}.outputs.{name}" for step, outputs in scope.steps.items() for name in outputs)
    yield from (f"$workflows.{name}.outputs.{one}" for name, view in scope.workflows.items() for one in view.outputs)
    if scope.request is not None:
        yield from ("$url", "$method")
        yield from _inside("$request.body", scope.request.structured_body)
    if scope.response is not None:
        yield "$statusCode"
        yield from _inside("$response.body", scope.response.structured_body)
        headers: Any = getattr(getattr(scope.response, "response", None), "headers", ())
        yield from dict.fromkeys(f"$response.header.{name}" for name, _ in headers)
    if scope.message is not None:
        yield from _inside("$message.payload", scope.message.structured_body)


def _inside(prefix: str, value: Any) -> Iterator[str]:
    yield prefix
    if isinstance(value, dict):
        yield from (f"{prefix}#/{str(name).replace('~', '~0').replace('/', '~1')}" for name in value)


def script_of(path: str | None) -> Iterable[str] | None:
    """The commands of a file, or of a pipe; None when a person is at the terminal.

    Raises:
        UsageError: the file cannot be read.
    """
    from pathlib import Path

    from arazzo_runner.errors import UsageError

    if path is not None and path != "-":
        try:
            return Path(path).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--commands {path}: {getattr(error, 'strerror', None) or error}") from None
    if path == "-" or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return (line.rstrip("\n") for line in sys.stdin)
    return None
