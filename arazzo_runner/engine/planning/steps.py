"""Steps to their planned form: references followed, expressions and criteria compiled (C1, F2, H1)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal, cast

from arazzo_runner.analysis.linker import LinkedMessages
from arazzo_runner.analysis.scope import StepScope
from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.model import Action, Criterion, Parameter, RequestBody, Step
from arazzo_runner.documents.near_names import did_you_mean
from arazzo_runner.engine.plan import (
    ForeignStep,
    PlannedAction,
    PlannedBody,
    PlannedParameter,
    PlannedReplacement,
    PlannedStep,
    PlannedUrl,
)
from arazzo_runner.engine.planning.drafting import Draft, Drafting
from arazzo_runner.errors import ExpressionSyntaxError
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
from arazzo_runner.openapi.responses import accept_header

if TYPE_CHECKING:
    from arazzo_runner.engine.planning.messages import MessagePlanner
    from arazzo_runner.engine.x_security import PlannedCredential

_LONGEST_TIMEOUT = 10**12
"""Milliseconds, some thirty years, longer than anything can wait."""


class StepPlanner:
    """Plans the steps of one workflow.

    Args:
        drafting: takes the problems, and the workflows that are referred to.
        draft: the workflow, or one of its steps that the run may not reach.
    """

    def __init__(self, drafting: Drafting, draft: Draft, dialect: Dialect) -> None:
        self._drafting = drafting
        self._draft = draft
        self._dialect = dialect
        self._accepted: dict[tuple[str, str], str] = {}

    def _accept(self, operation: Operation) -> str:
        key = (operation.source, operation.pointer)
        if key not in self._accepted:
            self._accepted[key] = accept_header(operation)
        return self._accepted[key]

    def step(self, scope: StepScope) -> PlannedStep:
        """A step with the parameters and actions that apply to it, its own and the workflow's (F2)."""
        step = scope.step
        workflow: str | None = None
        operation, messages, source = None, None, ""
        if step.workflow_id is not None:
            workflow = self._drafting.reach(self._draft, step.workflow_id, f"{step.pointer}/workflowId")
        else:
            operation, messages, source = self._target(step)
        operation, credentials = self._credentials(scope, operation)
        ids = scope.holder.step_ids
        parameters = self._planned_parameters(scope, operation, messages)
        return PlannedStep(
            step_id=step.step_id,
            index=scope.index,
            depends_on=tuple(ids[name] for name in step.depends_on if name in ids),
            depends_elsewhere=self._elsewhere(step),
            operation=operation,
            workflow=workflow,
            server_source=source,
            parameters=parameters,
            body=self._body(step.request_body) if step.request_body is not None else None,
            criteria=self._criteria(step.success_criteria),
            on_success=tuple(self._action(action, ids) for action in scope.success_actions),
            on_failure=tuple(self._action(action, ids) for action in scope.failure_actions),
            outputs=self.outputs(step.outputs, f"{step.pointer}/outputs") if step.outputs else None,
            timeout=None if step.timeout is None else min(step.timeout, _LONGEST_TIMEOUT) / 1000,
            spot=self._draft.spot(step.pointer),
            url=self._url(step) if operation is not None else None,
            credentials=credentials,
            accept="*/*" if operation is None else self._accept(operation),
            exchange=None if messages is None else self._messages.exchange(scope, messages, parameters),
        )

    def _planned_parameters(
        self, scope: StepScope, operation: Operation | None, messages: LinkedMessages | None
    ) -> tuple[PlannedParameter, ...]:
        if operation is not None:
            return self._parameters(self._located(scope.parameters, operation))
        if messages is None:
            return self._parameters(scope.parameters)
        from arazzo_runner.engine.planning.messages import located

        return self._parameters(located(scope.parameters, messages))

    @cached_property
    def _messages(self) -> MessagePlanner:
        from arazzo_runner.engine.planning.messages import MessagePlanner

        return MessagePlanner(self._drafting, self._draft, self._value)

    def _url(self, step: Step) -> PlannedUrl | None:
        """The URL of ``x-operation`` (H1)."""
        written = step.x_operation.get("url") if isinstance(step.x_operation, dict) else None
        if written is None or step.operation_id is not None or step.operation_path is not None:
            return None
        value = self._value(written, f"{step.pointer}/x-operation/url")
        return None if value is None else PlannedUrl(value, str(written))

    def _credentials(
        self, scope: StepScope, operation: Operation | None
    ) -> tuple[Operation | None, tuple[PlannedCredential, ...]]:
        """The step's ``x-security``, else the workflow's (H1)."""
        holder = scope.step if scope.step.x_security is not None else scope.holder.workflow
        if operation is None or holder.x_security is None:
            return operation, ()
        from arazzo_runner.engine.x_security import planned_credentials

        pointer = f"{holder.pointer}/x-security"
        try:
            return planned_credentials(
                holder.x_security, operation, lambda value, where: self._value(value, f"{pointer}{where}")
            )
        except ValueError as error:
            self._drafting.report(self._draft, "x-security-form", str(error), pointer)
            return operation, ()

    def _target(self, step: Step) -> tuple[Operation | None, LinkedMessages | None, str]:
        """The operation that a step calls, or the channel whose messages it exchanges, and the source that it is in."""
        draft, drafting = self._draft, self._drafting
        if not any((step.operation_id, step.operation_path, step.channel_path, step.x_operation)):
            return None, None, ""  # it calls nothing, which its structure says
        pointer = f"{step.pointer}/{_target_field(step)}"
        linked = drafting.attempt(draft, pointer, lambda: drafting.linker.operation(draft.description, step))
        if linked is None:
            return None, None, ""
        if isinstance(linked, LinkedMessages):
            owner = draft.description.document.place(pointer)
            drafting.refusals.add(linked.unread, reached=False, owner=owner)
            if linked.portable is not None:
                message = f"the reference to {linked.label} is not portable"
                drafting.report(draft, "operation-reference-form", message, pointer, f"write {linked.portable}")
            return None, linked, f"{draft.prefix}{linked.source}"
        operation = linked.operation
        if linked.portable is not None:
            message = f"the reference to the operation {operation.label} is not portable"
            drafting.report(draft, "operation-reference-form", message, pointer, f"write {linked.portable}")
        body = step.request_body
        guessed = body is not None and body.has_payload and body.content_type is None
        if operation.unresolved or operation.unresolved_body or linked.unread:
            owner = draft.description.document.place(pointer)
            drafting.refusals.add(operation.unresolved, reached=False, owner=owner)
            drafting.refusals.add(operation.unresolved_body, reached=draft.reached and guessed, owner=owner)
            drafting.refusals.add(linked.unread, reached=False, owner=owner)
        drafting.refusals.add(operation.api.notices, reached=False)
        return operation, None, f"{draft.prefix}{linked.source}"

    def _located(self, parameters: Iterable[Parameter], operation: Operation | None) -> Iterable[Parameter]:
        """Parameters of an operation; one without ``in`` goes where the operation declares its name, once (D1)."""
        for parameter in parameters:
            if parameter.location is not None or operation is None:
                yield parameter
                continue
            declared = [spec.location for spec in operation.parameters if spec.name == parameter.name]
            if len(declared) == 1:
                yield Parameter(parameter.name, declared[0], parameter.value, parameter.pointer)
                continue
            places = f" in {' and in '.join(declared)}" if declared else ""
            found = f"declares it{places}" if declared else "declares no such parameter"
            message = f"the parameter {parameter.name!r} has no 'in', and {operation.label} {found}"
            self._drafting.report(self._draft, "parameter-in", message, parameter.pointer)

    def _elsewhere(self, step: Step) -> tuple[ForeignStep, ...]:
        """The steps of other workflows that a step depends on; their workflows are not run for it (F8)."""
        draft, drafting = self._draft, self._drafting
        found = []
        for index, reference in enumerate(step.depends_on):
            holder, dot, step_id = reference.rpartition(".steps.")
            if not reference.startswith("$") or not dot:
                continue
            name = holder.removeprefix("$workflows.")
            pointer = json_pointer.join(step.pointer, "dependsOn", index)
            linked = drafting.attempt(draft, pointer, partial(drafting.linker.workflow, draft.description, name))
            if linked is not None:
                there = Draft(linked.description, linked.workflow)
                found.append(ForeignStep(reference, there.key, linked.workflow.workflow_id, step_id))
        return tuple(found)

    def _parameters(self, parameters: Iterable[Parameter]) -> tuple[PlannedParameter, ...]:
        result = []
        for parameter in parameters:
            pointer = f"{parameter.pointer}/value"
            compiled = self._value(parameter.value, pointer)
            if compiled is not None:
                text = parameter.value if isinstance(parameter.value, str) else json.dumps(parameter.value)
                spot = self._draft.spot(pointer)
                result.append(PlannedParameter(parameter.name, parameter.location, compiled, text, spot))
        return tuple(result)

    def _value(self, value: Any, pointer: str) -> CompiledValue | None:
        make = partial(compile_value, value, self._dialect)
        return self._drafting.attempt(self._draft, pointer, make, syntax="selector-syntax")

    def _body(self, body: RequestBody) -> PlannedBody | None:
        if not body.has_payload and not body.replacements:
            return None
        pointer = f"{body.pointer}/payload"
        empty: CompiledValue = Constant({})
        payload = as_json = empty
        if body.has_payload:
            payload = as_json = self._value(body.payload, pointer) or empty
        if isinstance(body.payload, str):
            as_text = partial(compile_json_text, body.payload, self._dialect)
            as_json = self._drafting.attempt(self._draft, pointer, as_text) or empty
        replacements = []
        for replacement in body.replacements:
            where = f"{replacement.pointer}/value"
            value = self._value(replacement.value, where)
            if value is not None:
                kind, spot = replacement.target_selector_type, self._draft.spot(where)
                replacements.append(PlannedReplacement(replacement.target, kind, value, spot))
        return PlannedBody(body.content_type, payload, as_json, tuple(replacements), self._draft.spot(pointer))

    def _criteria(self, criteria: Iterable[Criterion]) -> tuple[CompiledCriterion, ...]:
        return tuple(map(self._criterion, criteria))

    def _criterion(self, criterion: Criterion) -> CompiledCriterion:
        """A compiled criterion; one that cannot be parsed refuses the run, or with ``--force`` fails in it (C1)."""
        try:
            return compile_criterion(criterion, self._dialect)
        except ExpressionSyntaxError as error:
            rule = "unusable-criterion" if self._drafting.options.force else "criterion-syntax"
            message = f"the {criterion.type.type} condition {criterion.condition!r} cannot be parsed: {error.message}"
            self._drafting.report(self._draft, rule, message, f"{criterion.pointer}/condition", error.hint)
            return CompiledCriterion(criterion, Unusable(f"the condition cannot be parsed: {error.message}"))

    def _action(self, action: Action, ids: Mapping[str, int]) -> PlannedAction:
        draft, drafting = self._draft, self._drafting
        step: int | None = None
        workflow: str | None = None
        if not action.type:
            message = f"the action {action.name!r} has no type, so that it is not known what it does"
            drafting.report(draft, "bad-value", message, action.pointer, "write type: end, goto or retry")
        if action.type != "end" and action.step_id is not None:
            step = ids.get(action.step_id)
            if step is None:
                message = f"there is no step {action.step_id!r} in this workflow"
                near = did_you_mean(action.step_id, list(ids), "steps")
                drafting.report(draft, "unknown-step", message, f"{action.pointer}/stepId", near)
        elif action.type != "end" and action.workflow_id is not None:
            workflow = drafting.reach(draft, action.workflow_id, f"{action.pointer}/workflowId")
        parameters = drafting.attempt(
            draft,
            f"{action.pointer}/parameters",
            lambda: drafting.linker.parameters(draft.description, action.parameters),
        )
        return PlannedAction(
            name=action.name,
            type=cast(Literal["end", "goto", "retry"], action.type),
            step=step,
            workflow=workflow,
            parameters=self._parameters(parameters or ()),
            criteria=self._criteria(action.criteria),
            retry_after=action.retry_after,
            retry_limit=1 if action.retry_limit is None else action.retry_limit,
            spot=draft.spot(action.pointer),
        )

    def outputs(self, outputs: Mapping[str, Any], pointer: str) -> tuple[tuple[str, CompiledValue], ...]:
        """The outputs of a step or of the workflow, each an expression or a Selector Object."""
        compiled = []
        for name, value in outputs.items():
            where = json_pointer.join(pointer, name)
            make = partial(compile_expression, value, self._dialect)
            rule = "selector-syntax" if isinstance(value, dict) else "expression-syntax"
            made = self._drafting.attempt(self._draft, where, make, syntax=rule)
            if made is not None:
                compiled.append((name, made))
        return tuple(compiled)


def _target_field(step: Step) -> str:
    """The field that names what a step calls."""
    if step.operation_path is not None:
        return "operationPath"
    if step.channel_path is not None:
        return "channelPath"
    return "x-operation" if step.x_operation is not None and step.operation_id is None else "operationId"
