"""Rows of a journal: runs as lists show them, new runs, and the turns that are added to them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from arazzo_runner.runtime.durable.leases import Holder

OPEN = "open"


CANCELLED = "cancelled"


class RunRow(Struct, frozen=True):
    """A run as a list shows it.

    Attributes:
        batch, line: the batch that it belongs to and its line there, or None.
        status: ``open``, ``succeeded``, ``failed`` or ``cancelled``.
        reason: the code of why it failed or stopped, or None.
        step: the step that is, or was, at hand.
        due: until when it waits, or None.
        unsent: whether the request at hand is known not to have been sent.
        held: whether a process drives it.
    """

    id: str
    batch: str | None
    line: int | None
    workflow: str
    document: str
    status: str
    reason: str | None
    step: str | None
    attempts: int
    requests: int
    started: float
    updated: float
    due: float | None
    cancel: bool
    unsent: bool
    holder: Holder | None
    held: bool

    @property
    def shown(self) -> str:
        """The status for people: an open run is ``running``, or has ``stopped`` and can be resumed."""
        if self.status != OPEN:
            return self.status
        return "running" if self.held else "stopped"


class NewRun(Struct, frozen=True):
    """A run to be stored; ``setup`` and ``sources`` are sealed, the latter by the digest of their documents."""

    id: str
    workflow: str
    document: str
    setup: bytes
    sources: Sequence[tuple[str, bytes]]
    batch: str | None = None
    line: int | None = None


class Entry(Struct, frozen=True):
    """The additions of one turn to the journal.

    Attributes:
        run: the run's id.
        turn: its number, from 0.
        told: its events, sealed.
        state: what the run continues from, sealed; None when it has ended.
        parts: pieces of the state's parts that were not written before: part, place, and what is sealed.
        gone: the parts that the state has no more.
        status: ``open``, or how it ended.
        due: until when it waits, or None.
        sources: documents that this turn has read for the first time, sealed, by digest.
        documents: their content, by digest.
    """

    run: str
    turn: int
    told: bytes
    state: bytes | None
    parts: Sequence[tuple[int, int, bytes]] = ()
    gone: Sequence[int] = ()
    status: str = OPEN
    reason: str | None = None
    step: str | None = None
    attempts: int = 0
    requests: int = 0
    due: float | None = None
    sources: Sequence[tuple[str, bytes]] = ()
    documents: Sequence[tuple[str, bytes]] = ()
