"""``arazzo validate --explain``: every id that the program prints leads to its text."""

from __future__ import annotations

import re

import pytest

from arazzo_runner.documents.rules import RULES
from arazzo_runner.errors import UsageError
from arazzo_runner.reports.rules import explained, reading_rules
from tests.conftest import Arazzo
from tests.support.repository import ROOT

CITED = re.compile(r"\b[A-Z]\d{1,2}\b")


def test_a_rule_is_explained_with_both_its_examples(arazzo: Arazzo) -> None:
    result = arazzo("validate", "--explain", "unknown-step")
    assert result.status == 0
    assert "unknown-step (error)" in result.out
    broken, kept = result.out.split("Keeps it:")
    assert "stepId: find-pets" in broken
    assert "stepId: find-pets" not in kept


def test_a_rule_brings_the_paragraph_that_it_follows() -> None:
    assert "**Which operation" in explained("unknown-operation") or "**Operations.**" in explained("unknown-operation")


@pytest.mark.parametrize("name", ["V5", "v5"])
def test_a_paragraph_is_found_by_its_id(arazzo: Arazzo, name: str) -> None:
    result = arazzo("validate", "--explain", name)
    assert result.status == 0
    assert result.out.startswith("V5\n\n**Paths behind an expression.**")


def test_an_unknown_rule_names_the_nearest(arazzo: Arazzo) -> None:
    result = arazzo("validate", "--explain", "unknown-stp")
    assert result.status == 2
    assert "did you mean unknown-step" in result.err


def test_every_rule_can_be_explained() -> None:
    for rule in RULES:
        assert "Breaks the rule:" in explained(rule)
    with pytest.raises(UsageError):
        explained("Z9")


def test_every_id_that_a_rule_cites_has_its_paragraph() -> None:
    cited = {name for rule in RULES.values() for name in CITED.findall(rule.section)}
    assert cited
    assert cited <= set(reading_rules())


def test_every_id_in_the_code_has_its_paragraph() -> None:
    text = "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "arazzo_runner").rglob("*.py")))
    cited = set(re.findall(r"\(([VCFHDS]\d{1,2})\)", text))
    assert len(cited) > 20
    assert cited <= set(reading_rules())
