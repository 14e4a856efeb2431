"""Every problem of a document, or of one workflow of it: the loader's, those of its sources, and this room's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from arazzo_runner.analysis import link_rules, message_rules  # noqa: F401 - register rules of several modules
from arazzo_runner.analysis.findings import Check, Finding
from arazzo_runner.analysis.linker import Linker
from arazzo_runner.analysis.occurrences import Read
from arazzo_runner.analysis.scope import DocumentScope, WorkflowScope
from arazzo_runner.analysis.sources import Sources
from arazzo_runner.documents.model import ArazzoDescription, Workflow
from arazzo_runner.documents.reader import Document
from arazzo_runner.errors import Problem, sorted_problems
from arazzo_runner.lint import (
    bodies,
    calls,
    circles,
    criteria,
    expressions,
    extensions,
    flow,
    foreseen,
    links,
    members,
    messages,
    references,
    requests,
)

_UNDECLARED = ("unknown-", "undeclared-")

WORKFLOW_CHECKS: tuple[Check[WorkflowScope], ...] = (
    links.check_links,
    references.check_references,
    references.check_moments,
    references.check_exchanges_of_children,
    flow.check_flow,
    calls.check_calls,
    requests.check_requests,
    bodies.check_bodies,
    extensions.check_extensions,
    foreseen.check_foreseen,
    members.check_members,
    messages.check_messages,
)
DOCUMENT_CHECKS: tuple[Check[DocumentScope], ...] = (
    links.check_component_links,
    links.check_identities,
    references.check_component_references,
    circles.check_circles,
)


def check_document(linker: Linker, document: Document, *, strict: bool = False) -> list[Problem]:
    """Every problem of a document and of its sources, in reading order, each once.

    A source that is missing or cannot be read is one problem; what would need it is then not judged.

    Args:
        strict: what a default run accepts beyond the specification is an error.
    """
    description, problems = linker.load(document)
    if description is None:
        return sorted_problems(problems)
    sources = Sources(linker, description)
    sources.open_all()
    scope = DocumentScope(linker, description, sources)
    found: list[Finding] = []
    for check in DOCUMENT_CHECKS:
        found += check(scope)
    found += _of_reads(scope.components, description)
    for workflow in scope.workflows:
        found += _of_workflow(workflow)
    made = (finding.problem(document, strict=strict) for finding in found)
    return sorted_problems([*problems, *made, *sources.problems])


def check_workflow(
    linker: Linker, description: ArazzoDescription, workflow: Workflow, *, strict: bool = False
) -> list[Problem]:
    """Return the problems of one workflow, in reading order; the loader's problems are not repeated.

    Circles of workflows are left to the plan.

    Sources are opened only as far as the workflow's references can mean them (H0).
    """
    sources = Sources(linker, description)
    scope = WorkflowScope(DocumentScope(linker, description, sources), workflow)
    made = [finding.problem(description.document, strict=strict) for finding in _of_workflow(scope)]
    return sorted_problems([*made, *sources.problems])


def _of_workflow(scope: WorkflowScope) -> Iterator[Finding]:
    found = [finding for check in WORKFLOW_CHECKS for finding in check(scope)]
    yield from found
    # How a name is spelled is beside the point when there is no such name, and a part when the whole is impossible.
    beside = {
        "expression-grammar": {finding.pointer for finding in found if finding.rule.startswith(_UNDECLARED)},
        "condition-never-holds": {finding.pointer for finding in found if finding.rule == "criterion-never-holds"},
    }
    for finding in _of_reads(scope.reads, scope.document.description):
        if finding.pointer not in beside.get(finding.rule, ()):
            yield finding


def _of_reads(reads: Iterable[Read], description: ArazzoDescription) -> Iterator[Finding]:
    reads = tuple(reads)
    yield from criteria.check_criteria(reads)
    for read in reads:
        yield from expressions.check_expressions(read, description.version)
