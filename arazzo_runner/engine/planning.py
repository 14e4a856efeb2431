"""Documents to a ``Plan``: everything that the workflow can reach is resolved, parsed and checked here (C1, F8, H1).

All that is wrong is collected; one ``PlanError`` shows it together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, Literal, TypeAlias, TypeVar, cast

from arazzo_runner.analysis.cycles import circle_of
from arazzo_runner.analysis.link_rules import problem
from arazzo_runner.analysis.linker import Linker, LinkError
from arazzo_runner.analysis.scope import DocumentScope, StepScope, WorkflowScope
from arazzo_runner.analysis.sources import Sources
from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.input_bundles import bundle_inputs
from arazzo_runner.documents.input_schemas import declared
from arazzo_runner.documents.model import Action, ArazzoDescription, Criterion, Parameter, RequestBody, Step, Workflow
from arazzo_runner.documents.near_names import did_you_mean
from arazzo_runner.documents.reader import Document
from arazzo_runner.engine.plan import (
    ForeignStep,
    Plan,
    PlannedAction,
    PlannedBody,
    PlannedParameter,
    PlannedReplacement,
    PlannedStep,
    PlannedWorkflow,
    RunOptions,
    Spot,
)
from arazzo_runner.errors import DocumentError, ExpressionSyntaxError, PlanError, Problem, Severity, sorted_problems
from arazzo_runner.expressions.criteria import CompiledCriterion, Unusable, compile_criterion
from arazzo_runner.expressions.templates import (
    CompiledValue,
    Constant,
    Dialect,
    compile_expression,
    compile_json_text,
    compile_value,
)
from arazzo_runner.openapi.operations import Operation

T = TypeVar("T")

_LONGEST_TIMEOUT = 10**12
"""Milliseconds, some thirty years: a longer time is none that anything can wait for."""


WorkflowChecks: TypeAlias = Callable[[Linker, ArazzoDescription, Workflow], Iterable[Problem]]
"""Further checks of a workflow that a plan reaches: what ``--strict`` adds. The problems found join the plan's."""


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
        InvalidDocument: the document breaks the specification where the workflow can be touched by it.
        PlanError: the workflow cannot be run as it stands; it carries every problem found.
        DocumentError: a source that the workflow needs cannot be used.
    """
    return _Planner(linker, options or RunOptions(), checks).plan(document, workflow_id)


@dataclass(frozen=True, slots=True)
class _Here:
    """A workflow that is being planned, and the way that led to its document.

    Attributes:
        prefix: the names of the Arazzo sources on the way, each followed by a dot; empty in the document that is run.
    """

    description: ArazzoDescription
    workflow: Workflow
    prefix: str

    @property
    def key(self) -> str:
        return f"{self.description.document.uri}#{self.workflow.workflow_id}"


class _Planner:
    def __init__(self, linker: Linker, options: RunOptions, checks: WorkflowChecks | None) -> None:
        self.linker = linker
        self.options = options
        self.checks = checks
        self.problems: list[Problem] = []
        self.planned: dict[str, PlannedWorkflow] = {}
        self.pending: list[_Here] = []
        self.schemas: dict[str, dict[str, Any]] = {}
        self.orders: dict[str, list[str]] = {}
        """The steps of the workflows that are not executed in document order: a state knows them by number (F8)."""

    def plan(self, document: Document, workflow_id: str) -> Plan:
        description = self.linker.description(document)
        workflow = self.linker.workflow(description, workflow_id).workflow
        entry = _Here(description, workflow, "")
        self.pending.append(entry)
        while self.pending:
            here = self.pending.pop()
            if here.key not in self.planned:
                self.check_structure(here)
                self.planned[here.key] = self.workflow(here)
        self.check_cycles(entry)
        errors = [problem for problem in self.problems if problem.severity is Severity.ERROR]
        if errors:
            raise PlanError(f"the workflow {workflow_id!r} cannot be run", sorted_problems(errors))
        return Plan(
            entry.key,
            self.planned,
            self.options,
            tuple(sorted_problems(self.problems)),
            self.fingerprint(),
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

    def check_structure(self, here: _Here) -> None:
        """Take over the structural errors that touch the workflow; those of other workflows do not stop it."""
        _, problems = self.linker.load(here.description.document)
        own = here.workflow.pointer
        for found in problems:
            pointer = f"{found.place.pointer}/"
            elsewhere = pointer.startswith("/workflows/") and not pointer.startswith(f"{own}/")
            if not elsewhere and found.severity is Severity.ERROR:
                self.problems.append(found)

    def report(self, here: _Here, rule: str, message: str, pointer: str, hint: str = "") -> None:
        place = here.description.document.place(pointer)
        # Under --strict the rules have looked at the workflow before; what they found is not said twice.
        if not any(known.place == place and known.severity is Severity.ERROR for known in self.problems):
            self.problems.append(problem(rule, message, place, hint=hint or None))

    def attempt(self, here: _Here, pointer: str, make: Callable[[], T]) -> T | None:
        """Return what ``make`` returns; its error becomes a problem at ``pointer``."""
        try:
            return make()
        except LinkError as error:
            self.report(here, error.rule, error.message, pointer, error.hint)
        except ExpressionSyntaxError as error:
            self.report(here, "expression-syntax", error.message, pointer, error.hint)
        except DocumentError as error:
            self.problems += error.problems
            if not error.problems:
                raise
        return None

    # Workflows

    def schema(self, description: ArazzoDescription, workflow: Workflow) -> dict[str, Any]:
        key = f"{description.document.uri}#{workflow.pointer}"
        if key not in self.schemas:
            self.schemas[key] = bundle_inputs(description, workflow)
        return self.schemas[key]

    def workflow(self, here: _Here) -> PlannedWorkflow:
        description, workflow = here.description, here.workflow
        document = description.document
        if self.checks is not None:
            self.problems += self.checks(self.linker, description, workflow)
        schema = self.attempt(here, f"{workflow.pointer}/inputs", lambda: self.schema(description, workflow)) or {}
        depends_on = []
        for index, reference in enumerate(workflow.depends_on):
            pointer = json_pointer.join(workflow.pointer, "dependsOn", index)
            key = self.reach(here, reference, pointer)
            if key is not None:
                depends_on.append(key)
        self.check_components(here)
        scope = WorkflowScope(DocumentScope(self.linker, description, Sources(self.linker, description)), workflow)
        dialect = Dialect(scope.names, description.version, self.options.strict)
        steps = tuple(self.step(here, step, dialect) for step in scope.steps)
        self.check_order(here, scope)
        outputs = self.outputs(here, workflow.outputs, f"{workflow.pointer}/outputs", dialect)
        return PlannedWorkflow(
            key=here.key,
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
            spot=Spot(document, workflow.pointer),
        )

    def check_order(self, here: _Here, scope: WorkflowScope) -> None:
        """Refuse ``dependsOn`` that no order satisfies; warn of outputs that are read before they can be there (F8)."""
        if scope.has_step_dependencies:
            from arazzo_runner.analysis.flow_graph import check_step_dependencies

            for finding in check_step_dependencies(scope):
                self.report(here, finding.rule, finding.message, finding.pointer, finding.hint or "")
            order = [step.step for step in scope.steps]
            if order != list(scope.workflow.steps):
                self.orders[here.key] = [step.step_id for step in order]
        if scope.may_read_ahead:
            from arazzo_runner.analysis.flow_graph import flow_of, forward_references

            for finding in forward_references(scope, flow_of(scope)):
                place = here.description.document.place(finding.pointer)
                found = problem(finding.rule, finding.message, place, hint=finding.hint)
                self.problems.append(replace(found, severity=Severity.WARNING))

    def check_components(self, here: _Here) -> None:
        """Report every Reusable Object that leads nowhere; the scopes leave it out."""
        description, linker, workflow = here.description, self.linker, here.workflow
        parameters = [workflow.parameters, *(step.parameters for step in workflow.steps)]
        success = [workflow.success_actions, *(step.on_success for step in workflow.steps)]
        failure = [workflow.failure_actions, *(step.on_failure for step in workflow.steps)]
        for parameter in chain.from_iterable(parameters):
            self.attempt(here, parameter.pointer, partial(linker.parameters, description, [parameter]))
        for kind, lists in (("success", success), ("failure", failure)):
            for action in chain.from_iterable(lists):
                self.attempt(here, action.pointer, partial(linker.actions, description, [action], kind))

    def reach(self, here: _Here, reference: str, pointer: str) -> str | None:
        """The key of a workflow that is referred to; it is planned later."""
        linked = self.attempt(here, pointer, lambda: self.linker.workflow(here.description, reference))
        if linked is None:
            return None
        prefix = here.prefix if linked.source is None else f"{here.prefix}{linked.source}."
        there = _Here(linked.description, linked.workflow, prefix)
        self.pending.append(there)
        return there.key

    def check_cycles(self, entry: _Here) -> None:
        """Refuse ``dependsOn`` that leads in a circle (F8)."""
        circle = circle_of({key: workflow.depends_on for key, workflow in self.planned.items()})
        if circle is not None:
            around = " → ".join(self.planned[key].workflow_id for key in circle)
            message = f"the workflows depend on one another in a circle: {around}"
            self.report(entry, "dependency-cycle", message, f"{entry.workflow.pointer}/dependsOn")

    # Steps

    def step(self, here: _Here, scope: StepScope, dialect: Dialect) -> PlannedStep:
        """A step with the parameters and actions that apply to it, its own and the workflow's (F2)."""
        step = scope.step
        workflow_key: str | None = None
        operation: Operation | None = None
        source = ""
        if step.workflow_id is not None:
            workflow_key = self.reach(here, step.workflow_id, f"{step.pointer}/workflowId")
        else:
            field = "operationPath" if step.operation_path is not None else "operationId"
            linked = self.attempt(
                here, f"{step.pointer}/{field}", lambda: self.linker.operation(here.description, step)
            )
            if linked is not None:
                operation, source = linked.operation, f"{here.prefix}{linked.source}"
                if linked.portable is not None:
                    self.report(
                        here,
                        "operation-reference-form",
                        f"the reference to the operation {operation.label} is not portable",
                        f"{step.pointer}/{field}",
                        f"write {linked.portable}",
                    )
        ids = scope.holder.step_ids
        return PlannedStep(
            step_id=step.step_id,
            index=scope.index,
            depends_on=tuple(ids[name] for name in step.depends_on if name in ids),
            depends_elsewhere=self.elsewhere(here, step),
            operation=operation,
            workflow=workflow_key,
            server_source=source,
            parameters=self.values(here, scope.parameters, dialect),
            body=self.body(here, step.request_body, dialect) if step.request_body is not None else None,
            criteria=self.criteria(here, step.success_criteria, dialect),
            on_success=tuple(self.action(here, action, ids, dialect) for action in scope.success_actions),
            on_failure=tuple(self.action(here, action, ids, dialect) for action in scope.failure_actions),
            outputs=self.outputs(here, step.outputs, f"{step.pointer}/outputs", dialect) if step.outputs else None,
            timeout=None if step.timeout is None else min(step.timeout, _LONGEST_TIMEOUT) / 1000,
            spot=Spot(here.description.document, step.pointer),
        )

    def elsewhere(self, here: _Here, step: Step) -> tuple[ForeignStep, ...]:
        """The steps of other workflows that a step depends on; their workflows are not run for it (F8)."""
        found = []
        for index, reference in enumerate(step.depends_on):
            holder, dot, step_id = reference.rpartition(".steps.")
            if not reference.startswith("$") or not dot:
                continue
            name = holder.removeprefix("$workflows.")
            pointer = json_pointer.join(step.pointer, "dependsOn", index)
            linked = self.attempt(here, pointer, partial(self.linker.workflow, here.description, name))
            if linked is not None:
                there = _Here(linked.description, linked.workflow, "")
                found.append(ForeignStep(reference, there.key, linked.workflow.workflow_id, step_id))
        return tuple(found)

    def values(self, here: _Here, parameters: Iterable[Parameter], dialect: Dialect) -> tuple[PlannedParameter, ...]:
        result = []
        for parameter in parameters:
            compiled = self.attempt(
                here,
                f"{parameter.pointer}/value",
                partial(compile_value, parameter.value, dialect),
            )
            if compiled is not None:
                text = parameter.value if isinstance(parameter.value, str) else json.dumps(parameter.value)
                result.append(PlannedParameter(parameter.name, parameter.location, compiled, text))
        return tuple(result)

    def body(self, here: _Here, body: RequestBody, dialect: Dialect) -> PlannedBody | None:
        if not body.has_payload and not body.replacements:
            return None
        pointer = f"{body.pointer}/payload"
        payload = self.attempt(here, pointer, lambda: compile_value(body.payload, dialect))
        as_json = payload
        if isinstance(body.payload, str):
            as_json = self.attempt(here, pointer, lambda: compile_json_text(body.payload, dialect))
        replacements = []
        for replacement in body.replacements:
            value = self.attempt(
                here,
                f"{replacement.pointer}/value",
                partial(compile_value, replacement.value, dialect),
            )
            if value is not None:
                replacements.append(PlannedReplacement(replacement.target, replacement.target_selector_type, value))
        empty: CompiledValue = Constant({})
        if not body.has_payload:
            payload = as_json = empty
        return PlannedBody(body.content_type, payload or empty, as_json or empty, tuple(replacements))

    def criteria(self, here: _Here, criteria: Iterable[Criterion], dialect: Dialect) -> tuple[CompiledCriterion, ...]:
        return tuple(self.criterion(here, criterion, dialect) for criterion in criteria)

    def criterion(self, here: _Here, criterion: Criterion, dialect: Dialect) -> CompiledCriterion:
        """A compiled criterion; one that cannot be parsed refuses the run, or with ``--force`` fails in it (C1)."""
        try:
            return compile_criterion(criterion, dialect)
        except ExpressionSyntaxError as error:
            rule = "unusable-criterion" if self.options.force else "criterion-syntax"
            message = f"the {criterion.type.type} condition {criterion.condition!r} cannot be parsed: {error.message}"
            self.report(here, rule, message, f"{criterion.pointer}/condition", error.hint)
            return CompiledCriterion(criterion, Unusable(f"the condition cannot be parsed: {error.message}"))

    def action(self, here: _Here, action: Action, ids: Mapping[str, int], dialect: Dialect) -> PlannedAction:
        step: int | None = None
        workflow: str | None = None
        if action.type != "end" and action.step_id is not None:
            step = ids.get(action.step_id)
            if step is None:
                message = f"there is no step {action.step_id!r} in this workflow"
                near = did_you_mean(action.step_id, list(ids), "steps")
                self.report(here, "unknown-step", message, f"{action.pointer}/stepId", near)
        elif action.type != "end" and action.workflow_id is not None:
            workflow = self.reach(here, action.workflow_id, f"{action.pointer}/workflowId")
        parameters = self.attempt(
            here,
            f"{action.pointer}/parameters",
            lambda: self.linker.parameters(here.description, action.parameters),
        )
        return PlannedAction(
            name=action.name,
            type=cast(Literal["end", "goto", "retry"], action.type),
            step=step,
            workflow=workflow,
            parameters=self.values(here, parameters or (), dialect),
            criteria=self.criteria(here, action.criteria, dialect),
            retry_after=action.retry_after,
            retry_limit=1 if action.retry_limit is None else action.retry_limit,
            spot=Spot(here.description.document, action.pointer),
        )

    def outputs(
        self, here: _Here, outputs: Mapping[str, Any], pointer: str, dialect: Dialect
    ) -> tuple[tuple[str, CompiledValue], ...]:
        compiled = []
        for name, value in outputs.items():
            where = json_pointer.join(pointer, name)
            made = self.attempt(here, where, partial(compile_expression, value, dialect))
            if made is not None:
                compiled.append((name, made))
        return tuple(compiled)
