"""``x-operation`` of a step: a request to a URL that no description has, such as one that an answer gave (H1)."""

from __future__ import annotations

from typing import Any

from arazzo_runner.documents.reader import Document
from arazzo_runner.openapi.operations import ApiDescription, Operation
from arazzo_runner.openapi.path_items import METHODS


def direct_operation(written: Any, document: Document) -> Operation:
    """The operation that ``{url, method}`` stands for: one without parameters, servers or security.

    Raises:
        ValueError: it has no meaning; the text says why.
    """
    match written:
        case {"url": str(url)} if url:
            method = written.get("method", "get")
        case _:
            raise ValueError("x-operation has a url, an expression or text, and a method")
    if not isinstance(method, str) or method.lower() not in METHODS:
        raise ValueError(f"the method of x-operation is {method!r}; expected one of {', '.join(METHODS)}")
    paths: dict[str, Any] = {"/": {method.lower(): {"description": "any answer is right"}}}
    data = {"openapi": "3.1.0", "info": {"title": "x-operation", "version": "1"}, "paths": paths}
    described = Document(data, document.path, document.uri, document.text)
    found = ApiDescription("x-operation", described, _no_reference).at(f"/paths/~1/{method.lower()}")
    if found is None:
        raise ValueError(f"the method {method!r} cannot be sent")
    return found


def _no_reference(uri: str) -> Document:
    raise FileNotFoundError(2, "No such file or directory", uri)
