"""Addresses of channels: their parameters filled in, and read back from the address of a message (M12)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from arazzo_runner.asyncapi.locations import MessageLocation
from arazzo_runner.engine.planned_messages import AddressParameter, PlannedExchange
from arazzo_runner.errors import StepError
from arazzo_runner.expressions.evaluate import Scope, to_text
from arazzo_runner.expressions.nodes import Expression, Named
from arazzo_runner.expressions.templates import CompiledValue, expressions_of, leaves
from arazzo_runner.expressions.undefined import UNDEFINED

_OPEN = re.compile(r"\{([^{}]+)\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def listening_address(exchange: PlannedExchange, scope: Scope) -> str:
    """The address that a receive step listens at; what stays ``{name}`` may be anything (M12).

    Raises:
        StepError: a parameter has no value and the protocol no wildcard, or its value cannot stand in an address.
    """
    found = {}
    for parameter in exchange.parameters:
        value = _given(parameter, scope)
        value = parameter.default if value is UNDEFINED else value
        if value is not None:
            found[parameter.name] = _checked(exchange, parameter, value)
        elif exchange.protocol.wildcard is None:
            raise _missing(exchange, parameter)
    return _filled(exchange.address or "", found)


def sending_address(exchange: PlannedExchange, scope: Scope, headers: Mapping[str, Any], payload: Any) -> str:
    """The address that a message is sent to (M12).

    Raises:
        StepError: a parameter has no value, or one that cannot stand in an address.
    """
    found = {}
    for parameter in exchange.parameters:
        value = _given(parameter, scope)
        if value is UNDEFINED and isinstance(parameter.location, MessageLocation):
            value = parameter.location.value(headers, payload)
        if value is UNDEFINED or value is None:
            value = parameter.default
        if value is None:
            raise _missing(exchange, parameter)
        found[parameter.name] = _checked(exchange, parameter, value)
    return _filled(exchange.address or "", found)


def values_in(template: str, address: str) -> Mapping[str, str]:
    """The values of an address's parameters; empty when it is not one of the template."""
    pattern = "".join(
        f"(?P<p{index}>.+?)" if match else re.escape(text) for index, (text, match) in enumerate(_pieces(template))
    )
    found = re.fullmatch(pattern, address, re.DOTALL)
    if found is None:
        return {}
    return {text: found[f"p{index}"] for index, (text, match) in enumerate(_pieces(template)) if match}


def waits_for_outputs(exchange: PlannedExchange, scope: Scope) -> bool:
    """Return whether the address needs outputs of steps or workflows that have not run yet (M4)."""
    values = [one.given.value for one in exchange.parameters if one.given is not None]
    values += [one.value for one in exchange.handshake]
    return any(_is_to_come(node, scope) for value in values for node in expressions_in(value))


def needs_nothing(exchange: PlannedExchange) -> bool:
    """Return whether the address is the same in every run."""
    given = (one.given.value for one in exchange.parameters if one.given is not None)
    values = (*given, *(one.value for one in exchange.handshake))
    return exchange.address is not None and not any(True for value in values for _ in expressions_in(value))


def expressions_in(value: CompiledValue) -> Iterator[Expression]:
    """Every expression of a value."""
    return (node for _, leaf in leaves(value) for node in expressions_of(leaf))


def _is_to_come(node: Expression, scope: Scope) -> bool:
    match node:
        case Named(root="steps"):
            return node.owner not in scope.steps
        case Named(root="workflows"):
            return node.owner not in scope.workflows
        case _:
            return False


def _pieces(template: str) -> list[tuple[str, bool]]:
    """Text and names of parameters, in turn, each with whether it is a name."""
    return [(text, number % 2 == 1) for number, text in enumerate(_OPEN.split(template))]


def _given(parameter: AddressParameter, scope: Scope) -> Any:
    if parameter.given is None:
        return UNDEFINED
    value = parameter.given.value.resolve(scope)
    return UNDEFINED if value is None else value


def _checked(exchange: PlannedExchange, parameter: AddressParameter, value: Any) -> str:
    text = to_text(value)
    place = None if parameter.given is None else parameter.given.spot.place
    bad = next((char for char in exchange.protocol.forbidden if char in text), None) or _CONTROL.search(text)
    if bad is not None or not text:
        shown = "is empty" if not text else f"is {text!r}, which would change the address {exchange.address}"
        raise StepError("request-invalid", f"the parameter {parameter.name!r} {shown}", place=place)
    if parameter.allowed and text not in parameter.allowed:
        message = f"the parameter {parameter.name!r} is {text!r}; allowed are {', '.join(parameter.allowed)}"
        raise StepError("request-invalid", message, place=place)
    return text


def _missing(exchange: PlannedExchange, parameter: AddressParameter) -> StepError:
    message = f"the parameter {parameter.name!r} of the address {exchange.address} has no value"
    if parameter.given is None:
        return StepError("missing-value", message)
    nodes = list(expressions_in(parameter.given.value))
    node = nodes[0] if len(nodes) == 1 else None
    return StepError("missing-value", message, place=parameter.given.spot.place, expression=node)


def _filled(template: str, values: Mapping[str, str]) -> str:
    return _OPEN.sub(lambda match: values.get(match[1], match[0]), template)
