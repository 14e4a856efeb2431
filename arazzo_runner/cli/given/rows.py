"""Rows of inputs for ``--each``: JSON Lines, or CSV with a line of names (V8)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from msgspec import Struct

from arazzo_runner.documents.files import MAX_DATA, read_file
from arazzo_runner.documents.input_schemas import input_schema
from arazzo_runner.documents.text.json_reader import json_value
from arazzo_runner.documents.typed_inputs import typed
from arazzo_runner.errors import InvalidInputs, UsageError


class InputRow(Struct, frozen=True):
    """The inputs of one run.

    Attributes:
        line: of the file where it begins, from 1.
    """

    line: int
    inputs: dict[str, Any]


SHOWN = 20
"""How many wrong rows are shown."""


class WrongRow(Struct, frozen=True):
    """A row that cannot be read.

    Attributes:
        where: ``FILE:LINE``, and the column when it is known.
        hint: what a row has to look like.
    """

    where: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def read_rows(path: str, schema: Any) -> list[InputRow]:
    """The rows of a file.

    Args:
        path: of JSON Lines, or of CSV when its name ends in ``.csv``.
        schema: of the workflow's inputs: the types that CSV's cells are read by; an empty cell gives no input.

    Raises:
        UsageError: it cannot be read; each wrong line is named, so many at most.
    """
    text = _text(path)
    read = list(_csv(path, text, schema) if path.lower().endswith(".csv") else _json_lines(path, text))
    wrong = [row for row in read if isinstance(row, WrongRow)]
    if len(wrong) == 1:
        raise UsageError(str(wrong[0]), hint=wrong[0].hint)
    if wrong:
        lines = [str(row) for row in wrong[:SHOWN]]
        lines += [f"… and {len(wrong) - SHOWN} more rows"] if len(wrong) > SHOWN else []
        hint = next((row.hint for row in wrong if row.hint), "")
        raise InvalidInputs(f"{len(wrong)} rows of {path} cannot be read:", lines, hint=hint)
    return [row for row in read if isinstance(row, InputRow)]


@lru_cache(maxsize=4)
def _text(path: str) -> str:
    try:
        return read_file(path, limit=MAX_DATA).decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"--each {path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"--each {path} is not UTF-8 text: {error.reason} at byte {error.start}") from None


def _json_lines(path: str, text: str) -> Iterator[InputRow | WrongRow]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            data = json_value(line)
        except ValueError as error:
            # What the parser says of the place is of the line alone.
            hint = 'each line is one JSON object of inputs: {"name": "one"}'
            said = getattr(error, "msg", str(error))
            yield WrongRow(f"{path}:{number}:{getattr(error, 'colno', 1)}", f"no JSON: {said}", hint)
            continue
        if isinstance(data, dict):
            yield InputRow(number, data)
        else:
            what = f"expected an object of inputs by name, found {type(data).__name__}"
            yield WrongRow(f"{path}:{number}", what)


def _csv(path: str, text: str, schema: Any) -> Iterator[InputRow | WrongRow]:
    csv.field_size_limit(MAX_DATA)  # the file itself has no more
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    names: list[str] = []
    before = 0
    try:
        for cells in reader:
            line, before = before + 1, reader.line_num
            if not names:
                names = [name.strip() for name in cells]
                if not all(names) or len(set(names)) < len(names):
                    raise UsageError(f"{path}:{line}: the first line names the inputs, each once")
            elif cells:
                if len(cells) != len(names):
                    yield WrongRow(f"{path}:{line}", f"expected {len(names)} cells, found {len(cells)}")
                    continue
                pairs = zip(names, cells, strict=True)
                yield InputRow(line, {n: typed(cell, input_schema(schema, n)) for n, cell in pairs if cell})
    except csv.Error as error:
        raise UsageError(f"{path}:{reader.line_num}: no CSV: {error}") from None
