"""Descriptions near a source that have an operation which it lacks: they get split and renamed (H1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct

from arazzo_runner.documents.model import ArazzoDescription
from arazzo_runner.documents.similar_files import files_near
from arazzo_runner.documents.sources import Library
from arazzo_runner.documents.uris import file_of, shown
from arazzo_runner.errors import DocumentError, as_typed
from arazzo_runner.openapi.operations import ApiDescription

_LARGEST = 16 * 1024 * 1024
"""Bytes of a file that is still looked into: a hint is not worth more."""


class Elsewhere(Struct, frozen=True):
    """A description that has the operation.

    Attributes:
        source: the name of the source that it could be used for.
        path: its file, as a person would type it.
        instead: whether it has everything else that the source is used for, too.
    """

    source: str
    path: str
    instead: bool

    @property
    def hint(self) -> str:
        """The hint: what to type, or to write in the document."""
        if self.instead:
            return f"if that is the right description: {as_typed('--source', f'{self.source}={self.path}')}"
        return f"that description lacks other operations of {self.source!r}: give it a source of its own"


def descriptions_with(
    library: Library,
    description: ArazzoDescription,
    apis: Iterable[ApiDescription],
    text: str,
    has: Callable[[ApiDescription], bool],
) -> list[Elsewhere]:
    """The descriptions near some sources that have an operation, the likeliest first.

    Args:
        apis: the descriptions that lack it.
        text: what a file must contain to be worth parsing.
        has: whether a description has the operation.
    """
    from difflib import SequenceMatcher

    used = {step.operation_id for workflow in description.workflows for step in workflow.steps}
    ranked: dict[Path, tuple[bool, float, Elsewhere]] = {}
    for api in apis:
        own, holder = file_of(api.document.uri), file_of(description.document.uri)
        if own is None:
            continue
        for _, file in files_near(own, (holder or own).parent):
            other = _opened(library, api.name, file, text)
            if other is None or not has(other):
                continue
            instead = all(name in other.by_id for name in used if name in api.by_id)
            likeness = SequenceMatcher(None, own.stem, file.stem).ratio()
            known = ranked.get(file)
            if known is None or (instead, likeness) > known[:2]:
                ranked[file] = (instead, likeness, Elsewhere(api.name, shown(file), instead))
    return [found for *_, found in sorted(ranked.values(), key=lambda rank: rank[:2], reverse=True)]


def _opened(library: Library, name: str, file: Path, text: str) -> ApiDescription | None:
    """The OpenAPI description in a file that contains the text; None for any other file."""
    try:
        if file.stat().st_size > _LARGEST or text.encode() not in file.read_bytes():
            return None
        api = ApiDescription(name, library.open(file.absolute().as_uri()), library.open)
        return api if api.index else None
    except (OSError, DocumentError):
        return None
