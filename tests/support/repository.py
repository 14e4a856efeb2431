"""Where the repository is, and what stands beside it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
"""Specifications, independent cases and public documents; tests that read them skip where they are absent."""
