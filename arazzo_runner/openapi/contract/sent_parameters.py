"""The parameters of a request and the headers of a response, read back from text by their styles (H3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote, unquote_plus, urlsplit

from arazzo_runner.documents.text.json_reader import json_value
from arazzo_runner.effects import Headers, Request
from arazzo_runner.expressions.undefined import UNDEFINED
from arazzo_runner.openapi.contract.instances import FormField, Instances, name_and_keys
from arazzo_runner.openapi.media_types import is_json
from arazzo_runner.openapi.operations import DEFAULT_STYLES, EXPLODED_STYLES

Decode: TypeAlias = Callable[[str], str]

_DELIMITERS = {"spaceDelimited": r"%20|\+| ", "pipeDelimited": r"%7[Cc]|\|"}


class UnreadableContent(ValueError):
    """A value is not of the media type that its description says; the argument is that type."""


class _Layout(NamedTuple):
    """The layout of a parameter's value as text."""

    delimiter: str
    explode: bool
    decode: Decode


class SentParameters:
    """The parameters of one request.

    Args:
        template: the path key of the operation.
        declared: its Parameter Objects.
    """

    def __init__(
        self, request: Request, template: str, declared: Sequence[Mapping[str, Any]], instances: Instances
    ) -> None:
        url = urlsplit(request.url)
        self._instances = instances
        self._headers = request.headers
        self._path = dict(path_texts(template, url.path))
        self._query = [_pair(part) for part in url.query.split("&") if part]
        self._cookies = [
            (name.strip(), value)
            for header in (value for name, value in request.headers if name.lower() == "cookie")
            for name, _, value in (pair.partition("=") for pair in header.split(";"))
        ]
        self._names = {(one["name"], one["in"]) for one in declared}

    def value(self, declared: Mapping[str, Any]) -> Any:
        """The value that was sent for a Parameter Object; ``UNDEFINED`` when none was.

        Raises:
            UnreadableContent: it is not of the media type that the parameter declares.
        """
        name = declared["name"]
        match declared["in"]:
            case "path":
                text = self._path.get(name)
                return UNDEFINED if text is None else self._path_value(declared, text)
            case "header":
                return header_value(self._instances, name, declared, self._headers)
            case "cookie":
                verbatim = declared.get("style") == "cookie"
                return self._from_pairs(declared, self._cookies, str if verbatim else unquote)
            case _:
                return self._from_pairs(declared, self._query, unquote_plus)

    def _path_value(self, declared: Mapping[str, Any], text: str) -> Any:
        style, explode = _style(declared, "path")
        schema = declared.get("schema", {})
        match style:
            case _ if "content" in declared:
                return content_value(self._instances, declared, unquote(text))
            case "label":
                layout = _Layout(r"\." if explode else ",", explode, unquote)
                return _delimited(self._instances, schema, text.removeprefix("."), layout)
            case "matrix":
                return self._matrix(declared, schema, text, explode=explode)
            case _:
                return _delimited(self._instances, schema, text, _Layout(",", explode, unquote))

    def _matrix(self, declared: Mapping[str, Any], schema: Any, text: str, *, explode: bool) -> Any:
        if explode and self._instances.allows(schema, "object"):
            return _delimited(self._instances, schema, text.removeprefix(";"), _Layout(";", explode, unquote))
        prefix = f";{declared['name']}"
        if explode and self._instances.allows(schema, "array"):
            values = re.findall(rf"{re.escape(prefix)}(?:=([^;]*))?", text)
            return [self._instances.scalar(self._instances.items(schema), unquote(value)) for value in values]
        value = text.removeprefix(prefix).removeprefix("=")
        return _delimited(self._instances, schema, value, _Layout(",", explode, unquote))

    def _from_pairs(self, declared: Mapping[str, Any], pairs: list[tuple[str, str]], decode: Decode) -> Any:
        """The value of a query parameter or cookie, which may be spread over several pairs."""
        name, schema = declared["name"], declared.get("schema", {})
        style, explode = _style(declared, declared["in"])
        own = [value for key, value in pairs if key == name]
        if style == "deepObject" and "content" not in declared:
            return self._deep(declared, pairs, decode)
        if not own and explode and style in EXPLODED_STYLES and self._instances.allows(schema, "object"):
            return self._spread(declared, pairs, decode)
        if not own:
            return UNDEFINED
        if "content" in declared:
            return content_value(self._instances, declared, decode(own[0]))
        if explode and (len(own) > 1 or self._instances.allows(schema, "array")):
            return self._instances.repeated(schema, [decode(text) for text in own], self._instances.scalar)
        return _delimited(self._instances, schema, own[0], _Layout(_DELIMITERS.get(style, ","), explode, decode))

    def _deep(self, declared: Mapping[str, Any], pairs: list[tuple[str, str]], decode: Decode) -> Any:
        entries = []
        for key, value in pairs:
            head, keys = name_and_keys(key)
            if head == declared["name"] and keys and (key, declared["in"]) not in self._names:
                entries.append(FormField(keys, decode(value)))
        if not entries:
            return UNDEFINED
        return self._instances.nested(declared.get("schema", {}), entries, self._instances.scalar)

    def _spread(self, declared: Mapping[str, Any], pairs: list[tuple[str, str]], decode: Decode) -> Any:
        """An object whose members were sent as parameters of their own; additional ones are those of no other name."""
        schema = declared["schema"]
        members = self._instances.properties(schema)
        is_open = self._instances.member(schema, "") not in ({}, False) or not members
        own: dict[str, list[str]] = {}
        for key, value in pairs:
            if key in members or (is_open and (key, declared["in"]) not in self._names):
                own.setdefault(key, []).append(decode(value))
        read = self._instances.scalar
        return {
            key: self._instances.repeated(self._instances.member(schema, key), texts, read)
            for key, texts in own.items()
        } or UNDEFINED


