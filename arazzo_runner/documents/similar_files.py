"""Files that may be the intended one (H0): descriptions get moved, split and renamed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

_FOLDERS = ("openapi", "openapi/_original", "_original", "specs", "spec", "apis", "api", "descriptions", "arazzo")
"""Where descriptions are kept, below a directory."""

_SUFFIXES = (".yaml", ".yml", ".json")
_PARENTS = 2
_MOST_ENTRIES = 2_000
_LEAST_LIKENESS = 0.6


_KIND = re.compile(rb"""^\s*\{?\s*["']?(arazzo|openapi|swagger|asyncapi)["']?\s*:""", re.MULTILINE)
_HEAD = 1 << 16
"""Bytes of a file in which it says what it is."""


def similar_files(wanted: Path, near: Path, *, kind: str | None = None, most: int = 3) -> list[Path]:
    """Files whose names are like that of a file that is not there, the likeliest first.

    Looked through are the directories of the wanted file and of the document that names it, those below them, the
    document's parents up to two, and the folders of all these in which descriptions are kept.

    Args:
        wanted: the file that is not there.
        near: the directory of the document that names it.
        kind: of the document that is wanted: ``arazzo``, ``openapi`` or ``asyncapi``; files that say that they are of
            another are left out. None when it is not known.
    """
    ranked: dict[Path, tuple[float, int]] = {}
    for distance, file in files_near(wanted, near):
        likeness = _likeness(wanted.name, file.name)
        if likeness >= _LEAST_LIKENESS:
            ranked.setdefault(file, (-likeness, distance))
    likeliest = sorted(ranked, key=lambda file: (ranked[file], str(file)))
    return list(islice((file for file in likeliest if kind is None or _kind(file) in (kind, None)), most))


def _kind(file: Path) -> str | None:
    """Return the kind of document that a file says it is; None when it does not say."""
    try:
        with file.open("rb") as stream:
            found = _KIND.search(stream.read(_HEAD))
    except OSError:
        return None
    said = found[1].decode() if found else None
    return "openapi" if said == "swagger" else said


def files_near(wanted: Path, near: Path) -> Iterator[tuple[int, Path]]:
    """The documents among which ``similar_files`` looks, each once, with how many directories are nearer."""
    seen: set[Path] = set()
    for distance, directory in enumerate(_directories(wanted.parent, near)):
        for file in _files(directory):
            same = file.resolve()  # by another way, through ``..`` or a link
            if same not in seen:
                seen.add(same)
                yield distance, file


def _likeness(wanted: str, found: str) -> float:
    """1 for the same name; a little less for another ending of the same."""
    if wanted == found:
        return 1.0
    from difflib import SequenceMatcher

    return 0.99 * SequenceMatcher(None, _stem(wanted), _stem(found)).ratio()


def _stem(name: str) -> str:
    return name.lower().rpartition(".")[0] or name.lower()


def _directories(*starts: Path) -> Iterator[Path]:
    """The directories to look through, nearest first, each once."""
    wanted, near = starts
    above = list(near.parents)[:_PARENTS]
    own = [wanted, *_below(wanted), near, *_below(near)]
    kept = [directory / folder for directory in (wanted, near, *above) for folder in _FOLDERS]
    return iter(dict.fromkeys([*own, *kept, *above]))


def _below(directory: Path) -> list[Path]:
    return _entries(directory, lambda entry: not entry.name.startswith(".") and entry.is_dir())


def _files(directory: Path) -> list[Path]:
    return _entries(directory, lambda entry: entry.suffix.lower() in _SUFFIXES and entry.is_file())


def _entries(directory: Path, keep: Callable[[Path], bool]) -> list[Path]:
    """List a directory up to a bound: a hint is not worth a walk through a whole disk."""
    try:
        return sorted(filter(keep, islice(directory.iterdir(), _MOST_ENTRIES)))
    except (OSError, ValueError):  # not there, not ours to read, or no path at all
        return []
