"""An exchange against its operation: what of the request and the response is not as the description says.

openapi-core judges, one operation at a time (``excerpts``). Where it cannot read what OpenAPI allows, it is given the
same in a form that it reads; what it cannot judge at all is said once, as a remark, and never counted as a breach.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from arazzo_runner.documents.json_reader import json_value
from arazzo_runner.effects import MASK, Request, Response
from arazzo_runner.effects import Headers as HeaderFields
from arazzo_runner.errors import ArazzoError, DocumentError
from arazzo_runner.expressions.limits import grant
from arazzo_runner.openapi.contract.bounded_validation import with_limited_patterns
from arazzo_runner.openapi.contract.breaches import Breach, Side, breaches_of
from arazzo_runner.openapi.contract.excerpts import METHOD, PATH, excerpt
from arazzo_runner.openapi.contract.invalid_keywords import odd_keywords
from arazzo_runner.openapi.media_types import codec_of, is_json, media_type_parameter
from arazzo_runner.openapi.operations import Operation

if TYPE_CHECKING:
    from openapi_core.datatypes import RequestParameters

_NATIVE_FORMATS = (
    "date-time", "date", "time", "duration", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6", "uri",
    "uri-reference", "iri", "iri-reference", "uri-template", "uuid", "json-pointer", "relative-json-pointer",
)  # fmt: skip
"""JSON Schema's own formats; openapi-core brings those of OpenAPI, such as ``int32``."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result of judging an exchange against its operation.

    Attributes:
        remarks: why something could not be judged, a sentence each.
    """

    breaches: tuple[Breach, ...] = ()
    remarks: tuple[str, ...] = ()


class Contract:
    """Judges exchanges; what it needs of an operation is made when the operation is first met."""

    def __init__(self) -> None:
        self._judges: dict[tuple[int, str], _Judge | str] = {}

    def judge(self, operation: Operation, request: Request, response: Response | None) -> Judgement:
        """Hold an exchange against its operation.

        Values that a recording has masked are not judged: nobody knows what they were.

        Args:
            response: None when none came; then the request alone is judged.
        """
        key = (id(operation.api), operation.pointer)
        if key not in self._judges:
            try:
                self._judges[key] = _Judge(operation)
            except DocumentError as error:
                why = error.problems[0].message
                self._judges[key] = f"{operation.label} cannot be checked against its description: {why}"
        judge = self._judges[key]
        return Judgement(remarks=(judge,)) if isinstance(judge, str) else judge.judge(request, response)


class _Judge:
    """The validators of one operation."""

    def __init__(self, operation: Operation) -> None:
        from jsonschema_path import SchemaPath
        from openapi_core.validation.request import validators as requests
        from openapi_core.validation.response import validators as responses

        self._operation = operation
        self._description = excerpt(operation)
        self._own = self._description["paths"][PATH][METHOD]
        version = "V{}{}".format(*operation.api.version)
        spec = SchemaPath.from_dict(self._description)
        options: dict[str, Any] = {
            "extra_format_validators": {name: partial(_fits_format, name) for name in _NATIVE_FORMATS},
            "extra_media_type_deserializers": {name: _reader(name) for name in _media_types(self._own)},
        }
        kinds = getattr(requests, f"{version}RequestValidator"), getattr(responses, f"{version}ResponseValidator")
        self._requests, self._responses = (
            kind(spec, schema_validators_factory=with_limited_patterns(kind.schema_validators_factory), **options)
            for kind in kinds
        )

    def judge(self, request: Request, response: Response | None) -> Judgement:
        seen = _SeenRequest(request, self._parameters(request))
        breaches: list[Breach] = []
        remarks: list[str] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            asked: list[tuple[Side, Any]] = [("request", partial(self._requests.iter_errors, seen))]
            if response is not None:
                shown = _SeenResponse(response, bodiless=request.method == "HEAD" or response.status in (204, 304))
                asked.append(("response", partial(self._responses.iter_errors, seen, shown)))
            for side, errors in asked:
                grant()
                try:
                    for error in errors():
                        if _is_unreadable(error):
                            remarks.append(
                                f"a {error} of {self._operation.label} cannot be judged: no library reads it"
                            )
                        elif not (side == "response" and _is_absent_body(error, shown)):
                            breaches += breaches_of(side, error)
                except ArazzoError as error:
                    remarks.append(f"the {side} of {self._operation.label} cannot be judged: {error.message}")
                except Exception:  # noqa: BLE001 - whatever a schema makes a library do is not a breach
                    odd = "; ".join(odd_keywords(self._operation, side))
                    why = odd or "openapi-core cannot read its description or its content type"
                    remarks.append(f"the {side} of {self._operation.label} cannot be judged: {why}")
        return Judgement(tuple(dict.fromkeys(breaches)), tuple(remarks))

    def _parameters(self, request: Request) -> RequestParameters:
        from openapi_core.datatypes import RequestParameters
        from werkzeug.datastructures import Headers, ImmutableMultiDict

        url = urlsplit(request.url)
        query = parse_qsl(url.query, keep_blank_values=True)
        cookies = [
            (name.strip(), value)
            for header in (value for name, value in request.headers if name.lower() == "cookie")
            for name, _, value in (pair.partition("=") for pair in header.split(";"))
        ]
        path = dict(_path_values(self._operation.path, url.path))
        for parameter in self._own["parameters"]:
            name, style, explode = parameter["name"], parameter.get("style"), parameter.get("explode")
            match parameter["in"]:
                case "path" if style in ("label", "matrix") and name in path:
                    # It looks for these by the names that RFC 6570 would give their expressions.
                    path[{"label": ".", "matrix": ";"}[style] + name + ("*" if explode is True else "")] = path[name]
                case "query" if style == "spaceDelimited":
                    query = [(key, value.replace(" ", "%20") if key == name else value) for key, value in query]
                case "query" | "cookie" as location if style in (None, "form") and explode is not False:
                    pairs = query if location == "query" else cookies
                    if (joined := self._spread(parameter, pairs)) is not None:
                        pairs.append((name, joined))
                case _:
                    pass
        return RequestParameters(
            ImmutableMultiDict(query), Headers(_on_one_line(request.headers)), ImmutableMultiDict(cookies), path
        )

    def _spread(self, parameter: Mapping[str, Any], pairs: list[tuple[str, str]]) -> str | None:
        """An object whose members were sent as parameters of their own, in the one piece in which it is looked for."""
        schema = self._schema(parameter.get("schema"))
        if schema.get("type") != "object" and "properties" not in schema:
            return None
        others = {other["name"] for other in self._own["parameters"] if other is not parameter}
        members = schema.get("properties") or {}
        own = [(key, value) for key, value in pairs if key in members or (not members and key not in others)]
        return "&".join(f"{key}={value}" for key, value in own) if own else None

    def _schema(self, schema: Any) -> Mapping[str, Any]:
        """A schema, the ``$ref`` that it may be followed."""
        for _ in range(20):
            reference = schema.get("$ref") if isinstance(schema, dict) else None
            if not isinstance(reference, str):
                break
            schema = self._description["components"].get("schemas", {}).get(unquote(reference).rpartition("/")[2])
        return schema if isinstance(schema, dict) else {}


# What openapi-core looks at


class _SeenRequest:
    """A request as openapi-core's protocol has it, at the excerpt's own place."""

    host_url = "http://contract"
    method = METHOD
    path = PATH

    def __init__(self, request: Request, parameters: RequestParameters) -> None:
        self.parameters = parameters
        self.body = request.body or None
        self.content_type = _readable(request.header("Content-Type") or "")


class _SeenResponse:
    """A response as openapi-core's protocol has it."""

    def __init__(self, response: Response, *, bodiless: bool) -> None:
        from werkzeug.datastructures import Headers

        self.status_code = response.status
        self.data = response.body
        self.headers = Headers(_on_one_line(response.headers))
        self.content_type = _readable(response.header("Content-Type") or "")
        self.bodiless = bodiless


