"""Values to the path, query, headers and cookies that an operation declares (H3).

The styles are RFC 6570's as OpenAPI takes them over. What the specification leaves undefined is settled here: ``null``
members and items are left out, nested values are written as JSON, an empty array or object is not sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import quote

from arazzo_runner.errors import StepError
from arazzo_runner.openapi.operations import DEFAULT_STYLES, Operation, ParameterSpec

UNRESERVED = "-._~"
"""Beside letters and digits, what RFC 3986 never needs to have encoded."""
RESERVED = ":/?@!$&'()*+,;="
"""What ``allowReserved`` lets through; ``#``, ``[`` and ``]`` have no place in a query or path segment."""

IGNORED_HEADERS = frozenset({"host", "content-length", "connection", "transfer-encoding"})
"""Headers that belong to the transport (H3)."""

Pairs: TypeAlias = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Argument:
    """A parameter's value for one request; ``None`` is not given (V1)."""

    name: str
    location: str
    value: Any


@dataclass(slots=True)
class Target:
    """Where a request goes, and the headers that its parameters set.

    Attributes:
        path: encoded, template variables filled in.
        query: encoded, without ``?``.
        warnings: what was left out, a sentence each.
        sent: the values by location and name, for ``$request.query`` and ``$request.path``.
    """

    path: str
    query: str
    headers: Pairs = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)


def encode(text: str, *, safe: str = "") -> str:
    """Percent-encode all but unreserved characters and ``safe``; with ``safe``, percent-encoded triples stay."""
    if not safe:
        return quote(text, safe=UNRESERVED)
    parts = re.split(r"(%[0-9A-Fa-f]{2})", text)
    return "".join(part if index % 2 else quote(part, safe=UNRESERVED + safe) for index, part in enumerate(parts))


def scalar_text(value: Any) -> str:
    """A value inside a parameter as text: strings as they are, all else as JSON writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _items(value: Sequence[Any]) -> list[str]:
    return [scalar_text(item) for item in value if item is not None]


def _members(value: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(key, scalar_text(item)) for key, item in value.items() if item is not None]


Encode: TypeAlias = Callable[[str], str]


def simple(value: Any, explode: bool, encoded: Encode) -> str:  # noqa: FBT001 - OpenAPI's own pair of words
    """``style: simple``, for paths and headers: ``a,b`` and ``k,v`` or, exploded, ``k=v``."""
    match value:
        case dict():
            joint = "=" if explode else ","
            return ",".join(f"{encoded(key)}{joint}{encoded(item)}" for key, item in _members(value))
        case list():
            return ",".join(encoded(item) for item in _items(value))
        case _:
            return encoded(scalar_text(value))


def label(value: Any, explode: bool, encoded: Encode) -> str:  # noqa: FBT001
    """``style: label``: ``.a``; exploded arrays and objects repeat the dot."""
    match value:
        case dict() if explode:
            return "".join(f".{encoded(key)}={encoded(item)}" for key, item in _members(value))
        case list() if explode:
            return "".join(f".{encoded(item)}" for item in _items(value))
        case _:
            return "." + simple(value, False, encoded)


def matrix(name: str, value: Any, explode: bool, encoded: Encode) -> str:  # noqa: FBT001
    """``style: matrix``: ``;name=a``; an empty string has no ``=``."""
    key = encoded(name)
    match value:
        case dict() if explode:
            return "".join(f";{encoded(k)}={encoded(item)}" for k, item in _members(value))
        case list() if explode:
            return "".join(f";{key}={encoded(item)}" for item in _items(value))
        case "":
            return f";{key}"
        case _:
            return f";{key}={simple(value, False, encoded)}"


def query_pairs(spec: ParameterSpec, value: Any, encoded: Encode) -> Pairs:
    """A parameter of a query, a cookie or a form as encoded pairs of name and value.

    Raises:
        StepError: the style cannot hold the value.
    """
    name = encode(spec.name) if spec.location != "cookie" else spec.name
    if spec.content_type is not None:
        return [(name, encoded(as_content(spec.content_type, value)))]
    match spec.style, value:
        case "deepObject", dict():
            return _deep(name, value, encoded)
        case "deepObject", list():
            raise StepError("request-invalid", f"the parameter {spec.name!r} is a deepObject; an array has no such form")
        case ("form" | "cookie" | "spaceDelimited" | "pipeDelimited"), dict() if spec.explode and spec.style in (
            "form",
            "cookie",
        ):
            return [(encoded(key), encoded(item)) for key, item in _members(value)]
        case _, list() if spec.explode:
            return [(name, encoded(item)) for item in _items(value)]
        case _, dict() | list() if not value:
            return []
        case ("spaceDelimited" | "pipeDelimited"), dict() | list():
            flat = [part for pair in _members(value) for part in pair] if isinstance(value, dict) else _items(value)
            return [(name, {"spaceDelimited": "%20", "pipeDelimited": "%7C"}[spec.style].join(map(encoded, flat)))]
        case _:
            return [(name, simple(value, False, encoded))]


def _deep(name: str, value: Any, encoded: Encode) -> Pairs:
    pairs: Pairs = []
    for key, item in value.items():
        here = f"{name}%5B{encode(key)}%5D"
        match item:
            case None:
                continue
            case dict():
                pairs += _deep(here, item, encoded)
            case list():
                pairs += [(here, encoded(part)) for part in _items(item)]
            case _:
                pairs.append((here, encoded(scalar_text(item))))
    return pairs


def as_content(content_type: str, value: Any) -> str:
    """A value in a parameter's own media type: JSON, or text as it is."""
    if isinstance(value, str) and not is_json(content_type):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def is_json(content_type: str) -> bool:
    """Whether a media type is JSON or built on it."""
    essence = content_type.partition(";")[0].strip().lower()
    return essence in ("application/json", "text/json") or essence.endswith("+json")


