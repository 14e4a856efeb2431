"""Shapes: tables of fields that turn plain data into the model.

A kind takes a value as it was read, reports what is wrong with it, and gives what the model keeps: the nearest sensible
value, or ``WRONG`` when there is none. Nothing here knows Arazzo; ``objects`` has the tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from msgspec import Struct, field

from arazzo_runner.documents.near_names import near_names
from arazzo_runner.documents.pointer import Json, join
from arazzo_runner.documents.reader import Document
from arazzo_runner.documents.rules import problem
from arazzo_runner.errors import Problem

Version = tuple[int, int]


class _Wrong:
    def __repr__(self) -> str:
        return "WRONG"


WRONG: Final = _Wrong()
"""What a kind gives for a value that the model cannot hold; its problem has been reported."""


class Reading(Struct):
    """A document that is being loaded, and what was found wrong with it so far."""

    document: Document
    version: Version
    problems: list[Problem] = field(default_factory=list)

    def report(self, rule: str, message: str, pointer: str, *, key: bool = False, hint: str | None = None) -> None:
        """Note a problem at the value that a pointer reaches, or at its key."""
        self.problems.append(problem(rule, message, self.document.place(pointer, key=key), hint=hint))

    def wrong_type(self, value: Json, expected: str, pointer: str) -> _Wrong:
        """Note that a value is of another type than expected."""
        self.report("wrong-type", f"expected {expected}, found {describe(value)}", pointer, hint=_type_hint(value))
        return WRONG

    def allows(self, since: Version, what: str, pointer: str, *, key: bool = False) -> bool:
        """Return whether the document's version has something; noted when it has not."""
        if self.version >= since:
            return True
        minor = ".".join(map(str, since))
        self.report("needs-newer-arazzo", f"{what} is new in Arazzo {minor}", pointer, key=key)
        return False


class Kind(Protocol):
    """A kind of value that a field may hold."""

    @property
    def absent(self) -> Any:
        """The model's value when there is no such field."""

    def load(self, reading: Reading, value: Json, pointer: str) -> Any:
        """Return the model's form of a value, or ``WRONG``."""


class Text(Struct, frozen=True):
    """A string.

    Attributes:
        may_be_empty: whether ``""`` means something.
        advised: a pattern that the specification only recommends.
        check: looks at the text further; it reports for itself.
    """

    may_be_empty: bool = True
    advised: re.Pattern[str] | None = None
    check: Callable[[Reading, str, str], None] | None = None
    absent: None = None

    def load(self, reading: Reading, value: Json, pointer: str) -> str | _Wrong:
        match value:
            case str():
                text = value
            case bool() | int() | float():
                text = str(value).lower() if isinstance(value, bool) else str(value)
                message = f"expected text, found {describe(value)}"
                reading.report("unquoted-text", message, pointer, hint=f"Write '{text}', in quotes.")
            case _:
                return reading.wrong_type(value, "text", pointer)
        if not text and not self.may_be_empty:
            reading.report("empty-text", "expected text, found an empty string", pointer)
        elif self.advised and not self.advised.fullmatch(text):
            reading.report("id-pattern", f"{text!r} has characters that expressions cannot name everywhere", pointer)
        if self.check:
            self.check(reading, text, pointer)
        return text


class Choice(Struct, frozen=True):
    """One of a few words, each with the version that brought it."""

    words: Mapping[str, Version]
    absent: None = None

    def load(self, reading: Reading, value: Json, pointer: str) -> str | _Wrong:
        if not isinstance(value, str):
            return reading.wrong_type(value, one_of(self.words), pointer)
        if value not in self.words:
            bad_value(reading, value, self.words, pointer)
        else:
            reading.allows(self.words[value], f"'{value}'", pointer)
        return value


class Number(Struct, frozen=True):
    """A number that is not negative."""

    integer: bool = False
    absent: None = None

    def load(self, reading: Reading, value: Json, pointer: str) -> int | float | _Wrong:
        expected = "an integer" if self.integer else "a number"
        if isinstance(value, bool) or not isinstance(value, int if self.integer else (int, float)):
            return reading.wrong_type(value, expected, pointer)
        if value < 0:
            reading.report("negative-number", f"expected {expected} of 0 or more, found {value}", pointer)
            return WRONG
        return value


class Anything(Struct, frozen=True):
    """Any value; ``check`` looks at it further."""

    check: Callable[[Reading, Json, str], None] | None = None
    absent: None = None

    def load(self, reading: Reading, value: Json, pointer: str) -> Json:
        if self.check:
            self.check(reading, value, pointer)
        return value


class Items(Struct, frozen=True):
    """A list; items that are wrong are left out of the model."""

    kind: Kind
    may_be_empty: bool = True
    absent: tuple[()] = ()

    def load(self, reading: Reading, value: Json, pointer: str) -> tuple[Any, ...] | _Wrong:
        if not isinstance(value, list):
            return reading.wrong_type(value, "a list", pointer)
        if not value and not self.may_be_empty:
            reading.report("empty-list", "expected at least one entry, found an empty list", pointer)
        loaded = (self.kind.load(reading, item, join(pointer, n)) for n, item in enumerate(value))
        return tuple(item for item in loaded if item is not WRONG)


