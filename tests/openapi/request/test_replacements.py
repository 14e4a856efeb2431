"""Payload Replacement Objects (H4)."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from lxml import etree

from arazzo_runner.documents.model import ExpressionType
from arazzo_runner.errors import StepError
from arazzo_runner.openapi.request.replacements import apply_replacement
from tests.support.repository import SHARED

JSON, XML, FORM = "application/json", "application/xml", "application/x-www-form-urlencoded"
JSONPATH, XPATH, POINTER = ExpressionType("jsonpath"), ExpressionType("xpath"), ExpressionType("jsonpointer")


def replaced(
    payload: Any, target: str, value: Any, *, content_type: str = JSON, selector: ExpressionType | None = None
) -> Any:
    """The payload with the replacement made; that it was not changed itself is checked on the way."""
    before = copy.deepcopy(payload)
    result = apply_replacement(payload, target, value, content_type=content_type, selector=selector)
    assert payload == before
    return result


@pytest.mark.parametrize(
    ("payload", "target", "value", "expected"),
    [
        ({"a": 1}, "/a", 2, {"a": 2}),
        ({"a": {"b": [1, {"c": 2}]}}, "/a/b/1/c", 3, {"a": {"b": [1, {"c": 3}]}}),
        ({"a": 1}, "/b", 2, {"a": 1, "b": 2}),
        ({"a": [1]}, "/a/-", 2, {"a": [1, 2]}),
        ({"a": [1]}, "/a/0", None, {"a": [None]}),
        ([1, 2], "/1", {"x": 1}, [1, {"x": 1}]),
        ({"a/b": 1, "m~n": 2}, "/a~1b", 3, {"a/b": 3, "m~n": 2}),
        ({"a/b": 1, "m~n": 2}, "/m~0n", 3, {"a/b": 1, "m~n": 3}),
        ({"": 1}, "/", 2, {"": 2}),
        ({"a": 1}, "", [1], [1]),
        ("text", "", {"a": 1}, {"a": 1}),
        (None, "", 1, 1),
        ('{"a": [1]}', "/a/0", 2, {"a": [2]}),
        (b'{"a": 1}', "/a", 2, {"a": 2}),
    ],
)
def test_a_json_pointer_sets_a_value(payload: Any, target: str, value: Any, expected: Any) -> None:
    assert replaced(payload, target, value) == expected


@pytest.mark.parametrize("content_type", [FORM, "multipart/form-data", "application/vnd.pets+json", XML])
def test_a_json_pointer_is_the_default_for_objects(content_type: str) -> None:
    assert replaced({"a": 1}, "/a", 2, content_type=content_type) == {"a": 2}


@pytest.mark.parametrize(
    ("payload", "target", "found"),
    [
        ({"a": 1}, "/b/c", "nothing at 'b'"),
        ({"a": 1}, "/a/b", "'b' cannot be set on a number"),
        ({"a": [1]}, "/a/1", "no element '1' in an array of 1"),
        ({"a": [1]}, "/a/01", "no element '01'"),
        ({"a": 1}, "a", "starts with '/'"),
        ({"a": 1}, "/a~2", "'~0'"),
        ("not json", "/a", "not JSON"),
    ],
)
def test_a_json_pointer_that_reaches_nothing_says_what_was_found(payload: Any, target: str, found: str) -> None:
    with pytest.raises(StepError) as caught:
        replaced(payload, target, 1)
    assert caught.value.code == "request-invalid"
    assert caught.value.message.startswith(f"the replacement at {target!r} cannot be made: ")
    assert found in caught.value.message


def test_a_json_path_without_its_selector_type_gives_the_hint() -> None:
    with pytest.raises(StepError) as caught:
        replaced({"a": 1}, "$.a", 1)
    assert caught.value.hint == "say that it is a JSONPath: targetSelectorType: jsonpath"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("$.items[?(@.sku=='ABC123')].quantity", [{"sku": "ABC123", "quantity": 9}, {"sku": "X", "quantity": 2}]),
        ("$.items[*].quantity", [{"sku": "ABC123", "quantity": 9}, {"sku": "X", "quantity": 9}]),
        ("$..quantity", [{"sku": "ABC123", "quantity": 9}, {"sku": "X", "quantity": 9}]),
        ("$.items[-1]", [{"sku": "ABC123", "quantity": 1}, 9]),
    ],
)
def test_a_json_path_sets_every_value_that_it_selects(target: str, expected: Any) -> None:
    payload = {"items": [{"sku": "ABC123", "quantity": 1}, {"sku": "X", "quantity": 2}]}
    assert replaced(payload, target, 9, selector=JSONPATH) == {"items": expected}
    assert replaced(json.dumps(payload), target, 9, selector=JSONPATH) == {"items": expected}


def test_a_json_path_of_the_older_draft_may_be_asked_for() -> None:
    selector = ExpressionType("jsonpath", "draft-goessner-dispatch-jsonpath-00")
    assert replaced({"a": [1, 2]}, "$.a[0]", 9, selector=selector) == {"a": [9, 2]}


@pytest.mark.parametrize(
    ("target", "selector", "found"),
    [
        ("$.b", JSONPATH, "selects nothing"),
        ("$.[", JSONPATH, "not a JSONPath"),
        ("$.a", ExpressionType("jsonpath", "9"), "unknown JSONPath version"),
        ("$.a", ExpressionType("regex"), "no selector type 'regex'"),
        ("/a", XPATH, "XPath is for XML text"),
    ],
)
def test_a_selector_that_does_not_fit_says_why(target: str, selector: ExpressionType, found: str) -> None:
    with pytest.raises(StepError, match="cannot be made") as caught:
        replaced({"a": 1}, target, 1, selector=selector)
    assert found in caught.value.message


PET = '<pet id="1"><name>Rex</name><tags><tag>a</tag><tag>b</tag></tags></pet>'


@pytest.mark.parametrize("version", [None, "xpath-10", "xpath-20", "xpath-30", "xpath-31"])
@pytest.mark.parametrize(
    ("target", "value", "select", "expected"),
    [
        ("/pet/name", "Fido & <co>", "string(/pet/name)", "Fido & <co>"),
        ("//tag[. = 'b']", True, "string(//tag[2])", "true"),
        ("//tag", "x", "count(//tag[. = 'x'])", 2),
        ("/pet/name", None, "string(/pet/name)", ""),
    ],
)
def test_an_xpath_sets_text(version: str | None, target: str, value: Any, select: str, expected: Any) -> None:
    selector = ExpressionType("xpath", version) if version else None
    written = replaced(PET, target, value, content_type=XML, selector=selector)
    assert etree.fromstring(written).xpath(select) == expected


@pytest.mark.parametrize("version", ["xpath-10", "xpath-20", "xpath-30", "xpath-31"])
def test_an_xpath_sets_an_attribute(version: str) -> None:
    written = replaced(PET, "/pet/@id", 7, content_type=XML, selector=ExpressionType("xpath", version))
    assert etree.fromstring(written).get("id") == "7"


def test_xml_bytes_are_xml_text_too() -> None:
    assert "Fido" in replaced(PET.encode(), "/pet/name", "Fido", content_type="application/soap+xml")


@pytest.mark.parametrize(
    ("payload", "target", "value", "found"),
    [
        (PET, "/pet/nothing", "x", "selects nothing"),
        (PET, "/pet[", "x", "not an"),
        (PET, "/pet/name", {"a": 1}, "object or array cannot be set in XML"),
        (PET, "/pet/name", "\0", "XML cannot hold"),
        ("<pet", "/pet", "x", "not well-formed XML"),
        (b"\xff", "/pet", "x", "not UTF-8 text"),
        ('<!DOCTYPE p [<!ENTITY e "x">]><p>&e;</p>', "/p", "x", "document type"),
    ],
)
def test_an_xpath_that_cannot_be_applied_says_why(payload: Any, target: str, value: Any, found: str) -> None:
    with pytest.raises(StepError) as caught:
        replaced(payload, target, value, content_type=XML)
    assert caught.value.code == "request-invalid"
    assert found in caught.value.message


def test_text_that_is_neither_json_nor_xml_has_no_members() -> None:
    with pytest.raises(StepError, match="text of type text/csv"):
        replaced("a,b", "/a", 1, content_type="text/csv")
    with pytest.raises(StepError, match="text of type application/x-www-form-urlencoded"):
        replaced("a=b", "/a", 1, content_type=FORM)


CONFORMANCE = SHARED / "conformance" / "replacements.json"


def conformance_cases() -> list[Any]:
    if not CONFORMANCE.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"{CONFORMANCE.name} is not beside this repository"))]
    cases = json.loads(CONFORMANCE.read_text())["cases"]
    return [pytest.param(case, id=case["id"]) for case in cases if not case["disputed"]]


@pytest.mark.parametrize("case", conformance_cases())
def test_a_case_that_nobody_disputes(case: dict[str, Any]) -> None:
    inputs = case["context"]["inputs"]

    def evaluated(value: Any) -> Any:
        is_input = isinstance(value, str) and value.startswith("$inputs.")
        return inputs[value.removeprefix("$inputs.")] if is_input else value

    def result() -> Any:
        payload = evaluated(case["requestBody"]["payload"])
        for replacement in case["requestBody"].get("replacements", []):
            payload = replaced(payload, replacement["target"], evaluated(replacement["value"]))
        return payload

    if case["error"] is None:
        assert result() == case["expected"]
    else:
        with pytest.raises(StepError):
            result()
