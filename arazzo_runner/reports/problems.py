"""Lists of problems as text, JSON, SARIF 2.1.0 and GitHub annotations; and the table of rules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, TypeAlias
from urllib.parse import quote

from arazzo_runner.documents.rules import RULES, Rule
from arazzo_runner.errors import Place, Problem, Severity
from arazzo_runner.reports.terminal.source_excerpt import excerpt
from arazzo_runner.reports.text import printable
from arazzo_runner.secrecy import MASK

LineOf: TypeAlias = Callable[[Place], str | None]
"""The text of the document's line at a place, None when it is not known."""

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_TOOL = "arazzo-workflow-runner"
_URL = re.compile("[A-Za-z][A-Za-z0-9+.-]+:")
_SARIF_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "note"}
_GITHUB_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "notice"}


def as_text(problems: Iterable[Problem], line_of: LineOf | None = None) -> str:
    """Problems for people: where, what, the document's own line with a caret, and what to type instead.

    Args:
        line_of: returns the line of a place; without it the lines are left out.
    """
    problems = list(problems)
    blocks = [_block(problem, line_of) for problem in problems]
    return "\n".join([*blocks, _summary(problems)]) + "\n" if blocks else ""


def _block(problem: Problem, line_of: LineOf | None) -> str:
    head = f"{problem.place} {problem.severity.value} {problem.rule} {problem.message}"
    parts = [_flat(head)]
    if problem.place.owner:
        parts.append(f"  in {_flat(problem.place.owner)}")
    line = line_of(problem.place) if line_of and problem.place.line else None
    if line is not None and line.strip():
        parts += excerpt(line, problem.place.column, lead="  | ")
    if problem.hint:
        parts.append(f"  hint: {_flat(problem.hint)}")
    return "\n".join(parts)


def _flat(text: str) -> str:
    """Text on one line; a message cannot look like the next problem."""
    return printable(text.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t"))


def _summary(problems: Sequence[Problem]) -> str:
    counts = {severity: sum(problem.severity is severity for problem in problems) for severity in Severity}
    return ", ".join(f"{n} {severity.value}{'s' if n != 1 else ''}" for severity, n in counts.items() if n)


def as_json(problems: Iterable[Problem]) -> str:
    """Problems as a JSON list of objects, a line and a column of 0 meaning that they are not known."""
    return json.dumps([as_data(problem) for problem in problems], indent=2, ensure_ascii=False) + "\n"


def as_data(problem: Problem) -> dict[str, Any]:
    """A problem as a JSON object."""
    place = problem.place
    return {
        "path": place.path,
        "line": place.line,
        "column": place.column,
        "pointer": place.pointer,
        "workflow": place.workflow,
        "step": place.step,
        "severity": problem.severity.value,
        "rule": problem.rule,
        "message": problem.message,
        "hint": problem.hint,
    }


def as_sarif(problems: Iterable[Problem], *, version: str = "", rules: Mapping[str, Rule] = RULES) -> str:
    """Problems as a SARIF 2.1.0 log, with the metadata of every rule that one of them breaks.

    Args:
        version: of this package.
    """
    problems = list(problems)
    broken = list(dict.fromkeys(problem.rule for problem in problems))
    driver: dict[str, Any] = {"name": _TOOL, "rules": [_sarif_rule(rule_id, rules.get(rule_id)) for rule_id in broken]}
    if version:
        driver["version"] = version
    results = [_sarif_result(problem, broken.index(problem.rule)) for problem in problems]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    log = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _sarif_rule(rule_id: str, rule: Rule | None) -> dict[str, Any]:
    if rule is None:
        return {"id": rule_id}
    described: dict[str, Any] = {
        "id": rule_id,
        "shortDescription": {"text": rule.summary},
        "defaultConfiguration": {"level": _SARIF_LEVELS[rule.severity]},
        "properties": {"section": rule.section},
    }
    if rule.hint:
        described["help"] = {"text": rule.hint}
    return described


def _sarif_result(problem: Problem, index: int) -> dict[str, Any]:
    place = problem.place
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(place.path)}}
    if place.line:
        physical["region"] = {"startLine": place.line, "startColumn": max(place.column, 1)}
    location: dict[str, Any] = {"physicalLocation": physical}
    if place.pointer:
        location["logicalLocations"] = [{"fullyQualifiedName": place.pointer}]
    text = f"{problem.message}\n{problem.hint}" if problem.hint else problem.message
    return {
        "ruleId": problem.rule,
        "ruleIndex": index,
        "level": _SARIF_LEVELS[problem.severity],
        "message": {"text": text},
        "locations": [location],
    }


def _uri(path: str) -> str:
    """A path as a URI-reference; a URL stays as it is, what is masked in it without the brackets that none may have."""
    if _URL.match(path):
        return path.replace(MASK, MASK.strip("[]"))
    return quote(PurePath(path).as_posix(), safe="/:@!$&'()*+,;=~") if path else "."


def as_github(problems: Iterable[Problem]) -> str:
    """Problems as workflow commands of GitHub Actions, which show them beside the lines of a change."""
    return "".join(f"{_command(problem)}\n" for problem in problems)


def _command(problem: Problem) -> str:
    text = f"{problem.message}\n{problem.hint}" if problem.hint else problem.message
    return github_command(_GITHUB_COMMANDS[problem.severity], problem.place, problem.rule, text)


def github_command(command: str, place: Place, title: str, text: str) -> str:
    """A workflow command that GitHub Actions shows at a line: ``error``, ``warning`` or ``notice``."""
    properties = {"file": place.path, "line": place.line or None, "col": place.column or None, "title": title}
    shown = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items() if value)
    return f"::{command} {shown}::{_data(text)}"


def _data(text: str) -> str:
    """Escape the text behind the second ``::`` of a command; other control characters do not belong in a log."""
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return printable(escaped)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
