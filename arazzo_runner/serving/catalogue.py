"""The workflows that a server offers: their names, which of them are tools, and the search for the others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import PurePosixPath

from arazzo_runner.documents.model import Workflow
from arazzo_runner.documents.near_names import did_you_mean
from arazzo_runner.errors import ArazzoError
from arazzo_runner.runtime.run.workbook import Workbook
from arazzo_runner.serving.offers import Grounds, Offer, Terms
from arazzo_runner.serving.refusals import CallRefused
from arazzo_runner.serving.summary_index import SummaryIndex

GENERIC = ("find_workflow", "describe_workflow", "run_workflow")
OF_RUNS = ("run_status", "await_run", "cancel_run", "list_runs")
_LONGEST = 64
"""Characters of a tool's name: some clients take no more."""
_OTHER = re.compile(r"[^A-Za-z0-9_-]+")


class Catalogue:
    """Workflows, on the terms of a server.

    Args:
        workflows: those of some documents, in order.

    Attributes:
        refused: the workflows that are not offered since they cannot be run, and why.
    """

    def __init__(self, workflows: Iterable[tuple[Workbook, Workflow]], terms: Terms, grounds: Grounds) -> None:
        self.terms = terms
        self.refused: dict[str, ArazzoError] = {}
        self._named = {
            name: Offer(name, workbook, workflow, grounds)
            for name, workbook, workflow in named_workflows(workflows)
            if _is_chosen(terms, name, workflow.workflow_id)
        }

    @cached_property
    def offers(self) -> Mapping[str, Offer]:
        """The offers by name. Few are planned here; of many only if ``--read-only`` has to know what they reach."""
        if len(self._named) > self.terms.tools and not self.terms.read_only:
            return self._named
        return {name: offer for name, offer in self._named.items() if self._can_run(offer)}

    def _can_run(self, offer: Offer) -> bool:
        try:
            return offer.reach.reads_only or not self.terms.read_only
        except ArazzoError as error:
            self.refused[offer.name] = error
            return False

    @property
    def is_searched(self) -> bool:
        """Return whether workflows are found by words instead of being tools of their own."""
        return len(self.offers) > self.terms.tools

    def offer(self, name: str) -> Offer:
        """Return the offer of that name.

        Raises:
            CallRefused: there is none.
        """
        found = self.offers.get(name)
        if found is None:
            hint = did_you_mean(name[:200], list(self.offers), "workflows")
            raise CallRefused("unknown-workflow", f"no workflow of that name is offered: {name[:200]!r}", hint=hint)
        return found

    def find(self, question: str, limit: int) -> list[Offer]:
        """Return the offers whose summaries are most like a question, the best first; the first ones for no words."""
        names = self._index.find(question, limit) if question.strip() else list(self.offers)[:limit]
        return [self.offers[name] for name in names]

    @cached_property
    def _index(self) -> SummaryIndex:
        return SummaryIndex({name: list(_texts(offer)) for name, offer in self.offers.items()})

    def owner(self, run_id: str) -> Offer:
        """Return the offer that a run is of: an agent sees no other runs.

        Raises:
            CallRefused: it is of none.
        """
        found = self._by_prefix.get(run_id[: run_id.rfind("-") + 1])
        if found is None:
            hint = "list_runs shows the runs of this server's workflows"
            raise CallRefused(
                "unknown-run", f"there is no run {run_id[:200]!r} of a workflow that is offered", hint=hint
            )
        return found

    @cached_property
    def _by_prefix(self) -> dict[str, Offer]:
        return {offer.prefix: offer for offer in self.offers.values()}


def _texts(offer: Offer) -> Iterator[tuple[str, float]]:
    workflow, info = offer.workflow, offer.workbook.description.info
    yield offer.name, 2.0
    yield workflow.workflow_id, 2.0
    yield workflow.summary or "", 3.0
    yield workflow.description or "", 1.0
    yield info.title, 0.5


def _is_chosen(terms: Terms, name: str, workflow_id: str) -> bool:
    def matches(patterns: Iterable[str]) -> bool:
        return any(fnmatchcase(one, pattern) for pattern in patterns for one in (name, workflow_id))

    return (not terms.only or matches(terms.only)) and not matches(terms.exclude)


def named_workflows(workflows: Iterable[tuple[Workbook, Workflow]]) -> Iterator[tuple[str, Workbook, Workflow]]:
    """Name each workflow by its id; one whose name is taken by its document, too, and then by a number."""
    taken = {*GENERIC, *OF_RUNS}
    seen: set[tuple[str, str]] = set()
    for workbook, workflow in workflows:
        uri = workbook.description.document.uri
        if (place := (uri, workflow.workflow_id)) in seen:
            continue
        seen.add(place)
        stem = PurePosixPath(uri).name.partition(".")[0]
        name = next(one for one in _candidates(workflow.workflow_id, stem) if one not in taken)
        taken.add(name)
        yield name, workbook, workflow


def _candidates(workflow_id: str, stem: str) -> Iterator[str]:
    plain = _OTHER.sub("_", workflow_id).strip("_")[:_LONGEST] or "workflow"
    yield plain
    qualified = f"{_OTHER.sub('_', stem)[:20]}_{plain}"[:_LONGEST]
    yield qualified
    number = 2
    while True:
        yield f"{qualified[: _LONGEST - 8]}_{number}"
        number += 1
