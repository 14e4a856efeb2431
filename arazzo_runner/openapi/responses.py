"""Responses as their descriptions have them: media types, headers, and the schemas of their bodies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from msgspec import Struct

from arazzo_runner.errors import DocumentError
from arazzo_runner.openapi.media_types import essence, is_json
from arazzo_runner.openapi.operations import Operation
from arazzo_runner.openapi.references import DescriptionNode
from arazzo_runner.openapi.schemas import Schema


class ResponseSpec(Struct, frozen=True):
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


def response_types(operation: Operation) -> list[str]:
    """The media types of an operation's responses; one that leads nowhere is absent (D1)."""
    found: dict[str, None] = {}
    api = operation.api
    for _status, response in api.written(operation.pointer)[0].member("responses").items():  # noqa: PERF102 - a node
        with suppress(DocumentError):
            content = api.references.follow(response).member("content")
            found |= dict.fromkeys(name for name, _ in content.items())
    return list(found)


def accept_header(operation: Operation) -> str:
    """The value of ``Accept``: the media types that an operation documents for its answers, then anything else."""
    listed = [name for name in response_types(operation) if "*" not in name][:4]
    return ", ".join([*listed, "*/*;q=0.5"]) if listed else "*/*"


def response_schema(operation: Operation, status: int, content_type: str) -> Schema | None:
    """The schema of a response's body, or None when the description has none, or none that can be read."""
    api = operation.api
    try:
        responses = api.written(operation.pointer)[0].member("responses")
        by_key = {key.upper(): node for key, node in responses.items()}
        keys = (str(status), f"{status // 100}XX", "DEFAULT")
        found = next((by_key[key] for key in keys if key in by_key), None)
        if found is None:
            return None
        kind = essence(content_type)
        content = {essence(key): node for key, node in api.references.follow(found).member("content").items()}
        media = next((content[key] for key in (kind, f"{kind.partition('/')[0]}/*", "*/*") if key in content), None)
        schema = None if media is None else api.references.follow(media).member("schema")
    except DocumentError:  # a schema that leads nowhere is absent (D1)
        return None
    return None if schema is None or schema.value is None else Schema(schema, api.references, api.version >= (3, 1))
