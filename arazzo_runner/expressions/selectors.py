"""JSONPath (RFC 9535 and Goessner's draft) and XPath (1.0 to 3.1): compiled once, then select or set.

Every selector works within a budget, so that no query and no value can hang a run: ``BudgetExceeded`` is an outcome
that a criterion reports. XML is parsed with no DTD, no entities and no network (C6).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache, lru_cache
from math import isnan
from typing import TYPE_CHECKING, Any, Protocol

from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.errors import ArazzoError, ExpressionSyntaxError
from arazzo_runner.expressions.undefined import UNDEFINED, Undefined

if TYPE_CHECKING:
    from jsonpath_rfc9535 import JSONPathEnvironment
    from lxml import etree

MAX_NODES = 1_000_000
"""How many nodes one JSONPath query may visit."""

REGEX_SECONDS = 1.0
"""How long one regular expression may search (C4)."""


class BudgetExceeded(ArazzoError):
    """A selector or a pattern that took more than its share; the criterion that asked fails."""

    code = "budget-exceeded"


class SelectorError(ArazzoError):
    """A selector that cannot be applied to the value at hand."""

    code = "selector"


class JsonPath(Protocol):
    """A compiled JSONPath query."""

    def values(self, value: Any) -> list[Any]:
        """The values selected, in order."""

    def exists(self, value: Any) -> bool:
        """Whether at least one node is selected."""

    def locations(self, value: Any) -> list[tuple[str | int, ...]]:
        """The names and indexes that lead to each node selected."""


_budget: ContextVar[list[int]] = ContextVar("jsonpath_budget")


def _spend(nodes: Iterable[Any]) -> Iterator[Any]:
    left = _budget.get()
    for node in nodes:
        left[0] -= 1
        if left[0] < 0:
            raise BudgetExceeded(f"the JSONPath query visited more than {MAX_NODES:,} nodes")
        yield node


class _Rfc9535:
    def __init__(self, query: str) -> None:
        from jsonpath_rfc9535 import JSONPathError

        try:
            self._query = _rfc9535_environment().compile(query)
        except (JSONPathError, RecursionError) as error:
            message = str(error).splitlines()[0] if str(error) else "nested too deeply"
            token = getattr(error, "token", None)
            raise ExpressionSyntaxError(f"not a JSONPath query: {message}", query, getattr(token, "index", 0)) from None

    def _nodes(self, value: Any) -> Iterator[Any]:
        from jsonpath_rfc9535 import JSONPathError

        _budget.set([MAX_NODES])
        try:
            yield from self._query.finditer(value)
        except RecursionError:
            raise BudgetExceeded("the value is nested too deeply for the JSONPath query") from None
        except JSONPathError as error:
            raise BudgetExceeded(f"the JSONPath query stopped: {error}") from None

    def values(self, value: Any) -> list[Any]:
        return [] if value is UNDEFINED else [node.value for node in self._nodes(value)]

    def exists(self, value: Any) -> bool:
        return value is not UNDEFINED and next(self._nodes(value), None) is not None

    def locations(self, value: Any) -> list[tuple[str | int, ...]]:
        return [node.location for node in self._nodes(value)]


def iregexp(function: str, pattern: str, text: str) -> bool:
    """RFC 9535's ``match`` (``fullmatch``) and ``search``: False when the pattern is no I-Regexp (RFC 9485).

    Raises:
        BudgetExceeded: the pattern searched too long.
    """
    import regex
    from iregexp_check import check
    from jsonpath_rfc9535.function_extensions._pattern import map_re

    if not check(pattern):
        return False
    try:
        return getattr(regex, function)(map_re(pattern), text, timeout=REGEX_SECONDS) is not None
    except TimeoutError:
        raise BudgetExceeded(f"the pattern searched for more than {REGEX_SECONDS:g} s") from None
    except regex.error:
        return False


@cache
def _rfc9535_environment() -> JSONPathEnvironment:
    """The library's environment, its segments made to count and its two regex functions made to stop."""
    from jsonpath_rfc9535 import JSONPathEnvironment
    from jsonpath_rfc9535.function_extensions import Match, Search
    from jsonpath_rfc9535.parse import Parser
    from jsonpath_rfc9535.segments import JSONPathChildSegment, JSONPathRecursiveDescentSegment

    class CountingChild(JSONPathChildSegment):
        def resolve(self, nodes: Iterable[Any]) -> Iterable[Any]:
            return _spend(super().resolve(nodes))

    class CountingDescent(JSONPathRecursiveDescentSegment):
        def resolve(self, nodes: Iterable[Any]) -> Iterable[Any]:
            return _spend(super().resolve(nodes))

        def _visit(self, node: Any, depth: int = 1) -> Iterable[Any]:
            return _spend(super()._visit(node, depth))

    class CountingParser(Parser):
        def parse_query(self, stream: Any, *, in_filter: bool = False) -> Iterable[Any]:
            for segment in super().parse_query(stream, in_filter=in_filter):
                kind = CountingDescent if isinstance(segment, JSONPathRecursiveDescentSegment) else CountingChild
                yield kind(env=segment.env, token=segment.token, selectors=segment.selectors)

    class StoppingMatch(Match):
        def __call__(self, string: object, pattern: object) -> bool:
            return isinstance(string, str) and isinstance(pattern, str) and iregexp("fullmatch", pattern, string)

    class StoppingSearch(Search):
        def __call__(self, string: object, pattern: object) -> bool:
            return isinstance(string, str) and isinstance(pattern, str) and iregexp("search", pattern, string)

    class Environment(JSONPathEnvironment):
        parser_class = CountingParser

        def setup_function_extensions(self) -> None:
            super().setup_function_extensions()
            self.function_extensions["match"] = StoppingMatch()
            self.function_extensions["search"] = StoppingSearch()

    return Environment()


