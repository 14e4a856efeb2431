"""What a description says of an operation's answers: their headers and the schemas of their JSON bodies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from arazzo_runner.errors import DocumentError
from arazzo_runner.openapi.media_types import is_json
from arazzo_runner.openapi.operations import Operation
from arazzo_runner.openapi.references import DescriptionNode
from arazzo_runner.openapi.schemas import Schema


@dataclass(frozen=True, slots=True)
class ResponseSpec:
    """Response Object, resolved.

    Attributes:
        headers: the names that it documents.
        schemas: of its JSON bodies; None for a body whose schema is not known.
    """

    status: str
    headers: tuple[str, ...]
    schemas: tuple[Schema | None, ...]


def responses_of(operation: Operation) -> tuple[ResponseSpec, ...]:
    """The answers that an operation documents; one whose ``$ref`` leads nowhere is absent (D1)."""
    written, _ = operation.api.written(operation.pointer)
    return tuple(_responses(operation, written.member("responses")))


def _responses(operation: Operation, responses: DescriptionNode) -> Iterator[ResponseSpec]:
    references, siblings = operation.api.references, operation.api.version >= (3, 1)
    for status, entry in responses.items():
        try:
            response = references.follow(entry)
            media = [
                (name, references.follow(content).member("schema"))
                for name, content in response.member("content").items()
            ]
        except DocumentError:
            continue
        schemas = tuple(
            None if not is_json(name) or schema.value is None else Schema(schema, references, siblings=siblings)
            for name, schema in media
        )
        yield ResponseSpec(status, tuple(name for name, _ in response.member("headers").items()), schemas)
