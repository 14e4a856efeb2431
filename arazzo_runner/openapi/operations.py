"""Operations of an OpenAPI 3.0, 3.1 or 3.2 description: an index of them, and each one resolved when it is used (H1).

The index is built once and looks only at what every lookup needs: paths, methods and operationIds. ``$ref``s are
followed for the operation that a step means, never all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.near_names import near_names
from arazzo_runner.documents.reader import Document
from arazzo_runner.errors import DocumentError, Problem
from arazzo_runner.openapi.path_items import first_member, operations_of, plain_operations
from arazzo_runner.openapi.references import DescriptionNode, References
from arazzo_runner.openapi.schemas import Schema
from arazzo_runner.openapi.server_objects import ServerSpec, servers_of
from arazzo_runner.openapi.versions import openapi_version

Location: TypeAlias = Literal["path", "query", "querystring", "header", "cookie"]

DEFAULT_STYLES: Mapping[str, str] = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
EXPLODED_STYLES = frozenset({"form", "cookie"})
"""The styles whose ``explode`` is true when it is not written."""

UNDECLARABLE_HEADERS = frozenset({"accept", "content-type", "authorization"})
"""The headers whose declaration as parameters OpenAPI ignores: they are never required."""


class MediaTypeSpec(Struct, frozen=True):
    """Media Type Object, the value of one entry of ``content``.

    Attributes:
        schema: None when it has none.
        encoding: Encoding Objects by property.
    """

    content_type: str
    schema: Schema | None = None
    encoding: Mapping[str, Any] = field(default_factory=dict)


class ParameterSpec(Struct, frozen=True):
    """Parameter Object, resolved.

    Attributes:
        media: the one entry of ``content``, which then takes the place of style.
        declared: False for one that a step sends and the operation does not know.
    """

    name: str
    location: str
    required: bool = False
    style: str = "simple"
    explode: bool = False
    allow_reserved: bool = False
    media: MediaTypeSpec | None = None
    declared: bool = True

    def is_needed(self, filled: Collection[tuple[str, str]] = ()) -> bool:
        """Tell if a request must not go without it (V1).

        Args:
            filled: locations and names, header names in lower case, that credentials fill.
        """
        name = self.name.lower() if self.location == "header" else self.name
        ignored = self.location == "header" and name in UNDECLARABLE_HEADERS
        return self.required and not ignored and (self.location, name) not in filled


class SchemeSpec(Struct, frozen=True):
    """Security Scheme Object of that name, as it stands in the description."""

    name: str
    definition: Mapping[str, Any]


class Operation(Struct, frozen=True):
    """Operation Object with all that a request needs, its ``$ref``s followed.

    Attributes:
        source: the name of the source description.
        method: upper case, but for ``additionalOperations``, whose keys are sent as they are written.
        path: the key of the Paths Object.
        servers: of the operation, else the path item, else the document (H2).
        security: alternatives, each the schemes it asks for with their scopes; empty when nothing is asked for.
        schemes: the schemes that the description defines, by name; ``security`` may ask for others.
        api: the description it belongs to.
        pointer: where it stands in the description.
        unresolved: what is wrong with the ``$ref``s of parameters and security schemes: they are treated as undeclared.
        unresolved_body: the same of the request body, which is treated as absent.
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
    unresolved: tuple[Problem, ...] = ()
    unresolved_body: tuple[Problem, ...] = ()

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
        """The operation's name in messages: the operationId, or method and path."""
        return self.operation_id or f"{self.method} {self.path}"


class OperationLocation(Struct, frozen=True):
    """The location of an operation: enough to look it up, before anything is resolved."""

    operation_id: str | None
    method: str
    path: str
    pointer: str


