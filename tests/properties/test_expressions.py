"""The language never surprises: what it parses it prints, what it refuses it refuses by its own error, and evaluation
gives a value or nothing, whatever the scope."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from arazzo_runner.documents.model import Criterion, ExpressionType
from arazzo_runner.errors import ExpressionSyntaxError, StepError
from arazzo_runner.expressions import bare_jsonpath as jsonpath_logic
from arazzo_runner.expressions import conditions, logic, selectors, templates
from arazzo_runner.expressions import jsonpath_binding as bound
from arazzo_runner.expressions.boundaries import extent
from arazzo_runner.expressions.criteria import compile_criterion
from arazzo_runner.expressions.evaluate import PlainMessage, Scope, WorkflowView, evaluate
from arazzo_runner.expressions.limits import BudgetExceeded, SelectorError
from arazzo_runner.expressions.nodes import Names
from arazzo_runner.expressions.syntax import parse
from arazzo_runner.expressions.undefined import UNDEFINED

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
NAME = st.text(alphabet="abcXYZ019_-", min_size=1, max_size=6)
ANY_NAME = NAME | st.sampled_from(["page[size]", "$orderby", "Aux Price", "a.b", "length"])
TAIL = st.lists(
    st.sampled_from([".a", ".b-c", "[0]", "[-1]", "['x y']", "[*]", "[?@.a == 1]", "..a", ".length"]), max_size=3
).map("".join)
POINTER = st.lists(st.sampled_from(["/a", "/0", "/~1", "/", "/x y"]), max_size=3).map("".join)


@st.composite
def expressions(draw: st.DrawFn) -> str:
    """Text that is an expression, of every kind."""
    root = draw(st.sampled_from(["special", "message", "named", "owned", "source", "component"]))
    match root:
        case "special":
            return draw(st.sampled_from(["$url", "$method", "$statusCode", "$self"]))
        case "message":
            holder = draw(st.sampled_from(["request", "response", "message"]))
            behind = draw(st.sampled_from(["header.X-A", "query.a b", "path.id", "body", "body#", "payload"]))
            if behind in ("body", "payload"):
                behind += draw(TAIL)
            elif behind == "body#":
                behind += draw(POINTER)
            return f"${holder}.{behind}"
        case "named":
            return f"${draw(st.sampled_from(['inputs', 'outputs']))}.{draw(ANY_NAME)}{draw(TAIL)}"
        case "owned":
            field = draw(st.sampled_from(["steps.{}.outputs", "workflows.{}.inputs", "workflows.{}.outputs"]))
            pointer = draw(POINTER)
            return f"${field.format(draw(NAME))}.{draw(ANY_NAME)}{'#' + pointer if pointer else ''}"
        case "source":
            return f"$sourceDescriptions.{draw(NAME)}.{draw(NAME)}"
        case _:
            return f"$components.parameters.{draw(NAME)}"


@given(expressions())
def test_printing_what_was_parsed_gives_the_text_back(text: str) -> None:
    node = parse(text)
    assert str(node) == text
    assert parse(str(node)) == node


ODD_TEXT = st.text(max_size=30) | st.text(alphabet="$.#/[]{}()'\"@*?!=<>&| abcinputsresponse.body0", max_size=40)
LIKELY = st.tuples(st.sampled_from(["", "{", "x "]), expressions(), ODD_TEXT).map("".join)
ANY_TEXT = ODD_TEXT | expressions() | LIKELY

PARSERS: dict[str, Any] = {
    "expression": parse,
    "condition": conditions.parse_condition,
    "bare jsonpath": lambda text: jsonpath_logic.parse_bare(text, templates.DEFAULT),
    "jsonpath": selectors.jsonpath,
    "goessner": lambda text: selectors.jsonpath(text, "draft-goessner-dispatch-jsonpath-00"),
    "query": lambda text: bound.bind_query(text, templates.DEFAULT),
    "xpath 1.0": lambda text: selectors.xpath(text, "xpath-10"),
    "xpath 3.1": selectors.xpath,
}


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=150, deadline=None)
@given(text=ANY_TEXT)
def test_a_parser_raises_nothing_but_its_own_error(name: str, text: str) -> None:
    try:
        PARSERS[name](text)
    except ExpressionSyntaxError as error:
        assert error.message
        assert 0 <= error.position <= len(text) + 1


@given(ANY_TEXT)
def test_templates_take_any_text(text: str) -> None:
    templates.compile_value(text)
    templates.compile_json_text(text)
    for start in range(len(text)):
        assert start <= extent(text, start) <= len(text)


@st.composite
def scopes(draw: st.DrawFn) -> Scope:
    """Any scope, anything in it missing."""
    message = st.none() | st.builds(
        PlainMessage,
        headers=st.lists(st.tuples(st.just("X-A"), st.text(max_size=4)), max_size=2),
        parameters=st.just({"query": {"a b": 1}}),
        body=JSON | st.just(UNDEFINED) | st.binary(max_size=6) | st.just("<a><b>1</b></a>"),
        is_xml=st.booleans(),
    )
    values = st.dictionaries(ANY_NAME, JSON, max_size=4)
    return Scope(
        inputs=draw(values),
        outputs=draw(values),
        steps=draw(st.dictionaries(NAME, values, max_size=2)),
        workflows=draw(st.dictionaries(NAME, st.builds(WorkflowView, values, values), max_size=2)),
        status_code=draw(st.just(UNDEFINED) | st.sampled_from([200, 404])),
        request=draw(message),
        response=draw(message),
        message=draw(message),
    )


@settings(max_examples=200, deadline=None)
@given(text=expressions(), scope=scopes())
def test_evaluation_never_raises_and_gives_plain_data_or_nothing(text: str, scope: Scope) -> None:
    value = evaluate(parse(text), scope)
    if value is not UNDEFINED and not isinstance(value, bytes):
        json.dumps(value, default=lambda item: item.decode("latin-1"))


@settings(max_examples=150, deadline=None)
@given(before=st.text(alphabet="ab c", max_size=4), text=expressions(), scope=scopes())
def test_what_is_undefined_never_becomes_text(before: str, text: str, scope: Scope) -> None:
    assume("}" not in text)
    compiled = templates.compile_value(f"{before}x{{{text}}}")
    node = parse(text)
    try:
        made = compiled.resolve(scope)
    except StepError as error:
        assert error.code == "missing-value"
        assert evaluate(node, scope) is UNDEFINED
        return
    assert isinstance(made, str)
    assert evaluate(node, scope) is not UNDEFINED


CONDITIONS = st.sampled_from(["simple", "regex", "jsonpath", "xpath"])


@settings(max_examples=250, deadline=None)
@given(kind=CONDITIONS, condition=ANY_TEXT, context=expressions(), scope=scopes())
def test_a_criterion_passes_or_fails_and_never_raises(kind: str, condition: str, context: str, scope: Scope) -> None:
    try:
        compiled = compile_criterion(Criterion(condition, ExpressionType(kind), context, ""), templates.DEFAULT)
    except ExpressionSyntaxError:
        return
    verdict = compiled.check(scope)
    assert verdict.passed or verdict.detail


@given(JSON, JSON)
def test_loose_comparison_is_symmetric_and_total(left: Any, right: Any) -> None:
    assert conditions.loosely_equal(left, right) == conditions.loosely_equal(right, left)
    assert conditions.loosely_equal(left, left)
    order, back = conditions.loose_order(left, right), conditions.loose_order(right, left)
    assert (order is None) == (back is None)
    assert order is None or back is None or order == -back


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": [value, value]}
    return value


HOSTILE: list[tuple[str, str, Any]] = [
    ("regex", "^(a+)+$", "a" * 60 + "!"),
    ("regex", r"^(?:(a|aa)+)+\1$", "a" * 80 + "!"),
    ("regex", "(x+x+)+y", "x" * 60),
    ("jsonpath", "$..a..a..a..a..a..a", deep(12)),
    ("jsonpath", "$[?count($..*) > 0]", list(range(3000))),
    ("jsonpath", "$[?search(@, '(a+)+b')]", ["a" * 60]),
    ("jsonpath", "$[?match(@, '(a|aa)+b')]", ["a" * 80]),
    ("jsonpath", "$..*", json.loads("[" * 400 + "]" * 400)),
]


@pytest.mark.parametrize(("kind", "condition", "value"), HOSTILE)
def test_a_hostile_criterion_ends(kind: str, condition: str, value: Any) -> None:
    """Within its budget: a run of the tests that hangs here is the failure."""
    criterion = Criterion(condition, ExpressionType(kind), "$inputs.v", "")
    compile_criterion(criterion, templates.DEFAULT).check(Scope(inputs={"v": value}))


def test_a_query_over_its_budget_says_so() -> None:
    with pytest.raises(BudgetExceeded, match="more than 1,000,000 nodes"):
        selectors.jsonpath("$..a..a..a..a..a..a..a").values(deep(14))


@pytest.mark.parametrize("depth", [101, 5000])
def test_deep_nesting_of_a_condition_is_a_syntax_error(depth: int) -> None:
    for text in ("(" * depth + "true" + ")" * depth, "!" * depth + "true"):
        with pytest.raises(ExpressionSyntaxError, match="deep"):
            conditions.parse_condition(text)


def test_long_conditions_are_no_problem() -> None:
    node, dialect = conditions.parse_condition(" && ".join(["true"] * 5000))
    assert logic.evaluate(node, dialect, Scope())


@pytest.mark.parametrize("xml", ["<a", "", '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "{}"])
def test_what_is_no_plain_xml_is_refused(xml: str) -> None:
    with pytest.raises(SelectorError):
        selectors.xpath("/a").select(xml)


def test_declared_names_decide_between_a_name_and_a_path() -> None:
    scope = Scope(inputs={"a": {"b": 1}, "a.b": 2})
    assert evaluate(parse("$inputs.a.b"), scope) == 2
    assert evaluate(parse("$inputs.a.b", names=Names(inputs=["a"])), scope) == 1
