"""YAML text to plain data, from the parser's events, without recursion (H0).

PyYAML's own constructors resolve scalars as YAML 1.1 and build a tree of nodes first, which takes ten times as long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml
from msgspec import Struct, field

from arazzo_runner.documents.text.reading_rules import MAX_DEPTH, Fault, Unreadable
from arazzo_runner.documents.text.scalars import NUMBER_STARTS, WORDS, NotAJsonNumber, Scalar, number, tagged

MAX_VALUES = 2_500_000
"""How many values a document may have, names of members included: they take some ten seconds, and JSON far less."""
MAX_ALIASED = 100_000
"""How many values all aliases of a document may stand for together."""

_COLLECTION_TAGS = ("!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")

_HINTS = (
    (r"'\t'", "Indent with spaces: YAML allows no tabs there."),
    ("cannot start any token", "Put the value in quotes."),
    ("mapping values are not allowed", "Put a value that contains ': ' in quotes, and check the indentation."),
    ("expected ':'", "Put a value of several lines in quotes or behind '|', and check the indentation."),
    ("found unexpected ':'", "Put the value in quotes."),
    ("expected <block end>", "Check the indentation: it must be the same for all members of an object or list."),
    ("expected ',' or", "Close the bracket, or put a value that starts with '{' or '[' in quotes."),
    ("end of stream", "Close the quote or bracket that is still open."),
    ("unknown escape character", "Use single quotes, in which a backslash is just a backslash."),
)
"""What to do about the parser's messages."""


class _Marker:
    """The state of an open object's key when it is not text."""


_NO_KEY = _Marker()
_MERGE = _Marker()


class _Anchor(Struct):
    """The value of a YAML anchor. ``size`` is 0 until it is complete; ``height`` is that of its nesting."""

    value: Any
    start: int
    size: int = 0
    height: int = 0


class _Frame(Struct):
    """An object or list whose members are being read.

    Attributes:
        key: of the member that comes next, in an object.
        merged: what its ``<<`` named, and where.
    """

    container: Any
    is_object: bool
    anchor: _Anchor | None = None
    key: str | _Marker = _NO_KEY
    merged: list[tuple[Any, int]] = field(default_factory=list)
    height: int = 1


def parse_yaml(text: str) -> Any:
    """The plain data of a YAML text.

    Anchored values are shared, not copied.

    Raises:
        Unreadable: with every duplicate key, or the first of any other fault.
    """
    try:
        return _Builder().build(text)
    except yaml.reader.ReaderError as error:
        raise Unreadable(_unprintable(text, error)) from None
    except yaml.MarkedYAMLError as error:
        raise Unreadable(_syntax(text, error)) from None


MAX_DUPLICATES = 100
"""The number of duplicate keys that are reported."""


