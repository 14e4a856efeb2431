"""Documents to a ``Plan``: everything that the workflow can reach is resolved, parsed and checked here (C1, F8, H1).

All that is wrong is collected. ``refusals`` decides what refuses the run; one ``PlanError`` shows that together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from typing import Any, TypeAlias

from msgspec.structs import replace

from arazzo_runner.analysis.cycles import circle_of
from arazzo_runner.analysis.flow_graph import check_step_dependencies, flow_of, forward_references
from arazzo_runner.analysis.linker import Linker
from arazzo_runner.analysis.scope import DocumentScope, WorkflowScope
from arazzo_runner.analysis.sources import Sources
from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.input_bundles import bundle_inputs
from arazzo_runner.documents.input_schemas import declared
from arazzo_runner.documents.model import ArazzoDescription, Workflow
from arazzo_runner.documents.reader import Document
from arazzo_runner.engine.plan import Plan, PlannedStep, PlannedWorkflow, RunOptions, Spot
from arazzo_runner.engine.planning.drafting import Draft, Drafting
from arazzo_runner.engine.planning.needs import Needs, unreached_steps
from arazzo_runner.engine.planning.refusals import SHOWN
from arazzo_runner.engine.planning.steps import StepPlanner
from arazzo_runner.errors import Problem, Severity
from arazzo_runner.expressions.templates import Dialect

WorkflowChecks: TypeAlias = Callable[[Linker, ArazzoDescription, Workflow], Iterable[Problem]]
"""Further checks of a workflow that a plan reaches: the rules of ``validate``. The problems found join the plan's."""


def make_plan(
    linker: Linker,
    document: Document,
    workflow_id: str,
    options: RunOptions | None = None,
    *,
    checks: WorkflowChecks | None = None,
) -> Plan:
    """Plan a workflow of a document.

    Args:
        checks: called with each workflow that is planned.

    Raises:
        InvalidDocument: nothing sensible can be made of the document.
        PlanError: a step that the run can reach cannot be carried out; it carries every such problem (D1).
        DocumentError: a source that the workflow needs cannot be used.
    """
    return _Planner(linker, options or RunOptions(), checks).plan(document, workflow_id)


