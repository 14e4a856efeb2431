"""The sites of a document: every place where an expression, a template, a condition or a selector may stand.

One walk finds them and reads each once, so that the rules look at nodes and never at text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, Literal

from msgspec import Struct

from arazzo_runner.documents.model import Action, ArazzoDescription, Criterion, Parameter, Reusable, Step, Workflow
from arazzo_runner.documents.pointer import join
from arazzo_runner.errors import ExpressionSyntaxError
from arazzo_runner.expressions import logic
from arazzo_runner.expressions.conditions import LiteralOperand
from arazzo_runner.expressions.criteria import CompiledCriterion, Simple, compile_criterion
from arazzo_runner.expressions.nodes import Expression
from arazzo_runner.expressions.templates import (
    SELECTOR_KEYS,
    Dialect,
    Whole,
    compile_expression,
    compile_selector,
    compile_text,
    embedded,
)


class Form(Enum):
    """The form of an expression."""

    WHOLE = "the whole value"
    WHOLE_IN_BRACES = "the whole value, in braces"
    BRACES = "in braces, inside other text"
    BARE = "without braces, inside other text"
    OPERAND = "an operand of a simple condition"


Moment = Literal["before", "after", "end"]
"""When a site is evaluated: before its step's request, after the answer, or when the workflow ends."""


class Site(Struct, frozen=True):
    """A place where an expression may stand.

    Attributes:
        kind: ``expression`` where one is required, ``value`` where it may be, ``selector``, ``criterion``.
        data: text; a Selector Object; a Criterion.
        pointer: of the text.
        step: the step that it belongs to, if any.
        owner: how messages name what it is a part of.
    """

    kind: Literal["expression", "value", "selector", "criterion"]
    data: Any
    pointer: str
    moment: Moment
    step: Step | None = None
    owner: str = ""


class Use(Struct, frozen=True):
    """An expression at a site; ``text`` as written, braces apart, and ``start`` where it stands in other text."""

    node: Expression
    text: str
    form: Form
    start: int = 0


class Read(Struct, frozen=True):
    """A site that was read.

    Attributes:
        uses: the expressions found.
        error: why the site as a whole cannot be read.
        criterion: the compiled criterion, when it is one and can be compiled.
    """

    site: Site
    uses: tuple[Use, ...] = ()
    error: ExpressionSyntaxError | None = None
    criterion: CompiledCriterion | None = None


def read_workflow(workflow: Workflow, dialect: Dialect) -> Iterator[Read]:
    """Every site of a workflow, in document order for each field."""
    for site in _workflow_sites(workflow, dialect):
        yield _read(site, dialect)


def read_step(step: Step, parameters: Iterable[Parameter], dialect: Dialect) -> Iterator[Read]:
    """Every site of a step, and of the parameters that apply to it."""
    for parameter in parameters:
        for site in _parameter_sites(parameter, "before", step, dialect):
            yield _read(site, dialect)
    for site in _step_sites(step, dialect):
        yield _read(site, dialect)


def read_components(description: ArazzoDescription, dialect: Dialect) -> Iterator[Read]:
    """Every site of the components."""
    components = description.components
    for parameter in components.parameters.values():
        for site in _parameter_sites(parameter, "before", None, dialect):
            yield _read(site, dialect)
    for action in (*components.success_actions.values(), *components.failure_actions.values()):
        for site in _action_sites([action], None, dialect):
            yield _read(site, dialect)


def _workflow_sites(workflow: Workflow, dialect: Dialect) -> Iterator[Site]:
    for parameter in workflow.parameters:
        yield from _parameter_sites(parameter, "before", None, dialect)
    for step in workflow.steps:
        yield from _step_sites(step, dialect)
    yield from _action_sites((*workflow.success_actions, *workflow.failure_actions), None, dialect)
    for name, value in workflow.outputs.items():
        yield from _output_sites(name, value, join(workflow.pointer, "outputs", name), "end", None)


def _step_sites(step: Step, dialect: Dialect) -> Iterator[Site]:
    for parameter in step.parameters:
        yield from _parameter_sites(parameter, "before", step, dialect)
    body = step.request_body
    if body is not None:
        yield from _values(body.payload, f"{body.pointer}/payload", "before", step, "the payload", dialect)
        for replacement in body.replacements:
            owner = f"the replacement of {replacement.target}"
            yield from _values(replacement.value, f"{replacement.pointer}/value", "before", step, owner, dialect)
    url = step.x_operation.get("url") if isinstance(step.x_operation, dict) else None
    yield from _values(url, f"{step.pointer}/x-operation/url", "before", step, "the url of x-operation", dialect)
    yield from _values(step.x_security, f"{step.pointer}/x-security", "before", step, "x-security", dialect)
    yield from _values(step.correlation_id, f"{step.pointer}/correlationId", "before", step, "correlationId", dialect)
    yield from _criterion_sites(step.success_criteria, step)
    for name, value in step.outputs.items():
        yield from _output_sites(name, value, join(step.pointer, "outputs", name), "after", step)
    yield from _action_sites((*step.on_success, *step.on_failure), step, dialect)


