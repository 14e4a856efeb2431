"""The engine that a word or a path names."""

from __future__ import annotations

from pathlib import Path

from arazzo_runner.runtime.runners.handles import RunEngine
from arazzo_runner.runtime.runners.journal_engine import JournalEngine


def engine_of(word: RunEngine | str | Path | None) -> RunEngine:
    """Return the engine to use.

    Args:
        word: an engine, ``temporal://HOST:PORT/NAMESPACE``, or the path of a journal; None for the user's journal.

    Raises:
        UsageError: the address of a cluster is malformed.
    """
    if isinstance(word, str) and word.startswith("temporal:"):
        from arazzo_runner.runtime.runners.cluster_engine import TemporalEngine

        return TemporalEngine(word)
    return JournalEngine(word) if word is None or isinstance(word, (str, Path)) else word