class _Goessner:
    def __init__(self, query: str) -> None:
        from jsonpath_ng.exceptions import JSONPathError
        from jsonpath_ng.ext.parser import parse

        try:
            self._query = parse(query)
        except (JSONPathError, RecursionError, ValueError, TypeError, AttributeError) as error:
            # The library lets errors of its own internals out on malformed filters.
            raise ExpressionSyntaxError(f"not a JSONPath query of Goessner's draft: {error}", query) from None

    def _matches(self, value: Any) -> list[Any]:
        if value is UNDEFINED:
            return []
        try:
            return list(self._query.find(value))
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, RecursionError) as error:
            raise SelectorError(f"the JSONPath query stopped: {error or type(error).__name__}") from None

    def values(self, value: Any) -> list[Any]:
        return [match.value for match in self._matches(value)]

    def exists(self, value: Any) -> bool:
        return bool(self._matches(value))

    def locations(self, value: Any) -> list[tuple[str | int, ...]]:
        return [tuple(_goessner_steps(match)) for match in self._matches(value)]


def _goessner_steps(match: Any) -> list[str | int]:
    steps: list[str | int] = []
    while match.context is not None:
        path = match.path
        if getattr(path, "fields", None):
            steps.append(path.fields[0])
        elif getattr(path, "indices", None):
            steps.append(path.indices[0])
        elif hasattr(path, "index"):
            steps.append(path.index)
        match = match.context
    return steps[::-1]


JSONPATH_VERSIONS: Mapping[str, Callable[[str], JsonPath]] = {
    "rfc9535": _Rfc9535,
    "draft-goessner-dispatch-jsonpath-00": _Goessner,
}
XPATH_VERSIONS = ("xpath-10", "xpath-20", "xpath-30", "xpath-31")


@lru_cache(maxsize=1024)
def jsonpath(query: str, version: str | None = None) -> JsonPath:
    """Compile a JSONPath query.

    Args:
        version: a key of ``JSONPATH_VERSIONS``; RFC 9535 when None.

    Raises:
        ExpressionSyntaxError: it is no query of that version.
    """
    compiler = JSONPATH_VERSIONS.get(version or "rfc9535")
    if compiler is None:
        raise ExpressionSyntaxError(
            f"unknown JSONPath version {version!r}", query, hint=f"one of {', '.join(JSONPATH_VERSIONS)}"
        )
    return compiler(query)


