"""Documents as they are found in public: what is found in them, counted, and why one of each is right."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from arazzo_runner.documents.loader import load_description
from arazzo_runner.documents.reader import Document, read_document
from arazzo_runner.documents.sources import Library, SourceOptions
from arazzo_runner.errors import Problem
from arazzo_runner.lint.checker import check_document
from arazzo_runner.openapi.linker import Linker

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
EXPECTED: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("corpus_counts.json").read_text("utf-8"))

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the public documents are not beside the checkout")


class Memory:
    """Descriptions by their content: the documents of one publisher share them."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def get(self, content_digest: str) -> Any | None:
        return self.kept.get(content_digest)

    def put(self, content_digest: str, data: Any) -> None:
        self.kept[content_digest] = data


def documents() -> Iterator[tuple[Path, Document]]:
    """The Arazzo documents, each with its publisher's directory."""
    for publisher in sorted(path for path in CORPUS.iterdir() if path.is_dir()):
        for path in sorted(publisher.rglob("*.y*ml")):
            if "openapi" not in path.relative_to(publisher).parts:
                name = path.relative_to(CORPUS).as_posix()
                document = read_document(path.read_bytes(), name, uri=path.as_uri())
                if isinstance(document.data, dict) and "arazzo" in document.data:
                    yield publisher, document


def mended(publisher: Path, document: Document) -> SourceOptions:
    """Where the sources really are: nearly every URL is dead, and means a file of the same name (README.md there)."""
    description, _ = load_description(document)
    overrides: dict[str, str] = {}
    for source in description.source_descriptions if description else ():
        name = source.url.rpartition("/")[2]
        beside = (CORPUS / document.path).parent
        folders = (publisher / "openapi" / "_original", publisher / "openapi", beside)
        found = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if found is not None:
            overrides[source.name] = str(found)
    return SourceOptions(overrides)


@cache
def problems() -> tuple[Problem, ...]:
    """Everything that is found in the corpus."""
    found: list[Problem] = []
    memory = Memory()
    for publisher, document in documents():
        library = Library(options=mended(publisher, document), cache=memory)
        found += check_document(Linker(library), document)
    return tuple(found)


def test_the_whole_corpus_is_checked() -> None:
    assert sum(1 for _ in documents()) > 240


def test_as_much_is_found_as_was_looked_at() -> None:
    assert Counter(problem.rule for problem in problems()) == {rule: kept["count"] for rule, kept in EXPECTED.items()}


def test_the_samples_are_still_found() -> None:
    found = {(problem.rule, str(problem.place)) for problem in problems()}

    assert {(rule, kept["sample"]) for rule, kept in EXPECTED.items()} <= found


def test_every_rule_says_why_its_sample_is_right() -> None:
    assert all(kept["why"] for kept in EXPECTED.values())
