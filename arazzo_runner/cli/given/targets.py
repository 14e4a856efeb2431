"""Targets: a path or URL of a document, or a ``workflowId`` found in the documents of a directory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from arazzo_runner.documents.files import is_directory, is_file, is_stream, read_file
from arazzo_runner.documents.model import ArazzoDescription
from arazzo_runner.documents.near_names import did_you_mean
from arazzo_runner.errors import ArazzoError, UsageError

SUFFIXES = (".yaml", ".yml", ".json")
_ARAZZO = re.compile(rb"""^\s*\{?\s*["']?arazzo["']?\s*:""", re.MULTILINE)


class Target(Struct, frozen=True):
    """A document, and the chosen workflow of it; None when the document decides."""

    document: str
    workflow_id: str | None


_PATTERN = re.compile(r"[*?\[]")


class SeveralDocuments(UsageError):
    """A workflowId stands in more than one document."""


def is_document(target: str) -> bool:
    """Return whether a target names a document rather than a workflow."""
    return (
        target.startswith(("http://", "https://", "file://"))
        or target.endswith(SUFFIXES)
        or is_stream(target)
        or is_file(target)
    )


def names_several(words: Sequence[str], *, everything: bool) -> bool:
    """Return whether the words of ``TARGET [WORKFLOW]…`` ask for several workflows."""
    if everything or len(words) > 2 or any(is_pattern(word) for word in words):
        return True
    return len(words) == 2 and (not is_document(words[0]) or is_document(words[1]))


def is_pattern(word: str) -> bool:
    """Return whether a word is a pattern of workflow ids; a file may have such a name too."""
    return _PATTERN.search(word) is not None and not is_document(word)


def find_target(target: str, workflow: str | None, directory: str) -> Target:
    """Find the workflow that the words of the command line mean.

    Args:
        target: a path, a URL or a workflowId.
        workflow: the second word.
        directory: where workflowIds are looked for.

    Raises:
        UsageError: the workflowId is unknown, or stands in more than one place.
    """
    if is_document(target):
        return Target(target, workflow)
    if workflow is not None:
        raise UsageError(f"{target!r} is not a document, so {workflow!r} cannot be one of its workflows")
    found = [(path, w.workflow_id) for path, d in descriptions(directory) for w in d.workflows]
    paths = [path for path, workflow_id in found if workflow_id == target]
    if len(paths) > 1:
        raise SeveralDocuments(
            f"the workflow {target!r} is in {len(paths)} documents: {', '.join(paths)}",
            hint=f"name the document: {paths[0]} {target}",
        )
    if not paths and is_directory(target):
        raise UsageError(f"{target} is a directory", hint=f"name a document of it: arazzo list --workflows {target}")
    if not paths:
        where = (
            f"the documents under {directory}" if is_directory(directory) else f"{directory}, which is not a directory"
        )
        raise UsageError(
            f"there is no workflow {target!r} in {where}",
            hint=did_you_mean(target, [workflow_id for _, workflow_id in found], "workflows")
            if found
            else "give the path of a document, or --workflows DIR",
        )
    return Target(paths[0], target)


def document_of_case(directory: str, workflow_id: str) -> str:
    """The document under a directory that has the workflow, for a case that does not name its own.

    Raises:
        UsageError: none has it, or several have.
    """
    try:
        return find_target(workflow_id, None, directory).document
    except SeveralDocuments as error:
        raise UsageError(error.message, hint="write document: in the case, with one of them") from None


def may_be_document(path: Path) -> bool:
    """Return whether a file looks like an Arazzo document."""
    if path.suffix not in SUFFIXES or not is_file(path):
        return False
    try:
        return _ARAZZO.search(read_file(path)) is not None
    except OSError:
        return False


def arazzo_files(directory: str) -> Iterator[tuple[Path, bytes]]:
    """The files under a directory that look like Arazzo documents, with their content."""
    for path in sorted(p for p in Path(directory).rglob("*") if p.suffix in SUFFIXES and is_file(p)):
        try:
            data = read_file(path)
        except OSError:
            continue
        if _ARAZZO.search(data):
            yield path, data


def descriptions(directory: str) -> Iterator[tuple[str, ArazzoDescription]]:
    """The Arazzo documents under a directory, by path; what cannot be read as one is passed over."""
    return _described(arazzo_files(directory))


def descriptions_of(paths: Iterable[str]) -> Iterator[tuple[str, ArazzoDescription]]:
    """The Arazzo documents among files, by path; what cannot be read as one is passed over."""
    return _described((Path(path), read_file(path)) for path in paths)


def _described(files: Iterable[tuple[Path, bytes]]) -> Iterator[tuple[str, ArazzoDescription]]:
    from arazzo_runner.documents.loader import load_description
    from arazzo_runner.documents.reader import read_document

    for path, data in files:
        try:
            description, _ = load_description(read_document(data, str(path)))
        except ArazzoError:
            continue
        if description is not None:
            yield str(path), description
