"""Selectors and patterns whose work cannot be seen from their length: each has a budget (C4, C5, C6)."""

from __future__ import annotations

import contextlib
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from arazzo_runner.errors import ExpressionSyntaxError
from arazzo_runner.expressions import limits, regexes
from arazzo_runner.expressions.selectors import jsonpath, set_by_xpath, xpath

pytestmark = pytest.mark.slow

GOESSNER = "draft-goessner-dispatch-jsonpath-00"
SLOW = "^(a|aa)+$"
TEXT = "a" * 60 + "!"


@pytest.mark.parametrize(
    "query",
    [
        f"matches(//a, '{SLOW}')",
        f"replace(//a, '{SLOW}', 'b')",
        f"tokenize(//a, '{SLOW}')",
        f"//a[analyze-string(., '{SLOW}')]",
        f"let $f := matches(?, '{SLOW}') return //a[$f(.)]",
        "for $a in //a return matches($a, '(?:(?:a{1000}){1000}){1000}')",
        "count(for $a in //a, $b in 1 to 100000, $c in 1 to 100000 return $b)",
        "for $a in //a return count(1 to 1000000000)",
        "string-length(fold-left(1 to 60, //a, function($a, $b) { concat($a, $a) }))",
        "fold-left(1 to 60, count(//a) + 9, function($a, $b) { $a * $a })",
        "count(fold-left(1 to 60, //a, function($a, $b) { ($a, $a) }))",
    ],
)
def test_xpath_stops(query: str) -> None:
    compiled = xpath(query)
    with pytest.raises(limits.BudgetExceeded):
        compiled.select(f"<r><a>{TEXT}</a></r>")


LARGE = "<r>" + "<a k='1'><b>t</b></a>" * 20_000 + "<c>2</c></r>"


@pytest.mark.parametrize("query", ["//*/following::*", "//a/preceding-sibling::*", "//a[//b[//c]]"])
def test_xpath_1_0_stops(query: str) -> None:
    with pytest.raises(limits.BudgetExceeded):
        xpath(query, "xpath-10").select(LARGE)


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("//a[last()]/following-sibling::c", "2"),
        ("count(//c/preceding-sibling::a)", 20_000.0),
        ("string(//a[3]/following::b[1])", "t"),
    ],
)
def test_an_honest_search_of_a_large_document_is_answered(query: str, answer: Any) -> None:
    assert xpath(query, "xpath-10").value(LARGE) == answer


@pytest.mark.parametrize("query", ["1 to 1000000000", f"matches('{TEXT}', '{SLOW}')"])
def test_xpath_that_is_constant_stops_while_it_is_compiled(query: str) -> None:
    with pytest.raises(ExpressionSyntaxError, match=r"not an xpath-20 expression: .*more than"):
        xpath(query, "xpath-20")


@pytest.mark.parametrize("name", ["current-dateTime", "current-date", "current-time", "random-number-generator"])
def test_xpath_reads_no_clock_and_throws_no_dice(name: str) -> None:
    with pytest.raises(ExpressionSyntaxError, match="a run is decided by its answers alone"):
        xpath(f"{name}()")