def _output_sites(name: str, value: Any, pointer: str, moment: Moment, step: Step | None) -> Iterator[Site]:
    yield Site(
        "selector" if isinstance(value, dict) else "expression", value, pointer, moment, step, f"the output {name}"
    )


def _parameter_sites(
    parameter: Parameter | Reusable, moment: Moment, step: Step | None, dialect: Dialect
) -> Iterator[Site]:
    owner = f"the parameter {parameter.name}" if isinstance(parameter, Parameter) else parameter.reference
    return _values(parameter.value, f"{parameter.pointer}/value", moment, step, owner, dialect)


def _action_sites(actions: Iterable[Action | Reusable], step: Step | None, dialect: Dialect) -> Iterator[Site]:
    for action in actions:
        if isinstance(action, Action):
            yield from _criterion_sites(action.criteria, step)
            for parameter in action.parameters:
                yield from _parameter_sites(parameter, "after", step, dialect)


def _criterion_sites(criteria: Iterable[Criterion], step: Step | None) -> Iterator[Site]:
    for criterion in criteria:
        if criterion.context is not None:
            yield Site("expression", criterion.context, f"{criterion.pointer}/context", "after", step, "the context")
        yield Site("criterion", criterion, f"{criterion.pointer}/condition", "after", step, "the condition")


def _values(data: Any, pointer: str, moment: Moment, step: Step | None, owner: str, dialect: Dialect) -> Iterator[Site]:
    """The strings and Selector Objects of plain data."""
    waiting = [(data, pointer)]
    while waiting:
        value, here = waiting.pop()
        match value:
            case str():
                yield Site("value", value, here, moment, step, owner)
            case dict() if dialect.version >= (1, 1) and value.keys() == SELECTOR_KEYS:
                yield Site("selector", value, here, moment, step, owner)
            case dict():
                waiting += [(member, join(here, name)) for name, member in reversed(value.items())]
            case list():
                waiting += [(item, join(here, index)) for index, item in reversed(list(enumerate(value)))]


def _read(site: Site, dialect: Dialect) -> Read:
    try:
        match site.kind:
            case "expression":
                return Read(site, _whole(compile_expression(site.data, dialect)))
            case "value":
                return Read(site, _whole(compile_text(site.data, dialect)) or _embedded(site.data, dialect))
            case "selector":
                if not _is_selector(site.data):
                    return Read(site)  # the loader has said what is wrong with it
                selector = compile_selector(site.data, dialect)
                return Read(site, (Use(selector.context, str(site.data["context"]), Form.WHOLE),))
            case "criterion":
                return _criterion(site, dialect)
    except ExpressionSyntaxError as error:
        return Read(site, error=error)


def _is_selector(data: Any) -> bool:
    match data:
        case {"context": str(), "selector": str(), "type": str() | {"type": str(), "version": str() | None}}:
            return True
        case {"context": str(), "selector": str(), "type": {"type": str(), **rest}}:
            return "version" not in rest
    return False


def _whole(compiled: Any) -> tuple[Use, ...]:
    if not isinstance(compiled, Whole):
        return ()
    braced = compiled.text.startswith("{")
    text = compiled.text[1:-1] if braced else compiled.text
    return (Use(compiled.node, text, Form.WHOLE_IN_BRACES if braced else Form.WHOLE),)


def _embedded(text: str, dialect: Dialect) -> tuple[Use, ...]:
    return tuple(
        Use(found.node, text[found.start + 1 : found.end - 1], Form.BRACES)
        if found.braced
        else Use(found.node, text[found.start : found.end], Form.BARE, found.start)
        for found in embedded(text, dialect)
    )


def _criterion(site: Site, dialect: Dialect) -> Read:
    criterion: Criterion = site.data
    if criterion.type.type != "simple" and criterion.context is None:
        return Read(site)  # the loader's `criterion-context`
    if criterion.context is not None and criterion.type.type != "simple":
        try:
            compile_expression(criterion.context, dialect)
        except ExpressionSyntaxError:
            return Read(site)  # the context is a site of its own
    compiled = compile_criterion(criterion, dialect)
    if not isinstance(compiled.test, Simple):
        return Read(site, _embedded(criterion.condition, dialect), criterion=compiled)
    operands = [op for op in logic.operands(compiled.test.node) if not isinstance(op, LiteralOperand)]
    return Read(site, tuple(Use(op, str(op), Form.OPERAND) for op in operands), criterion=compiled)
