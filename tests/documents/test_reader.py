from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arazzo_runner.documents import reader
from arazzo_runner.documents.reader import Document, read_document
from arazzo_runner.documents.text import yaml_reader
from arazzo_runner.errors import Problem, UnreadableDocument


def read(text: str | bytes) -> Document:
    return read_document(text, "doc.yaml", uri="file:///documents/doc.yaml")


def problems(text: str | bytes) -> tuple[Problem, ...]:
    with pytest.raises(UnreadableDocument) as caught:
        read(text)
    return caught.value.problems


@pytest.mark.parametrize(
    "text",
    [
        "NO",
        "on",
        "yes",
        "1_000",
        "012",
        "12:30:45",
        "2024-01-01",
        "+49301234",
        "0b11",
        "1.2.3",
        "-x",
        ".",
        "tRUE",
        "=",
        "0o8",
    ],
)
def test_a_plain_scalar_that_only_yaml_1_1_would_change_is_text(text: str) -> None:
    assert read(f"a: {text}").data == {"a": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("~", None),
        ("", None),
        ("NULL", None),
        ("True", True),
        ("FALSE", False),
        ("-12", -12),
        ("0", 0),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("'1'", "1"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("!!int '12'", 12),
        ("!!float 1", 1.0),
        ("!!null ''", None),
        ("! 12", "12"),
        ("|\n  x", "x"),
    ],
)
def test_a_scalar_has_the_value_of_the_json_schema(text: str, value: object) -> None:
    read_value = read(f"a: {text}").data["a"]

    assert (read_value, type(read_value)) == (value, type(value))


@pytest.mark.parametrize("key", ["200", "true", "null", "~", "1.0", "2024-01-01"])
def test_a_key_is_its_text(key: str) -> None:
    assert read(f"{key}: x").data == {key: "x"}


def test_merged_members_give_way_to_written_ones_and_to_earlier_merges() -> None:
    text = "b: &b {x: 1, y: 1}\nc: &c {y: 2, z: 2}\na:\n  <<: [*b, *c]\n  x: 0\n"

    assert read(text).data["a"] == {"x": 0, "y": 1, "z": 2}


def test_a_quoted_merge_key_is_a_name() -> None:
    assert read("'<<': 1").data == {"<<": 1}


def test_an_integer_of_a_thousand_digits_is_kept() -> None:
    digits = "9" * 1000

    assert read(f"a: {digits}").data == read(f'{{"a": {digits}}}').data == {"a": int(digits)}


@pytest.mark.parametrize("number", [".inf", "-.INF", ".nan", "1e999", "9" * 5000, "0x" + "f" * 5000, "0x" + "f" * 3900])
def test_a_number_that_json_cannot_hold_is_refused_in_yaml(number: str) -> None:
    assert [p.rule for p in problems(f"a: {number}")] == ["not-a-json-number"]


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "-1E+1000", "9" * 5000])
def test_a_number_that_json_cannot_hold_is_refused_in_json(number: str) -> None:
    (problem,) = problems(f'{{"b": "1e999",\n "a": {number}}}')

    assert (problem.rule, problem.place.line, problem.place.column) == ("not-a-json-number", 2, 7)


def test_every_duplicate_key_is_told_with_its_place() -> None:
    found = problems("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n")

    assert [(p.rule, p.place.line, p.place.column) for p in found] == [("duplicate-key", 4, 3), ("duplicate-key", 5, 1)]


def test_every_duplicate_key_of_json_is_told_with_its_place() -> None:
    found = problems('{"a": 1,\n "b": {"c/d": 1, "c/d": 2},\n "a": 2}')

    assert [(p.rule, p.place.line, p.place.column) for p in found] == [
        ("duplicate-key", 2, 18),
        ("duplicate-key", 3, 2),
    ]


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 600 + "]" * 600, '{"a":' * 100_000, "- " * 600 + "x"])
def test_deep_nesting_is_refused(text: str) -> None:
    assert problems(text)[0].rule in {"nesting-too-deep", "json-syntax", "yaml-syntax"}


def test_nesting_to_the_limit_is_read_in_both_formats() -> None:
    text = "[" * 500 + "]" * 500

    assert read(text).data == yaml_reader.parse_yaml(text)


def test_nesting_through_aliases_counts() -> None:
    text = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [[[[[*a{n - 1}]]]]]\n" for n in range(1, 120))

    assert [p.rule for p in problems(text)] == ["nesting-too-deep"]


