"""Objects as XML, by the ``xml`` hints of their schema (XML Object; H4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from msgspec import Struct, field

from arazzo_runner.errors import StepError
from arazzo_runner.openapi.request.styles import scalar_text
from arazzo_runner.openapi.schemas import Schema

_NAME = re.compile(r"[^\W\d][\w.\-]*(?::[^\W\d][\w.\-]*)?")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Hints(Struct, frozen=True):
    """XML Object. ``node_type`` is 3.2's; ``attribute`` and ``wrapped`` are the older words for two of its values."""

    name: str | None = None
    namespace: str | None = None
    prefix: str | None = None
    node_type: str | None = None

    @classmethod
    def of(cls, schema: Schema | None) -> _Hints:
        written = schema.value("xml") if schema else None
        if not isinstance(written, dict):
            return cls()
        older = "attribute" if written.get("attribute") else "element" if written.get("wrapped") else None
        name, namespace, prefix = (written.get(key) for key in ("name", "namespace", "prefix"))
        return cls(name, namespace, prefix, written.get("nodeType", older))

    def qualified(self, fallback: str) -> str:
        """The name as it is written.

        Raises:
            StepError: ``request-invalid``: it is not an XML name.
        """
        name = self.name or fallback
        if self.prefix and ":" not in name:
            name = f"{self.prefix}:{name}"
        if not _NAME.fullmatch(name):
            hint = "give its schema a name: xml: {name: …}"
            raise StepError("request-invalid", f"{name!r} is not a name of an XML element or attribute", hint=hint)
        return name

    def declaration(self) -> dict[str, str]:
        """The attribute that declares the namespace."""
        if not self.namespace:
            return {}
        return {f"xmlns:{self.prefix}" if self.prefix else "xmlns": self.namespace}


class _Element(Struct):
    """An element as it is put together: what its members add to it."""

    attributes: dict[str, str] = field(default_factory=dict)
    content: list[str] = field(default_factory=list)

    def text(self, tag: str) -> str:
        attributes = "".join(f" {name}={quoteattr(xml_characters(value))}" for name, value in self.attributes.items())
        content = "".join(self.content)
        return f"<{tag}{attributes}>{content}</{tag}>" if content else f"<{tag}{attributes}/>"


def xml_text(payload: Any, schema: Schema | None) -> str:
    """A payload as an XML document, without a declaration.

    The root is named by the schema's hints, else by the component that it refers to.

    Raises:
        StepError: ``request-invalid``: a name or text that XML cannot hold, or an array without a wrapping element.
    """
    hints = _Hints.of(schema)
    fallback = "root" if schema is None else schema.referenced_name or "root"
    if isinstance(payload, list):
        return _wrapper(hints, fallback, payload, schema)
    return _element(fallback, payload, schema)


def _element(fallback: str, value: Any, schema: Schema | None) -> str:
    hints = _Hints.of(schema)
    element = _Element(hints.declaration())
    if isinstance(value, dict):
        for key, item in value.items():
            if item is not None:
                _add_member(element, key, item, schema.member(key) if schema else None)
    elif isinstance(value, list):
        element.content += _elements(fallback, value, schema)
    elif value is not None:
        element.content.append(escape(xml_characters(scalar_text(value))))
    return element.text(hints.qualified(fallback))


def _add_member(element: _Element, key: str, value: Any, schema: Schema | None) -> None:
    hints = _Hints.of(schema)
    match hints.node_type, value:
        case "attribute", _:
            element.attributes |= hints.declaration() if hints.prefix else {}
            element.attributes[hints.qualified(key)] = scalar_text(value)
        case "text", _:
            element.content.append(escape(xml_characters(scalar_text(value))))
        case "cdata", _:
            # A CDATA section cannot hold its own end: there it is closed, and another one begun.
            inner = xml_characters(scalar_text(value)).replace("]]>", "]]]]><![CDATA[>")
            element.content.append(f"<![CDATA[{inner}]]>")
        case "element", list():
            element.content.append(_wrapper(hints, key, value, schema))
        case _, list():
            element.content += _elements(key, value, schema)
        case "none", dict():
            for name, item in value.items():
                if item is not None:
                    _add_member(element, name, item, schema.member(name) if schema else None)
        case _:
            element.content.append(_element(key, value, schema))


def _wrapper(hints: _Hints, fallback: str, items: list[Any], schema: Schema | None) -> str:
    wrapper = _Element(hints.declaration())
    wrapper.content += _elements(hints.name or fallback, items, schema)
    return wrapper.text(hints.qualified(fallback))


def _elements(fallback: str, items: list[Any], schema: Schema | None) -> Iterator[str]:
    """An element for each item; the name beside ``type: array`` counts for the wrapping element only."""
    item_schema = schema.items() if schema else None
    for item in items:
        yield _element(fallback, item, item_schema)


def xml_characters(text: str) -> str:
    """A text, checked.

    Raises:
        StepError: ``request-invalid``: it holds a character that XML cannot.
    """
    if found := _NOT_XML.search(text):
        raise StepError("request-invalid", f"XML cannot hold the character {found[0]!r}")
    return text
