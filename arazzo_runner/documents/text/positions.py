"""Positions of values in a text: computed only when there is a problem to show.

The text is scanned a second time, its values ignored, so that reading a document without problems pays nothing for
places. Offsets are in characters.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple

from arazzo_runner.documents.pointer import escape

_LINE_END = re.compile(r"\r\n|\n|\r")
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)


class Offsets(NamedTuple):
    """Offsets of a value and of its key (of the value again, when it is not a member of an object)."""

    key: int
    value: int


@dataclass(slots=True)
class Positions:
    """Spots by JSON Pointer.

    Attributes:
        aliases: pointers of YAML aliases, and the pointer of what each stands for.
        repeated: pointer and key offset of each key that its object already had.
    """

    spots: dict[str, Offsets] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    repeated: list[tuple[str, int]] = field(default_factory=list)

    def find(self, pointer: str) -> Offsets | None:
        """The spot of a value; of its nearest ancestor when it is not written out (a merged key); None if none is."""
        tail = ""
        for _ in range(len(self.aliases) + 1):
            head, tail = pointer, ""
            while head not in self.spots:
                if not head:
                    return None
                head, _, token = head.rpartition("/")
                tail = f"/{token}{tail}"
            if not tail or head not in self.aliases:
                return self.spots[head]
            pointer = self.aliases[head] + tail
        return None


@dataclass(slots=True)
class _Frame:
    pointer: str
    is_object: bool
    index: int = 0
    key: str | None = None
    key_offset: int = 0


class _Recorder:
    """Follows a walk over a text and notes where it is."""

    def __init__(self) -> None:
        self.positions = Positions()
        self.frames: list[_Frame] = []

    def expects_key(self) -> bool:
        return bool(self.frames) and self.frames[-1].is_object and self.frames[-1].key is None

    def key(self, name: str, offset: int) -> None:
        frame = self.frames[-1]
        frame.key, frame.key_offset = name, offset

    def value(self, offset: int) -> str:
        """Note a value and give its pointer."""
        if not self.frames:
            pointer, key_offset = "", offset
        elif (frame := self.frames[-1]).is_object:
            pointer, key_offset = f"{frame.pointer}/{escape(frame.key or '')}", frame.key_offset
            frame.key = None
            if pointer in self.positions.spots:
                self.positions.repeated.append((pointer, key_offset))
                return pointer
        else:
            pointer, key_offset = f"{frame.pointer}/{frame.index}", offset
            frame.index += 1
        self.positions.spots[pointer] = Offsets(key_offset, offset)
        return pointer

    def begin(self, offset: int, *, is_object: bool) -> str:
        pointer = self.value(offset)
        self.frames.append(_Frame(pointer, is_object))
        return pointer


def scan_json(text: str) -> Positions:
    """The positions of a JSON text, which must be well-formed."""
    record = _Recorder()
    for match in _JSON_TOKEN.finditer(text):
        token, offset = match.group(), match.start()
        match token[0]:
            case "{" | "[":
                record.begin(offset, is_object=token == "{")
            case "}" | "]":
                record.frames.pop()
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
                pointer = record.value(offset)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                pointer = record.begin(offset, is_object=isinstance(event, yaml.MappingStartEvent))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                record.frames.pop()
                continue
            case _:
                continue
        if isinstance(event, yaml.AliasEvent):
            record.positions.aliases[pointer] = anchors.get(event.anchor or "", "")
        elif event.anchor:
            anchors[event.anchor] = pointer
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