def is_xml(content_type: str) -> bool:
    """Whether a media type is XML or built on it."""
    essence = content_type.partition(";")[0].strip().lower()
    return essence in ("application/xml", "text/xml") or essence.endswith("+xml")


def serialize(operation: Operation, arguments: Sequence[Argument]) -> Target:
    """Lay an operation's arguments out over path, query, headers and cookies.

    Args:
        arguments: what the step gives; ``None`` values count as not given.

    Raises:
        StepError: ``request-invalid`` (H3) when a value could change the route or add a header, or a template variable
            stays unfilled; ``missing-value`` when a required parameter was given and has no value (V1).
    """
    template, _, fixed_query = operation.path.partition("?")
    target = Target(template, fixed_query)
    path_values: dict[str, str] = {}
    query: list[str] = [fixed_query] if fixed_query else []
    cookies: Pairs = []
    given: set[tuple[str, str]] = set()
    for argument in arguments:
        spec = operation.parameter(argument.name, argument.location) or undeclared(argument)
        given.add((spec.name, spec.location))
        if argument.value is None:
            if spec.required:
                raise StepError("missing-value", f"the {spec.location} parameter {spec.name!r} is required and is null")
            continue
        target.sent.setdefault(spec.location, {})[argument.name] = argument.value
        match spec.location:
            case "path":
                path_values[spec.name] = path_text(spec, argument.value, operation.path)
            case "query":
                encoded = _encoder(spec)
                query += [f"{key}={value}" for key, value in query_pairs(spec, argument.value, encoded)]
            case "querystring":
                query.append(querystring(spec, argument.value))
            case "header":
                _add_header(target, argument.name, spec, argument.value)
            case "cookie":
                encoder: Encode = encode if spec.style == "form" else str
                cookies += query_pairs(spec, argument.value, encoder)
            case _:
                raise StepError("request-invalid", f"the parameter {spec.name!r} has an unknown place {spec.location!r}")
    target.path = _fill(template, path_values)
    target.query = "&".join(part for part in query if part)
    if cookies:
        text = "; ".join(f"{key}={_cookie_text(key, value)}" for key, value in cookies)
        target.headers.append(("Cookie", text))
    for spec in operation.parameters:
        if spec.required and spec.location != "path" and (spec.name, spec.location) not in given:
            target.warnings.append(
                f"the operation {operation.label} requires the {spec.location} parameter {spec.name!r}, "
                "which the step does not give; sent without"
            )
    return target


