"""JSON Pointer, JSONPath and XPath: compiled once, then asked what they select or given what to set."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.errors import ExpressionSyntaxError
from arazzo_runner.expressions.jsonpath import JSONPATH_VERSIONS, JsonPath
from arazzo_runner.expressions.limits import SelectorError, kind_of
from arazzo_runner.expressions.xpath import XPath, is_element, parse_xml


@lru_cache(maxsize=1024)
def jsonpath(query: str, version: str | None = None) -> JsonPath:
    """Compile a JSONPath query.

    Args:
        version: a key of ``JSONPATH_VERSIONS``; RFC 9535 when None.

    Raises:
        ExpressionSyntaxError: it is not a query of that version.
    """
    compiler = JSONPATH_VERSIONS.get(version or "rfc9535")
    if compiler is None:
        raise ExpressionSyntaxError(
            f"unknown JSONPath version {version!r}", query, hint=f"one of {', '.join(JSONPATH_VERSIONS)}"
        )
    return compiler(query)


@lru_cache(maxsize=256)
def xpath(expression: str, version: str | None = None) -> XPath:
    """Compile an XPath expression; 3.1 when no version is given (1.1, Expression Type Object)."""
    return XPath(expression, version or "xpath-31")


def set_at(data: Any, steps: Sequence[str | int], value: Any) -> Any:
    """A copy of ``data`` with ``value`` at ``steps``; a last step may add a member, or append with ``-`` (H4).

    Raises:
        SelectorError: there is nothing on the way to hold it.
    """
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    match data:
        case dict():
            key = str(step)
            if rest and key not in data:
                raise SelectorError(f"nothing at {key!r} to set a member of")
            return {**data, key: set_at(data.get(key), rest, value)}
        case list():
            if step == "-" and not rest:
                return [*data, value]
            index = json_pointer.index_of(str(step), len(data))
            if index is None:
                raise SelectorError(f"no element {str(step)!r} in an array of {len(data)}")
            return [*data[:index], set_at(data[index], rest, value), *data[index + 1 :]]
        case _:
            raise SelectorError(f"{step!r} cannot be set on {kind_of(data)}")


def set_by_pointer(data: Any, pointer: str, value: Any) -> Any:
    """A copy of ``data`` with ``value`` where a JSON Pointer points; see ``set_at``."""
    try:
        steps = json_pointer.split(pointer)
    except json_pointer.PointerError as error:
        raise SelectorError(str(error), hint=f"did you mean /{pointer}?") from None
    return set_at(data, steps, value)


def set_by_jsonpath(data: Any, query: JsonPath, value: Any) -> Any:
    """A copy of ``data`` with ``value`` at every node that the query selects; an error when it selects none."""
    locations = query.locations(data)
    if not locations:
        raise SelectorError("the JSONPath query selects nothing of the payload")
    for location in locations:
        data = set_at(data, location, value)
    return data


def set_by_xpath(xml: str, expression: XPath, text: str) -> str:
    """The XML with ``text`` in every element or attribute selected; an error when the expression selects none."""
    from lxml import etree

    root = copy.copy(parse_xml(xml))
    changed = [_set_node(node, text) for node in expression.nodes(root)]
    if not any(changed):
        raise SelectorError("the XPath expression selects nothing of the payload that can be set")
    declaration = xml.lstrip().startswith("<?xml")
    result = etree.tostring(root.getroottree(), encoding="utf-8", xml_declaration=declaration)
    return bytes(result).decode()


def _set_node(node: Any, text: str) -> bool:
    if is_element(node):
        if not isinstance(node.tag, str):  # a comment or a processing instruction
            return False
        for child in list(node):
            node.remove(child)
        node.text = text
        return True
    parent = node.getparent() if hasattr(node, "getparent") else getattr(getattr(node, "parent", None), "elem", None)
    if parent is None:
        return False
    name = getattr(node, "attrname", None) or getattr(node, "name", None)
    if name:
        parent.set(name, text)
    else:
        parent.text = text
    return True
