"""Lists of problems as text, JSON, SARIF and GitHub annotations."""

from __future__ import annotations

import json

import pytest

from arazzo_runner.documents.rules import RULES
from arazzo_runner.errors import Place, Problem, Severity
from arazzo_runner.reports.problems import as_github, as_json, as_sarif, as_text
from arazzo_runner.reports.rules import rules_table

ERROR = Problem(Severity.ERROR, "unknown-field", "no 'x' here", Place("a b.yaml", 3, 5, "/workflows/0"), "Remove it.")
WARNING = Problem(Severity.WARNING, "made-up", "100% odd,\nis it: not?", Place("https://e.com/a.yaml"))
HINT = Problem(Severity.HINT, "id-pattern", "odd", Place("c.yaml", 1, 1))
ALL = [ERROR, WARNING, HINT]


def lines(place: Place) -> str | None:
    return {3: "    \tx: 1"}.get(place.line)


def test_text_shows_the_line_a_caret_and_a_hint() -> None:
    assert as_text([ERROR], lines) == (
        "a b.yaml:3:5 error unknown-field no 'x' here\n  |      x: 1\n  |     ^\n  hint: Remove it.\n1 error\n"
    )


def test_text_counts_by_severity() -> None:
    assert as_text([ERROR, *ALL]).endswith("2 errors, 1 warning, 1 hint\n")


def test_no_problems_are_no_text() -> None:
    assert as_text([]) == ""


def test_control_characters_of_a_document_do_not_reach_the_terminal() -> None:
    evil = Problem(Severity.ERROR, "r", "a\x1b[2Jb\nc:1:1 error x", Place("e\x07.yaml", 3, 2), "\x9b1m")

    text = as_text([evil], lambda _: "\x1b]0;owned\x07 \u202e")

    assert not any(ord(char) < 32 and char != "\n" for char in text)
    assert "\x9b" not in text
    assert "\u202e" not in text
    assert text.splitlines()[0] == "e\\x07.yaml:3:2 error r a\\x1b[2Jb\\nc:1:1 error x"


def test_the_caret_stands_below_the_column_whatever_was_written_out() -> None:
    [_, line, caret, *_] = as_text(
        [Problem(Severity.ERROR, "r", "m", Place("a", 1, 4))], lambda _: "\x1babX"
    ).splitlines()

    assert line.index("X") == caret.index("^")


def test_a_long_line_is_shown_around_the_column() -> None:
    long = "a" * 500 + "X" + "b" * 500

    [_, line, caret, *_] = as_text([Problem(Severity.ERROR, "r", "m", Place("a", 1, 501))], lambda _: long).splitlines()

    assert len(line) < 200
    assert line.index("X") == caret.index("^")


def test_json_is_a_list_of_objects() -> None:
    assert json.loads(as_json(ALL))[0] == {
        "path": "a b.yaml",
        "line": 3,
        "column": 5,
        "pointer": "/workflows/0",
        "workflow": "",
        "step": "",
        "severity": "error",
        "rule": "unknown-field",
        "message": "no 'x' here",
        "hint": "Remove it.",
    }
    assert as_json([]) == "[]\n"


def test_github_commands_are_escaped() -> None:
    assert as_github(ALL).splitlines() == [
        "::error file=a b.yaml,line=3,col=5,title=unknown-field::no 'x' here%0ARemove it.",
        "::warning file=https%3A//e.com/a.yaml,title=made-up::100%25 odd,%0Ais it: not?",
        "::notice file=c.yaml,line=1,col=1,title=id-pattern::odd",
    ]


def test_a_message_cannot_start_another_command() -> None:
    problem = Problem(Severity.ERROR, "r", "x\n::add-mask::y\r::z", Place("a,b.yaml\n::warning::", 1, 1))

    assert as_github([problem]).count("\n") == 1
    assert "\r" not in as_github([problem])


def test_sarif_has_the_rules_and_points_at_them() -> None:
    log = json.loads(as_sarif(ALL, version="1.2.3"))
    [run] = log["runs"]
    driver = run["tool"]["driver"]

    assert (log["version"], driver["version"]) == ("2.1.0", "1.2.3")
    assert [rule["id"] for rule in driver["rules"]] == ["unknown-field", "made-up", "id-pattern"]
    assert driver["rules"][0]["shortDescription"]["text"] == RULES["unknown-field"].summary
    assert [result["level"] for result in run["results"]] == ["error", "warning", "note"]
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_sarif_places_are_uris_and_regions() -> None:
    first, second, _ = json.loads(as_sarif(ALL))["runs"][0]["results"]

    assert first["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "a%20b.yaml"},
                "region": {"startLine": 3, "startColumn": 5},
            },
            "logicalLocations": [{"fullyQualifiedName": "/workflows/0"}],
        }
    ]
    assert second["locations"] == [{"physicalLocation": {"artifactLocation": {"uri": "https://e.com/a.yaml"}}}]


_TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
_SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool"],
                "additionalProperties": False,
                "properties": {
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "required": ["id"],
                                            "additionalProperties": False,
                                            "properties": {
                                                "id": {"type": "string"},
                                                "shortDescription": _TEXT,
                                                "help": _TEXT,
                                                "defaultConfiguration": {"properties": {"level": _LEVEL}},
                                                "properties": {"type": "object"},
                                            },
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {
                        "type": "array",
                        "items": {
                            "required": ["message"],
                            "additionalProperties": False,
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": -1},
                                "level": _LEVEL,
                                "message": _TEXT,
                                "locations": {"type": "array"},
                            },
                        },
                    },
                },
            },
        },
    },
}
"""The part of the published SARIF 2.1.0 schema that a log of ours can touch."""


@pytest.mark.parametrize("problems", [[], ALL])
def test_sarif_is_valid(problems: list[Problem]) -> None:
    import jsonschema_rs

    jsonschema_rs.Draft7Validator(_SARIF).validate(json.loads(as_sarif(problems)))


def test_the_table_of_rules_has_a_line_for_each() -> None:
    table = rules_table().splitlines()

    assert table[0].split() == ["RULE", "SEVERITY", "SECTION", "SUMMARY"]
    assert [line.split()[0] for line in table[1:]] == sorted(RULES)
    assert all(line == line.rstrip() for line in table)
