from __future__ import annotations

import inspect
import json
from collections.abc import Sequence

import pytest

from arazzo_runner.documents import pointer, source_rules, structure_rules
from arazzo_runner.documents.loader import load_description
from arazzo_runner.documents.model import ArazzoDescription
from arazzo_runner.documents.reader import Document, read_document
from arazzo_runner.documents.rules import EXAMPLE, RULES, Registry, Rule, problem
from arazzo_runner.documents.sources import Library
from arazzo_runner.documents.text import reading_rules
from arazzo_runner.errors import Place, PlanError, Problem, Severity, UnreadableDocument

_TABLES = "".join(map(inspect.getsource, (reading_rules, source_rules, structure_rules)))
OWN = {rule_id: rule for rule_id, rule in RULES.items() if f'"{rule_id}"' in _TABLES}
"""This room's rules: others register theirs in the same registry, and may have done so before this is imported."""


def whole(rule: Rule, example: str | bytes) -> str | bytes:
    """The document that an example is, or is a part of."""
    if rule.at is None:
        return example
    data = read(EXAMPLE).data
    value = read(example).data
    if not rule.at:
        return json.dumps(value)
    parent, _, name = rule.at.rpartition("/")
    holder = pointer.resolve(data, parent)
    holder[int(name) if isinstance(holder, list) else name] = value
    return json.dumps(data)


def read(text: str | bytes) -> Document:
    return read_document(text, "example.yaml", uri="https://example.com/example.yaml")


def problems(rule: Rule, example: str | bytes) -> list[Problem]:
    try:
        document = read(whole(rule, example))
    except UnreadableDocument as error:
        return list(error.problems)
    if rule.at is None and "arazzo" not in (document.data or {}):
        return []
    description, found = load_description(document)
    if found or description is None:
        return found
    return [p for source in description.source_descriptions for p in missing(description, source.name)]


def fetch(url: str) -> bytes:
    """A web that holds one file."""
    if url == "https://example.com/pets.openapi.yaml":
        return b"openapi: 3.1.0"
    raise OSError("404 Not Found")


def missing(description: ArazzoDescription, name: str) -> Sequence[Problem]:
    try:
        Library(fetch=fetch).source(description, name)
    except PlanError as error:
        return error.problems
    return []


def test_the_example_has_no_problems() -> None:
    assert load_description(read(EXAMPLE))[1] == []


@pytest.mark.parametrize("rule", OWN.values(), ids=OWN)
def test_the_failing_example_breaks_its_rule_only(rule: Rule) -> None:
    found = problems(rule, rule.failing)

    assert {(p.rule, p.severity) for p in found} == {(rule.id, rule.severity)}
    assert all(p.place.line > 0 for p in found)


@pytest.mark.parametrize("rule", OWN.values(), ids=OWN)
def test_the_passing_example_breaks_no_rule(rule: Rule) -> None:
    assert problems(rule, rule.passing) == []


@pytest.mark.parametrize("rule", OWN.values(), ids=OWN)
def test_a_rule_says_what_it_asks_for_and_where_it_comes_from(rule: Rule) -> None:
    assert rule.summary.endswith(".")
    assert rule.section


def test_a_problem_has_the_severity_and_the_hint_of_its_rule() -> None:
    place = Place("a.yaml", 1, 1)

    assert problem("id-pattern", "odd", place).severity is Severity.HINT
    assert problem("id-pattern", "odd", place).hint == RULES["id-pattern"].hint
    assert problem("id-pattern", "odd", place, hint="Write 'even'.").hint == "Write 'even'."


def test_a_rule_is_registered_once() -> None:
    registry = Registry()
    registry.register(RULES["id-pattern"])

    with pytest.raises(ValueError, match="already"):
        registry.register(RULES["id-pattern"])
    assert list(registry) == ["id-pattern"]
