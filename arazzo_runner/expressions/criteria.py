"""Criteria: a Criterion Object compiled to a predicate, by a table of its types (C1 to C6).

A predicate never raises: what cannot be evaluated fails, and the verdict says why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct

from arazzo_runner.documents.model import Criterion
from arazzo_runner.documents.text.json_reader import json_value
from arazzo_runner.errors import ArazzoError, ExpressionSyntaxError
from arazzo_runner.expressions import logic, selectors
from arazzo_runner.expressions.bare_jsonpath import Context, PathCondition, PathDialect, parse_bare, strictly_equal
from arazzo_runner.expressions.conditions import (
    Condition,
    LiteralOperand,
    SimpleDialect,
    bare_literals,
    deviations,
    parse_condition,
)
from arazzo_runner.expressions.evaluate import Scope, Value, evaluate, to_text
from arazzo_runner.expressions.jsonpath_binding import BoundQuery, bind_query
from arazzo_runner.expressions.limits import MAX_SHOWN, grant
from arazzo_runner.expressions.path_tails import path_end
from arazzo_runner.expressions.regexes import compile_regex, is_found
from arazzo_runner.expressions.templates import (
    CompiledValue,
    Dialect,
    Template,
    Whole,
    compile_expression,
    compile_text,
)
from arazzo_runner.expressions.undefined import UNDEFINED
from arazzo_runner.secrecy import cut


class Verdict(Struct, frozen=True):
    """The outcome of a criterion.

    Attributes:
        detail: why it failed: what was seen, or why it could not be evaluated. None when it passed.
        broken: it failed because it could not be evaluated (C1).
    """

    passed: bool
    detail: str | None = None
    broken: bool = False


class Test(Protocol):
    """A compiled condition."""

    def check(self, scope: Scope) -> Verdict:
        """Evaluate it."""


class CompiledCriterion(Struct, frozen=True):
    """A criterion, ready to be asked.

    Attributes:
        deviations: ids of the lint rules for what only the default mode accepts (C2, C5), each with the legal spelling.
    """

    source: Criterion
    test: Test
    deviations: tuple[tuple[str, str], ...] = ()

    def check(self, scope: Scope) -> Verdict:
        """Return whether it passes in ``scope``; it never raises (C1)."""
        try:
            return self.test.check(scope)
        except ArazzoError as error:
            return Verdict(False, error.message, broken=True)
        except RecursionError:
            return Verdict(False, "the value is nested too deeply", broken=True)


class Simple(Struct, frozen=True):
    """``type: simple`` (C2, C3)."""

    node: Condition
    dialect: SimpleDialect

    def check(self, scope: Scope) -> Verdict:
        if logic.evaluate(self.node, self.dialect, scope):
            return Verdict(True)
        shown = dict.fromkeys(op for op in logic.operands(self.node) if not isinstance(op, LiteralOperand))
        return Verdict(False, "; ".join(f"{op} {_is(evaluate(op, scope))}" for op in shown) or "it is constant")


class DeepEqual(Struct, frozen=True):
    """``type: simple`` with JSON text as its condition: the context equals it, as one test generator means it (C2)."""

    context: CompiledValue
    expected: Value

    def check(self, scope: Scope) -> Verdict:
        value = self.context.resolve(scope)
        if value is not UNDEFINED and strictly_equal(value, self.expected):
            return Verdict(True)
        return Verdict(False, f"the context {_is(value)}")


class Regex(Struct, frozen=True):
    """``type: regex``: searched in the text form of the context (C4)."""

    context: CompiledValue
    pattern: CompiledValue

    def check(self, scope: Scope) -> Verdict:
        value = self.context.resolve(scope)
        if value is UNDEFINED or value is None:
            return Verdict(False, f"the context {_is(value)}")
        text = to_text(value)
        grant()
        if is_found(to_text(self.pattern.resolve(scope)), text):
            return Verdict(True)
        return Verdict(False, f"nothing in {_show(text)} matches")


class JsonPathQuery(Struct, frozen=True):
    """``type: jsonpath`` with a legal query: passes when it selects a node (C5)."""

    context: CompiledValue
    query: BoundQuery
    root_filter: bool

    def check(self, scope: Scope) -> Verdict:
        value = self.context.resolve(scope)
        if value is UNDEFINED or value is None:
            return Verdict(False, f"the context {_is(value)}")
        if not isinstance(value, (dict, list)):
            return Verdict(False, f"the context is not a JSON object or array: it {_is(value)}", broken=True)
        if self.root_filter and isinstance(value, dict):
            # C5: the specification's own example filters the context itself, not its members.
            value = [value]
        if self.query.resolve(scope).exists(value):
            return Verdict(True)
        return Verdict(False, "the query selects nothing")


class BareJsonPath(Struct, frozen=True):
    """``type: jsonpath`` with a bare logical expression (C5)."""

    context: CompiledValue
    node: PathCondition
    dialect: PathDialect

    def check(self, scope: Scope) -> Verdict:
        value = self.context.resolve(scope)
        if value is UNDEFINED or value is None:
            return Verdict(False, f"the context {_is(value)}")
        context = Context(value, scope)
        if logic.evaluate(self.node, self.dialect, context):
            return Verdict(True)
        shown = dict.fromkeys(op for op in logic.operands(self.node) if not isinstance(op, LiteralOperand))
        said = "; ".join(f"{op} {_is(self.dialect.value(op, context))}" for op in shown)
        return Verdict(False, said or "it is constant")


class XPathCriterion(Struct, frozen=True):
    """``type: xpath``: by effective boolean value (C6)."""

    context: CompiledValue
    expression: CompiledValue
    version: str | None

    def check(self, scope: Scope) -> Verdict:
        value = self.context.resolve(scope)
        if value is UNDEFINED or value is None:
            return Verdict(False, f"the context {_is(value)}")
        compiled = selectors.xpath(to_text(self.expression.resolve(scope)), self.version)
        return Verdict(True) if compiled.truth(value) else Verdict(False, "the expression is false or selects nothing")


class Unusable(Struct, frozen=True):
    """A criterion that cannot be parsed, run anyway (``--force``): it always fails (C1)."""

    reason: str

    def check(self, scope: Scope) -> Verdict:  # noqa: ARG002 - whatever the scope, it fails
        return Verdict(False, self.reason, broken=True)


def _is(value: Value) -> str:
    if value is UNDEFINED:
        return "has no value"
    if isinstance(value, list) and type(value) is not list:  # the nodes that a path selected
        return (
            "selects nothing"
            if not value
            else f"is {_show(value[0])}"
            if len(value) == 1
            else f"is {_show(list(value))}"
        )
    return f"is {_show(value)}"


def _show(value: Value) -> str:
    text = to_text(value) if not isinstance(value, str) else f"'{value}'"
    return text if len(text) <= MAX_SHOWN else f"{cut(text, MAX_SHOWN)} ({len(text)} characters)"


def compile_criterion(criterion: Criterion, dialect: Dialect) -> CompiledCriterion:
    """Compile a criterion.

    Raises:
        ExpressionSyntaxError: its context or condition cannot be parsed, its expressions apart (C1).
    """
    compiler = _COMPILERS.get(criterion.type.type)
    if compiler is None:
        raise ExpressionSyntaxError(
            f"unknown criterion type {criterion.type.type!r}",
            criterion.condition,
            hint=f"one of {', '.join(_COMPILERS)}",
        )
    test, deviating = compiler(criterion, dialect)
    return CompiledCriterion(criterion, test, deviating)


Compiled = tuple[Test, tuple[tuple[str, str], ...]]


def _simple(criterion: Criterion, dialect: Dialect) -> Compiled:
    if not dialect.strict and (expected := _json_text(criterion)) is not None:
        return DeepEqual(_context(criterion, dialect), expected), (("json-condition", ""),)
    node, simple = parse_condition(
        criterion.condition, names=dialect.names, version=dialect.version, strict=dialect.strict
    )
    bare = tuple(("bare-literal", f"write '{literal.value}'") for literal in bare_literals(node))
    quoted = tuple(("double-quoted-literal", _single_quoted(literal)) for literal in deviations(node))
    return Simple(node, simple), (*quoted, *bare)


def _json_text(criterion: Criterion) -> Value:
    """The object or array that a condition with a context writes as JSON; None for any other condition (C2)."""
    text = criterion.condition.strip()
    if criterion.context is None or text[:1] not in ("{", "["):
        return None
    try:
        value = json_value(text)
    except ValueError:
        return None
    return value if isinstance(value, (dict, list)) else None


def _single_quoted(literal: LiteralOperand) -> str:
    return "write " + "'" + str(literal.value).replace("'", "''") + "'"


def _context(criterion: Criterion, dialect: Dialect) -> CompiledValue:
    if criterion.context is None:
        raise ExpressionSyntaxError(
            f"a {criterion.type.type} criterion needs a context",
            criterion.condition,
            hint="add context: $response.body",
        )
    return compile_expression(criterion.context, dialect)


def _text(text: str, dialect: Dialect) -> CompiledValue:
    """A pattern or an XPathCriterion expression: a template, whose result is the text that is compiled."""
    compiled = compile_text(text, dialect)
    return Template((compiled.node,), text) if isinstance(compiled, Whole) else compiled


def _regex(criterion: Criterion, dialect: Dialect) -> Compiled:
    pattern = _text(criterion.condition, dialect)
    if not isinstance(pattern, Template):
        compile_regex(criterion.condition)
    return Regex(_context(criterion, dialect), pattern), ()


def _xpath(criterion: Criterion, dialect: Dialect) -> Compiled:
    expression = _text(criterion.condition, dialect)
    if not isinstance(expression, Template):
        selectors.xpath(criterion.condition, criterion.type.version)
    return XPathCriterion(_context(criterion, dialect), expression, criterion.type.version), ()


def _jsonpath(criterion: Criterion, dialect: Dialect) -> Compiled:
    context = _context(criterion, dialect)
    text = criterion.condition.strip()
    try:
        query = bind_query(text, dialect, criterion.type.version)
    except ExpressionSyntaxError as refused:
        if dialect.strict:
            raise
        try:
            node, bare = parse_bare(text, dialect)
        except ExpressionSyntaxError as error:
            # The path alone is wrong, or what is around it: the error of whichever got further is the helpful one.
            raise (error if path_end(text, 1) < len(text) else refused) from None
        return BareJsonPath(context, node, bare), (("jsonpath-not-a-query", _as_query(text)),)
    rooted = _filters_the_context(text)
    deviating = (("jsonpath-root-filter", ""),) if rooted else ()
    return JsonPathQuery(context, query, rooted and not dialect.strict), deviating


_ROOT_FILTER = re.compile(r"\$\[\s*\?")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)


def _filters_the_context(text: str) -> bool:
    """Return whether a query's root filter means the context itself: every ``@`` in it has a segment (C5).

    A bare ``@`` that is compared, as in ``$[?@ == 'hello']``, means a member's value, as RFC 9535 says.
    """
    plain = _QUOTED.sub("''", text)
    return _ROOT_FILTER.match(plain) is not None and re.search(r"@(?!\s*[.\[])", plain) is None


_COMPARISON = r"\$((?:\.[A-Za-z_]\w*)+)\s*(==|!=|<=|>=|<|>)\s*('[^']*'|\"[^\"']*\"|-?[\d.]+|true|false|null)"
_COMPARISONS = re.compile(rf"{_COMPARISON}(?:\s*(?:&&|\|\|)\s*{_COMPARISON})*")


def _as_query(text: str) -> str:
    """The legal spelling of a bare expression, where there is a simple one."""
    lengths = re.fullmatch(r"\$((?:\.[A-Za-z_]\w*)*)\.length\s*(?:>\s*0|>=\s*1|!=\s*0)", text)
    if lengths is not None:
        return f"write ${lengths[1]}[*]"
    if _COMPARISONS.fullmatch(text) is None or ".length" in text:
        return "write a query, or a simple condition on $response.body"

    def simple(match: re.Match[str]) -> str:
        path, operator, literal = match.groups()
        return f"$response.body#{path.replace('.', '/')} {operator} " + re.sub(r'^"(.*)"$', r"'\1'", literal)

    return f"write the simple condition {re.sub(_COMPARISON, simple, text)}"


_COMPILERS: Mapping[str, Callable[[Criterion, Dialect], Compiled]] = {
    "simple": _simple,
    "regex": _regex,
    "jsonpath": _jsonpath,
    "xpath": _xpath,
}
