"""Swagger 2.0 descriptions as OpenAPI 3.0: converted when they are read, so that nothing else has to know them.

Pointers to paths and operations stay as they are, so that places and ``operationPath`` hold for both. ``$ref``s to
other documents are kept: schemas are alike in both versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.reader import Document
from arazzo_runner.errors import Problem, Severity
from arazzo_runner.openapi.media_types import FORM, MULTIPART

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_MOVED = {"#/definitions/": "#/components/schemas/", "#/responses/": "#/components/responses/"}
_SCHEMA_KEYWORDS = frozenset(
    {
        *("type", "format", "items", "default", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"),
        *("maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "enum", "multipleOf"),
        *("x-nullable", "$ref"),
    }
)
"""The members of a parameter or header that are its schema in OpenAPI 3."""
_STYLES: Mapping[str, Mapping[str, Any]] = {
    "csv": {"explode": False},
    "multi": {"style": "form", "explode": True},
    "ssv": {"style": "spaceDelimited", "explode": False},
    "pipes": {"style": "pipeDelimited", "explode": False},
}
"""By ``collectionFormat``; ``tsv`` has no counterpart, and is read as ``csv``."""
_FLOWS = {
    "implicit": "implicit",
    "password": "password",
    "application": "clientCredentials",
    "accessCode": "authorizationCode",
}


def converted(document: Document) -> Document:
    """Return the document as OpenAPI 3.0.3; its text, and so its places, stay."""
    return replace(document, data=_Conversion(document).made())


def swagger_notice(document: Document) -> Problem:
    """The warning that a description was converted."""
    return Problem(
        Severity.WARNING,
        "swagger-2",
        f"{document.path} is Swagger 2.0; it was converted to OpenAPI 3.0 when it was read",
        document.place("/swagger"),
        "convert the file, and check what came of it: other tools may not read it",
    )


class _Conversion:
    def __init__(self, document: Document) -> None:
        self._uri = document.uri
        self._data: Mapping[str, Any] = document.data if isinstance(document.data, dict) else {}

    def made(self) -> dict[str, Any]:
        data = self._data
        made: dict[str, Any] = {"openapi": "3.0.3", "info": data.get("info") or {"title": "", "version": ""}}
        made |= {key: value for key, value in data.items() if key.startswith("x-") or key in ("tags", "security")}
        made["servers"] = self._servers()
        made["paths"] = {path: self._item(item) for path, item in _mapping(data.get("paths")).items()}
        made["components"] = {
            "schemas": {name: _schema(schema) for name, schema in _mapping(data.get("definitions")).items()},
            "responses": {
                name: self._response(response, data.get("produces"))
                for name, response in _mapping(data.get("responses")).items()
            },
            "securitySchemes": {
                name: _scheme(scheme) for name, scheme in _mapping(data.get("securityDefinitions")).items()
            },
        }
        return made

    def _servers(self) -> list[dict[str, Any]]:
        """``schemes``, ``host`` and ``basePath``; what is not said is that of the document's own URL."""
        host, path = self._data.get("host"), self._data.get("basePath") or ""
        path = path.rstrip("/") if isinstance(path, str) else ""
        if not isinstance(host, str) or not host:
            return [{"url": path or "/"}]
        own = urlsplit(self._uri).scheme
        listed = [one for one in _list(self._data.get("schemes")) if one in ("http", "https")]
        schemes = sorted(listed or [own if own in ("http", "https") else "https"], reverse=True)
        return [{"url": f"{scheme}://{host}{path}"} for scheme in schemes]

    # Paths

    def _item(self, item: Any) -> Any:
        if not isinstance(item, dict):
            return item
        shared = [self._parameter(one) for one in _list(item.get("parameters"))]
        made = {key: value for key, value in item.items() if key not in ("parameters", *_METHODS)}
        for method in _METHODS:
            if isinstance(item.get(method), dict):
                made[method] = self._operation(item[method], shared)
        return made

    def _operation(self, operation: Mapping[str, Any], shared: list[Mapping[str, Any]]) -> dict[str, Any]:
        own = [self._parameter(one) for one in _list(operation.get("parameters"))]
        merged = {(one.get("name"), one.get("in"), one.get("$ref")): one for one in (*shared, *own)}
        skipped = ("parameters", "responses", "consumes", "produces", "schemes")
        made = {key: value for key, value in operation.items() if key not in skipped}
        made["parameters"] = [
            _plain_parameter(one) for one in merged.values() if one.get("in") not in ("body", "formData")
        ]
        consumes = _list(operation.get("consumes", self._data.get("consumes")))
        if body := _body([one for one in merged.values() if one.get("in") in ("body", "formData")], consumes):
            made["requestBody"] = body
        produces = operation.get("produces", self._data.get("produces"))
        responses = _mapping(operation.get("responses"))
        made["responses"] = {str(status): self._response(one, produces) for status, one in responses.items()}
        return made

    def _parameter(self, parameter: Any) -> Mapping[str, Any]:
        """A parameter, followed to the document's own ``parameters``."""
        reference = parameter.get("$ref") if isinstance(parameter, dict) else None
        if isinstance(reference, str) and reference.startswith("#/"):
            try:
                found = json_pointer.resolve(self._data, reference[1:])
            except json_pointer.PointerError:
                return _mapping(parameter)
            return found if isinstance(found, dict) else {}
        return _mapping(parameter)

    def _response(self, response: Any, produces: Any) -> Any:
        if not isinstance(response, dict) or "$ref" in response:
            return _rewritten(response)
        made = {key: value for key, value in response.items() if key not in ("schema", "headers", "examples")}
        if "schema" in response:
            media = {"schema": _schema(response["schema"])}
            made["content"] = dict.fromkeys(_list(produces) or ["application/json"], media)
        if headers := _mapping(response.get("headers")):
            made["headers"] = {name: _header(header) for name, header in headers.items()}
        return made


