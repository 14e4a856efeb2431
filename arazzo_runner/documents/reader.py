"""Bytes to plain data: a ``Document`` that knows where each of its values stands.

JSON is read by the standard library when the text looks like JSON, all else as YAML 1.2 (H0).
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

from msgspec import Struct

from arazzo_runner.documents.pointer import Json
from arazzo_runner.documents.rules import problem
from arazzo_runner.documents.text.json_reader import parse_json
from arazzo_runner.documents.text.positions import Lines, Positions, scan_json, scan_yaml
from arazzo_runner.documents.text.reading_rules import Fault, Unreadable
from arazzo_runner.errors import Place, UnreadableDocument

_ABSOLUTE = re.compile(r"(?:https?|file)://", re.IGNORECASE)
_HTML = re.compile(r"\s*<(?:!doctype html|html)\b", re.IGNORECASE)
_SURROGATE = re.compile("[\ud800-\udfff]")
_IN_WORKFLOW = re.compile(r"/workflows/(?P<workflow>\d+)(?:/steps/(?P<step>\d+))?(?:/|$)")
_JSON_OBJECT = re.compile(r'\s*\{\s*"|\s*\[')


class Document(Struct, frozen=True, eq=False, dict=True, weakref=True):
    """A text that was read.

    Attributes:
        data: its plain data; treat it as frozen, parts of it may be shared.
        path: as the user named it, or its URL: what problems show.
        uri: absolute, ``file://`` or ``http(s)://``: what relative URLs start from.
        text: what was read, without a byte order mark.
    """

    data: Json
    path: str
    uri: str
    text: str

    @cached_property
    def _lines(self) -> Lines:
        return Lines(self.text)

    @cached_property
    def _positions(self) -> Positions:
        try:
            parse_json(self.text)
        except Unreadable:
            return scan_yaml(self.text)
        return scan_json(self.text)

    def place(self, pointer: str, *, key: bool = False) -> Place:
        """Return the place of a value, or of its key; of the nearest ancestor when it is not written out.

        The first call scans the text again: a document without problems never pays for places.

        Args:
            pointer: JSON Pointer (RFC 6901).
            key: the place of the member's name rather than its value's.
        """
        spot = self._positions.find(pointer)
        workflow, step = _owner(self.data, pointer)
        if spot is None:
            return Place(self.path, pointer=pointer, workflow=workflow, step=step)
        line, column = self._lines.locate(spot.key if key else spot.value)
        return Place(self.path, line, column, pointer, workflow, step)

    def line(self, number: int) -> str:
        """The text of a line (1-based), without its end; empty when there is no such line."""
        return self._lines.line(number)


def _owner(data: Json, pointer: str) -> tuple[str, str]:
    """The ids of the workflow and of the step that a pointer leads into; empty where there is none."""
    match = _IN_WORKFLOW.match(pointer)
    if match is None or not isinstance(data, dict) or "arazzo" not in data:
        return "", ""
    workflow = _entry(data.get("workflows"), match["workflow"])
    step = _entry(workflow.get("steps"), match["step"]) if match["step"] else {}
    return _id(workflow, "workflowId"), _id(step, "stepId")


def _entry(entries: Json, index: str) -> dict[str, Json]:
    found = entries[int(index)] if isinstance(entries, list) and int(index) < len(entries) else None
    return found if isinstance(found, dict) else {}


def _id(holder: dict[str, Json], name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def read_document(data: bytes | str, path: str, *, uri: str | None = None) -> Document:
    """Read YAML or JSON.

    Args:
        data: the file's bytes, or its text.
        path: what to call it in problems: as the user named it, or its URL.
        uri: where it came from, absolute; by default what ``path`` means in the current directory.

    Raises:
        UnreadableDocument: it is not text, not YAML or JSON, or breaks one of the rules in ``reading_rules``.
    """
    text = decode(data, path)
    try:
        parsed = parse(text)
    except Unreadable as unreadable:
        raise _unreadable(unreadable, path, text) from None
    return Document(parsed, path, absolute_uri(path) if uri is None else uri, text)


def decode(data: bytes | str, path: str) -> str:
    """The text of a document's bytes: UTF-8, or UTF-16 with a byte order mark.

    Raises:
        UnreadableDocument: it is neither.
    """
    if isinstance(data, str):
        text = data.removeprefix("\ufeff")
        if surrogate := _SURROGATE.search(text):
            fault = Fault("not-utf8", "this character is half of a surrogate pair", surrogate.start())
            raise _unreadable(Unreadable(fault), path, text)
        return text
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, errors="replace")
        name = encoding.removesuffix("-sig").upper()
        fault = Fault("not-utf8", f"the byte 0x{data[error.start]:02X} is not {name}", len(before))
        raise _unreadable(Unreadable(fault), path, before) from None


def parse(text: str) -> Json:
    """The plain data of a text.

    Raises:
        Unreadable: with the faults, at offsets.
    """
    if _HTML.match(text):
        raise Unreadable(Fault("html-page", "this is a web page, not a YAML or JSON document"))
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return _parse_yaml(text)
    try:
        return parse_json(text)
    except Unreadable as as_json:
        if as_json.faults[0].rule != "json-syntax":
            raise
        try:
            return _parse_yaml(text)  # a flow mapping is YAML, and so is JSON with comments
        except Unreadable as as_yaml:
            if as_yaml.faults[0].rule == "yaml-syntax" and _JSON_OBJECT.match(text):
                raise as_json from None
            raise


def _parse_yaml(text: str) -> Json:
    from arazzo_runner.documents.text.yaml_reader import parse_yaml

    return parse_yaml(text)


def absolute_uri(path: str) -> str:
    """The URI of a path or URL, the current directory its base."""
    return path if _ABSOLUTE.match(path) else Path(path).absolute().as_uri()


def _unreadable(unreadable: Unreadable, path: str, text: str) -> UnreadableDocument:
    lines = Lines(text)
    problems = [
        problem(fault.rule, fault.message, Place(path, *lines.locate(fault.offset)), hint=fault.hint)
        for fault in unreadable.faults
    ]
    return UnreadableDocument(f"{path} cannot be read", problems)
