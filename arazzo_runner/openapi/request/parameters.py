"""Values to the path, query, headers and cookies that an operation declares (H3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct, field

from arazzo_runner.documents.text.json_reader import json_value
from arazzo_runner.errors import StepError
from arazzo_runner.openapi.media_types import FORM, essence, is_json, is_xml
from arazzo_runner.openapi.operations import DEFAULT_STYLES, EXPLODED_STYLES, Operation, ParameterSpec
from arazzo_runner.openapi.request.forms import QUERY_RESERVED, form_pairs, query_encoder
from arazzo_runner.openapi.request.styles import (
    VERBATIM,
    Encode,
    Escapes,
    Pairs,
    encode,
    is_empty,
    json_text,
    label,
    matrix,
    scalar_text,
    simple,
    style_pairs,
)

__all__ = [
    "Argument",
    "SerializedParameters",
    "as_content",
    "header_text",
    "is_json",
    "is_xml",
    "serialize",
    "with_cookies",
]

IGNORED_HEADERS = frozenset({"host", "content-length", "connection", "transfer-encoding"})
"""Headers that belong to the transport (H3)."""

_PATH_RESERVED = ":@!$&'()*+,;="
"""What 3.2's ``allowReserved`` lets through in a path: the reserved characters that cannot change the route."""

_COOKIE_OCTETS = "!#$&'()*+/:<=>?@[]^`{|}"
"""Beside unreserved characters, what RFC 6265 lets a cookie's value be made of; ``%`` apart."""

_VARIABLE = re.compile(r"\{([^{}]+)\}")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NOT_IN_HEADERS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_IN_COOKIE_NAMES = re.compile(r"[\x00-\x20\x7f;=]")
_NOT_IN_COOKIES = re.compile(r"[\x00-\x1f\x7f;]")


class Argument(Struct, frozen=True):
    """A parameter's value for one request; ``None`` is not given (V1)."""

    name: str
    location: str
    value: Any


