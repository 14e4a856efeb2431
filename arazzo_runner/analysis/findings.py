"""Findings: problems of a document that have no place yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.documents.near_names import did_you_mean
from arazzo_runner.documents.reader import Document
from arazzo_runner.documents.rules import problem
from arazzo_runner.errors import Problem, Severity

Subject = TypeVar("Subject")

Findings: TypeAlias = Iterator["Finding"]

Check: TypeAlias = Callable[[Subject], Findings]
"""One small function a rule, or a few rules that are one look: it reads a part of a document, and yields."""

DEVIATIONS = frozenset(
    {
        "asyncapi-2",
        "bare-literal",
        "double-quoted-literal",
        "expression-grammar",
        "header-spelling",
        "json-condition",
        "jsonpath-not-a-query",
        "newer-expression",
        "operation-reference-form",
        "path-after-expression",
        "pointer-spelling",
        "unbraced-expression",
        "unqualified-operation",
        "whole-object",
        "x-operation",
        "x-security",
    }
)
"""What a default run accepts and ``--strict`` refuses; where both readings are legal, as
for a whole ``{$expr}`` and a root filter, ``--strict`` takes the specification's and refuses nothing."""


class Finding(Struct, frozen=True):
    """A problem of a document, at a JSON Pointer.

    Attributes:
        hint: instead of the rule's own.
        key: it is the member's name that is wrong, not its value.
    """

    rule: str
    message: str
    pointer: str
    hint: str | None = None
    key: bool = False

    def problem(self, document: Document, *, strict: bool) -> Problem:
        """The finding with its place and its severity."""
        made = problem(self.rule, self.message, document.place(self.pointer, key=self.key), hint=self.hint)
        return replace(made, severity=Severity.ERROR) if strict and self.rule in DEVIATIONS else made


def sentence(hint: str) -> str | None:
    """A hint of the rooms below, which write it small and without a full stop, as this room writes hints."""
    if not hint:
        return None
    return hint[0].upper() + hint[1:] + ("" if hint[-1] in ".?!'\"" else ".")


def suggestion(name: str, known: Iterable[str], what: str) -> str:
    """Return ``near_names.did_you_mean`` as a sentence."""
    return sentence(did_you_mean(name, known, what)) or ""
