"""Path Item Objects: their members, seen through the ``$ref`` of the path item, and the operations among them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from arazzo_runner.openapi.references import DescriptionNode

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
"""The fixed operation fields of a Path Item Object; 3.2 adds ``query`` and ``additionalOperations``."""


def first_member(layers: tuple[DescriptionNode, ...], key: str) -> DescriptionNode:
    """A member of a path item: beside its ``$ref``, else in what that refers to."""
    for layer in layers:
        if isinstance(layer.value, dict) and layer.value.get(key) is not None:
            return layer.member(key)
    return DescriptionNode(None, layers[-1].document, layers[-1].pointer)


def operations_of(item: tuple[DescriptionNode, ...]) -> Iterator[tuple[tuple[str, ...], DescriptionNode]]:
    """The Operation Objects of a path item, each with the keys that lead to it."""
    written = {key for layer in item if isinstance(layer.value, dict) for key in layer.value}
    for method in METHODS:
        if method not in written:
            continue
        node = first_member(item, method)
        if isinstance(node.value, dict):
            yield (method,), node
    if "additionalOperations" not in written:
        return
    for method, node in first_member(item, "additionalOperations").items():
        if isinstance(node.value, dict):
            yield ("additionalOperations", method), node


def plain_operations(item: Any) -> dict[tuple[str, ...], str | None] | None:
    """The operationIds of a path item without ``$ref`` and ``additionalOperations``, as ``operations_of`` has the keys.

    Returns:
        None for any other path item.
    """
    if not isinstance(item, dict) or "$ref" in item or "additionalOperations" in item:
        return None
    found: dict[tuple[str, ...], str | None] = {}
    for method in METHODS:
        operation = item.get(method)
        if isinstance(operation, dict):
            if "$ref" in operation:
                return None
            operation_id = operation.get("operationId")
            found[method,] = operation_id if isinstance(operation_id, str) else None
    return found
