"""Impossible things that the inputs alone show, found when a workflow begins: it must not have booked anything (D1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from arazzo_runner.engine.plan import PlannedAction, PlannedStep, PlannedWorkflow, Spot
from arazzo_runner.engine.step import is_required
from arazzo_runner.errors import StepError
from arazzo_runner.expressions.evaluate import Scope, evaluate
from arazzo_runner.expressions.nodes import Named
from arazzo_runner.expressions.templates import CompiledValue, Whole, expressions_of, leaves
from arazzo_runner.expressions.undefined import UNDEFINED
from arazzo_runner.openapi.auth.credentials import Credentials
from arazzo_runner.openapi.auth.security import filled_by

if TYPE_CHECKING:
    from arazzo_runner.engine.planned_messages import PlannedExchange


def missing_input(
    workflow: PlannedWorkflow, inputs: Mapping[str, Any], credentials: Credentials
) -> tuple[PlannedStep, StepError] | None:
    """The first step that every successful run comes to and that an absent input makes impossible, and why."""
    scope = Scope(inputs=inputs)
    for step in workflow.steps:
        error = next(_errors(step, scope, credentials), None)
        if error is not None and not _can_finish_without(workflow, step.index):
            return step, error
    return None


def _errors(step: PlannedStep, scope: Scope, credentials: Credentials) -> Iterator[StepError]:
    """Why a step's request cannot be made with the inputs, whatever the answers before it are (V1)."""
    if step.exchange is not None:
        yield from _of_exchange(step, step.exchange, scope)
    operation = step.operation
    if operation is None:
        return
    filled = filled_by(operation, credentials)
    for parameter in step.parameters:
        required = is_required(operation, parameter, filled)
        what = f"the {parameter.location or 'query'} parameter {parameter.name!r}"
        what = f"{what} is required by {operation.label}, and" if required else f"{what} cannot be built:"
        yield from _absent(parameter.value, what, parameter.spot, scope, required=required, null_is_absent=True)
    if step.body is not None:
        required = operation.body_required
        what = "the payload cannot be built:"
        yield from _absent(step.body.payload, what, step.body.spot, scope, required=required)


def _of_exchange(step: PlannedStep, exchange: PlannedExchange, scope: Scope) -> Iterator[StepError]:
    """Why a step's message cannot be sent, or not be told from others (V1, M7, M12)."""
    sends = exchange.action == "send"
    for parameter in exchange.parameters:
        if parameter.given is not None:
            needed = parameter.default is None and (sends or exchange.protocol.wildcard is None)
            required = needed and not (sends and parameter.location is not None)
            what = f"the parameter {parameter.name!r} of the address {exchange.address}:"
            given = parameter.given
            yield from _absent(given.value, what, given.spot, scope, required=required, null_is_absent=True)
    for header in exchange.headers if sends else ():
        what = f"the header {header.name!r} cannot be built:"
        yield from _absent(header.value, what, header.spot, scope, required=False)
    if sends and step.body is not None:
        what = "the payload cannot be built:"
        yield from _absent(step.body.payload, what, step.body.spot, scope, required=False)
    if exchange.correlation is not None:
        correlation = exchange.correlation
        what = "the correlationId is what the message is told from others by, and"
        yield from _absent(correlation.value, what, correlation.spot, scope, required=True, null_is_absent=True)


def _absent(
    value: CompiledValue, what: str, spot: Spot, scope: Scope, *, required: bool, null_is_absent: bool = False
) -> Iterator[StepError]:
    for pointer, leaf in leaves(value):
        is_whole = isinstance(leaf, Whole)
        if is_whole and (pointer or not required):
            continue
        for node in expressions_of(leaf):
            if not isinstance(node, Named) or node.root != "inputs":
                continue
            found = evaluate(node, scope)
            if found is UNDEFINED or (found is None and is_whole and null_is_absent):
                has = "has no value" if found is UNDEFINED else "is null"
                place = Spot(spot.document, spot.pointer + pointer).place
                yield StepError("missing-value", f"{what} {node} {has}", place=place, expression=node)


def _can_finish_without(workflow: PlannedWorkflow, index: int) -> bool:
    """Return whether the workflow can end as succeeded without ever coming to a step."""
    seen, waiting = {index}, [0]
    while waiting:
        position = waiting.pop()
        if position in seen:
            continue
        if position >= len(workflow.steps):
            return True
        seen.add(position)
        for following in _after(workflow.steps[position]):
            if following is None:
                return True
            waiting.append(following)
    return False


def _after(step: PlannedStep) -> Iterator[int | None]:
    """Return the steps that can follow a step; None for the end of the workflow."""
    for action in step.on_success:
        yield _target(action)
        if not action.criteria:
            break
    else:
        yield step.index + 1
    for action in step.on_failure:
        if action.type == "goto":
            yield _target(action)


def _target(action: PlannedAction) -> int | None:
    return action.step if action.type == "goto" else None
