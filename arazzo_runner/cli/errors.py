"""Errors on stderr: what happened, the document's own line with a caret, and what to type instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import click

from arazzo_runner.errors import ArazzoError, DocumentError, InvalidInputs, Problem
from arazzo_runner.secrecy import without_credentials

_DOCUMENT = re.compile(r"""["']?\b(arazzo|openapi|swagger|asyncapi)\b["']?\s*:""")


def show_error(error: ArazzoError) -> None:
    """An error on stderr: what is wrong, where, and what to type instead."""
    from arazzo_runner.reports.text import label, located

    click.echo(f"error: {label(error.message)}", err=True)
    if isinstance(error, DocumentError):
        for problem in error.problems:
            _show_problem(problem)
    elif isinstance(error, InvalidInputs):
        for sentence in error.errors:
            click.echo(f"  {label(sentence)}", err=True)
    elif error.place is not None:
        click.echo(f"  at {label(located(error.place))}", err=True)
    if error.hint:
        click.echo(f"  hint: {label(error.hint)}", err=True)


def _show_problem(problem: Problem) -> None:
    from arazzo_runner.reports.terminal.source_excerpt import excerpt
    from arazzo_runner.reports.text import label

    click.echo(f"  {label(str(problem.place))}: {label(problem.message)} [{problem.rule}]", err=True)
    if problem.place.owner:
        click.echo(f"    in {label(problem.place.owner)}", err=True)
    text = source_line(problem.place)
    if text is not None:
        for line in excerpt(text, problem.place.column, lead="    "):
            click.echo(line, err=True)
    if problem.hint:
        click.echo(f"    hint: {label(problem.hint)}", err=True)


def source_line(place: Any) -> str | None:
    """The line of a document's text that a place stands on; None when it is not a local file or not known."""
    from arazzo_runner.documents.files import is_stream

    if not place.line or "://" in place.path:
        return None
    try:
        stat = Path(place.path).stat()
        if is_stream(place.path):
            return None  # what it said is gone
        lines = _lines(place.path, stat.st_mtime_ns, stat.st_size)
    except (OSError, ArazzoError):
        return None
    text = without_credentials(lines[place.line - 1]) if place.line <= len(lines) else None
    return text.expandtabs(1) if text is not None and len(text) <= 500 else None


@lru_cache(maxsize=4)
def _lines(path: str, _changed: int, _size: int) -> Sequence[str]:
    """The lines of a document; none of a file that looks like none.

    A document may name any file of this machine as its source. What that file says is nobody's business then.
    """
    from arazzo_runner.documents.files import read_file
    from arazzo_runner.documents.reader import decode

    text = decode(read_file(path), path)
    return text.splitlines() if _DOCUMENT.search(text) else ()
