"""Bodies in a terminal: JSON laid out and coloured, other text as it is, anything else by its size."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import click

from arazzo_runner.engine.exchange import decode_body
from arazzo_runner.reports.text import label

_TOKEN = re.compile(r'(?P<string>"(?:[^"\\]|\\.)*")(?P<colon>\s*:)?|(?P<other>\b(?:true|false|null)\b|-?\d[\d.eE+-]*)')


def body_lines(body: bytes, content_type: str | None, *, colour: bool) -> Iterator[str]:
    """Yield the lines of a body, safe to print.

    Args:
        colour: whether names and values of JSON are distinguished by it.
    """
    data, _ = decode_body(body, content_type)
    laid_out = _laid_out(data)
    if laid_out is not None:
        for line in laid_out.splitlines():
            yield _coloured(label(line)) if colour else label(line)
        return
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        yield f"({len(body):,} bytes of {label(content_type or 'no type')})"
        return
    for line in text.splitlines():
        yield label(line)


def _laid_out(data: object) -> str | None:
    if not isinstance(data, (dict, list)):
        return None
    try:
        return json.dumps(data, ensure_ascii=False, indent=2)
    except (RecursionError, ValueError):
        return None


def _coloured(line: str) -> str:
    return _TOKEN.sub(_token, line)


def _token(found: re.Match[str]) -> str:
    if found["colon"] is not None:
        return click.style(found["string"], fg="blue") + found["colon"]
    if found["string"] is not None:
        return click.style(found["string"], fg="green")
    return click.style(found["other"], fg="magenta")
