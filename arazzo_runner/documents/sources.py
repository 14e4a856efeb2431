"""Sources of documents: files, URLs by an injected function, ``--source`` and ``--base-dir`` (H0)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeAlias
from urllib.parse import unquote

from msgspec import Struct, field

from arazzo_runner.documents import source_rules  # noqa: F401 - registers the rules that sources report
from arazzo_runner.documents.files import is_stream, read_file
from arazzo_runner.documents.model import ArazzoDescription, SourceDescription, SourceType
from arazzo_runner.documents.pointer import Json, join
from arazzo_runner.documents.reader import Document, absolute_uri, decode, read_document
from arazzo_runner.documents.rules import RULES, problem
from arazzo_runner.documents.similar_files import similar_files
from arazzo_runner.documents.uris import base_uri, file_of, resolve, scheme_of, self_uri, shown
from arazzo_runner.errors import Place, PlanError, UnreadableDocument, as_typed
from arazzo_runner.secrecy import without_credentials

Fetch: TypeAlias = Callable[[str], bytes]
"""Gets what is at an ``http(s)`` URL; raises ``OSError``, its text for a person, when it cannot."""


class ParsedCache(Protocol):
    """Keeps the plain data of documents by the SHA-256 (hex) of their bytes."""

    def get(self, content_digest: str) -> Json | None:
        """The data, or None when it is not stored."""

    def put(self, content_digest: str, data: Json) -> None:
        """Keep the data."""


class SourceOptions(Struct, frozen=True):
    """The user's options about sources.

    Attributes:
        overrides: a path or URL by the name of a source, used instead of its ``url`` (``--source NAME=PATH``).
        base_dir: the directory that relative URLs start from, instead of the document (``--base-dir``).
    """

    overrides: Mapping[str, str] = field(default_factory=dict)
    base_dir: str | None = None


class Library:
    """The documents of a run: each is read once, when it is first asked for.

    Args:
        fetch: for ``http(s)`` URLs; None refuses them.
        options: what the user says about sources.
        cache: of parsed data, by content; None parses every time.
    """

    def __init__(
        self, *, fetch: Fetch | None = None, options: SourceOptions | None = None, cache: ParsedCache | None = None
    ) -> None:
        self._fetch = fetch
        self.options = options or SourceOptions()
        self._cache = cache
        self._by_location: dict[str, Document] = {}
        self._by_identity: dict[str, Document] = {}
        self._named: set[str] = set()

    @property
    def documents(self) -> tuple[Document, ...]:
        """The documents that were read so far."""
        return tuple({id(document): document for document in self._by_location.values()}.values())

    def put(self, data: bytes, path: str, uri: str) -> None:
        """Make a document known by what it says, instead of reading it where it is.

        Raises:
            UnreadableDocument: it cannot be read.
        """
        self.add(self._parse(data, path, uri))

    def add(self, document: Document) -> None:
        """Make a document known, by where it is and by its ``$self``, without reading it again."""
        self._by_location.setdefault(document.uri, document)
        if identity := self_uri(document):
            self._by_identity.setdefault(identity, document)

    def entry(self, path: str) -> Document:
        """The document that the user names, by path or URL.

        Raises:
            UnreadableDocument: it is not there, or cannot be read.
        """
        uri = absolute_uri(path)
        try:
            self._named.add(uri)
            return self.open(uri, path=path)
        except OSError as error:
            file = file_of(uri)
            hint = _did_you_mean(similar_files(file, file.parent, kind="arazzo")) if file else "Check the URL."
            found = problem("document-not-found", _reason(error, uri), Place(without_credentials(path)), hint=hint)
            raise UnreadableDocument(f"{path} cannot be read", [found]) from None

    def open(self, uri: str, *, path: str | None = None) -> Document:
        """The document of an absolute URI: the one that calls itself so (``$self``), else the one that is there.

        Args:
            path: what to call it in problems; by default its file or URL.

        Raises:
            OSError: there is none.
            UnreadableDocument: it cannot be read.
        """
        known = self._by_identity.get(uri) or self._by_location.get(uri)
        if known is not None:
            return known
        file = file_of(uri)
        name = without_credentials(path or (shown(file) if file else uri))
        document = self._parse(self._bytes(uri, file), name, uri)
        self._by_location[uri] = document
        self.add(document)
        return document

    def location(self, description: ArazzoDescription, source: SourceDescription) -> str:
        """The absolute URI of a source: what the user says, else its ``url`` against the document's base.

        Raises:
            PlanError: it is one that is never read: no URL, not a file or ``http(s)``, or a file that a document from
                the network asks for.
        """
        if override := self.options.overrides.get(source.name):
            uri = absolute_uri(override)
            self._named.add(uri)
            return uri
        if self.options.base_dir is not None and not scheme_of(source.url) and not source.url.startswith("//"):
            return resolve(f"{Path(self.options.base_dir).absolute().as_uri()}/", source.url)
        try:
            uri = resolve(base_uri(description.document), source.url)
        except ValueError as error:
            raise _plan_error("uri-reference", f"{source.url!r} is not a URL: {error}", description, source) from None
        if uri in self._by_identity:
            return uri
        match scheme_of(uri):
            case "file" if scheme_of(description.document.uri) != "file":
                message = f"{description.document.path} came from the network, and names the file {source.url}"
                raise _plan_error("source-from-afar", message, description, source)
            case "file" | "http" | "https":
                return uri
            case scheme:
                raise _plan_error("source-scheme", f"'{scheme}:' URLs cannot be read: {uri}", description, source)

    def source(self, description: ArazzoDescription, name: str) -> Document:
        """The document of a source description, read when it is first asked for.

        Raises:
            KeyError: the description has no source of that name.
            PlanError: it is not there; the problem names similar files and the option that would fix it.
            UnreadableDocument: it cannot be read.
        """
        source = description.source(name)
        if source is None:
            raise KeyError(name)
        uri = self.location(description, source)
        try:
            return self.open(uri)
        except OSError as error:
            similar = similar_files(*_looked_for(uri, description.document), kind=source.type)
            own = file_of(description.document.uri)
            paths = [shown(file) for file in similar if file != own]
            message = f"the source '{name}' is not there: {_reason(error, uri)}"
            if paths:
                message += f"; near it: {', '.join(paths)}"
            option = as_typed("--source", f"{name}={paths[0] if paths else 'PATH'}")
            hint = f"Say where it is: {option}"
            raise _plan_error("document-not-found", message, description, source, hint=hint) from None

    def _bytes(self, uri: str, file: Path | None) -> bytes:
        if file is not None:
            if uri not in self._named and is_stream(file):
                raise OSError("it is a pipe or a device, which only the command line may name")
            return read_file(file)
        if self._fetch is None:
            raise OSError("fetching from the network is turned off")
        return self._fetch(uri)

    def _parse(self, data: bytes, path: str, uri: str) -> Document:
        if self._cache is None:
            return read_document(data, path, uri=uri)
        digest = hashlib.sha256(data).hexdigest()
        if (kept := self._cache.get(digest)) is not None:
            return Document(kept, path, uri, decode(data, path))
        document = read_document(data, path, uri=uri)
        self._cache.put(digest, document.data)
        return document


def source_type(source: SourceDescription, document: Document) -> SourceType | None:
    """Return a source's type: its ``type``, or what its document shows; None when neither says."""
    match source.type, document.data:
        case ("openapi" | "arazzo" | "asyncapi") as declared, _:
            return declared
        case _, {"openapi": _} | {"swagger": _}:
            return "openapi"
        case _, {"arazzo": _}:
            return "arazzo"
        case _, {"asyncapi": _}:
            return "asyncapi"
    return None


def _looked_for(uri: str, document: Document) -> tuple[Path, Path]:
    """The file that a URI means, or would mean beside the document, and the document's directory."""
    holder = file_of(document.uri)
    near = holder.parent if holder else Path.cwd()
    return file_of(uri) or near / unquote(uri.partition("?")[0].rpartition("/")[2]), near


def _reason(error: OSError, uri: str) -> str:
    if isinstance(error, FileNotFoundError):
        return f"there is no file at {uri}"
    return f"{uri}: {error.strerror or error}"


def _did_you_mean(similar: list[Path]) -> str:
    return f"Did you mean {' or '.join(shown(file) for file in similar)}?" if similar else "Check the path."


def _plan_error(
    rule: str, message: str, description: ArazzoDescription, source: SourceDescription, *, hint: str | None = None
) -> PlanError:
    document = description.document
    place = document.place(join(source.pointer, "url"))
    hint = hint or RULES[rule].hint.replace("NAME", source.name)
    return PlanError(f"{document.path} cannot be run", [problem(rule, message, place, hint=hint)])
