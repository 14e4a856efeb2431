"""The user's directories for state, keys and caches: the XDG base directories, or Windows' own.

Our own twenty lines: importing ``platformdirs`` costs more than parsing a small document does (docs, "Decisions").
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

NAME = "arazzo-runner"


def state_directory(environ: Mapping[str, str]) -> Path | None:
    """Return the directory for what must outlive a program, or None for a user without a home."""
    return _directory(environ, "XDG_STATE_HOME", ".local/state")


def key_directory(environ: Mapping[str, str]) -> Path | None:
    """Return the directory for keys: not the journal's, so that a copy of the one does not bring the other."""
    return _directory(environ, "XDG_DATA_HOME", ".local/share")


def cache_directory(environ: Mapping[str, str]) -> Path | None:
    """Return the directory for caches, or None where ``ARAZZO_NO_CACHE`` turns them off."""
    if environ.get("ARAZZO_NO_CACHE", "0") not in ("", "0"):
        return None
    return _directory(environ, "XDG_CACHE_HOME", ".cache")


def _directory(environ: Mapping[str, str], variable: str, usual: str) -> Path | None:
    """A relative path is ignored, as the XDG specification asks; ``HOME=`` is not the root of the file system."""
    for name in (variable, "LOCALAPPDATA"):
        root = environ.get(name, "")
        if Path(root).is_absolute():
            return Path(root, NAME)
    if environ.get("HOME") == "":
        return None
    with suppress(RuntimeError):
        return Path.home() / usual / NAME
    return None