class ApiDescription:
    """An OpenAPI description and the index of its operations.

    Args:
        name: the source description's name.
        document: the description.
        open_reference: opens the document of an absolute URI, for ``$ref``s that leave this one; raises ``OSError``
            when there is none.

    Attributes:
        notices: what was done to it when it was read.

    Raises:
        DocumentError: it is not an OpenAPI 3.0, 3.1 or 3.2, nor Swagger 2.0, which is converted.
    """

    def __init__(self, name: str, document: Document, open_reference: Callable[[str], Document]) -> None:
        self.name = name
        self.notices: tuple[Problem, ...] = ()
        if isinstance(document.data, dict) and str(document.data.get("swagger", "")).startswith("2"):
            from arazzo_runner.openapi.swagger import converted, swagger_notice

            self.notices = (swagger_notice(document),)
            document = converted(document)
        self.document = document
        self.references = References(name, document, open_reference)
        self.version = openapi_version(name, document)
        self._root = DescriptionNode(document.data, document)
        self._unread: dict[str, DocumentError] = {}
        self._resolved: dict[str, Operation] = {}

    @cached_property
    def index(self) -> tuple[OperationLocation, ...]:
        """Every operation, in document order.

        Path items whose ``$ref`` cannot be followed are left out: they matter only to who looks for what they hold.
        """
        return tuple(self._walk())

    @cached_property
    def by_id(self) -> Mapping[str, OperationLocation]:
        """Operations by operationId; of a doubled id the first."""
        return {entry.operation_id: entry for entry in reversed(self.index) if entry.operation_id is not None}

    @cached_property
    def by_pointer(self) -> Mapping[str, OperationLocation]:
        """Operations by the JSON Pointer to them."""
        return {entry.pointer: entry for entry in self.index}

    @cached_property
    def duplicates(self) -> Mapping[str, tuple[OperationLocation, ...]]:
        """The operationIds that more than one operation has, which the specification forbids."""
        found: dict[str, list[OperationLocation]] = {}
        for entry in self.index:
            if entry.operation_id is not None:
                found.setdefault(entry.operation_id, []).append(entry)
        return {name: tuple(entries) for name, entries in found.items() if len(entries) > 1}

    def _walk(self) -> Iterator[OperationLocation]:
        for path, written in self._written_paths().items():
            if path.startswith("x-"):
                continue
            here = json_pointer.join("/paths", path)
            try:
                # Of a large description nearly all are plain, and a node for each would be most of the work.
                operations = plain_operations(written)
                if operations is None:
                    operations = self._operations(path)
            except DocumentError as error:
                self._unread[here] = error
                continue
            for key, operation_id in operations.items():
                method = key[-1] if len(key) > 1 else key[0].upper()
                yield OperationLocation(operation_id, method, path, json_pointer.join(here, *key))

    def _operations(self, path: str) -> dict[tuple[str, ...], str | None]:
        return {key: self._operation_id(node) for key, node in operations_of(self.item(path))}

    @cached_property
    def _paths(self) -> DescriptionNode:
        return self.references.follow(self._root.member("paths"))

    def _written_paths(self) -> dict[str, Any]:
        paths = self._paths.value
        return {str(path): item for path, item in paths.items()} if isinstance(paths, dict) else {}

    def _operation_id(self, node: DescriptionNode) -> str | None:
        if "$ref" in node.value:  # not in the specification, and yet how large descriptions are split
            node = self.references.follow(node)
        operation_id = node.value.get("operationId") if isinstance(node.value, dict) else None
        return operation_id if isinstance(operation_id, str) else None

    def find(self, operation_id: str) -> Operation | None:
        """The operation of that id; letter case counts (H1).

        Raises:
            DocumentError: a ``$ref`` on the way to the operation cannot be followed; or there is no such operation, but
                a path item that cannot be read and may hold it.
        """
        if found := self.by_id.get(operation_id):
            return self._resolve(found)
        for error in self._unread.values():
            raise error
        return None

    def at(self, pointer: str) -> Operation | None:
        """The operation that a JSON Pointer into the description reaches, or None.

        Raises:
            DocumentError: a ``$ref`` on the way cannot be followed.
        """
        if found := self.by_pointer.get(pointer):
            return self._resolve(found)
        for item, error in self._unread.items():
            if pointer.startswith(f"{item}/"):
                raise error
        return None

    def nearest(self, operation_id: str, count: int = 3) -> list[str]:
        """The ids most like that one, letter case aside."""
        return near_names(operation_id, self.by_id, most=count)

    def item(self, path: str) -> tuple[DescriptionNode, ...]:
        """The Path Item Object of a path, and all that its ``$ref`` leads to."""
        return self.references.layers(self._paths.member(path))

    def written(self, pointer: str) -> tuple[DescriptionNode, tuple[DescriptionNode, ...]]:
        """The operation at an ``Operation.pointer`` as it is written, and its parameters: the path item's, its own."""
        path, *key = json_pointer.split(pointer)[1:]
        item = self.item(path)
        operation = self.references.follow(dict(operations_of(item))[tuple(key)])
        holders = (first_member(item, "parameters"), operation.member("parameters"))
        return operation, tuple(entry for holder in holders for entry in holder.elements())

    def _resolve(self, found: OperationLocation) -> Operation:
        """The operation, resolved once however many steps call it."""
        if found.pointer not in self._resolved:
            self._resolved[found.pointer] = self._read(found)
        return self._resolved[found.pointer]

    def _read(self, found: OperationLocation) -> Operation:
        item = self.item(found.path)
        operation, entries = self.written(found.pointer)
        broken: list[Problem] = []
        parameters: dict[tuple[str, str], ParameterSpec] = {}
        for entry in entries:
            with _collecting(broken):
                if spec := self._parameter(entry):
                    parameters[spec.name, spec.location] = spec
        bodies: tuple[MediaTypeSpec, ...] = ()
        body_required = False
        broken_body: list[Problem] = []
        with _collecting(broken_body):
            body = self.references.follow(operation.member("requestBody"))
            bodies = tuple(self._content(body))
            body_required = body.member("required").value is True
        security = self._security(operation)
        schemes = self._schemes(security, broken)
        return Operation(
            source=self.name,
            operation_id=found.operation_id,
            method=found.method,
            path=found.path,
            parameters=tuple(parameters.values()),
            bodies=bodies,
            body_required=body_required,
            servers=(
                servers_of(operation.member("servers"))
                or servers_of(first_member(item, "servers"))
                or servers_of(self._root.member("servers"))
            ),
            security=security,
            schemes=schemes,
            responses=operation.member("responses").value or {},
            api=self,
            pointer=found.pointer,
            unresolved=tuple(broken),
            unresolved_body=tuple(broken_body),
        )

    def _parameter(self, entry: DescriptionNode) -> ParameterSpec | None:
        node = self.references.follow(entry)
        name, location = node.member("name").value, node.member("in").value
        if not isinstance(name, str) or not isinstance(location, str):
            return None
        style = node.member("style").value or DEFAULT_STYLES.get(location, "form")
        explode = node.member("explode").value
        return ParameterSpec(
            name=name,
            location=location,
            required=node.member("required").value is True or location == "path",
            style=style,
            explode=style in EXPLODED_STYLES if explode is None else explode is True,
            allow_reserved=node.member("allowReserved").value is True,
            media=next(self._content(node), None),
        )

    def _content(self, holder: DescriptionNode) -> Iterator[MediaTypeSpec]:
        for content_type, entry in holder.member("content").items():
            media = self.references.follow(entry)
            schema = media.member("schema")
            yield MediaTypeSpec(
                content_type,
                None if schema.value is None else Schema(schema, self.references, siblings=self.version >= (3, 1)),
                {name: self._encoding(encoding) for name, encoding in media.member("encoding").items()},
            )

    def _encoding(self, node: DescriptionNode) -> Mapping[str, Any]:
        encoding = self.references.follow(node)
        if not isinstance(encoding.value, dict):
            return {}
        headers = {name: self.references.follow(header) for name, header in encoding.member("headers").items()}
        schemas = {
            name: Schema(header.member("schema"), self.references, siblings=self.version >= (3, 1))
            for name, header in headers.items()
        }
        return {**encoding.value, "headers": schemas}

    def _security(self, operation: DescriptionNode) -> tuple[Mapping[str, tuple[str, ...]], ...]:
        written = operation.member("security")
        node = self._root.member("security") if written.value is None else written
        return tuple(
            {name: tuple(str(scope.value) for scope in scopes.elements()) for name, scopes in alternative.items()}
            for alternative in node.elements()
            if isinstance(alternative.value, dict)
        )

    def _schemes(
        self, security: tuple[Mapping[str, tuple[str, ...]], ...], broken: list[Problem]
    ) -> Mapping[str, SchemeSpec]:
        """The defined schemes, and those that are asked for by a URI in place of a name, as 3.2 allows.

        Args:
            broken: takes what is wrong with the schemes that are asked for; others are another operation's trouble.
        """
        nodes = dict(self._root.member("components", "securitySchemes").items())
        asked = {name for alternative in security for name in alternative}
        if self.version >= (3, 2):
            uris = [name for name in asked - nodes.keys() if "#" in name or "/" in name]
            nodes |= {uri: DescriptionNode({"$ref": uri}, self.document, "/security") for uri in uris}
        schemes = {}
        for name, node in nodes.items():
            definition = None
            with _collecting(broken if name in asked else []):
                definition = self.references.follow(node).value
            if isinstance(definition, dict):
                schemes[name] = SchemeSpec(name, definition)
        return schemes


@contextmanager
def _collecting(problems: list[Problem]) -> Iterator[None]:
    """Keep the problems of a ``$ref`` that cannot be followed, and continue without what it stands for."""
    try:
        yield
    except DocumentError as error:
        problems += error.problems