def undeclared(argument: Argument) -> ParameterSpec:
    """How a parameter is sent that the operation does not declare: by its location's defaults (H3)."""
    style = DEFAULT_STYLES.get(argument.location, "form")
    return ParameterSpec(argument.name, argument.location, style=style, explode=style == "form", declared=False)


def _encoder(spec: ParameterSpec) -> Encode:
    return (lambda text: encode(text, safe=RESERVED)) if spec.allow_reserved else encode


def path_text(spec: ParameterSpec, value: Any, template: str) -> str:
    """A path parameter's text, encoded so that it can never change the route.

    Raises:
        StepError: it is empty, or a whole segment ``.`` or ``..``.
    """
    keeps_slash = f"{{+{spec.name}}}" in template
    encoded: Encode = (lambda text: encode(text, safe="/")) if keeps_slash else encode
    if spec.content_type is not None:
        text = encoded(as_content(spec.content_type, value))
    elif spec.style == "matrix":
        text = matrix(spec.name, value, spec.explode, encoded)
    elif spec.style == "label":
        text = label(value, spec.explode, encoded)
    else:
        text = simple(value, spec.explode, encoded)
    if not text.strip("."):
        what = "empty" if not text else f"{text!r}"
        raise StepError("request-invalid", f"the path parameter {spec.name!r} is {what}, which would change the route")
    if keeps_slash and any(segment in (".", "..") for segment in text.split("/")):
        raise StepError("request-invalid", f"the path parameter {spec.name!r} has a segment '.' or '..': {text!r}")
    return text


def _fill(template: str, values: Mapping[str, str]) -> str:
    def fill(match: re.Match[str]) -> str:
        name = match[1].removeprefix("+").removesuffix("*")
        if name not in values:
            raise StepError(
                "request-invalid",
                f"the path {template} has no value for {{{name}}}",
                hint=f"give the step a parameter named {name!r} in path",
            )
        return values[name]

    return re.sub(r"\{([^{}]+)\}", fill, template)


def querystring(spec: ParameterSpec, value: Any) -> str:
    """A whole query string (1.1, OpenAPI 3.2): text as it is, an object as its media type writes it."""
    content_type = spec.content_type or "application/x-www-form-urlencoded"
    if isinstance(value, dict) and not is_json(content_type):
        form = ParameterSpec("", "query", style="form", explode=True)
        return "&".join(f"{key}={text}" for key, text in query_pairs(form, value, encode))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if is_json(content_type):
        return encode(text)
    return encode(text.removeprefix("?"), safe=RESERVED + "%")


def _add_header(target: Target, name: str, spec: ParameterSpec, value: Any) -> None:
    if name.lower() in IGNORED_HEADERS:
        target.warnings.append(f"the header {name} belongs to the transport; the step's value is ignored")
        return
    if spec.content_type is not None:
        text = as_content(spec.content_type, value)
    else:
        text = simple(value, spec.explode, str)
    target.headers.append((name, header_text(name, text)))


def header_text(name: str, text: str) -> str:
    """A header's value, checked: it can never end the header and begin another.

    Raises:
        StepError: it holds CR, LF or NUL, or the name is no token.
    """
    if re.search(r"[\r\n\0]", text):
        raise StepError("request-invalid", f"the value of the header {name!r} contains a line break")
    if not re.fullmatch(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", name):
        raise StepError("request-invalid", f"{name!r} is no header name")
    return text.strip(" \t")


def _cookie_text(name: str, text: str) -> str:
    if re.search(r"[\r\n\0;]", text) or re.search(r"[\r\n\0;=]", name):
        raise StepError("request-invalid", f"the cookie {name!r} contains a line break or a semicolon")
    return text
