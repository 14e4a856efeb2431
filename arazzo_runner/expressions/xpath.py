"""XPath 1.0 to 3.1 on XML that is parsed with no DTD, no entities and no network (C6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any

from arazzo_runner.errors import ArazzoError, ExpressionSyntaxError
from arazzo_runner.expressions.limits import MAX_NODES, BudgetExceeded, SelectorError, grant, kind_of, spending, told_as
from arazzo_runner.expressions.undefined import UNDEFINED
from arazzo_runner.expressions.xpath_parsers import XPATH_VERSIONS, parser_of

if TYPE_CHECKING:
    from elementpath import XPathContext
    from lxml import etree

MAX_VISITS = 1_000_000_000
"""How many nodes libxml2 may be expected to visit: it does so in a few seconds."""
FEW_NODES = 1000
"""In a document of so few, nothing takes libxml2 longer than a second."""
MAX_COMPARISONS = 10_000_000_000
"""How many pairs of nodes libxml2 may be expected to compare: it does so in a few seconds."""


class XPath:
    """A compiled XPath expression of one version. Undeclared prefixes are the document root's own (C6).

    Raises:
        ExpressionSyntaxError: on construction, when it is not an expression of that version.
    """

    def __init__(self, expression: str, version: str = "xpath-31") -> None:
        if version not in XPATH_VERSIONS:
            hint = f"one of {', '.join(XPATH_VERSIONS)}"
            raise ExpressionSyntaxError(f"unknown XPath version {version!r}", expression, hint=hint)
        self.expression = expression
        self.version = version
        self._check()

    def _check(self) -> None:
        def refused(why: str, _: Exception) -> ArazzoError:
            return ExpressionSyntaxError(f"not an {self.version} expression: {why}", self.expression)

        if self.version == "xpath-10":
            from lxml import etree

            with told_as(refused):
                etree.XPath(self.expression)
            return
        from elementpath import ElementPathError

        grant()  # what is constant is evaluated while it is parsed
        with told_as(refused):
            try:
                _parsed(self.expression, self.version, {})
            except (BudgetExceeded, SelectorError) as error:
                raise refused(error.message, error) from None
            except ElementPathError as error:
                # XPST0081: a prefix that is not bound here may be the document's own.
                if "XPST0081" not in str(error):
                    raise

    def select(self, xml: Any) -> Any:
        """The result on a document: a list of nodes, or a string, number or boolean.

        Raises:
            SelectorError: ``xml`` is not well-formed XML, or the expression cannot be evaluated on it.
        """
        return self._evaluated(self.expression, xml)

    def _evaluated(self, expression: str, xml: Any) -> Any:
        root = xml if is_element(xml) else parse_xml(xml)
        if self.version == "xpath-10":
            _refuse_explosion(expression, root)
            with told_as(_stopped):
                return root.getroottree().xpath(expression, namespaces=_namespaces(root))
        with told_as(_stopped):
            token, context = _begun(expression, self.version, root)
            return token.get_results(context)

    def nodes(self, root: etree._Element) -> list[Any]:
        """The nodes selected, attributes and texts as nodes too, so that they can be set.

        Raises:
            SelectorError: the expression cannot be evaluated.
        """
        if self.version == "xpath-10":
            found = self.select(root)
            return found if isinstance(found, list) else []
        with told_as(_stopped):
            token, context = _begun(self.expression, self.version, root)
            # The engine wraps elements in nodes of its own; attributes and texts exist only as such.
            return [getattr(node, "elem", node) for node in token.select(context)]

    def truth(self, xml: Any) -> bool:
        """The effective boolean value on a document (C6).

        Raises:
            SelectorError: as ``select``; or it has none, as ``(1, 2)`` has none.
        """
        return bool(self._evaluated(f"boolean(({self.expression}))", xml))

    def value(self, xml: Any) -> Any:
        """The result as data: the text of one node or its markup, a list for several, ``UNDEFINED`` for none."""
        result = self.select(xml)
        if isinstance(result, float) and not isfinite(result):
            return "NaN" if isnan(result) else "INF" if result > 0 else "-INF"  # JSON has no such numbers
        if not isinstance(result, list):
            return result
        values = [_node_value(item) for item in result]
        return UNDEFINED if not values else values[0] if len(values) == 1 else values


def _namespaces(root: etree._Element) -> dict[str, str]:
    """The prefixes of a document's root, but for EXSLT's: lxml has functions there that no clock stops."""
    return {prefix: uri for prefix, uri in root.nsmap.items() if prefix and not uri.startswith("http://exslt.org/")}


def _stopped(why: str, _: Exception) -> ArazzoError:
    return SelectorError(f"the XPath expression stopped: {why}")


def _refuse_explosion(expression: str, root: etree._Element) -> None:
    """Refuse what libxml2, which no clock can stop, would look through for minutes.

    That is searches inside of predicates, and axes to either side, which it follows from each node of a step, comparing
    what it finds with all that it has found.

    Raises:
        BudgetExceeded: it might visit too many nodes.
    """
    depth = deepest = 0
    aside = False
    for piece in re.findall(r"""'[^']*'|"[^"]*"|\[|\]|//|descendant|following|preceding|ancestor""", expression):
        depth += (piece == "[") - (piece == "]")
        if piece[0] not in "[]'\"":
            deepest = max(deepest, depth)
            aside |= piece in ("following", "preceding")
    if not (deepest or aside):
        return
    nodes = sum(1 for _ in root.iter())
    if deepest and nodes ** (deepest + 1) > MAX_VISITS:
        raise BudgetExceeded("the XPath expression searches inside of predicates, which could take hours")
    if aside and nodes > FEW_NODES:
        # Whether it starts from one node or from all is seen by trying it, on the engine that counts.
        with told_as(_stopped):
            token, context = _begun(expression, "xpath-10", root, min(MAX_NODES, MAX_COMPARISONS // nodes))
            token.get_results(context)


def _begun(expression: str, version: str, root: etree._Element, nodes: int = MAX_NODES) -> tuple[Any, XPathContext]:
    """The engine's tokens, and the document for them; both spend a budget of so many nodes."""
    grant(nodes)
    return _parsed(expression, version, _namespaces(root)), _counting()(root.getroottree())


def _parsed(expression: str, version: str, namespaces: dict[str, str]) -> Any:
    """The engine's tokens. Collation is by code points on every machine."""
    from elementpath.namespaces import XPATH_FUNCTIONS_NAMESPACE

    if version == "xpath-10":
        return parser_of(version)(namespaces=namespaces).parse(expression)
    collation = f"{XPATH_FUNCTIONS_NAMESPACE}/collation/codepoint"
    return parser_of(version)(namespaces=namespaces, default_collation=collation).parse(expression)


@cache
def _counting() -> type[XPathContext]:
    """The engine's context, made to count what it visits."""
    from elementpath import XPathContext

    class Counting(XPathContext):
        def iter_descendants(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
            return spending(super().iter_descendants(*args, **kwargs))

        def iter_children_or_self(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
            return spending(super().iter_children_or_self(*args, **kwargs))

    return Counting


def is_element(value: Any) -> bool:
    """Return whether it is an element of a parsed document."""
    return hasattr(value, "nsmap")


def _node_value(node: Any) -> Any:
    if is_element(node):
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
        raise SelectorError(f"expected XML, found {kind_of(text)}")
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
    """The object that ``xmltodict`` makes of an XML text (V7), or ``UNDEFINED`` when it is not XML."""
    from xml.parsers.expat import ExpatError

    import xmltodict

    try:
        parse_xml(text)
        return xmltodict.parse(text, disable_entities=True)
    except (SelectorError, ExpatError, ValueError, RecursionError):
        return UNDEFINED
