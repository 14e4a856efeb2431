"""The public documents beside the checkout, and the options that fix what is dead in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from arazzo_runner.analysis.linker import Linker
from arazzo_runner.documents.loader import load_description
from arazzo_runner.documents.model import ArazzoDescription, Workflow
from arazzo_runner.documents.reader import Document, read_document
from arazzo_runner.documents.sources import Library, SourceOptions
from tests.support.repository import SHARED

CORPUS = SHARED / "corpus"

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the public documents are not beside the checkout")


class Memory:
    """Descriptions by their content: the documents of one publisher share them."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def get(self, content_digest: str) -> Any | None:
        return self.kept.get(content_digest)

    def put(self, content_digest: str, data: Any) -> None:
        self.kept[content_digest] = data


@dataclass(frozen=True)
class Published:
    """An Arazzo document of a publisher; its path starts from the corpus."""

    publisher: str
    document: Document

    @property
    def file(self) -> Path:
        return CORPUS / self.document.path

    def description(self) -> ArazzoDescription:
        description, problems = load_description(self.document)
        assert description is not None, problems
        return description

    def sources(self) -> dict[str, str]:
        """Where the sources really are: nearly every URL is dead, and means a file of the same name (README.md there).

        One on the network that no file is meant by is named as a file that is not there: no test asks the network.
        """
        publisher = CORPUS / self.publisher
        folders = (publisher / "openapi" / "_original", publisher / "openapi", self.file.parent)
        description, _ = load_description(self.document)
        fixed = {}
        for source in description.source_descriptions if description else ():
            name = source.url.rpartition("/")[2]
            found = next((folder / name for folder in folders if (folder / name).is_file()), None)
            if found is None and source.url.startswith("http"):
                found = folders[-1] / name
            if found is not None:
                fixed[source.name] = str(found)
        return fixed

    def linker(self, memory: Memory) -> Linker:
        """A way to its sources, as ``--source`` fixes them."""
        return Linker(Library(options=SourceOptions(self.sources()), cache=memory))


@dataclass(frozen=True)
class PublishedWorkflow:
    """A workflow of a published document."""

    published: Published
    workflow: Workflow

    @property
    def publisher(self) -> str:
        return self.published.publisher.rpartition("+")[2]

    @property
    def label(self) -> str:
        """``publisher/document workflowId``, as the kept tables name it."""
        return f"{self.publisher}/{self.published.file.name} {self.workflow.workflow_id}"

    def words(self) -> list[str]:
        """What to type behind a verb."""
        sources = (("--source", f"{name}={path}") for name, path in self.published.sources().items())
        return [str(self.published.file), self.workflow.workflow_id, *(word for pair in sources for word in pair)]


def documents() -> Iterator[Published]:
    """The Arazzo documents, publisher by publisher."""
    for publisher in sorted(path for path in CORPUS.iterdir() if path.is_dir()):
        for path in sorted(publisher.rglob("*.y*ml")):
            if "openapi" not in path.relative_to(publisher).parts:
                document = read_document(path.read_bytes(), path.relative_to(CORPUS).as_posix(), uri=path.as_uri())
                if isinstance(document.data, dict) and "arazzo" in document.data:
                    yield Published(publisher.name, document)


@cache
def workflows() -> tuple[PublishedWorkflow, ...]:
    """Every workflow of every document; empty without the corpus."""
    if not CORPUS.is_dir():
        return ()
    return tuple(
        PublishedWorkflow(published, workflow)
        for published in documents()
        for workflow in published.description().workflows
    )
