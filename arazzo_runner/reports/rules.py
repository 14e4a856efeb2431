"""Rules for people: the table of all, and one explained."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from arazzo_runner.documents.near_names import did_you_mean
from arazzo_runner.documents.rules import EXAMPLE, RULES, Rule
from arazzo_runner.errors import UsageError

PAGE = "how-documents-are-read.md"
_HEADING = re.compile(r"^### ([A-Z]\d+)$", re.MULTILINE)
_CITED = re.compile(r"\b[A-Z]\d+\b")


def rules_table(rules: Mapping[str, Rule] = RULES) -> str:
    """Return every rule, a line each: id, severity, section, summary; sorted by id."""
    rows = [(rule.id, rule.severity.value, rule.section, rule.summary) for _, rule in sorted(rules.items())]
    rows.insert(0, ("RULE", "SEVERITY", "SECTION", "SUMMARY"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = (
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    )
    return "".join(f"{re.sub(' +$', '', line)}\n" for line in lines)


def explained(name: str, rules: Mapping[str, Rule] = RULES) -> str:
    """Explain a rule of ``validate``, or a rule of the page "How documents are read" such as ``V5``.

    Raises:
        UsageError: there is no such rule; with the nearest names.
    """
    if name in rules:
        return _explained_rule(rules[name])
    paragraphs = reading_rules()
    if name.upper() in paragraphs:
        return paragraphs[name.upper()]
    raise UsageError(f"no such rule: {name}", hint=did_you_mean(name, [*rules, *paragraphs], "rules"))


def _explained_rule(rule: Rule) -> str:
    parts = [f"{rule.id} ({rule.severity.value})", "", rule.summary, f"What to do: {rule.hint}", f"See: {rule.section}"]
    if rule.at is not None:
        parts += ["", f"The examples stand at {rule.at or 'the root'} of this document:", "", _indented(EXAMPLE)]
    parts += ["", "Breaks the rule:", "", _indented(rule.failing), "", "Keeps it:", "", _indented(rule.passing)]
    paragraphs = reading_rules()
    for cited in _CITED.findall(rule.section):
        parts += ["", paragraphs[cited].rstrip()] if cited in paragraphs else []
    return "\n".join([*parts, ""])


def _indented(example: str | bytes) -> str:
    text = example if isinstance(example, str) else example.decode("utf-8", "backslashreplace")
    return "\n".join(f"    {line}".rstrip() for line in text.rstrip("\n").split("\n"))


@cache
def reading_rules() -> Mapping[str, str]:
    """Return the paragraphs of "How documents are read" by their ids."""
    parts = _HEADING.split(_page())
    return {
        name: f"{name}\n\n{re.split(r'^## ', text, maxsplit=1, flags=re.MULTILINE)[0].strip()}\n"
        for name, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def _page() -> str:
    """The page is part of the package; where the package is used from a clone, it is in the clone's ``docs``."""
    packaged = files(__package__).joinpath(PAGE)
    if packaged.is_file():
        return packaged.read_text("utf-8")
    return Path(__file__).parents[2].joinpath("docs", PAGE).read_text("utf-8")
