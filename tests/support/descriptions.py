"""Small OpenAPI descriptions for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from arazzo_runner.documents.reader import Document, read_document
from arazzo_runner.openapi.operations import ApiDescription, Operation

URI = "https://example.com/apis/pets.yaml"


def description(
    data: Any, *, uri: str = URI, others: Mapping[str, Any] | None = None, name: str = "pets"
) -> ApiDescription:
    """A description, and the documents that its references may open, by URI."""

    def open_reference(wanted: str) -> Document:
        if wanted not in (others or {}):
            raise FileNotFoundError(2, "No such file or directory", wanted)
        return document((others or {})[wanted], wanted)

    return ApiDescription(name, document(data, uri), open_reference)


def document(data: Any, uri: str = URI) -> Document:
    return read_document(json.dumps(data, indent=1), uri.rpartition("/")[2], uri=uri)


def operation(
    written: Mapping[str, Any] | None = None,
    *,
    path: str = "/pets",
    version: str = "3.1.0",
    method: str = "get",
    others: Mapping[str, Any] | None = None,
    **root: Any,
) -> Operation:
    """The one operation of a description."""
    data = {
        "openapi": version,
        "servers": [{"url": "https://api.example.com/v1"}],
        "paths": {path: {method: {"operationId": "anOperation", **(written or {})}}},
        **root,
    }
    found = description(data, others=others).find("anOperation")
    assert found is not None
    return found


def operation_with_body(content: Mapping[str, Any], *, version: str = "3.1.0", **components: Any) -> Operation:
    """An operation whose body has that ``content``."""
    return operation({"requestBody": {"content": content}}, method="post", version=version, components=components)