def _on_one_line(headers: HeaderFields) -> list[tuple[str, str]]:
    """Header fields as werkzeug takes them. One with a line break in its value was refused, and never sent."""
    return [(name, " ".join(re.split(r"[\r\n]+", value))) for name, value in headers]


def _readable(content_type: str) -> str:
    """A content type as openapi-core can take it apart: it stumbles over a last ``;`` and over ``=`` in a value.

    A charset that is none of the web's is left out: it would be used.
    """
    name, *parameters = content_type.split(";")
    charset = media_type_parameter(content_type, "charset")
    unknown = charset is not None and codec_of(charset) is None
    kept = (p for p in parameters if p.count("=") == 1 and not (unknown and p.strip().lower().startswith("charset")))
    return ";".join([name, *kept])


def _is_unreadable(error: Exception) -> bool:
    """Return whether a parameter's style could not be read, which says nothing of what was sent."""
    from openapi_core.deserializing.exceptions import DeserializeError
    from openapi_core.deserializing.styles.exceptions import EmptyQueryParameterValue

    return type(error.__cause__) is DeserializeError or isinstance(error.__cause__, EmptyQueryParameterValue)


def _is_absent_body(error: Exception, response: _SeenResponse) -> bool:
    """Return whether it is only that a response that can have no body has none."""
    from openapi_core.validation.response.exceptions import MissingData

    return response.bodiless and isinstance(error, MissingData)


def _path_values(template: str, path: str) -> Iterator[tuple[str, str]]:
    """Return the values of a template's variables in a URL's path; the server's own path comes first."""
    template = template.partition("?")[0]
    parts = re.split(r"\{([^{}]+)\}", template)
    names = [name.removeprefix("+") for name in parts[1::2]]
    pattern = "".join(
        re.escape(part) if index % 2 == 0 else "(.+)" if part.startswith("+") else "([^/]*)"
        for index, part in enumerate(parts)
    )
    if match := re.search(f"{pattern}$", path):
        yield from ((name, unquote(value)) for name, value in zip(names, match.groups(), strict=True))


def _media_types(own: Mapping[str, Any]) -> Iterator[str]:
    """The media types of an operation that are JSON or may turn out to be."""
    pending: list[Any] = [own]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            content = item.get("content")
            yield from (name for name in content if is_json(name) or "*" in name) if isinstance(content, dict) else ()
            pending += item.values()
        elif isinstance(item, list):
            pending += item


def _reader(media_type: str) -> Any:
    if is_json(media_type):
        return lambda body, **_: json_value(body)
    return _any_content


def _any_content(body: bytes, **_: str) -> Any:
    """The content of a range of media types: JSON when it is, else text or bytes."""
    try:
        return json_value(body)
    except ValueError:
        try:
            return body.decode()
        except UnicodeDecodeError:
            return body


def _fits_format(name: str, instance: object) -> bool:
    import jsonschema_rs

    if not isinstance(instance, str) or instance == MASK:
        return True
    return bool(jsonschema_rs.is_valid({"format": name}, instance, validate_formats=True))
