"""The schema of a case: its members, and what each of them may hold. Cases are edited by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from arazzo_runner.documents.pointer import join
from arazzo_runner.openapi.auth.credentials import PARTS

Fault: TypeAlias = tuple[str, str]
"""Something wrong in a value: a pointer into it, and what."""
Kind: TypeAlias = Callable[[Any], Iterator[Fault]]
"""Says what is wrong in a value."""


def _text(value: Any) -> Iterator[Fault]:
    if not isinstance(value, str):
        yield "", "it is not text"


def _text_or_nothing(value: Any) -> Iterator[Fault]:
    if value is not None:
        yield from _text(value)


def _flag(value: Any) -> Iterator[Fault]:
    if not isinstance(value, bool):
        yield "", "it is not true or false"


def _seconds(value: Any) -> Iterator[Fault]:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        yield "", "it is not a number of seconds"


def _count(value: Any) -> Iterator[Fault]:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        yield "", "it is not a whole number from 1"


def _one_of(*allowed: str) -> Kind:
    def check(value: Any) -> Iterator[Fault]:
        if not isinstance(value, str):
            yield "", "it is not text"
        elif value not in allowed:
            yield "", f"{value!r} is not one of {', '.join(allowed)}"

    return check


def _object_of(kind: Kind) -> Kind:
    """An object whose members have names of its own."""

    def check(value: Any) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield "", "it is not an object"
            return
        for name, member in value.items():
            if not isinstance(name, str):
                yield join("", str(name)), "its name is not text"
            for pointer, what in kind(member):
                yield join("", str(name)) + pointer, what

    return check


def _object_with(kinds: Mapping[str, Kind], member_word: str) -> Kind:
    """An object of known members."""

    def check(value: Any) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield "", "it is not an object"
            return
        for name, member in value.items():
            if name not in kinds:
                yield join("", str(name)), f"there is no such {member_word}; there are {', '.join(kinds)}"
                continue
            for pointer, what in kinds[name](member):
                yield join("", str(name)) + pointer, what

    return check


def _credential(value: Any) -> Iterator[Fault]:
    if not isinstance(value, dict) or not value.keys() <= set(PARTS):
        yield "", f"it is not an object of {', '.join(sorted(PARTS))}"
        return
    yield from _object_of(_text)(value)


def _plain_object(value: Any) -> Iterator[Fault]:
    """An object of plain data. YAML has more: dates, sets, keys of any type, and values that hold themselves."""
    if not isinstance(value, dict):
        yield "", "it is not an object"
        return
    pending: list[tuple[str, Any, frozenset[int]]] = [("", value, frozenset())]
    while pending:
        pointer, item, above = pending.pop()
        if id(item) in above:
            yield pointer, "it holds itself"
        elif isinstance(item, dict | list):
            members = item.items() if isinstance(item, dict) else enumerate(item)
            for name, member in members:
                at = join(pointer, str(name))
                if isinstance(item, dict) and not isinstance(name, str):
                    yield at, "its name is not text"
                pending.append((at, member, above | {id(item)}))
        elif not isinstance(item, str | bytes | int | float | None):
            yield pointer, "it is not plain data; put it in quotes"


def _names(value: Any) -> Iterator[Fault]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        yield "", "it is not a list of names"


OPTIONS: Mapping[str, Kind] = {
    "strict": _flag,
    "force": _flag,
    "poll_interval": _seconds,
    "max_steps": _count,
    "timeout": _seconds,
    "max_retry_after": _seconds,
    "secret": _names,
    "not_secret": _names,
    "receive": _one_of("first", "until-pass"),
    "receive_timeout": _seconds,
    "from_earliest": _flag,
    "consume": _names,
}
"""The plain options of a run."""

_MEMBERS: Mapping[str, Kind] = {
    "description": _text,
    "document": _text,
    "workflowId": _text,
    "inputs": _plain_object,
    "status": _one_of("succeeded", "failed"),
    "reason": _text_or_nothing,
    "outputs": _plain_object,
    "sources": _object_of(_text),
    "baseDir": _text,
    "options": _object_with(OPTIONS, "option"),
    "servers": _object_of(_text),
    "serverBases": _object_of(_text),
    "serverVariables": _object_of(_object_of(_text)),
    "credentials": _object_of(_credential),
    "check": _one_of("off", "warn", "error"),
}

faults_of: Kind = _object_with(_MEMBERS, "member")
"""What is wrong with what a file says of its case."""
