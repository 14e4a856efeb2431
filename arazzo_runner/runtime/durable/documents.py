"""The documents that a run was planned from, stored by content, so that changed files do not change a started run."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from arazzo_runner.analysis.linker import Linker
from arazzo_runner.documents.reader import Document
from arazzo_runner.documents.sources import Library, SourceOptions
from arazzo_runner.errors import JournalError
from arazzo_runner.runtime.disk_cache import ParsedDescriptions
from arazzo_runner.runtime.run.workbook import Workbook
from arazzo_runner.runtime.user_directories import cache_directory


class KeptDocument(Struct, frozen=True):
    """A document as it was.

    Attributes:
        digest: SHA-256 of its text, the key of its content.
        path: as the user named it, or its URL.
        content: its text, UTF-8, compressed.
    """

    digest: str
    path: str
    uri: str
    content: bytes


def kept(document: Document) -> KeptDocument:
    """A document, to be stored."""
    data = document.text.encode()
    return KeptDocument(hashlib.sha256(data).hexdigest(), document.path, document.uri, zlib.compress(data))


def contents(documents: Iterable[KeptDocument]) -> list[tuple[str, bytes]]:
    """Return the contents of the documents, by digest."""
    return [(document.digest, document.content) for document in documents]


def workbook_of(
    documents: Iterable[KeptDocument], entry: str, options: SourceOptions, *, cached: bool = True
) -> Workbook:
    """Return the workbook that was loaded when the documents were stored; no file or URL is read.

    Args:
        entry: URI of the document that is run.
        options: what the user said about sources then.
        cached: whether parsed descriptions are looked for on this machine's disk, and stored there.

    Raises:
        JournalError: a document is damaged, or was not stored.
    """
    directory = cache_directory(os.environ) if cached else None
    library = SealedLibrary(options=options, cache=ParsedDescriptions(directory) if directory else None)
    for each in documents:
        library.put(_content(each), each.path, each.uri)
    try:
        document = library.open(entry)
    except OSError:
        raise JournalError(f"the document {entry} was not stored") from None
    linker = Linker(library)
    description = linker.description(document)
    return Workbook(description, tuple(linker.load(document)[1]), linker)


class SealedLibrary(Library):
    """A library that reads nothing but what was put into it."""

    def _bytes(self, uri: str, file: Path | None) -> bytes:  # noqa: ARG002 - there is no file to read
        raise OSError("it was not among the documents that the run was started with")


def _content(document: KeptDocument) -> bytes:
    try:
        data = zlib.decompress(document.content)
    except zlib.error:
        data = b""
    if hashlib.sha256(data).hexdigest() != document.digest:
        raise JournalError(f"the stored copy of {document.path} is damaged")
    return data
