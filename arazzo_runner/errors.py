"""The errors of the package, and the problems that documents have.

::

    ArazzoError                      exit status   when
    ├── UsageError                        2        an argument, an option or an input file is wrong
    │   └── InvalidInputs                 2        the inputs break the workflow's schema (V8)
    ├── DocumentError                     2        a document or description cannot be used
    │   ├── UnreadableDocument            2        not there, not text, not YAML or JSON
    │   ├── InvalidDocument               2        parsed, but breaks the specification
    │   └── PlanError                     2        a workflow that cannot be run as it stands (H0, H1, C1)
    ├── ExpressionSyntaxError             2        text that is not a runtime expression, condition or selector
    ├── StepError                         1        a step that cannot be sent; its code is the run's reason
    ├── CassetteError                     2        a cassette that cannot be read
    ├── InvalidState                      2        a serialised run that is not one of this plan's
    ├── JournalError                      2        a journal, its key, or a run that it does not have
    │   ├── RunHeld                       2        another process drives the run
    │   └── JournalLost                   1        the journal cannot be written any more
    └── RunFailed                         1        raised by ``RunResult.raise_for_failure()`` only (``run.session``)

Problems of documents are values, not exceptions: they are collected, sorted and shown together. An exception that is
made of problems carries all of them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import force_setattr

from arazzo_runner.secrecy import without_credentials


class Severity(StrEnum):
    """The severity of a problem: an error refuses the run, a warning is shown, a hint is advice."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


class Place(Struct, frozen=True):
    """A place in a document.

    Attributes:
        path: the document, as the user named it or as its URL.
        line: 1-based; 0 when unknown.
        column: 1-based, in characters; 0 when unknown.
        pointer: JSON Pointer (RFC 6901) into the document; empty for the whole of it.
        workflow: id of the workflow that it stands in or is needed by, or empty.
        step: id of the step that it stands in or is needed by, or empty.
    """

    path: str
    line: int = 0
    column: int = 0
    pointer: str = ""
    workflow: str = ""
    step: str = ""

    @property
    def spot(self) -> tuple[str, int, int, str]:
        """The place alone, whoever needs it."""
        return self.path, self.line, self.column, self.pointer

    @property
    def owner(self) -> str:
        """The workflow and step, as messages name them: ``workflow buy, step pay``; empty when there is none."""
        named = (("workflow", self.workflow), ("step", self.step))
        return ", ".join(f"{what} {name}" for what, name in named if name)

    def __str__(self) -> str:
        if not self.line:
            return f"{self.path}#{self.pointer}" if self.pointer else self.path
        return f"{self.path}:{self.line}:{self.column}"


class Problem(Struct, frozen=True):
    """One thing that is wrong, or could be better, in a document.

    Attributes:
        rule: the id of the rule that found it, stable across releases.
        message: what was found and what was expected.
        hint: what to type instead; empty when the message says it all.
    """

    severity: Severity
    rule: str
    message: str
    place: Place
    hint: str = ""

    def __post_init__(self) -> None:
        """Keep the credentials of URLs out of whatever shows the problem (S1)."""
        for name in ("message", "hint"):
            force_setattr(self, name, without_credentials(getattr(self, name)))

    def __str__(self) -> str:
        return f"{self.place} {self.severity.value} {self.rule} {self.message}"


def sorted_problems(problems: Iterable[Problem]) -> list[Problem]:
    """The problems in reading order, each once."""
    unique = dict.fromkeys(problems)
    return sorted(
        unique, key=lambda p: (p.place.path, p.place.line, p.place.column, p.place.pointer, p.rule, p.message)
    )


def as_typed(option: str, word: str) -> str:
    """An option with its value as a shell takes it, for hints; ``…`` stands for what the user knows."""
    plain = word.replace("…", "")
    return f"{option} {word if shlex.quote(plain) == plain else shlex.quote(word)}"


class ArazzoError(Exception):
    """Anything that this package raises on purpose.

    Attributes:
        message: one or more sentences for a person.
        hint: what to type instead, or empty.
        place: where in a document, when there is such a place.
    """

    exit_status = 2
    code = "error"

    def __init__(self, message: str, *, hint: str = "", place: Place | None = None) -> None:
        # No URL in an error takes its credentials along (S1).
        self.message = without_credentials(message)
        self.hint = without_credentials(hint)
        self.place = place
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class UsageError(ArazzoError):
    """An argument, an option, or a file that it names is wrong."""

    code = "usage"


class _OfProblems(ArazzoError):
    """An error made of problems; every one of them is shown."""

    def __init__(self, message: str, problems: Sequence[Problem] = (), *, hint: str = "") -> None:
        super().__init__(message, hint=hint, place=problems[0].place if problems else None)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  {p}" for p in self.problems)])


class InvalidInputs(UsageError):
    """The inputs break the workflow's JSON Schema (V8).

    Attributes:
        errors: a sentence for each error, all of them, no secret values in them.
    """

    code = "invalid-inputs"

    def __init__(self, message: str, errors: Sequence[str], *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.errors = tuple(errors)

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  {e}" for e in self.errors)])


class DocumentError(_OfProblems):
    """A document or description cannot be used."""

    code = "document"


class UnreadableDocument(DocumentError):
    """A document that is not there, is not text, or is not YAML or JSON."""

    code = "unreadable"


class InvalidDocument(DocumentError):
    """A document that was parsed and breaks the specification."""

    code = "invalid-document"


class PlanError(DocumentError):
    """A workflow that cannot be run as it stands: found before the first step's request."""

    code = "plan"


class ExpressionSyntaxError(ArazzoError):
    """Text that is not a runtime expression, condition, template or selector.

    Attributes:
        text: the whole text that was parsed.
        position: 0-based offset of the first character that does not fit.
    """

    code = "expression-syntax"

    def __init__(self, message: str, text: str, position: int = 0, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.text = text
        self.position = position


class StepError(ArazzoError):
    """A step cannot be sent as it stands: the run ends for the reason ``code``, no action tried (V1, V6, H2, H3).

    Attributes:
        expression: the node that has no value, for ``missing-value``; else None.
    """

    exit_status = 1

    def __init__(
        self, code: str, message: str, *, hint: str = "", place: Place | None = None, expression: Any = None
    ) -> None:
        super().__init__(message, hint=hint, place=place)
        self.code = code
        self.expression = expression


class CassetteError(ArazzoError):
    """A cassette that cannot be read or written."""

    code = "cassette"


class InvalidState(ArazzoError):
    """A serialised run that cannot be read, or is not one of this plan's."""

    code = "invalid-state"


class JournalError(ArazzoError):
    """The journal of durable runs, or its key, cannot be used; or it has no such run."""

    code = "journal"


class RunHeld(JournalError):
    """Another process drives the run."""

    code = "run-held"


class JournalLost(JournalError):
    """The journal cannot be written any more, or the run's lease has gone to another process: the run stops there."""

    exit_status = 1
    code = "journal-lost"
