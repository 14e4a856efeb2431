"""The events of a run, stored for reports that are asked for when it has ended.

That much is stored: the first events and the last ones of a run that polls a million times. Nothing is masked
before somebody looks, which costs a run that nobody looks at nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from arazzo_runner.engine.events import Attempt, AttemptFinished, AttemptStarted, Event
from arazzo_runner.engine.plan import Plan
from arazzo_runner.runtime.secrets.redaction import Redactor

FIRST, LAST = 1_000, 4_000
"""How many events are stored, of the beginning and of the end."""
MAX_BYTES = 32 * 1024 * 1024
"""Bytes of bodies that are stored of the end; the oldest go first."""


class RunHistory:
    """The events of one run.

    Attributes:
        plan: that was run.
        identity: of the run, or empty.
        left_out: how many events there were in between that are not stored.
    """

    def __init__(self, plan: Plan, redactor: Redactor, identity: str = "") -> None:
        self.plan = plan
        self.identity = identity
        self.left_out = 0
        self.redactor = redactor
        self._first: list[Event] = []
        self._last: deque[Event] = deque()
        self._bytes = 0

    @property
    def document(self) -> str:
        """The document's path or URL."""
        return self.plan.workflow.spot.document.path

    def take(self, event: Event) -> None:
        """Keep an event, as it is."""
        size = _size(event)
        if len(self._first) < FIRST and size + self._bytes <= MAX_BYTES:
            self._first.append(event)
            self._bytes += size
            return
        self._last.append(event)
        self._bytes += size
        while self._last and (len(self._last) > LAST or self._bytes > MAX_BYTES) and len(self._last) > 1:
            self._bytes -= _size(self._last.popleft())
            self.left_out += 1

    def events(self) -> Iterator[Event]:
        """Yield what is stored, secrets masked (S1)."""
        for event in (*self._first, *self._last):
            yield self.redactor.event(event)

    def attempts(self) -> Iterator[Attempt]:
        """Yield the attempts that are stored, secrets masked."""
        return (event.attempt for event in self.events() if isinstance(event, AttemptFinished))


def _size(event: Event) -> int:
    match event:
        case AttemptFinished(attempt):
            response = attempt.response.body if attempt.response is not None else b""
            exchanged = attempt.exchanged
            return len(response) + (len(exchanged.message.payload) if exchanged and exchanged.message else 0)
        case AttemptStarted():
            return len(event.request.body or b"")
        case _:
            return 0