class _Planner:
    def __init__(self, linker: Linker, options: RunOptions, checks: WorkflowChecks | None) -> None:
        self.linker = linker
        self.options = options
        self.checks = checks
        self.drafting = Drafting(linker, options)
        self.planned: dict[str, PlannedWorkflow] = {}
        self.reached: set[str] = set()
        self.schemas: dict[str, dict[str, Any]] = {}
        self.orders: dict[str, list[str]] = {}
        """The steps of the workflows that are not executed in document order: a state knows them by number (F8)."""

    def plan(self, document: Document, workflow_id: str) -> Plan:
        description = self.linker.description(document)
        entry = Draft(description, self.linker.workflow(description, workflow_id).workflow)
        self.drafting.enqueue(entry)
        while (draft := self.drafting.next()) is not None:
            if draft.key not in self.planned:
                if draft.reached:
                    self.reached.add(draft.key)
                self.planned[draft.key] = self.workflow(draft)
        self.check_cycles(entry)
        self.drafting.raise_refusal(workflow_id)
        if self.options.expect:
            from arazzo_runner.engine.expectations import check_expectations

            check_expectations(self.options.expect, [name for name, _ in self.planned[entry.key].outputs])
        return Plan(
            entry.key,
            self.planned,
            self.options,
            self.drafting.refusals.warnings,
            self.fingerprint(),
            self.receivers(),
        )

    def receivers(self) -> tuple[tuple[str, int], ...]:
        """The receive steps that the run can come to; those of the workflow that was asked for come first (M4)."""
        return tuple(
            (workflow.key, step.index)
            for workflow in self.planned.values()
            for step in workflow.steps
            if step.exchange is not None and step.exchange.action == "receive" and step.exchange.reached
        )

    def fingerprint(self) -> str:
        """A digest of every document that the plan was made from and of the options that decide what a run does."""
        digest = hashlib.sha256()
        for key in sorted(self.planned):
            digest.update(key.encode())
            digest.update(self.planned[key].spot.document.text.encode("utf-8", "surrogatepass"))
            if key in self.orders:
                digest.update(repr(self.orders[key]).encode())
        digest.update(repr(self.options).encode())
        return digest.hexdigest()[:32]

    # Workflows

    def schema(self, description: ArazzoDescription, workflow: Workflow) -> dict[str, Any]:
        key = f"{description.document.uri}#{workflow.pointer}"
        if key not in self.schemas:
            self.schemas[key] = bundle_inputs(description, workflow)
        return self.schemas[key]

    def workflow(self, draft: Draft) -> PlannedWorkflow:
        description, workflow = draft.description, draft.workflow
        make_schema = partial(self.schema, description, workflow)
        schema = self.drafting.attempt(draft, f"{workflow.pointer}/inputs", make_schema) or {}
        depends_on = []
        for index, reference in enumerate(workflow.depends_on):
            pointer = json_pointer.join(workflow.pointer, "dependsOn", index)
            key = self.drafting.reach(draft, reference, pointer)
            if key is not None:
                depends_on.append(key)
        self.check_components(draft)
        scope = WorkflowScope(DocumentScope(self.linker, description, Sources(self.linker, description)), workflow)
        dialect = Dialect(scope.names, description.version, self.options.strict)
        unreached = unreached_steps(scope)
        steps = self.steps(draft, scope, dialect, unreached)
        self.check_order(draft, scope)
        outputs = StepPlanner(self.drafting, draft, dialect).outputs(workflow.outputs, f"{workflow.pointer}/outputs")
        self.check(draft, scope, unreached)
        return PlannedWorkflow(
            key=draft.key,
            workflow_id=workflow.workflow_id,
            summary=workflow.summary,
            input_schema=schema or None,
            declared_inputs=declared(schema),
            depends_on=tuple(depends_on),
            steps=steps,
            outputs=outputs,
            sources={s.name: {"name": s.name, "url": s.url, "type": s.type} for s in description.source_descriptions},
            components={
                "parameters": {name: p.value for name, p in description.components.parameters.items()},
                "inputs": dict(description.components.inputs),
            },
            self_uri=description.self_uri,
            spot=Spot(description.document, workflow.pointer),
        )

    def steps(
        self, draft: Draft, scope: WorkflowScope, dialect: Dialect, unreached: frozenset[str]
    ) -> tuple[PlannedStep, ...]:
        """The steps in the order of execution; what is wrong with one that nothing leads to refuses nothing (D1)."""
        aside = StepPlanner(self.drafting, replace(draft, reached=False), dialect)
        reached = StepPlanner(self.drafting, draft, dialect)
        return tuple((aside if s.step.pointer in unreached else reached).step(s) for s in scope.steps)

    # Checks

    def check(self, draft: Draft, scope: WorkflowScope, unreached: frozenset[str]) -> None:
        """Judge the problems of the document's structure, and those that the further checks find."""
        description, workflow = draft.description, draft.workflow
        needs = Needs(scope, unreached)
        _, structural = self.linker.load(description.document)
        found = [
            problem
            for problem in structural
            if needs.concerns(problem) and (problem.severity is Severity.ERROR or problem.rule in SHOWN)
        ]
        if self.checks is not None:
            found += self.checks(self.linker, description, workflow)
        for problem in found:
            needed = draft.reached and (self.options.strict or needs.need(problem))
            self.drafting.refusals.add([problem], reached=needed)

    def check_order(self, draft: Draft, scope: WorkflowScope) -> None:
        """Refuse ``dependsOn`` that no order satisfies; warn of outputs that are read before they can be there (F8)."""
        report = self.drafting.report
        if scope.has_step_dependencies:
            for finding in check_step_dependencies(scope):
                report(draft, finding.rule, finding.message, finding.pointer, finding.hint)
            order = [step.step for step in scope.steps]
            if order != list(scope.workflow.steps):
                self.orders[draft.key] = [step.step_id for step in order]
        if scope.may_read_ahead and not self.options.strict:
            for finding in forward_references(scope, flow_of(scope)):
                report(draft, finding.rule, finding.message, finding.pointer, finding.hint)

    def check_components(self, draft: Draft) -> None:
        """Report every Reusable Object that leads nowhere; the scopes leave it out."""
        description, workflow = draft.description, draft.workflow
        parameters = [workflow.parameters, *(step.parameters for step in workflow.steps)]
        success = [workflow.success_actions, *(step.on_success for step in workflow.steps)]
        failure = [workflow.failure_actions, *(step.on_failure for step in workflow.steps)]
        for parameter in chain.from_iterable(parameters):
            make = partial(self.linker.parameters, description, [parameter])
            self.drafting.attempt(draft, f"{parameter.pointer}/reference", make)
        for kind, lists in (("success", success), ("failure", failure)):
            for action in chain.from_iterable(lists):
                find = partial(self.linker.actions, description, [action], kind)
                self.drafting.attempt(draft, f"{action.pointer}/reference", find)

    def check_cycles(self, entry: Draft) -> None:
        """Refuse ``dependsOn`` that leads in a circle (F8)."""
        circle = circle_of({key: self.planned[key].depends_on for key in self.planned if key in self.reached})
        if circle is not None:
            around = " → ".join(self.planned[key].workflow_id for key in circle)
            message = f"the workflows depend on one another in a circle: {around}"
            self.drafting.report(entry, "dependency-cycle", message, f"{entry.workflow.pointer}/dependsOn")
