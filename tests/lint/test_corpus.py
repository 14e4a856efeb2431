"""Documents as they are found in public: what is found in them, counted, and why one of each is right."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from arazzo_runner.errors import Problem
from arazzo_runner.lint.checker import check_document
from tests.support.published import Memory, documents, needs_corpus

EXPECTED: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("corpus_counts.json").read_text("utf-8"))

pytestmark = needs_corpus


@cache
def problems() -> tuple[Problem, ...]:
    """Everything that is found in the corpus."""
    found: list[Problem] = []
    memory = Memory()
    for published in documents():
        found += check_document(published.linker(memory), published.document)
    return tuple(found)


def test_the_whole_corpus_is_checked() -> None:
    assert sum(1 for _ in documents()) > 240


@pytest.mark.slow
def test_as_much_is_found_as_was_looked_at() -> None:
    assert Counter(problem.rule for problem in problems()) == {rule: kept["count"] for rule, kept in EXPECTED.items()}


def test_the_samples_are_still_found() -> None:
    found = {(problem.rule, str(problem.place)) for problem in problems()}

    assert {(rule, kept["sample"]) for rule, kept in EXPECTED.items()} <= found


def test_every_rule_says_why_its_sample_is_right() -> None:
    assert all(kept["why"] for kept in EXPECTED.values())
