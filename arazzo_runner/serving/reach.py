"""The operations that a workflow can reach, through nested workflows too, and what they may do to data."""

from __future__ import annotations

from msgspec import Struct

from arazzo_runner.engine.plan import Plan, PlannedStep
from arazzo_runner.reports.text import one_line
from arazzo_runner.secrecy import without_credentials

_SENDS, _RECEIVES = "send", "receive"
"""The actions of steps over messages, beside the methods of HTTP, which are upper case."""
_READING = frozenset({"GET", "HEAD", _RECEIVES})
_HARMLESS = frozenset({*_READING, "OPTIONS", "POST", "PUT", "PATCH", _SENDS})
"""Methods that do not delete; a method that is not known may."""
_REPEATABLE = frozenset({*_READING, "OPTIONS", "PUT", "DELETE"})
SHOWN = 20
"""Operations that a description names."""


class Reach(Struct, frozen=True):
    """The operations that a run of a workflow may call.

    Attributes:
        methods: of all of them, upper case, and the actions of steps over messages.
        calls: method and path of each, or action, address and broker, in the order of the document, each once.
        known: whether every step is a call of an operation or of a workflow.
    """

    methods: frozenset[str]
    calls: tuple[str, ...]
    known: bool = True

    @property
    def reads_only(self) -> bool:
        """Return whether nothing but GET and HEAD can be sent, and messages only be received."""
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
    calls = [step for step in steps if step.operation is not None or step.exchange is not None]
    return Reach(
        frozenset(_method(step) for step in calls),
        tuple(dict.fromkeys(one_line(_call(step), 100) for step in calls)),
        all(step in calls or step.workflow is not None for step in steps),
    )


def _call(step: PlannedStep) -> str:
    if step.exchange is None:
        return step.title
    return f"{step.title} ({without_credentials(step.exchange.broker.url)})"


def _method(step: PlannedStep) -> str:
    if step.exchange is not None:
        return step.exchange.action
    return "" if step.operation is None else step.operation.method.upper()