_NAME = re.compile(r"[a-zA-Z0-9.\-_]+")


class Entries(Struct, frozen=True):
    r"""An object used as a map. Its names must match ``^[a-zA-Z0-9\.\-_]+$``, else ``rule`` is broken."""

    kind: Kind
    rule: str
    absent: Mapping[str, Any] = field(default_factory=dict)

    def load(self, reading: Reading, value: Json, pointer: str) -> dict[str, Any] | _Wrong:
        if not isinstance(value, dict):
            return reading.wrong_type(value, "an object", pointer)
        loaded = {}
        for name, item in value.items():
            here = join(pointer, name)
            if not _NAME.fullmatch(name):
                proposal = re.sub(r"[^a-zA-Z0-9.\-_]+", "-", name).strip("-") or "name"
                hint = f"Write {proposal!r}, here and wherever it is used."
                reading.report(self.rule, f"the name {name!r} has other characters", here, key=True, hint=hint)
            if (entry := self.kind.load(reading, item, here)) is not WRONG:
                loaded[name] = entry
        return loaded


class Field(Struct, frozen=True):
    """A field of an object.

    Attributes:
        into: the model's name for it.
        since: the version that brought it.
    """

    name: str
    kind: Kind
    into: str
    required: bool = False
    since: Version = (1, 0)


FOREIGN_EXTENSIONS = frozenset({"x-assert", "x-expect", "x-inputs", "x-parameters", "x-serverUrl", "x-server-url"})
"""What other runners act on (D2); an extension that nobody acts on changes nothing."""

Check = Callable[[Reading, dict[str, Json], str], None]
"""Looks at an object as a whole, as it was read; reports for itself."""


class Shape(Struct, frozen=True):
    """An object of the specification: its fields, and what they must keep between them.

    Attributes:
        name: as in the specification: ``Step Object``.
        build: the model object, from the values by ``Field.into`` (and ``pointer``).
        given: fields of which the model keeps whether they are there, by the model's name for that.
        extras_ignored: whether the specification says to ignore unknown fields.
    """

    name: str
    fields: tuple[Field, ...]
    build: Callable[..., Any]
    checks: tuple[Check, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)
    extras_ignored: bool = False
    absent: None = None

    def load(self, reading: Reading, value: Json, pointer: str) -> Any:
        if not isinstance(value, dict):
            article = "an" if self.name[0] in "AEIO" else "a"
            return reading.wrong_type(value, f"{article} {self.name}", pointer)
        if not self.extras_ignored:
            self._report_unknown(reading, value, pointer)
        loaded = {f.into: self._load_field(reading, f, value, pointer) for f in self.fields}
        for check in self.checks:
            check(reading, value, pointer)
        return self.build(**loaded, **{into: name in value for into, name in self.given.items()}, pointer=pointer)

    def _load_field(self, reading: Reading, known: Field, value: dict[str, Json], pointer: str) -> Any:
        here = join(pointer, known.name)
        if known.name in value:
            reading.allows(known.since, f"the field '{known.name}'", here, key=True)
            loaded = known.kind.load(reading, value[known.name], here)
            if loaded is not WRONG:
                return loaded
        elif known.required:
            reading.report("missing-field", f"this {self.name} has no '{known.name}'", pointer)
        if known.required and isinstance(known.kind, (Text, Choice)):
            return ""
        return known.kind.absent

    def _report_unknown(self, reading: Reading, value: dict[str, Json], pointer: str) -> None:
        names = {f.name for f in self.fields}
        absent = sorted(names - value.keys())
        for name in value:
            if name in FOREIGN_EXTENSIONS:
                message = f"the extension '{name}' is one that other runners act on, and this one does not"
                reading.report("foreign-extension", message, join(pointer, name), key=True)
            if name in names or name.startswith("x-"):
                continue
            meant = near_names(name, absent, most=1)
            hint = f"Did you mean '{meant[0]}'?" if meant else None
            here = join(pointer, name)
            reading.report("unknown-field", f"the {self.name} has no field '{name}'", here, key=True, hint=hint)


def bad_value(reading: Reading, value: str, words: Mapping[str, Any] | tuple[str, ...], pointer: str) -> None:
    """Note that a word is not one of those allowed."""
    meant = near_names(value, words, most=1)
    hint = f"Did you mean '{meant[0]}'?" if meant else None
    reading.report("bad-value", f"expected {one_of(words)}, found '{value}'", pointer, hint=hint)


def one_of(words: Mapping[str, Any] | tuple[str, ...]) -> str:
    """``'a', 'b' or 'c'``."""
    *first, last = (f"'{word}'" for word in words)
    return f"{', '.join(first)} or {last}" if first else last


def describe(value: Json) -> str:
    """A value in a few words, for a person."""
    match value:
        case None:
            return "nothing (null)"
        case bool():
            return f"the boolean {str(value).lower()}"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {value!r}" if len(value) <= 40 else f"the text '{value[:37]}…'"
        case list():
            return "a list"
        case _:
            return "an object"


def _type_hint(value: Json) -> str | None:
    """YAML reads an unquoted ``{$inputs.x}`` as an object."""
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith("$"):
        (name,) = value
        return f"Put it in quotes: '{{{name}}}'."
    return None
