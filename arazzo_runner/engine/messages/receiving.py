"""The message that a receive step waits for, as data (M7, M8)."""

from __future__ import annotations

from collections.abc import Iterator

from arazzo_runner.effects import Match
from arazzo_runner.engine.messages.sending import CORRELATION_HEADERS
from arazzo_runner.engine.plan import PlannedParameter, PlannedWorkflow, RunOptions
from arazzo_runner.engine.planned_messages import PlannedCorrelation, PlannedExchange
from arazzo_runner.errors import StepError
from arazzo_runner.expressions.evaluate import Scope, to_text
from arazzo_runner.expressions.nodes import Expression
from arazzo_runner.expressions.templates import expressions_of, leaves
from arazzo_runner.expressions.undefined import UNDEFINED


def match_of(exchange: PlannedExchange, workflow: PlannedWorkflow, scope: Scope, options: RunOptions) -> Match:
    """The messages that a receive step takes.

    Raises:
        StepError: ``missing-value``: the correlation id has no value, which is never "any message" (M7).
    """
    wanted = tuple(message.schemas for message in exchange.messages) if exchange.others else ()
    others = exchange.others
    if exchange.correlation is None:
        return Match(wanted=wanted, others=others)
    wanted_id = _id(exchange.correlation, scope)
    locations = dict.fromkeys(str(one.correlation) for one in exchange.messages if one.correlation is not None)
    sent = (name for name in _headers_with(workflow, scope, wanted_id) if name.lower() not in _KNOWN)
    return Match(
        correlation_id=wanted_id,
        locations=tuple(locations),
        headers=() if locations else (*CORRELATION_HEADERS, *dict.fromkeys(sent)),
        in_payload=not locations and not options.strict,
        wanted=wanted,
        others=others,
    )


_KNOWN = frozenset(name.lower() for name in CORRELATION_HEADERS)


def _id(correlation: PlannedCorrelation, scope: Scope) -> str:
    nodes = [node for _, leaf in leaves(correlation.value) for node in expressions_of(leaf)]
    node: Expression | None = nodes[0] if len(nodes) == 1 else None
    place = correlation.spot.place
    try:
        value = correlation.value.resolve(scope)
    except StepError as error:
        message = f"the correlationId: {error.message}"
        raise StepError(error.code, message, hint=error.hint, place=place, expression=error.expression) from None
    if value is UNDEFINED or value is None:
        what = "no value" if value is UNDEFINED else "the value null"
        message = f"the correlationId {correlation.text} has {what}"
        raise StepError("missing-value", message, place=place, expression=node)
    return to_text(value)


def _headers_with(workflow: PlannedWorkflow, scope: Scope, wanted: str) -> Iterator[str]:
    """The headers that send steps of the workflow set from the same value (M7)."""
    for step in workflow.steps:
        if step.exchange is not None and step.exchange.action == "send":
            yield from (header.name for header in step.exchange.headers if _text_of(header, scope) == wanted)


def _text_of(header: PlannedParameter, scope: Scope) -> str | None:
    try:
        value = header.value.resolve(scope)
    except StepError:
        return None
    return None if value is UNDEFINED or value is None else to_text(value)
