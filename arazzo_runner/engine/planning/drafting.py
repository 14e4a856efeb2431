"""Workflows while a plan is made of them: which are still to be planned, and what was found wrong so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from arazzo_runner.analysis import message_rules  # noqa: F401 - registers rules that plans report
from arazzo_runner.analysis.link_rules import problem
from arazzo_runner.analysis.linker import Linker, LinkError
from arazzo_runner.documents.model import ArazzoDescription, Workflow
from arazzo_runner.engine.plan import RunOptions, Spot
from arazzo_runner.engine.planning.refusals import Refusals
from arazzo_runner.errors import DocumentError, ExpressionSyntaxError, PlanError

T = TypeVar("T")


class Draft(Struct, frozen=True):
    """A workflow that is being planned, or a step of it, and the way that led to its document.

    Attributes:
        prefix: the names of the Arazzo sources on the way, each followed by a dot; empty in the document that is run.
        reached: whether the run can reach it; what it cannot reach refuses nothing (D1).
    """

    description: ArazzoDescription
    workflow: Workflow
    prefix: str = ""
    reached: bool = True

    @property
    def key(self) -> str:
        """The plan's name of the workflow."""
        return f"{self.description.document.uri}#{self.workflow.workflow_id}"

    def spot(self, pointer: str) -> Spot:
        """A place of the workflow's document."""
        return Spot(self.description.document, pointer)


class Drafting:
    """The state that all parts of the making of one plan share."""

    def __init__(self, linker: Linker, options: RunOptions) -> None:
        self.linker = linker
        self.options = options
        self.refusals = Refusals(strict=options.strict, force=options.force)
        self._reached: list[Draft] = []
        self._aside: list[Draft] = []

    def enqueue(self, draft: Draft) -> None:
        """Remember a workflow that is to be planned."""
        (self._reached if draft.reached else self._aside).append(draft)

    def next(self) -> Draft | None:
        """The next workflow to plan: all that are reached come before those that are not."""
        queue = self._reached or self._aside
        return queue.pop() if queue else None

    def report(self, draft: Draft, rule: str, message: str, pointer: str, hint: str | None = None) -> None:
        """Add a problem of the draft's document."""
        place = draft.description.document.place(pointer)
        self.refusals.add([problem(rule, message, place, hint=hint or None)], reached=draft.reached)

    def attempt(
        self, draft: Draft, pointer: str, make: Callable[[], T], *, syntax: str = "expression-syntax"
    ) -> T | None:
        """Return what ``make`` returns; its error becomes a problem at ``pointer``.

        Args:
            syntax: the rule that text breaks which cannot be parsed.
        """
        try:
            return make()
        except LinkError as error:
            self.report(draft, error.rule, error.message, pointer, error.hint)
        except ExpressionSyntaxError as error:
            self.report(draft, syntax, error.message, pointer, error.hint)
        except DocumentError as error:
            if not error.problems:
                raise
            owner = draft.description.document.place(pointer)
            self.refusals.add(error.problems, reached=draft.reached, owner=owner)
        return None

    def reach(self, draft: Draft, reference: str, pointer: str) -> str | None:
        """The key of a workflow that is referred to, which is planned later; None when there is none."""
        linked = self.attempt(draft, pointer, lambda: self.linker.workflow(draft.description, reference))
        if linked is None:
            return None
        prefix = draft.prefix if linked.source is None else f"{draft.prefix}{linked.source}."
        there = Draft(linked.description, linked.workflow, prefix, draft.reached)
        self.enqueue(there)
        return there.key

    def raise_refusal(self, workflow_id: str) -> None:
        """Refuse the run if anything does.

        Raises:
            PlanError: it carries every problem that refuses the run.
        """
        if errors := self.refusals.errors:
            raise PlanError(f"the workflow {workflow_id!r} cannot be run", errors)
