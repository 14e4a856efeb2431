"""The rules that a text must keep to be read as plain data (H0)."""

from __future__ import annotations

from msgspec import Struct

from arazzo_runner.documents.rules import RULES, Rule
from arazzo_runner.errors import Severity

_FORMAT = "Arazzo 1.1.0, Format; H0"

MAX_DEPTH = 500
"""How deep objects and arrays may nest."""
MAX_DEPTH_OF_VALUES = 200
"""The same for the values of a run, which are walked again and again: answers, inputs, and what is made of them."""


class Fault(Struct, frozen=True):
    """A broken rule whose place is still an offset into the text, in characters."""

    rule: str
    message: str
    offset: int = 0
    hint: str | None = None


class Unreadable(Exception):
    """Reading cannot continue. Internal: ``read_document`` turns it into ``UnreadableDocument``."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(*faults)
        self.faults = faults


def _rule(rule_id: str, summary: str, hint: str, failing: str | bytes, passing: str) -> Rule:
    return Rule(rule_id, Severity.ERROR, summary, hint, _FORMAT, failing, passing)


_NESTED = "".join(f"{' ' * depth}a:\n" for depth in range(600))
_BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{previous}'] * 10)}]\n" for previous, name in zip("abcde", "bcdef", strict=True)
)

RULES.register(
    _rule(
        "not-utf8",
        "A document is UTF-8 text (or UTF-16 with a byte order mark).",
        "Save the file as UTF-8.",
        b"title: caf\xe9\n",
        "title: café\n",
    ),
    _rule(
        "control-character",
        "A document holds no control characters.",
        'Remove the character, or write it as an escape in double quotes: "\\x1b".',
        "title: a\x1bb\n",
        'title: "a\\x1bb"\n',
    ),
    _rule(
        "lone-surrogate",
        "Every \\u escape stands for a character: surrogates come in pairs.",
        "Write the character itself, or both halves of its surrogate pair.",
        '{"title": "\\ud83d"}',
        '{"title": "\\ud83d\\ude00"}',
    ),
    _rule(
        "html-page",
        "A document is YAML or JSON, not a web page.",
        "Use the address of the file itself: on GitHub that is the one behind the Raw button.",
        "<!DOCTYPE html>\n<html></html>\n",
        "title: a page\n",
    ),
    _rule(
        "json-syntax",
        "A document that is written as JSON is well-formed.",
        "",
        '{"title": "a",, "version": "1"}',
        '{"title": "a", "version": "1"}',
    ),
    _rule(
        "yaml-syntax",
        "A document is well-formed YAML.",
        "",
        "info:\n\ttitle: a\n",
        "info:\n  title: a\n",
    ),
    _rule(
        "yaml-several-documents",
        "A file holds one document.",
        "Move what follows the '---' line to a file of its own.",
        "title: a\n---\ntitle: b\n",
        "---\ntitle: a\n",
    ),
    _rule(
        "duplicate-key",
        "A key stands once in its object: the second would silently replace the first.",
        "Remove or rename one of the two.",
        "title: a\nversion: 1\ntitle: b\n",
        "title: a\nversion: 1\n",
    ),
    _rule(
        "nesting-too-deep",
        "Objects and arrays are nested at most 500 deep.",
        "",
        _NESTED,
        "a:\n  b:\n    c: 1\n",
    ),
    _rule(
        "yaml-alias-budget",
        "A YAML document has at most 2,500,000 values, and its aliases stand for at most 100,000 more.",
        "Write the values out, or use fewer aliases of aliases.",
        _BOMB,
        "a: &a [x, x]\nb: [*a, *a]\n",
    ),
    _rule(
        "yaml-cyclic-alias",
        "A YAML alias does not stand for something that it is part of.",
        "Write the value out: JSON has no cycles.",
        "a: &a\n  b: *a\n",
        "a: &a\n  b: 1\nc: *a\n",
    ),
    _rule(
        "yaml-unknown-alias",
        "A YAML alias names an anchor that stands before it.",
        "Put the text in quotes if the '*' is part of it.",
        "a: *b\n",
        "a: '*b'\n",
    ),
    _rule(
        "yaml-complex-key",
        "The keys of a YAML mapping are text.",
        "Put the key in quotes. (A template such as {name} at the start of a key needs quotes.)",
        "{id}: 1\n",
        "'{id}': 1\n",
    ),
    _rule(
        "yaml-tag",
        "YAML tags are those of JSON: !!str, !!int, !!float, !!bool, !!null, !!map, !!seq.",
        "Remove the tag, or put the value in quotes if the '!' is part of it.",
        "when: !!timestamp 2024-01-01\n",
        "when: !!str 2024-01-01\n",
    ),
    _rule(
        "yaml-merge",
        "What '<<' merges is an object, or a list of objects.",
        "Give '<<' an alias of an object, or put it in quotes if it is a name.",
        "a:\n  <<: text\n",
        "b: &b {c: 1}\na:\n  <<: *b\n",
    ),
    _rule(
        "not-a-json-number",
        "Numbers are those that JSON can hold: finite, and of a length that can be printed.",
        "Put it in quotes if it is text.",
        "limit: .inf\n",
        "limit: '.inf'\n",
    ),
)
