"""Paths and members against a Schema Object: the names that it does not declare (D2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.expressions.nodes import MessagePart
from arazzo_runner.openapi.schemas import Schema


class UnknownMember(Struct, frozen=True):
    """A name that a schema does not declare, and those that it does."""

    name: str
    known: tuple[str, ...]


def path_of(node: MessagePart) -> tuple[str | int, ...]:
    """The steps of the path behind a body or payload; empty for the whole, and for a query."""
    if node.pointer:
        return tuple(json_pointer.split(node.pointer if node.pointer.startswith("/") else f"/{node.pointer}"))
    if node.tail is None or node.tail.steps is None:
        return ()
    return node.tail.steps[:-1] if node.tail.length else node.tail.steps


def unknown_member(schema: Schema, steps: Sequence[str | int]) -> UnknownMember | None:
    """The first name of a path that a schema does not declare; None when it declares all, or allows others."""
    for step in steps:
        if schema.keyword("items") is not None and str(step).lstrip("-").isdecimal():
            schema = schema.items()
            continue
        known = schema.members()
        if known is None:
            return None
        if str(step) not in known:
            return UnknownMember(str(step), known)
        schema = schema.member(str(step))
    return None


def unknown_members(schema: Schema, payload: Any, pointer: str) -> Iterator[tuple[str, UnknownMember]]:
    """The members of a payload that a schema does not declare, each with its pointer."""
    waiting: list[tuple[Schema, Any, str]] = [(schema, payload, pointer)]
    while waiting:
        here, value, where = waiting.pop()
        match value:
            case dict():
                known = here.members()
                for name, member in value.items() if known is not None else ():
                    there = json_pointer.join(where, name)
                    if name in (known or ()):
                        waiting.append((here.member(name), member, there))
                    else:
                        yield there, UnknownMember(name, known or ())
            case list():
                items = here.items()
                waiting += [(items, item, json_pointer.join(where, index)) for index, item in enumerate(value)]