class SerializedParameters(Struct):
    """The path and query of a request, and the headers that its parameters set.

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


def serialize(
    operation: Operation, arguments: Sequence[Argument], filled: Collection[tuple[str, str]] = ()
) -> SerializedParameters:
    """Lay an operation's arguments out over path, query, headers and cookies.

    Args:
        arguments: what the step gives; ``None`` values count as not given.
        filled: locations and names that credentials fill: they are never missing.

    Raises:
        StepError: ``request-invalid`` (H3) when a value could change the route or add a header, or a template variable
            stays unfilled; ``missing-value`` when a required parameter was given and has no value (V1).
    """
    layout = _Layout(operation, filled)
    for argument in arguments:
        layout.add(argument)
    return layout.target()


class _Layout:
    """A request's parameters as they are laid out, one after the other."""

    def __init__(self, operation: Operation, filled: Collection[tuple[str, str]] = ()) -> None:
        self.operation = operation
        self.filled = filled
        self.route, self.fixed_query = route_and_query(operation)
        self.result = SerializedParameters("", "")
        self.path_values: dict[str, str] = {}
        self.query: list[str] = []
        self.cookies: Pairs = []
        self.given: set[tuple[str, str]] = set()

    def add(self, argument: Argument) -> None:
        spec = self.operation.parameter(argument.name, argument.location) or undeclared(argument)
        lay_out = self._BY_LOCATION.get(spec.location)
        if lay_out is None:
            message = f"the parameter {spec.name!r} has an unknown place {spec.location!r}"
            raise StepError("request-invalid", message, hint=f"one of {', '.join(self._BY_LOCATION)}")
        self.given.add((spec.name, spec.location))
        if argument.value is None:
            if spec.is_needed(self.filled):
                raise StepError("missing-value", f"the {spec.location} parameter {spec.name!r} is required and is null")
            return
        self.result.sent.setdefault(spec.location, {})[argument.name] = argument.value
        lay_out(self, spec, argument)

    def _path(self, spec: ParameterSpec, argument: Argument) -> None:
        key = next((name for name in self._variables() if _variable_name(name) == spec.name.removeprefix("+")), None)
        if key is None:
            self._warn(f"the path {self.operation.path} has no {{{spec.name}}}; the step's value is ignored")
            return
        self.path_values[key] = path_text(spec, argument.value, keep_slashes=key.startswith("+"))

    def _query(self, spec: ParameterSpec, argument: Argument) -> None:
        escapes = Escapes(encode, query_encoder(allow_reserved=spec.allow_reserved))
        self.query += [f"{name}={text}" for name, text in _pairs(spec, argument.value, escapes)]

    def _querystring(self, spec: ParameterSpec, argument: Argument) -> None:
        self.query.append(querystring(spec, argument.value))

    def _header(self, spec: ParameterSpec, argument: Argument) -> None:
        if argument.name.lower() == "cookie":
            self._warn_of_attributes(argument)
        if argument.name.lower() in IGNORED_HEADERS:
            self._warn(f"the header {argument.name} belongs to the transport; the step's value is ignored")
        elif spec.media is not None:
            text = as_content(spec.media.content_type, argument.value, ascii_only=True)
            self.result.headers.append((argument.name, header_text(argument.name, text)))
        elif not is_empty(argument.value):
            text = simple(argument.value, explode=spec.explode, encoded=str)
            self.result.headers.append((argument.name, header_text(argument.name, text)))

    def _warn_of_attributes(self, argument: Argument) -> None:
        """Warn when a whole ``Set-Cookie`` header would be sent back (H6)."""
        from arazzo_runner.openapi.request.cookies import looks_like_set_cookie

        if looks_like_set_cookie(argument.value):
            self._warn(
                f"the {argument.location} {argument.name!r} is the value of a Set-Cookie header, its attributes "
                "included; sent as it is. --cookies keeps the cookies of answers and sends them back"
            )

    def _cookie(self, spec: ParameterSpec, argument: Argument) -> None:
        self._warn_of_attributes(argument)
        self.cookies += _pairs(spec, argument.value, _cookie_escapes(spec))

    _BY_LOCATION: Mapping[str, Callable[[_Layout, ParameterSpec, Argument], None]] = {
        "path": _path,
        "query": _query,
        "querystring": _querystring,
        "header": _header,
        "cookie": _cookie,
    }

    def target(self) -> SerializedParameters:
        self.result.path = self._filled_route()
        fixed = self._filled_query()
        # Path keys repeat what the operation also declares as a parameter ('/?Action=Create'): once is enough.
        self.result.query = "&".join([*fixed, *(part for part in self.query if part and part not in fixed)])
        self.result.headers = with_cookies(self.result.headers, self.cookies)
        for spec in self.operation.parameters:
            if spec.is_needed(self.filled) and spec.location != "path" and (spec.name, spec.location) not in self.given:
                self._missing(spec)
        return self.result

    def _variables(self) -> list[str]:
        return [*_VARIABLE.findall(self.route), *_VARIABLE.findall(self.fixed_query)]

    def _filled_route(self) -> str:
        path = self._fill(self.route)
        written = self.route.split("/")
        for segment in path.split("/"):
            if segment in (".", "..") and segment not in written:
                message = (
                    f"the path {self.operation.path} would become {path!r}, whose segment {segment!r} changes the route"
                )
                raise StepError("request-invalid", message)
        return path

    def _filled_query(self) -> list[str]:
        parts = []
        for part in filter(None, self.fixed_query.split("&")):
            names = [_variable_name(name) for name in _VARIABLE.findall(part)]
            if names and all((name, "query") in self.given for name in names):
                continue  # '?id={id}' with id declared in query: the parameter itself is what is sent
            parts.append(self._fill(part, safe=QUERY_RESERVED + "&+"))
        return parts

    def _fill(self, template: str, *, safe: str = _PATH_RESERVED + "/") -> str:
        pieces = _VARIABLE.split(template)
        for at, piece in enumerate(pieces):
            pieces[at] = self._value(piece) if at % 2 else encode(piece, safe=safe, keep_triples=True)
        return "".join(pieces)

    def _value(self, variable: str) -> str:
        if variable in self.path_values:
            return self.path_values[variable]
        name = _variable_name(variable)
        raise StepError(
            "request-invalid",
            f"the path {self.operation.path} has no value for {{{variable}}}",
            hint=f"give the step a parameter named {name!r} in path",
        )

    def _missing(self, spec: ParameterSpec) -> None:
        if spec.location == "header" and spec.name.lower() in IGNORED_HEADERS:
            return
        self._warn(
            f"the operation {self.operation.label} requires the {spec.location} parameter {spec.name!r}, "
            "which the step does not give; sent without"
        )

    def _warn(self, message: str) -> None:
        self.result.warnings.append(message)


def unfilled_variables(operation: Operation, given: Collection[tuple[str, str]]) -> list[str]:
    """The variables of an operation's path that stay unfilled, whatever the values are.

    Args:
        given: names and places of the parameters that a step gives.
    """
    route, fixed_query = route_and_query(operation)
    parts = [route]
    for part in fixed_query.split("&"):
        names = [_variable_name(name) for name in _VARIABLE.findall(part)]
        if not all((name, "query") in given for name in names):
            parts.append(part)
    filled = {name.removeprefix("+") for name, location in given if location == "path"}
    variables = (_variable_name(name) for part in parts for name in _VARIABLE.findall(part))
    return [name for name in dict.fromkeys(variables) if name not in filled]


def route_and_query(operation: Operation) -> tuple[str, str]:
    """An operation's path key without a fragment, which is never sent, and the query that is a part of the key."""
    route, _, query = operation.path.partition("#")[0].partition("?")
    return route if route.startswith("/") else f"/{route}", query


def undeclared(argument: Argument) -> ParameterSpec:
    """Return the defaults of a location for a parameter that the operation does not declare (H3).

    A cookie that nobody describes is likely to be one that a server set, encoded in its own way: that stays.
    """
    style = DEFAULT_STYLES.get(argument.location, "form")
    return ParameterSpec(
        argument.name,
        argument.location,
        style=style,
        explode=style in EXPLODED_STYLES,
        allow_reserved=argument.location == "cookie",
        declared=False,
    )


