"""The registry of rules: what may be wrong with a document, how much it matters, and what to type instead.

Every problem that this package reports has a rule here. The rooms that find problems keep a table of their rules beside
the code that finds them, and register it; a test holds that each rule's failing example breaks it and that its passing
example does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from arazzo_runner.errors import Place, Problem, Severity


class Rule(Struct, frozen=True):
    """One rule.

    Attributes:
        id: stable across releases.
        summary: one sentence, what the rule asks for.
        hint: what to type instead; a problem may carry a more exact one.
        section: the section of the specification, or the id of the rule in "How documents are read", that it follows.
        failing: YAML that breaks the rule.
        passing: the same, fixed.
        at: JSON Pointer to where the examples stand in ``EXAMPLE``; None when each is a whole document.
    """

    id: str
    severity: Severity
    summary: str
    hint: str
    section: str
    failing: str | bytes
    passing: str
    at: str | None = None


EXAMPLE = """\
arazzo: 1.1.0
info:
  title: Buy a pet
  version: 1.0.0
sourceDescriptions:
- name: pets
  url: pets.openapi.yaml
  type: openapi
workflows:
- workflowId: buy-pet
  steps:
  - stepId: find-pet
    operationId: findPet
"""
"""The smallest sensible document; a rule's examples are shown as parts of it."""


class Registry(Mapping[str, Rule]):
    """Rules by id, in the order in which they were registered."""

    def __init__(self) -> None:
        self._rules: dict[str, Rule] = {}

    def register(self, *rules: Rule) -> None:
        """Add rules.

        Raises:
            ValueError: a rule of that id is already there.
        """
        for rule in rules:
            if rule.id in self._rules:
                raise ValueError(f"there is already a rule {rule.id!r}")
            self._rules[rule.id] = rule

    def __getitem__(self, rule_id: str) -> Rule:
        return self._rules[rule_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)


RULES = Registry()


def problem(rule_id: str, message: str, place: Place, *, hint: str | None = None) -> Problem:
    """A problem of a rule, with the rule's severity.

    Args:
        hint: instead of the rule's own.

    Raises:
        KeyError: no such rule is registered.
    """
    rule = RULES[rule_id]
    return Problem(rule.severity, rule.id, message, place, rule.hint if hint is None else hint)