def header_value(instances: Instances, name: str, declared: Mapping[str, Any], headers: Headers) -> Any:
    """The value of a header field by its Parameter or Header Object; ``UNDEFINED`` when it is not there."""
    texts = [value for key, value in headers if key.lower() == name.lower()]
    if not texts:
        return UNDEFINED
    if "content" in declared:
        return content_value(instances, declared, texts[0])
    schema = declared.get("schema", {})
    text = ", ".join(texts) if instances.allows(schema, "array") else texts[0]
    return _delimited(instances, schema, text, _Layout(",", declared.get("explode") is True, str.strip))


def content_value(instances: Instances, declared: Mapping[str, Any], text: str) -> Any:
    """The value of a text in the one media type that a parameter or header declares.

    Raises:
        UnreadableContent: it is none.
    """
    content: Mapping[str, Any] = declared["content"]
    content_type, media = next(iter(content.items()), ("", dict[str, Any]()))
    if not is_json(content_type):
        return instances.scalar(media.get("schema", {}), text)
    try:
        return json_value(text)
    except ValueError:
        raise UnreadableContent(content_type) from None


def _delimited(instances: Instances, schema: Any, text: str, layout: _Layout) -> Any:
    """One text as the array, object or scalar that its schema has, whichever fits first."""
    readings: list[Any] = []
    if instances.allows(schema, "object"):
        pairs = _members(re.split(layout.delimiter, text), explode=layout.explode)
        readings.append(
            {
                layout.decode(key): instances.scalar(instances.member(schema, layout.decode(key)), layout.decode(value))
                for key, value in pairs
            }
        )
    if instances.allows(schema, "array"):
        items = instances.items(schema)
        readings.append([instances.scalar(items, layout.decode(part)) for part in re.split(layout.delimiter, text)])
    if not readings or (instances.types(schema) or frozenset()) - {"object", "array", "null"}:
        readings.append(instances.scalar(schema, layout.decode(text)))
    return instances.first(schema, readings)


def _members(parts: list[str], *, explode: bool) -> Iterator[tuple[str, str]]:
    if explode:
        yield from ((key, value) for key, _, value in (part.partition("=") for part in parts))
    else:
        yield from zip(parts[::2], parts[1::2], strict=False)


def _style(declared: Mapping[str, Any], location: str) -> tuple[str, bool]:
    style = declared.get("style") or DEFAULT_STYLES.get(location, "form")
    explode = declared.get("explode")
    return style, style in EXPLODED_STYLES if explode is None else explode is True


def _pair(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return unquote_plus(name), value


def path_texts(template: str, path: str) -> Iterator[tuple[str, str]]:
    """The encoded texts of a template's variables in a URL's path; the server's own path stands before it."""
    template = template.partition("?")[0]
    parts = re.split(r"\{([^{}]+)\}", template)
    names = [name.removeprefix("+") for name in parts[1::2]]
    pattern = "".join(
        re.escape(part) if index % 2 == 0 else "(.+)" if part.startswith("+") else "([^/]*)"
        for index, part in enumerate(parts)
    )
    if match := re.search(f"{pattern}$", path):
        yield from zip(names, match.groups(), strict=True)