def _body(parameters: list[Mapping[str, Any]], consumes: list[Any]) -> dict[str, Any] | None:
    """The body that a ``body`` parameter, or those of a form, stand for."""
    for parameter in parameters:
        if parameter.get("in") == "body":
            media = {"schema": _schema(parameter.get("schema", {}))}
            content = dict.fromkeys(consumes or ["application/json"], media)
            return {"required": parameter.get("required") is True, "content": content}
    if not parameters:
        return None
    has_file = any(parameter.get("type") == "file" for parameter in parameters)
    forms = [one for one in consumes if one in (FORM, MULTIPART)] or [MULTIPART if has_file else FORM]
    required = [one["name"] for one in parameters if one.get("required") is True and "name" in one]
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {str(one.get("name")): _own_schema(one) for one in parameters},
    }
    schema |= {"required": required} if required else {}
    encoding = {str(one.get("name")): _form_style(one) for one in parameters if one.get("type") == "array"}
    media = {"schema": schema, "encoding": encoding}
    return {"required": bool(required), "content": dict.fromkeys(forms, media)}


def _plain_parameter(parameter: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in parameter:
        return dict(parameter)
    kept = {key: value for key, value in parameter.items() if key not in {*_SCHEMA_KEYWORDS, "collectionFormat"}}
    style = _style(parameter) if parameter.get("type") == "array" else {}
    return {**kept, **style, "schema": _own_schema(parameter)}


def _style(parameter: Mapping[str, Any]) -> Mapping[str, Any]:
    found = _STYLES.get(str(parameter.get("collectionFormat", "csv")), _STYLES["csv"])
    return found if parameter.get("in") in ("query", "formData") else {}


def _form_style(parameter: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"style": "form", **_style(parameter)}


def _header(header: Any) -> dict[str, Any]:
    kept = {key: value for key, value in _mapping(header).items() if key == "description"}
    return {**kept, "schema": _own_schema(_mapping(header))}


def _own_schema(holder: Mapping[str, Any]) -> Any:
    return _schema({key: value for key, value in holder.items() if key in _SCHEMA_KEYWORDS})


def _schema(schema: Any) -> Any:
    """A Schema Object: ``$ref``s moved, and the few keywords that differ."""
    match schema:
        case dict():
            made = {
                key: value if key in ("enum", "default", "example") else _schema(value) for key, value in schema.items()
            }
            return _changed(made)
        case list():
            return [_schema(item) for item in schema]
        case _:
            return schema


def _changed(schema: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = _rewritten(schema)
    if isinstance(made.get("discriminator"), str):
        made["discriminator"] = {"propertyName": made["discriminator"]}
    if made.get("type") == "file":
        made |= {"type": "string", "format": "binary"}
    if made.get("x-nullable") is True:
        made["nullable"] = True
    return made


def _rewritten(holder: Any) -> Any:
    """An object whose ``$ref`` leads to where its target is now."""
    reference = holder.get("$ref") if isinstance(holder, dict) else None
    if not isinstance(reference, str):
        return holder
    moved = next((new + reference[len(old) :] for old, new in _MOVED.items() if reference.startswith(old)), reference)
    return {**holder, "$ref": moved}


def _scheme(scheme: Any) -> Any:
    """A Security Scheme Object."""
    match scheme:
        case {"type": "basic"}:
            return {"type": "http", "scheme": "basic"}
        case {"type": "oauth2"}:
            flow = {name: scheme[name] for name in ("authorizationUrl", "tokenUrl") if name in scheme}
            name = _FLOWS.get(str(scheme.get("flow")), "implicit")
            return {"type": "oauth2", "flows": {name: {**flow, "scopes": _mapping(scheme.get("scopes"))}}}
        case _:
            return scheme


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