def test_aliases_share_what_they_stand_for() -> None:
    data = read("a: &a {b: 1}\nc: *a\nd: &d x\n*d : 1\n").data

    assert data == {"a": {"b": 1}, "c": {"b": 1}, "d": "x", "x": 1}
    assert data["a"] is data["c"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_encodings_are_read(encoding: str) -> None:
    mark = "\ufeff" if encoding.startswith("utf-16-") else ""

    assert read(f"{mark}title: café 🐕\n".encode(encoding)).data == {"title": "café 🐕"}


def test_bytes_that_are_no_text_are_placed() -> None:
    (problem,) = problems(b"a: 1\nb: \xff\n")

    assert (problem.rule, problem.place.line, problem.place.column) == ("not-utf8", 2, 4)


def test_surrogate_pairs_of_json_escapes_are_read() -> None:
    assert read('{"a": "\\ud83d\\ude00"}').data == {"a": "😀"}


def test_json_with_comments_and_trailing_commas_is_read_as_yaml() -> None:
    assert read('{"a": 1, # why\n "b": [1, 2,],}').data == {"a": 1, "b": [1, 2]}


def test_a_syntax_error_of_json_is_told_as_json() -> None:
    (problem,) = problems('{"a": 1,\n "b" 2}')

    assert (problem.rule, problem.place.line) == ("json-syntax", 2)


def test_a_syntax_error_of_yaml_has_a_place_and_a_hint() -> None:
    (problem,) = problems("a: b\nc: d: e\n")

    assert (problem.rule, problem.place.line, problem.place.column) == ("yaml-syntax", 2, 5)
    assert "quotes" in problem.hint


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a: !!int x", "yaml-tag"),
        ("a: !!int 1.5", "yaml-tag"),
        ("a: !!bool yes", "yaml-tag"),
        ("a: !!float .inf", "not-a-json-number"),
        (f"a: !!float 0x{'f' * 400}", "not-a-json-number"),
        ("a: !!set {b}", "yaml-tag"),
        ("!local a: 1", "yaml-tag"),
        ("a: &a [1]\n*a : 2", "yaml-complex-key"),
        ("? [a]\n: b", "yaml-complex-key"),
        ("a: &a b\n*a : 1\nb: 2", "duplicate-key"),
        ("a:\n  <<: [1]", "yaml-merge"),
        ("a: \x00", "control-character"),
        ("%YAML 2.0\n---\na", "yaml-syntax"),
        (b"\xff\xfea", "not-utf8"),
        ("\ud800", "not-utf8"),
        ('["\\udc00"]', "lone-surrogate"),
    ],
)
def test_what_cannot_be_plain_data_is_refused(text: str | bytes, rule: str) -> None:
    assert [p.rule for p in problems(text)] == [rule]


def test_an_anchored_key_can_be_used_again() -> None:
    assert read("&a b: 1\nc: *a").data == {"b": 1, "c": "b"}


def test_a_key_that_is_an_alias_has_a_place() -> None:
    document = read("a: &n x\n*n : 1\n&m b: 2\nc:\n  *m : 3\n")

    assert document.data == {"a": "x", "x": 1, "b": 2, "c": {"b": 3}}
    assert [document.place(pointer).line for pointer in ("/x", "/b", "/c/b")] == [2, 3, 5]


def test_an_empty_document_is_null() -> None:
    assert read("# nothing\n").data is None


YAML = "info:\n  title: a\n  tags: [x, {y: 1}]\n"
JSON = '{"info": {\n  "title": "a",\n  "tags": ["x", {"y": 1}]}}'


@pytest.mark.parametrize(
    ("text", "pointer", "line", "column"),
    [
        (YAML, "", 1, 1),
        (YAML, "/info/title", 2, 10),
        (YAML, "/info/tags/1/y", 3, 17),
        (JSON, "", 1, 1),
        (JSON, "/info/title", 2, 12),
        (JSON, "/info/tags/1/y", 3, 23),
    ],
)
def test_a_value_has_a_place(text: str, pointer: str, line: int, column: int) -> None:
    place = read(text).place(pointer)

    assert (place.path, place.line, place.column, place.pointer) == ("doc.yaml", line, column, pointer)


@pytest.mark.parametrize(("text", "column"), [(YAML, 14), (JSON, 18)])
def test_a_key_has_a_place(text: str, column: int) -> None:
    place = read(text).place("/info/tags/1/y", key=True)

    assert (place.line, place.column) == (3, column)


def test_what_is_not_written_out_has_the_place_of_its_nearest_ancestor() -> None:
    place = read(YAML).place("/info/version")

    assert (place.line, place.column, place.pointer) == (2, 3, "/info/version")


def test_the_place_of_what_an_alias_brings_is_where_it_is_written() -> None:
    document = read("a: &a\n  b: 1\nc: *a\n")

    assert document.place("/c").line == 3
    assert document.place("/c/b").line == 2


def test_the_place_of_a_merged_member_is_its_object() -> None:
    document = read("a: &a\n  b: 1\nc:\n  <<: *a\n")

    assert document.place("/c/b").line == 4


def test_columns_count_characters_and_lines_count_every_line_end() -> None:
    document = read("a: 'é🐕'\r\nb: {c: 'é🐕', d: 1}\n")
    place = document.place("/b/d")

    assert (place.line, place.column) == (2, 17)
    assert document.line(2) == "b: {c: 'é🐕', d: 1}"
    assert document.line(3) == document.line(0) == document.line(9) == ""


def test_a_path_has_a_file_uri_and_a_url_is_its_own() -> None:
    assert read_document("a: 1", "some where.yaml").uri.startswith("file:///")
    assert read_document("a: 1", "some where.yaml").uri.endswith("/some%20where.yaml")
    assert read_document("a: 1", "https://example.com/a.yaml").uri == "https://example.com/a.yaml"


def test_the_pure_python_parser_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &a {b: 012}\nc: [*a, ~, 1.5, !!str 3]\n'd': |\n  text\n"
    expected = read(text).data
    monkeypatch.delattr("yaml.CSafeLoader")

    assert read(text).data == expected
    assert read(text).place("/c/1").line == 2


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)


@given(json_values)
def test_json_round_trips(value: object) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        document = read(text)
        assert document.data == value
        assert document.place("").line == 1


@given(st.text() | st.text(alphabet="{}[]:,-&*!|>'\"%@`#?~ \n\tab01.<=") | st.binary())
def test_any_text_is_read_or_refused_with_problems(text: str | bytes) -> None:
    try:
        document = read(text)
    except UnreadableDocument as refused:
        problems: tuple[Problem, ...] | None = refused.problems
    else:
        problems = None
    if problems is not None:
        assert problems
        assert all(p.place.line > 0 for p in problems)
    else:
        json.dumps(document.data, allow_nan=False)
        assert document.place("").path == "doc.yaml"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_yaml_numbers_have_the_value_that_python_prints(number: float) -> None:
    assert math.isclose(reader.parse(f"a: {number!r}")["a"], number)