class XPath:
    """A compiled XPath expression of one version. Undeclared prefixes are the document root's own (C6).

    Raises:
        ExpressionSyntaxError: on construction, when it is no expression of that version.
    """

    def __init__(self, expression: str, version: str = "xpath-31") -> None:
        if version not in XPATH_VERSIONS:
            hint = f"one of {', '.join(XPATH_VERSIONS)}"
            raise ExpressionSyntaxError(f"unknown XPath version {version!r}", expression, hint=hint)
        self.expression = expression
        self.version = version
        self._check()

    def _check(self) -> None:
        if self.version == "xpath-10":
            from lxml import etree

            try:
                etree.XPath(self.expression)
            except etree.XPathSyntaxError as error:
                raise ExpressionSyntaxError(f"not an XPath 1.0 expression: {error}", self.expression) from None
            return
        from elementpath import ElementPathError

        try:
            self._parser({}).parse(self.expression)
        except ElementPathError as error:
            # XPST0081: a prefix that is not bound here may be the document's own.
            if "XPST0081" not in str(error):
                message = f"not an {self.version} expression: {error}"
                raise ExpressionSyntaxError(message, self.expression) from None
        except (RecursionError, ValueError, TypeError, OverflowError) as error:
            raise ExpressionSyntaxError(f"not an {self.version} expression: {error}", self.expression) from None

    def _parser(self, namespaces: dict[str, str]) -> Any:
        from elementpath import XPath2Parser
        from elementpath.xpath3 import XPath3Parser
        from elementpath.xpath30 import XPath30Parser

        parsers = {"xpath-20": XPath2Parser, "xpath-30": XPath30Parser, "xpath-31": XPath3Parser}
        return parsers[self.version](namespaces=namespaces)

    def select(self, xml: Any) -> Any:
        """The result on a document: a list of nodes, or a string, number or boolean.

        Raises:
            SelectorError: ``xml`` is no well-formed XML, or the expression cannot be evaluated on it.
        """
        root = xml if _is_element(xml) else parse_xml(xml)
        namespaces = {prefix: uri for prefix, uri in root.nsmap.items() if prefix}
        if self.version == "xpath-10":
            from lxml import etree

            try:
                return root.getroottree().xpath(self.expression, namespaces=namespaces)
            except (etree.XPathError, ValueError) as error:
                raise SelectorError(f"the XPath expression stopped: {error}") from None
        from elementpath import ElementPathError, XPathContext

        try:
            token = self._parser(namespaces).parse(self.expression)
            return token.get_results(XPathContext(root.getroottree()))
        except (ElementPathError, ArithmeticError, ValueError, TypeError, RecursionError, KeyError) as error:
            raise SelectorError(f"the XPath expression stopped: {error}") from None

    def truth(self, xml: Any) -> bool:
        """The effective boolean value on a document (C6)."""
        result = self.select(xml)
        if isinstance(result, float) and isnan(result):
            return False
        if isinstance(result, list):
            # A sequence that starts with a node is true; one atomic value counts by itself.
            return bool(result) and (len(result) > 1 or _is_node(result[0]) or bool(result[0]))
        return bool(result)

    def value(self, xml: Any) -> Any:
        """The result as data: the text of one node or its markup, a list for several, ``UNDEFINED`` for none."""
        result = self.select(xml)
        if not isinstance(result, list):
            return result
        values = [_node_value(item) for item in result]
        return UNDEFINED if not values else values[0] if len(values) == 1 else values


@lru_cache(maxsize=256)
def xpath(expression: str, version: str | None = None) -> XPath:
    """Compile an XPath expression; 3.1 when no version is given (1.1, Expression Type Object)."""
    return XPath(expression, version or "xpath-31")


def _is_element(value: Any) -> bool:
    return hasattr(value, "nsmap")


def _is_node(value: Any) -> bool:
    return _is_element(value) or hasattr(value, "getparent") or hasattr(value, "elem")


def _node_value(node: Any) -> Any:
    if _is_element(node):
        if len(node):
            from lxml import etree

            return etree.tostring(node, encoding="unicode", with_tail=False)
        return node.text or ""
    if hasattr(node, "value"):
        return node.value
    return str(node) if hasattr(node, "getparent") else node


def parse_xml(text: Any) -> etree._Element:
    """The root element of an XML text; no DTD, no entities, no network, no huge trees (C6).

    Raises:
        SelectorError: it is not well-formed XML, or has a document type.
    """
    from lxml import etree

    if not isinstance(text, (str, bytes)):
        raise SelectorError(f"expected XML, found {_kind(text)}")
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    if isinstance(text, str):
        # The declaration speaks of the bytes that were received; what we have is text.
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, encoding="utf-8"
        )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise SelectorError(f"not well-formed XML: {error}") from None
    if root is None:
        raise SelectorError("not well-formed XML: no root element")
    if root.getroottree().docinfo.internalDTD is not None or root.getroottree().docinfo.externalDTD is not None:
        raise SelectorError("XML with a document type declaration is refused")
    return root


def xml_as_object(text: str) -> Any:
    """The object that ``xmltodict`` makes of an XML text (V7), or ``UNDEFINED`` when it is no XML."""
    from xml.parsers.expat import ExpatError

    import xmltodict

    try:
        parse_xml(text)
        return xmltodict.parse(text, disable_entities=True)
    except (SelectorError, ExpatError, ValueError, RecursionError):
        return UNDEFINED


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", bool: "a boolean", type(None): "null", Undefined: "nothing"}
    return names.get(type(value), "a number" if isinstance(value, (int, float)) else "text")


def set_at(data: Any, steps: tuple[str | int, ...] | list[str], value: Any) -> Any:
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
            index = _index(step, len(data))
            return [*data[:index], set_at(data[index], rest, value), *data[index + 1 :]]
        case _:
            raise SelectorError(f"{step!r} cannot be set on {_kind(data)}")


def _index(step: str | int, length: int) -> int:
    text = str(step)
    if not text.isdecimal() or (len(text) > 1 and text[0] == "0") or int(text) >= length:
        raise SelectorError(f"no element {text!r} in an array of {length}")
    return int(text)


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
    nodes = expression.select(root)
    changed = 0
    for node in nodes if isinstance(nodes, list) else []:
        changed += _set_node(node, text)
    if not changed:
        raise SelectorError("the XPath expression selects nothing of the payload that can be set")
    declaration = xml.lstrip().startswith("<?xml")
    result = etree.tostring(root.getroottree(), encoding="utf-8", xml_declaration=declaration)
    return bytes(result).decode()


def _set_node(node: Any, text: str) -> bool:
    if _is_element(node):
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
