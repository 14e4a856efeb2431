"""The documents of a plan, without what it does not reach: what has to travel with a run."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.reader import Document
from arazzo_runner.engine.plan import Plan
from arazzo_runner.errors import DocumentError
from arazzo_runner.openapi.operations import Operation
from arazzo_runner.openapi.path_items import METHODS
from arazzo_runner.openapi.references import DescriptionNode
from arazzo_runner.runtime.durable.documents import KeptDocument, kept
from arazzo_runner.runtime.run.workbook import Workbook

_HEAD = ("openapi", "$self", "jsonSchemaDialect", "info", "servers", "security")
"""What every operation may depend on."""
_OPERATIONS = frozenset({*METHODS, "additionalOperations"})


def reached_documents(workbook: Workbook, plan: Plan) -> list[KeptDocument]:
    """The documents that a plan is made of. OpenAPI descriptions are cut down to what it reaches of them.

    What is left of one stands where it stood, so that every ``$ref`` and JSON Pointer means the same; lines are lost.
    """
    reached: dict[str, list[DescriptionNode]] = {}
    for _, operation in plan.operations():
        for node in _nodes(operation):
            reached.setdefault(node.document.uri, []).append(node)
    documents = []
    for document in workbook.linker.library.documents:
        match document.data:
            case {"openapi": _}:
                documents.append(_cut(document, reached.get(document.uri, [])))
            case {"arazzo": _} | {"asyncapi": _}:
                documents.append(kept(document))
            case _ if document.uri in reached or plan.has_messages:
                documents.append(kept(document))
            case _:
                pass
    return documents


def _nodes(operation: Operation) -> Iterator[DescriptionNode]:
    """Yield the nodes of an operation, and all that its ``$ref``s reach, each once."""
    waiting = list(_parts(operation))
    seen: set[tuple[str, str]] = set()
    while waiting:
        node = waiting.pop()
        place = (node.document.uri, node.pointer)
        if place in seen:
            continue
        seen.add(place)
        yield node
        for reference in _references(node):
            # What cannot be followed was not needed for the plan.
            with suppress(DocumentError):
                waiting += operation.api.references.layers(reference)[1:]


def _parts(operation: Operation) -> Iterator[DescriptionNode]:
    """Yield the parts of the path item that are not another operation, and the security schemes."""
    path, *key = json_pointer.split(operation.pointer)[1:]
    for layer in operation.api.item(path):
        for name, member in layer.items():
            if name not in _OPERATIONS:
                yield member
        yield layer.member(*key)
    root = DescriptionNode(operation.api.document.data, operation.api.document)
    yield root.member("components", "securitySchemes")


def _references(node: DescriptionNode) -> Iterator[DescriptionNode]:
    """Every object in a value that has a ``$ref``."""
    pending = [node]
    while pending:
        one = pending.pop()
        match one.value:
            case dict():
                if isinstance(one.value.get("$ref"), str):
                    yield one
                pending += [member for _, member in one.items()]
            case list():
                pending += one.elements()


def _cut(document: Document, nodes: list[DescriptionNode]) -> KeptDocument:
    """A description that has of another one its head and these values, each at its place."""
    made: dict[str, Any] = {key: document.data[key] for key in _HEAD if key in document.data}
    # The shortest first: what is inside of something that was taken whole is there already.
    for node in sorted(nodes, key=lambda node: node.pointer.count("/")):
        if node.value is not None:
            _put(made, json_pointer.split(node.pointer), node.value)
    made.setdefault("paths", {})
    data = json.dumps(made, separators=(",", ":")).encode()
    return KeptDocument(hashlib.sha256(data).hexdigest(), document.path, document.uri, zlib.compress(data))


def _put(holder: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        below = holder.setdefault(key, {})
        if not isinstance(below, dict):
            return  # inside an array, which was taken whole
        holder = below
    holder.setdefault(keys[-1], value)
