"""Values as documents write them: expressions, text with expressions in it, objects and arrays of both (V1 to V6).

``compile_value`` turns plain data into nodes once; ``resolve`` gives the value in a scope. What a template embeds is
found here for all who need it: braces (V3), no braces (V4), and JSON text (V6).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TypeAlias

from msgspec import Struct

from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.model import ExpressionType
from arazzo_runner.documents.text.json_reader import json_value
from arazzo_runner.errors import ExpressionSyntaxError, StepError
from arazzo_runner.expressions import selectors
from arazzo_runner.expressions.boundaries import EMBEDDABLE, extent
from arazzo_runner.expressions.evaluate import Scope, Value, evaluate, resolve_pointer, to_text
from arazzo_runner.expressions.limits import BudgetExceeded, SelectorError
from arazzo_runner.expressions.nodes import NO_NAMES, Expression, Named, Names
from arazzo_runner.expressions.syntax import Version, parse
from arazzo_runner.expressions.undefined import UNDEFINED


class Dialect(Struct, frozen=True):
    """The way in which expressions are read where a value stands.

    Attributes:
        names: what the document declares there.
        strict: the specification's forms only: braces, and a whole ``{$expr}`` is text (V3).
    """

    names: Names = NO_NAMES
    version: Version = (1, 1)
    strict: bool = False

    def parse(self, text: str) -> Expression:
        """Read one whole expression; see ``syntax.parse``."""
        return parse(text, names=self.names, version=self.version, strict=self.strict)


DEFAULT = Dialect()


class Embedded(Struct, frozen=True):
    """An expression inside text.

    Attributes:
        braced: whether it stands in braces (V3) or not (V4).
        start: offset of its first character, brace included.
        end: offset behind its last.
    """

    node: Expression
    braced: bool
    start: int
    end: int


def embedded(text: str, dialect: Dialect = DEFAULT) -> Iterator[Embedded]:
    """Every expression embedded in ``text``, in order; what looks like one and does not parse is text."""
    position = 0
    while (position := text.find("$", position)) >= 0:
        braced = position > 0 and text[position - 1] == "{"
        found = _braced(text, position, dialect) if braced else None
        if found is None and not dialect.strict and EMBEDDABLE.match(text, position):
            found = _unbraced(text, position, dialect)
        if found is None:
            position += 1
            continue
        yield found
        position = found.end


def _braced(text: str, position: int, dialect: Dialect) -> Embedded | None:
    end = text.find("}", position)
    while end >= 0:
        try:
            return Embedded(dialect.parse(text[position:end]), True, position - 1, end + 1)
        except ExpressionSyntaxError:
            # A 1.0 name or a filter may hold a brace itself; what follows decides. No expression holds another.
            following = text.find("}", end + 1)
            end = following if following >= 0 and "{$" not in text[end:following] else -1
    return None


def _unbraced(text: str, position: int, dialect: Dialect) -> Embedded | None:
    end = extent(text, position, names=dialect.names)
    try:
        return Embedded(dialect.parse(text[position:end]), False, position, end) if end > position else None
    except ExpressionSyntaxError:
        return None


class Constant(Struct, frozen=True):
    """Data without expressions."""

    value: Value

    def resolve(self, scope: Scope) -> Value:  # noqa: ARG002 - it is the same in every scope
        return self.value


class Whole(Struct, frozen=True):
    """A value that is one expression; its type is kept (V2). ``text`` as written, braces included (V3)."""

    node: Expression
    text: str

    def resolve(self, scope: Scope) -> Value:
        return evaluate(self.node, scope)


class Template(Struct, frozen=True):
    """Text with expressions in it. A part that is undefined is an error: text is never built from nothing (V1)."""

    parts: tuple[str | Expression, ...]
    text: str

    def resolve(self, scope: Scope) -> str:
        return "".join(
            part if isinstance(part, str) else to_text(_defined(part, scope, self.text)) for part in self.parts
        )


class JsonTemplate(Struct, frozen=True):
    """A template for JSON text (V6): inside a string literal values are escaped, outside they are JSON."""

    parts: tuple[str | tuple[Expression, bool], ...]
    text: str

    def resolve(self, scope: Scope) -> Value:
        pieces = []
        for part in self.parts:
            if isinstance(part, str):
                pieces.append(part)
                continue
            node, quoted = part
            value = _defined(node, scope, self.text)
            pieces.append(json.dumps(to_text(value), ensure_ascii=False)[1:-1] if quoted else _as_json(value))
        result = "".join(pieces)
        try:
            return json_value(result)
        except ValueError as error:
            raise StepError(
                "request-invalid",
                f"the payload is not JSON once its expressions are replaced: {error}",
                hint="outside string literals an expression is replaced by JSON, inside them by text",
            ) from None


def _as_json(value: Value) -> str:
    return json.dumps(value.decode("utf-8", "replace") if isinstance(value, bytes) else value, ensure_ascii=False)


def _defined(node: Expression, scope: Scope, text: str) -> Value:
    value = evaluate(node, scope)
    if value is UNDEFINED:
        raise StepError(
            "missing-value",
            f"{node} has no value, and text cannot be built from nothing: {text!r}",
            hint=f"give {node} a value, or leave the whole value out",
            expression=node,
        )
    return value


class Selector(Struct, frozen=True):
    """A Selector Object (1.1)."""

    context: Expression
    selector: str
    type: ExpressionType

    def resolve(self, scope: Scope) -> Value:
        value = evaluate(self.context, scope)
        if value is UNDEFINED:
            return UNDEFINED
        return select(value, self.selector, self.type)


def select(value: Value, selector: str, type_: ExpressionType) -> Value:
    """Apply a selector to a value: nothing is ``UNDEFINED``, one node its value, several a list.

    Raises:
        StepError: the selector cannot be applied to that value.
    """
    try:
        if type_.type == "jsonpointer":
            return resolve_pointer(value, selector)
        if type_.type == "xpath":
            return selectors.xpath(selector, type_.version).value(value)
        found = selectors.jsonpath(selector, type_.version).values(value)
    except (SelectorError, BudgetExceeded) as error:
        raise StepError("missing-value", f"the selector {selector!r} cannot be applied: {error.message}") from None
    return UNDEFINED if not found else found[0] if len(found) == 1 else found


class Object(Struct, frozen=True):
    """An object; members without a value are left out (V1)."""

    members: tuple[tuple[str, CompiledValue], ...]

    def resolve(self, scope: Scope) -> dict[str, Value]:
        pairs = ((name, node.resolve(scope)) for name, node in self.members)
        return {name: value for name, value in pairs if value is not UNDEFINED}


class Array(Struct, frozen=True):
    """An array; items without a value are ``null`` (V1)."""

    items: tuple[CompiledValue, ...]

    def resolve(self, scope: Scope) -> list[Value]:
        values = (node.resolve(scope) for node in self.items)
        return [None if value is UNDEFINED else value for value in values]


CompiledValue: TypeAlias = Constant | Whole | Template | JsonTemplate | Selector | Object | Array

Leaf: TypeAlias = Whole | Template | JsonTemplate | Selector


def leaves(value: CompiledValue, pointer: str = "") -> Iterator[tuple[str, Leaf]]:
    """The parts of a value that hold expressions, each with the JSON Pointer to it from ``pointer`` on."""
    waiting = [(value, pointer)]
    while waiting:
        node, here = waiting.pop()
        match node:
            case Object(members):
                waiting += [(member, json_pointer.join(here, name)) for name, member in reversed(members)]
            case Array(items):
                waiting += [(item, json_pointer.join(here, index)) for index, item in reversed([*enumerate(items)])]
            case Whole() | Template() | JsonTemplate() | Selector():
                yield here, node


def expressions_of(leaf: Leaf) -> tuple[Expression, ...]:
    """The expressions of a leaf, in order."""
    match leaf:
        case Whole(node):
            return (node,)
        case Selector(context):
            return (context,)
        case Template(parts):
            return tuple(part for part in parts if not isinstance(part, str))
        case JsonTemplate(parts):
            return tuple(part[0] for part in parts if not isinstance(part, str))


SELECTOR_KEYS = frozenset({"context", "selector", "type"})


def compile_value(data: Any, dialect: Dialect = DEFAULT) -> CompiledValue:
    """Compile a parameter value, a payload or a replacement's value: plain data with expressions in its strings.

    Raises:
        ExpressionSyntaxError: a Selector Object's context or selector is wrong. Text that is not an expression is text.
    """
    match data:
        case str():
            return compile_text(data, dialect)
        case dict() if dialect.version >= (1, 1) and data.keys() == SELECTOR_KEYS:
            return compile_selector(data, dialect)
        case dict():
            members = tuple((name, compile_value(value, dialect)) for name, value in data.items())
            return Constant(data) if all(isinstance(node, Constant) for _, node in members) else Object(members)
        case list():
            items = tuple(compile_value(value, dialect) for value in data)
            return Constant(data) if all(isinstance(node, Constant) for node in items) else Array(items)
        case _:
            return Constant(data)


def compile_text(text: str, dialect: Dialect = DEFAULT) -> CompiledValue:
    """Compile a string: an expression, text with expressions in it, or plain text."""
    if "$" not in text:
        return Constant(text)
    if (whole := _whole(text, dialect)) is not None:
        return whole
    parts: list[str | Expression] = []
    position = 0
    for found in embedded(text, dialect):
        parts += [text[position : found.start], found.node]
        position = found.end
    if not parts:
        return Constant(text)
    parts.append(text[position:])
    return Template(tuple(part for part in parts if part != ""), text)


def _whole(text: str, dialect: Dialect) -> Whole | None:
    """The string as one expression: bare, or in braces, which by default keep its type (V3)."""
    for candidate in (text, text[1:-1] if re.fullmatch(r"\{\$[^{}]*\}", text) and not dialect.strict else ""):
        if candidate.startswith("$"):
            try:
                node = dialect.parse(candidate)
            except ExpressionSyntaxError:
                continue
            if not _is_text(candidate, node, dialect):
                return Whole(node, text)
    return None


def _is_text(text: str, node: Expression, dialect: Dialect) -> bool:
    """Return whether a string that the grammar alone takes for one expression is text with expressions in it (V4).

    Names may hold anything, so that ``$inputs.first $inputs.last`` is derived. It is text when nothing declares that
    name, and the expressions found in it are not all of it.
    """
    if dialect.strict or not isinstance(node, Named):
        return False
    names = dialect.names.of(node)
    if names is None or not node.rest or any(reading.name in names for reading in node.readings):
        return False
    inside = next(embedded(text, dialect), None)
    if inside is None or inside.start or inside.end >= len(text):
        return False
    return _BROKEN_PATH.match(text, inside.end) is None


_BROKEN_PATH = re.compile(r"[.\[#][^\s.]")
"""The rest behind a name, intended as a path: it is not text, and has a rule of its own (V5)."""


def compile_json_text(text: str, dialect: Dialect = DEFAULT) -> CompiledValue:
    """Compile a string payload that is sent as JSON: one expression, or a template for JSON text (V6)."""
    whole = _whole(text, dialect)
    if whole is not None:
        return whole
    parts: list[str | tuple[Expression, bool]] = []
    position, quoted = 0, False
    for found in embedded(text, dialect):
        literal = text[position : found.start]
        quoted = _inside_string(literal, quoted=quoted)
        parts += [literal, (found.node, quoted)]
        position = found.end
    return JsonTemplate((*parts, text[position:]), text)


def _inside_string(text: str, *, quoted: bool) -> bool:
    """Return whether JSON text that starts inside (or outside) a string literal ends inside one."""
    return quoted ^ (len(re.findall(r'(?<!\\)(?:\\\\)*"', text)) % 2 == 1)


def compile_expression(data: Any, dialect: Dialect = DEFAULT) -> CompiledValue:
    """Compile what has to be an expression or a Selector Object: an output, a context (V5).

    Raises:
        ExpressionSyntaxError: it is something else.
    """
    if isinstance(data, dict) and data.keys() == SELECTOR_KEYS:
        return compile_selector(data, dialect)
    if not isinstance(data, str):
        raise ExpressionSyntaxError(f"expected a runtime expression, found {json.dumps(data)}", str(data))
    return _whole(data, dialect) or Whole(dialect.parse(data), data)


def selector_type(data: Any) -> ExpressionType:
    """A selector's type: a string, or an Expression Type Object."""
    if not isinstance(data, dict):
        return ExpressionType(str(data))
    version = data.get("version")
    return ExpressionType(str(data.get("type")), None if version is None else str(version))


def compile_selector(data: dict[str, Any], dialect: Dialect = DEFAULT) -> Selector:
    """Compile a Selector Object.

    Raises:
        ExpressionSyntaxError: its context is not an expression, or its selector none of its type.
    """
    type_ = data["type"]
    kind = selector_type(type_)
    selector = str(data["selector"])
    match kind.type:
        case "jsonpath":
            selectors.jsonpath(selector, kind.version)
        case "xpath":
            selectors.xpath(selector, kind.version)
        case "jsonpointer":
            if selector and not selector.startswith("/"):
                raise ExpressionSyntaxError("a JSON Pointer starts with /", selector, hint=f"did you mean /{selector}?")
        case _:
            raise ExpressionSyntaxError(
                f"unknown selector type {kind.type!r}", selector, hint="one of jsonpath, xpath, jsonpointer"
            )
    return Selector(dialect.parse(str(data["context"])), selector, kind)
