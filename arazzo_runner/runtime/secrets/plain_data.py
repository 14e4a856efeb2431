"""Plain data looked through for texts, numbers and named members, or changed in every text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from arazzo_runner.effects import MASK
from arazzo_runner.secrecy import IsSecret

PLAIN = frozenset({type(None), bool, int, float})
"""Types of values that hold no text."""


def mapped(value: Any, change: Callable[[str], str], numbers: Collection[int | float] = ()) -> Any:
    """Plain data with every text in it changed, keys and bytes too.

    Args:
        numbers: are masked, wherever they stand.
    """
    match value:
        case str():
            return change(value)
        case dict():
            return {change(key): mapped(item, change, numbers) for key, item in value.items()}
        case list() if not numbers:
            return [item if type(item) in PLAIN else mapped(item, change) for item in value]
        case list() | tuple():
            return [mapped(item, change, numbers) for item in value]
        case bytes():
            return change(value.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        case Mapping():
            return {change(key): mapped(item, change, numbers) for key, item in value.items()}
        case int() | float() if numbers and value in numbers and not isinstance(value, bool):
            return MASK
        case _:
            return value


def leaves(value: Any) -> Iterable[Any]:
    """Everything inside that has no members, iteratively."""
    pending = [value]
    while pending:
        match pending.pop():
            case Mapping() as item:
                pending.extend(item.values())
            case list() | tuple() as item:
                pending.extend(item)
            case item:
                yield item


def numbers_in(value: Any) -> Iterable[int | float]:
    """Every number inside."""
    return (leaf for leaf in leaves(value) if isinstance(leaf, (int, float)) and not isinstance(leaf, bool))


def strings_in(value: Any) -> Iterable[str]:
    """Every string inside."""
    for leaf in leaves(value):
        if isinstance(leaf, str):
            yield leaf
        elif isinstance(leaf, bytes):
            yield leaf.decode("utf-8", "surrogateescape")


def values_named(data: Any, is_secret: IsSecret) -> list[Any]:
    """The values of all members whose name says that they are secret."""
    found: list[Any] = []
    pending = [data]
    while pending:
        item = pending.pop()
        match item:
            case Mapping():
                for name, value in item.items():
                    (found if is_secret(str(name)) else pending).append(value)
            case list():
                pending.extend(item)
    return found
