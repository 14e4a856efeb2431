"""The operations that a workflow can reach, through nested workflows too, and what they may do to data."""

from __future__ import annotations

from msgspec import Struct

from arazzo_runner.engine.plan import Plan
from arazzo_runner.reports.text import one_line

_READING = frozenset({"GET", "HEAD"})
_HARMLESS = frozenset({*_READING, "OPTIONS", "POST", "PUT", "PATCH"})
"""Methods that do not delete; a method that is not known may."""
_REPEATABLE = frozenset({*_READING, "OPTIONS", "PUT", "DELETE"})
SHOWN = 20
"""Operations that a description names."""


class Reach(Struct, frozen=True):
    """The operations that a run of a workflow may call.

    Attributes:
        methods: of all of them, upper case; empty when a step is not a call of HTTP.
        calls: method and path of each, in the order of the document, each once.
        known: whether every step is a call of an operation or of a workflow.
    """

    methods: frozenset[str]
    calls: tuple[str, ...]
    known: bool = True

    @property
    def reads_only(self) -> bool:
        """Return whether nothing but GET and HEAD can be sent."""
        return self.known and self.methods <= _READING

    @property
    def destroys(self) -> bool:
        """Return whether something may be deleted."""
        return not (self.known and self.methods <= _HARMLESS)

    @property
    def is_repeatable(self) -> bool:
        """Return whether every method has the same effect when it is sent again (RFC 9110, section 9.2.2)."""
        return self.known and self.methods <= _REPEATABLE

    @property
    def is_open(self) -> bool:
        """Return whether servers beyond this process are asked."""
        return bool(self.methods) or not self.known

    def sentence(self) -> str:
        """Return what is called, and whether that changes data, for people and agents."""
        effect = "Reads only." if self.reads_only else "Deletes data." if self.destroys else "Changes data."
        more = len(self.calls) - SHOWN
        listed = ", ".join(self.calls[:SHOWN]) + (f" and {more} more" if more > 0 else "")
        return f"{effect} Calls {listed}." if listed else effect


def reach_of(plan: Plan) -> Reach:
    """Return what a plan can reach: its own steps, nested workflows, and workflows that actions lead to."""
    keys = [plan.entry, *(key for key in plan.workflows if key != plan.entry)]
    steps = [step for key in keys for step in plan.workflows[key].steps]
    operations = [(step, step.operation) for step in steps if step.operation is not None]
    return Reach(
        frozenset(operation.method.upper() for _, operation in operations),
        tuple(dict.fromkeys(one_line(step.title, 100) for step, _ in operations)),
        all(step.operation is not None or step.workflow is not None for step in steps),
    )
