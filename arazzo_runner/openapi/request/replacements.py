"""Payload Replacement Objects: a value set somewhere in a payload (H4)."""

from __future__ import annotations

from typing import Any

from arazzo_runner.documents.model import ExpressionType
from arazzo_runner.documents.text.json_reader import json_value
from arazzo_runner.errors import ExpressionSyntaxError, StepError
from arazzo_runner.expressions.limits import BudgetExceeded, SelectorError
from arazzo_runner.expressions.selectors import jsonpath, set_by_jsonpath, set_by_pointer, set_by_xpath, xpath
from arazzo_runner.openapi.media_types import is_json, is_xml
from arazzo_runner.openapi.request.styles import scalar_text

_POINTER = ExpressionType("jsonpointer")
_XPATH = ExpressionType("xpath")


def apply_replacement(
    payload: Any, target: str, value: Any, *, content_type: str, selector: ExpressionType | None
) -> Any:
    """A copy of a payload with a value set at a target; what was given is never changed.

    Args:
        payload: plain data, JSON text when the content type is JSON, or XML text.
        target: a JSON Pointer, JSONPath or XPath. A pointer may add a member, or append to an array with ``-``; the
            empty one replaces the whole. JSONPath and XPath set every node that they select.
        content_type: the media type of the body: XML text is selected by XPath, all else by JSON Pointer.
        selector: ``targetSelectorType``, or None for that default.

    Raises:
        StepError: ``request-invalid``: the target is malformed, or there is nothing to set; with what was found.
    """
    is_markup = is_xml(content_type) and isinstance(payload, (str, bytes))
    kind = selector or (_XPATH if is_markup else _POINTER)
    try:
        match kind.type:
            case "jsonpointer":
                return set_by_pointer(_structure(payload, target, content_type), target, value)
            case "jsonpath":
                query = jsonpath(target, kind.version)
                return set_by_jsonpath(_structure(payload, target, content_type), query, value)
            case "xpath":
                return set_by_xpath(_markup(payload), xpath(target, kind.version), _xml_value(value))
    except (SelectorError, BudgetExceeded, ExpressionSyntaxError) as error:
        looks_like_jsonpath = kind is _POINTER and target.startswith("$")
        hint = "say that it is a JSONPath: targetSelectorType: jsonpath" if looks_like_jsonpath else error.hint
        raise _failed(target, error.message, hint=hint) from None
    raise _failed(target, f"there is no selector type {kind.type!r}", hint="jsonpointer, jsonpath or xpath")


def _structure(payload: Any, target: str, content_type: str) -> Any:
    """Return the data that a JSON Pointer or JSONPath can be applied to, parsed where it is JSON text."""
    if not isinstance(payload, (str, bytes)) or not target:
        return payload
    if is_json(content_type):
        try:
            return json_value(payload)
        except ValueError as error:
            raise _failed(target, f"the payload is text, and not JSON: {error}") from None
    hint = "give the payload as an object, or use an XPath on XML"
    raise _failed(target, f"the payload is text of type {content_type}, not an object or array", hint=hint)


def _markup(payload: Any) -> str:
    if isinstance(payload, str):
        return payload
    try:
        if isinstance(payload, bytes):
            return payload.decode()
    except UnicodeDecodeError:
        raise SelectorError("the payload is bytes that are not UTF-8 text") from None
    raise SelectorError("XPath is for XML text, and the payload is none", hint="use a JSON Pointer or JSONPath")


def _xml_value(value: Any) -> str:
    if isinstance(value, (dict, list)):
        raise SelectorError("an object or array cannot be set in XML", hint="give a string, number or boolean")
    from arazzo_runner.openapi.request.xml_bodies import xml_characters

    return "" if value is None else xml_characters(scalar_text(value))


def _failed(target: str, why: str, *, hint: str = "") -> StepError:
    return StepError("request-invalid", f"the replacement at {target!r} cannot be made: {why}", hint=hint)
