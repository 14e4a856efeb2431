"""Absences: expressions that found nothing, and what was there instead, so that nothing is left out in silence (D2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.near_names import near_names
from arazzo_runner.engine.plan import PlannedStep, PlannedWorkflow, Spot
from arazzo_runner.expressions.evaluate import MessageView, Scope, evaluate
from arazzo_runner.expressions.nodes import Expression, Interpretation, MessagePart, Named
from arazzo_runner.expressions.templates import CompiledValue, expressions_of, leaves
from arazzo_runner.expressions.undefined import UNDEFINED

_LISTED = 12
"""How many names of what was there a message shows."""


class Absence(Struct, frozen=True):
    """An expression that found nothing.

    Attributes:
        expression: as written.
        holder: what was looked into, for a sentence: ``the body``.
        wanted: the name that is not there; empty when it is not a name that is missing.
        names: the names that are there instead.
    """

    expression: str
    holder: str
    wanted: str = ""
    names: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Return what was there, as a part of a message."""
        if not self.wanted:
            return f"{self.expression} found nothing: {self.holder}"
        shown = ", ".join(self.names[:_LISTED]) + (", …" if len(self.names) > _LISTED else "")
        return f"{self.expression} found nothing: {self.holder} has {shown or 'no members'}"

    @property
    def hint(self) -> str:
        """The nearest name, or empty."""
        near = near_names(self.wanted, self.names, most=1) if self.wanted else []
        return f"did you mean {near[0]}?" if near else ""


def absence_of(compiled: CompiledValue, scope: Scope) -> Absence:
    """Return what an output found instead, as far as it is known."""
    nodes = [node for _, leaf in leaves(compiled) for node in expressions_of(leaf)]
    missing = next((node for node in nodes if evaluate(node, scope) is UNDEFINED), None)
    if missing is None:
        return Absence(str(nodes[0]) if nodes else "the selector", "the selector selects nothing")
    return _absence(missing, scope)


def _absence(node: Expression, scope: Scope) -> Absence:
    match node:
        case MessagePart(holder=holder, part="header" | "headers"):
            message = _held(holder, scope)
            return Absence(str(node), f"the {holder} has no such header" if message else f"there is no {holder}")
        case MessagePart(holder=holder, part="body" | "payload"):
            message = _held(holder, scope)
            body = UNDEFINED if message is None else message.structured_body
            root = "the payload" if holder == "message" else "the body"
            return _inside(str(node), body, tuple(_steps_of(node)), root)
        case Named(readings=(Interpretation(name, tail, pointer), *_)) if tail is not None or pointer:
            whole = Named(node.root, node.owner, node.field, name, (Interpretation(name, None, None),))
            value = evaluate(whole, scope)
            steps = json_pointer.split(pointer) if pointer and pointer.startswith("/") else (tail and tail.steps) or ()
            return _inside(str(node), value, tuple(steps), str(whole))
    return Absence(str(node), "it has no value")


def _held(holder: str, scope: Scope) -> MessageView | None:
    return {"request": scope.request, "response": scope.response}.get(holder, scope.message)


def _steps_of(node: MessagePart) -> Iterator[str | int]:
    if node.pointer:
        yield from json_pointer.split(node.pointer if node.pointer.startswith("/") else f"/{node.pointer}")
    elif node.tail is not None:
        yield from node.tail.steps or ()


def _inside(expression: str, value: Any, steps: tuple[str | int, ...], root: str = "the body") -> Absence:
    """Return how far a path reaches into a value, and what is there where it ends."""
    if value is UNDEFINED:
        return Absence(expression, f"{root} is empty" if root == "the body" else f"{root} has no value")
    holder, walked = root, ""
    for step in steps:
        match value:
            case Mapping() if str(step) in value:
                value = value[str(step)]
            case list() if str(step).isdecimal() and int(step) < len(value):
                value = value[int(step)]
            case Mapping():
                return Absence(expression, holder, str(step), tuple(map(str, value)))
            case list():
                length = "empty" if not value else f"a list of {len(value)}"
                return Absence(expression, f"{holder} is {length}")
            case _:
                return Absence(expression, f"{holder} is {_kind(value)}")
        walked += f"/{step}"
        holder = f"{walked} of {root}"
    return Absence(expression, holder)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case bytes():
            return "not text"
    return "text"


class LeftOut(Struct, frozen=True):
    """A part of a request that is left out because a step's output has no value.

    Attributes:
        what: the part, for a sentence.
        node: the expression without a value.
    """

    what: str
    node: Named
    spot: Spot


def left_out(step: PlannedStep, scope: Scope) -> Iterator[LeftOut]:
    """The parameters and members of a request that a step's output would have filled (D2)."""
    values = [(f"the parameter {p.name!r}", p.value, p.spot) for p in step.parameters]
    if step.body is not None:
        values.append(("the payload", step.body.payload, step.body.spot))
        values += [(f"the replacement of {r.target}", r.value, r.spot) for r in step.body.replacements]
    for what, value, spot in values:
        for pointer, leaf in leaves(value):
            for node in expressions_of(leaf):
                if isinstance(node, Named) and node.root == "steps" and evaluate(node, scope) is UNDEFINED:
                    part = f"the member {pointer} of {what}" if pointer else what
                    yield LeftOut(part, node, Spot(spot.document, spot.pointer + pointer))


def output_spot(workflow: PlannedWorkflow, node: Named) -> tuple[str, Spot] | None:
    """The name of the step output that an expression means, and where it is declared; None for an undeclared one."""
    step = next((step for step in workflow.steps if step.step_id == node.owner), None)
    if step is None or step.outputs is None:
        return None
    declared = {name for name, _ in step.outputs}
    name = next((reading.name for reading in node.readings if reading.name in declared), None)
    return None if name is None else (name, spot_of_output(step.spot, name))


def is_undeclared(workflow: PlannedWorkflow, node: Named) -> bool:
    """Return whether an expression names an output that its step, which declares others, does not have."""
    step = next((step for step in workflow.steps if step.step_id == node.owner), None)
    return step is not None and step.outputs is not None and output_spot(workflow, node) is None


def spot_of_output(owner: Spot, name: str) -> Spot:
    """Return the place where an output of a step or workflow is declared."""
    return Spot(owner.document, json_pointer.join(owner.pointer, "outputs", name))
