"""Parsed descriptions on disk: given back as they were, bounded, safe to share, and never the reason of a failure."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from arazzo_runner.documents import reader, sources
from arazzo_runner.documents.sources import Library
from arazzo_runner.runtime.disk_cache import DiskStore, ParsedDescriptions
from arazzo_runner.runtime.user_directories import cache_directory

LARGE: Any = {
    "openapi": "3.1.0",
    "x-filler": [{"name": f"Zürich {n}", "n": n, "x": 1.5, "no": None} for n in range(3000)],
}


@pytest.fixture
def cache(tmp_path: Path) -> ParsedDescriptions:
    return ParsedDescriptions(tmp_path)


def entries(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def test_what_was_kept_comes_back_as_it_was(cache: ParsedDescriptions) -> None:
    assert cache.get("a" * 64) is None
    cache.put("a" * 64, LARGE)
    kept: Any = cache.get("a" * 64)
    assert kept == LARGE
    assert list(kept["x-filler"][0]) == ["name", "n", "x", "no"]


def test_it_is_the_users_alone(cache: ParsedDescriptions, tmp_path: Path) -> None:
    cache.put("a", LARGE)
    [entry] = entries(tmp_path)
    assert stat.S_IMODE(entry.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(entry.stat().st_mode) == 0o600


def test_an_entry_that_others_could_have_written_is_not_used(cache: ParsedDescriptions, tmp_path: Path) -> None:
    cache.put("a", LARGE)
    [entry] = entries(tmp_path)
    entry.chmod(0o666)
    assert cache.get("a") is None
    entry.parent.chmod(0o777)
    cache.put("b", LARGE)
    assert len(entries(tmp_path)) == 1


def test_small_documents_are_not_worth_it(cache: ParsedDescriptions, tmp_path: Path) -> None:
    cache.put("a", {"openapi": "3.1.0"})
    assert entries(tmp_path) == []


@pytest.mark.parametrize("damage", [b"", b'{"openapi": "3.1.0", "paths"', b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_entry_is_ignored_and_removed(cache: ParsedDescriptions, tmp_path: Path, damage: bytes) -> None:
    cache.put("a", LARGE)
    [entry] = entries(tmp_path)
    entry.write_bytes(damage)
    assert cache.get("a") is None
    assert entries(tmp_path) == []


def test_data_that_json_cannot_give_back_is_not_kept(cache: ParsedDescriptions, tmp_path: Path) -> None:
    circular: list[Any] = ["x" * 100_000]
    circular.append(circular)
    cache.put("a", circular)
    cache.put("b", ["\ud800" * 100_000])
    assert entries(tmp_path) == []


def test_the_least_recently_read_make_room(tmp_path: Path) -> None:
    store = DiskStore(tmp_path, limit=3000)
    for age, key in ((300, "a"), (200, "b"), (100, "c")):
        store.put(key, key.encode() * 1000)
        past = entries_by_age(tmp_path)[-1].stat().st_mtime - age
        os.utime(path_of(tmp_path, key), (past, past))
    assert store.get("a") == b"a" * 1000
    store.put("d", b"d" * 1000)
    assert [store.get(key) is not None for key in "abcd"] == [True, False, True, True]
    store.put("e", b"e" * 3001)
    assert store.get("e") is None, "larger than the whole"


def entries_by_age(directory: Path) -> list[Path]:
    return sorted(entries(directory), key=lambda path: path.stat().st_mtime)


def path_of(directory: Path, key: str) -> Path:
    return directory / hashlib.sha256(key.encode()).hexdigest()


def test_what_a_writer_left_half_written_is_removed_after_a_while(tmp_path: Path) -> None:
    (old := tmp_path / "old.part").write_bytes(b"x")
    (new := tmp_path / "new.part").write_bytes(b"x")
    os.utime(old, (1, 1))
    DiskStore(tmp_path, limit=100).put("a", b"a")
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize("blocked", ["a file", "nothing may be written"])
def test_a_directory_that_cannot_be_written_is_no_cache(tmp_path: Path, blocked: str) -> None:
    directory = tmp_path / "cache"
    if blocked == "a file":
        directory.write_text("not a directory")
    elif os.getuid() == 0:
        directory = Path("/proc/nothing-can-be-made-here")
    else:
        directory.mkdir(mode=0o500)
    cache = ParsedDescriptions(directory)
    cache.put("a", LARGE)
    assert cache.get("a") is None


WRITER = """
import sys
from pathlib import Path
from arazzo_runner.runtime.disk_cache import ParsedDescriptions
cache = ParsedDescriptions(Path(sys.argv[1]), limit=3_000_000)
for turn in range(60):
    key = str(turn % 5)
    kept = cache.get(key)
    assert kept is None or kept == {"key": key, "filler": [key] * 200_000}, kept
    cache.put(key, {"key": key, "filler": [key] * 200_000})
"""


def test_processes_may_write_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    for writer in writers:
        _, complaints = writer.communicate(timeout=120)
        assert (writer.returncode, complaints) == (0, b"")
    assert sum(path.stat().st_size for path in entries(tmp_path)) <= 3_000_000
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(
    ("environ", "directory"),
    [
        ({"XDG_CACHE_HOME": "/x"}, Path("/x/arazzo-runner")),
        ({"XDG_CACHE_HOME": "relative"}, Path.home() / ".cache" / "arazzo-runner"),
        ({}, Path.home() / ".cache" / "arazzo-runner"),
        ({"ARAZZO_NO_CACHE": "0"}, Path.home() / ".cache" / "arazzo-runner"),
        ({"ARAZZO_NO_CACHE": "1", "XDG_CACHE_HOME": "/x"}, None),
        ({"HOME": ""}, None),
    ],
)
def test_where_the_users_caches_are(environ: dict[str, str], directory: Path | None) -> None:
    assert cache_directory(environ) == directory


def test_a_library_parses_a_description_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "api.yaml"
    path.write_text("# as YAML\n" + json.dumps(LARGE), encoding="utf-8")
    parsed: list[str] = []
    read = reader.read_document

    def counted(data: bytes, name: str, *, uri: str) -> Any:
        parsed.append(name)
        return read(data, name, uri=uri)

    monkeypatch.setattr(sources, "read_document", counted)
    documents = [Library(cache=ParsedDescriptions(tmp_path / "cache")).entry(str(path)) for _ in range(3)]
    assert len(parsed) == 1
    assert [document.data == LARGE for document in documents] == [True] * 3
    place = documents[2].place("/x-filler/0/name")
    assert place.line == 2
