"""Operations of an OpenAPI 3.0, 3.1 or 3.2 description: an index of them, and each one resolved when it is used (H1).

The index is built once and looks only at what every lookup needs: paths, methods and operationIds. ``$ref``s are
followed for the operation that a step means, never all at once.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias
from urllib.parse import urljoin

from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.reader import Document
from arazzo_runner.errors import DocumentError, Problem, Severity

Location: TypeAlias = Literal["path", "query", "querystring", "header", "cookie"]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
"""The fixed operation fields of a Path Item Object; 3.2 adds ``query`` and ``additionalOperations``."""

DEFAULT_STYLES: Mapping[str, str] = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """Parameter Object, resolved.

    Attributes:
        content_type: the media type of ``content``, which then takes the place of style and schema.
        declared: False for one that a step sends and the operation does not know.
    """

    name: str
    location: str
    required: bool = False
    style: str = "simple"
    explode: bool = False
    allow_reserved: bool = False
    content_type: str | None = None
    schema: Any = None
    declared: bool = True


@dataclass(frozen=True, slots=True)
class MediaTypeSpec:
    """One entry of a request body's ``content``."""

    content_type: str
    schema: Any
    encoding: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """Server Object; ``variables`` by name: default (None when it has none) and allowed values."""

    url: str
    variables: Mapping[str, tuple[str | None, tuple[str, ...]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SchemeSpec:
    """Security Scheme Object of that name, as it stands in the description."""

    name: str
    definition: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """Operation Object with all that a request needs, its ``$ref``s followed.

    Attributes:
        source: the name of the source description.
        method: upper case.
        path: the key of the Paths Object.
        servers: of the operation, else the path item, else the document (H2).
        security: alternatives, each the schemes it asks for with their scopes; None when security is not mentioned.
        schemes: the schemes that the description defines, by name.
        api: the description it belongs to.
        pointer: where it stands in the description.
    """

    source: str
    operation_id: str | None
    method: str
    path: str
    parameters: tuple[ParameterSpec, ...]
    bodies: tuple[MediaTypeSpec, ...]
    body_required: bool
    servers: tuple[ServerSpec, ...]
    security: tuple[Mapping[str, tuple[str, ...]], ...]
    schemes: Mapping[str, SchemeSpec]
    responses: Mapping[str, Any]
    api: ApiDescription
    pointer: str

    def parameter(self, name: str, location: str) -> ParameterSpec | None:
        """The declared parameter, or None; header names are compared without case."""
        for spec in self.parameters:
            if spec.location != location:
                continue
            if spec.name == name or (location == "header" and spec.name.lower() == name.lower()):
                return spec
        return None

    @property
    def label(self) -> str:
        """How messages name it: the operationId, or method and path."""
        return self.operation_id or f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Found:
    """Where an operation stands: enough to look it up, before anything is resolved."""

    operation_id: str | None
    method: str
    path: str
    pointer: str


class ApiDescription:
    """An OpenAPI description and the index of its operations.

    Args:
        name: the source description's name.
        document: the description.
        open_reference: opens the document of an absolute URI, for ``$ref``s that leave this one.
    """

    def __init__(self, name: str, document: Document, open_reference: Callable[[str], Document]) -> None:
        self.name = name
        self.document = document
        self._open = open_reference
        self._check_version()

    def _check_version(self) -> None:
        data = self.document.data
        version = data.get("openapi") if isinstance(data, dict) else None
        if isinstance(version, str) and re.match(r"3\.[0-2](\.|$)", version):
            return
        found = f"openapi {version}" if version else "Swagger 2.0" if _is_swagger(data) else "no OpenAPI description"
        problem = Problem(
            Severity.ERROR,
            "openapi-version",
            f"{self.document.path} is {found}; expected OpenAPI 3.0, 3.1 or 3.2",
            self.document.place("/openapi" if version else ""),
            "convert it to OpenAPI 3" if _is_swagger(data) else "",
        )
        raise DocumentError(f"the source description {self.name!r} cannot be used", [problem])

    @cached_property
    def index(self) -> tuple[Found, ...]:
        """Every operation, in document order."""
        return tuple(self._walk())

    @cached_property
    def by_id(self) -> Mapping[str, Found]:
        """Operations by operationId; of a doubled id the first."""
        found: dict[str, Found] = {}
        for entry in self.index:
            if entry.operation_id is not None:
                found.setdefault(entry.operation_id, entry)
        return found

    def _walk(self) -> Iterator[Found]:
        paths = self.document.data.get("paths")
        for path, item in paths.items() if isinstance(paths, dict) else ():
            if not isinstance(item, dict):
                continue
            here = json_pointer.join("", "paths", path)
            target = self.deref(item)[0] if "$ref" in item else item
            merged = {**target, **item} if isinstance(target, dict) else item
            for method in METHODS:
                if isinstance(operation := merged.get(method), dict):
                    yield Found(_text(operation.get("operationId")), method.upper(), path, f"{here}/{method}")
            more = merged.get("additionalOperations")
            for method, operation in more.items() if isinstance(more, dict) else ():
                if isinstance(operation, dict):
                    where = json_pointer.join(here, "additionalOperations", method)
                    yield Found(_text(operation.get("operationId")), method, path, where)

    def find(self, operation_id: str) -> Operation | None:
        """The operation of that id; letter case counts (H1)."""
        found = self.by_id.get(operation_id)
        return self._resolve(found) if found else None

    def at(self, pointer: str) -> Operation | None:
        """The operation that a JSON Pointer into the description reaches, or None."""
        for found in self.index:
            if found.pointer == pointer:
                return self._resolve(found)
        return None

    def nearest(self, operation_id: str, count: int = 3) -> list[str]:
        """The ids most like that one, letter case aside."""
        ids = {found.lower(): found for found in reversed(self.by_id)}
        return [ids[near] for near in difflib.get_close_matches(operation_id.lower(), ids, n=count, cutoff=0.6)]

    def deref(self, node: Any, document: Document | None = None) -> tuple[Any, Document]:
        """Follow ``$ref``s from ``node`` until it is none; gives the target and the document it stands in.

        Raises:
            DocumentError: a ``$ref`` reaches nothing, or leads in a circle.
        """
        document = document or self.document
        seen: set[tuple[str, str]] = set()
        while isinstance(node, dict) and isinstance(reference := node.get("$ref"), str):
            base = document.uri or ""
            uri, _, fragment = urljoin(base, reference).partition("#") if not reference.startswith("#") else (
                base, "", reference[1:],
            )
            if (uri, fragment) in seen:
                raise self._bad_reference(reference, "it leads in a circle")
            seen.add((uri, fragment))
            if not reference.startswith("#") and uri != base:
                document = self._open(uri)
            try:
                node = json_pointer.resolve(document.data, _unquote(fragment))
            except LookupError:
                raise self._bad_reference(reference, f"nothing is there in {document.path}") from None
        return node, document

    def _bad_reference(self, reference: str, why: str) -> DocumentError:
        problem = Problem(
            Severity.ERROR, "unresolved-reference", f"the $ref {reference!r} cannot be followed: {why}",
            self.document.place(""),
        )
        return DocumentError(f"the source description {self.name!r} cannot be used", [problem])

    def _resolve(self, found: Found) -> Operation:
        data = self.document.data
        written = data["paths"][found.path]
        target, home = self.deref(written)
        item = {**target, **written} if target is not written else written
        tokens = json_pointer.split(found.pointer)[2:]
        operation: Any = item
        for token in tokens:
            operation = operation[token]
        parameters: dict[tuple[str, str], ParameterSpec] = {}
        for holder in (item, operation):
            for entry in holder.get("parameters") or ():
                spec = self._parameter(entry, home)
                if spec is not None:
                    parameters[spec.name, spec.location] = spec
        bodies, required = self._bodies(operation.get("requestBody"), home)
        security = operation.get("security", data.get("security")) or ()
        return Operation(
            source=self.name,
            operation_id=found.operation_id,
            method=found.method,
            path=found.path,
            parameters=tuple(parameters.values()),
            bodies=bodies,
            body_required=required,
            servers=tuple(_servers(operation) or _servers(item) or _servers(data)),
            security=tuple(
                {name: tuple(scopes or ()) for name, scopes in alternative.items()}
                for alternative in security
                if isinstance(alternative, dict)
            ),
            schemes=self.schemes,
            responses=operation.get("responses") or {},
            api=self,
            pointer=found.pointer,
        )

    @cached_property
    def schemes(self) -> Mapping[str, SchemeSpec]:
        """The security schemes that the description defines."""
        components = self.document.data.get("components")
        defined = components.get("securitySchemes") if isinstance(components, dict) else None
        resolved = ((name, self.deref(node)[0]) for name, node in (defined or {}).items())
        return {name: SchemeSpec(name, node) for name, node in resolved if isinstance(node, dict)}

    def _parameter(self, entry: Any, home: Document) -> ParameterSpec | None:
        node, _ = self.deref(entry, home)
        if not isinstance(node, dict) or not isinstance(node.get("name"), str) or not isinstance(node.get("in"), str):
            return None
        location = node["in"]
        content = node.get("content")
        style = node.get("style") or DEFAULT_STYLES.get(location, "form")
        return ParameterSpec(
            name=node["name"],
            location=location,
            required=node.get("required") is True or location == "path",
            style=style,
            explode=bool(node.get("explode", style in ("form", "cookie"))),
            allow_reserved=node.get("allowReserved") is True,
            content_type=next(iter(content), None) if isinstance(content, dict) else None,
            schema=node.get("schema"),
        )

    def _bodies(self, entry: Any, home: Document) -> tuple[tuple[MediaTypeSpec, ...], bool]:
        node, home = self.deref(entry, home)
        content = node.get("content") if isinstance(node, dict) else None
        if not isinstance(content, dict):
            return (), False
        bodies = []
        for content_type, media in content.items():
            media, _ = self.deref(media, home)
            media = media if isinstance(media, dict) else {}
            bodies.append(MediaTypeSpec(content_type, media.get("schema"), media.get("encoding") or {}))
        return tuple(bodies), node.get("required") is True


def _is_swagger(data: Any) -> bool:
    return isinstance(data, dict) and "swagger" in data


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _unquote(fragment: str) -> str:
    from urllib.parse import unquote

    return unquote(fragment)


def _servers(holder: Mapping[str, Any]) -> list[ServerSpec]:
    servers = holder.get("servers")
    result = []
    for server in servers if isinstance(servers, list) else ():
        if not isinstance(server, dict) or not isinstance(server.get("url"), str):
            continue
        variables = {}
        for name, variable in (server.get("variables") or {}).items():
            if isinstance(variable, dict):
                default = variable.get("default")
                allowed = tuple(str(value) for value in variable.get("enum") or ())
                variables[name] = (None if default is None else str(default), allowed)
        result.append(ServerSpec(server["url"], variables))
    return result
