"""What tests of durable runs on the command line share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal and a key of the test's own; return the journal's path."""
    path = tmp_path / "state" / "journal.db"
    monkeypatch.setenv("ARAZZO_JOURNAL", str(path))
    monkeypatch.setenv("ARAZZO_JOURNAL_KEY", str(tmp_path / "keys" / "journal.key"))
    monkeypatch.setenv("ARAZZO_NO_CACHE", "1")
    return path
