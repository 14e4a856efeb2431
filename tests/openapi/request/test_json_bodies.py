"""Bodies of JSON are read as RFC 8259 has it, so that outputs are JSON again (V7)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from arazzo_runner.engine.exchange import decode_body
from arazzo_runner.expressions.selectors import xpath


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[NaN]", "NaN is a number that JSON does not have"),
        ("[-Infinity]", "-Infinity is a number that JSON does not have"),
        ("[1e400]", "1e400 is beyond the range of numbers"),
        ("[-1.5E+999]", "-1.5E+999 is beyond the range of numbers"),
        (f"[{'9' * 400}.5]", "is beyond the range of numbers"),
    ],
)
def test_what_is_no_number_of_json_makes_a_body_text(text: str, why: str) -> None:
    body, problem = decode_body(text.encode(), "application/json")
    assert body == text
    assert why in str(problem)


@pytest.mark.parametrize("value", [1e300, 5e-324, 10**400, "1e400", "NaN", "é"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_any_other_value_is_itself(value: Any, encoding: str) -> None:
    text = json.dumps([value], ensure_ascii=False)
    assert decode_body(text.encode(encoding), "application/json") == ([value], None)


@pytest.mark.parametrize(("query", "value"), [("0 div 0", "NaN"), ("1 div 0", "INF"), ("-1 div 0", "-INF")])
def test_a_number_of_xpath_that_json_has_not_is_text(query: str, value: str) -> None:
    assert xpath(query, "xpath-10").value("<r/>") == value
