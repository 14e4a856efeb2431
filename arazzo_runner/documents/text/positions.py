"""Positions of values in a text: computed only when there is a problem to show.

The text is scanned a second time, its values ignored, so that reading a document without problems pays nothing for
places. Offsets are in characters.
"""

from __future__ import annotations

import json
import re
from array import array
from bisect import bisect_right
from typing import NamedTuple

from msgspec import Struct, field

from arazzo_runner.documents.pointer import escape

_LINE_END = re.compile(r"\r\n|\n|\r")
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)


class Offsets(NamedTuple):
    """Offsets of a value and of its key (of the value again, when it is not a member of an object)."""

    key: int
    value: int


class Positions:
    """The places of a text's values, in the order in which they begin: a few bytes each, since there may be millions.

    Attributes:
        aliases: pointers of YAML aliases, and the pointer of what each stands for.
        repeated: pointer and key offset of each key that its object already had.
    """

    def __init__(self) -> None:
        self.aliases: dict[str, str] = {}
        self.repeated: list[tuple[str, int]] = []
        self._values = array("L")
        self._keys = array("L")
        self._ends = array("L")
        self._names: list[str | None] = []
        self._children: dict[int, dict[str, int] | array[int]] = {}

    def add(self, name: str | None, key: int, value: int) -> int:
        """Add a value that is the next to begin; return its number.

        Args:
            name: of the member of an object; None for any other value.
        """
        self._names.append(name)
        self._keys.append(key)
        self._values.append(value)
        self._ends.append(len(self._values))
        return len(self._values) - 1

    def end(self, number: int) -> None:
        """Say that all that is in a value has been added."""
        self._ends[number] = len(self._values)

    def find(self, pointer: str) -> Offsets | None:
        """The spot of a value; of its nearest ancestor when it is not written out (a merged key); None if none is."""
        for _ in range(len(self.aliases) + 1):
            if not self._values:
                return None
            number, head, tail = self._follow(pointer)
            if not tail or head not in self.aliases:
                return Offsets(self._keys[number], self._values[number])
            pointer = self.aliases[head] + tail
        return None

    def _follow(self, pointer: str) -> tuple[int, str, str]:
        """Return the value that a pointer leads to as far as it can, the way to it, and the rest of the pointer."""
        number, tokens = 0, pointer.split("/")[1:]
        for index, token in enumerate(tokens):
            child = self._child(number, token)
            if child is None:
                tail = "".join(f"/{rest}" for rest in tokens[index:])
                return number, pointer[: len(pointer) - len(tail)], tail
            number = child
        return number, pointer, ""

    def _child(self, number: int, token: str) -> int | None:
        if number not in self._children:
            self._children[number] = self._children_of(number)
        match self._children[number]:
            case dict() as members:
                return members.get(token)
            case elements:
                return elements[int(token)] if _INDEX.fullmatch(token) and int(token) < len(elements) else None

    def _children_of(self, number: int) -> dict[str, int] | array[int]:
        """The values in a value, by name or in order; of those of one name the first."""
        found = array("L")
        child, end = number + 1, self._ends[number]
        while child < end:
            found.append(child)
            child = self._ends[child]
        names = [self._names[child] for child in found]
        if names and names[0] is None:
            return found
        return {escape(name or ""): child for name, child in zip(reversed(names), reversed(found), strict=True)}


class _Frame(Struct):
    number: int
    is_object: bool
    token: str
    index: int = 0
    key: str | None = None
    key_offset: int = 0
    names: set[str] = field(default_factory=set)


class _Recorder:
    """Follows a walk over a text and notes where it is."""

    def __init__(self) -> None:
        self.positions = Positions()
        self.frames: list[_Frame] = []
        self.token: str | None = None

    def expects_key(self) -> bool:
        return bool(self.frames) and self.frames[-1].is_object and self.frames[-1].key is None

    def key(self, name: str, offset: int) -> None:
        frame = self.frames[-1]
        frame.key, frame.key_offset = name, offset

    def value(self, offset: int) -> int:
        """Note a value; return its number."""
        if not self.frames:
            return self.positions.add(None, offset, offset)
        frame = self.frames[-1]
        if not frame.is_object:
            self.token = str(frame.index)
            frame.index += 1
            return self.positions.add(None, offset, offset)
        self.token = name = frame.key or ""
        frame.key = None
        if name in frame.names:
            self.positions.repeated.append((self.pointer(), frame.key_offset))
        frame.names.add(name)
        return self.positions.add(name, frame.key_offset, offset)

    def begin(self, offset: int, *, is_object: bool) -> None:
        number = self.value(offset)
        self.frames.append(_Frame(number, is_object, self.token or ""))
        self.token = None

    def end(self) -> None:
        self.positions.end(self.frames.pop().number)

    def pointer(self) -> str:
        """The pointer of the value that was noted last."""
        last = [] if self.token is None else [self.token]
        return "".join(f"/{escape(token)}" for token in [*(frame.token for frame in self.frames[1:]), *last])


def scan_json(text: str) -> Positions:
    """The positions of a JSON text, which must be well-formed."""
    record = _Recorder()
    for match in _JSON_TOKEN.finditer(text):
        token, offset = match.group(), match.start()
        match token[0]:
            case "{" | "[":
                record.begin(offset, is_object=token == "{")
            case "}" | "]":
                record.end()
            case ":" | ",":
                pass
            case '"' if record.expects_key():
                record.key(json.loads(token), offset)
            case _:
                record.value(offset)
    return record.positions


def scan_yaml(text: str) -> Positions:
    """The positions of a YAML text, which must be well-formed."""
    import yaml

    record = _Recorder()
    anchors: dict[str, str] = {}
    names: dict[str | None, str] = {}
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        offset = event.start_mark.index if event.start_mark else 0
        match event:
            case yaml.ScalarEvent() if record.expects_key():
                record.key(event.value, offset)
                names[event.anchor] = event.value
                continue
            case yaml.AliasEvent() if record.expects_key():
                record.key(names.get(event.anchor, ""), offset)
                continue
            case yaml.ScalarEvent() | yaml.AliasEvent():
                record.value(offset)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                record.begin(offset, is_object=isinstance(event, yaml.MappingStartEvent))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                record.end()
                continue
            case _:
                continue
        if isinstance(event, yaml.AliasEvent):
            record.positions.aliases[record.pointer()] = anchors.get(event.anchor or "", "")
        elif event.anchor:
            anchors[event.anchor] = record.pointer()
            names[event.anchor] = getattr(event, "value", "")
    return record.positions


class Lines:
    """The lines of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        ends = list(_LINE_END.finditer(text))
        self._starts = [0, *(end.end() for end in ends)]
        self._ends = [*(end.start() for end in ends), len(text)]

    def locate(self, offset: int) -> tuple[int, int]:
        """1-based line and column of an offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line, without its end; empty when there is no such line."""
        if not 1 <= number <= len(self._starts):
            return ""
        return self._text[self._starts[number - 1] : self._ends[number - 1]]