@pytest.mark.parametrize(
    "call",
    [
        *("doc($u)", "doc-available($u)", "collection($u)", "uri-collection($u)", "json-doc($u)", "unparsed-text($u)"),
        *("unparsed-text-available($u)", "unparsed-text-lines($u)", "transform(map{'stylesheet-location': $u})"),
        "parse-xml(concat('<!DOCTYPE a SYSTEM \"', $u, '\"><a/>'))",
        "parse-xml(concat('<!DOCTYPE a [<!ENTITY e SYSTEM \"', $u, '\">]><a>&amp;e;</a>'))",
    ],
)
def test_xpath_reads_no_file_and_asks_no_server(call: str, tmp_path: Path) -> None:
    tmp_path.joinpath("secret.xml").write_text("<secret>hush</secret>", "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as server:
        places = [f"http://127.0.0.1:{server.getsockname()[1]}/a.xml", str(tmp_path / "secret.xml")]
        places.append((tmp_path / "secret.xml").as_uri())
        for place in places:
            with contextlib.suppress(limits.SelectorError, ExpressionSyntaxError):
                found = xpath(f"for $u in string(//a) return {call}").select(f"<r><a>{place}</a></r>")
                assert "hush" not in str(found)
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize(
    ("namespace", "call"),
    [
        ("regular-expressions", f"test(//a, '{SLOW}')"),
        ("strings", "padding(2000000000, 'x')"),
        ("dates-and-times", "date()"),
    ],
)
def test_a_document_cannot_bring_functions_into_xpath_1_0(namespace: str, call: str) -> None:
    compiled = xpath(f"x:{call}", "xpath-10")
    with pytest.raises(limits.SelectorError, match="the XPath expression stopped"):
        compiled.select(f"<r xmlns:x='http://exslt.org/{namespace}'><a>{TEXT}</a></r>")


def test_other_users_of_the_libraries_are_left_alone() -> None:
    xpath("matches('a', 'a')").select("<r/>")
    jsonpath("$[?(@.a =~ 'a')]", GOESSNER).values([{"a": "a"}])
    import re

    for name in ("elementpath.xpath2._xpath2_functions", "jsonpath_ng.ext.filter", "jsonpath_ng.ext.string"):
        assert sys.modules[name].re is re


@pytest.mark.parametrize("query", [f"$[?(@.a =~ '{SLOW}')]", f"$[0].a.`sub(/{SLOW}/, b)`"])
def test_patterns_of_goessners_draft_stop(query: str) -> None:
    with pytest.raises(limits.BudgetExceeded):
        jsonpath(query, GOESSNER).values([{"a": TEXT}])


def test_patterns_of_goessners_draft_match() -> None:
    data = [{"a": "xaay"}, {"a": "b"}, {"a": 1}, {}]
    assert jsonpath("$[?(@.a =~ 'a+')]", GOESSNER).values(data) == data[:1]
    assert jsonpath("$[0].a.`sub(/a+/, -)`", GOESSNER).values(data) == ["x-y"]


@pytest.mark.parametrize(
    ("pattern", "pieces"),
    [("a", 1), ("[{](a{3}){4}", 17), (r"(?:[0-9]{1,3}\.){3}", 15), (r"\(a{2}\){3}", 6), ("(a|b)", 4)],
)
def test_the_pieces_of_a_pattern(pattern: str, pieces: int) -> None:
    assert regexes._pieces(pattern) == pieces


@pytest.mark.parametrize(
    "pattern", ["((((a{1000}){1000}){1000}){1000}){1000}", "a{9}{99}{999}", "a{" + "9" * 5000 + "}"]
)
def test_a_pattern_that_stands_for_too_much_is_refused(pattern: str) -> None:
    with pytest.raises(ExpressionSyntaxError, match="stands for more than"):
        regexes.compile_regex(pattern)


def test_searches_that_are_short_each_are_long_together() -> None:
    limits.grant()
    limits._budget.get().seconds = 0
    with pytest.raises(limits.BudgetExceeded, match="and others searched for more than 5 s together"):
        regexes.is_found(SLOW, TEXT)


@pytest.mark.parametrize("version", ["xpath-10", "xpath-31"])
@pytest.mark.parametrize("target", ["//comment()", "//processing-instruction()"])
def test_what_is_no_element_and_no_attribute_is_not_set(version: str, target: str) -> None:
    with pytest.raises(limits.SelectorError, match="selects nothing of the payload that can be set"):
        set_by_xpath("<r><!-- c --><?p i?></r>", xpath(target, version), "-->")


def test_an_error_of_a_library_is_told_as_ours() -> None:
    def ours(why: str, _: Exception) -> Any:
        return limits.SelectorError(f"it stopped: {why}")

    with pytest.raises(limits.SelectorError, match="it stopped: list index out of range"), limits.told_as(ours):
        _ = list[int]()[1]
