"""A cache on disk: parsed descriptions by their content, and whatever else is costly to get twice.

A cache never fails a run: a directory that cannot be written is not used, and an entry that cannot be read is ignored.
Entries are data (JSON), never pickles, so that a file put there by somebody else cannot run anything.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import time
from pathlib import Path
from typing import Any

import msgspec

from arazzo_runner.documents.pointer import Json
from arazzo_runner.runtime.atomic_file import PART, write_whole

MAX_PARSED = 200 * 1024 * 1024
WORTH_KEEPING = 64 * 1024
"""Bytes of JSON: below, parsing the document again is as fast as looking for it here."""

_FORMAT = 1  # part of the directory's name: a release that reads documents otherwise starts an empty one
_ABANDONED = 3600.0  # seconds after which a temporary file is nobody's


class DiskStore:
    """Files by key, bounded in total size, for several processes at once.

    A file is written beside its place and then moved to it, so a reader sees all of it or none. The least recently read
    ones are removed when the limit is passed.

    Args:
        directory: made when the first entry is written, for this user alone.
        limit: bytes of all entries together.
    """

    def __init__(self, directory: Path, *, limit: int) -> None:
        self._directory = directory
        self._limit = limit

    def get(self, key: str) -> bytes | None:
        """Return the data stored under a key, or None."""
        path = self._path(key)
        try:
            with path.open("rb") as file:
                if not self._is_ours(os.fstat(file.fileno())):
                    return None
                data = file.read()
            os.utime(path)
        except OSError:
            return None
        return data

    def put(self, key: str, data: bytes) -> None:
        """Keep data under a key, if that is possible."""
        if len(data) > self._limit:
            return
        with contextlib.suppress(OSError):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._is_ours(self._directory.stat()):
                return
            write_whole(self._path(key), data)
            self._make_room()

    def remove(self, key: str) -> None:
        """Delete what is stored under a key."""
        with contextlib.suppress(OSError):
            self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._directory / hashlib.sha256(key.encode("utf-8")).hexdigest()

    @staticmethod
    def _is_ours(status: os.stat_result) -> bool:
        """Return whether only this user could have written it: a description decides where credentials go."""
        if not hasattr(os, "getuid"):
            return True  # Windows: the user's profile is protected by its access list
        return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)

    def _make_room(self) -> None:
        found = []
        for entry in os.scandir(self._directory):
            with contextlib.suppress(OSError):  # removed by another process in the meantime
                status = entry.stat(follow_symlinks=False)
                if not entry.name.endswith(PART):
                    found.append((status.st_mtime, status.st_size, entry.path))
                elif status.st_mtime < time.time() - _ABANDONED:
                    Path(entry.path).unlink(missing_ok=True)
        excess = sum(size for _, size, _ in found) - self._limit
        for _, size, path in sorted(found):
            if excess <= 0:
                return
            with contextlib.suppress(OSError):
                Path(path).unlink(missing_ok=True)
            excess -= size


def _data(text: bytes) -> Any:
    """Plain data from JSON; msgspec is twice as fast, and does not know all that Python's own module writes."""
    try:
        return msgspec.json.decode(text)
    except msgspec.MsgspecError:
        return json.loads(text)


class ParsedDescriptions:
    """Plain data of documents by the SHA-256 of their bytes (``documents.sources.ParsedCache``).

    Args:
        directory: of all caches.
        limit: bytes of all entries together.
    """

    def __init__(self, directory: Path, *, limit: int = MAX_PARSED) -> None:
        self._store = DiskStore(directory / f"parsed-{_FORMAT}", limit=limit)

    def get(self, content_digest: str) -> Json | None:
        """The data, or None when it is not stored; an entry that cannot be read is removed."""
        text = self._store.get(content_digest)
        if text is None:
            return None
        try:
            kept: Json = _data(text)
        except (ValueError, RecursionError):
            self._store.remove(content_digest)
            return None
        return kept

    def put(self, content_digest: str, data: Json) -> None:
        """Keep the data, when it is large enough to be worth it."""
        try:
            text = msgspec.json.encode(data)
        except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):  # nothing that JSON gives back as it was
            return
        if len(text) >= WORTH_KEEPING:
            self._store.put(content_digest, text)
