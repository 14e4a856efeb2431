"""The engines of durable runs that words name, and decisions about their requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from arazzo_runner.errors import UsageError

if TYPE_CHECKING:
    from arazzo_runner.cli.given.options import DecisionWords, EngineWords, JournalWords
    from arazzo_runner.runtime.decisions import Decision
    from arazzo_runner.runtime.runners.cluster_engine import TemporalEngine
    from arazzo_runner.runtime.runners.journal_engine import JournalEngine


def journal_engine(words: JournalWords) -> JournalEngine:
    """The journal to use."""
    from arazzo_runner.runtime.runners.journal_engine import JournalEngine

    return JournalEngine(words.journal, key=words.journal_key, trusted=words.trust_journal)


def temporal_engine(words: EngineWords) -> TemporalEngine:
    """The cluster to use; notices about its workers go to stderr.

    Raises:
        UsageError: its address is malformed.
    """
    from arazzo_runner.runtime.runners.cluster_engine import TemporalEngine

    return TemporalEngine(
        words.engine or "", key=words.engine_key or None, store=words.engine_store or None, notice=_notice
    )


def _notice(text: str, hint: str) -> None:
    click.echo(f"! {text}", err=True)
    click.echo(f"  hint: {hint}", err=True)


def tell_of_new_key(path: Path) -> None:
    """Say that a key was made."""
    click.echo(f"a new key is in {path}: every worker and client of these runs needs it", err=True)


def decision_of(words: DecisionWords) -> Decision:
    """Read the user's decision about a request whose answer is unknown.

    Raises:
        UsageError: ``--skip`` names no status, or a file that cannot be read.
    """
    from arazzo_runner.documents.files import MAX_DATA, read_file
    from arazzo_runner.effects import Response
    from arazzo_runner.runtime.decisions import Decision

    if not words.skip:
        return Decision(resend=words.resend, accept_missed=words.accept_missed)
    status, _, file = words.skip.partition("=")
    if not (status.isascii() and status.isdigit() and 100 <= int(status) <= 599) or file[:1] not in ("", "@"):
        hint = "write --skip 201, or --skip 201=@body.json"
        raise UsageError(f"--skip {words.skip!r}: expected a status, or STATUS=@FILE", hint=hint)
    if not file:
        return Decision(answer=Response(int(status)), with_body=False, accept_missed=words.accept_missed)
    try:
        answer = Response(int(status), body=read_file(file[1:], limit=MAX_DATA))
        return Decision(answer=answer, accept_missed=words.accept_missed)
    except OSError as error:
        raise UsageError(f"--skip {words.skip}: {error.strerror or error}") from None