def _variable_name(variable: str) -> str:
    """The parameter that a template variable names: ``{+name}`` and ``{name*}`` are other tools' spellings."""
    return variable.removeprefix("+").removesuffix("*")


def _pairs(spec: ParameterSpec, value: Any, escapes: Escapes) -> Pairs:
    if spec.media is not None:
        return [(escapes.name(spec.name), escapes.value(as_content(spec.media.content_type, value)))]
    return style_pairs(spec.name, value, style=spec.style, explode=spec.explode, escapes=escapes)


def _cookie_escapes(spec: ParameterSpec) -> Escapes:
    """A cookie's value keeps what RFC 6265 allows: many servers do not decode cookies, and none needs it encoded."""
    if spec.style == "cookie" or (spec.media is not None and not is_json(spec.media.content_type)):
        return VERBATIM
    return Escapes(str, partial(encode, safe=_COOKIE_OCTETS, keep_triples=spec.allow_reserved))


def path_text(spec: ParameterSpec, value: Any, *, keep_slashes: bool = False) -> str:
    """A path parameter's text, encoded so that it can never change the route.

    Percent-encoded triples are encoded again even with ``allowReserved``: ``%2F`` may be a slash to a server.

    Raises:
        StepError: ``request-invalid``: it is empty.
    """
    safe = (_PATH_RESERVED if spec.allow_reserved else "") + ("/" if keep_slashes else "")
    encoded: Encode = partial(encode, safe=safe)
    if spec.media is not None:
        text = encoded(as_content(spec.media.content_type, value))
    elif is_empty(value):
        text = ""
    elif spec.style == "matrix":
        text = matrix(spec.name, value, explode=spec.explode, encoded=encoded)
    elif spec.style == "label":
        text = label(value, explode=spec.explode, encoded=encoded)
    else:
        text = simple(value, explode=spec.explode, encoded=encoded)
    if not text:
        raise StepError("request-invalid", f"the path parameter {spec.name!r} is empty, which would change the route")
    return text


def querystring(spec: ParameterSpec, value: Any) -> str:
    """A whole query string (1.1, OpenAPI 3.2): a form as it is written, or made of an object; all else encoded."""
    content_type = FORM if spec.media is None else spec.media.content_type
    if essence(content_type) != FORM:
        return encode(as_content(content_type, value))
    if isinstance(value, dict):
        encoding = {} if spec.media is None else spec.media.encoding
        return "&".join(f"{name}={text}" for name, text in form_pairs(value, encoding))
    text = scalar_text(value).removeprefix("?")
    return encode(text, safe=QUERY_RESERVED + "&+", keep_triples=True)


def as_content(content_type: str, value: Any, *, ascii_only: bool = False) -> str:
    """A value in a parameter's own media type: JSON, or text as it is.

    A string for a JSON type is taken for JSON text when it is an object or an array: so 1.1 writes it itself.
    """
    if not is_json(content_type):
        return scalar_text(value)
    if isinstance(value, str):
        container = _json_container(value)
        value = value if container is None else container
    return json_text(value, ascii_only=ascii_only)


def _json_container(text: str) -> Any:
    """The object or array that a text writes, or None."""
    try:
        value = json_value(text)
    except ValueError:
        return None
    return value if isinstance(value, (dict, list)) else None


def header_text(name: str, text: str) -> str:
    """A header's value, checked: it can never end the header and begin another.

    Raises:
        StepError: ``request-invalid``: it holds a line break or another control character, or the name is not a token.
    """
    if not _TOKEN.fullmatch(name):
        raise StepError("request-invalid", f"{name!r} is not a header name")
    if _NOT_IN_HEADERS.search(text):
        raise StepError(
            "request-invalid", f"the value of the header {name!r} contains a line break or control character"
        )
    return text.strip(" \t")


def with_cookies(headers: Iterable[tuple[str, str]], cookies: Iterable[tuple[str, str]]) -> Pairs:
    """The headers with the cookies added, all in one ``Cookie`` header as RFC 6265 wants it.

    Raises:
        StepError: ``request-invalid``: a cookie would end itself and begin another, or is not a cookie.
    """
    result = list(headers)
    added = [f"{name}={_cookie_text(name, text)}" for name, text in cookies]
    if added:
        written = [text for name, text in result if name.lower() == "cookie"]
        result = [(name, text) for name, text in result if name.lower() != "cookie"]
        result.append(("Cookie", "; ".join([*written, *added])))
    return result


def _cookie_text(name: str, text: str) -> str:
    if not name or _NOT_IN_COOKIE_NAMES.search(name):
        raise StepError("request-invalid", f"{name!r} is not a cookie name")
    if _NOT_IN_COOKIES.search(text):
        raise StepError("request-invalid", f"the cookie {name!r} contains a line break or a semicolon")
    return text