class _Builder:
    """Builds plain data from events. The frames stand on a list, so that no nesting can exhaust Python's stack."""

    def __init__(self) -> None:
        self.root: list[Any] = []
        self.frame = _Frame(self.root, is_object=False)
        self.outer: list[_Frame] = []
        self.anchors: dict[str, _Anchor] = {}
        self.duplicates: list[Fault] = []
        self.count = 0
        self.aliased = 0
        self.documents = 0

    def build(self, text: str) -> Any:
        next_event = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text).get_event
        handlers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self.scalar,
            yaml.AliasEvent: self.alias,
            yaml.MappingStartEvent: self.begin,
            yaml.SequenceStartEvent: self.begin,
            yaml.MappingEndEvent: self.end,
            yaml.SequenceEndEvent: self.end,
            yaml.DocumentStartEvent: self.document,
        }
        while (kind := type(event := next_event())) is not yaml.StreamEndEvent:
            if handler := handlers.get(kind):
                handler(event)
        if self.duplicates:
            raise Unreadable(*self.duplicates)
        return self.root[0] if self.root else None

    def document(self, event: yaml.DocumentStartEvent) -> None:
        self.documents += 1
        if self.documents > 1:
            raise _unreadable("yaml-several-documents", "a second document starts here", event)

    def scalar(self, event: yaml.ScalarEvent) -> None:
        self.count += 1
        if self.count > MAX_VALUES:
            raise _too_many(event)
        frame = self.frame
        value: Scalar = event.value
        if event.tag is not None:
            value = _tagged(event)
        if frame.is_object and frame.key is _NO_KEY:
            self.key(event, event.value)
            return
        if event.tag is None and not event.style:
            if value in WORDS:
                value = WORDS[value]
            elif event.value[0] in NUMBER_STARTS:
                value = _number(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchor(value, self.count, size=1)
        self.add(value, event)

    def duplicate(self, event: Any, text: str) -> None:
        """Note a key that stands twice; after so many, nobody reads the rest."""
        if len(self.duplicates) < MAX_DUPLICATES:
            self.duplicates.append(_fault("duplicate-key", f"the key {text!r} stands twice in this object", event))

    def key(self, event: Any, text: str) -> None:
        """A member's name: always its text, as the specification's Failsafe rule has it."""
        frame = self.frame
        if text == "<<" and type(event) is yaml.ScalarEvent and not event.style:
            frame.key = _MERGE
            return
        if text in frame.container:
            self.duplicate(event, text)
        frame.key = text
        if event.anchor is not None and type(event) is yaml.ScalarEvent:
            self.anchors[event.anchor] = _Anchor(text, self.count, size=1)

    def add(self, value: Any, event: Any) -> None:
        """A complete value, or a container that is going to be filled, to the innermost container."""
        frame = self.frame
        if not frame.is_object:
            frame.container.append(value)
            return
        if frame.key is _MERGE:
            frame.merged.append((value, event.start_mark.index))
        else:
            frame.container[frame.key] = value
        frame.key = _NO_KEY

    def begin(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        self.count += 1
        if self.count > MAX_VALUES:
            raise _too_many(event)
        if self.frame.is_object and self.frame.key is _NO_KEY:
            raise _unreadable("yaml-complex-key", "a key must be text, this one is an object or a list", event)
        if event.tag is not None and event.tag not in _COLLECTION_TAGS:
            raise _unreadable("yaml-tag", f"the tag {_short(event.tag)} has no meaning in JSON", event)
        self.check_depth(len(self.outer) + 1, event)
        is_object = type(event) is yaml.MappingStartEvent
        inner = _Frame({} if is_object else [], is_object)
        if event.anchor is not None:
            inner.anchor = self.anchors[event.anchor] = _Anchor(inner.container, self.count)
        self.add(inner.container, event)
        self.outer.append(self.frame)
        self.frame = inner

    def end(self, _event: yaml.MappingEndEvent | yaml.SequenceEndEvent) -> None:
        inner = self.frame
        if inner.merged:
            _merge(inner.container, inner.merged)
        if inner.anchor is not None:
            inner.anchor.size = self.count - inner.anchor.start + 1
            inner.anchor.height = inner.height
        self.frame = self.outer.pop()
        if self.frame.height <= inner.height:
            self.frame.height = inner.height + 1

    def alias(self, event: yaml.AliasEvent) -> None:
        name = event.anchor or ""
        anchor = self.anchors.get(name)
        if anchor is None:
            raise _unreadable("yaml-unknown-alias", f"no anchor '&{name}' stands before this alias", event)
        if not anchor.size:
            raise _unreadable("yaml-cyclic-alias", f"'*{name}' stands for what it is part of", event)
        self.count += anchor.size
        self.aliased += anchor.size
        if self.aliased > MAX_ALIASED:
            raise _unreadable("yaml-alias-budget", f"aliases stand for more than {MAX_ALIASED:,} values", event)
        self.check_depth(len(self.outer) + anchor.height, event)
        if self.frame.is_object and self.frame.key is _NO_KEY:
            if not isinstance(anchor.value, str):
                raise _unreadable("yaml-complex-key", "a key must be text, and this alias stands for none", event)
            self.key(event, anchor.value)
            return
        self.frame.height = max(self.frame.height, anchor.height + 1)
        self.add(anchor.value, event)

    def check_depth(self, depth: int, event: yaml.Event) -> None:
        if depth > MAX_DEPTH:
            raise _unreadable("nesting-too-deep", f"nested more than {MAX_DEPTH} deep", event)


def _number(event: yaml.ScalarEvent) -> Scalar:
    try:
        return number(event.value)
    except NotAJsonNumber as error:
        raise _unreadable("not-a-json-number", str(error), event) from None


def _tagged(event: yaml.ScalarEvent) -> Scalar:
    tag = event.tag or ""
    try:
        return tagged(tag, event.value)
    except KeyError:
        raise _unreadable("yaml-tag", f"the tag {_short(tag)} has no meaning in JSON", event) from None
    except NotAJsonNumber as error:
        raise _unreadable("not-a-json-number", str(error), event) from None
    except ValueError as error:
        raise _unreadable("yaml-tag", str(error), event) from None


def _merge(mapping: dict[str, Any], merged: list[tuple[Any, int]]) -> None:
    """Add the members of ``<<``: the mapping's own win, then the first that was named."""
    for value, offset in merged:
        for source in value if isinstance(value, list) else [value]:
            if not isinstance(source, dict):
                raise Unreadable(Fault("yaml-merge", "'<<' merges objects, this is none", offset))
            for name, member in source.items():
                mapping.setdefault(name, member)


def _fault(rule: str, message: str, event: yaml.Event) -> Fault:
    return Fault(rule, message, event.start_mark.index if event.start_mark else 0)


def _unreadable(rule: str, message: str, event: yaml.Event) -> Unreadable:
    return Unreadable(_fault(rule, message, event))


def _too_many(event: yaml.Event) -> Unreadable:
    offset = event.start_mark.index if event.start_mark else 0
    message = f"more than {MAX_VALUES:,} values stand before this one"
    return Unreadable(
        Fault("yaml-alias-budget", message, offset, "Convert the document to JSON, which is read faster.")
    )


def _short(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


def _syntax(text: str, error: yaml.MarkedYAMLError) -> Fault:
    """The parser's error as a fault; it has its place and says what it was doing."""
    mark = error.problem_mark or error.context_mark
    message = ", ".join(part for part in (error.problem, error.context) if part)
    hint = next((hint for needle, hint in _HINTS if needle in message), "")
    return Fault("yaml-syntax", message or "this is not YAML", min(mark.index if mark else 0, len(text)), hint)


def _unprintable(text: str, error: yaml.reader.ReaderError) -> Fault:
    """A character that YAML forbids; libyaml gives its offset in bytes, so it is looked up in the text."""
    match = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if match is None:
        return Fault("yaml-syntax", str(error.reason))
    return Fault("control-character", f"the character U+{ord(match.group()):04X} is not allowed here", match.start())
